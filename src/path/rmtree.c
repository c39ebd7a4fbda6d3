/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Removing directories of our own (state, bundles of tests). Host side. Every step is one
 * component below an open directory fd; nothing is followed and no mount is entered, so a swapped
 * symlink or a forgotten bind mount costs nobody their files.
 */

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "path/path.h"

#define MAX_PASSES 16

static int remove_entry(int dirfd, const char *name, int depth);

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* One pass over a directory. Return: number of entries removed; *first keeps the first error. */
static int remove_pass(int fd, int depth, int *first)
{
    char buf[4096] __attribute__((aligned(8)));
    int n_removed = 0;

    for (;;) {
        long n = cf_sys_getdents64(fd, buf, sizeof(buf));

        if (n < 0 && *first == 0)
            *first = (int) n;
        if (n <= 0)
            return n_removed;
        for (long at = 0; at < n;) {
            const struct cf_dirent64 *entry = (const void *) (buf + at);
            int r;

            at += entry->d_reclen;
            if (is_dots(entry->d_name))
                continue;
            r = remove_entry(fd, entry->d_name, depth);
            if (r == 0)
                n_removed++;
            else if (*first == 0)
                *first = r;
        }
    }
}

static int remove_dir(int dirfd, const char *name, int depth)
{
    const struct open_how how = {
        .flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    cf_auto_fd int fd = -EBADF;
    int first = 0, r;

    /* Empty is the usual case. */
    r = cf_sys_unlinkat(dirfd, name, AT_REMOVEDIR);
    if (r != -ENOTEMPTY && r != -EEXIST)
        return r == -ENOENT ? 0 : r;
    if (depth >= CF_RMTREE_MAX_DEPTH)
        return -ELOOP;
    fd = cf_sys_openat2(dirfd, name, &how, sizeof(how));
    if (fd < 0)
        return fd;
    /* Again while it helps: some file systems skip entries when others go away. */
    for (int i = 0; i < MAX_PASSES; i++) {
        first = 0;
        if (remove_pass(fd, depth + 1, &first) == 0)
            break;
        if (cf_sys_lseek(fd, 0, SEEK_SET) < 0)
            break;
    }
    r = cf_sys_unlinkat(dirfd, name, AT_REMOVEDIR);
    if (r == -ENOENT)
        return 0;
    return r < 0 && first < 0 ? first : r;
}

static int remove_entry(int dirfd, const char *name, int depth)
{
    int r = cf_sys_unlinkat(dirfd, name, 0);

    if (r == -ENOENT)
        return 0;
    /* POSIX file systems say EPERM for a directory, Linux EISDIR. */
    if (r == -EISDIR || r == -EPERM) {
        int s = remove_dir(dirfd, name, depth);

        return s == -ENOTDIR ? r : s;
    }
    return r;
}

int cf_rmtree_at(int dirfd, const char *name)
{
    if (!name[0] || strchr(name, '/') || is_dots(name))
        return -EINVAL;
    return remove_entry(dirfd, name, 0);
}
