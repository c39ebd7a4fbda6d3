/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Strings in fixed buffers. Both sides; no allocation. */

#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/format.h"

bool cf_str_eq(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

bool cf_str_empty(const char *s)
{
    return !s || s[0] == '\0';
}

bool cf_str_starts_with(const char *s, const char *prefix)
{
    return cf_str_after(s, prefix) != NULL;
}

bool cf_str_ends_with(const char *s, const char *suffix)
{
    size_t n, m;

    if (!s)
        return false;
    n = strlen(s);
    m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

const char *cf_str_after(const char *s, const char *prefix)
{
    size_t n = strlen(prefix);

    if (!s || strncmp(s, prefix, n) != 0)
        return NULL;
    return s + n;
}

int cf_str_index(const char *const *table, size_t n, const char *s)
{
    for (size_t i = 0; s && i < n; i++) {
        if (table[i] && strcmp(table[i], s) == 0)
            return (int) i;
    }
    return -ENOENT;
}

size_t cf_str_nlen(const char *s, size_t max)
{
    size_t n = 0;

    while (n < max && s[n])
        n++;
    return n;
}

int cf_str_copy(char *buf, size_t size, const char *s)
{
    size_t n = strlen(s);

    if (size == 0)
        return -ENAMETOOLONG;
    if (n >= size) {
        memcpy(buf, s, size - 1);
        buf[size - 1] = '\0';
        return -ENAMETOOLONG;
    }
    memcpy(buf, s, n + 1);
    return (int) n;
}

int cf_str_append(char *buf, size_t size, const char *s)
{
    size_t have = cf_str_nlen(buf, size);
    int r;

    if (have == size)
        return -ENAMETOOLONG;
    r = cf_str_copy(buf + have, size - have, s);
    if (r < 0)
        return r;
    return (int) have + r;
}

int cf_str_path(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    size_t n;

    va_start(args, fmt);
    n = cf_vformat(buf, size, fmt, args);
    va_end(args);
    if (n >= size)
        return -ENAMETOOLONG;
    return (int) n;
}

int cf_str_path_join(char *buf, size_t size, const char *dir, const char *name)
{
    size_t n = strlen(dir);

    while (n > 0 && dir[n - 1] == '/')
        n--;
    while (*name == '/')
        name++;
    return cf_str_path(buf, size, "%.*s/%s", (int) n, dir, name);
}

/* Bytes of the sequence that begins with this byte; 0: no byte to begin with. */
static size_t utf8_announced(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        return 2;
    if (c >= 0xe0 && c <= 0xef)
        return 3;
    if (c >= 0xf0 && c <= 0xf4)
        return 4;
    return 0;
}

size_t cf_utf8_len(const char *s, size_t left)
{
    const unsigned char *u = (const unsigned char *) s;
    size_t n;

    if (left == 0)
        return 0;
    n = utf8_announced(u[0]);
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    if (n == 3 && ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] >= 0xa0)))
        return 0;
    if (n == 4 && ((u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] >= 0x90)))
        return 0;
    return n;
}

/* Characters that can forge or reorder what a reader sees. */
static bool is_control(const unsigned char *u, size_t n)
{
    if (n == 1)
        return u[0] < 0x20 || u[0] == 0x7f;
    if (n == 2)
        return u[0] == 0xc2 && u[1] < 0xa0; /* U+0080..U+009F */
    if (n == 3 && u[0] == 0xe2 && u[1] == 0x80)
        return u[2] >= 0xa8 && u[2] <= 0xae; /* U+2028..U+202E */
    if (n == 3 && u[0] == 0xe2 && u[1] == 0x81)
        return u[2] >= 0xa6 && u[2] <= 0xa9; /* U+2066..U+2069 */
    return false;
}

size_t cf_str_escape(char *buf, size_t size, const char *s, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;

    if (size == 0)
        return 0;
    for (size_t i = 0; i < n;) {
        const unsigned char *u = (const unsigned char *) s + i;
        size_t k = cf_utf8_len(s + i, n - i);

        if (k > 0 && !is_control(u, k)) {
            if (len + k >= size)
                break;
            memcpy(buf + len, u, k);
            len += k;
            i += k;
            continue;
        }
        /* One byte at a time: the rest of a bad sequence is bad as well. */
        if (len + 4 >= size)
            break;
        buf[len++] = '\\';
        buf[len++] = 'x';
        buf[len++] = hex[u[0] >> 4];
        buf[len++] = hex[u[0] & 15];
        i++;
    }
    buf[len] = '\0';
    return len;
}
