/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Little things about file descriptors. Both sides. */

#include "base/fd.h"

#include "base/format.h"
#include "sys/fs.h"

const char *cf_fd_path(char buf[CF_FD_PATH_SIZE], int fd)
{
    (void) cf_format(buf, CF_FD_PATH_SIZE, "/proc/self/fd/%d", fd);
    return buf;
}

int cf_fd_dup(int fd)
{
    return cf_sys_fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int cf_fd_cloexec(int fd, int on)
{
    return cf_sys_fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0);
}
