/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One direction of the terminal relay: a small buffer between a reader and a writer. */

#include <stdbool.h>
#include <stddef.h>

#define STREAM_SIZE 8192

struct stream {
    char data[STREAM_SIZE];
    size_t start, end; /* what waits to be written */
    bool eof;          /* nothing more to read */
    bool eof_sent;     /* for the user of the stream */
    bool broken;       /* the writer's side is gone: what comes is dropped */
    char last;         /* the last byte that was read, 0: none yet */
};

#define STREAM_INIT                                                                                          \
    {                                                                                                        \
        .start = 0                                                                                           \
    }

static inline bool stream_is_empty(const struct stream *s)
{
    return s->start == s->end;
}

static inline bool stream_has_room(const struct stream *s)
{
    return !s->eof && (stream_is_empty(s) || s->end < STREAM_SIZE);
}

/** One read(2). Return: bytes; 0 when there is nothing now or never again (then eof is set). */
size_t stream_fill(struct stream *s, int fd);
/** One write(2) of at most what a pipe that is ready takes without blocking. */
void stream_drain(struct stream *s, int fd);
/** One more byte, if it fits. */
void stream_put(struct stream *s, char c);
