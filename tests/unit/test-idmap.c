/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* userns/idmap: ranges of ids. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "userns/idmap.h"

#define MAP(...)                                                                                   \
    {                                                                                              \
        .ranges = (const struct cf_idrange[]) {__VA_ARGS__},                                       \
        .n = sizeof((const struct cf_idrange[]) {__VA_ARGS__}) / sizeof(struct cf_idrange)         \
    }

static const char *check(const struct cf_idmap *map, struct cf_err *err)
{
    memset(err, 0, sizeof(*err));
    return cf_idmap_check(map, "linux.uidMappings", err) < 0 ? err->code : "ok";
}

Test(idmap, check_accepts)
{
    struct cf_err err;
    struct cf_idmap whole = MAP({0, 0, UINT32_MAX});
    struct cf_idmap usual = MAP({0, 100000, 65536});
    struct cf_idmap touching = MAP({0, 100000, 10}, {10, 200000, 10}, {20, 100010, 5});
    struct cf_idmap top = MAP({UINT32_MAX - 1, UINT32_MAX - 1, 1});

    cr_expect_str_eq(check(&whole, &err), "ok");
    cr_expect_str_eq(check(&usual, &err), "ok");
    cr_expect_str_eq(check(&touching, &err), "ok");
    cr_expect_str_eq(check(&top, &err), "ok");
}

Test(idmap, check_refuses)
{
    struct cf_err err;
    struct cf_idmap empty = {0};
    struct cf_idmap none = MAP({0, 1, 1}, {1, 2, 0});
    struct cf_idmap wrap_host = MAP({0, UINT32_MAX, 1});
    struct cf_idmap wrap_container = MAP({2, 0, UINT32_MAX - 1});
    struct cf_idmap inside = MAP({0, 1000, 10}, {9, 2000, 10});
    struct cf_idmap outside = MAP({0, 1000, 10}, {100, 2000, 10}, {200, 1009, 1});

    cr_expect_str_eq(check(&empty, &err), "idmap-empty");
    cr_expect_str_eq(check(&none, &err), "idmap-size");
    cr_expect_str_eq(err.field, "linux.uidMappings[1].size");
    cr_expect_str_eq(check(&wrap_host, &err), "idmap-wrap");
    cr_expect_str_eq(err.field, "linux.uidMappings[0].hostID");
    cr_expect_str_eq(check(&wrap_container, &err), "idmap-wrap");
    cr_expect_str_eq(err.field, "linux.uidMappings[0].containerID");
    cr_expect_str_eq(check(&inside, &err), "idmap-overlap");
    cr_expect_str_eq(err.field, "linux.uidMappings[1].containerID");
    cr_expect_str_eq(check(&outside, &err), "idmap-overlap");
    cr_expect_str_eq(err.field, "linux.uidMappings[2].hostID");
}

Test(idmap, check_limits)
{
    static struct cf_idrange ranges[CF_IDMAP_MAX_RANGES + 1];
    struct cf_idmap map = {.ranges = ranges, .n = CF_IDMAP_MAX_RANGES};
    struct cf_err err;

    for (uint32_t i = 0; i <= CF_IDMAP_MAX_RANGES; i++)
        ranges[i] = (struct cf_idrange) {i, i, 1};
    cr_expect_str_eq(check(&map, &err), "ok");
    map.n++;
    cr_expect_str_eq(check(&map, &err), "idmap-too-many");
    /* Few enough, but too long as text for the kernel. */
    for (uint32_t i = 0; i < 300; i++)
        ranges[i] = (struct cf_idrange) {1000000000 + i, 1000000000 + i, 1};
    map.n = 300;
    cr_expect_str_eq(check(&map, &err), "idmap-too-many");
}

Test(idmap, translate)
{
    struct cf_idmap map = MAP({0, 100000, 1000}, {1000, 5, 1}, {4294967290u, 4294967290u, 5});
    uint32_t id = 7;

    cr_expect(eq(int, cf_idmap_to_host(&map, 0, &id), 0));
    cr_expect(eq(u32, id, 100000));
    cr_expect(eq(int, cf_idmap_to_host(&map, 999, &id), 0));
    cr_expect(eq(u32, id, 100999));
    cr_expect(eq(int, cf_idmap_to_host(&map, 1000, &id), 0));
    cr_expect(eq(u32, id, 5));
    cr_expect(eq(int, cf_idmap_to_host(&map, 4294967294u, &id), 0));
    cr_expect(eq(u32, id, 4294967294u));
    /* One past the end of each range, and -1. */
    cr_expect(eq(int, cf_idmap_to_host(&map, 1001, &id), -EOVERFLOW));
    cr_expect(eq(int, cf_idmap_to_host(&map, UINT32_MAX, &id), -EOVERFLOW));
    cr_expect(eq(int, cf_idmap_to_container(&map, 101000, &id), -EOVERFLOW));
    cr_expect(eq(u32, id, 4294967294u));
    cr_expect(eq(int, cf_idmap_to_container(&map, 100999, &id), 0));
    cr_expect(eq(u32, id, 999));
}

Test(idmap, equal_whatever_the_cut)
{
    struct cf_idmap a = MAP({0, 100000, 100});
    struct cf_idmap b = MAP({50, 100050, 50}, {0, 100000, 50});
    struct cf_idmap shorter = MAP({0, 100000, 99});
    struct cf_idmap other = MAP({0, 100000, 50}, {50, 100051, 50});
    struct cf_idmap empty = {0};
    struct cf_idmap whole = MAP({0, 0, UINT32_MAX});

    cr_expect(cf_idmap_equal(&a, &b));
    cr_expect(cf_idmap_equal(&b, &a));
    cr_expect(not(cf_idmap_equal(&a, &shorter)));
    cr_expect(not(cf_idmap_equal(&shorter, &a)));
    cr_expect(not(cf_idmap_equal(&a, &other)));
    cr_expect(not(cf_idmap_equal(&a, &empty)));
    cr_expect(cf_idmap_equal(&empty, &empty));
    cr_expect(cf_idmap_equal(&whole, &whole));
}

Test(idmap, overlaps_host)
{
    struct cf_idmap a = MAP({0, 100000, 65536});
    struct cf_idmap b = MAP({0, 165536, 65536});
    struct cf_idmap c = MAP({0, 1000, 1}, {1, 165535, 2});
    uint32_t id = 0;

    cr_expect(not(cf_idmap_overlaps_host(&a, &b, &id)));
    cr_expect(cf_idmap_overlaps_host(&a, &c, &id));
    cr_expect(eq(u32, id, 165535));
    cr_expect(cf_idmap_overlaps_host(&b, &c, &id));
    cr_expect(eq(u32, id, 165536));
}

Test(idmap, compose)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_idmap outer = MAP({0, 1000, 1}, {1, 100000, 65536});
    struct cf_idmap inner = MAP({0, 0, 10}, {10, 100, 5});
    struct cf_idmap expected = MAP({0, 1000, 1}, {1, 100000, 9}, {10, 100099, 5});
    struct cf_idmap too_far = MAP({0, 65536, 2});
    struct cf_idmap ret;

    cr_assert(eq(int, cf_idmap_compose(&inner, &outer, arena, &ret), 0));
    cr_expect(eq(sz, ret.n, 3));
    cr_expect(cf_idmap_equal(&ret, &expected));
    cr_expect(eq(int, cf_idmap_compose(&too_far, &outer, arena, &ret), -EOVERFLOW));
    cf_arena_free(arena);
}

Test(idmap, format_and_parse)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_idmap map = MAP({0, 100000, 65536}, {4294967294u, 4294967294u, 1});
    struct cf_idmap ret;
    const char *text = cf_idmap_format(&map, arena);

    cr_assert_str_eq(text, "0 100000 65536\n4294967294 4294967294 1\n");
    cr_assert(eq(int, cf_idmap_parse(text, arena, &ret), 0));
    cr_expect(cf_idmap_equal(&map, &ret));
    cr_assert(eq(int, cf_idmap_parse("         0       1000          1\n         1     100000      "
                                     "65536\n",
                                     arena, &ret),
                 0));
    cr_expect(eq(sz, ret.n, 2));
    cr_expect(eq(u32, ret.ranges[1].host_id, 100000));
    cr_assert(eq(int, cf_idmap_parse("", arena, &ret), 0));
    cr_expect(eq(sz, ret.n, 0));
    cr_expect(eq(int, cf_idmap_parse("0-1-2", arena, &ret), -EINVAL));
    cr_expect(eq(int, cf_idmap_parse("0 1\n", arena, &ret), -EINVAL));
    cr_expect(eq(int, cf_idmap_parse("0 1 2 3\n", arena, &ret), -EINVAL));
    cr_expect(eq(int, cf_idmap_parse("0 1 0\n", arena, &ret), -EINVAL));
    cr_expect(eq(int, cf_idmap_parse("0 1 4294967296\n", arena, &ret), -EINVAL));
    cf_arena_free(arena);
}
