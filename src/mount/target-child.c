/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Places inside the container's root where mounts are attached. The rootfs is hostile: a place is
 * an fd from the one resolver, or one single name below an fd that is already pinned, which
 * move_mount(2) does not follow if it is a symlink. Container side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "mount/child.h"
#include "path/path.h"

const char *cf_target_child_below_dev(const char *path)
{
    const char *rest = cf_str_after(path, "/dev/");

    return cf_str_empty(rest) ? NULL : rest;
}

static bool is_one_name(const char *s)
{
    return s[0] != '\0' && !strchr(s, '/') && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

/* Which component of @path is a symlink? Only for a message. */
static void name_symlink(int root_fd, const char *path, char buf[PATH_MAX])
{
    size_t end = 0;
    int fd, type;

    if (cf_str_copy(buf, PATH_MAX, path) < 0)
        return;
    while (buf[end]) {
        char cut;

        while (buf[end] == '/')
            end++;
        while (buf[end] && buf[end] != '/')
            end++;
        cut = buf[end];
        buf[end] = '\0';
        fd = cf_inroot_open(root_fd, buf, O_PATH | O_NOFOLLOW, 0);
        if (fd < 0)
            return;
        type = cf_fd_type(fd);
        (void) cf_sys_close(fd);
        if (type == S_IFLNK)
            return;
        buf[end] = cut;
    }
}

static int fail_symlink(int root_fd, const char *path, struct cf_err *err)
{
    char buf[PATH_MAX];

    name_symlink(root_fd, path, buf);
    (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "symlink-at-api-mount", -ELOOP,
                      "`%s` in the rootfs is a symlink", buf);
    cf_err_hint(err, "a rootfs must have real directories at /proc, /sys, /dev and below them");
    return -ELOOP;
}

/*
 * The directory for a tmpfs without `mode=`, which takes the mode of what it covers: as open for everybody as a new
 * tmpfs is. Not mkdirs() with this mode, which would give it to missing parents too.
 */
static int make_open_dir(struct cf_init *in, const char *target, uint64_t resolve)
{
    char name[CF_PATH_NAME_MAX];
    int parent, r;

    r = cf_inroot_parent(in->root_fd, target, true, resolve, &parent, name);
    if (r < 0)
        return r;
    r = cf_sys_mkdirat(parent, name, 01777);
    (void) cf_sys_close(parent);
    return r == -EEXIST ? 0 : r; /* somebody was faster, or a link to nowhere: mkdirs() knows */
}

static int open_dir(struct cf_init *in, const struct cf_blob_mount *m, const char *target,
                    uint64_t resolve)
{
    int fd, oflags = O_PATH | O_DIRECTORY;
    int r;

    if (m->flags & CF_MOUNT_DEST_NOFOLLOW)
        oflags |= O_NOFOLLOW;
    fd = cf_inroot_open(in->root_fd, target, oflags, resolve);
    if (fd != -ENOENT)
        return fd;
    r = m->flags & CF_MOUNT_TMPFS_MODE ? make_open_dir(in, target, resolve) : 0;
    if (r >= 0)
        r = cf_inroot_mkdirs(in->root_fd, target, 0755, resolve, &fd);
    return r < 0 ? r : fd;
}

static int open_file(struct cf_init *in, const struct cf_blob_mount *m, const char *target,
                     uint64_t resolve)
{
    uint32_t type = 0;
    int fd = -1, r;

    if (m->flags & CF_MOUNT_DEST_NOFOLLOW) {
        /* a symlink there gets the mount itself */
        fd = cf_inroot_open(in->root_fd, target, O_PATH | O_NOFOLLOW, resolve);
        if (fd >= 0) {
            r = cf_fd_type(fd);
            type = r < 0 ? 0 : (uint32_t) r;
        }
    }
    if (fd < 0) {
        r = cf_inroot_mkfile(in->root_fd, target, 0644, resolve, &fd, &type);
        if (r < 0)
            return r;
    }
    if (type == S_IFDIR) {
        (void) cf_sys_close(fd);
        return -ENOTDIR;
    }
    return fd;
}

/* What may be mounted inside /proc was judged by its path; a link of the rootfs is no way around it. */
static int check_not_proc(struct cf_init *in, const struct cf_blob_mount *m, const char *target, int fd,
                          struct cf_err *err)
{
    struct statfs fs;
    int r;

    /* Where no symlink is followed the path has said it all. */
    if (m->flags & CF_MOUNT_API_FS || cf_str_after(target, "/proc/") || cf_str_eq(target, "/proc"))
        return fd;
    r = cf_sys_fstatfs(fd, &fs);
    if (r >= 0 && fs.f_type != CF_PROC_SUPER_MAGIC)
        return fd;
    if (r >= 0)
        r = cf_err_set(err, COFFER_ERROR_UNSAFE, "mount-over-proc", -EPERM,
                       "`%s` leads into a procfs through a link of the rootfs", target);
    else
        (void) cf_err_sys(err, r, "look at target `%s`", target);
    (void) cf_sys_close(fd);
    return cf_mount_child_fail(in, m, r, "", err);
}

int cf_target_child_open(struct cf_init *in, const struct cf_blob_mount *m, bool dir,
                         struct cf_err *err)
{
    const char *target = cf_blob_str(&in->blob, m->target);
    uint64_t resolve = m->flags & CF_MOUNT_API_FS ? RESOLVE_NO_SYMLINKS : 0;
    int fd;

    fd = dir ? open_dir(in, m, target, resolve) : open_file(in, m, target, resolve);
    if (fd >= 0)
        return check_not_proc(in, m, target, fd, err);
    if (fd == -ELOOP && resolve)
        fd = fail_symlink(in->root_fd, target, err);
    else if (fd == -ENOTDIR && !dir)
        (void) cf_err_sys(err, fd, "the source is a file, but `%s` in the rootfs is a directory, "
                                   "or something in its path is not one", target);
    else
        (void) cf_err_sys(err, fd, "open target `%s` in the rootfs", target);
    return cf_mount_child_fail(in, m, fd, "", err);
}

/*
 * Most mounts go to one name right below the root or /dev: then move_mount(2) by that name needs no
 * fd of the target. It does not follow the last component, so a symlink can only make it fail (a
 * directory does not go onto a symlink), and cf_target_child_open() finds out what is there.
 * Return: 1 attached, 0 take the other way, -errno.
 */
static int attach_by_name(struct cf_init *in, const struct cf_blob_mount *m, int tree_fd)
{
    const char *target = cf_blob_str(&in->blob, m->target);
    const char *name = cf_target_child_below_dev(target);
    int dir_fd = in->dev_fd, r;

    if (m->flags & CF_MOUNT_DEST_NOFOLLOW)
        return 0;
    if (!name || dir_fd < 0) {
        name = target + 1;
        dir_fd = in->root_fd;
    }
    if (target[0] != '/' || !is_one_name(name))
        return 0;

    /* /dev is nearly always new and empty; a rootfs nearly always has the directory. */
    r = -ENOENT;
    if (dir_fd == in->root_fd)
        r = cf_sys_move_mount(tree_fd, "", dir_fd, name, MOVE_MOUNT_F_EMPTY_PATH);
    if (r == -ENOENT) {
        r = cf_sys_mkdirat(dir_fd, name, 0755);
        if (r < 0 && r != -EEXIST)
            return 0;
        r = cf_sys_move_mount(tree_fd, "", dir_fd, name, MOVE_MOUNT_F_EMPTY_PATH);
    }
    if (r >= 0)
        return 1;
    /* EINVAL: also the answer to a directory that goes onto something else */
    return r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EINVAL ? 0 : r;
}

int cf_target_child_attach(struct cf_init *in, const struct cf_blob_mount *m, int tree_fd, bool dir,
                           int target_fd, struct cf_fd_run *run, struct cf_err *err)
{
    int r;

    if (target_fd < 0 && dir) {
        r = attach_by_name(in, m, tree_fd);
        if (r > 0)
            return 0;
        if (r < 0)
            return cf_mount_child_fail(in, m, r, "attach", err);
    }
    if (target_fd < 0) {
        target_fd = cf_target_child_open(in, m, dir, err);
        if (target_fd < 0)
            return target_fd;
    }
    r = cf_sys_move_mount(tree_fd, "", target_fd, "",
                          MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    cf_fd_run_add(run, target_fd);
    return r < 0 ? cf_mount_child_fail(in, m, r, "attach", err) : 0;
}

int cf_target_child_dev(struct cf_init *in, struct cf_err *err)
{
    int fd = -1, r;

    if (in->dev_fd >= 0)
        return in->dev_fd;
    r = cf_inroot_mkdirs(in->root_fd, "/dev", 0755, RESOLVE_NO_SYMLINKS, &fd);
    if (r == -ELOOP)
        return fail_symlink(in->root_fd, "/dev", err);
    if (r < 0)
        return cf_err_sys(err, r, "open `/dev` in the rootfs");
    in->dev_fd = fd;
    return fd;
}
