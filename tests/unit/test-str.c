/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/str, base/fd: strings in fixed buffers. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/str.h"

Test(str, compare)
{
    static const char *const table[] = {"a", NULL, "bc"};

    cr_expect(cf_str_eq("a", "a"));
    cr_expect(not(cf_str_eq("a", "ab")));
    cr_expect(cf_str_eq(NULL, NULL));
    cr_expect(not(cf_str_eq(NULL, "")));
    cr_expect(cf_str_empty(NULL));
    cr_expect(cf_str_empty(""));
    cr_expect(cf_str_starts_with("abc", "ab"));
    cr_expect(cf_str_starts_with("abc", ""));
    cr_expect(not(cf_str_starts_with("a", "ab")));
    cr_expect(not(cf_str_starts_with(NULL, "")));
    cr_expect(cf_str_ends_with("x.scope", ".scope"));
    cr_expect(not(cf_str_ends_with("scope", ".scope")));
    cr_expect_str_eq(cf_str_after("size=10", "size="), "10");
    cr_expect(eq(int, cf_str_index(table, 3, "bc"), 2));
    cr_expect(eq(int, cf_str_index(table, 3, "b"), -ENOENT));
    cr_expect(eq(int, cf_str_index(table, 3, NULL), -ENOENT));
}

Test(str, copy_reports_truncation)
{
    char buf[5];

    cr_expect(eq(int, cf_str_copy(buf, sizeof(buf), "abcd"), 4));
    cr_expect(eq(int, cf_str_copy(buf, sizeof(buf), "abcde"), -ENAMETOOLONG));
    cr_expect_str_eq(buf, "abcd");
    cr_expect(eq(int, cf_str_copy(buf, 0, ""), -ENAMETOOLONG));
    cr_expect(eq(int, cf_str_copy(buf, sizeof(buf), "ab"), 2));
    cr_expect(eq(int, cf_str_append(buf, sizeof(buf), "cd"), 4));
    cr_expect_str_eq(buf, "abcd");
    cr_expect(eq(int, cf_str_append(buf, sizeof(buf), "e"), -ENAMETOOLONG));
}

Test(str, path_join)
{
    char buf[16];

    cr_expect(eq(int, cf_str_path_join(buf, sizeof(buf), "/a/", "/b"), 4));
    cr_expect_str_eq(buf, "/a/b");
    cr_expect(eq(int, cf_str_path_join(buf, sizeof(buf), "/", "b"), 2));
    cr_expect_str_eq(buf, "/b");
    cr_expect(eq(int, cf_str_path_join(buf, sizeof(buf), "/0123456789", "abcdef"), -ENAMETOOLONG));
    cr_expect(eq(int, cf_str_path(buf, sizeof(buf), "%s/%d", "/proc", 12), 8));
}

Test(str, utf8)
{
    static const struct {
        const char *s;
        size_t n;
    } rows[] = {
        {"a", 1},
        {"\xc3\xa4", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"\xf4\x8f\xbf\xbf", 4},
        {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0},
        {"\xc0\xaf", 0},         /* overlong slash */
        {"\xc1\xbf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xed\xa0\x80", 0},     /* surrogate */
        {"\x80", 0},
        {"\xff", 0},
        {"\xe2\x82", 0},         /* cut */
        {"\xe2(\xa1", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect(eq(sz, cf_utf8_len(rows[i].s, strlen(rows[i].s)), rows[i].n), "row %zu", i);
    cr_expect(eq(sz, cf_utf8_len("x", 0), 0));
}

static void expect_escape(const char *in, const char *want)
{
    char buf[64];

    (void) cf_str_escape(buf, sizeof(buf), in, strlen(in));
    cr_expect_str_eq(buf, want);
}

Test(str, escape)
{
    char buf[8];

    expect_escape("plain \xc3\xa4 \\ \"", "plain \xc3\xa4 \\ \"");
    expect_escape("a\nb\x1b[2J\x7f", "a\\x0ab\\x1b[2J\\x7f");
    expect_escape("\xff\xc3", "\\xff\\xc3");
    expect_escape("\xc2\x9b", "\\xc2\\x9b");             /* C1: CSI */
    expect_escape("\xe2\x80\xae", "\\xe2\\x80\\xae");    /* right to left override */
    expect_escape("\xe2\x81\xa6", "\\xe2\\x81\\xa6");
    cr_expect(eq(sz, cf_str_escape(buf, sizeof(buf), "abcd\n", 5), 4), "no half escape");
    cr_expect_str_eq(buf, "abcd");
    cr_expect(eq(sz, cf_str_escape(buf, sizeof(buf), "abcdef\xc3\xa4", 8), 6), "no half character");
    cr_expect(eq(sz, cf_str_escape(buf, sizeof(buf), "abc\n", 4), 7));
}

Test(fd, path)
{
    char buf[CF_FD_PATH_SIZE];

    cr_expect_str_eq(cf_fd_path(buf, 2147483647),
                 "/proc/self/fd/2147483647");
}
