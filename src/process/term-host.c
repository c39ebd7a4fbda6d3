/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hands the pty master to whoever listens on --console-socket: one message with one descriptor and
 * the name of the pty as data; no answer is awaited. Host side.
 */

#include "process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "sys/sock.h"

#define MAX_NAME 4095 /* receivers read 4096 bytes */

/* The address; a long path is reached through an O_PATH fd of the socket, kept in *ret_path_fd. */
static int socket_address(const char *path, struct sockaddr_un *ret, int *ret_path_fd)
{
    char link[CF_FD_PATH_SIZE];
    int fd;

    *ret = (struct sockaddr_un) {.sun_family = AF_UNIX};
    if (cf_str_copy(ret->sun_path, sizeof(ret->sun_path), path) >= 0)
        return 0;
    fd = cf_sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    *ret_path_fd = fd;
    (void) cf_str_copy(ret->sun_path, sizeof(ret->sun_path), cf_fd_path(link, fd));
    return 0;
}

static int send_fd(int sock, int fd, const char *name)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    char data[1] = {' '};
    struct iovec iov = {.iov_base = data, .iov_len = 1};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space),
    };
    char text[MAX_NAME + 1];
    struct cmsghdr *cmsg;
    long n;

    (void) cf_str_copy(text, sizeof(text), name); /* cut when too long */
    if (text[0]) {
        iov.iov_base = text;
        iov.iov_len = strlen(text);
    }
    memset(&control, 0, sizeof(control));
    cmsg = &control.header;
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
    do
        n = cf_sys_sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (n == -EINTR);
    return n < 0 ? (int) n : 0;
}

int cf_term_console_send(const char *socket_path, int master_fd, const char *pty_name, struct cf_err *err)
{
    cf_auto_fd int sock = -EBADF;
    cf_auto_fd int path_fd = -EBADF;
    struct sockaddr_un address;
    int r;

    sock = cf_sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return cf_err_sys(err, sock, "make a socket");
    r = socket_address(socket_path, &address, &path_fd);
    if (r >= 0) {
        do
            r = cf_sys_connect(sock, &address, sizeof(address));
        while (r == -EINTR);
    }
    if (r < 0)
        return cf_err_sys(err, r, "connect to console socket `%s`", socket_path);
    r = send_fd(sock, master_fd, pty_name ? pty_name : "");
    return r < 0 ? cf_err_sys(err, r, "send the terminal to console socket `%s`", socket_path) : 0;
}

void cf_term_copy_caller_size(int master_fd)
{
    struct winsize size;

    for (int fd = 0; fd <= 2; fd++) {
        if (cf_sys_ioctl_ptr(fd, TIOCGWINSZ, &size) == 0) {
            (void) cf_sys_ioctl_ptr(master_fd, TIOCSWINSZ, &size);
            return;
        }
    }
}
