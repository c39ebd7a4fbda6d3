/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Maps on the detached clones of sources, and why the kernel refused one: which mount it was, of which
 * file system, and what can be done. Host side.
 *
 * A map that is also the container's is set when the container's user namespace exists, between its clone
 * and the plan that carries the descriptors to init. All others get a namespace of their own before.
 */

#include "mount/mount-idmap.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/format.h"
#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "mount/mount.h"
#include "mount/mountinfo.h"
#include "mount/overlay.h"
#include "path/path.h"
#include "sys/fs.h"
#include "sys/mountfd.h"

#define ST_NOSUID_FLAG 0x0002 /* statfs(2) */

static int set_map(int fd, unsigned int recursive, int userns_fd)
{
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) userns_fd};

    return cf_sys_mount_setattr(fd, "", AT_EMPTY_PATH | recursive, &attr, sizeof(attr));
}

/* Only a new clone may replace the map that its source has. */
static int replace_map(const struct cf_source *s, int fd, int userns_fd)
{
    const struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) userns_fd};
    cf_auto_fd int tree = -EBADF;

    if (s->kind == CF_SOURCE_FS || (s->recursive && !s->idmap_recursive))
        return -EPERM;
    tree = cf_sys_open_tree_attr(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
                                             (s->recursive ? AT_RECURSIVE : 0u), &attr, sizeof(attr));
    return tree < 0 ? tree : cf_sys_dup3(tree, fd, O_CLOEXEC);
}

bool cf_mount_is_overlay(int fd)
{
    struct statfs fs;

    return cf_sys_fstatfs(fd, &fs) >= 0 && fs.f_type == CF_OVERLAY_MAGIC;
}

/* Would the kernel map this one alone? */
static int probe(const char *path, int userns_fd)
{
    cf_auto_fd int tree = cf_sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

    return tree < 0 ? tree : set_map(tree, 0, userns_fd);
}

static int refuse(const struct cf_source *s, int r, const char *fstype, const char *point, bool mapped,
                  struct cf_err *err)
{
    bool below = point && !cf_str_eq(point, s->path);

    if (r == -EPERM && mapped) {
        r = cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "mount-idmap-mapped", r, "`%s` is id-mapped already",
                       point ? point : s->path);
        cf_err_hint(err, "replacing its map needs Linux 6.15, and the option ridmap with rbind; or take a path of "
                         "the file system that is not id-mapped as source");
    } else if (r == -EPERM) {
        r = cf_err_set(err, COFFER_ERROR_PERMISSION, "mount-idmap-owner", r,
                       "the `%s`%s%s%s belongs to another user namespace than the runtime's", fstype,
                       below ? " mounted at `" : "", below ? point : "", below ? "`" : "");
        cf_err_hint(err, "only who has CAP_SYS_ADMIN over a file system may id-map it: let root of the host run the "
                         "container, or give the files the owners that the container's map leads to");
    } else {
        r = cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "mount-idmap-fs", r,
                       "the file system `%s`%s%s%s has no id-mapped mounts", fstype,
                       below ? " mounted at `" : "", below ? point : "", below ? "`" : "");
        if (cf_str_eq(fstype, "overlay") && !s->target)
            cf_err_hint(err, "let root.path be the mount point of an overlay, and not a directory above one");
        else if (cf_str_eq(fstype, "overlay"))
            cf_err_hint(err, "id-map the directories of its layers before the overlay is mounted, or give the files "
                             "other owners");
        else if (below)
            cf_err_hint(err, "use idmap instead of ridmap, or leave that mount out");
        else
            cf_err_hint(err, "take the mapping away and give the files other owners, or keep them on a file system "
                             "that has them, such as ext4, xfs, btrfs or tmpfs");
    }
    cf_err_errno(err, err->ret);
    return r;
}

/* The kernel says EINVAL or EPERM about a whole tree: finds the mount that it meant. */
int cf_mount_idmap_explain(const struct cf_source *s, int userns_fd, int r, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    cf_auto_fd int fd = -EBADF, table = -EBADF;
    char link[32], real[PATH_MAX], *rest;
    struct cf_mountinfo line;
    struct statx stx = {0};
    long n;

    if (s->kind == CF_SOURCE_FS)
        return refuse(s, r, s->fstype, NULL, false, err);
    if (r != -EINVAL && r != -EPERM)
        return cf_err_sys(err, r, "id-map the source `%s`", s->path);
    fd = cf_sys_openat(AT_FDCWD, s->path, O_PATH | O_CLOEXEC, 0);
    table = cf_sys_openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0 || table < 0 || cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0 ||
        cf_io_read_all(table, CF_MOUNTINFO_LIMIT, &text, NULL) < 0)
        return cf_err_sys(err, r, "id-map the source `%s`", s->path);
    (void) cf_format(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = cf_sys_readlinkat(AT_FDCWD, link, real, sizeof(real) - 1);
    real[n > 0 ? n : 0] = '\0';
    for (rest = text; cf_mountinfo_next(&rest, &line);) {
        bool top = line.id == stx.stx_mnt_id;

        if (!line.point || !(top || (s->idmap_recursive && real[0] && cf_path_is_below(line.point, real))))
            continue;
        if (probe(top ? s->path : line.point, userns_fd) < 0)
            return refuse(s, r, line.fstype, top ? s->path : line.point, strstr(line.options, "idmapped") != NULL,
                          err);
    }
    return cf_err_sys(err, r, "id-map the source `%s`", s->path);
}

int cf_mount_idmap_apply(const struct cf_source *s, int fd, int userns_fd, struct cf_err *err)
{
    int r = set_map(fd, s->idmap_recursive ? AT_RECURSIVE : 0, userns_fd), again;

    if (r == -EPERM) {
        again = replace_map(s, fd, userns_fd);
        if (again >= 0)
            return 0;
    }
    if (r >= 0)
        return 0;
    (void) cf_mount_idmap_explain(s, userns_fd, r, err);
    r = cf_err_in(err, "id-map the mount at `%s`", s->target ? s->target : "/");
    cf_err_field(err, "%s", s->field);
    cf_err_step(err, "mount");
    return r;
}

/* May anybody but root pass? ACLs are not looked at: their mask shows in the group's bits. */
static bool is_open(const struct stat *st)
{
    return (st->st_mode & S_IXOTH) || st->st_uid != 0 || (st->st_gid != 0 && (st->st_mode & S_IXGRP));
}

bool cf_mount_idmap_exposed(const struct cf_source *s)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, s->path, O_PATH | O_CLOEXEC, 0);
    char link[32], path[PATH_MAX], *slash;
    struct statfs fs;
    struct stat st;
    long n;

    if (fd < 0 || cf_sys_fstatfs(fd, &fs) < 0 || (fs.f_flags & ST_NOSUID_FLAG))
        return false;
    (void) cf_format(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = cf_sys_readlinkat(AT_FDCWD, link, path, sizeof(path) - 1);
    if (n <= 0 || path[0] != '/')
        return false;
    path[n] = '\0';
    /* The source itself does not count: the container can change its mode. */
    while ((slash = strrchr(path, '/')) && slash != path) {
        *slash = '\0';
        if (cf_sys_fstatat(AT_FDCWD, path, &st, 0) < 0 || !is_open(&st))
            return false;
    }
    return true;
}

int cf_mount_idmap_judge(struct cf_plan *plan, const struct cf_source *s, struct cf_err *err)
{
    if (!s->exposed || !cf_mount_idmap_exposed(s))
        return 0;
    if (plan->refuse_exposed) {
        (void) cf_err_config(err, "preset-setuid-volume", s->field,
                             "the container writes to `%s` as user 0 of the file system, and every user of the host can "
                             "reach it: a set-user-ID program left there works on the host", s->path);
        cf_err_hint(err, "close a directory above it (mode 0700), mount its file system nosuid, make it read-only in the "
                         "container, map other ids, or allow it by `hardened:setuid-volumes`");
        return err->ret;
    }
    *plan->warnings_tail = s->exposed;
    plan->warnings_tail = &s->exposed->next;
    return 0;
}

static bool is_late(const struct cf_plan *plan, const struct cf_source *s)
{
    return s->idmap && plan->idmaps[s->idmap - 1].container;
}

/* @fd keeps its number. */
static int map_root(const struct cf_plan *plan, const struct cf_source *s, int fd, int userns_fd, struct cf_err *err)
{
    cf_auto_fd int made = -EBADF;
    int r;

    if (!cf_mount_is_overlay(fd))
        return cf_mount_idmap_apply(s, fd, userns_fd, err);
    made = cf_overlay_build(plan, s, fd, userns_fd, err);
    if (made < 0)
        return made;
    r = cf_sys_dup3(made, fd, O_CLOEXEC);
    return r < 0 ? cf_err_sys(err, r, "duplicate the root") : 0;
}

int cf_mount_host_idmap(struct cf_plan *plan, const int *fds, pid_t pid, int join_fd, struct cf_err *err)
{
    cf_auto_fd int made = -EBADF;
    int userns_fd = join_fd, r;

    for (size_t i = 0; i < plan->n_sources; i++) {
        const struct cf_source *s = &plan->sources[i];

        if (!is_late(plan, s))
            continue;
        if (userns_fd < 0) {
            struct cf_err ignored = CF_ERR_INIT;

            /* Looking into the child takes CAP_SYS_PTRACE, because it runs with other ids. */
            made = cf_userns_open(pid, &ignored);
            if (made == -EACCES || made == -EPERM)
                made = cf_userns_map_fd(&plan->userns.uids, &plan->userns.gids, err);
            else if (made < 0)
                *err = ignored;
            if (made < 0)
                return made;
            userns_fd = made;
        }
        if (s->idmap_try) {
            r = cf_mount_idmap_try(plan, s, fds[i], userns_fd, err);
            if (r < 0)
                return r;
            continue;
        }
        r = s->kind == CF_SOURCE_ROOT ? map_root(plan, s, fds[i], userns_fd, err)
                                      : cf_mount_idmap_apply(s, fds[i], userns_fd, err);
        if (r < 0)
            return r;
    }
    return 0;
}
