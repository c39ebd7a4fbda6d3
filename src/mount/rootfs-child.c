/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The root of the container: the host's tree fd is attached over "/" (or at the bundle's path when
 * hooks look there), and after all mounts the root is switched by pivot_root(".", "."). As long as
 * that has not happened, absolute paths still mean the host's: the tree lies over "/", but a
 * process's root is looked up below what covers it. Container side.
 */

#include <errno.h>
#include <string.h>

#include "mount/child.h"
#include "path/path.h"

#define PROPAGATION_MASK (MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE)

static int set_propagation(int fd, const char *path, unsigned int flags, uint64_t propagation)
{
    struct mount_attr attr = {.propagation = propagation & PROPAGATION_MASK};

    return cf_sys_mount_setattr(fd, path, flags, &attr, sizeof(attr));
}

/* Can mounts made in this namespace still reach the host's? */
static bool still_shared(const struct cf_blob_header *h)
{
    return !(h->host_propagation & (MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE)) ||
           !(h->host_propagation & MS_REC);
}

/*
 * The mount that the tree will be attached to must not be shared: the container's root would
 * appear on the host, and pivot_root refuses it. Only needed when the host's mounts stay shared.
 * @fd: a directory of that mount, borrowed
 */
static int make_parent_private(int fd)
{
    struct statx stx = {0};
    int at = fd, up, r;

    for (int i = 0; i < 256; i++) {
        r = cf_sys_statx(at, "", AT_EMPTY_PATH, STATX_TYPE, &stx);
        if (r >= 0 && (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
            r = set_propagation(at, "", AT_EMPTY_PATH, MS_PRIVATE);
            break;
        }
        up = r < 0 ? r : cf_sys_openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (at != fd)
            (void) cf_sys_close(at);
        if (up < 0)
            return up;
        at = up;
        r = -ELOOP;
    }
    if (at != fd)
        (void) cf_sys_close(at);
    return r;
}

/* An overlay that was made anew stands where the one that was found is; else what goes there is from there. */
static int is_place(const struct cf_blob_header *h, int place, int tree)
{
    struct statx x = {0}, y = {.stx_ino = h->root_ino, .stx_dev_major = h->root_dev_major,
                               .stx_dev_minor = h->root_dev_minor};
    int r;

    r = cf_sys_statx(place, "", AT_EMPTY_PATH, STATX_INO, &x);
    if (r >= 0 && !h->root_ino)
        r = cf_sys_statx(tree, "", AT_EMPTY_PATH, STATX_INO, &y);
    if (r < 0)
        return r;
    return x.stx_ino == y.stx_ino && x.stx_dev_major == y.stx_dev_major &&
                   x.stx_dev_minor == y.stx_dev_minor
               ? 0
               : -ESTALE;
}

/* Where the tree goes: the old root, or root_path. Return: fd, or -errno with err filled. */
static int open_place(struct cf_init *in, int tree_fd, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    const char *path = h->flags & CF_BLOB_ROOT_BY_PATH ? cf_blob_str(&in->blob, h->root_path) : "/";
    int fd, r;

    if (!path)
        return cf_err_set(err, COFFER_ERROR_BUG, "no-root-path", -EINVAL,
                          "the plan has no path of the rootfs");
    fd = cf_sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return cf_err_sys(err, fd, "open rootfs `%s`", path);
    r = h->flags & CF_BLOB_ROOT_BY_PATH ? is_place(h, fd, tree_fd) : 0;
    if (r == -ESTALE)
        (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "rootfs-changed", r,
                          "rootfs `%s` is not the directory any more that it was at the beginning",
                          path);
    else if (r < 0)
        (void) cf_err_sys(err, r, "stat rootfs `%s`", path);
    if (r >= 0 && still_shared(h)) {
        r = make_parent_private(fd);
        if (r < 0)
            (void) cf_err_sys(err, r, "make the mount of the rootfs private");
    }
    if (r < 0) {
        (void) cf_sys_close(fd);
        return r;
    }
    return fd;
}

/* Nearly always: nothing to look at, the tree goes over "/". */
static bool is_plain(const struct cf_blob_header *h)
{
    return !(h->flags & CF_BLOB_ROOT_BY_PATH) && !still_shared(h);
}

/*
 * The detached tree. The host has given its mounts the propagation they need. Where it may not
 * clone (rootless), we do: our copies of its mounts are no peers, as attach() has just made sure.
 */
static int take_tree(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    const char *path = cf_blob_str(&in->blob, h->root_path);
    int tree, r;

    if (h->root_fd != CF_NO_FD) {
        tree = cf_init_take_fd(in, h->root_fd);
        return tree >= 0 ? tree
                         : cf_err_set(err, COFFER_ERROR_BUG, "no-root-fd", tree,
                                      "the tree of the rootfs was not received");
    }
    if (!path)
        return cf_err_set(err, COFFER_ERROR_BUG, "no-root-path", -EINVAL,
                          "the plan has neither an fd nor a path of the rootfs");
    tree = cf_sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0)
        return cf_err_sys(err, tree, "open rootfs `%s`", path);
    /* Or pivot_root refuses it; a slave it takes. */
    r = set_propagation(tree, "", AT_EMPTY_PATH, h->root_propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE);
    if (r < 0) {
        (void) cf_sys_close(tree);
        return cf_err_sys(err, r, "make the rootfs private");
    }
    return tree;
}

int cf_rootfs_child_attach(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    uint32_t prop = h->host_propagation;
    int tree, place, r;

    if (prop & PROPAGATION_MASK) {
        r = set_propagation(AT_FDCWD, "/", prop & MS_REC ? AT_RECURSIVE : 0, prop);
        if (r < 0) {
            (void) cf_err_sys(err, r, "set propagation of the host's mounts");
            if (r == -EINVAL)
                cf_err_hint(err, "the root directory must be a mount: do not run inside a chroot");
            return r;
        }
    }

    tree = take_tree(in, err);
    if (tree < 0)
        return tree;
    if (is_plain(h)) {
        r = cf_sys_move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    } else {
        place = open_place(in, tree, err);
        if (place < 0) {
            (void) cf_sys_close(tree);
            return place;
        }
        r = cf_sys_move_mount(tree, "", place, "",
                              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
        (void) cf_sys_close(place);
    }
    if (r < 0) {
        (void) cf_sys_close(tree);
        (void) cf_err_sys(err, r, "attach the rootfs");
        cf_err_step(err, "rootfs");
        return r;
    }
    in->root_fd = tree;
    return 0;
}

/* The old root is on top of the new one now, and "." still is the new root's directory. */
static int drop_old_root(struct cf_init *in, int old_fd, struct cf_err *err)
{
    int r;

    if (old_fd >= 0) {
        /* unmounting it must not unmount anything on the host */
        r = set_propagation(old_fd, "", AT_EMPTY_PATH | AT_RECURSIVE, MS_SLAVE);
        if (r < 0)
            return cf_err_sys(err, r, "make the old root a slave");
    }
    r = cf_sys_umount2(".", MNT_DETACH);
    if (r < 0)
        return cf_err_sys(err, r, "unmount the old root");
    return 0;
}

static int pivot(struct cf_init *in, struct cf_err *err)
{
    int old_fd = -1, r;

    if (still_shared(in->blob.h)) {
        old_fd = cf_sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (old_fd < 0)
            return cf_err_sys(err, old_fd, "open the old root");
    }
    r = cf_sys_pivot_root(".", ".");
    if (r < 0) {
        (void) cf_err_sys(err, r, "pivot_root");
        if (r == -EINVAL)
            cf_err_hint(err, "on an initramfs the root cannot be pivoted: use `--no-pivot`");
    } else {
        r = drop_old_root(in, old_fd, err);
    }
    if (old_fd >= 0)
        (void) cf_sys_close(old_fd);
    return r;
}

/* Without pivot_root the host's mounts stay below the root: its proc and sys are taken away, the
 * rest can only be reached by whoever may unmount "/". */
static int move_and_chroot(struct cf_init *in, struct cf_err *err)
{
    int r;

    r = cf_nopivot_child_hide(in, err);
    if (r < 0)
        return r;
    if (in->blob.h->flags & CF_BLOB_ROOT_BY_PATH) {
        r = cf_sys_move_mount(in->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
        if (r < 0)
            return cf_err_sys(err, r, "move the rootfs over `/`");
    }
    r = cf_sys_chroot(".");
    return r < 0 ? cf_err_sys(err, r, "chroot") : 0;
}

static int enter(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    int r;

    if (h->flags & CF_BLOB_READONLY_ROOT) {
        r = cf_sys_mount_setattr(in->root_fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
        if (r < 0)
            return cf_err_sys(err, r, "make the root read-only");
    }
    r = cf_sys_fchdir(in->root_fd);
    if (r < 0)
        return cf_err_sys(err, r, "change to the rootfs");
    r = h->flags & CF_BLOB_NO_PIVOT ? move_and_chroot(in, err) : pivot(in, err);
    if (r < 0)
        return r;
    /* With pivot_root the working directory is the new root already. */
    if (h->flags & CF_BLOB_NO_PIVOT) {
        r = cf_sys_chdir("/");
        if (r < 0)
            return cf_err_sys(err, r, "change to `/`");
    }

    if (h->root_propagation & PROPAGATION_MASK) {
        r = set_propagation(in->root_fd, "",
                            AT_EMPTY_PATH | (h->root_propagation & MS_REC ? AT_RECURSIVE : 0),
                            h->root_propagation);
        if (r < 0)
            return cf_err_sys(err, r, "set propagation of the root");
    }
    return 0;
}

int cf_rootfs_child_enter(struct cf_init *in, struct cf_err *err)
{
    int r = enter(in, err);

    if (r < 0)
        cf_err_step(err, "rootfs");
    return r;
}
