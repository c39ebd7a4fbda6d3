/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the kernel says about the overlay mount under a directory: its options, where it is, what is
 * mounted below. statmount(2) looks at one mount (options: Linux 6.11); mountinfo, of all mounts, is the other
 * way. Both give the text in full, whatever its length. Host side.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "mount/mountinfo.h"
#include "mount/overlay.h"
#include "sys/fs.h"
#include "sys/mountfd.h"

#define STATMOUNT_FIRST 4096u
#define STATMOUNT_LIMIT (4u << 20)
#define STATMOUNT_ALL (CF_STATMOUNT_ROOT | CF_STATMOUNT_POINT | CF_STATMOUNT_OPTIONS)

static int refuse_subdir(const char *path, const char *root, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-subdir", -EOPNOTSUPP,
                      "`%s` is a directory of an overlay (`%s`), not its root, and cannot be id-mapped", path, root);
    cf_err_hint(err, "let root.path be the overlay's mount point, or give the container mappings of its own");
    return -EOPNOTSUPP;
}

static int refuse_submount(const char *path, const char *below, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-submount", -EOPNOTSUPP,
                      "`%s` is mounted below the overlay `%s`, which is made anew without it", below, path);
    cf_err_hint(err, "unmount it and list it in mounts");
    return -EOPNOTSUPP;
}

/* Return: a malloc'd answer in *@ret, or -errno. */
static int ask(uint64_t id, uint64_t what, struct cf_statmount **ret)
{
    const struct cf_mount_request request = {.size = sizeof(request), .mnt_id = id, .param = what};
    int r = -EOVERFLOW;

    for (size_t size = STATMOUNT_FIRST; r == -EOVERFLOW && size <= STATMOUNT_LIMIT; size *= 4) {
        struct cf_statmount *answer = calloc(1, size);

        if (!answer)
            return -ENOMEM;
        r = cf_sys_statmount(&request, answer, size);
        if (r >= 0 && (answer->mask & what) != what)
            r = -ENOSYS; /* an older kernel leaves out what it does not know */
        if (r >= 0)
            *ret = answer;
        else
            free(answer);
    }
    return r;
}

static int find_by_call(uint64_t id, const char *path, struct cf_arena *arena, struct cf_overlay_mount *ret,
                        struct cf_err *err)
{
    const struct cf_mount_request request = {.size = sizeof(request), .mnt_id = id};
    cf_auto_free struct cf_statmount *mount = NULL, *child = NULL;
    uint64_t below;
    long n;
    int r = ask(id, STATMOUNT_ALL, &mount);

    if (r < 0)
        return r;
    n = cf_sys_listmount(&request, &below, 1);
    if (n < 0)
        return (int) n;
    if (!cf_str_eq(mount->str + mount->root, "/"))
        return refuse_subdir(path, mount->str + mount->root, err);
    if (n > 0) {
        r = ask(below, CF_STATMOUNT_POINT, &child);
        return refuse_submount(path, r < 0 ? "something" : child->str + child->point, err);
    }
    ret->point = cf_arena_strdup(arena, mount->str + mount->point);
    ret->options = cf_arena_strdup(arena, mount->str + mount->options);
    return ret->point && ret->options ? 0 : cf_err_oom(err);
}

static int find_in_table(uint64_t id, const char *path, struct cf_arena *arena, struct cf_overlay_mount *ret,
                         struct cf_err *err)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY | O_CLOEXEC, 0);
    cf_auto_free char *text = NULL;
    struct cf_mountinfo line;
    int r = fd < 0 ? fd : cf_io_read_all(fd, CF_MOUNTINFO_LIMIT, &text, NULL);

    if (r < 0)
        return cf_err_sys(err, r, "read /proc/self/mountinfo");
    for (char *rest = text; cf_mountinfo_next(&rest, &line);) {
        if (!line.point)
            continue;
        if (line.parent == id && line.id != id)
            return refuse_submount(path, line.point, err);
        if (line.id != id)
            continue;
        if (!cf_str_eq(line.root, "/"))
            return refuse_subdir(path, line.root, err);
        ret->point = cf_arena_strdup(arena, line.point);
        ret->options = cf_arena_strdup(arena, line.super);
        if (!ret->point || !ret->options)
            return cf_err_oom(err);
    }
    return ret->point ? 0
                      : cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-layers", -ENOENT,
                                   "the overlay at `%s` is not in this mount namespace, so nothing tells its layers",
                                   path);
}

int cf_overlay_find(int fd, const char *path, struct cf_arena *arena, struct cf_overlay_mount *ret, struct cf_err *err)
{
    struct statx stx = {0};
    int r;

    *ret = (struct cf_overlay_mount) {0};
    r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE, &stx);
    if (r < 0)
        return cf_err_sys(err, r, "look at `%s`", path);
    if (!(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
        return refuse_subdir(path, path, err);
    if (stx.stx_mask & STATX_MNT_ID_UNIQUE) {
        r = find_by_call(stx.stx_mnt_id, path, arena, ret, err);
        if (r >= 0 || err->kind != COFFER_ERROR_NONE)
            return r;
    }
    r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx);
    return r < 0 ? cf_err_sys(err, r, "look at `%s`", path) : find_in_table(stx.stx_mnt_id, path, arena, ret, err);
}
