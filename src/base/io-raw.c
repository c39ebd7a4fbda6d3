/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The part of base/io.h without allocation. Both sides. */

#include <errno.h>

#include "base/io.h"
#include "sys/fs.h"

int cf_io_write_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        long n = cf_sys_write(fd, p, len);

        if (n == -EINTR)
            continue;
        if (n < 0)
            return (int) n;
        if (n == 0)
            return -EIO;
        p += n;
        len -= (size_t) n;
    }
    return 0;
}

long cf_io_read_buf(int fd, void *buf, size_t size)
{
    size_t have = 0;

    while (have < size) {
        long n = cf_sys_read(fd, (char *) buf + have, size - have);

        if (n == -EINTR)
            continue;
        if (n < 0)
            return n;
        if (n == 0)
            break;
        have += (size_t) n;
    }
    return (long) have;
}
