/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * procfs that can be trusted: a private instance nobody can mount over, or a visible one from
 * which only files of exactly that mount are opened. The magic number alone proves nothing: a bind
 * of another procfs file has it too. Both sides; no allocation.
 */

#include <errno.h>

#include "path/path.h"
#include "sys/mountfd.h"

int cf_procfs_check(int fd)
{
    struct statfs fs;
    struct stat st;
    int r;

    r = cf_sys_fstatfs(fd, &fs);
    if (r < 0)
        return r;
    if (fs.f_type != CF_PROC_SUPER_MAGIC)
        return -ENOTSUP;
    r = cf_sys_fstat(fd, &st);
    if (r < 0)
        return r;
    return S_ISDIR(st.st_mode) && st.st_ino == 1 ? 0 : -ENOTSUP;
}

static int checked(int fd)
{
    int r;

    if (fd < 0)
        return fd;
    r = cf_procfs_check(fd);
    if (r < 0) {
        (void) cf_sys_close(fd);
        return r;
    }
    return fd;
}

int cf_procfs_open(bool subset_pid)
{
    int fs_fd, r;

    fs_fd = cf_sys_fsopen("proc", FSOPEN_CLOEXEC);
    if (fs_fd < 0)
        return fs_fd;
    r = subset_pid ? cf_sys_fsconfig_set_string(fs_fd, "subset", "pid") : 0;
    if (r >= 0)
        r = cf_sys_fsconfig_create(fs_fd);
    if (r >= 0)
        r = cf_sys_fsmount(fs_fd, FSMOUNT_CLOEXEC,
                           MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    (void) cf_sys_close(fs_fd);
    return checked(r);
}

int cf_procfs_open_host(void)
{
    return checked(cf_sys_openat(AT_FDCWD, "/proc",
                                 O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
}

static int same_mount(int a, int b)
{
    struct statx x = {0}, y = {0};
    int r;

    r = cf_sys_statx(a, "", AT_EMPTY_PATH, STATX_MNT_ID, &x);
    if (r >= 0)
        r = cf_sys_statx(b, "", AT_EMPTY_PATH, STATX_MNT_ID, &y);
    if (r < 0)
        return r;
    return x.stx_mnt_id == y.stx_mnt_id ? 0 : -EXDEV;
}

int cf_procfs_open_at(int proc_fd, const char *relpath, int oflags)
{
    struct open_how how = {
        .flags = (uint64_t) (uint32_t) (oflags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    struct statfs fs;
    int fd = -EAGAIN, r;

    if (oflags & (O_CREAT | O_TRUNC | O_PATH))
        return -EINVAL;
    for (int i = 0; i < CF_PATH_MAX_RETRIES && (fd == -EAGAIN || fd == -EINTR); i++)
        fd = cf_sys_openat2(proc_fd, relpath, &how, sizeof(how));
    if (fd < 0)
        return fd;

    r = cf_sys_fstatfs(fd, &fs);
    if (r >= 0 && fs.f_type != CF_PROC_SUPER_MAGIC)
        r = -EXDEV;
    if (r >= 0) {
        r = cf_fd_type(fd);
        if (r >= 0 && r != S_IFREG)
            r = -EINVAL;
    }
    if (r >= 0)
        r = same_mount(proc_fd, fd);
    if (r < 0) {
        (void) cf_sys_close(fd);
        return r;
    }
    return fd;
}

int cf_procfs_write(int proc_fd, const char *relpath, const void *data, size_t len)
{
    long n;
    int fd;

    fd = cf_procfs_open_at(proc_fd, relpath, O_WRONLY);
    if (fd < 0)
        return fd;
    do {
        n = cf_sys_write(fd, data, len);
    } while (n == -EINTR);
    (void) cf_sys_close(fd);
    if (n < 0)
        return (int) n;
    return (size_t) n == len ? 0 : -EIO;
}

long cf_procfs_read(int proc_fd, const char *relpath, char *buf, size_t size)
{
    size_t have = 0;
    long n = 0;
    int fd;

    if (size == 0)
        return -EINVAL;
    fd = cf_procfs_open_at(proc_fd, relpath, O_RDONLY);
    if (fd < 0)
        return fd;
    while (have < size - 1) {
        n = cf_sys_read(fd, buf + have, size - 1 - have);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            break;
        have += (size_t) n;
    }
    (void) cf_sys_close(fd);
    buf[have] = '\0';
    return n < 0 ? n : (long) have;
}
