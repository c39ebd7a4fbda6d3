/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whole files, host side: these allocate. */

#include "base/io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "sys/fs.h"
#include "sys/task.h"

#define FIRST_SIZE 4096

/* @st: of the fd. Its size is only a hint: procfs and cgroupfs say 0, a writer may append. */
static int read_all(int fd, const struct stat *st, size_t limit, char **ret, size_t *ret_len)
{
    cf_auto_free char *buf = NULL;
    size_t size = 0, len = 0;

    if (limit >= SIZE_MAX / 4)
        return -EINVAL;
    if (S_ISREG(st->st_mode) && st->st_size > 0 && (uint64_t) st->st_size <= limit)
        size = (size_t) st->st_size;

    if (size > 0) {
        /* A read that gets exactly what there was, with room for more, has met the end. */
        long n;

        buf = malloc(size + 2);
        if (!buf)
            return -ENOMEM;
        n = cf_sys_read(fd, buf, size + 1);
        if (n == (long) size) {
            buf[size] = '\0';
            *ret = cf_steal_ptr(&buf);
            if (ret_len)
                *ret_len = size;
            return 0;
        }
        if (n < 0 && n != -EINTR)
            return (int) n;
        len = n > 0 ? (size_t) n : 0;
    }
    size = size ? size + 2 : FIRST_SIZE;
    for (;;) {
        char *bigger = realloc(buf, size);
        long n;

        if (!bigger)
            return -ENOMEM;
        buf = bigger;
        n = cf_io_read_buf(fd, buf + len, size - 1 - len);
        if (n < 0)
            return (int) n;
        len += (size_t) n;
        if (len > limit)
            return -EFBIG;
        if (len < size - 1)
            break;
        size *= 2;
    }
    buf[len] = '\0';
    *ret = cf_steal_ptr(&buf);
    if (ret_len)
        *ret_len = len;
    return 0;
}

int cf_io_read_all(int fd, size_t limit, char **ret, size_t *ret_len)
{
    struct stat st = {0};

    (void) cf_sys_fstat(fd, &st);
    return read_all(fd, &st, limit, ret, ret_len);
}

int cf_io_read_file_at(int dirfd, const char *path, size_t limit, char **ret, size_t *ret_len)
{
    cf_auto_fd int fd = -EBADF;
    struct stat st;
    int r;

    /* O_NONBLOCK: a FIFO in this place must not stop us before its type is known. */
    fd = cf_sys_openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return fd;
    r = cf_sys_fstat(fd, &st);
    if (r < 0)
        return r;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    return read_all(fd, &st, limit, ret, ret_len);
}

static int write_temp(int dirfd, const char *temp, const void *data, size_t len, uint32_t mode)
{
    cf_auto_fd int fd = -EBADF;
    int r;

    fd = cf_sys_openat(dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fd;
    r = cf_io_write_all(fd, data, len);
    if (r < 0)
        return r;
    /* After the content, so that nobody the mode lets in sees half a file; umask-proof. */
    return mode == 0600 ? 0 : cf_sys_fchmod(fd, mode);
}

int cf_io_replace_file_at(int dirfd, const char *name, const void *data, size_t len,
                          uint32_t mode)
{
    char temp[256];
    uint64_t random;
    long n;
    int r;

    if (!name[0] || strchr(name, '/'))
        return -EINVAL;
    if (cf_format(temp, sizeof(temp), ".%s.tmp-%016llx", name, 0ull) >= sizeof(temp))
        return -ENAMETOOLONG;
    r = write_temp(dirfd, temp, data, len, mode);
    if (r == -EEXIST) {
        /* Somebody is at it too, or did not come to the end of it. */
        n = cf_sys_getrandom(&random, sizeof(random), 0);
        if (n < 0)
            return (int) n;
        (void) cf_format(temp, sizeof(temp), ".%s.tmp-%016llx", name, (unsigned long long) random);
        r = write_temp(dirfd, temp, data, len, mode);
    }
    if (r == -EEXIST)
        return r;
    if (r >= 0)
        r = cf_sys_renameat2(dirfd, temp, dirfd, name, 0);
    if (r < 0)
        (void) cf_sys_unlinkat(dirfd, temp, 0);
    return r < 0 ? r : 0;
}

int cf_io_sealed_memfd(const char *name, const void *data, size_t len, unsigned int extra_flags)
{
    const unsigned int base_flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    cf_auto_fd int fd = -EBADF;
    int r;

    fd = cf_sys_memfd_create(name, base_flags | extra_flags);
    if (fd == -EINVAL && extra_flags)
        /* Before 6.3 there are no MFD_EXEC and MFD_NOEXEC_SEAL; memfds are executable then. */
        fd = cf_sys_memfd_create(name, base_flags | (extra_flags & ~(MFD_EXEC | MFD_NOEXEC_SEAL)));
    if (fd < 0)
        return fd;
    r = cf_io_write_all(fd, data, len);
    if (r < 0)
        return r;
    r = cf_sys_fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    if (r < 0)
        return r;
    return cf_steal_fd(&fd);
}

int cf_io_append_open(const char *path)
{
    cf_auto_fd int fd = -EBADF;
    struct stat st;
    int r;

    fd = cf_sys_openat(AT_FDCWD, path,
                       O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0)
        return fd;
    r = cf_sys_fstat(fd, &st);
    if (r >= 0 && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
        r = -EINVAL;
    if (r >= 0)
        r = cf_sys_fcntl(fd, F_SETFL, O_APPEND); /* who writes to it expects to wait */
    return r < 0 ? r : cf_steal_fd(&fd);
}
