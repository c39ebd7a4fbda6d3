/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which setting of the host forbids namespaces. Host side. */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define CF_WHY_KINDS 8
#define CF_WHY_ABSENT (-1)
#define CF_INIT_USERNS_INODE 0xEFFFFFFDU /* PROC_USER_INIT_INO: no other one has it */
#define CF_WHY_APPARMOR_REMEDY "set it to 0, or load an AppArmor profile for coffer that has the rule `userns,`"

/* What the host says; numbers are CF_WHY_ABSENT where there is no such setting. */
struct cf_userns_why {
    bool privileged;            /* the caller */
    bool in_userns;             /* the caller is in a user namespace other than the first */
    uint64_t flags;             /* CLONE_NEW* that were asked for */
    int64_t max[CF_WHY_KINDS];  /* user.max_*_namespaces: user, mnt, pid, net, ipc, uts, cgroup, time */
    int64_t unprivileged_clone; /* kernel.unprivileged_userns_clone (Debian) */
    int64_t apparmor_restrict;  /* kernel.apparmor_restrict_unprivileged_userns */
};

/** cf_userns_why_read() - the settings, after the kernel has refused */
void cf_userns_why_read(bool privileged, uint64_t flags, struct cf_userns_why *ret);

/**
 * cf_userns_why_judge() - the error for @what ("clone into new namespaces") that failed with @r
 * Pure. Codes: userns-limit, userns-forbidden, else system-call with a hint. Return: @r.
 */
int cf_userns_why_judge(const struct cf_userns_why *why, int r, const char *what, struct cf_err *err);

/** Both. Return: @r. */
int cf_userns_why_not(bool privileged, uint64_t flags, int r, const char *what, struct cf_err *err);

/**
 * cf_userns_why_late() - a hint for what failed after the first process was there
 * A namespace that is made later meets the same limits. AppArmor may allow a user namespace and then no right in it: the
 * first thing that init does fails. Only if the error has no hint yet.
 */
void cf_userns_why_late(bool privileged, uint64_t flags, struct cf_err *err);
/** Its pure half. */
void cf_userns_why_late_judge(const struct cf_userns_why *why, struct cf_err *err);
