/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A user namespace that only stands for a map: mount_setattr(2) wants one. A child of ours is born in it,
 * touches nothing and ends when the maps are written; what stays is the fd. (rule U16) Host side.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/format.h"
#include "base/own.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"
#include "userns/userns-internal.h"
#include "userns/userns-why.h"
#include "userns/userns.h"
#include "wire/msg.h"

/*
 * Raw system calls only; hands out its namespace, then stays until nobody holds the other end. Never returns.
 * Whoever else would open it needs CAP_SYS_PTRACE as soon as the runtime is not dumpable.
 */
static void bearer(int sock)
{
    char byte;
    int fd;

    if (sock > 0)
        (void) cf_sys_close_range(0, (unsigned int) sock - 1, 0);
    (void) cf_sys_close_range((unsigned int) sock + 1, ~0U, 0);
    fd = cf_sys_openat(AT_FDCWD, "/proc/self/ns/user", O_RDONLY | O_CLOEXEC, 0);
    (void) cf_msg_send(sock, CF_MSG_FDS, &fd, sizeof(fd), fd < 0 ? NULL : &fd, fd < 0 ? 0 : 1);
    while (cf_sys_read(sock, &byte, 1) == -EINTR)
        ;
    cf_sys_exit_group(0);
}

static int start_bearer(int sock, int *ret_pidfd)
{
    uint64_t all = ~0ULL, old;
    int pid;

    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &all, &old);
    pid = cf_sys_fork(CLONE_NEWUSER | CLONE_CLEAR_SIGHAND, ret_pidfd);
    if (pid == 0)
        bearer(sock);
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &old, NULL);
    return pid;
}

int cf_userns_open(pid_t pid, struct cf_err *err)
{
    cf_auto_fd int proc_fd = cf_userns_open_proc(pid, err);
    int fd;

    if (proc_fd < 0)
        return proc_fd;
    fd = cf_sys_openat(proc_fd, "ns/user", O_RDONLY | O_CLOEXEC, 0);
    return fd < 0 ? cf_err_sys(err, fd, "open the user namespace of process %d", (int) pid) : fd;
}

static int take_namespace(int sock, struct cf_err *err)
{
    struct cf_msg msg;
    int fd = -EPIPE, r = cf_msg_recv(sock, &msg);

    if (r > 0) {
        if (msg.type == CF_MSG_FDS && msg.n_fds == 1) {
            fd = msg.fds[0];
            msg.fds[0] = -1;
        } else if (msg.len == sizeof(fd)) {
            memcpy(&fd, msg.payload, sizeof(fd));
            fd = fd < 0 ? fd : -EPROTO;
        }
        cf_msg_done(&msg);
    }
    return fd < 0 ? cf_err_sys(err, fd, "open the user namespace of the mapping") : fd;
}

int cf_userns_map_fd(const struct cf_idmap *uids, const struct cf_idmap *gids, struct cf_err *err)
{
    const struct cf_userns_plan plan = {.mode = CF_USERNS_NEW, .uids = *uids, .gids = *gids};
    cf_auto_fd int ours = -EBADF, theirs = -EBADF, pidfd = -EBADF;
    siginfo_t info;
    int fds[2], pid, r;

    r = cf_sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds);
    if (r < 0)
        return cf_err_sys(err, r, "make a socket pair");
    ours = fds[0];
    theirs = fds[1];
    pid = start_bearer(theirs, &pidfd);
    if (pid < 0)
        return cf_userns_why_not(true, CLONE_NEWUSER, pid, "make a user namespace for the mapping", err);
    cf_fd_close(&theirs);
    r = cf_userns_write_maps(&plan, pid, err);
    if (r >= 0)
        r = take_namespace(ours, err);
    err->field[0] = '\0'; /* it was of the container's own lists */
    cf_fd_close(&ours); /* end of file: it may go */
    while (cf_sys_waitid(P_PIDFD, pidfd, &info, WEXITED, NULL) == -EINTR)
        ;
    return r;
}
