/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/format: the formatter agrees with snprintf(3) wherever both exist. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#include "base/format.h"

#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours[128], libc[128];                                                                 \
        size_t n = cf_format(ours, sizeof(ours), __VA_ARGS__);                                     \
        int m = snprintf(libc, sizeof(libc), __VA_ARGS__);                                         \
        cr_expect_str_eq(ours, libc);                                                            \
        cr_expect(eq(int, (int) n, m));                                                            \
    } while (0)

Test(format, agrees_with_libc)
{
    SAME("%s|%s", "a", "");
    SAME("%.*s|%.3s|%5s|", 2, "abcdef", "abcdef", "xy");
    SAME("%c%c%%", 'x', 'y');
    SAME("%d %d %d", 0, INT_MAX, INT_MIN);
    SAME("%u %x %o", UINT_MAX, 0xdeadbeefu, 0755u);
    SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, ULONG_MAX);
    SAME("%lld %llu", LLONG_MIN, ULLONG_MAX);
    SAME("%zu %zx", SIZE_MAX, (size_t) 4096);
    SAME("%04d|%4d|%02x|%016llx|%1d", -7, -7, 5u, 0x1234ull, 12345);
    SAME("%06d", -12);
    SAME("plain");
}

Test(format, truncates_and_tells)
{
    char buf[4] = "zzz";

    cr_expect(eq(sz, cf_format(buf, sizeof(buf), "%d", 123456), 6));
    cr_expect_str_eq(buf, "123");
    cr_expect(eq(sz, cf_format(buf, 1, "abc"), 3));
    cr_expect_str_eq(buf, "");
    cr_expect(eq(sz, cf_format(NULL, 0, "%s", "abc"), 3));
    cr_expect(eq(sz, cf_format(buf, 4, "abc"), 3));
    cr_expect_str_eq(buf, "abc");
}

Test(format, null_string)
{
    char buf[16];
    const char *volatile none = NULL;

    (void) cf_format(buf, sizeof(buf), "<%s>", none);
    cr_expect_str_eq(buf, "<(null)>");
}
