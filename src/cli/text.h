/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Text that is put together in memory and written in one piece. Out of memory is sticky: append on,
 * the writer sees `failed`.
 */

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data; /* terminated once anything was appended */
    size_t len, cap;
    bool failed;
};

#define TEXT_INIT                                                                                            \
    {                                                                                                        \
        0                                                                                                    \
    }

void text_free(struct text *t);
void text_add(struct text *t, const char *s);
void text_addn(struct text *t, const char *s, size_t n);
void text_pad(struct text *t, size_t n);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** For people: control characters and bytes that are no UTF-8 become \xNN. One line. */
void text_add_plain(struct text *t, const char *s);
/** A value of a text log line: in quotes unless it is all letters, digits and -._/@^+ */
void text_add_logfmt(struct text *t, const char *s);
/** A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
void text_add_json(struct text *t, const char *s);
/** Characters on a terminal, counting one for each UTF-8 character. */
size_t text_width(const char *s);

/** Writes everything with as few write(2)s as possible. Return: 0 or -errno. */
int text_write(const struct text *t, int fd);
