/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads passwd(5), group(5), subuid(5) and subgid(5) by our own eyes: the C library's lookups would
 * load modules (rule R30). Host side.
 */

#include "userns/host-ids.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"

#define FILE_LIMIT (4u << 20)
#define MAX_FIELDS 8
#define FIRST_ITEMS 16

const struct cf_hostids_files cf_hostids_etc = {
    .passwd = "/etc/passwd", .group = "/etc/group", .subuid = "/etc/subuid", .subgid = "/etc/subgid"};

struct reader {
    const struct cf_hostids_query *query;
    struct cf_arena *arena;
    struct cf_hostids *out;
    size_t cap;
    const char *file;
};

static int add(struct reader *r, const char *name, bool gid, bool subid, const struct cf_subid *ids)
{
    const struct cf_idset *asked = gid ? &r->query->gids : &r->query->uids;
    const struct cf_idset theirs = {.ranges = ids, .n = 1};
    struct cf_subid common;
    long index = cf_idset_overlap(asked, &theirs, &common);
    struct cf_hostid *items;

    if (index < 0)
        return 0;
    if (r->out->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : FIRST_ITEMS;

        items = cf_arena_calloc(r->arena, cap, sizeof(*items));
        if (!items)
            return -ENOMEM;
        if (r->out->n > 0)
            memcpy(items, r->out->items, r->out->n * sizeof(*items));
        r->out->items = items;
        r->cap = cap;
    }
    items = &r->out->items[r->out->n];
    *items = (struct cf_hostid) {.name = cf_arena_strdup(r->arena, name), .file = r->file, .gid = gid,
                                 .subid = subid, .index = (uint32_t) index, .ids = common, .whole = *ids};
    if (!items->name)
        return -ENOMEM;
    r->out->n++;
    return 0;
}

static void note_bad(struct reader *r, uint32_t line, int error)
{
    size_t n = r->out->n_bad;

    if (n == CF_HOSTIDS_MAX_BAD || (n > 0 && r->out->bad[n - 1].file == r->file))
        return;
    r->out->bad[r->out->n_bad++] = (struct cf_hostids_bad) {.file = r->file, .line = line, .error = error};
}

/* Cuts a line at its colons. Return: number of fields. */
static size_t split(char *line, char *fields[MAX_FIELDS])
{
    size_t n = 0;

    while (n < MAX_FIELDS) {
        char *colon = strchr(line, ':');

        fields[n++] = line;
        if (!colon)
            break;
        *colon = '\0';
        line = colon + 1;
    }
    return n;
}

static bool take_id(const char *text, struct cf_subid *ret)
{
    ret->count = 1;
    return cf_num_parse_u32(text, 0, UINT32_MAX, &ret->first) == 0;
}

static int passwd_line(struct reader *r, char *fields[MAX_FIELDS], size_t n)
{
    struct cf_subid uid, gid;
    int e;

    if (n < 4 || !take_id(fields[2], &uid) || !take_id(fields[3], &gid))
        return -EINVAL;
    e = add(r, fields[0], false, false, &uid);
    return e < 0 ? e : add(r, fields[0], true, false, &gid);
}

static int group_line(struct reader *r, char *fields[MAX_FIELDS], size_t n)
{
    struct cf_subid gid;

    if (n < 3 || !take_id(fields[2], &gid))
        return -EINVAL;
    return add(r, fields[0], true, false, &gid);
}

static int sub_line(struct reader *r, char *fields[MAX_FIELDS], size_t n, bool gid)
{
    struct cf_subid ids;

    if (n != 3 || !fields[0][0] || cf_num_parse_u32(fields[1], 0, UINT32_MAX - 1, &ids.first) < 0 ||
        cf_num_parse_u32(fields[2], 0, UINT32_MAX, &ids.count) < 0 || (uint64_t) ids.first + ids.count > UINT32_MAX)
        return -EINVAL;
    if (ids.count == 0)
        return 0;
    for (const char *const *trusted = r->query->trusted; trusted && *trusted; trusted++)
        if (cf_str_eq(*trusted, fields[0]))
            return 0;
    return add(r, fields[0], gid, true, &ids);
}

static int subuid_line(struct reader *r, char *fields[MAX_FIELDS], size_t n)
{
    return sub_line(r, fields, n, false);
}

static int subgid_line(struct reader *r, char *fields[MAX_FIELDS], size_t n)
{
    return sub_line(r, fields, n, true);
}

static int read_lines(struct reader *r, const char *file, int (*take)(struct reader *, char **, size_t))
{
    cf_auto_free char *text = NULL;
    char *fields[MAX_FIELDS], *line, *next;
    uint32_t number = 0;
    int e;

    r->file = file;
    e = cf_io_read_file_at(AT_FDCWD, file, FILE_LIMIT, &text, NULL);
    if (e == -ENOMEM)
        return e;
    if (e < 0) {
        if (e != -ENOENT)
            note_bad(r, 0, e);
        return 0;
    }
    for (line = text; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        line += strspn(line, " \t");
        if (!*line || *line == '#' || *line == '+' || *line == '-') /* the signs are for name services */
            continue;
        e = take(r, fields, split(line, fields));
        if (e == -EINVAL)
            note_bad(r, number, 0);
        else if (e < 0)
            return e;
    }
    return 0;
}

int cf_hostids_find(const struct cf_hostids_files *files, const struct cf_hostids_query *query,
                    struct cf_arena *arena, struct cf_hostids *ret, struct cf_err *err)
{
    struct reader r = {.query = query, .arena = arena, .out = ret};
    int e;

    *ret = (struct cf_hostids) {0};
    e = read_lines(&r, files->passwd, passwd_line);
    if (e >= 0)
        e = read_lines(&r, files->group, group_line);
    if (e >= 0)
        e = read_lines(&r, files->subuid, subuid_line);
    if (e >= 0)
        e = read_lines(&r, files->subgid, subgid_line);
    return e < 0 ? cf_err_oom(err) : 0;
}
