/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See handover.h. Host side. */

#include "wire/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "sys/sock.h"

int cf_handover_address(const char *path, struct sockaddr_un *ret, int *ret_path_fd)
{
    char link[CF_FD_PATH_SIZE];
    int fd;

    *ret = (struct sockaddr_un) {.sun_family = AF_UNIX};
    if (cf_str_copy(ret->sun_path, sizeof(ret->sun_path), path) >= 0)
        return (int) sizeof(*ret);
    fd = cf_sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    *ret_path_fd = fd;
    (void) cf_str_copy(ret->sun_path, sizeof(ret->sun_path), cf_fd_path(link, fd));
    return (int) sizeof(*ret);
}

int cf_handover_connect(const char *path)
{
    const struct timeval patience = {.tv_sec = CF_HANDOVER_SECONDS};
    cf_auto_fd int path_fd = -EBADF;
    cf_auto_fd int sock = -EBADF;
    struct sockaddr_un address;
    int len, r;

    sock = cf_sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return sock;
    len = cf_handover_address(path, &address, &path_fd);
    if (len < 0)
        return len;
    (void) cf_sys_setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    do
        r = cf_sys_connect(sock, &address, (size_t) len);
    while (r == -EINTR);
    return r < 0 ? r : cf_steal_fd(&sock);
}

int cf_handover_send(int sock, int fd, const char *data, size_t len)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {.iov_base = (void *) (uintptr_t) data, .iov_len = len};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof(control.space),
    };
    struct cmsghdr *cmsg = &control.header;
    long n;

    memset(&control, 0, sizeof(control));
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
    while (iov.iov_len > 0) {
        n = cf_sys_sendmsg(sock, &msg, MSG_NOSIGNAL);
        if (n == -EINTR)
            continue;
        if (n < 0)
            return (int) n;
        iov.iov_base = (char *) iov.iov_base + n;
        iov.iov_len -= (size_t) n;
        msg.msg_control = NULL; /* it went with the first byte */
        msg.msg_controllen = 0;
    }
    return 0;
}
