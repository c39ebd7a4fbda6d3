/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/num: numbers from and to text. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "base/num.h"

Test(num, parse_u32_edges)
{
    static const struct {
        const char *text;
        int want;
        uint32_t value;
    } rows[] = {
        {"0", 0, 0},
        {"7", 0, 7},
        {"007", 0, 7},
        {"4294967294", 0, 4294967294u},
        {"4294967295", 0, 4294967295u},
        {"4294967296", -ERANGE, 0},
        {"18446744073709551616", -ERANGE, 0},
        {"99999999999999999999", -ERANGE, 0},
        {"99999999999999999999x", -EINVAL, 0},
        {"", -EINVAL, 0},
        {" 1", -EINVAL, 0},
        {"1 ", -EINVAL, 0},
        {"+1", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"0x1", -EINVAL, 0},
        {"1e3", -EINVAL, 0},
        {"1\n", -EINVAL, 0},
        {"\xd9\xa1", -EINVAL, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t v = 0;
        int r = cf_num_parse_u32(rows[i].text, 0, UINT32_MAX, &v);

        cr_expect(eq(int, r, rows[i].want), "text `%s`", rows[i].text);
        cr_expect(eq(u32, v, rows[i].value), "text `%s`", rows[i].text);
    }
    cr_expect(eq(int, cf_num_parse_u32(NULL, 0, 1, &(uint32_t){0}), -EINVAL));
}

Test(num, parse_signed_edges)
{
    static const struct {
        const char *text;
        int want;
        int64_t value;
    } rows[] = {
        {"-0", 0, 0},
        {"-1", 0, -1},
        {"9223372036854775807", 0, INT64_MAX},
        {"9223372036854775808", -ERANGE, 0},
        {"-9223372036854775808", 0, INT64_MIN},
        {"-9223372036854775809", -ERANGE, 0},
        {"--1", -EINVAL, 0},
        {"-", -EINVAL, 0},
        {"", -EINVAL, 0},
    };
    int32_t small = 5;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t v = 0;
        int r = cf_num_parse_i64(rows[i].text, INT64_MIN, INT64_MAX, &v);

        cr_expect(eq(int, r, rows[i].want), "text `%s`", rows[i].text);
        cr_expect(eq(i64, v, rows[i].value), "text `%s`", rows[i].text);
    }
    cr_expect(eq(int, cf_num_parse_i32("-1001", -1000, 1000, &small), -ERANGE));
    cr_expect(eq(i32, small, 5), "untouched on failure");
    cr_expect(eq(int, cf_num_parse_i32("-1000", -1000, 1000, &small), 0));
    cr_expect(eq(i32, small, -1000));
}

Test(num, parse_octal)
{
    uint32_t v = 0;

    cr_expect(eq(int, cf_num_parse_octal("1777", 07777, &v), 0));
    cr_expect(eq(u32, v, 01777));
    cr_expect(eq(int, cf_num_parse_octal("0755", 07777, &v), 0));
    cr_expect(eq(u32, v, 0755));
    cr_expect(eq(int, cf_num_parse_octal("0785", 07777, &v), -EINVAL));
    cr_expect(eq(int, cf_num_parse_octal("10000", 07777, &v), -ERANGE));
}

Test(num, canonical)
{
    static const char *const good[] = {"0", "1", "10", "4294967296"};
    static const char *const bad[] = {"", "00", "01", "-1", "+1", "1a", " 1"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect(cf_num_is_canonical(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect(not(cf_num_is_canonical(bad[i])), "%s", bad[i]);
    cr_expect(not(cf_num_is_canonical(NULL)));
}

Test(num, format)
{
    char buf[CF_NUM_SIZE];

    cr_expect(eq(sz, cf_num_format(buf, 0), 1));
    cr_expect_str_eq(buf, "0");
    cr_expect(eq(sz, cf_num_format(buf, UINT64_MAX), 20));
    cr_expect_str_eq(buf, "18446744073709551615");
    cr_expect(eq(sz, cf_num_format_i64(buf, INT64_MIN), 20));
    cr_expect_str_eq(buf, "-9223372036854775808");
}
