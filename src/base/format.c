/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The formatter. It exists because coffer-init has no stdio and because the text of an error must
 * not depend on a locale. Both sides; no allocation.
 */

#include "base/format.h"

#include <stdbool.h>
#include <stdint.h>

struct out {
    char *buf;
    size_t size;
    size_t len; /* of the whole text, also what did not fit */
};

struct spec {
    bool zero;
    size_t width;
    int64_t precision; /* -1: none */
    unsigned int longs; /* 0: int, 1: long, 2: long long, 3: size_t */
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void put_padded(struct out *o, const char *s, size_t n, const struct spec *spec)
{
    for (size_t i = n; i < spec->width; i++)
        put(o, ' ');
    for (size_t i = 0; i < n; i++)
        put(o, s[i]);
}

static void put_number(struct out *o, uint64_t v, unsigned int base, bool negative,
                       const struct spec *spec)
{
    char digits[24];
    size_t n = 0, total;

    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v != 0);
    total = n + (negative ? 1 : 0);

    for (size_t i = total; !spec->zero && i < spec->width; i++)
        put(o, ' ');
    if (negative)
        put(o, '-');
    for (size_t i = total; spec->zero && i < spec->width; i++)
        put(o, '0');
    while (n > 0)
        put(o, digits[--n]);
}

/* va_list may be an array type, so it travels inside a struct. */
struct args {
    va_list list;
};

static int64_t take_signed(struct args *a, unsigned int longs)
{
    switch (longs) {
    case 0:
        return va_arg(a->list, int);
    case 1:
        return va_arg(a->list, long);
    case 2:
        return va_arg(a->list, long long);
    default:
        return (int64_t) va_arg(a->list, size_t);
    }
}

static uint64_t take_unsigned(struct args *a, unsigned int longs)
{
    switch (longs) {
    case 0:
        return va_arg(a->list, unsigned int);
    case 1:
        return va_arg(a->list, unsigned long);
    case 2:
        return va_arg(a->list, unsigned long long);
    default:
        return va_arg(a->list, size_t);
    }
}

static void put_string(struct out *o, const char *s, const struct spec *spec)
{
    size_t n = 0;

    if (!s)
        s = "(null)";
    while ((spec->precision < 0 || (int64_t) n < spec->precision) && s[n])
        n++;
    put_padded(o, s, n, spec);
}

static const char *parse_spec(const char *p, struct args *a, struct spec *spec)
{
    *spec = (struct spec){.precision = -1};

    if (*p == '0') {
        spec->zero = true;
        p++;
    }
    for (; *p >= '0' && *p <= '9'; p++)
        spec->width = spec->width * 10 + (size_t) (*p - '0');
    if (*p == '.') {
        p++;
        if (*p == '*') {
            spec->precision = va_arg(a->list, int);
            p++;
        } else {
            for (spec->precision = 0; *p >= '0' && *p <= '9'; p++)
                spec->precision = spec->precision * 10 + (*p - '0');
        }
    }
    if (*p == 'z') {
        spec->longs = 3;
        p++;
    }
    for (; *p == 'l'; p++)
        spec->longs = spec->longs < 2 ? spec->longs + 1 : 2;
    return p;
}

/* One conversion; p is behind the '%'. Returns the position behind it. */
static const char *convert(struct out *o, const char *p, struct args *a)
{
    struct spec spec;
    int64_t v;
    char c;

    p = parse_spec(p, a, &spec);
    switch (*p) {
    case 's':
        put_string(o, va_arg(a->list, const char *), &spec);
        break;
    case 'c':
        c = (char) va_arg(a->list, int);
        put_padded(o, &c, 1, &spec);
        break;
    case 'd':
    case 'i':
        v = take_signed(a, spec.longs);
        put_number(o, v < 0 ? 0 - (uint64_t) v : (uint64_t) v, 10, v < 0, &spec);
        break;
    case 'u':
        put_number(o, take_unsigned(a, spec.longs), 10, false, &spec);
        break;
    case 'x':
        put_number(o, take_unsigned(a, spec.longs), 16, false, &spec);
        break;
    case 'o':
        put_number(o, take_unsigned(a, spec.longs), 8, false, &spec);
        break;
    case '%':
        put(o, '%');
        break;
    case '\0':
        return p;
    default: /* a mistake of ours that the compiler's format check allows */
        put(o, '%');
        put(o, *p);
        break;
    }
    return p + 1;
}

size_t cf_vformat(char *buf, size_t size, const char *fmt, va_list args)
{
    struct out o = {.buf = buf, .size = size};
    struct args a;

    va_copy(a.list, args);
    while (*fmt) {
        if (*fmt == '%')
            fmt = convert(&o, fmt + 1, &a);
        else
            put(&o, *fmt++);
    }
    va_end(a.list);

    if (size > 0)
        buf[o.len < size ? o.len : size - 1] = '\0';
    return o.len;
}

size_t cf_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    size_t n;

    va_start(args, fmt);
    n = cf_vformat(buf, size, fmt, args);
    va_end(args);
    return n;
}
