/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * start.sock: a created container's init listens on it until it executes its program, so that
 * "does anybody listen" is the truth about "has it started". Host side; the listening fd goes to
 * init. Only the owner can reach it: the directory is 0700, the socket 0600.
 */

#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/own.h"
#include "base/str.h"
#include "state/state-internal.h"
#include "sys/fs.h"
#include "sys/sock.h"

#define GATE_NAME "start.sock"
/* Starters and probers that wait at the same time; one more finds it full, which counts as open. */
#define GATE_BACKLOG 16

/* Through the directory's fd: sun_path holds 108 bytes, a state directory may be longer. */
static int gate_address(const struct cf_entry *entry, struct sockaddr_un *ret)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    ret->sun_family = AF_UNIX;
    r = cf_str_path(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/" GATE_NAME, entry->dir_fd);
    return r < 0 ? r : 0;
}

int cf_gate_listen(struct cf_entry *entry, int *ret_fd, struct cf_err *err)
{
    cf_auto_fd int fd = -EBADF;
    struct sockaddr_un address;
    int r;

    r = gate_address(entry, &address);
    if (r < 0)
        return cf_err_sys(err, r, "address of `" GATE_NAME "`");
    fd = cf_sys_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return cf_err_sys(err, fd, "make the start socket");
    /* bind(2) gives the file the mode of the socket, less umask: never wider, not even for a moment. */
    r = cf_sys_fchmod(fd, 0600);
    if (r < 0)
        return cf_err_sys(err, r, "set the mode of the start socket");
    r = cf_sys_bind(fd, &address, sizeof(address));
    if (r < 0)
        return cf_err_sys(err, r, "bind `" GATE_NAME "`");
    r = cf_sys_listen(fd, GATE_BACKLOG);
    if (r < 0)
        return cf_err_sys(err, r, "listen on `" GATE_NAME "`");
    *ret_fd = cf_steal_fd(&fd);
    return 0;
}

static int gate_connect(const struct cf_entry *entry, int socket_flags)
{
    cf_auto_fd int fd = -EBADF;
    struct sockaddr_un address;
    int r;

    r = gate_address(entry, &address);
    if (r < 0)
        return r;
    fd = cf_sys_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | socket_flags, 0);
    if (fd < 0)
        return fd;
    do {
        r = cf_sys_connect(fd, &address, sizeof(address));
    } while (r == -EINTR);
    if (r < 0)
        return r;
    return cf_steal_fd(&fd);
}

int cf_gate_connect(struct cf_entry *entry, int *ret_fd)
{
    int fd = gate_connect(entry, 0);

    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return 0;
}

int cf_gate_probe(struct cf_entry *entry)
{
    int fd = gate_connect(entry, SOCK_NONBLOCK);

    if (fd >= 0) {
        (void) cf_sys_close(fd);
        return 1;
    }
    return fd == -EAGAIN;
}
