/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor of `exec`: joins all namespaces in one call, is born in the container's cgroup, drops
 * what the default container lacks, and executes. Runs on the host until the clone.
 */
#include "floor.h"
#include "floor-sys.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <signal.h>

__attribute__((noreturn)) static void exec_child(const struct floor *f)
{
    static const char *const env[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm", 0};
    const char *const argv[] = {f->program, 0};

    need(sys(SYS_setsid), "setsid");
    if (f->userns) {
        need(sys(SYS_setgroups, 0, 0), "setgroups");
        need(sys(SYS_setresgid, 0, 0, 0), "setresgid");
        need(sys(SYS_setresuid, 0, 0, 0), "setresuid");
    }
    floor_drop_capabilities();
    need(sys(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
    need(sys(SYS_close_range, 3, ~0U, 4 /* CLOEXEC */), "close_range");
    if (f->filter.len)
        need(sys(SYS_seccomp, 1 /* SECCOMP_SET_MODE_FILTER */, 0, &f->filter), "seccomp");
    need(sys(SYS_execve, f->program, argv, env), "execve");
    __builtin_unreachable();
}

int floor_exec(const struct floor *f, long pidfd, const char *cgroup)
{
    unsigned long spaces = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                           CLONE_NEWCGROUP | (f->userns ? CLONE_NEWUSER : 0);
    struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
    long cgroup_fd = sys(SYS_openat, AT_FDCWD, cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long pid;
    int status = 0;

    need(cgroup_fd, "cgroup");
    need(sys(SYS_setns, pidfd, spaces), "setns");
    args.cgroup = (uint64_t) cgroup_fd;
    pid = sys(SYS_clone3, &args, sizeof(args));
    if (pid == 0)
        exec_child(f);
    need(pid, "clone3");
    need(sys(SYS_wait4, pid, &status, 0, 0), "wait4");
    return status & 0x7f ? 128 + (status & 0x7f) : status >> 8 & 0xff;
}
