/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Masked and read-only paths (rule R15). A file is covered by a clone of the verified null device,
 * a directory by one empty read-only tmpfs, which is attached at the first and cloned for the rest.
 * It is always looked at before anything is cloned: a detached mount that is not attached costs a
 * grace period when it is closed. Only a missing target is skipped. Container side.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "mount/child.h"
#include "mount/clone-attr.h"
#include "path/path.h"

struct masker {
    struct cf_init *in;
    int proc_fd; /* the procfs that /proc of the root is, -1: none of ours is there */
    int dir_fd;  /* the empty tmpfs, attached somewhere; -1: not yet */
    bool two_calls;
    struct cf_fd_run run;
};

/*
 * The thing at a path. Names right below /proc are looked up in the procfs that init has mounted
 * itself: one name, not followed, no fd needed. Everything else is opened in the root.
 */
struct thing {
    int dir_fd; /* with name, or the thing itself with name "" */
    const char *name;
    uint32_t type;
};

/* Return: 1 found, 0 there is no such thing, -errno. */
static int look(struct masker *mk, const char *path, struct thing *ret)
{
    const char *name = cf_str_after(path, "/proc/");
    struct statx stx = {0};
    int fd, r;

    if (mk->proc_fd >= 0 && !cf_str_empty(name) && !strchr(name, '/') && name[0] != '.') {
        r = cf_sys_statx(mk->proc_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE,
                         &stx);
        if (r == -ENOENT)
            return 0;
        if (r < 0)
            return r;
        ret->dir_fd = mk->proc_fd;
        ret->name = name;
        ret->type = stx.stx_mode & S_IFMT;
        if (ret->type != S_IFLNK)
            return 1;
    }

    ret->name = "";
    /* What one wants to hide of sysfs are directories: the kernel looks at the type for us. */
    fd = -ENOTDIR;
    if (cf_str_after(path, "/sys/"))
        fd = cf_inroot_open(mk->in->root_fd, path, O_PATH | O_DIRECTORY, 0);
    if (fd >= 0) {
        cf_fd_run_add(&mk->run, fd);
        ret->dir_fd = fd;
        ret->type = S_IFDIR;
        return 1;
    }
    if (fd == -ENOTDIR)
        fd = cf_inroot_open(mk->in->root_fd, path, O_PATH, 0);
    if (fd == -ENOENT)
        return 0;
    if (fd < 0)
        return fd;
    cf_fd_run_add(&mk->run, fd);
    r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx);
    if (r < 0)
        return r;
    ret->dir_fd = fd;
    ret->type = stx.stx_mode & S_IFMT;
    return 1;
}

static int attach(const struct thing *t, int tree_fd)
{
    return cf_sys_move_mount(tree_fd, "", t->dir_fd, t->name,
                             MOVE_MOUNT_F_EMPTY_PATH |
                                 (t->name[0] ? 0 : MOVE_MOUNT_T_EMPTY_PATH));
}

static int clone(int fd)
{
    return cf_sys_open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static int mask_dir(struct masker *mk, const struct thing *t)
{
    /* One inode, its root: nothing can ever be made in it, so it needs no other bound. */
    static const char *const params[][2] = {{"nr_inodes", "1"}};
    int fd, r;

    if (mk->dir_fd >= 0)
        fd = clone(mk->dir_fd);
    else
        fd = cf_fs_child_tmpfs(params, 1,
                               MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                   MOUNT_ATTR_NOEXEC,
                               &mk->run);
    if (fd < 0)
        return fd;
    r = attach(t, fd);
    if (r >= 0 && mk->dir_fd < 0)
        mk->dir_fd = fd;
    else
        cf_fd_run_add(&mk->run, fd);
    return r;
}

/* No null device was made in this container: the host's. Absolute paths mean the host's until the
 * root is switched, so without a privileged host we can take it ourselves. */
static int mask_with_host_null(struct masker *mk, const struct thing *t, struct cf_err *err)
{
    struct cf_init *in = mk->in;
    struct statx stx = {0};
    int fd, r;

    if (in->blob.h->null_fd != CF_NO_FD)
        fd = cf_init_take_fd(in, in->blob.h->null_fd);
    else
        fd = cf_sys_open_tree(AT_FDCWD, "/dev/null",
                              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
    if (fd < 0)
        return cf_err_sys(err, fd, "take the host's null device");
    r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx);
    if (r >= 0 && (!S_ISCHR(stx.stx_mode) || stx.stx_rdev_major != CF_NULL_MAJOR ||
                   stx.stx_rdev_minor != CF_NULL_MINOR))
        r = cf_err_set(err, COFFER_ERROR_UNSAFE, "null-device", -ENODEV,
                       "the host's null device is something else");
    if (r >= 0)
        r = attach(t, fd);
    if (r < 0) {
        (void) cf_sys_close(fd);
        return r;
    }
    in->null_fd = fd; /* mounted in our namespace now, so it can be cloned */
    return 0;
}

/* A regular file right below /proc of every usual kernel: it needs no look before it is covered. */
static bool is_kept_file(struct masker *mk, const char *path, struct thing *ret)
{
    static const char *const files[] = {"interrupts", "keys", "timer_list"};
    const char *name = cf_str_after(path, "/proc/");

    if (mk->proc_fd < 0 || mk->in->null_fd < 0 || cf_str_empty(name) ||
        cf_str_index(files, sizeof(files) / sizeof(files[0]), name) < 0)
        return false;
    *ret = (struct thing) {.dir_fd = mk->proc_fd, .name = name, .type = S_IFREG};
    return true;
}

static int mask_one(struct masker *mk, const char *path, struct cf_err *err)
{
    struct thing t;
    int fd, r;

    r = is_kept_file(mk, path, &t) ? 1 : look(mk, path, &t);
    if (r > 0) {
        if (t.type == S_IFDIR) {
            r = mask_dir(mk, &t);
        } else if (mk->in->null_fd < 0) {
            r = mask_with_host_null(mk, &t, err);
        } else {
            fd = clone(mk->in->null_fd);
            r = fd < 0 ? fd : attach(&t, fd);
            cf_fd_run_add(&mk->run, fd);
            if (fd >= 0 && r == -ENOENT && t.name[0])
                r = 0; /* not looked at, and not there */
        }
    }
    if (r < 0 && err->kind == COFFER_ERROR_NONE)
        return cf_err_sys(err, r, "mask `%s`", path);
    return r < 0 ? cf_err_in(err, "mask `%s`", path) : 0;
}

/* Names right below /proc that are never symlinks: they need no look before they are cloned. */
static bool is_fixed(struct masker *mk, const char *path, struct thing *ret)
{
    static const char *const fixed[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};
    const char *name = cf_str_after(path, "/proc/");

    if (mk->proc_fd < 0 || cf_str_empty(name) ||
        cf_str_index(fixed, sizeof(fixed) / sizeof(fixed[0]), name) < 0)
        return false;
    *ret = (struct thing) {.dir_fd = mk->proc_fd, .name = name};
    return true;
}

static int readonly_one(struct masker *mk, const char *path, struct cf_err *err)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    struct thing t;
    int fd, r;

    r = is_fixed(mk, path, &t) ? 1 : look(mk, path, &t);
    if (r > 0) {
        fd = cf_mount_clone_attr(t.dir_fd, t.name,
                                 (t.name[0] ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH) | AT_RECURSIVE,
                                 &attr, &mk->two_calls);
        if (fd == -ENOENT && t.name[0])
            return 0;
        r = fd < 0 ? fd : attach(&t, fd);
        cf_fd_run_add(&mk->run, fd);
    }
    return r < 0 ? cf_err_sys(err, r, "make `%s` read-only", path) : 0;
}

/* Could anything be mounted at /proc after our procfs? Not if only places that are found without
 * symlinks came later, none of them /proc, and nobody else ran. */
static bool may_be_covered(struct cf_init *in)
{
    const struct cf_blob_header *h = in->blob.h;
    const struct cf_blob_mount *m = cf_blob_at(&in->blob, h->mounts);
    const struct cf_blob_device *d = cf_blob_at(&in->blob, h->devices);
    bool covered = true;

    if (h->flags & CF_BLOB_HOST_HOOKS || h->create_container_hooks.count > 0)
        return true;
    for (uint32_t i = 0; i < h->mounts.count; i++) {
        const char *target = cf_blob_str(&in->blob, m[i].target);

        if (m[i].kind == CF_MOUNT_FS && (m[i].flags & CF_MOUNT_IS_PROC))
            covered = !cf_str_eq(cf_blob_str(&in->blob, m[i].fstype), "proc");
        else if (!(m[i].flags & CF_MOUNT_API_FS) || cf_str_eq(target, "/proc") ||
                 cf_str_eq(target, "/") || cf_path_has_dotdot(target))
            covered = true;
    }
    for (uint32_t i = 0; i < h->devices.count; i++) {
        if (d[i].how != CF_DEVICE_MKNOD &&
            !cf_target_child_below_dev(cf_blob_str(&in->blob, d[i].path)))
            covered = true;
    }
    return covered;
}

/* proc_fd, if it still is what one finds at /proc: a later mount may have covered it. */
static int visible_proc(struct cf_init *in)
{
    struct statx a = {0}, b = {0};

    if (in->proc_fd >= 0 && !may_be_covered(in))
        return in->proc_fd;
    if (in->proc_fd < 0 ||
        cf_sys_statx(in->proc_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &a) < 0 ||
        cf_sys_statx(in->root_fd, "proc", AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &b) < 0)
        return -1;
    return a.stx_mnt_id == b.stx_mnt_id ? in->proc_fd : -1;
}

int cf_mask_child_apply(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    const cf_str *paths = cf_blob_at(&in->blob, h->masked);
    struct masker mk;
    int r = 0;

    if (h->masked.count == 0 && h->readonly.count == 0)
        return 0;
    mk.in = in;
    mk.proc_fd = visible_proc(in);
    mk.dir_fd = -1;
    mk.two_calls = false;
    mk.run.n = 0;
    for (uint32_t i = 0; r >= 0 && i < h->masked.count; i++) {
        r = mask_one(&mk, cf_blob_str(&in->blob, paths[i]), err);
        if (r < 0)
            cf_err_field(err, "linux.maskedPaths[%u]", i);
    }
    paths = cf_blob_at(&in->blob, h->readonly);
    for (uint32_t i = 0; r >= 0 && i < h->readonly.count; i++) {
        r = readonly_one(&mk, cf_blob_str(&in->blob, paths[i]), err);
        if (r < 0)
            cf_err_field(err, "linux.readonlyPaths[%u]", i);
    }
    cf_fd_run_add(&mk.run, mk.dir_fd);
    cf_fd_run_end(&mk.run);
    if (r < 0)
        cf_err_step(err, "mask");
    return r;
}
