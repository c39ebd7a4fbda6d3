/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sets `lo` up in a new network namespace: two system calls. Interface requests work on a socket
 * of any family; a Unix one is the cheapest and needs no Internet protocols. Container side.
 */

#include <linux/if.h>
#include <linux/sockios.h>

#include "init/init.h"
#include "sys/fs.h"
#include "sys/sock.h"

int cf_loopback_child_up(struct cf_init *in, struct cf_err *err)
{
    struct ifreq req = {.ifr_name = "lo"};
    int fd, r;

    if (!(in->blob.h->flags & CF_BLOB_LOOPBACK))
        return 0;
    fd = cf_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    r = fd;
    if (fd >= 0) {
        req.ifr_flags = IFF_UP;
        r = cf_sys_ioctl_ptr(fd, SIOCSIFFLAGS, &req);
        /* The socket is closed with everything else before the wait for COMMIT. */
    }
    if (r >= 0)
        return 0;
    (void) cf_err_sys(err, r, "set the network interface `lo` up");
    cf_err_step(err, "network");
    return r;
}
