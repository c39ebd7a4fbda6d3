/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: texts of the kernel that a container can have a hand in (names of mounts, its status line) and
 * texts of annotations, chosen by the first byte.
 */

#include "fuzz.h"

#include "base/arena.h"
#include "cgroup/stats.h"
#include "cgroup/systemd-internal.h"
#include "facts/facts.h"

static void stats(char *text, unsigned int which, struct cf_arena *arena)
{
    struct cf_stats_pairs pairs = {0};
    struct cf_stats_u64s numbers = {0};
    struct cf_stats_u16s list = {0};
    struct cf_stats_ios ios = {0};
    struct cf_stats_psi psi = {0};
    uint64_t number;

    switch (which % 6) {
    case 0:
        (void) cf_stats_parse_pairs(text, arena, &pairs);
        break;
    case 1:
        (void) cf_stats_parse_numbers(text, arena, &numbers);
        break;
    case 2:
        (void) cf_stats_parse_list(text, arena, &list);
        break;
    case 3:
        (void) cf_stats_parse_blkio(text, arena, &ios);
        break;
    case 4:
        cf_stats_parse_psi(text, &psi);
        break;
    default:
        (void) cf_stats_parse_u64(text, &number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_arena *arena = cf_arena_new();
    const struct cf_variant *variant = NULL;
    const char *why = NULL;
    struct cf_facts facts = {0};
    uint64_t usec;
    char *text;

    FUZZ_ASSERT(arena);
    text = fuzz_text(size ? data + 1 : data, size ? size - 1 : 0);
    switch (size ? data[0] % 5 : 0) {
    case 0:
        (void) cf_facts_parse_status(text, &facts);
        break;
    case 1:
        cf_facts_parse_mountinfo(text, &facts);
        break;
    case 2:
        if (cf_variant_parse(text, arena, &variant, &why) >= 0)
            FUZZ_ASSERT(variant);
        else
            FUZZ_ASSERT(why && why[0]);
        break;
    case 3:
        (void) cf_variant_parse_seconds(text, arena, &usec, &why);
        break;
    default:
        stats(text, data[0] / 5, arena);
    }
    free(text);
    cf_arena_free(arena);
    return 0;
}
