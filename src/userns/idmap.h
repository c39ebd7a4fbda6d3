/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ranges of uids or gids: check, translate, compose, compare, format. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define CF_IDMAP_MAX_RANGES 340 /* user_namespaces(7), 4.15+ */
#define CF_ID_NONE UINT32_MAX   /* (uid_t) -1: never a valid id */

struct cf_idrange {
    uint32_t container_id;
    uint32_t host_id;
    uint32_t size;
};

struct cf_idmap {
    const struct cf_idrange *ranges; /* in config order */
    size_t n;
};

/**
 * cf_idmap_check() - the kernel's rules and ours, before anything exists
 * 1..340 ranges, size > 0, first + size <= 2^32 - 1 on both sides, no overlap inside the namespace
 * and none on the host, text below 4096 bytes... @field: "linux.uidMappings" for the error's path.
 * Codes: idmap-empty, idmap-too-many, idmap-size, idmap-wrap, idmap-overlap.
 */
int cf_idmap_check(const struct cf_idmap *map, const char *field, struct cf_err *err);

/** 0 and *ret_host_id, or -EOVERFLOW if no range covers the id. */
int cf_idmap_to_host(const struct cf_idmap *map, uint32_t container_id, uint32_t *ret_host_id);
/** 0 and *ret_container_id, or -EOVERFLOW. */
int cf_idmap_to_container(const struct cf_idmap *map, uint32_t host_id, uint32_t *ret_container_id);
/** Same translation for every id, however the ranges are cut or ordered. */
bool cf_idmap_equal(const struct cf_idmap *a, const struct cf_idmap *b);
/** A host id in common? The first one found. */
bool cf_idmap_overlaps_host(const struct cf_idmap *a, const struct cf_idmap *b, uint32_t *ret_id);
/**
 * cf_idmap_compose() - outer(inner(x)): ids of a map made inside a user namespace, as its parent sees them
 * Return: 0, -EOVERFLOW if @inner uses a host id that @outer lacks, -ENOMEM.
 */
int cf_idmap_compose(const struct cf_idmap *inner, const struct cf_idmap *outer, struct cf_arena *arena,
                     struct cf_idmap *ret);
/** Text for /proc/PID/uid_map, one range a line. NULL: no memory. */
char *cf_idmap_format(const struct cf_idmap *map, struct cf_arena *arena);
/** Parses the text of /proc/PID/uid_map (also a comma separated "C-H-N" is NOT accepted). */
int cf_idmap_parse(const char *text, struct cf_arena *arena, struct cf_idmap *ret);
