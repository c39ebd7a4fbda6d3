/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Installing the program that the planner compiled. Without no_new_privs this happens while
 * CAP_SYS_ADMIN is held, else as the last call but execve. Container side, freestanding.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "init/init-internal.h"
#include "sys/fs.h"
#include "sys/task.h"

_Static_assert(sizeof(struct sock_filter) == sizeof(uint64_t), "filters are stored as words");

int cf_seccomp_child_install(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    struct {
        unsigned short len;
        const void *filter;
    } prog = {
        .len = (unsigned short) h->seccomp.count,
        .filter = cf_blob_at(&in->blob, h->seccomp),
    };
    struct cf_msg ack;
    int fd, r;

    if (h->seccomp.count == 0 || h->seccomp.count > BPF_MAXINSNS)
        return cf_err_set(err, COFFER_ERROR_BUG, "seccomp-size", -EINVAL,
                          "seccomp program has %u instructions", h->seccomp.count);
    fd = cf_sys_seccomp(SECCOMP_SET_MODE_FILTER, h->seccomp_flags, &prog);
    if (fd < 0) {
        (void) cf_err_sys(err, fd, "install seccomp filter");
        cf_err_field(err, "linux.seccomp");
        if (fd == -EBUSY)
            cf_err_hint(err, "the caller of coffer has a seccomp filter with a listener, and the kernel takes one only");
        if (fd == -EINVAL)
            cf_err_hint(err, "this kernel may not know one of linux.seccomp.flags");
        return fd;
    }
    if (!(h->seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
        return 0;

    /* From here on the filter is over us too. */
    r = cf_msg_send(in->report_fd, CF_MSG_LISTENER, NULL, 0, &fd, 1);
    if (r < 0)
        return cf_err_sys(err, r, "send seccomp listener to the runtime");
    if (!(h->flags & CF_BLOB_NO_NEW_PRIVS)) {
        (void) cf_sys_close(fd); /* we may wait for days */
        return 0; /* COMMIT says that it was delivered */
    }
    /* Not closed, which would be one more call: it is close-on-exec. */
    r = cf_msg_recv(in->report_fd, &ack);
    if (r == 0 || r == -ECONNRESET)
        cf_sys_exit_group(1); /* the host gave up */
    if (r < 0 || ack.type != CF_MSG_LISTENER)
        return cf_err_set(err, COFFER_ERROR_PEER, "wire", r < 0 ? r : -EPROTO,
                          "the runtime did not take the seccomp listener");
    return 0;
}
