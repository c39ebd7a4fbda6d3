/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The words of linux.seccomp: one table each, also printed by `features`. Host side, pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cf_seccomp_name {
    const char *name;
    uint32_t value;
    const char *library; /* architectures: libseccomp's name */
};

/* enum scmp_compare has the same numbers; seccomp-build.c asserts it. */
enum cf_seccomp_op {
    CF_SECCOMP_OP_NE = 1,
    CF_SECCOMP_OP_LT,
    CF_SECCOMP_OP_LE,
    CF_SECCOMP_OP_EQ,
    CF_SECCOMP_OP_GE,
    CF_SECCOMP_OP_GT,
    CF_SECCOMP_OP_MASKED_EQ,
};

/** Tables; *ret_n entries. Values: SECCOMP_RET_* without data, enum cf_seccomp_op, unused, SECCOMP_FILTER_FLAG_*. */
const struct cf_seccomp_name *cf_seccomp_actions(size_t *ret_n);
const struct cf_seccomp_name *cf_seccomp_ops(size_t *ret_n);
const struct cf_seccomp_name *cf_seccomp_archs(size_t *ret_n);
const struct cf_seccomp_name *cf_seccomp_flags(size_t *ret_n);

/** Entry of a table, or NULL. */
const struct cf_seccomp_name *cf_seccomp_find(const struct cf_seccomp_name *table, size_t n, const char *name);

/** SECCOMP_RET_* with data for a word that cf_seccomp_check() has accepted. */
uint32_t cf_seccomp_action(const char *name, bool has_errno, uint32_t errno_ret);

/** Does the running kernel take this SECCOMP_FILTER_FLAG_*? Asks it, without effect. */
bool cf_seccomp_flag_available(uint32_t flag);
