/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One growing piece of memory for everything that lives as long as one operation. Nothing in it is
 * freed alone. Hosted code only.
 */

#include <stdarg.h>
#include <stddef.h>

#include "base/err.h"

struct cf_arena; /* opaque */

/** NULL when out of memory. */
struct cf_arena *cf_arena_new(void);
/** NULL allowed. */
void cf_arena_free(struct cf_arena *arena);
static inline void cf_arena_freep(struct cf_arena **arena)
{
    cf_arena_free(*arena);
    *arena = NULL;
}

/** Zeroed, aligned for any type. NULL when out of memory or @size overflows. @size 0 is valid. */
void *cf_arena_alloc(struct cf_arena *arena, size_t size);
/** n * size with overflow check. */
void *cf_arena_calloc(struct cf_arena *arena, size_t n, size_t size);
char *cf_arena_strdup(struct cf_arena *arena, const char *s);
char *cf_arena_strndup(struct cf_arena *arena, const char *s, size_t n);
void *cf_arena_memdup(struct cf_arena *arena, const void *p, size_t n);
/** Formatting of base/format.h. NULL when out of memory. */
char *cf_arena_printf(struct cf_arena *arena, const char *fmt, ...) CF_PRINTF(2, 3);
