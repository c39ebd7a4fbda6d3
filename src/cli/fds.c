/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See fds.h. */

#include "cli/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FD 3u
#define LISTEN_MAX 1024u

int fds_open_std(void)
{
    struct pollfd std[3] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};

    /* One call tells about all three. */
    if (poll(std, 3, 0) <= 0)
        return 0;
    for (int i = 0; i < 3; i++) {
        int fd;

        if (!(std[i].revents & POLLNVAL))
            continue;
        fd = open("/dev/null", O_RDWR); /* the lowest free number: this one */
        if (fd < 0)
            return -errno;
        if (fd != i) {
            int r = dup3(fd, i, 0) < 0 ? -errno : 0;

            close(fd);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int fds_check_passed(unsigned int listen, unsigned int preserve, char *error, size_t error_size)
{
    for (unsigned int i = 0; i < listen + preserve; i++) {
        if (fcntl((int) (FIRST_FD + i), F_GETFD) >= 0)
            continue;
        if (i < listen)
            snprintf(error, error_size,
                     "unable to stat LISTEN_FDS descriptor %u (of %u): bad file descriptor", i, listen);
        else
            snprintf(error, error_size, "unable to stat preserved-fd %u (of %u): bad file descriptor",
                     i - listen, preserve);
        return -EBADF;
    }
    return 0;
}

/* Decimal, without sign or blanks. Return: the value, or -1. */
static long parse_count(const char *text, long max)
{
    long value = 0;

    if (!text || !text[0])
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return -1;
        value = value * 10 + (*text - '0');
        if (value > max)
            return -1;
    }
    return value;
}

unsigned int fds_listen_count(void)
{
    long count = parse_count(getenv("LISTEN_FDS"), LISTEN_MAX);

    if (count <= 0 || parse_count(getenv("LISTEN_PID"), 1L << 30) != getpid())
        return 0;
    return (unsigned int) count;
}
