/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Waiting between create and start. Init holds the listening start.sock and nothing else of the
 * host. It ends by START, or by a signal that would end a process without handlers; signals are
 * blocked all the time, so that even as the first process of a pid namespace, which the kernel
 * protects from its own children's signals only while they are unblocked, it obeys `kill`.
 *
 * The socket's directory is open to its owner alone: who connects is the runtime. But probers
 * connect and close at once, and a client that hangs must not keep a later `start` waiting.
 * Container side, freestanding.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/signalfd.h>

#include "init/init-internal.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"

#define MAX_PENDING 4
#define PAGE 4096u
#define STACK_RELEASED (64u * PAGE)

enum {
    POLL_SIGNALS,
    POLL_GATE,
    POLL_PENDING, /* first of at most MAX_PENDING connections, oldest first */
};

bool cf_gate_child_ends(int signo)
{
    switch (signo) {
    case SIGCHLD:
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
        return false;
    default:
        return signo > 0 && signo <= 64;
    }
}

/* What was left behind by hooks comes to us when we are the first of a pid namespace. */
static void reap(void)
{
    int status;

    while (cf_sys_wait4(-1, &status, WNOHANG | __WALL, NULL) > 0)
        ;
}

static void take_signals(int signal_fd)
{
    struct signalfd_siginfo info;

    while (cf_sys_read(signal_fd, &info, sizeof(info)) == (long) sizeof(info)) {
        if (cf_gate_child_ends((int) info.ssi_signo))
            cf_sys_exit_group(128 + (int) info.ssi_signo);
        if (info.ssi_signo == SIGCHLD)
            reap();
    }
}

/* Return: 1 for START, 0 when nothing came yet, -1 when this connection is of no use. */
static int look(int fd)
{
    struct cf_msg msg;
    int r = cf_msg_recv(fd, &msg);

    if (r == -EAGAIN)
        return 0;
    if (r <= 0)
        return -1;
    cf_msg_done(&msg);
    return msg.type == CF_MSG_START ? 1 : -1;
}

static void forget(struct pollfd *fds, size_t *n, size_t i)
{
    (void) cf_sys_close(fds[i].fd);
    for (; i + 1 < *n; i++)
        fds[i] = fds[i + 1];
    (*n)--;
}

/* Return: the connection that sent START, or -1. */
static int look_pending(struct pollfd *fds, size_t *n)
{
    for (size_t i = POLL_PENDING; i < *n;) {
        int r = fds[i].revents ? look(fds[i].fd) : 0;

        if (r > 0)
            return fds[i].fd;
        if (r < 0)
            forget(fds, n, i);
        else
            i++;
    }
    return -1;
}

/* Return: the new connection if it has sent START already, -1, or another -errno of accept. */
static int take_connection(struct pollfd *fds, size_t *n)
{
    int fd = cf_sys_accept4(fds[POLL_GATE].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    int r;

    if (fd < 0)
        return fd == -EAGAIN || fd == -ECONNABORTED || fd == -EINTR || fd == -EPERM ? -1 : fd;
    r = look(fd);
    if (r > 0)
        return fd;
    if (r < 0) {
        (void) cf_sys_close(fd);
        return -1;
    }
    /* The oldest silent one goes, unless it speaks just now. */
    if (*n == POLL_PENDING + MAX_PENDING) {
        if (look(fds[POLL_PENDING].fd) > 0) {
            (void) cf_sys_close(fd);
            return fds[POLL_PENDING].fd;
        }
        forget(fds, n, POLL_PENDING);
    }
    fds[(*n)++] = (struct pollfd){.fd = fd, .events = POLLIN};
    return -1;
}

static int finish(struct cf_init *in, struct pollfd *fds, size_t n, int fd, struct cf_err *err)
{
    int r;

    for (size_t i = 0; i < n; i++) {
        if (fds[i].fd != fd && i != POLL_GATE)
            (void) cf_sys_close(fds[i].fd);
    }
    in->report_fd = fd;
    r = cf_sys_fcntl(fd, F_SETFL, O_RDWR); /* blocking from now on */
    return r < 0 ? cf_err_sys(err, r, "prepare the connection of start") : 0;
}

/* The stack that the construction used and nothing needs now: some tens of KiB of each waiting
 * container. What lies right below this frame is left alone. */
static void release_stack(void)
{
    uintptr_t end = ((uintptr_t) __builtin_frame_address(0) & ~(uintptr_t) (PAGE - 1)) - PAGE;

    (void) cf_sys_madvise((void *) (end - STACK_RELEASED), STACK_RELEASED, MADV_DONTNEED);
}

int cf_gate_child_wait(struct cf_init *in, struct cf_err *err)
{
    struct pollfd fds[POLL_PENDING + MAX_PENDING];
    const uint64_t all = ~(uint64_t) 0;
    size_t n = POLL_PENDING;
    int fd, r;

    r = cf_sys_signalfd4(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (r < 0)
        return cf_err_sys(err, r, "make a file descriptor for signals");
    release_stack();
    fds[POLL_SIGNALS] = (struct pollfd){.fd = r, .events = POLLIN};
    fds[POLL_GATE] = (struct pollfd){.fd = in->gate_fd, .events = POLLIN};

    for (;;) {
        r = cf_sys_ppoll(fds, n, NULL);
        if (r == -EINTR)
            continue;
        if (r < 0)
            return cf_err_sys(err, r, "wait for start");
        if (fds[POLL_SIGNALS].revents)
            take_signals(fds[POLL_SIGNALS].fd);
        fd = look_pending(fds, &n);
        if (fd >= 0)
            return finish(in, fds, n, fd, err);
        if (!fds[POLL_GATE].revents)
            continue;
        fd = take_connection(fds, &n);
        if (fd >= 0)
            return finish(in, fds, n, fd, err);
        if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS)
            (void) cf_sys_nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        else if (fd != -1)
            return cf_err_sys(err, fd, "accept a connection of start");
    }
}
