/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listing the state root, and removing directories: those of deleted containers and what killed
 * commands left under hidden names. Host side.
 *
 * A directory is in use as long as its lock is held, which is on the directory itself. Between mkdir(2)
 * and the lock its maker has nothing in it yet; it notices that it came too late and takes another name.
 */

#include "state/state-internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"

#define MAX_DEPTH 16

/* What is in a container's directory: removed without looking. The last only if it was created, not run. */
static const char *const usual_files[] = {"state.json", "config.json", "start.sock"};

static int each_name(int dir_fd, int (*fn)(void *data, const char *name, unsigned char type), void *data)
{
    union {
        struct cf_dirent64 align;
        char bytes[4096];
    } buf;
    long n;
    int r;

    r = (int) cf_sys_lseek(dir_fd, 0, SEEK_SET);
    if (r < 0)
        return r;
    while ((n = cf_sys_getdents64(dir_fd, &buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            const struct cf_dirent64 *entry = (const void *) (buf.bytes + at);

            at += entry->d_reclen;
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            r = fn(data, entry->d_name, entry->d_type);
            if (r < 0)
                return r;
        }
    }
    return (int) n;
}

struct removal {
    int dir_fd;
    int depth;
    bool changed;
};

static int remove_name(void *data, const char *name, unsigned char type);

static int remove_content(int dir_fd, int depth)
{
    struct removal removal = {.dir_fd = dir_fd, .depth = depth};
    int r;

    /* Names may be skipped while others go: again until a pass finds nothing. */
    do {
        removal.changed = false;
        r = each_name(dir_fd, remove_name, &removal);
    } while (r == 0 && removal.changed);
    return r;
}

static int remove_name(void *data, const char *name, unsigned char type)
{
    struct removal *removal = data;
    cf_auto_fd int fd = -EBADF;
    int r;

    if (type != DT_DIR) {
        r = cf_sys_unlinkat(removal->dir_fd, name, 0);
        if (r != -EISDIR) {
            removal->changed |= r == 0;
            return r == -ENOENT ? 0 : r;
        }
    }
    if (removal->depth >= MAX_DEPTH)
        return -ELOOP;
    fd = cf_sys_openat(removal->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd >= 0) {
        r = remove_content(fd, removal->depth + 1);
        if (r < 0)
            return r;
    } else if (fd != -ENOENT) {
        return fd;
    }
    r = cf_sys_unlinkat(removal->dir_fd, name, AT_REMOVEDIR);
    removal->changed |= r == 0;
    return r == -ENOENT ? 0 : r;
}

int cf_store_remove_open(int dir_fd, const char *name, int fd, bool no_gate)
{
    size_t n = sizeof(usual_files) / sizeof(usual_files[0]) - no_gate;
    int r;

    for (size_t i = 0; i < n; i++)
        (void) cf_sys_unlinkat(fd, usual_files[i], 0);
    r = cf_sys_unlinkat(dir_fd, name, AT_REMOVEDIR);
    if (r == 0 || r == -ENOENT)
        return 0;
    if (r != -ENOTEMPTY && r != -EEXIST)
        return r;
    r = remove_content(fd, 0);
    if (r < 0)
        return r;
    r = cf_sys_unlinkat(dir_fd, name, AT_REMOVEDIR);
    return r == -ENOENT ? 0 : r;
}

int cf_store_remove_tree(int dir_fd, const char *name)
{
    cf_auto_fd int fd = -EBADF;

    fd = cf_sys_openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    return cf_store_remove_open(dir_fd, name, fd, false);
}

void cf_store_sweep_one(struct cf_store *store, const char *name)
{
    cf_auto_fd int dir_fd = -EBADF;

    dir_fd = cf_sys_openat(store->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (dir_fd < 0)
        return;
    /* By name again: what we have opened and locked may be a published container by now. */
    if (cf_lock_take(dir_fd, CF_LOCK_EXCLUSIVE, 0) >= 0)
        (void) cf_store_remove_tree(store->dir_fd, name);
}

struct listing {
    struct cf_arena *arena;
    char **ids;
    size_t n, cap;
    char **hidden;
    size_t n_hidden, cap_hidden;
};

static int append(struct cf_arena *arena, char ***list, size_t *n, size_t *cap, const char *name)
{
    char *copy;

    if (*n == *cap) {
        size_t more = *cap ? *cap * 2 : 16;
        char **bigger = cf_arena_calloc(arena, more, sizeof(*bigger));

        if (!bigger)
            return -ENOMEM;
        if (*n > 0)
            memcpy(bigger, *list, *n * sizeof(*bigger));
        *list = bigger;
        *cap = more;
    }
    copy = cf_arena_strdup(arena, name);
    if (!copy)
        return -ENOMEM;
    (*list)[(*n)++] = copy;
    return 0;
}

static int collect(void *data, const char *name, unsigned char type)
{
    struct listing *listing = data;
    struct cf_err ignored = CF_ERR_INIT;

    if (type != DT_DIR && type != DT_UNKNOWN)
        return 0;
    if (cf_str_starts_with(name, CF_STORE_TMP_PREFIX) || cf_str_starts_with(name, CF_STORE_DEAD_PREFIX))
        return append(listing->arena, &listing->hidden, &listing->n_hidden, &listing->cap_hidden, name);
    if (name[0] == '.' || cf_id_check(name, &ignored) < 0)
        return 0;
    return append(listing->arena, &listing->ids, &listing->n, &listing->cap, name);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}

int cf_store_list(struct cf_store *store, struct cf_arena *arena, char ***ret_ids, size_t *ret_n,
                  struct cf_err *err)
{
    struct listing listing = {.arena = arena};
    int r = each_name(store->dir_fd, collect, &listing);

    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0)
        return cf_err_sys(err, r, "list the state directory");
    for (size_t i = 0; i < listing.n_hidden; i++)
        cf_store_sweep_one(store, listing.hidden[i]);
    if (listing.n > 1)
        qsort(listing.ids, listing.n, sizeof(listing.ids[0]), compare);
    *ret_ids = listing.ids;
    *ret_n = listing.n;
    return 0;
}
