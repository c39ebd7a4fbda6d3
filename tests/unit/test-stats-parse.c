/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cgroup/stats-parse: texts as kernels write them, and texts as they must not hurt. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cgroup/stats.h"

static struct cf_arena *arena;

static void setup(void)
{
    arena = cf_arena_new();
}

static void teardown(void)
{
    cf_arena_free(arena);
}

TestSuite(stats_parse, .init = setup, .fini = teardown);

static char *text_of(const char *s)
{
    return cf_arena_strdup(arena, s);
}

Test(stats_parse, one_number)
{
    static const struct {
        const char *text;
        int want;
        uint64_t value;
    } rows[] = {
        {"0\n", 0, 0},
        {"34992128\n", 0, 34992128},
        {"9223372036854771712\n", 0, UINT64_C(9223372036854771712)},
        {"18446744073709551615\n", 0, UINT64_MAX},
        {"max\n", 0, UINT64_MAX},
        {"max", 0, UINT64_MAX},
        {"12", 0, 12},
        {"18446744073709551616\n", -ERANGE, 0},
        {"-1\n", -EINVAL, 0},
        {"\n", -EINVAL, 0},
        {"", -EINVAL, 0},
        {"1\n2\n", -EINVAL, 0},
        {"maximal\n", -EINVAL, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t v = 0;

        cr_expect(eq(int, cf_stats_parse_u64(text_of(rows[i].text), &v), rows[i].want), "%s", rows[i].text);
        cr_expect(eq(u64, v, rows[i].value), "%s", rows[i].text);
    }
}

Test(stats_parse, lists)
{
    struct cf_stats_u16s list = {0};
    static const char *const wrong[] = {"9-3\n", "a\n", "1-\n", "-1\n", "1,,2\n", "1-2-3\n", "65536\n", "0-65535,1\n", " 1\n"};

    cr_expect(eq(int, cf_stats_parse_list(text_of("\n"), arena, &list), 0));
    cr_expect(eq(sz, list.n, 0));
    cr_expect(eq(int, cf_stats_parse_list(text_of("0-1\n"), arena, &list), 0));
    cr_assert(eq(sz, list.n, 2));
    cr_expect(eq(u16, list.v[1], 1));
    cr_expect(eq(int, cf_stats_parse_list(text_of("0,2-4,300-500\n"), arena, &list), 0));
    cr_assert(eq(sz, list.n, 205));
    cr_expect(eq(u16, list.v[3], 4));
    cr_expect(eq(u16, list.v[204], 500));
    cr_expect(eq(int, cf_stats_parse_list(text_of("0-65535"), arena, &list), 0));
    cr_expect(eq(sz, list.n, 65536));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_expect(eq(int, cf_stats_parse_list(text_of(wrong[i]), arena, &list), -EINVAL), "%s", wrong[i]);
}

Test(stats_parse, per_cpu)
{
    struct cf_stats_u64s all = {0}, user = {0}, kernel = {0};

    cr_assert(eq(int, cf_stats_parse_numbers(text_of("5943753815141 6240664529518 \n"), arena, &all), 0));
    cr_assert(eq(sz, all.n, 2));
    cr_expect(eq(u64, all.v[1], UINT64_C(6240664529518)));
    cr_assert(eq(int,
                 cf_stats_parse_usage_all(text_of("cpu user system\n0 3605319417615 2240762465863\n"
                                                  "1 3867669539175 2291661621913\n"),
                                          arena, &user, &kernel),
                 0));
    cr_assert(eq(sz, user.n, 2));
    cr_assert(eq(sz, kernel.n, 2));
    cr_expect(eq(u64, user.v[0], UINT64_C(3605319417615)));
    cr_expect(eq(u64, kernel.v[1], UINT64_C(2291661621913)));

    /* Other columns, wrong lines, no heading. */
    user = kernel = (struct cf_stats_u64s) {0};
    (void) cf_stats_parse_usage_all(text_of("cpu nice system user\n0 1 2 3\n1 x y z\n2 9\n"), arena, &user, &kernel);
    cr_assert(eq(sz, user.n, 1));
    cr_expect(eq(u64, user.v[0], 3));
    cr_expect(eq(u64, kernel.v[0], 2));
    user = kernel = (struct cf_stats_u64s) {0};
    (void) cf_stats_parse_usage_all(text_of(""), arena, &user, &kernel);
    (void) cf_stats_parse_usage_all(text_of("cpu total\n0 1\n"), arena, &user, &kernel);
    cr_expect(eq(sz, user.n, 0));
}

Test(stats_parse, pairs)
{
    struct cf_stats_pairs pairs = {0};

    cr_assert(eq(int,
                 cf_stats_parse_pairs(text_of("usage_usec 120541422\nuser_usec 71350420\n\n lead 1\nword\nneg -1\n"
                                              "two 1 2\nbig 18446744073709551616\nlast 7"),
                                      arena, &pairs),
                 0));
    cr_expect(eq(sz, pairs.n, 3));
    cr_expect(eq(u64, cf_stats_pair(&pairs, "usage_usec"), 120541422));
    cr_expect(eq(u64, cf_stats_pair(&pairs, "user_usec"), 71350420));
    cr_expect(eq(u64, cf_stats_pair(&pairs, "last"), 7));
    cr_expect(eq(u64, cf_stats_pair(&pairs, "usage"), 0));
}

Test(stats_parse, pressure)
{
    struct cf_stats_psi psi = {0};

    cf_stats_parse_psi(text_of("some avg10=0.54 avg60=0.12 avg300=100.00 total=8537198\n"
                               "full avg10=0.36 avg60=0.08 avg300=0.09 total=2841398\n"),
                       &psi);
    cr_expect(psi.there);
    cr_expect(eq(u32, psi.some.avg10, 54));
    cr_expect(eq(u32, psi.some.avg60, 12));
    cr_expect(eq(u32, psi.some.avg300, 10000));
    cr_expect(eq(u64, psi.some.total, 8537198));
    cr_expect(eq(u32, psi.full.avg300, 9));
    cr_expect(eq(u64, psi.full.total, 2841398));

    /* Kernels before 5.13 have no `full` for the cpu. */
    psi = (struct cf_stats_psi) {0};
    cf_stats_parse_psi(text_of("some avg10=1.00 avg60=0.00 avg300=0.00 total=9\n"), &psi);
    cr_expect(psi.there);
    cr_expect(eq(u64, psi.full.total, 0));

    for (const char *const *p = (const char *const[]) {"", "\n", "some", "none avg10=1.00\n", "some avg10=1.000\n",
                                                       "some avg10=x total=1\n", "some avg10=1. total=1\n",
                                                       "full avg10=99999999999.00\n", NULL};
         *p; p++) {
        psi = (struct cf_stats_psi) {0};
        cf_stats_parse_psi(text_of(*p), &psi);
        cr_expect(psi.some.avg10 == 0 && psi.some.total == 0 && psi.full.avg10 == 0, "%s", *p);
    }
}

Test(stats_parse, blkio)
{
    struct cf_stats_ios ios = {0};

    cr_assert(eq(int,
                 cf_stats_parse_blkio(text_of("8:0 Read 4096\n8:0 Write 0\n8:0 Sync 4096\n8:0 Async 0\n8:0 Discard 0\n"
                                              "8:0 Total 4096\n259:1 77\n8:0 Unknown 1\n8 Read 1\nTotal 4096\n"),
                                      arena, &ios),
                 0));
    cr_assert(eq(sz, ios.n, 7));
    cr_expect(eq(u64, ios.v[0].major, 8));
    cr_expect(eq(str, ios.v[0].op, "Read"));
    cr_expect(eq(u64, ios.v[0].value, 4096));
    cr_expect(eq(u64, ios.v[6].minor, 1));
    cr_expect(eq(str, ios.v[6].op, ""));
    ios = (struct cf_stats_ios) {0};
    cr_expect(eq(int, cf_stats_parse_blkio(text_of("Total 0\n"), arena, &ios), 0));
    cr_expect(eq(sz, ios.n, 0));
}

Test(stats_parse, io_stat)
{
    struct cf_stats_ios bytes = {0}, requests = {0};
    char many[64 * 40] = "";

    cr_assert(eq(int,
                 cf_stats_parse_io_stat(text_of("254:0 rbytes=4194304 wbytes=12 rios=8 wios=1 dbytes=0 dios=0\n"
                                                "8:16 \n8:32 rbytes=x wbytes=3 cost.usage=5\nnonsense rbytes=1\n"),
                                        arena, &bytes, &requests),
                 0));
    cr_assert(eq(sz, bytes.n, 3));
    cr_assert(eq(sz, requests.n, 2));
    cr_expect(eq(u64, bytes.v[0].major, 254));
    cr_expect(eq(str, bytes.v[0].op, "Read"));
    cr_expect(eq(u64, bytes.v[1].value, 12));
    cr_expect(eq(str, bytes.v[1].op, "Write"));
    cr_expect(eq(u64, bytes.v[2].minor, 32));
    cr_expect(eq(u64, requests.v[0].value, 8));

    for (int i = 0; i < 64; i++)
        (void) cf_str_append(many, sizeof(many), "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n");
    bytes = requests = (struct cf_stats_ios) {0};
    cr_expect(eq(int, cf_stats_parse_io_stat(many, arena, &bytes, &requests), 0));
    cr_expect(eq(sz, bytes.n, 128));
    cr_expect(eq(u64, bytes.v[127].value, 2));
}

Test(stats_parse, hugepages)
{
    char size[16];

    cr_expect(eq(int, cf_stats_parse_hugepages("hugepages-2048kB", size), 0));
    cr_expect(eq(str, size, "2MB"));
    cr_expect(eq(int, cf_stats_parse_hugepages("hugepages-1048576kB", size), 0));
    cr_expect(eq(str, size, "1GB"));
    cr_expect(eq(int, cf_stats_parse_hugepages("hugepages-64kB", size), 0));
    cr_expect(eq(str, size, "64KB"));
    for (const char *const *p = (const char *const[]) {".", "..", "hugepages-", "hugepages-kB", "hugepages-0kB",
                                                       "hugepages-2048", "hugepages-99999999999999999999999999kB",
                                                       "hugepages-../1kB", NULL};
         *p; p++)
        cr_expect(eq(int, cf_stats_parse_hugepages(*p, size), -EINVAL), "%s", *p);
}

Test(stats_parse, sums_stop_at_the_end)
{
    cr_expect(eq(u64, cf_stats_add(UINT64_MAX, 1), UINT64_MAX));
    cr_expect(eq(u64, cf_stats_add(1, 2), 3));
    cr_expect(eq(u64, cf_stats_mul(UINT64_MAX / 2, 1000), UINT64_MAX));
    cr_expect(eq(u64, cf_stats_mul(UINT64_C(18446744073709551), 1000), UINT64_C(18446744073709551000)));
}

/* Whatever bytes come: the parsers end, and stay inside. */
Test(stats_parse, noise)
{
    static const char alphabet[] = "0189:=.,- \n\taRmx";
    uint32_t state = 12345;

    for (int round = 0; round < 20000; round++) {
        char noise[65], copy[65];
        struct cf_arena *own = round % 64 == 0 ? cf_arena_new() : arena;
        struct cf_stats_pairs pairs = {0};
        struct cf_stats_ios a = {0}, b = {0};
        struct cf_stats_u64s u = {0}, k = {0};
        struct cf_stats_u16s list = {0};
        struct cf_stats_psi psi = {0};
        uint64_t v;
        size_t n = (size_t) round % 65;

        for (size_t i = 0; i < n; i++) {
            state = state * 1664525 + 1013904223;
            noise[i] = alphabet[(state >> 16) % (sizeof(alphabet) - 1)];
        }
        noise[n] = '\0';
        (void) cf_stats_parse_pairs(memcpy(copy, noise, n + 1), own, &pairs);
        (void) cf_stats_parse_blkio(memcpy(copy, noise, n + 1), own, &a);
        (void) cf_stats_parse_io_stat(memcpy(copy, noise, n + 1), own, &a, &b);
        (void) cf_stats_parse_usage_all(memcpy(copy, noise, n + 1), own, &u, &k);
        (void) cf_stats_parse_numbers(memcpy(copy, noise, n + 1), own, &u);
        (void) cf_stats_parse_list(memcpy(copy, noise, n + 1), own, &list);
        cf_stats_parse_psi(memcpy(copy, noise, n + 1), &psi);
        (void) cf_stats_parse_u64(memcpy(copy, noise, n + 1), &v);
        cr_expect(a.n <= 65 && pairs.n <= 65 && list.n <= 65536);
        if (own != arena)
            cf_arena_free(own);
    }
}
