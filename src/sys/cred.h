/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Ids, groups and capabilities of the calling THREAD: raw calls, no broadcast to other threads as
 * the C library does. That is wanted (D3: one thread changes its id for one clone3). Both sides.
 */

#include <linux/capability.h>
#include <stddef.h>

#include "sys/syscall.h"

static inline uint32_t cf_sys_getuid(void)
{
    return (uint32_t) cf_syscall0(__NR_getuid);
}

static inline uint32_t cf_sys_geteuid(void)
{
    return (uint32_t) cf_syscall0(__NR_geteuid);
}

static inline uint32_t cf_sys_getgid(void)
{
    return (uint32_t) cf_syscall0(__NR_getgid);
}

static inline uint32_t cf_sys_getegid(void)
{
    return (uint32_t) cf_syscall0(__NR_getegid);
}

static inline int cf_sys_getresuid(uint32_t *ruid, uint32_t *euid, uint32_t *suid)
{
    return (int) cf_syscall3(__NR_getresuid, (long) ruid, (long) euid, (long) suid);
}

static inline int cf_sys_getresgid(uint32_t *rgid, uint32_t *egid, uint32_t *sgid)
{
    return (int) cf_syscall3(__NR_getresgid, (long) rgid, (long) egid, (long) sgid);
}

/* (uint32_t) -1 leaves an id unchanged: refuse it in input. */
static inline int cf_sys_setresuid(uint32_t ruid, uint32_t euid, uint32_t suid)
{
    return (int) cf_syscall3(__NR_setresuid, (long) ruid, (long) euid, (long) suid);
}

static inline int cf_sys_setresgid(uint32_t rgid, uint32_t egid, uint32_t sgid)
{
    return (int) cf_syscall3(__NR_setresgid, (long) rgid, (long) egid, (long) sgid);
}

/* Returns the previous id, never an error: call with (uint32_t) -1 to read. */
static inline uint32_t cf_sys_setfsuid(uint32_t uid)
{
    return (uint32_t) cf_syscall1(__NR_setfsuid, (long) uid);
}

static inline uint32_t cf_sys_setfsgid(uint32_t gid)
{
    return (uint32_t) cf_syscall1(__NR_setfsgid, (long) gid);
}

static inline int cf_sys_setgroups(size_t n, const uint32_t *groups)
{
    return (int) cf_syscall2(__NR_setgroups, (long) n, (long) groups);
}

static inline int cf_sys_getgroups(int n, uint32_t *groups)
{
    return (int) cf_syscall2(__NR_getgroups, n, (long) groups);
}

static inline int cf_sys_capget(struct __user_cap_header_struct *hdr,
                                struct __user_cap_data_struct *data)
{
    return (int) cf_syscall2(__NR_capget, (long) hdr, (long) data);
}

static inline int cf_sys_capset(struct __user_cap_header_struct *hdr,
                                const struct __user_cap_data_struct *data)
{
    return (int) cf_syscall2(__NR_capset, (long) hdr, (long) data);
}

/* The three sets of @pid (0: this thread) as 64 bit masks. */
static inline int cf_sys_capget64(int pid, uint64_t *effective, uint64_t *permitted,
                                  uint64_t *inheritable)
{
    struct __user_cap_header_struct hdr = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
    struct __user_cap_data_struct data[2];
    int r = cf_sys_capget(&hdr, data);

    if (r < 0)
        return r;
    *effective = data[0].effective | (uint64_t) data[1].effective << 32;
    *permitted = data[0].permitted | (uint64_t) data[1].permitted << 32;
    *inheritable = data[0].inheritable | (uint64_t) data[1].inheritable << 32;
    return 0;
}

/* Of this thread. */
static inline int cf_sys_capset64(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct hdr = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t) effective, (uint32_t) permitted, (uint32_t) inheritable},
        {(uint32_t) (effective >> 32), (uint32_t) (permitted >> 32),
         (uint32_t) (inheritable >> 32)},
    };

    return cf_sys_capset(&hdr, data);
}
