/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/json-out: layout, escaping, misuse. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "base/json-out.h"
#include "base/own.h"

static const char *finish(struct cf_json *j)
{
    const char *text = "";

    cr_expect(ge(long, cf_json_finish(j, &text), 0));
    return text;
}

static void sample(struct cf_json *j)
{
    static const char *const strv[] = {"x", "y"};

    cf_json_object_begin(j);
    cf_json_kv_str(j, "a", "b");
    cf_json_kv_strv(j, "v", strv, 2);
    cf_json_key(j, "empty");
    cf_json_object_begin(j);
    cf_json_object_end(j);
    cf_json_kv_strv(j, "none", NULL, 0);
    cf_json_kv_int(j, "i", INT64_MIN);
    cf_json_kv_uint(j, "u", UINT64_MAX);
    cf_json_kv_bool(j, "t", true);
    cf_json_kv_str(j, "n", NULL);
    cf_json_object_end(j);
}

Test(json_out, compact)
{
    cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(0);

    sample(j);
    cr_expect_str_eq(finish(j),
                 "{\"a\":\"b\",\"v\":[\"x\",\"y\"],\"empty\":{},\"none\":[],"
                 "\"i\":-9223372036854775808,\"u\":18446744073709551615,\"t\":true,\"n\":null}");
}

Test(json_out, indented)
{
    cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(2);

    cf_json_object_begin(j);
    cf_json_kv_str(j, "a", "b");
    cf_json_key(j, "l");
    cf_json_array_begin(j);
    cf_json_int(j, 1);
    cf_json_printf(j, "%s%d", "x", 2);
    cf_json_array_end(j);
    cf_json_key(j, "e");
    cf_json_array_begin(j);
    cf_json_array_end(j);
    cf_json_object_end(j);
    cr_expect_str_eq(finish(j),
                 "{\n  \"a\": \"b\",\n  \"l\": [\n    1,\n    \"x2\"\n  ],\n  \"e\": []\n}");
}

Test(json_out, escaping)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", "\"\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"\b\t\n\v\f\r", "\"\\b\\t\\n\\u000b\\f\\r\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
        {"\xc3\xa4\xe2\x82\xac", "\"\xc3\xa4\xe2\x82\xac\""},
        {"a\xff" "b", "\"a\xef\xbf\xbd" "b\""},
        {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(0);

        cf_json_str(j, rows[i].in);
        cr_expect_str_eq(finish(j), rows[i].out,
                  "row %zu", i);
    }
}

Test(json_out, embedded_nul)
{
    cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(0);

    cf_json_strn(j, "a\0b", 3);
    cr_expect_str_eq(finish(j), "\"a\\u0000b\"");
}

Test(json_out, misuse_is_reported)
{
    cf_auto(cf_json_freep) struct cf_json *open = cf_json_new(0);
    cf_auto(cf_json_freep) struct cf_json *crossed = cf_json_new(0);
    cf_auto(cf_json_freep) struct cf_json *no_key = cf_json_new(0);
    cf_auto(cf_json_freep) struct cf_json *two = cf_json_new(0);
    cf_auto(cf_json_freep) struct cf_json *deep = cf_json_new(0);
    const char *text;

    cf_json_object_begin(open);
    cr_expect(eq(long, cf_json_finish(open, &text), -EINVAL));
    cf_json_object_begin(crossed);
    cf_json_array_end(crossed);
    cr_expect(eq(long, cf_json_finish(crossed, &text), -EINVAL));
    cf_json_object_begin(no_key);
    cf_json_int(no_key, 1);
    cf_json_object_end(no_key);
    cr_expect(eq(long, cf_json_finish(no_key, &text), -EINVAL));
    cf_json_int(two, 1);
    cf_json_int(two, 2);
    cr_expect(eq(long, cf_json_finish(two, &text), -EINVAL));
    for (int i = 0; i < 100; i++)
        cf_json_array_begin(deep);
    for (int i = 0; i < 100; i++)
        cf_json_array_end(deep);
    cr_expect(eq(long, cf_json_finish(deep, &text), -EINVAL));
    cf_json_free(NULL);
}
