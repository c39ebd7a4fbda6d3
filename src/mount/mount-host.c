/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens every source of the plan in the host's view, before the first process exists (rule R12):
 * a mount of the container can then never become the source of a later one. Attributes and
 * propagation are set while the clones are detached (rule R11). Host side.
 */

#include "mount/mount.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/own.h"
#include "base/str.h"
#include "mount/clone-attr.h"
#include "mount/dev-host.h"
#include "mount/mount-idmap.h"
#include "sys/fs.h"
#include "sys/mountfd.h"

/* What the sources of one plan are opened from. */
struct host_open {
    struct cf_plan *plan;
    const struct cf_cgroup *cgroup;
    int rootfs_fd, gate_fd, pidns_fd;
    int store_fd; /* the tmpfs of nodes that are made one by one, -1: none yet */
    bool mounts_changed;
    bool two_calls; /* see cf_mount_clone_attr() */
    int *map_fds;   /* one for each of plan->idmaps, plus 1; 0: not made yet */
};

static int set_attr(int fd, bool recursive, uint64_t set, uint64_t clr, uint64_t propagation)
{
    struct mount_attr attr = {.attr_set = set, .attr_clr = clr, .propagation = propagation};

    if (!set && !clr && !propagation)
        return 0;
    return cf_sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u), &attr, sizeof(attr));
}

/* What is set first and for the whole tree: recursive attributes and, if it is recursive, the first propagation. */
static struct mount_attr first_attr(const struct cf_source *s, bool directory)
{
    bool has_propagation = s->n_propagation && (s->propagation[0] & MS_REC);

    return (struct mount_attr) {
        .attr_set = s->rec_attr_set | (directory ? s->dir_attr_set : 0),
        .attr_clr = s->rec_attr_clr,
        .propagation = has_propagation ? s->propagation[0] & ~(uint32_t) MS_REC : 0,
    };
}

/* Everything that makes the detached clone what the plan says. @has_first: all of first_attr() is set already. */
static int finish_clone(const struct cf_source *s, int fd, bool directory, bool has_first, struct cf_err *err)
{
    const struct mount_attr first = first_attr(s, directory);
    size_t i = first.propagation ? 1 : 0;
    int r = 0;

    if (!has_first)
        r = set_attr(fd, true, first.attr_set, first.attr_clr, first.propagation);
    for (; i < s->n_propagation && r >= 0; i++)
        r = set_attr(fd, s->propagation[i] & MS_REC, 0, 0, s->propagation[i] & ~(uint32_t) MS_REC);
    if (r >= 0)
        r = set_attr(fd, false, s->attr_set, s->attr_clr, 0);
    if (r < 0) {
        r = cf_err_sys(err, r, "set attributes of the mount of `%s`", s->path ? s->path : "cgroup");
        if (err->sys_errno == EPERM)
            cf_err_hint(err, "an option that the mount of the source has locked, such as ro, cannot be taken back");
    }
    return r;
}

/*
 * The namespace with the map of @s. Return: fd, kept by @h; -EBADF without err when there is none, or when it is
 * the container's, which does not exist yet; or negative errno with err.
 */
static int map_fd(struct host_open *h, const struct cf_source *s, struct cf_err *err)
{
    const struct cf_plan_idmap *map;
    int fd;

    if (!s->idmap || h->plan->idmaps[s->idmap - 1].container)
        return -EBADF;
    map = &h->plan->idmaps[s->idmap - 1];
    if (!h->map_fds)
        h->map_fds = calloc(h->plan->n_idmaps, sizeof(*h->map_fds));
    if (!h->map_fds)
        return cf_err_oom(err);
    if (h->map_fds[s->idmap - 1])
        return h->map_fds[s->idmap - 1] - 1;
    fd = cf_userns_map_fd(&map->uids, &map->gids, err);
    if (fd < 0) {
        fd = cf_err_in(err, "id-map the mount at `%s`", s->target ? s->target : "/");
        cf_err_field(err, "%s", map->field);
        return fd;
    }
    h->map_fds[s->idmap - 1] = fd + 1;
    return fd;
}

static void close_maps(struct host_open *h)
{
    for (size_t i = 0; h->map_fds && i < h->plan->n_idmaps; i++) {
        int fd = h->map_fds[i] - 1;

        cf_fd_close(&fd);
    }
    free(h->map_fds);
}

static unsigned int clone_flags(const struct cf_source *s)
{
    return OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (s->recursive ? AT_RECURSIVE : 0u);
}

/* @ret_has_first: first_attr() was done in the same call, and the map of @userns_fd (-EBADF: none) was set. */
static int open_clone(struct host_open *h, const struct cf_source *s, int userns_fd, bool *ret_has_first)
{
    struct mount_attr first = first_attr(s, false);
    cf_auto_fd int fd = -EBADF;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};

    *ret_has_first = false;
    if (userns_fd >= 0) {
        first.attr_set |= MOUNT_ATTR_IDMAP;
        first.userns_fd = (uint64_t) userns_fd;
    }
    /* A refusal of the attributes is told by the call that only sets them. */
    if (!s->nofollow && !s->dir_attr_set && (first.attr_set || first.attr_clr || first.propagation) && !h->two_calls) {
        int r = cf_sys_open_tree_attr(AT_FDCWD, s->path, clone_flags(s), &first, sizeof(first));

        *ret_has_first = r >= 0;
        if (r >= 0 || r == -ENOENT)
            return r;
        h->two_calls = r == -ENOSYS;
    }
    if (!s->nofollow)
        return cf_sys_open_tree(AT_FDCWD, s->path, clone_flags(s));
    fd = cf_sys_openat2(AT_FDCWD, s->path, &how, sizeof(how));
    if (fd < 0)
        return fd;
    return cf_sys_open_tree(fd, "", clone_flags(s) | AT_EMPTY_PATH);
}

static int source_error(const struct cf_source *s, int r, struct cf_err *err)
{
    r = cf_err_sys(err, r, "open source `%s`", s->path);
    if (r == -ELOOP && s->nofollow)
        cf_err_hint(err, "the option src-nofollow allows no symlink in the path of the source");
    return r;
}

/*
 * copy-symlink: a source that is a symlink becomes a link with the same text.
 * Return: O_PATH fd of the source when that is all that is needed (nobody uses it, but the list of
 * fds has no holes), 0 when it is no symlink and has to be cloned, or negative errno with err.
 */
static int open_symlink(struct host_open *h, const struct cf_source *s, bool *ret_is_link, struct cf_err *err)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, s->path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    char text[PATH_MAX];
    struct cf_blob_mount *m;
    struct stat st;
    long n;
    int r;

    *ret_is_link = false;
    if (fd < 0)
        return source_error(s, fd, err);
    r = cf_sys_fstat(fd, &st);
    if (r < 0)
        return source_error(s, r, err);
    if (!S_ISLNK(st.st_mode))
        return s->probe ? cf_steal_fd(&fd) : 0;
    n = cf_sys_readlinkat(fd, "", text, sizeof(text) - 1);
    if (n <= 0)
        return source_error(s, n < 0 ? (int) n : -ENOENT, err);
    text[n] = '\0';

    m = &h->plan->mounts[s->blob_mount];
    m->kind = CF_MOUNT_BIND;
    m->fd = CF_NO_FD;
    m->flags |= CF_MOUNT_COPY_SYMLINK;
    m->source = cf_blob_add_str(h->plan->blob, text);
    h->mounts_changed = true;
    *ret_is_link = true;
    return cf_steal_fd(&fd);
}

static int open_bind(struct host_open *h, const struct cf_source *s, struct cf_err *err)
{
    cf_auto_fd int fd = -EBADF;
    struct stat st;
    bool is_link, has_first, whole = !s->recursive || s->idmap_recursive;
    int userns_fd, r;

    if (s->copy_symlink) {
        r = open_symlink(h, s, &is_link, err);
        if (r < 0 || is_link || s->probe)
            return r;
    }
    userns_fd = map_fd(h, s, err);
    if (userns_fd < 0 && userns_fd != -EBADF)
        return userns_fd;
    /* The attributes of this call are for the whole tree. */
    fd = open_clone(h, s, whole ? userns_fd : -EBADF, &has_first);
    if (fd < 0)
        return source_error(s, fd, err);
    r = cf_sys_fstat(fd, &st);
    if (r < 0)
        return source_error(s, r, err);
    r = finish_clone(s, fd, S_ISDIR(st.st_mode), has_first, err);
    if (r >= 0 && userns_fd >= 0 && !(has_first && whole))
        r = cf_mount_idmap_apply(s, fd, userns_fd, err);
    if (r < 0)
        return r;
    if (s->idmap_try)
        s->idmap_try->skip = S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode);
    else
        r = cf_mount_idmap_judge(h->plan, s, err);
    if (r < 0)
        return r;
    if (s->blob_mount >= 0 && !S_ISDIR(st.st_mode)) {
        h->plan->mounts[s->blob_mount].flags |= CF_MOUNT_TARGET_FILE;
        h->mounts_changed = true;
    }
    return cf_steal_fd(&fd);
}

static int open_device(struct host_open *h, const struct cf_source *s, struct cf_err *err)
{
    cf_auto_fd int fd = -EBADF;
    struct stat st;
    int r;

    if (s->n_nodes) {
        r = cf_dev_host_node(s, &h->store_fd, (size_t) (s - h->plan->sources), err);
        if (r != -EOPNOTSUPP || err->kind != COFFER_ERROR_NONE)
            return r;
    }
    fd = cf_sys_open_tree(AT_FDCWD, s->path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0) {
        r = cf_err_sys(err, fd, "open device `%s`", s->path);
        cf_err_hint(err, "in a user namespace devices are taken from the host, so it must have this node");
        return r;
    }
    r = cf_sys_fstat(fd, &st);
    if (r < 0)
        return cf_err_sys(err, r, "look at device `%s`", s->path);
    /* The type first: st_rdev of other files is 0 or chance (rule R14). */
    if ((st.st_mode & S_IFMT) != s->device_mode ||
        (uint32_t) st.st_rdev != cf_sys_makedev(s->device_major, s->device_minor))
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "device-mismatch", -ENODEV,
                          "`%s` of the host is not the %s device %u:%u", s->path,
                          s->device_mode == S_IFBLK ? "block" : "character", s->device_major, s->device_minor);
    /* Nothing of the host's /dev is a peer of the container. */
    r = set_attr(fd, false, 0, 0, MS_PRIVATE);
    if (r < 0)
        return cf_err_sys(err, r, "make the mount of `%s` private", s->path);
    return cf_steal_fd(&fd);
}

static int open_cgroup(struct host_open *h, const struct cf_source *s, struct cf_err *err)
{
    struct cf_source whole = *s;
    cf_auto_fd int fd = -EBADF;
    int dir = h->cgroup ? cf_cgroup_dir_fd(h->cgroup, s->path) : -1;
    int r;

    if (dir >= 0) {
        fd = cf_sys_open_tree(dir, "", clone_flags(s) | AT_EMPTY_PATH);
    } else {
        /* What the runtime sees, never writable. */
        whole.attr_set |= MOUNT_ATTR_RDONLY;
        whole.attr_clr &= ~(uint64_t) MOUNT_ATTR_RDONLY;
        fd = cf_sys_open_tree(AT_FDCWD, s->fallback, clone_flags(s));
    }
    if (fd < 0)
        return cf_err_sys(err, fd, "open the container's cgroup%s%s", s->path ? " of controller " : "",
                          s->path ? s->path : "");
    r = finish_clone(&whole, fd, true, false, err);
    return r < 0 ? r : cf_steal_fd(&fd);
}

/* Made anew when the container's map is there; that asks what is mounted here. init knows the place by it. */
static int open_overlay(struct host_open *h, const struct cf_source *s, struct cf_err *err)
{
    struct cf_blob_header *header = cf_blob_header(h->plan->blob);
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, s->path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    struct statx stx;
    int r = fd;

    if (fd >= 0 && (header->flags & CF_BLOB_ROOT_BY_PATH)) {
        r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &stx);
        if (r >= 0) {
            header->root_ino = stx.stx_ino;
            header->root_dev_major = stx.stx_dev_major;
            header->root_dev_minor = stx.stx_dev_minor;
        }
    }
    return r < 0 ? cf_err_sys(err, r, "open root `%s`", s->path) : cf_steal_fd(&fd);
}

static int open_root(struct host_open *h, const struct cf_source *s, struct cf_err *err)
{
    const struct mount_attr first = first_attr(s, true);
    cf_auto_fd int fd = -EBADF;
    char path[PATH_MAX];
    int userns_fd, r;

    if (!s->clone) {
        fd = cf_fd_dup(h->rootfs_fd);
        if (fd < 0)
            return cf_err_sys(err, fd, "open root `%s`", s->path);
        return cf_steal_fd(&fd);
    }
    if (h->rootfs_fd >= 0) {
        fd = cf_mount_clone_attr(h->rootfs_fd, "", clone_flags(s) | AT_EMPTY_PATH, &first, &h->two_calls);
    } else {
        /* Behind the slash only a directory has a name. */
        r = cf_str_path(path, sizeof(path), "%s/.", s->path);
        fd = r < 0 ? r : cf_mount_clone_attr(AT_FDCWD, path, clone_flags(s), &first, &h->two_calls);
        if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EACCES || fd == -ENAMETOOLONG) {
            r = fd;
            (void) cf_err_config(err, "rootfs-missing", "root.path", "invalid rootfs `%s`", s->path);
            cf_err_errno(err, r);
            cf_err_step(err, "validate");
            return r;
        }
    }
    if (fd < 0)
        return cf_err_sys(err, fd, "open root `%s`", s->path);
    r = finish_clone(s, fd, true, true, err);
    if (r >= 0 && s->idmap && cf_mount_is_overlay(fd)) {
        cf_fd_close(&fd);
        return open_overlay(h, s, err);
    }
    if (r >= 0 && s->idmap) {
        userns_fd = map_fd(h, s, err);
        if (userns_fd >= 0)
            r = cf_mount_idmap_apply(s, fd, userns_fd, err);
        else if (userns_fd != -EBADF)
            r = userns_fd;
    }
    return r < 0 ? r : cf_steal_fd(&fd);
}

/* The joined namespace that a new file system is to show, or -EBADF: that of the runtime. */
static int shown_ns(const struct cf_ns_plan *ns, int type)
{
    for (uint32_t i = 0; type && ns->fds && i < ns->n_joins; i++) {
        if (ns->joins[i].type == type)
            return ns->fds[i];
    }
    return -EBADF;
}

/* Made by the host because init may not. */
static int open_fs(struct host_open *h, const struct cf_source *s, struct cf_err *err)
{
    int userns_fd = map_fd(h, s, err), r;
    cf_auto_fd int fd = -EBADF;

    if (userns_fd < 0 && userns_fd != -EBADF)
        return userns_fd;
    fd = cf_mount_fs_open(s, shown_ns(&h->plan->ns, s->shows), err);
    if (fd < 0)
        return fd;
    r = userns_fd < 0 ? 0 : cf_mount_idmap_apply(s, fd, userns_fd, err);
    for (size_t i = 0; i < s->n_propagation && r >= 0; i++) {
        r = set_attr(fd, false, 0, 0, s->propagation[i] & ~(uint32_t) MS_REC);
        if (r < 0)
            (void) cf_err_sys(err, r, "set propagation of the mount at `%s`", s->target);
    }
    return r < 0 ? r : cf_steal_fd(&fd);
}

static int open_given(int fd, const char *what, struct cf_err *err)
{
    int copy;

    if (fd < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "source-missing", -EBADF, "the plan needs %s, but there is none", what);
    copy = cf_fd_dup(fd);
    return copy < 0 ? cf_err_sys(err, copy, "duplicate %s", what) : copy;
}

static int open_source(struct host_open *h, const struct cf_source *s, struct cf_err *err)
{
    int r;

    switch (s->kind) {
    case CF_SOURCE_ROOT:
        r = open_root(h, s, err);
        break;
    case CF_SOURCE_BIND:
        r = open_bind(h, s, err);
        break;
    case CF_SOURCE_FS:
        r = open_fs(h, s, err);
        break;
    case CF_SOURCE_DEVICE:
        r = open_device(h, s, err);
        break;
    case CF_SOURCE_CGROUP:
        r = open_cgroup(h, s, err);
        break;
    case CF_SOURCE_DEV:
        return cf_dev_host_open(s, err);
    case CF_SOURCE_GATE:
        r = open_given(h->gate_fd, "the start socket", err);
        break;
    case CF_SOURCE_PIDNS:
        r = open_given(h->pidns_fd, "the joined pid namespace", err);
        break;
    case CF_SOURCE_OUTPUT:
        r = cf_plan_output_open(s->path, s->field, err);
        break;
    default:
        r = cf_err_set(err, COFFER_ERROR_BUG, "source-kind", -EINVAL, "unknown kind of source %u", s->kind);
        break;
    }
    if (r < 0 && !cf_str_empty(s->field))
        cf_err_field(err, "%s", s->field);
    return r;
}

int cf_mount_host_open(struct cf_plan *plan, int rootfs_fd, const struct cf_cgroup *cgroup, int gate_fd, int pidns_fd,
                       int *fds, struct cf_err *err)
{
    struct host_open h = {
        .plan = plan, .cgroup = cgroup, .rootfs_fd = rootfs_fd, .gate_fd = gate_fd, .pidns_fd = pidns_fd,
        .store_fd = -EBADF,
    };
    struct cf_ref mounts;
    size_t n = 0;
    int r = 0;

    for (; n < plan->n_sources; n++) {
        r = open_source(&h, &plan->sources[n], err);
        if (r < 0)
            break;
        fds[n] = r;
    }
    close_maps(&h);
    cf_fd_close(&h.store_fd);
    if (r < 0) {
        while (n > 0)
            cf_fd_close(&fds[--n]);
        return r;
    }
    if (h.mounts_changed) {
        /* The blob has no way back into what was added: the completed list is added again. */
        mounts = cf_blob_add_array(plan->blob, plan->mounts, plan->n_mounts, sizeof(*plan->mounts));
        cf_blob_header(plan->blob)->mounts = mounts;
    }
    return 0;
}
