/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One container's directory: published complete and locked, opened, locked, retired. Host side.
 *
 * The id exists exactly when a directory of that name does. It gets there by one rename with a
 * valid record inside and the lock held, and leaves by one rename too.
 */

#include "state/state-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "sys/task.h"

#define LOCK_TIMEOUT_MS 10000
/* Only a sweeper that came between two of our steps makes publishing start again. */
#define PUBLISH_TRIES 8

int cf_store_random_name(char buf[CF_STORE_NAME_SIZE], const char *prefix)
{
    /* Nobody else can make names here: they need to differ, not to be secret. The time differs
     * from process to process on one core, and the place of the stack between cores. */
    uint64_t unique = (uint64_t) cf_clock_monotonic_ns() * 0x9e3779b97f4a7c15u ^ (uintptr_t) buf;

    cf_format(buf, CF_STORE_NAME_SIZE, "%s%016lx", prefix, (unsigned long) unique);
    return 0;
}

static struct cf_entry *entry_new(struct cf_store *store, const char *id)
{
    struct cf_entry *entry = calloc(1, sizeof(*entry));

    if (!entry)
        return NULL;
    entry->store = store;
    entry->dir_fd = -EBADF;
    (void) cf_str_copy(entry->id, sizeof(entry->id), id);
    return entry;
}

void cf_entry_close(struct cf_entry *entry)
{
    if (!entry)
        return;
    cf_fd_close(&entry->dir_fd);
    free(entry);
}

static void entry_closep(struct cf_entry **entry)
{
    cf_entry_close(*entry);
}

int cf_entry_dir_fd(const struct cf_entry *entry)
{
    return entry->dir_fd;
}

const char *cf_entry_id(const struct cf_entry *entry)
{
    return entry->id;
}

static int write_new(int dir_fd, const char *name, const char *data, size_t len)
{
    cf_auto_fd int fd = -EBADF;

    fd = cf_sys_openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fd;
    return cf_io_write_all(fd, data, len);
}

struct content {
    const char *record, *config;
    size_t record_len, config_len;
};

/* One try under one temporary name. -EAGAIN: a sweeper took it away. */
static int build(struct cf_entry *entry, const char *name, const struct content *content)
{
    int store_fd = entry->store->dir_fd;
    int r = cf_sys_mkdirat(store_fd, name, 0700);

    if (r < 0)
        return r == -EEXIST ? -EAGAIN : r;
    entry->dir_fd = cf_sys_openat(store_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (entry->dir_fd < 0)
        return entry->dir_fd;
    r = cf_lock_take(entry->dir_fd, CF_LOCK_EXCLUSIVE, 0);
    if (r < 0)
        return r;
    entry->lock = CF_LOCK_EXCLUSIVE;
    r = write_new(entry->dir_fd, "config.json", content->config, content->config_len);
    if (r < 0)
        return r;
    r = write_new(entry->dir_fd, "state.json", content->record, content->record_len);
    if (r < 0)
        return r;
    return cf_sys_renameat2(store_fd, name, store_fd, entry->id, RENAME_NOREPLACE);
}

static int try_publish(struct cf_entry *entry, const struct content *content)
{
    char name[CF_STORE_NAME_SIZE];
    int r = cf_store_random_name(name, CF_STORE_TMP_PREFIX);

    if (r < 0)
        return r;
    r = build(entry, name, content);
    if (r == 0)
        return 0;
    if (r != -EAGAIN || entry->dir_fd >= 0)
        (void) cf_store_remove_tree(entry->store->dir_fd, name);
    cf_fd_close(&entry->dir_fd);
    entry->lock = CF_LOCK_NONE;
    /* -ENOENT and -EWOULDBLOCK: swept while it had no lock yet. */
    return r == -ENOENT || r == -EWOULDBLOCK ? -EAGAIN : r;
}

int cf_store_publish(struct cf_store *store, const struct cf_record *record, const char *config,
                     size_t config_len, struct cf_entry **ret, struct cf_err *err)
{
    cf_auto(entry_closep) struct cf_entry *entry = NULL;
    struct content content = {.config = config, .config_len = config_len};
    cf_auto_free char *text = NULL;
    int r;

    r = cf_id_check(record->id, err);
    if (r < 0)
        return r;
    r = cf_record_format(record, &text, &content.record_len, err);
    if (r < 0)
        return r;
    content.record = text;
    entry = entry_new(store, record->id);
    if (!entry)
        return cf_err_oom(err);
    entry->no_gate = !record->gate;
    r = -EAGAIN;
    for (int i = 0; i < PUBLISH_TRIES && r == -EAGAIN; i++)
        r = try_publish(entry, &content);
    if (r == -EEXIST)
        return cf_err_set(err, COFFER_ERROR_EXISTS, "id-taken", -EEXIST,
                          "container with given ID already exists");
    if (r < 0)
        return cf_err_sys(err, r, "make the state of container `%s`", record->id);
    *ret = cf_steal_ptr(&entry);
    return 0;
}

static int not_found(struct cf_err *err)
{
    return cf_err_set(err, COFFER_ERROR_NOT_FOUND, "id-unknown", -ENOENT, "container does not exist");
}

int cf_store_look(struct cf_store *store, const char *id, struct cf_err *err)
{
    struct stat st;

    return cf_sys_fstatat(store->dir_fd, id, &st, AT_SYMLINK_NOFOLLOW) == -ENOENT ? not_found(err) : 0;
}

static int open_dir(struct cf_entry *entry, struct cf_err *err)
{
    entry->dir_fd =
        cf_sys_openat(entry->store->dir_fd, entry->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (entry->dir_fd == -ENOENT)
        return not_found(err);
    if (entry->dir_fd == -ENOTDIR || entry->dir_fd == -ELOOP)
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "entry-unsafe", -ENOTDIR,
                          "`%s` in the state directory is not a directory of a container", entry->id);
    if (entry->dir_fd < 0)
        return cf_err_sys(err, entry->dir_fd, "open the state of container `%s`", entry->id);
    return 0;
}

/* While we waited for the lock the container may have been deleted, and even made anew. */
static int is_published(const struct cf_entry *entry)
{
    struct stat ours, theirs;
    int r = cf_sys_fstat(entry->dir_fd, &ours);

    if (r < 0)
        return r;
    r = cf_sys_fstatat(entry->store->dir_fd, entry->id, &theirs, AT_SYMLINK_NOFOLLOW);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static int lock_failed(const struct cf_entry *entry, int r, struct cf_err *err)
{
    if (r == -ETIMEDOUT || r == -EWOULDBLOCK)
        return cf_err_set(err, COFFER_ERROR_STATE, "container-busy", -EBUSY,
                          "another command is working on container `%s`", entry->id);
    return cf_err_sys(err, r, "lock container `%s`", entry->id);
}

int cf_store_get(struct cf_store *store, const char *id, enum cf_lock lock, struct cf_entry **ret,
                 struct cf_err *err)
{
    cf_auto(entry_closep) struct cf_entry *entry = NULL;
    int r;

    r = cf_id_check(id, err);
    if (r < 0)
        return r;
    entry = entry_new(store, id);
    if (!entry)
        return cf_err_oom(err);
    for (;;) {
        r = open_dir(entry, err);
        if (r < 0)
            return r;
        if (lock == CF_LOCK_NONE)
            break;
        r = cf_lock_take(entry->dir_fd, lock, LOCK_TIMEOUT_MS);
        if (r < 0)
            return lock_failed(entry, r, err);
        r = is_published(entry);
        if (r < 0)
            return cf_err_sys(err, r, "stat the state of container `%s`", id);
        if (r > 0) {
            entry->lock = lock;
            break;
        }
        cf_fd_close(&entry->dir_fd);
    }
    *ret = cf_steal_ptr(&entry);
    return 0;
}

int cf_entry_lock_convert(struct cf_entry *entry, enum cf_lock lock, struct cf_err *err)
{
    int r;

    if (lock == entry->lock)
        return 0;
    r = cf_lock_take(entry->dir_fd, lock, lock == CF_LOCK_NONE ? 0 : LOCK_TIMEOUT_MS);
    if (lock == CF_LOCK_NONE) {
        entry->lock = CF_LOCK_NONE;
        return 0; /* the kernel refuses to unlock nothing that is open */
    }
    if (r < 0) {
        /* flock(2) may have dropped the old lock already. */
        (void) cf_lock_take(entry->dir_fd, CF_LOCK_NONE, 0);
        entry->lock = CF_LOCK_NONE;
        return lock_failed(entry, r, err);
    }
    entry->lock = lock;
    r = is_published(entry);
    if (r < 0)
        return cf_err_sys(err, r, "stat the state of container `%s`", entry->id);
    return r ? 0 : not_found(err);
}

int cf_entry_retire(struct cf_entry *entry, struct cf_err *err)
{
    cf_auto(entry_closep) struct cf_entry *owned = entry;
    char name[CF_STORE_NAME_SIZE];
    int store_fd = owned->store->dir_fd;
    int r = cf_store_random_name(name, CF_STORE_DEAD_PREFIX);

    if (r < 0)
        return cf_err_sys(err, r, "make up a name");
    r = cf_sys_renameat2(store_fd, owned->id, store_fd, name, RENAME_NOREPLACE);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return cf_err_sys(err, r, "retire the state of container `%s`", owned->id);
    /* The id is free. What cannot be removed now is left to the next `list`. */
    (void) cf_store_remove_open(store_fd, name, owned->dir_fd, owned->no_gate);
    return 0;
}
