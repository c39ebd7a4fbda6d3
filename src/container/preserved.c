/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See preserved.h. */

#include "container/preserved.h"

#include <errno.h>

#include "sys/fs.h"

#define FIRST_FD 3

static int refuse(int fd, const char *what, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "preserved-path", -EINVAL,
                      "cannot preserve descriptor %d: it is %s, which leads out of the container", fd, what);
    cf_err_hint(err, "mount the directory in the container (`mounts`), or close descriptor %d and correct the count", fd);
    return -EINVAL;
}

int cf_preserved_check(unsigned int n, struct cf_err *err)
{
    for (int fd = FIRST_FD; fd < FIRST_FD + (int) n; fd++) {
        int flags = cf_sys_fcntl(fd, F_GETFL, 0);
        struct stat st;
        int r = flags < 0 ? flags : cf_sys_fstat(fd, &st);

        if (r < 0) {
            (void) cf_err_set(err, COFFER_ERROR_ARGUMENT, "preserved-fd", r, "look at preserved descriptor %d", fd);
            cf_err_errno(err, r);
            return r;
        }
        if (S_ISDIR(st.st_mode))
            return refuse(fd, "a directory", err);
        if (flags & O_PATH)
            return refuse(fd, "a path only (O_PATH)", err);
    }
    return 0;
}
