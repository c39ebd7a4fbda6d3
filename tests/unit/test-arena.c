/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/arena. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/own.h"

Test(arena, zeroed_aligned_distinct)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    unsigned char *last = NULL;

    cr_assert(arena != NULL);
    for (size_t i = 0; i < 4000; i++) {
        size_t size = (i * 37) % 701;
        unsigned char *p = cf_arena_alloc(arena, size);

        cr_assert(p != NULL);
        cr_assert(p != last);
        cr_assert(eq(sz, (uintptr_t) p % _Alignof(max_align_t), 0));
        for (size_t k = 0; k < size; k++)
            cr_assert(p[k] == 0, "size %zu byte %zu", size, k);
        memset(p, 0xaa, size);
        last = p;
    }
}

Test(arena, big_pieces_keep_the_small_ones_together)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    char *a = cf_arena_alloc(arena, 16);
    char *big = cf_arena_calloc(arena, 1000, 1000);
    char *b = cf_arena_alloc(arena, 16);

    cr_assert(big != NULL);
    memset(big, 1, 1000 * 1000);
    cr_expect(b == a + 16);
}

Test(arena, overflow)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    volatile size_t huge = SIZE_MAX;

    cr_expect(cf_arena_alloc(arena, huge) == NULL);
    cr_expect(cf_arena_calloc(arena, huge / 2, 3) == NULL);
    cr_expect(cf_arena_alloc(arena, 0) != NULL);
}

Test(arena, strings)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();

    cr_expect_str_eq(cf_arena_strdup(arena, "abc"), "abc");
    cr_expect_str_eq(cf_arena_strndup(arena, "abc", 2), "ab");
    cr_expect_str_eq(cf_arena_strndup(arena, "abc", 20), "abc");
    cr_expect_str_eq(cf_arena_printf(arena, "%s-%d", "x", 7), "x-7");
    cr_expect_str_eq((char *) cf_arena_memdup(arena, "q", 2), "q");
    cf_arena_free(NULL);
}
