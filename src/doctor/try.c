/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Children for experiments. Host side; what runs in a child makes raw system calls only. */

#include "doctor/try.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/format.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"

/* After SIGKILL: a process that waits for a dead server may never go; its zombie is not worth the wait. */
#define AFTER_KILL_MS 50

/* A copy of this process that runs no handler of the caller's and ends with the thread that made it. */
static int fork_quiet(uint64_t flags, int *ret_pidfd)
{
    uint64_t all = ~0ULL, none = 0, old;
    int pid;

    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &all, &old);
    pid = cf_sys_fork(flags | CLONE_CLEAR_SIGHAND, ret_pidfd);
    if (pid == 0) {
        (void) cf_sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &none, NULL);
        return 0;
    }
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &old, NULL);
    return pid;
}

/* Return: 0: it has ended by itself, -ECANCELED: by a signal, -ETIMEDOUT. */
static int reap(int pidfd, int timeout_ms)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int64_t end = cf_clock_monotonic_ms() + timeout_ms;
    siginfo_t info;
    int r, left = timeout_ms;

    do {
        r = cf_sys_poll(&p, 1, left);
        left = (int) (end - cf_clock_monotonic_ms());
    } while (r == -EINTR && left > 0);
    if (r <= 0)
        return -ETIMEDOUT;
    memset(&info, 0, sizeof(info));
    if (cf_sys_waitid(P_PIDFD, pidfd, &info, WEXITED, NULL) < 0)
        return 0; /* the caller of the library has let the kernel reap its children */
    return info.si_code == CLD_EXITED ? 0 : -ECANCELED;
}

static void end_child(int pidfd)
{
    (void) cf_sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    (void) reap(pidfd, AFTER_KILL_MS);
    (void) cf_sys_close(pidfd);
}

int cf_try_run(cf_try_fn fn, const void *arg, void *shared, unsigned long size, int timeout_ms)
{
    long map = cf_sys_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int pidfd, pid, r;

    if (cf_sys_is_error(map))
        return (int) map;
    memcpy((void *) map, shared, size);
    pid = fork_quiet(0, &pidfd);
    if (pid == 0) {
        fn((void *) map, arg);
        cf_sys_exit_group(0);
    }
    if (pid > 0) {
        r = reap(pidfd, timeout_ms);
        if (r == -ETIMEDOUT)
            end_child(pidfd);
        else
            (void) cf_sys_close(pidfd);
        memcpy(shared, (void *) map, size);
    } else {
        r = pid;
    }
    (void) cf_sys_munmap((void *) map, size);
    return r;
}

static int write_proc(int pid, const char *name, const char *text)
{
    char path[64];
    long n;
    int fd;

    (void) cf_format(path, sizeof(path), "/proc/%d/%s", pid, name);
    fd = cf_sys_openat(AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    n = cf_sys_write(fd, text, strlen(text));
    (void) cf_sys_close(fd);
    return n < 0 ? (int) n : 0;
}

static int write_map(int pid, const char *name, uint32_t id)
{
    char text[32];
    int r;

    (void) cf_format(text, sizeof(text), "0 %u 1", id);
    r = write_proc(pid, name, text);
    /* In a container without CAP_SETFCAP the own root cannot be mapped, but others can. */
    return r == -EPERM && id == 0 ? write_proc(pid, name, "0 1 1") : r;
}

int cf_try_userns(uint32_t uid, uint32_t gid, const char **ret_step)
{
    const struct timespec long_enough = {.tv_sec = 2};
    char path[64];
    int pidfd, pid, r;

    *ret_step = "create";
    pid = fork_quiet(CLONE_NEWUSER, &pidfd);
    if (pid < 0)
        return pid;
    if (pid == 0) {
        (void) cf_sys_nanosleep(&long_enough, NULL);
        cf_sys_exit_group(0);
    }
    *ret_step = "map";
    r = write_proc(pid, "setgroups", "deny");
    if (r >= 0)
        r = write_map(pid, "gid_map", gid);
    if (r >= 0)
        r = write_map(pid, "uid_map", uid);
    if (r >= 0) {
        (void) cf_format(path, sizeof(path), "/proc/%d/ns/user", pid);
        r = cf_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    }
    end_child(pidfd);
    return r;
}
