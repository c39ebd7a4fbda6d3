/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory with the lifetime of one operation. Host only. */

#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"

#define CHUNK_SIZE ((size_t) 16 * 1024)
#define ALIGNMENT ((size_t) 16)

struct chunk {
    struct chunk *next;
    size_t size; /* of data */
    size_t used;
    char data[] __attribute__((aligned(16)));
};

struct cf_arena {
    struct chunk *chunks; /* the first is the one being filled */
};

struct cf_arena *cf_arena_new(void)
{
    return calloc(1, sizeof(struct cf_arena));
}

void cf_arena_free(struct cf_arena *arena)
{
    struct chunk *next;

    if (!arena)
        return;
    for (struct chunk *c = arena->chunks; c; c = next) {
        next = c->next;
        free(c);
    }
    free(arena);
}

/* Not zeroed: of most of it nothing is ever touched, and each page that is costs a fault. */
static struct chunk *chunk_new(size_t size)
{
    struct chunk *c;

    if (size > SIZE_MAX - sizeof(*c))
        return NULL;
    c = malloc(sizeof(*c) + size);
    if (c)
        *c = (struct chunk){.size = size};
    return c;
}

void *cf_arena_alloc(struct cf_arena *arena, size_t size)
{
    struct chunk *first = arena->chunks;
    struct chunk *c;

    if (size > SIZE_MAX / 2)
        return NULL;
    /* At least one unit, so that two results are never the same pointer. */
    size = size ? (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : ALIGNMENT;

    if (first && first->size - first->used >= size) {
        first->used += size;
        return memset(first->data + first->used - size, 0, size);
    }
    c = chunk_new(size > CHUNK_SIZE / 4 ? size : CHUNK_SIZE);
    if (!c)
        return NULL;
    c->used = size;
    if (first && c->used == c->size) {
        /* A piece of its own goes behind: what is left of the first stays in use. */
        c->next = first->next;
        first->next = c;
    } else {
        c->next = first;
        arena->chunks = c;
    }
    return memset(c->data, 0, size);
}

void *cf_arena_calloc(struct cf_arena *arena, size_t n, size_t size)
{
    size_t total;

    if (__builtin_mul_overflow(n, size, &total))
        return NULL;
    return cf_arena_alloc(arena, total);
}

void *cf_arena_memdup(struct cf_arena *arena, const void *p, size_t n)
{
    void *copy = cf_arena_alloc(arena, n);

    if (copy && n > 0)
        memcpy(copy, p, n);
    return copy;
}

char *cf_arena_strndup(struct cf_arena *arena, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = cf_arena_alloc(arena, len + 1);

    if (copy)
        memcpy(copy, s, len);
    return copy;
}

char *cf_arena_strdup(struct cf_arena *arena, const char *s)
{
    return cf_arena_memdup(arena, s, strlen(s) + 1);
}

char *cf_arena_printf(struct cf_arena *arena, const char *fmt, ...)
{
    va_list args;
    size_t n;
    char *text;

    va_start(args, fmt);
    n = cf_vformat(NULL, 0, fmt, args);
    va_end(args);
    text = cf_arena_alloc(arena, n + 1);
    if (!text)
        return NULL;
    va_start(args, fmt);
    (void) cf_vformat(text, n + 1, fmt, args);
    va_end(args);
    return text;
}
