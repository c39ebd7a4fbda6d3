/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The work directory of the overlay that is made anew. The one of the mount that was found stays that
 * mount's: the kernel empties a work directory when it mounts, and refuses one that a volatile overlay has
 * used. Ours is a directory inside it, so it is on the same mount, and goes when the engine removes the layer.
 *
 * It also is the claim on the upper directory: two containers that write one upper directory through two
 * overlays would not see each other's changes. Who has it stands in a symlink. Host side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/str.h"
#include "mount/mount.h"
#include "mount/overlay-work.h"
#include "mount/overlay.h"
#include "path/path.h"
#include "sys/fs.h"
#include "sys/mountfd.h"

/* Return: length, 0: nobody has it. */
static long read_owner(int work_fd, char *buf, size_t size)
{
    long n = cf_sys_readlinkat(work_fd, CF_OVERLAY_WORK "/" CF_OVERLAY_OWNER, buf, size - 1);

    buf[n > 0 ? n : 0] = '\0';
    return n > 0 ? n : 0;
}

int cf_overlay_work_claim(int work_fd, const char *name, const char *owner, struct cf_err *err)
{
    cf_auto_fd int dir = -EBADF;
    char other[PATH_MAX];
    struct stat st;
    int r = cf_sys_flock(work_fd, LOCK_EX);

    if (r >= 0 && read_owner(work_fd, other, sizeof(other)) > 0 && !cf_str_eq(other, owner) &&
        cf_sys_fstatat(AT_FDCWD, other, &st, AT_SYMLINK_NOFOLLOW) >= 0) {
        (void) cf_sys_flock(work_fd, LOCK_UN);
        (void) cf_err_set(err, COFFER_ERROR_STATE, "overlay-shared", -EBUSY,
                          "the container `%s` writes to the same overlay", other);
        cf_err_hint(err, "delete that container, give each one an overlay of its own, or give this one mappings of "
                         "its own");
        return -EBUSY;
    }
    /* What a container left that is gone, or that did not get far. */
    if (r >= 0)
        r = cf_rmtree_at(work_fd, CF_OVERLAY_WORK);
    if (r >= 0)
        r = cf_sys_mkdirat(work_fd, CF_OVERLAY_WORK, 0700);
    if (r >= 0)
        r = cf_sys_symlinkat(owner, work_fd, CF_OVERLAY_WORK "/" CF_OVERLAY_OWNER);
    if (r >= 0)
        r = dir = cf_sys_openat(work_fd, CF_OVERLAY_WORK, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    (void) cf_sys_flock(work_fd, LOCK_UN);
    if (r < 0)
        return cf_err_sys(err, r, "make the work directory `%s/" CF_OVERLAY_WORK "`", name);
    return cf_steal_fd(&dir);
}

/* The engine's view: it may have cached what was missing, or was another file, before the container ran. */
static void refresh(const char *root)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), fs_fd = -EBADF;
    struct statfs fs;

    if (fd < 0 || cf_sys_fstatfs(fd, &fs) < 0 || fs.f_type != CF_OVERLAY_MAGIC)
        return;
    fs_fd = cf_sys_fspick(fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
    if (fs_fd >= 0)
        (void) cf_sys_fsconfig_reconfigure(fs_fd); /* changes nothing, forgets everything */
}

void cf_overlay_release(const char *root, const char *work, const char *owner)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    char other[PATH_MAX];

    if (fd >= 0 && cf_sys_flock(fd, LOCK_EX) >= 0) {
        if (read_owner(fd, other, sizeof(other)) > 0 && cf_str_eq(other, owner))
            (void) cf_rmtree_at(fd, CF_OVERLAY_WORK);
        (void) cf_sys_flock(fd, LOCK_UN);
    }
    refresh(root);
}

void cf_overlay_release_lost(const char *root, const char *owner)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_err ignored = CF_ERR_INIT;
    struct cf_overlay_options options;
    struct cf_overlay_mount mount;
    const char *bad;
    struct statfs fs;

    if (!arena || fd < 0 || cf_sys_fstatfs(fd, &fs) < 0 || fs.f_type != CF_OVERLAY_MAGIC)
        return;
    if (cf_overlay_find(fd, root, arena, &mount, &ignored) >= 0 &&
        cf_overlay_options_parse(mount.options, arena, &options, &bad) >= 0 && options.work && options.work[0] == '/')
        cf_overlay_release(root, options.work, owner);
}
