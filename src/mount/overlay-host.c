/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The same overlay with id-mapped layers, as a detached mount. Directories on one mount share one clone of
 * the deepest directory above them: it is the maps that count, and each clone costs when it goes.
 *
 * The kernel works in the layers with the ids of whoever made the overlay. Root of the host has no place in
 * the container's map, so the thread becomes the container's root for that call, with its capabilities.
 *
 * Before Linux 6.15 layers must hang in the caller's mount namespace: there a child does the last step in
 * one of its own, which goes with it. Host side.
 */

#include <errno.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fd.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "mount/mount-idmap.h"
#include "mount/overlay-work.h"
#include "mount/overlay.h"
#include "sys/fs.h"
#include "sys/mountfd.h"
#include "sys/task.h"

struct build {
    const struct cf_plan *plan;
    const struct cf_source *s;
    struct cf_overlay_options options;
    struct cf_overlay_mount mount;
    struct cf_overlay_layers layers;
    int userns_fd, fs_fd;
    int *clones; /* detached, of whole mounts */
    size_t n_clones;
    bool old_kernel; /* takes no directory of a detached mount */
};

/* @fd: O_PATH directory, @path: for messages. Return: index in clones, or negative errno with err. */
static int add_clone(struct build *b, int fd, const char *path, struct cf_err *err)
{
    const struct cf_source source = {.path = path, .target = "/", .field = "root.path"};
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) b->userns_fd};
    cf_auto_fd int clone = cf_sys_open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    int r;

    if (clone < 0)
        return cf_err_sys(err, clone, "open the layer `%s`", path);
    /* A layer that has a map keeps it: only the old call refuses to replace one. */
    r = cf_sys_mount_setattr(clone, "", AT_EMPTY_PATH, &attr, sizeof(attr));
    if (r < 0) {
        (void) cf_mount_idmap_explain(&source, b->userns_fd, r, err);
        return cf_err_in(err, "id-map the layers of the overlay at `%s`", b->s->path);
    }
    b->clones[b->n_clones] = cf_steal_fd(&clone);
    return (int) b->n_clones++;
}

/* The part of @path that is a directory above @other too. */
static size_t common(const char *path, size_t n, const char *other)
{
    size_t i = 0, end = 0;

    for (; i < n && path[i] == other[i] && path[i]; i++)
        if (path[i] == '/')
            end = i;
    if ((i == n || !path[i] || path[i] == '/') && (!other[i] || other[i] == '/'))
        end = i;
    return end;
}

/* Is the directory of the clone the one that was compared? */
static bool take_mapped(struct cf_overlay_layer *layer, int clone, const char *below)
{
    const struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
                                            RESOLVE_NO_XDEV};
    cf_auto_fd int fd = cf_sys_openat2(clone, *below ? below : ".", &how, sizeof(how));
    struct statx stx;

    if (fd < 0 || cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_INO, &stx) < 0 || stx.stx_ino != layer->ino ||
        stx.stx_dev_major != layer->dev_major || stx.stx_dev_minor != layer->dev_minor)
        return false;
    layer->mapped_fd = cf_steal_fd(&fd);
    return true;
}

/* Maps all layers on the mount of layers[first] that have a path, by one clone. */
static int map_group(struct build *b, size_t first, struct cf_err *err)
{
    struct cf_overlay_layer *all = b->layers.layers, *head = &all[first];
    char prefix[PATH_MAX];
    cf_auto_fd int dir = -EBADF;
    struct statx stx;
    size_t n, members = 0;
    int clone;

    if (!head->path)
        return 0;
    n = strlen(head->path);
    for (size_t i = first; i < b->layers.n; i++) {
        if (all[i].mount_id != head->mount_id || !all[i].path)
            continue;
        members++;
        n = common(head->path, n, all[i].path);
    }
    if (members < 2 || n >= sizeof(prefix))
        return 0;
    memcpy(prefix, head->path, n);
    prefix[n] = '\0';
    dir = cf_sys_openat(AT_FDCWD, n ? prefix : "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (dir < 0 || cf_sys_statx(dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 || stx.stx_mnt_id != head->mount_id)
        return 0; /* something is mounted in between */
    clone = add_clone(b, dir, n ? prefix : "/", err);
    if (clone < 0)
        return clone;
    for (size_t i = first; i < b->layers.n; i++) {
        if (all[i].mount_id != head->mount_id || !all[i].path)
            continue;
        (void) take_mapped(&all[i], b->clones[clone], all[i].path + n + (all[i].path[n] == '/'));
    }
    return 0;
}

static int map_layers(struct build *b, struct cf_err *err)
{
    struct cf_overlay_layer *all = b->layers.layers;
    int r = 0;

    for (size_t i = 0; i < b->layers.n && r >= 0; i++) {
        if (all[i].mapped_fd >= 0)
            continue;
        r = map_group(b, i, err);
        if (r < 0 || all[i].mapped_fd >= 0)
            continue;
        if (i >= b->layers.n_lower) {
            /* These two have to be on one mount. */
            r = cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-layers", -EXDEV,
                           "`%s` and the work directory of the overlay cannot be found below one directory",
                           all[b->layers.n_lower].name);
            continue;
        }
        r = add_clone(b, all[i].fd, all[i].path ? all[i].path : all[i].name, err);
        all[i].mapped_fd = r < 0 ? -EBADF : cf_fd_dup(b->clones[r]);
        if (r >= 0 && all[i].mapped_fd < 0)
            r = cf_err_sys(err, all[i].mapped_fd, "duplicate a descriptor");
    }
    return r;
}

static int set_layer(struct build *b, const char *key, int fd, struct cf_err *err)
{
    char path[CF_FD_PATH_SIZE];
    int r = -EINVAL;

    /* By descriptor since Linux 6.13. */
    if (!b->old_kernel)
        r = cf_sys_fsconfig_set_fd(b->fs_fd, key, fd);
    else
        r = cf_sys_fsconfig_set_string(b->fs_fd, key, cf_fd_path(path, fd));
    if (r >= 0)
        return 0;
    if (r == -EINVAL && key[strlen(key) - 1] == '+') {
        (void) cf_mount_fs_fail(b->fs_fd, r, "overlay option", key, err);
        cf_err_hint(err, "layers are set one by one, which takes Linux 6.8");
        return r;
    }
    return cf_mount_fs_fail(b->fs_fd, r, "overlay option", key, err);
}

static int configure(struct build *b, struct cf_err *err)
{
    const struct cf_overlay_options *o = &b->options;
    struct cf_overlay_layer *layers = b->layers.layers;
    int r = 0;

    b->fs_fd = cf_sys_fsopen("overlay", FSOPEN_CLOEXEC);
    if (b->fs_fd < 0)
        return cf_err_sys(err, b->fs_fd, "open file system type `overlay`");
    /* The features first: they decide how layers are taken. */
    for (size_t i = 0; i < o->n_params && r >= 0; i++) {
        const struct cf_source_param *p = &o->params[i];

        r = p->value ? cf_sys_fsconfig_set_string(b->fs_fd, p->key, p->value)
                     : cf_sys_fsconfig_set_flag(b->fs_fd, p->key);
        if (r < 0)
            return cf_mount_fs_fail(b->fs_fd, r, "overlay option", p->key, err);
    }
    if (o->readonly && (r = cf_sys_fsconfig_set_flag(b->fs_fd, "ro")) < 0)
        return cf_mount_fs_fail(b->fs_fd, r, "overlay option", "ro", err);
    for (size_t i = 0; i < b->layers.n_lower && r >= 0; i++)
        r = set_layer(b, i < o->n_lower - o->n_data ? "lowerdir+" : "datadir+", layers[i].mapped_fd, err);
    if (r >= 0 && o->upper)
        r = set_layer(b, "upperdir", layers[b->layers.n_lower].mapped_fd, err);
    if (r >= 0 && o->upper)
        r = set_layer(b, "workdir", layers[b->layers.n_lower + 1].mapped_fd, err);
    if (r >= 0)
        r = cf_sys_fsconfig_set_string(b->fs_fd, "source", "overlay");
    return r;
}

/* In a child that has nothing but system calls: the clones become mounts of its own mount namespace. */
static int create_attached(const struct build *b)
{
    const struct mount_attr private = {.propagation = MS_PRIVATE};
    char name[CF_NUM_SIZE];
    int tmp = cf_sys_fsopen("tmpfs", FSOPEN_CLOEXEC), r;

    if (tmp < 0)
        return tmp;
    r = cf_sys_mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &private, sizeof(private));
    if (r >= 0)
        r = cf_sys_fsconfig_create(tmp);
    if (r >= 0)
        r = tmp = cf_sys_fsmount(tmp, FSMOUNT_CLOEXEC, 0);
    if (r >= 0)
        r = cf_sys_move_mount(tmp, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH);
    for (size_t i = 0; i < b->n_clones && r >= 0; i++) {
        (void) cf_num_format(name, i);
        r = cf_sys_mkdirat(tmp, name, 0700);
        if (r >= 0)
            r = cf_sys_move_mount(b->clones[i], "", tmp, name, MOVE_MOUNT_F_EMPTY_PATH);
    }
    return r < 0 ? r : cf_sys_fsconfig_create(b->fs_fd);
}

/* The context and the clones are the same open files in parent and child. */
static int create_in_child(const struct build *b)
{
    uint64_t all = ~0ULL, old;
    siginfo_t info = {0};
    cf_auto_fd int pidfd = -EBADF;
    int pid, r;

    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &all, &old);
    pid = cf_sys_fork(CLONE_NEWNS | CLONE_CLEAR_SIGHAND, &pidfd);
    if (pid == 0) {
        r = create_attached(b);
        cf_sys_exit_group(r < 0 ? (-r < 255 ? -r : 255) : 0);
    }
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &old, NULL);
    if (pid < 0)
        return pid;
    do
        r = cf_sys_waitid(P_PIDFD, pidfd, &info, WEXITED, NULL);
    while (r == -EINTR);
    if (r < 0)
        return r;
    return info.si_code == CLD_EXITED ? -info.si_status : -EIO;
}

static int create(struct build *b, struct cf_err *err)
{
    struct cf_userns_owner owner;
    int r = cf_userns_owner_enter(&b->plan->userns, &owner, err);

    if (r < 0)
        return r;
    r = b->old_kernel ? create_in_child(b) : cf_sys_fsconfig_create(b->fs_fd);
    cf_userns_owner_leave(&owner);
    if (r == -EBUSY) {
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-busy", r,
                          "the overlay at `%s` does not share its upper directory (index=on)", b->s->path);
        cf_err_hint(err, "mount it with index=off, with layers that are id-mapped already and mappings in config.json, "
                         "or without a user namespace for the container");
        return r;
    }
    if (r < 0) {
        (void) cf_mount_fs_fail(b->fs_fd, r, "make the overlay", NULL, err);
        return cf_err_in(err, "id-map the overlay at `%s`", b->s->path);
    }
    return 0;
}

/* Flags of the mount that was found stay: statfs(2) has its own numbers for them. */
static unsigned int attributes(const struct statfs *fs)
{
    static const struct {
        long flag;
        unsigned int attr;
    } table[] = {
        {0x0001, MOUNT_ATTR_RDONLY}, {0x0002, MOUNT_ATTR_NOSUID}, {0x0004, MOUNT_ATTR_NODEV},
        {0x0008, MOUNT_ATTR_NOEXEC}, {0x0400, MOUNT_ATTR_NOATIME}, {0x0800, MOUNT_ATTR_NODIRATIME},
        {0x2000, MOUNT_ATTR_NOSYMFOLLOW},
    };
    unsigned int attr = 0;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (fs->f_flags & table[i].flag)
            attr |= table[i].attr;
    return attr;
}

static int attach(struct build *b, const struct statfs *found, struct cf_err *err)
{
    cf_auto_fd int fd = cf_sys_fsmount(b->fs_fd, FSMOUNT_CLOEXEC, attributes(found));
    struct statfs fs;

    if (fd < 0)
        return cf_mount_fs_fail(b->fs_fd, fd, "make the mount of the overlay", NULL, err);
    /* A work directory that it cannot use makes an overlay read-only without an error. */
    if (b->options.upper && !(found->f_flags & 1) && cf_sys_fstatfs(fd, &fs) >= 0 && (fs.f_flags & 1)) {
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-workdir", -EROFS,
                          "the overlay at `%s` can only be made read-only with id-mapped layers", b->s->path);
        cf_err_hint(err, "the kernel's log says what its work directory lacks");
        return -EROFS;
    }
    return cf_steal_fd(&fd);
}

/* The kernel tells by this call whether it takes directories of detached mounts: they came together. */
static bool is_old(void)
{
    int fd = cf_sys_open_tree_attr(-EBADF, "", 0, NULL, 0);

    return fd == -ENOSYS || fd == -EPERM;
}

static int claim(struct build *b, struct cf_err *err)
{
    struct cf_plan_overlay *use = b->plan->overlay;
    struct cf_overlay_layer *work = &b->layers.layers[b->layers.n_lower + 1];
    char path[PATH_MAX];
    struct statx stx;
    int fd;

    if (!b->options.upper)
        return 0;
    if (!work->path || cf_str_copy(use->work, sizeof(use->work), work->path) < 0 ||
        cf_str_path_join(path, sizeof(path), work->path, CF_OVERLAY_WORK) < 0)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-layers", -ENOENT,
                          "the work directory `%s` has no path", work->name);
    fd = cf_overlay_work_claim(work->fd, work->name, use->owner, err);
    if (fd < 0) {
        use->work[0] = '\0';
        return fd;
    }
    b->layers.work_fd = work->fd;
    work->fd = fd;
    (void) cf_str_copy(use->path, sizeof(use->path), path);
    work->path = use->path;
    fd = cf_sys_statx(work->fd, "", AT_EMPTY_PATH, STATX_INO, &stx);
    work->ino = stx.stx_ino;
    return fd < 0 ? cf_err_sys(err, fd, "look at `%s`", path) : 0;
}

static int build(struct build *b, int root_fd, struct cf_arena *arena, struct cf_err *err)
{
    const char *bad = "";
    struct statfs found;
    int r = cf_overlay_find(root_fd, b->s->path, arena, &b->mount, err);

    if (r < 0)
        return r;
    r = cf_overlay_options_parse(b->mount.options, arena, &b->options, &bad);
    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r == -EOPNOTSUPP)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-option", r,
                          "the overlay at `%s` has the option `%s`, which coffer does not know how to keep", b->s->path,
                          bad);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-layers", r,
                          "the options of the overlay at `%s` do not name its layers", b->s->path);
    r = cf_sys_fstatfs(root_fd, &found);
    if (r < 0)
        return cf_err_sys(err, r, "look at `%s`", b->s->path);
    b->clones = cf_arena_calloc(arena, b->options.n_lower + 2, sizeof(*b->clones));
    if (!b->clones)
        return cf_err_oom(err);
    r = cf_overlay_open(root_fd, &b->mount, &b->options, arena, &b->layers, err);
    if (r >= 0)
        r = claim(b, err);
    if (r >= 0)
        r = map_layers(b, err);
    if (r < 0)
        return r;
    b->old_kernel = is_old();
    r = configure(b, err);
    if (r >= 0)
        r = create(b, err);
    return r < 0 ? r : attach(b, &found, err);
}

int cf_overlay_build(const struct cf_plan *plan, const struct cf_source *s, int fd, int userns_fd, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    cf_auto_fd int root_fd = cf_sys_openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    struct build b = {.plan = plan, .s = s, .userns_fd = userns_fd, .fs_fd = -EBADF, .layers = {.work_fd = -EBADF}};
    int r;

    if (!arena)
        return cf_err_oom(err);
    r = root_fd < 0 ? cf_err_sys(err, root_fd, "open root `%s`", s->path) : build(&b, root_fd, arena, err);
    cf_overlay_close(&b.layers);
    for (size_t i = 0; i < b.n_clones; i++)
        cf_fd_close(&b.clones[i]);
    cf_fd_close(&b.fs_fd);
    if (r < 0) {
        cf_err_field(err, "root.path");
        cf_err_step(err, "mount");
    }
    /* To the caller these two say that init is dead. */
    return r == -ENOENT || r == -ESRCH ? err->ret = -ESTALE : r;
}
