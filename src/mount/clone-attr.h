/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A detached clone that has its attributes from the start. Linux 6.15 has one call for it, older kernels
 * need two. Both sides, no allocation, no state: the caller keeps the flag that says which.
 */

#include <errno.h>
#include <stdbool.h>

#include "sys/fs.h"
#include "sys/mountfd.h"

/**
 * cf_mount_clone_attr() - open_tree(OPEN_TREE_CLONE) and mount_setattr, of the whole tree with AT_RECURSIVE
 * @two_calls: false at first; set for good when the kernel, or a filter around us, has only the old calls
 * Return: fd or -errno.
 */
static inline int cf_mount_clone_attr(int dir_fd, const char *path, unsigned int flags,
                                      const struct mount_attr *attr, bool *two_calls)
{
    int fd, r;

    flags |= OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    if (!*two_calls) {
        fd = cf_sys_open_tree_attr(dir_fd, path, flags, attr, sizeof(*attr));
        if (fd != -ENOSYS && fd != -EPERM)
            return fd;
        *two_calls = true;
    }
    fd = cf_sys_open_tree(dir_fd, path, flags);
    if (fd < 0)
        return fd;
    r = cf_sys_mount_setattr(fd, "", AT_EMPTY_PATH | (flags & AT_RECURSIVE), attr, sizeof(*attr));
    if (r < 0) {
        (void) cf_sys_close(fd);
        return r;
    }
    return fd;
}
