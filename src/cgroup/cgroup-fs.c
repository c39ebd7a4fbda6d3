/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Files and directories of cgroup hierarchies, host side. Numbers only, no texts. A cgroup can be
 * delegated to a container, so names below it are as hostile as those of a root filesystem: one
 * component at a time, beneath the fd we hold, no symlinks, no mounts.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "sys/fs.h"

int cf_cgfs_open_hierarchy(const char *mount_point, bool v1)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, mount_point, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    struct statfs fs;
    int r;

    if (fd < 0)
        return fd;
    r = cf_sys_fstatfs(fd, &fs);
    if (r < 0)
        return r;
    if (fs.f_type != (v1 ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC))
        return -ENOTSUP;
    return cf_steal_fd(&fd);
}

int cf_cgfs_open(int base, const char *path, int flags)
{
    const struct open_how how = {
        .flags = (uint64_t) (flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };

    while (*path == '/')
        path++;
    return cf_sys_openat2(base, *path ? path : ".", &how, sizeof(how));
}

int cf_cgfs_open_dir(int base, const char *path, uint64_t *ret_inode)
{
    cf_auto_fd int fd = cf_cgfs_open(base, path, O_RDONLY | O_DIRECTORY);
    struct stat st;
    int r;

    if (fd < 0)
        return fd;
    if (ret_inode) {
        r = cf_sys_fstat(fd, &st);
        if (r < 0)
            return r;
        *ret_inode = st.st_ino;
    }
    return cf_steal_fd(&fd);
}

long cf_cgfs_read(int dir_fd, const char *file, char *buf, size_t size)
{
    cf_auto_fd int fd = cf_cgfs_open(dir_fd, file, O_RDONLY);
    long n;

    if (fd < 0)
        return fd;
    /* The kernel shows these files as a whole: the first read is all there is. */
    do
        n = cf_sys_read(fd, buf, size - 1);
    while (n == -EINTR);
    if (n < 0)
        return n;
    buf[n] = '\0';
    return n;
}

int cf_cgfs_write(int dir_fd, const char *file, const char *value)
{
    cf_auto_fd int fd = cf_cgfs_open(dir_fd, file, O_WRONLY);

    if (fd < 0)
        return fd;
    return cf_io_write_all(fd, value, strlen(value));
}

int cf_cgfs_read_key(int dir_fd, const char *file, const char *key, uint64_t *ret)
{
    char text[4096];
    size_t key_len = strlen(key);
    long n = cf_cgfs_read(dir_fd, file, text, sizeof(text));

    if (n < 0)
        return (int) n;
    for (char *line = text, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (strncmp(line, key, key_len) == 0 && line[key_len] == ' ')
            return cf_num_parse_u64(line + key_len + 1, 0, UINT64_MAX, ret);
    }
    return -ENODATA;
}

bool cf_cgfs_has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = list; *p;) {
        size_t n = strcspn(p, " \n");

        if (n == len && memcmp(p, word, n) == 0)
            return true;
        p += n;
        p += strspn(p, " \n");
    }
    return false;
}

/* Next component of *p into @name. Return: 1, 0 at the end, -EINVAL for `..` and `.`. */
static int next_component(const char **p, char name[NAME_MAX + 1])
{
    const char *s = *p;
    size_t n;

    while (*s == '/')
        s++;
    n = strcspn(s, "/");
    if (n == 0)
        return 0;
    if (n > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, s, n);
    name[n] = '\0';
    *p = s + n;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    return 1;
}

static bool is_last(const char *rest)
{
    return rest[strspn(rest, "/")] == '\0';
}

/* One component, made if it is missing. Return: fd or -errno. */
static int open_or_make(int dir_fd, const char *name, bool last, bool *ret_ours)
{
    int fd = -ENOENT, r;

    *ret_ours = false;
    /* The last one mostly is new, those above it mostly are not. */
    if (!last)
        fd = cf_cgfs_open_dir(dir_fd, name, NULL);
    if (fd != -ENOENT)
        return fd;
    r = cf_sys_mkdirat(dir_fd, name, 0755);
    if (r < 0 && r != -EEXIST) {
        /* EROFS, EACCES: it may exist all the same */
        fd = last ? cf_cgfs_open_dir(dir_fd, name, NULL) : r;
        return fd == -ENOENT ? r : fd;
    }
    fd = cf_cgfs_open_dir(dir_fd, name, NULL);
    if (r == 0 && fd < 0)
        (void) cf_sys_unlinkat(dir_fd, name, AT_REMOVEDIR);
    *ret_ours = r == 0 && fd >= 0;
    return fd;
}

static int mkpath(int root_fd, const char *path, size_t *ret_made, int *ret_parent)
{
    cf_auto_fd int fd = -EBADF, parent_fd = -EBADF;
    char name[NAME_MAX + 1];
    char done[PATH_MAX] = "";
    const char *p = path;
    size_t made = 0;
    int r;

    while ((r = next_component(&p, name)) > 0) {
        bool ours;
        int next = open_or_make(fd >= 0 ? fd : root_fd, name, is_last(p), &ours);

        if (ours)
            made++;
        else if (next >= 0)
            made = 0; /* cannot be below one that we made */
        r = cf_str_append(done, sizeof(done), "/");
        if (r >= 0)
            r = cf_str_append(done, sizeof(done), name);
        if (next < 0)
            r = next;
        if (r < 0) {
            cf_fd_close(&next);
            break;
        }
        cf_fd_close(&parent_fd);
        parent_fd = fd;
        fd = next;
    }
    if (r == 0 && fd < 0) { /* no component at all */
        fd = cf_cgfs_open_dir(root_fd, ".", NULL);
        r = fd < 0 ? fd : 0;
    }
    if (r < 0) {
        /* The component that could not be made is no part of what was made. */
        char *last = strrchr(done, '/');

        if (last && made > 0) {
            *last = '\0';
            cf_cgfs_unmake(root_fd, done, made);
        }
        return r;
    }
    *ret_made = made;
    if (ret_parent)
        *ret_parent = cf_steal_fd(&parent_fd);
    return cf_steal_fd(&fd);
}

int cf_cgfs_mkpath(int root_fd, const char *path, size_t *ret_made, int *ret_parent)
{
    int fd;

    for (unsigned int i = 0;; i++) {
        fd = mkpath(root_fd, path, ret_made, ret_parent);
        if ((fd != -ENOENT && fd != -ENODEV) || i == 100)
            return fd;
    }
}

void cf_cgfs_unmake(int root_fd, const char *path, size_t n)
{
    char buf[PATH_MAX];

    if (cf_str_copy(buf, sizeof(buf), path) < 0)
        return;
    for (; n > 0; n--) {
        char *name = strrchr(buf, '/');
        cf_auto_fd int parent = -EBADF;

        if (!name || !name[1])
            return;
        *name++ = '\0';
        parent = cf_cgfs_open_dir(root_fd, buf, NULL);
        if (parent < 0 || cf_sys_unlinkat(parent, name, AT_REMOVEDIR) < 0)
            return;
    }
}
