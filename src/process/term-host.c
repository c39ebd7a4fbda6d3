/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hands the pty master to whoever listens on --console-socket, and a pidfd to who listens on
 * --pidfd-socket: one message with one descriptor and a text as data; no answer is awaited. Before that it takes the
 * master from the process that made it. Host side.
 */

#include "process/process.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "wire/handover.h"

#define MAX_NAME 4095 /* receivers read 4096 bytes */

static int send_to(const char *socket_path, int fd, const char *text, const char *socket_name, const char *what,
                   struct cf_err *err)
{
    cf_auto_fd int sock = cf_handover_connect(socket_path);
    int r;

    if (sock < 0)
        return cf_err_sys(err, sock, "connect to %s `%s`", socket_name, socket_path);
    if (cf_str_empty(text))
        text = " ";
    r = cf_handover_send(sock, fd, text, cf_str_nlen(text, MAX_NAME));
    return r < 0 ? cf_err_sys(err, r, "send %s to %s `%s`", what, socket_name, socket_path) : 0;
}

int cf_term_console_send(const char *socket_path, int master_fd, const char *pty_name, struct cf_err *err)
{
    return send_to(socket_path, master_fd, pty_name, "console socket", "the terminal", err);
}

int cf_pidfd_send(const char *socket_path, int pidfd, const char *kind, struct cf_err *err)
{
    return send_to(socket_path, pidfd, kind, "pidfd socket", "the pidfd", err);
}

static void copy_caller_size(int master_fd)
{
    struct winsize size;

    for (int fd = 0; fd <= 2; fd++) {
        if (cf_sys_ioctl_ptr(fd, TIOCGWINSZ, &size) == 0) {
            (void) cf_sys_ioctl_ptr(master_fd, TIOCSWINSZ, &size);
            return;
        }
    }
}

int cf_term_take(struct cf_msg *msg, char *name, size_t size, int *fd, bool sized, struct cf_err *err)
{
    if (msg->n_fds != 1 || msg->len == 0 || msg->len >= size || *fd >= 0)
        return cf_err_set(err, COFFER_ERROR_PEER, "wire-console", -EPROTO, "the process sent a malformed console");
    memcpy(name, msg->payload, msg->len);
    name[msg->len] = '\0';
    *fd = msg->fds[0];
    msg->fds[0] = -1;
    if (sized)
        copy_caller_size(*fd);
    return 0;
}
