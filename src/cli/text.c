/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See text.h. */

#include "cli/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void text_free(struct text *t)
{
    free(t->data);
    *t = (struct text){0};
}

/* Room for @n more bytes and the terminator. */
static bool reserve(struct text *t, size_t n)
{
    size_t need, cap = t->cap ? t->cap : 256;
    char *data;

    if (t->failed || __builtin_add_overflow(t->len, n + 1, &need)) {
        t->failed = true;
        return false;
    }
    if (need <= t->cap)
        return true;
    while (cap < need)
        cap *= 2;
    data = realloc(t->data, cap);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->cap = cap;
    return true;
}

void text_addn(struct text *t, const char *s, size_t n)
{
    if (!reserve(t, n))
        return;
    memcpy(t->data + t->len, s, n);
    t->len += n;
    t->data[t->len] = '\0';
}

void text_add(struct text *t, const char *s)
{
    text_addn(t, s, strlen(s));
}

void text_pad(struct text *t, size_t n)
{
    while (n-- > 0)
        text_addn(t, " ", 1);
}

void text_printf(struct text *t, const char *fmt, ...)
{
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n < 0 || !reserve(t, (size_t) n)) {
        t->failed = true;
        return;
    }
    va_start(args, fmt);
    vsnprintf(t->data + t->len, (size_t) n + 1, fmt, args);
    va_end(args);
    t->len += (size_t) n;
}

/* Bytes of the UTF-8 character at @s, 0 if it is none. */
static size_t utf8_len(const unsigned char *s)
{
    static const struct {
        unsigned char mask, lead, low, high; /* range of the second byte */
    } forms[] = {
        {0xff, 0xe0, 0xa0, 0xbf}, {0xff, 0xed, 0x80, 0x9f}, {0xf0, 0xe0, 0x80, 0xbf},
        {0xff, 0xf0, 0x90, 0xbf}, {0xff, 0xf4, 0x80, 0x8f}, {0xfc, 0xf0, 0x80, 0xbf},
    };

    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        return (s[1] & 0xc0) == 0x80 ? 2 : 0;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if ((s[0] & forms[i].mask) != forms[i].lead)
            continue;
        if (s[1] < forms[i].low || s[1] > forms[i].high || (s[2] & 0xc0) != 0x80)
            return 0;
        if (i < 3)
            return 3;
        return (s[3] & 0xc0) == 0x80 ? 4 : 0;
    }
    return 0;
}

/* C0, DEL, and the C1 controls in their two-byte form. */
static bool is_control(const unsigned char *s, size_t len)
{
    return (len == 1 && (s[0] < 0x20 || s[0] == 0x7f)) || (len == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

void text_add_plain(struct text *t, const char *s)
{
    for (const unsigned char *c = (const unsigned char *) s; *c;) {
        size_t len = utf8_len(c);

        if (len > 0 && !is_control(c, len)) {
            text_addn(t, (const char *) c, len);
            c += len;
            continue;
        }
        for (size_t i = 0; i < (len ? len : 1); i++)
            text_printf(t, "\\x%02x", c[i]);
        c += len ? len : 1;
    }
}

static bool is_bare(const char *s)
{
    static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+";

    return s[0] && s[strspn(s, bare)] == '\0';
}

/* The backslash form of a character, NULL if it has none. */
static const char *short_escape(unsigned char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

static void add_quoted(struct text *t, const char *s, bool json)
{
    text_addn(t, "\"", 1);
    for (const unsigned char *c = (const unsigned char *) s; *c;) {
        size_t len = utf8_len(c);
        const char *escape = len == 1 ? short_escape(*c) : NULL;

        if (escape)
            text_add(t, escape);
        else if (len == 0 && json)
            text_add(t, "\xef\xbf\xbd");
        else if (len == 0)
            text_printf(t, "\\x%02x", *c);
        else if (is_control(c, len))
            text_printf(t, json || len == 2 ? "\\u%04x" : "\\x%02x", len == 2 ? c[1] : c[0]);
        else
            text_addn(t, (const char *) c, len);
        c += len ? len : 1;
    }
    text_addn(t, "\"", 1);
}

void text_add_logfmt(struct text *t, const char *s)
{
    if (is_bare(s))
        text_add(t, s);
    else
        add_quoted(t, s, false);
}

void text_add_json(struct text *t, const char *s)
{
    add_quoted(t, s, true);
}

size_t text_width(const char *s)
{
    size_t width = 0;

    for (; *s; s++)
        width += ((unsigned char) *s & 0xc0) != 0x80;
    return width;
}

int text_write(const struct text *t, int fd)
{
    size_t done = 0;

    if (t->failed)
        return -ENOMEM;
    while (done < t->len) {
        ssize_t n = write(fd, t->data + done, t->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        done += (size_t) n;
    }
    return 0;
}
