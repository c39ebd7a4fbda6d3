/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Trying things out where they can do no harm: in a child process with raw system calls only, whose results
 * come back in shared memory, and which is killed when it takes too long. Host side.
 */

#include <stdint.h>

/** The child has not come to it, or nobody asked. */
#define CF_NOT_TRIED INT32_MIN

struct cf_try_ids {
    uint32_t uid, gid; /* of the caller, effective */
};

/** What a child does. @shared: its results; the rest is a copy. */
typedef void (*cf_try_fn)(void *shared, const void *arg);

/**
 * cf_try_run() - runs @fn in a child
 * @shared: @size bytes, copied to the child's memory before and back afterwards, also of a child that was
 * killed Return: 0; -ETIMEDOUT; -ECANCELED: it was killed by somebody else (a seccomp filter); or why there
 * was no child.
 */
int cf_try_run(cf_try_fn fn, const void *arg, void *shared, unsigned long size, int timeout_ms);

/**
 * cf_try_userns() - a user namespace in which 0 is @uid and @gid of the caller's
 * Also for children: raw system calls only. Its first process has ended when this returns.
 * @ret_step: what failed: "create", "map"
 * Return: an fd of it, or -errno.
 */
int cf_try_userns(uint32_t uid, uint32_t gid, const char **ret_step);
