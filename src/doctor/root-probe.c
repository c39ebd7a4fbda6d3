/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The state directory as it is: nothing is made and nothing swept. Of each entry the record and the derived
 * status, as `coffer list` reads them. Host side.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/str.h"
#include "doctor/checks.h"
#include "state/state.h"
#include "sys/fs.h"

#define TIME_LIMIT_MS 150

static void add_id(char *list, size_t size, const char *id, size_t n)
{
    if (n > 4)
        return;
    if (n == 4) {
        (void) cf_str_append(list, size, " ...");
        return;
    }
    if (strlen(list) + strlen(id) + 8 > size)
        return;
    if (list[0])
        (void) cf_str_append(list, size, " ");
    (void) cf_str_append(list, size, id);
}

/* 0: yes, or what stands in the way; of the nearest directory that exists. */
static int parent_writable(const char *root)
{
    char path[PATH_MAX];
    char *slash;
    int r;

    if (cf_str_copy(path, sizeof(path), root) < 0)
        return -ENAMETOOLONG;
    while ((slash = strrchr(path, '/'))) {
        slash[slash == path] = '\0';
        r = cf_sys_faccessat2(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS);
        if (r != -ENOENT || slash == path)
            return r;
    }
    return -ENOENT;
}

static bool is_leftover(const char *name)
{
    return cf_str_starts_with(name, ".tmp-") || cf_str_starts_with(name, ".dead-");
}

/* Nobody holds its lock, so nobody works in it. */
static bool is_abandoned(int dir_fd, const char *name)
{
    cf_auto_fd int fd = cf_sys_openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);

    return fd >= 0 && cf_sys_flock(fd, LOCK_SH | LOCK_NB) >= 0;
}

static int look_at(struct cf_root_facts *f, struct cf_store *store, const char *id)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_entry *entry = NULL;
    struct cf_record record;
    int r;

    if (!arena)
        return -ENOMEM;
    r = cf_store_get(store, id, CF_LOCK_NONE, &entry, &err);
    if (r < 0)
        return r == -ENOMEM ? r : 0; /* deleted meanwhile */
    f->n_containers++;
    r = cf_entry_read(entry, arena, &record, &err);
    if (r < 0) {
        if (!cf_entry_busy(entry))
            add_id(f->broken, sizeof(f->broken), id, f->n_broken++);
    } else if (cf_entry_status(entry, &record) == CF_STATUS_STOPPED) {
        add_id(f->stopped, sizeof(f->stopped), id, f->n_stopped++);
    } else {
        f->n_running++;
    }
    cf_entry_close(entry);
    return r == -ENOMEM ? r : 0;
}

static int list_entries(struct cf_root_facts *f, struct cf_store *store)
{
    cf_auto_fd int fd = cf_sys_openat(cf_store_dir_fd(store), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    int64_t end = cf_clock_monotonic_ms() + TIME_LIMIT_MS;
    struct cf_err ignored = CF_ERR_INIT;
    union {
        struct cf_dirent64 align;
        char bytes[4096];
    } buf;
    long n;
    int r = 0;

    if (fd < 0)
        return 0;
    while (r == 0 && (n = cf_sys_getdents64(fd, &buf, sizeof(buf))) > 0) {
        for (long at = 0; r == 0 && at < n;) {
            const struct cf_dirent64 *entry = (const void *) (buf.bytes + at);

            at += entry->d_reclen;
            if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
                continue;
            if (cf_clock_monotonic_ms() > end) {
                f->cut = true;
                return 0;
            }
            if (is_leftover(entry->d_name))
                f->n_leftovers += is_abandoned(fd, entry->d_name);
            else if (entry->d_name[0] != '.' && cf_id_check(entry->d_name, &ignored) >= 0)
                r = look_at(f, store, entry->d_name);
        }
    }
    return r;
}

int cf_root_probe(struct cf_root_facts *ret, const char *root)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_store *store = NULL;
    struct statfs fs;
    int r;

    *ret = (struct cf_root_facts){.root = root};
    ret->open = cf_store_open(root, false, false, &store, &err);
    if (ret->open == -ENOMEM)
        return -ENOMEM;
    if (ret->open == -ENOENT)
        ret->parent_writable = parent_writable(root);
    if (ret->open < 0) {
        if (err.kind == COFFER_ERROR_UNSAFE)
            (void) cf_err_print(&err, ret->unsafe, sizeof(ret->unsafe));
        return 0;
    }
    if (cf_sys_fstatfs(cf_store_dir_fd(store), &fs) >= 0) {
        ret->read_only = (unsigned long) fs.f_flags & ST_RDONLY;
        ret->noexec = (unsigned long) fs.f_flags & ST_NOEXEC;
    }
    if (!ret->read_only)
        ret->parent_writable = cf_sys_faccessat2(cf_store_dir_fd(store), ".", W_OK | X_OK, AT_EACCESS);
    r = list_entries(ret, store);
    cf_store_free(store);
    return r;
}
