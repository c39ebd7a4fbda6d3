/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Device nodes in /dev of a container. The directory is the container's: it is opened below the pinned root
 * without following symlinks, only if a file system of the kernel's own is there (one served by a program of
 * the container could keep us waiting), and so many entries are looked at and no more. No node is opened.
 */

#include <errno.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "audit/audit.h"
#include "base/own.h"
#include "base/str.h"
#include "path/path.h"
#include "sys/fs.h"

#define MAX_ENTRIES 1024
#define MAX_DEVICES 64
#ifndef AT_STATX_DONT_SYNC
#define AT_STATX_DONT_SYNC 0x4000
#endif

struct finder {
    struct cf_arena *arena;
    const struct cf_audit_mounts *mounts;
    struct cf_audit_device *items;
    size_t n, seen;
};

/* Served by somebody else than this kernel: looking at it can take forever. */
static bool is_remote(const struct cf_audit_mount *mount)
{
    static const char *const types[] = {"9p", "afs", "autofs", "ceph", "cifs", "nfs", "nfs4", "smb3", "virtiofs"};

    if (cf_str_starts_with(mount->fstype, "fuse"))
        return true;
    return cf_str_index(types, sizeof(types) / sizeof(types[0]), mount->fstype) >= 0;
}

static bool is_local(const struct cf_audit_mounts *mounts, const char *path)
{
    const struct cf_audit_mount *mount = cf_audit_mount_at(mounts, path);

    return mount && !is_remote(mount);
}

static int look(struct finder *f, int dir_fd, const char *dir, const char *name, bool *ret_is_dir)
{
    struct statx stx = {0};
    struct cf_audit_device *device = &f->items[f->n];
    const char *path = cf_arena_printf(f->arena, "%s/%s", dir, name);
    unsigned type;

    *ret_is_dir = false;
    if (!path)
        return -ENOMEM;
    if (!is_local(f->mounts, path) ||
        cf_sys_statx(dir_fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
        return 0;
    type = stx.stx_mode & S_IFMT;
    *ret_is_dir = type == S_IFDIR;
    if ((type != S_IFCHR && type != S_IFBLK) || f->n == MAX_DEVICES)
        return 0;
    *device = (struct cf_audit_device) {
        .path = path, .block = type == S_IFBLK, .major = stx.stx_rdev_major, .minor = stx.stx_rdev_minor};
    f->n++;
    return 0;
}

static int walk(struct finder *f, int root_fd, const char *dir, int depth)
{
    union {
        struct cf_dirent64 align;
        char bytes[4096];
    } buf;
    cf_auto_fd int fd = cf_inroot_open(root_fd, dir, O_RDONLY | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
    long n;

    if (fd < 0)
        return 0;
    while (f->seen < MAX_ENTRIES && (n = cf_sys_getdents64(fd, &buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n && f->seen < MAX_ENTRIES;) {
            const struct cf_dirent64 *entry = (const void *) (buf.bytes + at);
            bool is_dir;
            int r;

            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            f->seen++;
            r = look(f, fd, dir, entry->d_name, &is_dir);
            if (r < 0)
                return r;
            /* Terminals, shared memory and queues hold nothing of interest. */
            if (!is_dir || depth == 0 || cf_str_eq(entry->d_name, "pts") || cf_str_eq(entry->d_name, "shm") ||
                cf_str_eq(entry->d_name, "mqueue"))
                continue;
            r = walk(f, root_fd, cf_arena_printf(f->arena, "%s/%s", dir, entry->d_name), depth - 1);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int cf_audit_read_devices(int proc_fd, struct cf_arena *arena, struct cf_audit_facts *facts)
{
    struct finder f = {.arena = arena, .mounts = &facts->mounts};
    cf_auto_fd int root_fd = -EBADF;
    int r;

    if (!is_local(&facts->mounts, "/") || !is_local(&facts->mounts, "/dev")) {
        facts->devices_unread = true;
        return 0;
    }
    /* The one magic link that is wanted: the root as the process has it. */
    root_fd = cf_sys_openat(proc_fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (root_fd < 0)
        return root_fd;
    f.items = cf_arena_calloc(arena, MAX_DEVICES + 1, sizeof(*f.items));
    if (!f.items)
        return -ENOMEM;
    r = walk(&f, root_fd, "/dev", 1);
    facts->devices = f.items;
    facts->n_devices = f.n;
    return r;
}
