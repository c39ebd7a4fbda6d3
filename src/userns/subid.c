/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /etc/subuid and /etc/subgid: lines `USER:FIRST:COUNT`, USER a name or a number. Host side. Names
 * come from /etc/passwd by our own eyes: the C library's lookup would load modules (rule R30).
 * Lines that cannot be read are skipped, as newuidmap(1) does.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "userns/subid.h"
#include "userns/userns.h"

#define SUBID_FILE_LIMIT (4u << 20)

/* Cuts the next field off *p at a colon or at the end of the text. NULL: none left. */
static char *next_field(char **p)
{
    char *start = *p, *end;

    if (!start)
        return NULL;
    end = strchr(start, ':');
    if (end) {
        *end = '\0';
        *p = end + 1;
    } else {
        *p = NULL;
    }
    return start;
}

static char *next_line(char **p)
{
    char *start = *p, *end;

    if (!start || !*start)
        return NULL;
    end = strchr(start, '\n');
    if (end) {
        *end = '\0';
        *p = end + 1;
    } else {
        *p = NULL;
    }
    return start;
}

int cf_subid_user_name(const char *passwd, uint32_t uid, struct cf_arena *arena, const char **ret)
{
    cf_auto_free char *text = NULL;
    char *p, *line;
    int r = cf_io_read_file_at(AT_FDCWD, passwd, SUBID_FILE_LIMIT, &text, NULL);

    *ret = NULL;
    if (r < 0)
        return r == -ENOMEM ? r : 0;
    p = text;
    while ((line = next_line(&p))) {
        char *name = next_field(&line);
        char *number;
        uint32_t v;

        (void) next_field(&line);
        number = next_field(&line);
        if (!number || !*name || cf_num_parse_u32(number, 0, UINT32_MAX, &v) < 0 || v != uid)
            continue;
        *ret = cf_arena_strdup(arena, name);
        return *ret ? 0 : -ENOMEM;
    }
    return 0;
}

static bool is_of(const char *user, uint32_t uid, const char *name)
{
    uint32_t v;

    return (name && strcmp(user, name) == 0) || (cf_num_parse_u32(user, 0, UINT32_MAX, &v) == 0 && v == uid);
}

static int parse(char *text, uint32_t uid, const char *name, struct cf_subid *out, size_t *ret_n)
{
    char *line;
    size_t n = 0;

    while ((line = next_line(&text))) {
        char *user = next_field(&line);
        char *first = next_field(&line);
        char *count = next_field(&line);
        struct cf_subid entry;

        if (!count || line || !is_of(user, uid, name))
            continue;
        if (cf_num_parse_u32(first, 0, UINT32_MAX - 1, &entry.first) < 0 ||
            cf_num_parse_u32(count, 1, UINT32_MAX, &entry.count) < 0)
            continue;
        if (out)
            out[n] = entry;
        n++;
    }
    *ret_n = n;
    return 0;
}

size_t cf_subid_bad_line(const char *file, uint32_t uid, const char *name)
{
    cf_auto_free char *text = NULL;
    char *p, *line;

    if (cf_io_read_file_at(AT_FDCWD, file, SUBID_FILE_LIMIT, &text, NULL) < 0)
        return 0;
    p = text;
    for (size_t number = 1; (line = next_line(&p)); number++) {
        char *user = next_field(&line), *first = next_field(&line), *count = next_field(&line);
        uint32_t f, n;

        if (!user || !is_of(user, uid, name))
            continue;
        if (!count || line || cf_num_parse_u32(first, 0, UINT32_MAX - 1, &f) < 0 ||
            cf_num_parse_u32(count, 1, UINT32_MAX, &n) < 0 || (uint64_t) f + n > UINT32_MAX)
            return number;
    }
    return 0;
}

int cf_subid_load_named(const char *file, uint32_t uid, const char *name, struct cf_arena *arena,
                        struct cf_subid **ret, size_t *ret_n, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    struct cf_subid *out;
    size_t lines = 1;
    int r = cf_io_read_file_at(AT_FDCWD, file, SUBID_FILE_LIMIT, &text, NULL);

    *ret = NULL;
    *ret_n = 0;
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return cf_err_sys(err, r, "read `%s`", file);
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    out = cf_arena_calloc(arena, lines, sizeof(*out));
    if (!out)
        return cf_err_oom(err);
    (void) parse(text, uid, name, out, ret_n);
    *ret = out;
    return 0;
}

int cf_subid_load(const char *file, uint32_t uid, struct cf_arena *arena, struct cf_subid **ret,
                  size_t *ret_n, struct cf_err *err)
{
    const char *name;

    if (cf_subid_user_name("/etc/passwd", uid, arena, &name) < 0)
        return cf_err_oom(err);
    return cf_subid_load_named(file, uid, name, arena, ret, ret_n, err);
}

bool cf_subid_covers(const struct cf_subid *subids, size_t n, uint32_t first, uint32_t size)
{
    uint64_t id = first, end = (uint64_t) first + size;

    /* A range may span several entries: go on behind the one that holds the next id. */
    while (id < end) {
        uint64_t next = id;

        for (size_t i = 0; i < n; i++) {
            uint64_t last = (uint64_t) subids[i].first + subids[i].count;

            if (id >= subids[i].first && id < last && last > next)
                next = last;
        }
        if (next == id)
            return false;
        id = next;
    }
    return true;
}
