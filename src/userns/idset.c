/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sets of host ids: see idset.h. Sums are made in 64 bits, because an end may be 2^32. */

#include "userns/idset.h"

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "base/str.h"

int cf_idset_of_map(const struct cf_idmap *map, struct cf_arena *arena, struct cf_idset *ret)
{
    struct cf_subid *ranges = cf_arena_calloc(arena, map->n ? map->n : 1, sizeof(*ranges));

    if (!ranges)
        return -ENOMEM;
    for (size_t i = 0; i < map->n; i++)
        ranges[i] = (struct cf_subid) {.first = map->ranges[i].host_id, .count = map->ranges[i].size};
    *ret = (struct cf_idset) {.ranges = ranges, .n = map->n};
    return 0;
}

long cf_idset_overlap(const struct cf_idset *a, const struct cf_idset *b, struct cf_subid *ret)
{
    for (size_t i = 0; i < a->n; i++) {
        for (size_t k = 0; k < b->n; k++) {
            const struct cf_subid *x = &a->ranges[i], *y = &b->ranges[k];
            uint64_t first, end;

            if (!cf_subid_meet(x, y))
                continue;
            if (!ret)
                return (long) i;
            first = x->first > y->first ? x->first : y->first;
            end = (uint64_t) x->first + x->count;
            if ((uint64_t) y->first + y->count < end)
                end = (uint64_t) y->first + y->count;
            *ret = (struct cf_subid) {.first = (uint32_t) first, .count = (uint32_t) (end - first)};
            return (long) i;
        }
    }
    return -1;
}

int cf_idset_subtract(const struct cf_idset *a, const struct cf_idset *b, struct cf_arena *arena, struct cf_idset *ret)
{
    /* Each range of b cuts at most one piece in two. */
    size_t cap = a->n + b->n, n = a->n;
    struct cf_subid *out = cf_arena_calloc(arena, cap ? cap : 1, sizeof(*out));

    if (!out)
        return -ENOMEM;
    if (n > 0)
        memcpy(out, a->ranges, n * sizeof(*out));
    for (size_t k = 0; k < b->n; k++) {
        const struct cf_subid *hole = &b->ranges[k];
        uint64_t hole_end = (uint64_t) hole->first + hole->count;

        for (size_t i = 0; i < n; i++) {
            uint64_t end = (uint64_t) out[i].first + out[i].count;
            bool left, right;

            if (!cf_subid_meet(&out[i], hole))
                continue;
            left = out[i].first < hole->first;
            right = hole_end < end;
            if (left && right) {
                if (n == cap) { /* ranges of @a that overlap each other can be cut more often */
                    struct cf_subid *more = cf_arena_calloc(arena, cap * 2, sizeof(*more));

                    if (!more)
                        return -ENOMEM;
                    memcpy(more, out, n * sizeof(*out));
                    out = more;
                    cap *= 2;
                }
                out[n++] = (struct cf_subid) {.first = (uint32_t) hole_end, .count = (uint32_t) (end - hole_end)};
                out[i].count = hole->first - out[i].first;
            } else if (left) {
                out[i].count = hole->first - out[i].first;
            } else if (right) {
                out[i] = (struct cf_subid) {.first = (uint32_t) hole_end, .count = (uint32_t) (end - hole_end)};
            } else {
                out[i--] = out[--n];
            }
        }
    }
    *ret = (struct cf_idset) {.ranges = out, .n = n};
    return 0;
}

const char *cf_subid_text(char buf[CF_SUBID_TEXT_SIZE], const struct cf_subid *range)
{
    if (range->count == 1)
        (void) cf_format(buf, CF_SUBID_TEXT_SIZE, "%u", range->first);
    else
        (void) cf_format(buf, CF_SUBID_TEXT_SIZE, "%u-%u", range->first, range->first + (range->count - 1));
    return buf;
}

int cf_subid_parse(const char *text, struct cf_subid *ret)
{
    const char *colon = strchr(text, ':');
    char first[CF_NUM_SIZE];

    if (!colon || (size_t) (colon - text) >= sizeof(first))
        return -EINVAL;
    memcpy(first, text, (size_t) (colon - text));
    first[colon - text] = '\0';
    if (cf_num_parse_u32(first, 0, CF_ID_NONE - 1, &ret->first) < 0 ||
        cf_num_parse_u32(colon + 1, 1, CF_ID_NONE, &ret->count) < 0 ||
        (uint64_t) ret->first + ret->count > CF_ID_NONE)
        return -EINVAL;
    return 0;
}
