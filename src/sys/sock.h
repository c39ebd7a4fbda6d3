/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sockets and poll. Both sides. Send with MSG_NOSIGNAL, receive with MSG_CMSG_CLOEXEC. */

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "sys/syscall.h"

static inline int cf_sys_socket(int domain, int type, int protocol)
{
    return (int) cf_syscall3(__NR_socket, domain, type, protocol);
}

static inline int cf_sys_socketpair(int domain, int type, int protocol, int fds[2])
{
    return (int) cf_syscall4(__NR_socketpair, domain, type, protocol, (long) fds);
}

static inline int cf_sys_bind(int fd, const void *addr, size_t len)
{
    return (int) cf_syscall3(__NR_bind, fd, (long) addr, (long) len);
}

static inline int cf_sys_connect(int fd, const void *addr, size_t len)
{
    return (int) cf_syscall3(__NR_connect, fd, (long) addr, (long) len);
}

static inline int cf_sys_listen(int fd, int backlog)
{
    return (int) cf_syscall2(__NR_listen, fd, backlog);
}

static inline int cf_sys_accept4(int fd, void *addr, socklen_t *len, int flags)
{
    return (int) cf_syscall4(__NR_accept4, fd, (long) addr, (long) len, flags);
}

static inline int cf_sys_getsockname(int fd, void *addr, socklen_t *len)
{
    return (int) cf_syscall3(__NR_getsockname, fd, (long) addr, (long) len);
}

static inline long cf_sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    return cf_syscall3(__NR_sendmsg, fd, (long) msg, flags);
}

static inline long cf_sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
    return cf_syscall3(__NR_recvmsg, fd, (long) msg, flags);
}

static inline long cf_sys_sendto(int fd, const void *buf, size_t len, int flags, const void *addr,
                                 size_t addr_len)
{
    return cf_syscall6(__NR_sendto, fd, (long) buf, (long) len, flags, (long) addr,
                       (long) addr_len);
}

static inline long cf_sys_recvfrom(int fd, void *buf, size_t len, int flags, void *addr,
                                   socklen_t *addr_len)
{
    return cf_syscall6(__NR_recvfrom, fd, (long) buf, (long) len, flags, (long) addr,
                       (long) addr_len);
}

static inline int cf_sys_shutdown(int fd, int how)
{
    return (int) cf_syscall2(__NR_shutdown, fd, how);
}

static inline int cf_sys_setsockopt(int fd, int level, int name, const void *value, size_t len)
{
    return (int) cf_syscall5(__NR_setsockopt, fd, level, name, (long) value, (long) len);
}

static inline int cf_sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return (int) cf_syscall5(__NR_getsockopt, fd, level, name, (long) value, (long) len);
}

/* @timeout NULL: for ever. The kernel writes the time left into *timeout. */
static inline int cf_sys_ppoll(struct pollfd *fds, size_t n, struct timespec *timeout)
{
    return (int) cf_syscall5(__NR_ppoll, (long) fds, (long) n, (long) timeout, 0, 8);
}

/* poll(2) by ppoll(2), which every architecture has. A negative timeout waits for ever. */
static inline int cf_sys_poll(struct pollfd *fds, size_t n, int timeout_ms)
{
    struct timespec ts = {
        .tv_sec = timeout_ms / 1000,
        .tv_nsec = (long) (timeout_ms % 1000) * 1000000,
    };

    return cf_sys_ppoll(fds, n, timeout_ms < 0 ? NULL : &ts);
}
