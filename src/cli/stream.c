/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See stream.h. Standard streams are shared with other processes and keep their mode: they may
 * block, so there is one call per readiness, and writes are small.
 */

#include "cli/stream.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

size_t stream_fill(struct stream *s, int fd)
{
    ssize_t n;

    if (s->start == s->end)
        s->start = s->end = 0;
    n = read(fd, s->data + s->end, STREAM_SIZE - s->end);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) { /* EIO: the other side of the terminal was closed */
        s->eof = true;
        return 0;
    }
    s->last = s->data[s->end + (size_t) n - 1];
    s->end += (size_t) n;
    if (s->broken)
        s->start = s->end;
    return (size_t) n;
}

void stream_drain(struct stream *s, int fd)
{
    size_t len = s->end - s->start;
    ssize_t n = write(fd, s->data + s->start, len < PIPE_BUF ? len : PIPE_BUF);

    if (n >= 0)
        s->start += (size_t) n;
    else if (errno != EAGAIN && errno != EINTR) {
        s->broken = true;
        s->start = s->end;
    }
}

void stream_put(struct stream *s, char c)
{
    if (s->start == s->end)
        s->start = s->end = 0;
    if (s->end < STREAM_SIZE)
        s->data[s->end++] = c;
}
