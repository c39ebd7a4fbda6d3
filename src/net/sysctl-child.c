/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes linux.sysctl from inside the container's namespaces, through a procfs that nobody else
 * could touch: the one init has mounted, or a private one (rules R8, R9). Which keys are allowed
 * was decided by the planner. Container side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "init/init.h"
#include "path/path.h"

/* A mount option may have left /proc/sys out (subset=pid) or made it read-only. */
static int open_private(int r)
{
    return r == -ENOENT || r == -EROFS || r == -EXDEV ? cf_procfs_open(false) : r;
}

int cf_sysctl_child_apply(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    const struct cf_blob_sysctl *s = cf_blob_at(&in->blob, h->sysctls);
    int private_fd = -1, r = 0;
    uint32_t first = 0;
    char path[PATH_MAX];

    while (first < h->sysctls.count && !s[first].key)
        first++;
    cf_budget_child_apply(in, first);
    for (uint32_t i = first; r >= 0 && i < h->sysctls.count; i++) {
        const char *key = cf_blob_str(&in->blob, s[i].key);
        const char *value = cf_blob_str(&in->blob, s[i].value);

        r = cf_str_path(path, sizeof(path), "sys/%s", cf_blob_str(&in->blob, s[i].path));
        if (r >= 0) {
            r = -ENOENT;
            if (private_fd < 0 && in->proc_fd >= 0)
                r = cf_procfs_write(in->proc_fd, path, value, strlen(value));
            if (r < 0 && private_fd < 0) {
                private_fd = open_private(r);
                r = private_fd;
            }
            if (private_fd >= 0)
                r = cf_procfs_write(private_fd, path, value, strlen(value));
        }
        if (r < 0) {
            (void) cf_err_sys(err, r, "sysctl \"%s\"", key);
            cf_err_field(err, "linux.sysctl");
            cf_err_step(err, "sysctl");
        }
    }
    if (private_fd >= 0)
        (void) cf_sys_close(private_fd);
    return r < 0 ? r : 0;
}
