/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * notify/notify.sock: the container's end of readiness (sd_notify). The directory is mounted in the container,
 * read-only, so the socket can be bound anew by `start`, and the container can neither replace nor remove it.
 * Host side.
 */

#include "state/state.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/own.h"
#include "base/str.h"
#include "state/state-internal.h"
#include "sys/fs.h"
#include "sys/sock.h"

#define SOCKET_NAME CF_NOTIFY_DIR "/" CF_NOTIFY_SOCKET

int cf_notify_make(struct cf_entry *entry, struct cf_err *err)
{
    int r = cf_sys_mkdirat(entry->dir_fd, CF_NOTIFY_DIR, 0755);

    if (r >= 0) /* whatever the umask: users of the container go through it */
        r = cf_sys_fchmodat(entry->dir_fd, CF_NOTIFY_DIR, 0755);
    return r < 0 ? cf_err_sys(err, r, "make the directory of the notify socket") : 0;
}

int cf_notify_listen(struct cf_entry *entry, int *ret_fd, struct cf_err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    cf_auto_fd int fd = -EBADF;
    int r;

    /* Through the directory's fd: sun_path holds 108 bytes, a state directory may be longer. */
    r = cf_str_path(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" SOCKET_NAME, entry->dir_fd);
    if (r < 0)
        return cf_err_sys(err, r, "address of the notify socket");
    fd = cf_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return cf_err_sys(err, fd, "make the notify socket");
    (void) cf_sys_unlinkat(entry->dir_fd, SOCKET_NAME, 0); /* of a start that failed */
    r = cf_sys_bind(fd, &address, sizeof(address));
    if (r >= 0) /* any user of the container may be the one who is ready */
        r = cf_sys_fchmodat(entry->dir_fd, SOCKET_NAME, 0777);
    if (r < 0)
        return cf_err_sys(err, r, "bind the notify socket");
    *ret_fd = cf_steal_fd(&fd);
    return 0;
}
