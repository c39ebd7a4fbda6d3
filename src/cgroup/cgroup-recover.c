/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Clean-up after a create that was killed between making its cgroup and recording the inode. All
 * that is known then is a name and that it was free shortly before: enough to remove an empty
 * directory, not enough to signal anybody in it (rule R28). Processes of our own that were already
 * in it only waited for the runtime and end by themselves. Host side.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "sys/fs.h"
#include "sys/task.h"

/* The child that a container was to live in, made right after its cgroup. */
static void remove_child(int parent_fd, const char *name, const char *subgroup)
{
    cf_auto_fd int fd = subgroup ? cf_cgfs_open_dir(parent_fd, name, NULL) : -EBADF;

    if (fd >= 0)
        (void) cf_sys_unlinkat(fd, subgroup, AT_REMOVEDIR);
}

static int remove_empty(const struct cf_cgroup_dir *dir, const char *subgroup, int64_t deadline_ms)
{
    cf_auto_fd int root_fd = -EBADF, parent_fd = -EBADF;
    char parent[PATH_MAX];
    char *name;
    int r = cf_str_copy(parent, sizeof(parent), dir->path);

    if (r < 0)
        return r;
    name = strrchr(parent, '/');
    if (!name || name[1 + strspn(name + 1, ".")] == '\0')
        return -EINVAL;
    *name++ = '\0';
    root_fd = cf_cgfs_open_hierarchy(dir->hierarchy, !cf_str_empty(dir->controllers));
    if (root_fd < 0)
        return root_fd;
    parent_fd = cf_cgfs_open_dir(root_fd, parent, NULL);
    if (parent_fd < 0)
        return parent_fd;
    for (;;) {
        const struct timespec pause = {.tv_nsec = 1000000};

        r = cf_sys_unlinkat(parent_fd, name, AT_REMOVEDIR);
        if (r != -EBUSY || cf_cgroup_time_left(deadline_ms) == 0)
            return r;
        remove_child(parent_fd, name, subgroup);
        (void) cf_sys_nanosleep(&pause, NULL);
    }
}

int cf_cgroup_remove_unrecorded(const struct cf_cgroup_record *record, int timeout_ms)
{
    int64_t deadline = cf_clock_monotonic_ms() + timeout_ms;
    int left = 0;

    for (size_t i = record->n_dirs; i > 0; i--) {
        const struct cf_cgroup_dir *dir = &record->dirs[i - 1];

        if (dir->inode == 0 && dir->created && remove_empty(dir, record->subgroup, deadline) == -EBUSY)
            left++;
    }
    return left;
}
