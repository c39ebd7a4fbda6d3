/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * System calls on processes, threads, signals, time and namespaces. Both sides. They act on the
 * calling thread where the kernel does (setns, unshare, prctl): the C library's view of the
 * process (cached ids, cancellation) is not informed.
 */

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "sys/syscall.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef CF_PIDFD_NONBLOCK
#define CF_PIDFD_NONBLOCK 00004000 /* O_NONBLOCK */
#endif

/* struct clone_args up to `cgroup` (kernel 5.7, version 2), whatever the installed headers have. */
struct cf_clone_args {
    uint64_t flags;
    uint64_t pidfd;        /* int * */
    uint64_t child_tid;
    uint64_t parent_tid;
    uint64_t exit_signal;
    uint64_t stack;
    uint64_t stack_size;
    uint64_t tls;
    uint64_t set_tid;
    uint64_t set_tid_size;
    uint64_t cgroup;       /* fd, with CLONE_INTO_CGROUP */
};

/* For sched_setattr(2): version 1 of the kernel's struct, named apart from any C library's. */
struct cf_sched_attr {
    uint32_t size;
    uint32_t sched_policy;
    uint64_t sched_flags;
    int32_t sched_nice;
    uint32_t sched_priority;
    uint64_t sched_runtime;
    uint64_t sched_deadline;
    uint64_t sched_period;
    uint32_t sched_util_min;
    uint32_t sched_util_max;
};

/* The kernel's struct sigaction. Only SIG_DFL and SIG_IGN: a handler would need a restorer. */
struct cf_ksigaction {
    void (*handler)(int);
    unsigned long flags;
#if defined(__x86_64__) || defined(__aarch64__) || defined(__powerpc64__) || defined(__s390x__)
    void (*restorer)(void);
#endif
    uint64_t mask;
};

/*
 * Without CLONE_VM the child returns 0 here on its own copy of the stack, like fork(2). No atfork
 * handlers run and the C library of the child is as another thread may have left it: the child
 * calls nothing but these wrappers.
 */
static inline int cf_sys_clone3(const struct cf_clone_args *args, size_t size)
{
    return (int) cf_syscall2(__NR_clone3, (long) args, (long) size);
}

/*
 * The old clone(2) without a new stack, for code that runs under the container's seccomp filter:
 * common profiles answer clone3 with ENOSYS, because a filter cannot see its arguments. The low
 * byte of @flags is the exit signal. @ret_pidfd with CLONE_PIDFD, else NULL.
 */
static inline int cf_sys_clone(unsigned long flags, int *ret_pidfd)
{
#if defined(__s390x__)
    return (int) cf_syscall5(__NR_clone, 0, (long) flags, (long) ret_pidfd, 0, 0);
#else
    return (int) cf_syscall5(__NR_clone, (long) flags, 0, (long) ret_pidfd, 0, 0);
#endif
}

/* fork with extra CLONE_* flags, and the pidfd if @ret_pidfd is not NULL. */
static inline int cf_sys_fork(uint64_t flags, int *ret_pidfd)
{
    struct cf_clone_args args = {
        .flags = flags | (ret_pidfd ? CLONE_PIDFD : 0),
        .pidfd = (uint64_t) (uintptr_t) ret_pidfd,
        .exit_signal = SIGCHLD,
    };

    return cf_sys_clone3(&args, sizeof(args));
}

static inline int cf_sys_execve(const char *path, char *const argv[], char *const envp[])
{
    return (int) cf_syscall3(__NR_execve, (long) path, (long) argv, (long) envp);
}

static inline int cf_sys_execveat(int dirfd, const char *path, char *const argv[],
                                  char *const envp[], int flags)
{
    return (int) cf_syscall5(__NR_execveat, dirfd, (long) path, (long) argv, (long) envp, flags);
}

__attribute__((noreturn)) static inline void cf_sys_exit_group(int status)
{
    for (;;)
        (void) cf_syscall1(__NR_exit_group, status);
}

/* Ends this thread only. */
__attribute__((noreturn)) static inline void cf_sys_exit(int status)
{
    for (;;)
        (void) cf_syscall1(__NR_exit, status);
}

static inline int cf_sys_wait4(int pid, int *status, int options, struct rusage *usage)
{
    return (int) cf_syscall4(__NR_wait4, pid, (long) status, options, (long) usage);
}

static inline int cf_sys_waitid(int which, int id, siginfo_t *info, int options,
                                struct rusage *usage)
{
    return (int) cf_syscall5(__NR_waitid, which, id, (long) info, options, (long) usage);
}

static inline int cf_sys_pidfd_open(int pid, unsigned int flags)
{
    return (int) cf_syscall2(__NR_pidfd_open, pid, (long) flags);
}

static inline int cf_sys_pidfd_send_signal(int pidfd, int sig, siginfo_t *info, unsigned int flags)
{
    return (int) cf_syscall4(__NR_pidfd_send_signal, pidfd, sig, (long) info, (long) flags);
}

static inline int cf_sys_pidfd_getfd(int pidfd, int targetfd, unsigned int flags)
{
    return (int) cf_syscall3(__NR_pidfd_getfd, pidfd, targetfd, (long) flags);
}

static inline int cf_sys_kill(int pid, int sig)
{
    return (int) cf_syscall2(__NR_kill, pid, sig);
}

static inline int cf_sys_tgkill(int tgid, int tid, int sig)
{
    return (int) cf_syscall3(__NR_tgkill, tgid, tid, sig);
}

static inline int cf_sys_getpid(void)
{
    return (int) cf_syscall0(__NR_getpid);
}

static inline int cf_sys_gettid(void)
{
    return (int) cf_syscall0(__NR_gettid);
}

static inline int cf_sys_getppid(void)
{
    return (int) cf_syscall0(__NR_getppid);
}

static inline int cf_sys_setsid(void)
{
    return (int) cf_syscall0(__NR_setsid);
}

static inline int cf_sys_setpgid(int pid, int pgid)
{
    return (int) cf_syscall2(__NR_setpgid, pid, pgid);
}

static inline int cf_sys_setns(int fd, int nstype)
{
    return (int) cf_syscall2(__NR_setns, fd, nstype);
}

static inline int cf_sys_unshare(unsigned long flags)
{
    return (int) cf_syscall1(__NR_unshare, (long) flags);
}

static inline int cf_sys_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                               unsigned long d)
{
    return (int) cf_syscall5(__NR_prctl, option, (long) a, (long) b, (long) c, (long) d);
}

/* struct rlimit of the C library is two 64 bit words on every 64 bit architecture. */
static inline int cf_sys_prlimit64(int pid, int resource, const struct rlimit *new_limit,
                                   struct rlimit *old_limit)
{
    return (int) cf_syscall4(__NR_prlimit64, pid, resource, (long) new_limit, (long) old_limit);
}

static inline int cf_sys_setpriority(int which, int who, int prio)
{
    return (int) cf_syscall3(__NR_setpriority, which, who, prio);
}

static inline int cf_sys_sched_setattr(int pid, const struct cf_sched_attr *attr,
                                       unsigned int flags)
{
    return (int) cf_syscall3(__NR_sched_setattr, pid, (long) attr, (long) flags);
}

static inline int cf_sys_sched_setaffinity(int pid, size_t size, const void *mask)
{
    return (int) cf_syscall3(__NR_sched_setaffinity, pid, (long) size, (long) mask);
}

/* The number of bytes written. */
static inline int cf_sys_sched_getaffinity(int pid, size_t size, void *mask)
{
    return (int) cf_syscall3(__NR_sched_getaffinity, pid, (long) size, (long) mask);
}

static inline int cf_sys_ioprio_set(int which, int who, int ioprio)
{
    return (int) cf_syscall3(__NR_ioprio_set, which, who, ioprio);
}

static inline int cf_sys_ioprio_get(int which, int who)
{
    return (int) cf_syscall2(__NR_ioprio_get, which, who);
}

static inline int cf_sys_personality(unsigned long persona)
{
    return (int) cf_syscall1(__NR_personality, (long) persona);
}

static inline int cf_sys_set_mempolicy(int mode, const uint64_t *nodemask, unsigned long maxnode)
{
    return (int) cf_syscall3(__NR_set_mempolicy, mode, (long) nodemask, (long) maxnode);
}

static inline int cf_sys_sethostname(const char *name, size_t len)
{
    return (int) cf_syscall2(__NR_sethostname, (long) name, (long) len);
}

static inline int cf_sys_setdomainname(const char *name, size_t len)
{
    return (int) cf_syscall2(__NR_setdomainname, (long) name, (long) len);
}

static inline int cf_sys_uname(struct utsname *ret)
{
    return (int) cf_syscall1(__NR_uname, (long) ret);
}

/* For bounded waits between retries and for tests; never to wait for an event. */
static inline int cf_sys_clock_nanosleep(int clock, int flags, const struct timespec *request,
                                         struct timespec *remain)
{
    return (int) cf_syscall4(__NR_clock_nanosleep, clock, flags, (long) request, (long) remain);
}

static inline int cf_sys_sched_yield(void)
{
    return (int) cf_syscall0(__NR_sched_yield);
}

static inline int cf_sys_nanosleep(const struct timespec *request, struct timespec *remain)
{
    return cf_sys_clock_nanosleep(CLOCK_MONOTONIC, 0, request, remain);
}

static inline int cf_sys_clock_gettime(int clock, struct timespec *ret)
{
    return (int) cf_syscall2(__NR_clock_gettime, clock, (long) ret);
}

/* Masks are 64 bits of the kernel: bit (signal - 1). NULL allowed. */
static inline int cf_sys_rt_sigprocmask(int how, const uint64_t *set, uint64_t *old)
{
    return (int) cf_syscall4(__NR_rt_sigprocmask, how, (long) set, (long) old, 8);
}

static inline int cf_sys_rt_sigaction(int sig, const struct cf_ksigaction *act,
                                      struct cf_ksigaction *old)
{
    return (int) cf_syscall4(__NR_rt_sigaction, sig, (long) act, (long) old, 8);
}

static inline int cf_sys_signalfd4(int fd, const uint64_t *mask, int flags)
{
    return (int) cf_syscall4(__NR_signalfd4, fd, (long) mask, 8, flags);
}

/* Signals that were pending: takes one out, info may be NULL. */
static inline int cf_sys_rt_sigtimedwait(const uint64_t *set, siginfo_t *info,
                                         const struct timespec *timeout)
{
    return (int) cf_syscall4(__NR_rt_sigtimedwait, (long) set, (long) info, (long) timeout, 8);
}

static inline long cf_sys_keyctl(int operation, unsigned long a, unsigned long b, unsigned long c,
                                 unsigned long d)
{
    return cf_syscall5(__NR_keyctl, operation, (long) a, (long) b, (long) c, (long) d);
}

static inline int cf_sys_seccomp(unsigned int operation, unsigned int flags, const void *args)
{
    return (int) cf_syscall3(__NR_seccomp, (long) operation, (long) flags, (long) args);
}

/* Linux 5.13; by number where headers are older. One number on every architecture. */
#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#endif
static inline int cf_sys_landlock_create_ruleset(const void *attr, size_t size, uint32_t flags)
{
    return (int) cf_syscall3(__NR_landlock_create_ruleset, (long) attr, (long) size, (long) flags);
}

/* @attr: union bpf_attr of <linux/bpf.h> */
static inline int cf_sys_bpf(int cmd, void *attr, unsigned int size)
{
    return (int) cf_syscall3(__NR_bpf, cmd, (long) attr, (long) size);
}

static inline long cf_sys_getrandom(void *buf, size_t size, unsigned int flags)
{
    return cf_syscall3(__NR_getrandom, (long) buf, (long) size, (long) flags);
}
