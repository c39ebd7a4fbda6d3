/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes the maps of a fresh user namespace, host side: setgroups policy, gid map, uid map, each
 * with one write(2) as the kernel demands, then reads both back. No second guess: what fails is
 * reported with the entry that the kernel cannot have liked.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>

#include "base/format.h"
#include "base/io.h"
#include "base/own.h"
#include "sys/fs.h"
#include "sys/task.h"
#include "userns/userns-internal.h"
#include "userns/userns.h"

#define MAP_TEXT_LIMIT 65536

static const char *const map_files[] = {[CF_ID_UID] = "uid_map", [CF_ID_GID] = "gid_map"};

const char *cf_userns_field(enum cf_id_kind kind)
{
    return kind == CF_ID_UID ? "linux.uidMappings" : "linux.gidMappings";
}

int cf_userns_open_proc(pid_t pid, struct cf_err *err)
{
    cf_auto_fd int fd = -EBADF;
    struct statfs fs;
    char path[32];
    int r;

    (void) cf_format(path, sizeof(path), "/proc/%d", (int) pid);
    fd = cf_sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return cf_err_sys(err, fd, "open `%s`", path);
    r = cf_sys_fstatfs(fd, &fs);
    if (r < 0)
        return cf_err_sys(err, r, "look at `%s`", path);
    if (fs.f_type != PROC_SUPER_MAGIC)
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "proc-not-procfs", -ENOTSUP,
                          "`/proc` is not a procfs");
    return cf_steal_fd(&fd);
}

static int open_file(int proc_fd, const char *name, int flags)
{
    const struct open_how how = {
        .flags = (uint64_t) (flags | O_CLOEXEC | O_NOFOLLOW),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };

    return cf_sys_openat2(proc_fd, name, &how, sizeof(how));
}

static int read_map_fd(int fd, const char *name, struct cf_arena *arena, struct cf_idmap *ret,
                       struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    int r = cf_io_read_all(fd, MAP_TEXT_LIMIT, &text, NULL);

    if (r < 0)
        return cf_err_sys(err, r, "read `%s`", name);
    r = cf_idmap_parse(text, arena, ret);
    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "idmap-text", r, "`%s` is unreadable", name);
    return 0;
}

int cf_userns_read_map(int proc_fd, enum cf_id_kind kind, struct cf_arena *arena,
                       struct cf_idmap *ret, struct cf_err *err)
{
    cf_auto_fd int fd = open_file(proc_fd, map_files[kind], O_RDONLY);

    if (fd < 0)
        return cf_err_sys(err, fd, "open `%s` of the container", map_files[kind]);
    return read_map_fd(fd, map_files[kind], arena, ret, err);
}

static int deny_setgroups(int proc_fd, struct cf_err *err)
{
    cf_auto_fd int fd = open_file(proc_fd, "setgroups", O_RDWR);
    char text[16];
    long n;
    int r;

    if (fd < 0)
        return cf_err_sys(err, fd, "open `setgroups` of the container");
    r = cf_io_write_all(fd, "deny", 4);
    if (r < 0)
        return cf_err_sys(err, r, "write `setgroups` of the container");
    n = cf_sys_lseek(fd, 0, SEEK_SET);
    if (n == 0)
        n = cf_io_read_buf(fd, text, sizeof(text));
    if (n < 4 || memcmp(text, "deny", 4) != 0)
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "setgroups-readback", -EIO,
                          "`setgroups` of the container is not `deny` after writing it");
    return 0;
}

bool cf_userns_explain_unmapped(enum cf_id_kind kind, const struct cf_idmap *map, struct cf_arena *arena,
                                struct cf_err *err)
{
    struct cf_err ignored = CF_ERR_INIT;
    cf_auto_fd int proc_fd = cf_userns_open_proc(cf_sys_getpid(), &ignored);
    struct cf_idmap own;

    if (proc_fd < 0 || cf_userns_read_map(proc_fd, kind, arena, &own, &ignored) < 0)
        return false;
    for (size_t i = 0; i < map->n; i++) {
        struct cf_idmap one = {.ranges = &map->ranges[i], .n = 1}, composed;

        if (cf_idmap_compose(&one, &own, arena, &composed) != -EOVERFLOW)
            continue;
        cf_err_field(err, "%s[%zu].hostID", cf_userns_field(kind), i);
        cf_err_hint(err,
                    "host ids %u to %u are not all mapped in the user namespace the runtime is in",
                    map->ranges[i].host_id, map->ranges[i].host_id + (map->ranges[i].size - 1));
        return true;
    }
    return false;
}

/* EPERM has many reasons: look for an entry that our own namespace does not have. */
static void explain_refusal(enum cf_id_kind kind, const struct cf_idmap *map,
                            struct cf_arena *arena, struct cf_err *err)
{
    if (cf_userns_explain_unmapped(kind, map, arena, err))
        return;
    cf_err_field(err, "%s", cf_userns_field(kind));
    cf_err_hint(err, "the caller needs %s over its user namespace, and CAP_SETFCAP to map its id 0",
                kind == CF_ID_UID ? "CAP_SETUID" : "CAP_SETGID");
}

static int write_direct(int proc_fd, enum cf_id_kind kind, const struct cf_idmap *map,
                        struct cf_arena *arena, struct cf_err *err)
{
    cf_auto_fd int fd = open_file(proc_fd, map_files[kind], O_WRONLY);
    const char *text = cf_idmap_format(map, arena);
    size_t len;
    long n;

    if (!text)
        return cf_err_oom(err);
    if (fd < 0)
        return cf_err_sys(err, fd, "open `%s` of the container", map_files[kind]);
    len = strlen(text);
    /* One write(2) by hand: a second one, as a retry would make, is always refused. */
    n = cf_sys_write(fd, text, len);
    if (n < 0) {
        (void) cf_err_sys(err, (int) n, "write `%s` of the container", map_files[kind]);
        if (n == -EPERM || n == -EINVAL)
            explain_refusal(kind, map, arena, err);
        return (int) n;
    }
    if ((size_t) n != len)
        return cf_err_set(err, COFFER_ERROR_SYSTEM, "idmap-short-write", -EIO,
                          "`%s` of the container took %ld of %zu bytes", map_files[kind], n, len);
    return 0;
}

static int write_map(int proc_fd, pid_t pid, enum cf_id_kind kind, enum cf_idmap_writer writer,
                     const struct cf_idmap *map, struct cf_arena *arena, struct cf_err *err)
{
    if (writer == CF_IDMAP_HELPER)
        return cf_userns_run_helper(kind, pid, map, arena, err);
    return write_direct(proc_fd, kind, map, arena, err);
}

/* Compared by meaning: the kernel sorts maps of more than five ranges. */
static int verify_map(int proc_fd, enum cf_id_kind kind, const struct cf_idmap *map,
                      struct cf_arena *arena, struct cf_err *err)
{
    struct cf_idmap found;
    int r = cf_userns_read_map(proc_fd, kind, arena, &found, err);

    if (r < 0)
        return r;
    if (!cf_idmap_equal(map, &found)) {
        (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "idmap-readback", -EIO,
                          "`%s` of the container is not what was written", map_files[kind]);
        cf_err_field(err, "%s", cf_userns_field(kind));
        return -EIO;
    }
    return 0;
}

int cf_userns_write_maps(const struct cf_userns_plan *plan, pid_t pid, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    cf_auto_fd int proc_fd = -EBADF;
    int r;

    if (plan->mode != CF_USERNS_NEW)
        return 0;
    if (!arena)
        return cf_err_oom(err);
    proc_fd = cf_userns_open_proc(pid, err);
    if (proc_fd < 0)
        return proc_fd;
    if (plan->deny_setgroups) {
        r = deny_setgroups(proc_fd, err);
        if (r < 0)
            return r;
    }
    r = write_map(proc_fd, pid, CF_ID_GID, plan->gid_writer, &plan->gids, arena, err);
    if (r < 0)
        return r;
    r = write_map(proc_fd, pid, CF_ID_UID, plan->uid_writer, &plan->uids, arena, err);
    if (r < 0)
        return r;
    r = verify_map(proc_fd, CF_ID_GID, &plan->gids, arena, err);
    if (r < 0)
        return r;
    return verify_map(proc_fd, CF_ID_UID, &plan->uids, arena, err);
}
