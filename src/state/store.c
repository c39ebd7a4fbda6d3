/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state root: opened once, checked (rule R34), then used by its fd only. Host side.
 *
 * Whoever can write to the root or swap it decides which processes coffer signals and what it
 * removes. So: owned by the caller or root, writable by nobody else, and reached only through
 * symlinks that the caller or root made; the root itself is none.
 */

#include "state/state-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/cred.h"
#include "sys/fs.h"

#define CACHE_NAME ".cache"
#define MAX_SYMLINKS 40

static int unsafe(struct cf_err *err, const char *root, const char *why)
{
    cf_err_set(err, COFFER_ERROR_UNSAFE, "root-unsafe", -EPERM, "state directory `%s` %s", root, why);
    cf_err_hint(err, "give a directory with --root that only you can write to");
    return -EPERM;
}

/* Takes the first component off *@rest into @name. Return: 0 at the end of the path. */
static int next_component(const char **rest, char name[NAME_MAX + 1])
{
    size_t len;

    *rest += strspn(*rest, "/");
    len = strcspn(*rest, "/");
    if (len == 0)
        return 0;
    if (len > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, *rest, len);
    name[len] = '\0';
    *rest += len;
    return 1;
}

/* Puts the target of a symlink in front of what is left of the path. */
static int expand_link(int link_fd, char path[PATH_MAX], const char *rest)
{
    char target[PATH_MAX], joined[PATH_MAX];
    long n = cf_sys_readlinkat(link_fd, "", target, sizeof(target) - 1);
    int r;

    if (n < 0)
        return (int) n;
    target[n] = '\0';
    r = cf_str_path(joined, sizeof(joined), "%s/%s", target, rest);
    if (r < 0)
        return r;
    memcpy(path, joined, (size_t) r + 1);
    return 0;
}

/*
 * Follows symlinks of trusted owners one by one; the last component must not be a symlink.
 * The result is an O_PATH fd, or -ELOOP for a link that is not to be followed.
 */
static int walk(const char *root, uint32_t euid)
{
    char path[PATH_MAX], name[NAME_MAX + 1];
    cf_auto_fd int dir_fd = -EBADF;
    const char *rest = path;
    int links = 0, r;

    r = cf_str_copy(path, sizeof(path), root);
    if (r < 0)
        return r;
    dir_fd = cf_sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (dir_fd < 0)
        return dir_fd;
    while ((r = next_component(&rest, name)) > 0) {
        cf_auto_fd int fd = cf_sys_openat(dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
        struct stat st;

        if (fd < 0)
            return fd;
        r = cf_sys_fstat(fd, &st);
        if (r < 0)
            return r;
        if (!S_ISLNK(st.st_mode)) {
            cf_fd_close(&dir_fd);
            dir_fd = cf_steal_fd(&fd);
            continue;
        }
        if ((st.st_uid != 0 && st.st_uid != euid) || rest[strspn(rest, "/")] == '\0' ||
            ++links > MAX_SYMLINKS)
            return -ELOOP;
        r = expand_link(fd, path, rest);
        if (r < 0)
            return r;
        rest = path;
        if (path[0] == '/') {
            cf_fd_close(&dir_fd);
            dir_fd = cf_sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
            if (dir_fd < 0)
                return dir_fd;
        }
    }
    return r < 0 ? r : cf_steal_fd(&dir_fd);
}

static int open_root(const char *root)
{
    const struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    int fd = cf_sys_openat2(AT_FDCWD, root, &how, sizeof(how));

    if (fd == -ELOOP) { /* /var/run and the like */
        cf_auto_fd int path_fd = walk(root, cf_sys_geteuid());

        if (path_fd < 0)
            return path_fd;
        fd = cf_sys_openat(path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    }
    return fd;
}

/* mkdir -p; new directories are for their owner only. */
static int make_root(const char *root)
{
    char path[PATH_MAX];
    int r = cf_sys_mkdirat(AT_FDCWD, root, 0700);

    if (r != -ENOENT)
        return r;
    r = cf_str_copy(path, sizeof(path), root);
    if (r < 0)
        return r;
    for (char *p = path + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        r = cf_sys_mkdirat(AT_FDCWD, path, 0700);
        *p = '/';
        if (r < 0 && r != -EEXIST)
            return r;
    }
    return cf_sys_mkdirat(AT_FDCWD, root, 0700);
}

static int check_root(int fd, const char *root, struct cf_err *err)
{
    struct stat st;
    int r = cf_sys_fstat(fd, &st);

    if (r < 0)
        return cf_err_sys(err, r, "stat state directory `%s`", root);
    if (st.st_uid != 0 && st.st_uid != cf_sys_geteuid())
        return unsafe(err, root, "belongs to another user");
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return unsafe(err, root, "can be written to by other users");
    return 0;
}

int cf_store_open(const char *root, bool create, bool sticky, struct cf_store **ret, struct cf_err *err)
{
    cf_auto_fd int fd = -EBADF;
    struct cf_store *store;
    bool made = false;
    int r;

    if (!root || root[0] != '/')
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "root-relative", -EINVAL,
                          "the state directory must be an absolute path");
    fd = open_root(root);
    if (fd == -ENOENT && create) {
        r = make_root(root);
        if (r < 0 && r != -EEXIST)
            return cf_err_sys(err, r, "make state directory `%s`", root);
        made = r == 0;
        fd = open_root(root);
    }
    if (fd == -ELOOP)
        return unsafe(err, root, "is reached through a symlink that is not trusted");
    if (fd == -ENOENT) {
        cf_err_set(err, COFFER_ERROR_NOT_FOUND, "root-missing", fd, "open state directory `%s`", root);
        cf_err_errno(err, fd);
        return -ENOENT;
    }
    if (fd < 0)
        return cf_err_sys(err, fd, "open state directory `%s`", root);
    r = check_root(fd, root, err);
    if (r < 0)
        return r;
    if (made && sticky) {
        r = cf_sys_fchmod(fd, 01700);
        if (r < 0)
            return cf_err_sys(err, r, "set the mode of state directory `%s`", root);
    }

    store = calloc(1, sizeof(*store));
    if (!store)
        return cf_err_oom(err);
    store->dir_fd = cf_steal_fd(&fd);
    *ret = store;
    return 0;
}

void cf_store_free(struct cf_store *store)
{
    if (!store)
        return;
    cf_fd_close(&store->dir_fd);
    free(store);
}

int cf_store_dir_fd(const struct cf_store *store)
{
    return store->dir_fd;
}

/* A directory of ours below one of ours. */
static int open_or_make_dir(int dir_fd, const char *name)
{
    int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = cf_sys_openat(dir_fd, name, flags, 0);
    int r;

    if (fd != -ENOENT)
        return fd;
    r = cf_sys_mkdirat(dir_fd, name, 0700);
    if (r < 0 && r != -EEXIST)
        return r;
    return cf_sys_openat(dir_fd, name, flags, 0);
}

int cf_store_cache_fd(struct cf_store *store, const char *name, int *ret_fd, struct cf_err *err)
{
    cf_auto_fd int cache_fd = open_or_make_dir(store->dir_fd, CACHE_NAME);
    int fd;

    if (cache_fd < 0)
        return cf_err_sys(err, cache_fd, "open `" CACHE_NAME "` in the state directory");
    fd = open_or_make_dir(cache_fd, name);
    if (fd < 0)
        return cf_err_sys(err, fd, "open `" CACHE_NAME "/%s` in the state directory", name);
    *ret_fd = fd;
    return 0;
}
