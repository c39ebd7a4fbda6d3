/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The mounts of the plan, in order. Everything is built detached with its final flags and attached
 * by fd; sources that init opens itself (rootless) are all opened before the first one is attached,
 * so that a mount can never become the source of a later one. Container side.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "mount/child.h"
#include "path/path.h"

#define PROPAGATION_MASK (MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE)

static int set_attr(int fd, unsigned int recursive, uint64_t set, uint64_t clr,
                    uint64_t propagation)
{
    struct mount_attr attr = {.attr_set = set, .attr_clr = clr, .propagation = propagation};

    return cf_sys_mount_setattr(fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof(attr));
}

static int fail_attr(struct cf_init *in, const struct cf_blob_mount *m, int r, struct cf_err *err)
{
    if (r == -EPERM) {
        (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "mount-flags-locked", r,
                          "a flag of the source is locked and cannot be cleared");
        cf_err_errno(err, r);
        cf_err_hint(err, "remove `rw`, `suid`, `dev`, `exec` or the atime option: a user namespace "
                         "cannot lift what the host has set on the source");
    }
    return cf_mount_child_fail(in, m, r, "set mount attributes", err);
}

/* In the order the options had. A new file system is private already. */
static int apply_propagation(struct cf_init *in, const struct cf_blob_mount *m, int fd,
                             struct cf_err *err)
{
    const uint32_t *prop = cf_blob_at(&in->blob, m->propagation);
    int r;

    for (uint32_t i = 0; i < m->propagation.count; i++) {
        if (i == 0 && m->kind == CF_MOUNT_FS && (prop[i] & MS_PRIVATE))
            continue;
        r = set_attr(fd, prop[i] & MS_REC ? AT_RECURSIVE : 0, 0, 0, prop[i] & PROPAGATION_MASK);
        if (r < 0)
            return cf_mount_child_fail(in, m, r, "set propagation", err);
    }
    return 0;
}

/* What protects the host's files goes down a recursive bind (rule R11). Taking flags back and the
 * atime kinds concern the top only: a mount below may have them locked. */
#define PROTECTING (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

/* As few calls as possible: most mounts need none. */
static int apply_attrs(struct cf_init *in, const struct cf_blob_mount *m, int fd,
                       struct cf_err *err)
{
    uint64_t rec_set = m->rec_attr_set;
    int r = 0;

    if ((m->flags & CF_MOUNT_RECURSIVE) && m->kind == CF_MOUNT_BIND)
        rec_set |= m->attr_set & PROTECTING & ~m->rec_attr_clr;
    if (rec_set || m->rec_attr_clr)
        r = set_attr(fd, AT_RECURSIVE, rec_set, m->rec_attr_clr, 0);
    if (r >= 0 && (m->attr_set || m->attr_clr))
        r = set_attr(fd, 0, m->attr_set, m->attr_clr, 0);
    if (r < 0)
        return fail_attr(in, m, r, err);
    return apply_propagation(in, m, fd, err);
}

/* Remembers the mounts that later steps work with. Return: true if fd is kept. */
static bool keep_fd(struct cf_init *in, const struct cf_blob_mount *m, int fd)
{
    int *slot = NULL;

    if (in->attached) { /* in a running container: nothing works with them but what may take them back */
        in->attached[in->n_attached++] = fd;
        return true;
    }
    if (m->flags & CF_MOUNT_IS_DEV)
        slot = &in->dev_fd;
    else if (m->kind != CF_MOUNT_FS)
        return false; /* somebody else's: never trusted as procfs or devpts */
    else if ((m->flags & CF_MOUNT_IS_PROC) && cf_str_eq(cf_blob_str(&in->blob, m->fstype), "proc"))
        slot = &in->proc_fd;
    else if (m->flags & CF_MOUNT_IS_PTS)
        slot = &in->pts_fd;
    if (!slot)
        return false;
    cf_close_fd(slot);
    *slot = fd;
    return true;
}

/* Permission bits and owner of the directory that the tmpfs will cover. */
static int copy_up(struct cf_init *in, const struct cf_blob_mount *m, int target_fd, int mnt_fd,
                   bool readonly, struct cf_err *err)
{
    struct stat st;
    int r;

    r = cf_sys_fstat(target_fd, &st);
    if (r >= 0 && (m->flags & CF_MOUNT_TMPFS_MODE) && (st.st_uid || st.st_gid)) {
        r = cf_sys_fchownat(mnt_fd, "", st.st_uid, st.st_gid, AT_EMPTY_PATH);
        if (r == -EINVAL || r == -EPERM)
            r = 0; /* an owner without mapping: the tmpfs keeps ours */
    }
    if (r < 0)
        return cf_mount_child_fail(in, m, r, "copy owner", err);
    r = cf_copyup_child_copy(in, target_fd, mnt_fd, err);
    if (r < 0)
        return cf_mount_child_fail(in, m, r, "", err);
    if (readonly) {
        r = set_attr(mnt_fd, 0, MOUNT_ATTR_RDONLY, 0, 0);
        if (r < 0)
            return cf_mount_child_fail(in, m, r, "make read-only", err);
    }
    return 0;
}

static int apply_fs(struct cf_init *in, const struct cf_blob_mount *m, struct cf_fd_run *run,
                    struct cf_err *err)
{
    /* a new mount has nothing below it: the recursive ones are the same */
    unsigned int attr = (unsigned int) ((m->attr_set & ~m->rec_attr_clr) | m->rec_attr_set);
    uint32_t mode = UINT32_MAX;
    int target_fd = -1, fd, r = 0;
    struct stat st;

    if (m->flags & (CF_MOUNT_TMPFS_MODE | CF_MOUNT_COPYUP)) {
        target_fd = cf_target_child_open(in, m, true, err);
        if (target_fd < 0)
            return target_fd;
    }
    if (m->flags & CF_MOUNT_TMPFS_MODE) {
        r = cf_sys_fstat(target_fd, &st);
        if (r < 0) {
            (void) cf_sys_close(target_fd);
            return cf_mount_child_fail(in, m, r, "stat target", err);
        }
        mode = st.st_mode & 07777;
    }

    fd = cf_fs_child_new(in, m, mode,
                         m->flags & CF_MOUNT_COPYUP ? attr & ~MOUNT_ATTR_RDONLY : attr, run, err);
    if (fd < 0) {
        if (target_fd >= 0)
            (void) cf_sys_close(target_fd);
        return fd;
    }
    if (m->flags & CF_MOUNT_COPYUP)
        r = copy_up(in, m, target_fd, fd, attr & MOUNT_ATTR_RDONLY, err);
    if (r >= 0)
        r = apply_propagation(in, m, fd, err);
    if (r >= 0)
        r = cf_target_child_attach(in, m, fd, true, target_fd, run, err);
    else if (target_fd >= 0)
        (void) cf_sys_close(target_fd);
    if (r < 0 || !keep_fd(in, m, fd))
        cf_fd_run_add(run, fd);
    return r;
}

/* option copy-symlink: the source is a symlink with the text `source`, which is made again. */
static int apply_symlink(struct cf_init *in, const struct cf_blob_mount *m, struct cf_err *err)
{
    uint64_t resolve = m->flags & CF_MOUNT_API_FS ? RESOLVE_NO_SYMLINKS : 0;
    int r;

    r = cf_inroot_symlink(in->root_fd, cf_blob_str(&in->blob, m->target),
                          cf_blob_str(&in->blob, m->source), resolve);
    if (r < 0)
        return cf_mount_child_fail(in, m, r, "make the symlink again", err);
    return 0;
}

/* A new file system that the host made: what depends on the place where it goes is done here. */
static int finish_new(struct cf_init *in, const struct cf_blob_mount *m, int fd, int *ret_target, struct cf_err *err)
{
    int target_fd, dir_fd, r;
    struct stat st;

    target_fd = cf_target_child_open(in, m, true, err);
    if (target_fd < 0)
        return target_fd;
    *ret_target = target_fd;
    if (m->flags & CF_MOUNT_TMPFS_MODE) {
        r = cf_sys_fstat(target_fd, &st);
        dir_fd = r < 0 ? r : cf_sys_openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        r = dir_fd < 0 ? dir_fd : cf_sys_fchmod(dir_fd, st.st_mode & 07777);
        if (dir_fd >= 0)
            (void) cf_sys_close(dir_fd);
        if (r == -EPERM)
            r = 0; /* its root belongs to nobody of ours, so it keeps the mode that it has */
        if (r < 0)
            return cf_mount_child_fail(in, m, r, "take the mode of the target", err);
    }
    if (m->flags & CF_MOUNT_COPYUP)
        return copy_up(in, m, target_fd, fd, m->attr_set & MOUNT_ATTR_RDONLY, err);
    return 0;
}

/* @fd: the detached tree, taken. */
static int apply_tree(struct cf_init *in, const struct cf_blob_mount *m, int fd,
                      struct cf_fd_run *run, struct cf_err *err)
{
    bool dir = !(m->flags & CF_MOUNT_TARGET_FILE);
    int target_fd = -1, r = 0;

    if (m->kind == CF_MOUNT_BIND) {
        r = cf_fd_type(fd);
        if (r < 0)
            (void) cf_mount_child_fail(in, m, r, "stat source", err);
        else
            dir = r == S_IFDIR;
        if (r >= 0)
            r = apply_attrs(in, m, fd, err);
    }
    if (m->flags & (CF_MOUNT_TMPFS_MODE | CF_MOUNT_COPYUP))
        r = finish_new(in, m, fd, &target_fd, err);
    if (r >= 0)
        r = cf_target_child_attach(in, m, fd, dir, target_fd, run, err);
    else if (target_fd >= 0)
        (void) cf_sys_close(target_fd);
    if (r < 0 || !keep_fd(in, m, fd))
        cf_fd_run_add(run, fd);
    return r < 0 ? r : 0;
}

static int apply_remount(struct cf_init *in, const struct cf_blob_mount *m, struct cf_fd_run *run,
                         struct cf_err *err)
{
    const char *target = cf_blob_str(&in->blob, m->target);
    int fd, r = 0;

    fd = cf_inroot_open(in->root_fd, target, O_PATH,
                        m->flags & CF_MOUNT_API_FS ? RESOLVE_NO_SYMLINKS : 0);
    if (fd < 0)
        return cf_mount_child_fail(in, m, fd, "open target in the rootfs", err);
    if (m->params.count > 0)
        r = cf_fs_child_reconfigure(in, m, fd, err);
    if (r >= 0) {
        r = apply_attrs(in, m, fd, err);
        if (r == -EINVAL)
            cf_err_hint(err, "`remount` needs a mount that is exactly at the destination");
    }
    cf_fd_run_add(run, fd);
    return r;
}

/* A tree from a path of the host, as seen from our own mount namespace (rootless). */
static int open_source(struct cf_init *in, const struct cf_blob_mount *m, struct cf_err *err)
{
    const char *source = cf_blob_str(&in->blob, m->source);
    unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    int fd, tree;

    if (m->flags & CF_MOUNT_RECURSIVE)
        flags |= AT_RECURSIVE;
    if (m->flags & CF_MOUNT_SRC_NOFOLLOW) {
        fd = cf_sys_openat2(AT_FDCWD, source, &how, sizeof(how));
        if (fd < 0)
            return cf_mount_child_fail(in, m, fd, "open source", err);
        tree = cf_sys_open_tree(fd, "", flags | AT_EMPTY_PATH);
        (void) cf_sys_close(fd);
    } else {
        tree = cf_sys_open_tree(AT_FDCWD, source, flags);
    }
    if (tree == -EINVAL && !(m->flags & CF_MOUNT_RECURSIVE)) {
        (void) cf_err_sys(err, tree, "open source");
        cf_err_hint(err, "something is mounted below the source: in a user namespace only `rbind` "
                         "can take it, because it could uncover what is hidden");
    }
    return tree < 0 ? cf_mount_child_fail(in, m, tree, "open source", err) : tree;
}

static bool opens_source(const struct cf_blob_mount *m)
{
    return m->kind == CF_MOUNT_BIND && !(m->flags & CF_MOUNT_COPY_SYMLINK);
}

/*
 * Opens the sources of all CF_MOUNT_BIND records into an array of fds, indexed like the mounts.
 * The array is the one piece of memory we need of a size that only the blob knows: a mapping.
 */
static int open_sources(struct cf_init *in, const struct cf_blob_mount *m, uint32_t n,
                        int **ret_fds, struct cf_err *err)
{
    uint32_t n_bind = 0;
    long addr;
    int *fds;

    *ret_fds = NULL;
    for (uint32_t i = 0; i < n; i++)
        n_bind += opens_source(&m[i]);
    if (n_bind == 0)
        return 0;

    addr = cf_sys_mmap(NULL, n * sizeof(int), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
    if (cf_sys_is_error(addr))
        return cf_err_sys(err, (int) addr, "allocate memory");
    fds = (int *) addr;
    *ret_fds = fds;
    for (uint32_t i = 0; i < n; i++)
        fds[i] = -1;
    for (uint32_t i = 0; i < n; i++) {
        if (!opens_source(&m[i]))
            continue;
        fds[i] = open_source(in, &m[i], err);
        if (fds[i] < 0)
            return fds[i];
    }
    return 0;
}

static void close_sources(int *fds, uint32_t n)
{
    if (!fds)
        return;
    for (uint32_t i = 0; i < n; i++)
        cf_close_fd(&fds[i]);
    (void) cf_sys_munmap(fds, n * sizeof(int));
}

/* The config has no mount at /dev: a private tmpfs, so that nothing of the image's /dev is used. */
static int own_dev(struct cf_init *in, struct cf_fd_run *run, struct cf_err *err)
{
    static const char *const params[][2] = {
        {"source", "tmpfs"}, {"mode", "755"}, {"size", "65536k"}};
    int fd, target_fd, r;

    if (in->blob.h->dev_fd != CF_NO_FD)
        fd = cf_init_take_fd(in, in->blob.h->dev_fd);
    else
        fd = cf_fs_child_tmpfs(params, 3, MOUNT_ATTR_NOSUID, run);
    if (fd < 0)
        return cf_err_sys(err, fd, "make a tmpfs for `/dev`");
    r = cf_sys_move_mount(fd, "", in->root_fd, "dev", MOVE_MOUNT_F_EMPTY_PATH);
    if (r < 0) {
        /* missing, or not a directory: find out */
        target_fd = cf_target_child_dev(in, err);
        if (target_fd < 0) {
            (void) cf_sys_close(fd);
            return cf_err_in(err, "mount `tmpfs` at `/dev`");
        }
        r = cf_sys_move_mount(fd, "", target_fd, "",
                              MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
        cf_close_fd(&in->dev_fd);
    }
    if (r < 0) {
        (void) cf_sys_close(fd);
        return cf_err_sys(err, r, "mount `tmpfs` at `/dev`");
    }
    in->dev_fd = fd;
    return 0;
}

static int apply_one(struct cf_init *in, const struct cf_blob_mount *m, int *source,
                     struct cf_fd_run *run, struct cf_err *err)
{
    int fd;

    if (m->flags & CF_MOUNT_COPY_SYMLINK)
        return apply_symlink(in, m, err);
    switch (m->kind) {
    case CF_MOUNT_FS:
        return apply_fs(in, m, run, err);
    case CF_MOUNT_REMOUNT:
        return apply_remount(in, m, run, err);
    case CF_MOUNT_BIND:
        fd = *source;
        *source = -1;
        break;
    default:
        fd = cf_init_take_fd(in, m->fd);
        if (fd < 0)
            return cf_mount_child_fail(in, m, fd, "take its fd", err);
        break;
    }
    return apply_tree(in, m, fd, run, err);
}

int cf_mount_child_apply(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    const struct cf_blob_mount *m = cf_blob_at(&in->blob, h->mounts);
    struct cf_fd_run run;
    int *sources = NULL;
    int r;

    run.n = 0;
    r = open_sources(in, m, h->mounts.count, &sources, err);
    if (r >= 0 && in->attached)
        r = cf_attach_child_enter(in, err);
    if (r >= 0 && (h->flags & CF_BLOB_OWN_DEV))
        r = own_dev(in, &run, err);
    for (uint32_t i = 0; r >= 0 && i < h->mounts.count; i++)
        r = apply_one(in, &m[i], sources ? &sources[i] : NULL, &run, err);
    cf_fd_run_end(&run);
    close_sources(sources, h->mounts.count);
    if (r < 0)
        cf_err_step(err, "mount");
    return r < 0 ? r : 0;
}
