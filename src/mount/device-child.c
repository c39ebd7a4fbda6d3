/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Device nodes, the links in /dev, and /dev/console. Normally /dev is a tmpfs that init has just
 * made: one mknod per node by its name below dev_fd. Where it is the image's /dev, what is there is
 * accepted only if it is the same device, and no symlink is followed. In a user namespace the nodes
 * come from the host: in the tmpfs that it made for /dev, or one by one. Container side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "mount/child.h"
#include "path/path.h"

/* A directory and one name in it. */
struct place {
    int dir_fd;
    bool own_fd; /* dir_fd is ours to close */
    char name[CF_PATH_NAME_MAX];
};

static void place_done(struct place *p)
{
    if (p->own_fd)
        (void) cf_sys_close(p->dir_fd);
    p->own_fd = false;
}

/* Parents are made. Below /dev no component may be a symlink (rule R13). */
static int find_place(struct cf_init *in, const char *path, struct place *ret, struct cf_err *err)
{
    const char *name = cf_target_child_below_dev(path);
    int base_fd = in->root_fd, r;

    ret->own_fd = false;
    if (name) {
        base_fd = cf_target_child_dev(in, err);
        if (base_fd < 0)
            return base_fd;
        if (!strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
            ret->dir_fd = base_fd;
            r = cf_str_copy(ret->name, sizeof(ret->name), name);
            return r < 0 ? cf_err_sys(err, r, "make `%s`", path) : 0;
        }
    }
    r = cf_inroot_parent(base_fd, name ? name : path, true, name ? RESOLVE_NO_SYMLINKS : 0,
                         &ret->dir_fd, ret->name);
    if (r == -ELOOP && name) {
        (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "symlink-in-dev", r,
                          "a directory of `%s` is a symlink in the rootfs", path);
        return r;
    }
    if (r < 0)
        return cf_err_sys(err, r, "open the directory of `%s`", path);
    ret->own_fd = true;
    return 0;
}

static int fail(const struct cf_blob_device *d, const char *path, int r, struct cf_err *err)
{
    (void) cf_err_in(err, "device `%s`", path);
    if (d->config_index != UINT32_MAX)
        cf_err_field(err, "linux.devices[%u]", d->config_index);
    cf_err_step(err, "device");
    return r;
}

static bool is_device(const struct statx *stx, const struct cf_blob_device *d)
{
    if ((stx->stx_mode & S_IFMT) != (d->mode & S_IFMT))
        return false;
    return S_ISFIFO(d->mode) ||
           (stx->stx_rdev_major == d->major && stx->stx_rdev_minor == d->minor);
}

static int fail_exists(struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "device-exists", -EEXIST,
                      "something that is not this device is already there");
    cf_err_hint(err, "remove it from the rootfs, or mount a tmpfs on /dev");
    return -EEXIST;
}

/* Return: 1 made, 0 it is there already, -errno with err. */
static int make_node(const struct cf_blob_device *d, const struct place *p, struct cf_err *err)
{
    struct statx stx = {0};
    int fd, r;

    r = cf_sys_mknodat(p->dir_fd, p->name, d->mode, cf_sys_makedev(d->major, d->minor));
    if (r == -EEXIST) {
        r = cf_sys_statx(p->dir_fd, p->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx);
        if (r < 0)
            return cf_err_sys(err, r, "stat");
        return is_device(&stx, d) ? 0 : fail_exists(err);
    }
    if (r < 0) {
        (void) cf_err_sys(err, r, "mknod");
        if (r == -EPERM)
            cf_err_hint(err, "making device nodes needs CAP_MKNOD in the initial user namespace");
        return r;
    }
    if (d->uid == 0 && d->gid == 0)
        return 1;

    fd = cf_sys_openat(p->dir_fd, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return cf_err_sys(err, fd, "open the new node");
    r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx);
    if (r >= 0 && !is_device(&stx, d))
        r = fail_exists(err);
    else if (r >= 0)
        r = cf_sys_fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH);
    (void) cf_sys_close(fd);
    return r < 0 && err->kind == COFFER_ERROR_NONE ? cf_err_sys(err, r, "chown") : r;
}

/* An empty file to mount on. One that exists must be a file that nobody can mean anything else
 * with: empty placeholders of earlier runs, or the device itself. */
static int make_file(const struct place *p, const struct cf_blob_device *d, struct cf_err *err)
{
    struct statx stx = {0};
    int r;

    r = cf_sys_mknodat(p->dir_fd, p->name, S_IFREG | 0600, 0); /* never follows, as O_EXCL */
    if (r != -EEXIST)
        return r < 0 ? cf_err_sys(err, r, "make an empty file") : 0;
    r = cf_sys_statx(p->dir_fd, p->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx);
    if (r < 0)
        return cf_err_sys(err, r, "stat");
    if (S_ISREG(stx.stx_mode) || (d && is_device(&stx, d)))
        return 0;
    return fail_exists(err);
}

/* Opens the host's node (rootless) as a detached mount. */
static int clone_node(struct cf_init *in, const struct cf_blob_device *d, struct cf_err *err)
{
    const char *source = cf_blob_str(&in->blob, d->source);
    struct statx stx = {0};
    int fd, r;

    fd = cf_sys_open_tree(AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0)
        return cf_err_sys(err, fd, "open `%s`", source);
    r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx);
    if (r >= 0 && is_device(&stx, d))
        return fd;
    (void) cf_sys_close(fd);
    if (r < 0)
        return cf_err_sys(err, r, "stat `%s`", source);
    return cf_err_set(err, COFFER_ERROR_UNSAFE, "device-differs", -ENODEV,
                      "`%s` is not the device %u:%u", source, d->major, d->minor);
}

/*
 * @ret_fd: the mounted node, kept by the caller. move_mount(2) does not follow the name: should
 * somebody put a symlink there, the node is mounted on the link itself.
 */
static int attach_node(struct cf_init *in, const struct cf_blob_device *d, const struct place *p,
                       int *ret_fd, struct cf_err *err)
{
    int fd, r;

    r = make_file(p, d, err);
    if (r < 0)
        return r;
    if (d->how == CF_DEVICE_TREE) {
        fd = cf_init_take_fd(in, d->fd);
        if (fd < 0)
            return cf_err_sys(err, fd, "take its fd");
    } else {
        fd = clone_node(in, d, err);
        if (fd < 0)
            return fd;
    }
    r = cf_sys_move_mount(fd, "", p->dir_fd, p->name, MOVE_MOUNT_F_EMPTY_PATH);
    if (r < 0) {
        (void) cf_sys_close(fd);
        return cf_err_sys(err, r, "attach the host's node");
    }
    *ret_fd = fd;
    return 0;
}

/* Keeps /dev/null for masks and stdio if it really is the null device. Takes fd. @own: we have just made it where
 * nobody else can reach, so there is nothing to look at (rule R14). */
static int keep_null(struct cf_init *in, int fd, bool own, struct cf_err *err)
{
    struct statx stx = {0};
    int r;

    if (own) {
        cf_close_fd(&in->null_fd);
        in->null_fd = fd;
        return 0;
    }
    r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx);
    if (r < 0 || !S_ISCHR(stx.stx_mode) || stx.stx_rdev_major != CF_NULL_MAJOR ||
        stx.stx_rdev_minor != CF_NULL_MINOR) {
        (void) cf_sys_close(fd);
        if (r < 0)
            return cf_err_sys(err, r, "stat");
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "null-device", -ENODEV,
                          "it is not the null device");
    }
    cf_close_fd(&in->null_fd);
    in->null_fd = fd;
    return 0;
}

/* Is what is at /dev a tmpfs that we have made, so that nothing in it is anybody else's? */
static bool dev_is_ours(struct cf_init *in)
{
    const struct cf_blob_header *h = in->blob.h;
    const struct cf_blob_mount *m = cf_blob_at(&in->blob, h->mounts);
    bool ours = h->flags & CF_BLOB_OWN_DEV;

    for (uint32_t i = 0; i < h->mounts.count; i++) {
        if (m[i].flags & CF_MOUNT_IS_DEV)
            ours = (m[i].flags & CF_MOUNT_MADE) ||
                   (m[i].kind == CF_MOUNT_FS &&
                    cf_str_eq(cf_blob_str(&in->blob, m[i].fstype), "tmpfs"));
    }
    return ours;
}

/*
 * The host has made the node in the tmpfs that is /dev now. A mount whose target the image has led
 * to /dev/null may have covered it: no crossing, and what is opened is looked at.
 */
static int take_made_null(struct cf_init *in, struct cf_err *err)
{
    const struct open_how how = {
        .flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS,
    };
    int fd, r;

    r = cf_target_child_dev(in, err);
    if (r < 0)
        return r;
    fd = cf_sys_openat2(r, "null", &how, sizeof(how));
    in->null_is_open = fd >= 0;
    if (fd == -EXDEV)
        return fail_exists(err);
    if (fd < 0)
        fd = cf_sys_openat(r, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    return fd < 0 ? cf_err_sys(err, fd, "open the node") : keep_null(in, fd, false, err);
}

static int apply_device(struct cf_init *in, const struct cf_blob_device *d, struct cf_fd_run *run,
                        struct cf_err *err)
{
    const char *path = cf_blob_str(&in->blob, d->path);
    bool is_null = cf_str_eq(path, "/dev/null"), own = false;
    struct place p;
    int fd = -1, r;

    if (d->how == CF_DEVICE_MADE) {
        r = is_null ? take_made_null(in, err) : 0;
        return r < 0 ? fail(d, path, r, err) : 0;
    }
    r = find_place(in, path, &p, err);
    if (r < 0)
        return fail(d, path, r, err);
    if (d->how == CF_DEVICE_MKNOD) {
        r = make_node(d, &p, err);
        if (r >= 0 && is_null) {
            bool ours = p.dir_fd == in->dev_fd && dev_is_ours(in);

            own = r > 0 && ours && S_ISCHR(d->mode) && d->major == CF_NULL_MAJOR && d->minor == CF_NULL_MINOR;
            /* Streams will get it as it is; rules that refuse it leave them with the host's. */
            fd = ours ? cf_sys_openat(p.dir_fd, p.name, O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0) : -ENXIO;
            in->null_is_open = fd >= 0;
            if (fd < 0)
                fd = cf_sys_openat(p.dir_fd, p.name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
            r = fd < 0 ? cf_err_sys(err, fd, "open the new node") : 0;
        }
    } else {
        if (is_null)
            in->null_is_open = false;
        r = attach_node(in, d, &p, &fd, err);
    }
    if (r >= 0 && is_null) {
        r = keep_null(in, fd, own, err);
    } else {
        cf_fd_run_add(run, fd);
    }
    place_done(&p);
    return r < 0 ? fail(d, path, r, err) : 0;
}

static bool is_same_link(const struct place *p, const char *text)
{
    char buf[PATH_MAX];
    long n;

    n = cf_sys_readlinkat(p->dir_fd, p->name, buf, sizeof(buf));
    return n > 0 && (size_t) n == strlen(text) && memcmp(buf, text, (size_t) n) == 0;
}

static int apply_link(struct cf_init *in, const struct cf_blob_link *l, struct cf_err *err)
{
    const char *path = cf_blob_str(&in->blob, l->path);
    const char *text = cf_blob_str(&in->blob, l->target);
    struct place p;
    int r;

    r = find_place(in, path, &p, err);
    if (r < 0)
        return cf_err_in(err, "symlink `%s`", path);
    r = cf_sys_symlinkat(text, p.dir_fd, p.name);
    if (r == -EEXIST) {
        r = 0;
        if (!is_same_link(&p, text) && cf_target_child_below_dev(path) && dev_is_ours(in)) {
            r = cf_sys_unlinkat(p.dir_fd, p.name, 0);
            if (r >= 0)
                r = cf_sys_symlinkat(text, p.dir_fd, p.name);
        }
    }
    place_done(&p);
    if (r < 0) {
        (void) cf_err_sys(err, r, "make symlink `%s`", path);
        cf_err_step(err, "device");
    }
    return r;
}

/* The umask is 0 (cf_init_main), so modes of nodes are exact without a chmod. */
int cf_device_child_apply(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    const struct cf_blob_device *d = cf_blob_at(&in->blob, h->devices);
    const struct cf_blob_link *l = cf_blob_at(&in->blob, h->links);
    struct cf_fd_run run;
    int r = 0;

    run.n = 0;
    for (uint32_t i = 0; r >= 0 && i < h->devices.count; i++)
        r = apply_device(in, &d[i], &run, err);
    for (uint32_t i = 0; r >= 0 && i < h->links.count; i++)
        r = apply_link(in, &l[i], err);
    cf_fd_run_end(&run);
    return r < 0 ? r : 0;
}

int cf_device_child_console(struct cf_init *in, struct cf_err *err)
{
    struct place p;
    struct statx stx = {0};
    int fd, r;

    r = find_place(in, "/dev/console", &p, err);
    if (r < 0)
        return r;
    r = cf_sys_mknodat(p.dir_fd, p.name, S_IFREG | 0600, 0);
    if (r == -EEXIST) {
        r = cf_sys_statx(p.dir_fd, p.name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx);
        if (r >= 0 && (S_ISLNK(stx.stx_mode) || S_ISDIR(stx.stx_mode)))
            return cf_err_set(err, COFFER_ERROR_UNSAFE, "console-exists", -EEXIST,
                              "`/dev/console` in the rootfs is a %s",
                              S_ISLNK(stx.stx_mode) ? "symlink" : "directory");
    }
    if (r < 0)
        return cf_err_sys(err, r, "make `/dev/console`");

    fd = cf_sys_open_tree(in->slave_fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0)
        return cf_err_sys(err, fd, "clone the terminal for `/dev/console`");
    r = cf_sys_move_mount(fd, "", p.dir_fd, p.name, MOVE_MOUNT_F_EMPTY_PATH);
    (void) cf_sys_close(fd);
    if (r < 0)
        return cf_err_sys(err, r, "mount the terminal at `/dev/console`");

    r = cf_sys_statx(p.dir_fd, p.name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &stx);
    if (r < 0)
        return cf_err_sys(err, r, "stat `/dev/console`");
    if (!S_ISCHR(stx.stx_mode) || stx.stx_rdev_major < CF_MAJOR_PTS ||
        stx.stx_rdev_major >= CF_MAJOR_PTS + 8)
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "console-not-pty", -ENOTTY,
                          "`/dev/console` is not the terminal that was mounted there");
    return 0;
}
