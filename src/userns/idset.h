/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sets of host ids, as lists of ranges. Pure. Host side. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "userns/idmap.h"
#include "userns/userns.h"

/* No id twice is not demanded; a range never goes beyond 2^32. */
struct cf_idset {
    const struct cf_subid *ranges;
    size_t n;
};

/** The host side of a map, in its order. NULL ranges with n > 0 never happens: -ENOMEM instead. */
int cf_idset_of_map(const struct cf_idmap *map, struct cf_arena *arena, struct cf_idset *ret);

/**
 * cf_idset_overlap() - the first common range, in the order of @a
 * @ret: what both have; NULL allowed
 * Return: index in @a, or -1 if they have nothing in common.
 */
long cf_idset_overlap(const struct cf_idset *a, const struct cf_idset *b, struct cf_subid *ret);

/** Two ranges have an id in common. */
static inline bool cf_subid_meet(const struct cf_subid *a, const struct cf_subid *b)
{
    return a->first < (uint64_t) b->first + b->count && b->first < (uint64_t) a->first + a->count;
}

/** @a without the ids of @b. Return: 0 or -ENOMEM. */
int cf_idset_subtract(const struct cf_idset *a, const struct cf_idset *b, struct cf_arena *arena, struct cf_idset *ret);

/** "100000-165535", one id alone as "1000". @buf is returned. */
#define CF_SUBID_TEXT_SIZE 24
const char *cf_subid_text(char buf[CF_SUBID_TEXT_SIZE], const struct cf_subid *range);

/** "FIRST:COUNT" as in /etc/subuid. Return: 0, -EINVAL (also when it goes beyond 4294967294). */
int cf_subid_parse(const char *text, struct cf_subid *ret);
