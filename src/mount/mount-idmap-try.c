/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Bind mounts of a container with an automatic range, whose configuration knows nothing of it. They get the
 * container's map, so that a volume's files have the owners that they would have without a user namespace.
 * What cannot be mapped stays as it is, its files are nobody's inside, and a warning says so; but not for the
 * kernel's own file systems (proc, sysfs ...), where it makes no difference. Host side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/format.h"
#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "mount/mount-idmap.h"
#include "mount/mountinfo.h"
#include "path/path.h"
#include "sys/fs.h"
#include "sys/mountfd.h"

static const char *const kernels_own[] = {
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "devtmpfs", "efivarfs",
    "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "sysfs",
    "tracefs",
};

static bool is_kernels(const char *fstype)
{
    return cf_str_index(kernels_own, sizeof(kernels_own) / sizeof(kernels_own[0]), fstype) >= 0;
}

struct attempt {
    const struct cf_source *s;
    int fd, userns_fd;
    size_t n_failed;
    bool top; /* it is mapped itself */
};

static int set_map(int fd, unsigned int recursive, int userns_fd)
{
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) userns_fd};

    return cf_sys_mount_setattr(fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof(attr));
}

/* The warning names the first ones. */
static void note(struct attempt *a, const char *point, const char *fstype, int r)
{
    char *text = a->s->idmap_try->text;
    size_t used = strlen(text), size = sizeof(a->s->idmap_try->text);

    if (a->n_failed++ < 3)
        (void) cf_format(text + used, size - used, "%s`%s` (%s: %s)", used ? ", " : "", point, fstype,
                         r == -EPERM ? "mapped already, or of another user namespace" : "has no id-mapped mounts");
}

/* Would the kernel map this one? */
static int probe(const struct attempt *a, const char *path)
{
    cf_auto_fd int fd = cf_sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    return fd < 0 ? fd : set_map(fd, 0, a->userns_fd);
}

/*
 * The kernel maps a detached tree as a whole, or its top alone: so one mount that cannot be mapped leaves all
 * below as they are, and is named.
 */
static void try_top(struct attempt *a)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, a->s->path, O_PATH | O_CLOEXEC, 0), table = -EBADF;
    cf_auto_free char *text = NULL;
    char link[CF_FD_PATH_SIZE], real[PATH_MAX] = "";
    struct cf_mountinfo line;
    struct statx stx = {0};
    int top = set_map(a->fd, 0, a->userns_fd);
    long n = fd < 0 ? fd : cf_sys_readlinkat(AT_FDCWD, cf_fd_path(link, fd), real, sizeof(real) - 1);

    a->top = top >= 0;
    real[n > 0 ? n : 0] = '\0';
    table = cf_sys_openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC, 0);
    if (n <= 0 || table < 0 || cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 ||
        cf_io_read_all(table, CF_MOUNTINFO_LIMIT, &text, NULL) < 0) {
        note(a, a->s->path, "unknown", top);
        return;
    }
    for (char *rest = text; cf_mountinfo_next(&rest, &line);) {
        bool is_top = line.id == stx.stx_mnt_id;
        int r = top;
        if (!line.point || (!is_top && (!a->s->idmap_recursive || !cf_path_is_below(line.point, real) ||
                                        cf_str_eq(line.point, real))))
            continue;
        if (!is_top)
            r = probe(a, line.point);
        if (r < 0 && !(is_top && is_kernels(line.fstype)))
            note(a, is_top ? a->s->path : line.point, line.fstype, r);
        if (r < 0 && is_top)
            return; /* the rest of it does not matter then */
    }
}

int cf_mount_idmap_try(struct cf_plan *plan, const struct cf_source *s, int fd, int userns_fd, struct cf_err *err)
{
    struct attempt a = {.s = s, .fd = fd, .userns_fd = userns_fd, .top = true};
    char list[sizeof(s->idmap_try->text)];
    int r;

    if (s->idmap_try->skip)
        return 0;
    if (set_map(fd, s->idmap_recursive ? AT_RECURSIVE : 0, userns_fd) < 0)
        try_top(&a);
    r = a.top ? cf_mount_idmap_judge(plan, s, err) : 0;
    if (r < 0 || !a.n_failed)
        return r;
    (void) cf_str_copy(list, sizeof(list), s->idmap_try->text);
    (void) cf_format(s->idmap_try->text, sizeof(s->idmap_try->text),
                     "%s: %sfiles belong to nobody in the container, because this cannot be id-mapped: %s%s", s->field,
                     a.top ? "below its top, " : "", list, a.n_failed > 3 ? " and others" : "");
    *plan->warnings_tail = &s->idmap_try->warning;
    plan->warnings_tail = &s->idmap_try->warning.next;
    return 0;
}
