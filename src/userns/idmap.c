/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Ranges of ids: pure computation, host side. A range covers [first, first + size), upper end
 * excluded, on both of its sides. All sums are made in 64 bits, because first + size may be 2^32.
 * Source: user_namespaces(7); runtime-spec config-linux.md, "User namespace mappings".
 */

#include "userns/idmap.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"

/* The kernel wants the text shorter than one page; 4096 is the smallest page there is. */
#define IDMAP_TEXT_LIMIT 4096

static uint64_t range_end(uint32_t first, uint32_t size)
{
    return (uint64_t) first + size;
}

static size_t digits(uint32_t v)
{
    char buf[CF_NUM_SIZE];

    return cf_num_format(buf, v);
}

static int check_range(const struct cf_idrange *r, const char *field, size_t i, struct cf_err *err)
{
    if (r->size == 0) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "idmap-size", -EINVAL,
                          "%s[%zu].size: must not be 0", field, i);
        cf_err_field(err, "%s[%zu].size", field, i);
        return -EINVAL;
    }
    /* The last id is at most 2^32 - 2: (uid_t) -1 means "unchanged" to the kernel. */
    if (range_end(r->container_id, r->size) > CF_ID_NONE) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "idmap-wrap", -EINVAL,
                          "%s[%zu].containerID: %u ids from %u on go beyond 4294967294", field, i,
                          r->size, r->container_id);
        cf_err_field(err, "%s[%zu].containerID", field, i);
        return -EINVAL;
    }
    if (range_end(r->host_id, r->size) > CF_ID_NONE) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "idmap-wrap", -EINVAL,
                          "%s[%zu].hostID: %u ids from %u on go beyond 4294967294", field, i,
                          r->size, r->host_id);
        cf_err_field(err, "%s[%zu].hostID", field, i);
        return -EINVAL;
    }
    return 0;
}

static bool ranges_overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size,
                           uint32_t *ret_first)
{
    uint32_t first = a > b ? a : b;

    if (first >= range_end(a, a_size) || first >= range_end(b, b_size))
        return false;
    *ret_first = first;
    return true;
}

static int check_pair(const struct cf_idmap *map, size_t i, size_t j, const char *field,
                      struct cf_err *err)
{
    const struct cf_idrange *a = &map->ranges[i], *b = &map->ranges[j];
    uint32_t id;

    if (ranges_overlap(a->container_id, a->size, b->container_id, b->size, &id)) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "idmap-overlap", -EINVAL,
                          "%s[%zu].containerID: id %u is mapped by entry %zu already", field, j, id,
                          i);
        cf_err_field(err, "%s[%zu].containerID", field, j);
        return -EINVAL;
    }
    if (ranges_overlap(a->host_id, a->size, b->host_id, b->size, &id)) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "idmap-overlap", -EINVAL,
                          "%s[%zu].hostID: host id %u is used by entry %zu already", field, j, id,
                          i);
        cf_err_field(err, "%s[%zu].hostID", field, j);
        return -EINVAL;
    }
    return 0;
}

int cf_idmap_check(const struct cf_idmap *map, const char *field, struct cf_err *err)
{
    size_t text = 0;
    int r;

    if (map->n == 0)
        return cf_err_config(err, "idmap-empty", field, "must have at least one entry");
    if (map->n > CF_IDMAP_MAX_RANGES)
        return cf_err_config(err, "idmap-too-many", field,
                             "%zu entries, the kernel takes at most %d", map->n,
                             CF_IDMAP_MAX_RANGES);
    for (size_t i = 0; i < map->n; i++) {
        const struct cf_idrange *range = &map->ranges[i];

        r = check_range(range, field, i, err);
        if (r < 0)
            return r;
        text += digits(range->container_id) + digits(range->host_id) + digits(range->size) + 3;
    }
    for (size_t j = 1; j < map->n; j++) {
        for (size_t i = 0; i < j; i++) {
            r = check_pair(map, i, j, field, err);
            if (r < 0)
                return r;
        }
    }
    if (text >= IDMAP_TEXT_LIMIT)
        return cf_err_config(err, "idmap-too-many", field,
                             "%zu entries make %zu bytes of text, the kernel takes less than %d",
                             map->n, text, IDMAP_TEXT_LIMIT);
    return 0;
}

/* The range holding @id on the side that is asked for, or NULL. */
static const struct cf_idrange *find_range(const struct cf_idmap *map, uint32_t id, bool host)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct cf_idrange *range = &map->ranges[i];
        uint32_t first = host ? range->host_id : range->container_id;

        /* Subtract before comparing: first + size may not fit in 32 bits. */
        if (id >= first && id - first < range->size)
            return range;
    }
    return NULL;
}

int cf_idmap_to_host(const struct cf_idmap *map, uint32_t container_id, uint32_t *ret_host_id)
{
    const struct cf_idrange *range = find_range(map, container_id, false);

    if (!range)
        return -EOVERFLOW;
    *ret_host_id = range->host_id + (container_id - range->container_id);
    return 0;
}

int cf_idmap_to_container(const struct cf_idmap *map, uint32_t host_id, uint32_t *ret_container_id)
{
    const struct cf_idrange *range = find_range(map, host_id, true);

    if (!range)
        return -EOVERFLOW;
    *ret_container_id = range->container_id + (host_id - range->host_id);
    return 0;
}

/* Every id of @a is translated by @b to the same host id. */
static bool is_part_of(const struct cf_idmap *a, const struct cf_idmap *b)
{
    for (size_t i = 0; i < a->n; i++) {
        const struct cf_idrange *range = &a->ranges[i];
        uint32_t done = 0;

        while (done < range->size) {
            uint32_t id = range->container_id + done;
            const struct cf_idrange *other = find_range(b, id, false);

            if (!other || other->host_id + (id - other->container_id) != range->host_id + done)
                return false;
            /* All that is left of @other has the same distance: skip it at once. */
            uint32_t left = other->size - (id - other->container_id);

            if (left >= range->size - done)
                break;
            done += left;
        }
    }
    return true;
}

bool cf_idmap_equal(const struct cf_idmap *a, const struct cf_idmap *b)
{
    return is_part_of(a, b) && is_part_of(b, a);
}

bool cf_idmap_overlaps_host(const struct cf_idmap *a, const struct cf_idmap *b, uint32_t *ret_id)
{
    for (size_t i = 0; i < a->n; i++) {
        for (size_t j = 0; j < b->n; j++) {
            if (ranges_overlap(a->ranges[i].host_id, a->ranges[i].size, b->ranges[j].host_id,
                               b->ranges[j].size, ret_id))
                return true;
        }
    }
    return false;
}

int cf_idmap_compose(const struct cf_idmap *inner, const struct cf_idmap *outer,
                     struct cf_arena *arena, struct cf_idmap *ret)
{
    /* Each cut ends at the end of a range of one of the two: no more pieces than this. With
     * overlapping input (never checked maps) an inner range can be cut once per outer range. */
    size_t max = inner->n * (outer->n ? outer->n : 1) + 1, n = 0;
    struct cf_idrange *out = cf_arena_calloc(arena, max, sizeof(*out));

    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < inner->n; i++) {
        const struct cf_idrange *range = &inner->ranges[i];
        uint32_t done = 0;

        while (done < range->size) {
            uint32_t id = range->host_id + done;
            const struct cf_idrange *other = find_range(outer, id, false);
            uint32_t left, take;

            if (!other || n == max)
                return -EOVERFLOW;
            left = other->size - (id - other->container_id);
            take = range->size - done < left ? range->size - done : left;
            out[n++] = (struct cf_idrange) {
                .container_id = range->container_id + done,
                .host_id = other->host_id + (id - other->container_id),
                .size = take,
            };
            done += take;
        }
    }
    *ret = (struct cf_idmap) {.ranges = out, .n = n};
    return 0;
}

char *cf_idmap_format(const struct cf_idmap *map, struct cf_arena *arena)
{
    size_t size = map->n * 3 * 11 + 1, used = 0;
    char *text = cf_arena_alloc(arena, size);

    if (!text)
        return NULL;
    for (size_t i = 0; i < map->n; i++) {
        const uint32_t values[3] = {map->ranges[i].container_id, map->ranges[i].host_id,
                                    map->ranges[i].size};

        for (size_t k = 0; k < 3; k++) {
            char num[CF_NUM_SIZE];
            size_t len = cf_num_format(num, values[k]);

            memcpy(text + used, num, len);
            used += len;
            text[used++] = k < 2 ? ' ' : '\n';
        }
    }
    text[used] = '\0';
    return text;
}

/* One decimal number of at most 32 bits, leading blanks allowed. */
static int take_number(const char **p, uint32_t *ret)
{
    const char *s = *p;
    uint64_t v = 0;

    while (*s == ' ' || *s == '\t')
        s++;
    if (*s < '0' || *s > '9')
        return -EINVAL;
    for (; *s >= '0' && *s <= '9'; s++) {
        v = v * 10 + (uint64_t) (*s - '0');
        if (v > UINT32_MAX)
            return -EINVAL;
    }
    *p = s;
    *ret = (uint32_t) v;
    return 0;
}

static int take_line(const char **p, struct cf_idrange *ret)
{
    int r = take_number(p, &ret->container_id);

    if (r < 0)
        return r;
    if (**p != ' ' && **p != '\t')
        return -EINVAL;
    r = take_number(p, &ret->host_id);
    if (r < 0)
        return r;
    if (**p != ' ' && **p != '\t')
        return -EINVAL;
    r = take_number(p, &ret->size);
    if (r < 0)
        return r;
    if (**p != '\n' && **p != '\0')
        return -EINVAL;
    return 0;
}

int cf_idmap_parse(const char *text, struct cf_arena *arena, struct cf_idmap *ret)
{
    size_t lines = 1, n = 0;
    struct cf_idrange *out;

    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    out = cf_arena_calloc(arena, lines, sizeof(*out));
    if (!out)
        return -ENOMEM;
    while (*text) {
        int r = take_line(&text, &out[n]);

        if (r < 0)
            return r;
        if (out[n].size == 0)
            return -EINVAL;
        n++;
        if (*text == '\n')
            text++;
    }
    *ret = (struct cf_idmap) {.ranges = out, .n = n};
    return 0;
}
