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
    int fd, r;

    if (h->seccomp.count == 0 || h->seccomp.count > BPF_MAXINSNS)
        return cf_err_set(err, COFFER_ERROR_BUG, "seccomp-size", -EINVAL,
                          "seccomp program has %u instructions", h->seccomp.count);
    fd = cf_sys_seccomp(SECCOMP_SET_MODE_FILTER, h->seccomp_flags, &prog);
    if (fd < 0) {
        (void) cf_err_sys(err, fd, "install seccomp filter");
        cf_err_field(err, "linux.seccomp");
        if (fd == -EINVAL)
            cf_err_hint(err, "this kernel may not know one of linux.seccomp.flags");
        return fd;
    }
    if (!(h->seccomp_flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
        return 0;

    r = cf_msg_send(in->report_fd, CF_MSG_LISTENER, NULL, 0, &fd, 1);
    (void) cf_sys_close(fd);
    return r < 0 ? cf_err_sys(err, r, "send seccomp listener to the runtime") : 0;
}
