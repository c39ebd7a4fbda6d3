/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From an O_PATH fd, whose type was checked, to a usable one of the same inode. The only way is a
 * magic link of procfs, so the link's directory must be procfs of our own process, and the result
 * is compared with what we asked for. Both sides; no allocation.
 */

#include <errno.h>

#include "base/num.h"
#include "path/path.h"

static int same_file(const struct statx *x, int fd)
{
    struct statx y = {0};
    int r;

    r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &y);
    if (r < 0)
        return r;
    return x->stx_ino == y.stx_ino && x->stx_dev_major == y.stx_dev_major &&
                   x->stx_dev_minor == y.stx_dev_minor &&
                   (x->stx_mode & S_IFMT) == (y.stx_mode & S_IFMT)
               ? 0
               : -EXDEV;
}

/* The directory of our fds. Not "self": a thread may have an fd table of its own. */
static int open_fd_dir(int proc_fd)
{
    struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };

    return cf_sys_openat2(proc_fd, "thread-self/fd", &how, sizeof(how));
}

/* True if the link itself is of the same mount as its directory: nothing is mounted on it. */
static int link_is_bare(int dir_fd, const char *name)
{
    struct statx dir = {0}, link = {0};
    int r;

    r = cf_sys_statx(dir_fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &dir);
    if (r >= 0)
        r = cf_sys_statx(dir_fd, name, AT_SYMLINK_NOFOLLOW, STATX_MNT_ID | STATX_TYPE, &link);
    if (r < 0)
        return r;
    return dir.stx_mnt_id == link.stx_mnt_id && S_ISLNK(link.stx_mode) ? 0 : -EXDEV;
}

static int reopen_by(int proc_fd, int fd, const struct statx *what, int oflags)
{
    char name[CF_NUM_SIZE];
    int dir_fd, out, r;

    dir_fd = open_fd_dir(proc_fd);
    if (dir_fd < 0)
        return dir_fd;
    (void) cf_num_format(name, (uint64_t) fd);
    r = link_is_bare(dir_fd, name);
    if (r < 0) {
        (void) cf_sys_close(dir_fd);
        return r;
    }
    out = cf_sys_openat(dir_fd, name, oflags | O_CLOEXEC, 0);
    (void) cf_sys_close(dir_fd);
    if (out < 0)
        return out;
    r = same_file(what, out);
    if (r < 0) {
        (void) cf_sys_close(out);
        return r;
    }
    return out;
}

/* @only: this type or -EINVAL; 0: any */
static int reopen(int proc_fd, int fd, int oflags, int only)
{
    struct statx what = {0};
    int type, own, r;

    r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO, &what);
    if (r < 0)
        return r;
    type = what.stx_mode & S_IFMT;
    if (only && type != only)
        return -EINVAL;
    if (type == S_IFDIR)
        return cf_sys_openat(fd, ".", oflags | O_DIRECTORY | O_CLOEXEC, 0);
    if (type == S_IFLNK)
        return -ELOOP;
    if (proc_fd >= 0)
        return reopen_by(proc_fd, fd, &what, oflags);

    own = cf_procfs_open_host();
    if (own < 0)
        return own;
    r = reopen_by(own, fd, &what, oflags);
    (void) cf_sys_close(own);
    return r;
}

int cf_reopen(int proc_fd, int fd, int oflags)
{
    return oflags & (O_NOFOLLOW | O_CREAT) ? -EINVAL : reopen(proc_fd, fd, oflags, 0);
}

int cf_inroot_open_regular(int root_fd, const char *path, int proc_fd)
{
    int fd, r;

    fd = cf_inroot_open(root_fd, path, O_PATH, 0);
    if (fd < 0)
        return fd;
    r = reopen(proc_fd, fd, O_RDONLY | O_NOCTTY, S_IFREG);
    (void) cf_sys_close(fd);
    return r;
}
