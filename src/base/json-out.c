/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The JSON writer. Host side. */

#include "base/json-out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/str.h"

#define MAX_DEPTH 64

struct cf_json {
    char *text;
    size_t len, size;
    int error; /* sticky */
    unsigned int indent;
    unsigned int depth;
    bool after_key; /* the next value stands behind a key */
    bool done;      /* one whole value is written */
    struct {
        bool object;
        bool filled;
    } level[MAX_DEPTH];
};

struct cf_json *cf_json_new(unsigned int indent)
{
    struct cf_json *j = calloc(1, sizeof(*j));

    if (j)
        j->indent = indent;
    return j;
}

void cf_json_free(struct cf_json *j)
{
    if (!j)
        return;
    free(j->text);
    free(j);
}

static void put(struct cf_json *j, const char *s, size_t n)
{
    size_t need = j->len + n + 1;

    if (j->error)
        return;
    if (need > j->size) {
        size_t size = j->size ? j->size : 1024;
        char *bigger;

        while (size < need)
            size *= 2;
        bigger = realloc(j->text, size);
        if (!bigger) {
            j->error = -ENOMEM;
            return;
        }
        j->text = bigger;
        j->size = size;
    }
    memcpy(j->text + j->len, s, n);
    j->len += n;
    j->text[j->len] = '\0';
}

static void put_line(struct cf_json *j)
{
    if (j->indent == 0)
        return;
    put(j, "\n", 1);
    for (unsigned int i = 0; i < j->depth * j->indent; i++)
        put(j, " ", 1);
}

/* What stands before an element: comma and line; nothing behind a key. */
static void before(struct cf_json *j, bool is_key)
{
    if (j->after_key) {
        j->after_key = false;
        if (is_key)
            j->error = j->error ? j->error : -EINVAL;
        return;
    }
    if (j->depth == 0) {
        if (j->done || is_key)
            j->error = j->error ? j->error : -EINVAL;
        j->done = true;
        return;
    }
    if (j->level[j->depth - 1].object != is_key) {
        j->error = j->error ? j->error : -EINVAL;
        return;
    }
    if (j->level[j->depth - 1].filled)
        put(j, ",", 1);
    j->level[j->depth - 1].filled = true;
    put_line(j);
}

static void begin(struct cf_json *j, bool object)
{
    before(j, false);
    put(j, object ? "{" : "[", 1);
    if (j->depth == MAX_DEPTH) {
        j->error = j->error ? j->error : -EINVAL;
        return;
    }
    j->level[j->depth].object = object;
    j->level[j->depth].filled = false;
    j->depth++;
}

static void end(struct cf_json *j, bool object)
{
    bool filled;

    if (j->depth == 0 || j->after_key || j->level[j->depth - 1].object != object) {
        j->error = j->error ? j->error : -EINVAL;
        return;
    }
    j->depth--;
    filled = j->level[j->depth].filled;
    if (filled)
        put_line(j);
    put(j, object ? "}" : "]", 1);
}

void cf_json_object_begin(struct cf_json *j)
{
    begin(j, true);
}

void cf_json_object_end(struct cf_json *j)
{
    end(j, true);
}

void cf_json_array_begin(struct cf_json *j)
{
    begin(j, false);
}

void cf_json_array_end(struct cf_json *j)
{
    end(j, false);
}

static void put_control(struct cf_json *j, unsigned char c)
{
    static const char short_names[] = "btn_fr"; /* 8 to 13, without 11 */
    char buf[8];
    size_t n;

    if (c >= 8 && c <= 13 && c != 11) {
        buf[0] = '\\';
        buf[1] = short_names[c - 8];
        n = 2;
    } else {
        n = cf_format(buf, sizeof(buf), "\\u%04x", (unsigned int) c);
    }
    put(j, buf, n);
}

static void put_quoted(struct cf_json *j, const char *s, size_t n)
{
    size_t start = 0, i = 0;

    put(j, "\"", 1);
    while (i < n) {
        unsigned char c = (unsigned char) s[i];
        size_t k = cf_utf8_len(s + i, n - i);

        if (k > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            i += k;
            continue;
        }
        put(j, s + start, i - start);
        if (k == 0) {
            put(j, "\xef\xbf\xbd", 3);
        } else if (c == '"' || c == '\\') {
            put(j, "\\", 1);
            put(j, s + i, 1);
        } else {
            put_control(j, c);
        }
        i++;
        start = i;
    }
    put(j, s + start, n - start);
    put(j, "\"", 1);
}

void cf_json_key(struct cf_json *j, const char *key)
{
    before(j, true);
    put_quoted(j, key, strlen(key));
    put(j, ": ", j->indent ? 2 : 1);
    j->after_key = true;
}

void cf_json_strn(struct cf_json *j, const char *s, size_t n)
{
    before(j, false);
    put_quoted(j, s, n);
}

void cf_json_str(struct cf_json *j, const char *s)
{
    if (s)
        cf_json_strn(j, s, strlen(s));
    else
        cf_json_null(j);
}

void cf_json_printf(struct cf_json *j, const char *fmt, ...)
{
    va_list args;
    char *text;
    size_t n;

    va_start(args, fmt);
    n = cf_vformat(NULL, 0, fmt, args);
    va_end(args);
    text = malloc(n + 1);
    if (!text) {
        j->error = -ENOMEM;
        return;
    }
    va_start(args, fmt);
    (void) cf_vformat(text, n + 1, fmt, args);
    va_end(args);
    cf_json_strn(j, text, n);
    free(text);
}

void cf_json_raw(struct cf_json *j, const char *text)
{
    before(j, false);
    put(j, text, strlen(text));
}

void cf_json_int(struct cf_json *j, int64_t v)
{
    char buf[24];

    (void) cf_format(buf, sizeof(buf), "%lld", (long long) v);
    cf_json_raw(j, buf);
}

void cf_json_uint(struct cf_json *j, uint64_t v)
{
    char buf[24];

    (void) cf_format(buf, sizeof(buf), "%llu", (unsigned long long) v);
    cf_json_raw(j, buf);
}

void cf_json_bool(struct cf_json *j, bool v)
{
    cf_json_raw(j, v ? "true" : "false");
}

void cf_json_null(struct cf_json *j)
{
    cf_json_raw(j, "null");
}

void cf_json_kv_str(struct cf_json *j, const char *key, const char *s)
{
    cf_json_key(j, key);
    cf_json_str(j, s);
}

void cf_json_kv_int(struct cf_json *j, const char *key, int64_t v)
{
    cf_json_key(j, key);
    cf_json_int(j, v);
}

void cf_json_kv_uint(struct cf_json *j, const char *key, uint64_t v)
{
    cf_json_key(j, key);
    cf_json_uint(j, v);
}

void cf_json_kv_bool(struct cf_json *j, const char *key, bool v)
{
    cf_json_key(j, key);
    cf_json_bool(j, v);
}

void cf_json_kv_strv(struct cf_json *j, const char *key, const char *const *v, size_t n)
{
    cf_json_key(j, key);
    cf_json_array_begin(j);
    for (size_t i = 0; i < n; i++)
        cf_json_str(j, v[i]);
    cf_json_array_end(j);
}

long cf_json_finish(struct cf_json *j, const char **ret)
{
    if (j->error)
        return j->error;
    if (j->depth != 0 || j->after_key || !j->done)
        return -EINVAL;
    *ret = j->text;
    return (long) j->len;
}
