/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits, and documents made to break a parser: clean errors, and never a long wait. */

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const struct ocispec_limits huge = {.max_size = 64u << 20};

static void expect(char *text, const struct ocispec_limits *limits, int want, const char *path,
                   const char *message)
{
    struct ocispec_error err;
    int r = test_try(text, strlen(text), limits, &err);

    cr_expect_eq(r, want, "%s", message);
    if (want < 0) {
        cr_expect_str_eq(err.path, path);
        cr_expect_str_eq(err.message, message);
    }
    free(text);
}

Test(limits, depth)
{
    char *opens, *text;

    opens = test_repeat("{\"ociVersion\":\"1\",\"x\":", "[", "", 63, "");
    text = test_repeat(opens, "]", "", 63, "}");
    expect(text, NULL, 0, "", "64 levels");
    free(opens);
    expect(test_repeat("{\"x\":", "[", "", 64, ""), NULL, -E2BIG,
           "x[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]"
           "[0][0]"
           "[0][0][0][0][0][0][0]...",
           "nested deeper than 64 levels");
    expect(test_repeat("{\"x\":{\"y\":", "[", "", 2, ""), &(struct ocispec_limits){.max_depth = 3}, -E2BIG,
           "x.y[0]", "nested deeper than 3 levels");
    expect(test_repeat("", "[", "", 10u << 20, ""), NULL, -E2BIG, "", "10485760 bytes, the limit is 8388608");
    expect(test_repeat("", "[", "", 10u << 20, ""), &huge, -EINVAL, "", "expected an object, got an array");
    text = test_repeat("{\"x\":", "[", "", 10u << 20, "");
    cr_expect_eq(test_try(text, strlen(text), &huge, &(struct ocispec_error){0}), -E2BIG);
    free(text);
    text = test_repeat("{\"x\":", "{\"y\":", "", 2u << 20, "");
    cr_expect_eq(test_try(text, strlen(text), &huge, &(struct ocispec_error){0}), -E2BIG);
    free(text);
}

Test(limits, strings)
{
    const size_t most = 1u << 20;

    expect(test_repeat("{\"ociVersion\":\"", "a", "", most, "\"}"), NULL, 0, "", "the longest");
    expect(test_repeat("{\"ociVersion\":\"", "a", "", most + 1, "\"}"), NULL, -E2BIG, "ociVersion",
           "a string of 1048577 bytes, the limit is 1048576");
    expect(test_repeat("{\"x\":[\"", "\\n", "", most + 1, "\"]}"), NULL, -E2BIG, "x[0]",
           "a string of 1048577 bytes, the limit is 1048576");
    expect(test_repeat("{\"x\":{\"", "k", "", most + 1, "\":1}}"), NULL, -E2BIG, "x",
           "a key of 1048577 bytes, the limit is 1048576");
    expect(test_repeat("{\"x\":", "1", "", 7u << 20, "}"), NULL, -EINVAL, "ociVersion",
           "required, but missing");
    expect(test_repeat("{\"ociVersion\":", "1", "", 7u << 20, "}"), NULL, -EINVAL, "ociVersion",
           "expected a string, got 1111111111111111111111111111111111111111...");
}

Test(limits, entries)
{
    static const char mount[] = "{\"destination\":\"/\"}", mounts[] = "{\"ociVersion\":\"1\",\"mounts\":[";
    static const char device[] = "{\"path\":\"/d\",\"type\":\"p\"}", hook[] = "{\"path\":\"/h\"}";

    expect(test_repeat(mounts, mount, ",", 4096, "]}"), NULL, 0, "", "4096 mounts");
    expect(test_repeat(mounts, mount, ",", 4097, "]}"), NULL, -E2BIG, "mounts", "more than 4096 entries");
    expect(test_repeat(mounts, mount, ",", 20000, "]}"), NULL, -E2BIG, "mounts", "more than 4096 entries");
    expect(test_repeat("{\"linux\":{\"devices\":[", device, ",", 1025, "]}}"), NULL, -E2BIG, "linux.devices",
           "more than 1024 entries");
    expect(test_repeat("{\"hooks\":{\"poststart\":[", hook, ",", 257, "]}}"), NULL, -E2BIG, "hooks.poststart",
           "more than 256 entries");
    expect(test_repeat("{\"process\":{\"user\":{\"additionalGids\":[", "1", ",", 65537, "]}}}"), NULL, -E2BIG,
           "process.user.additionalGids", "more than 65536 entries");
    expect(test_repeat("{\"linux\":{\"maskedPaths\":[", "\"/\"", ",", 4097, "]}}"), NULL, -E2BIG,
           "linux.maskedPaths", "more than 4096 entries");
    expect(test_repeat("{\"linux\":{\"readonlyPaths\":[", "\"/\"", ",", 4097, "]}}"), NULL, -E2BIG,
           "linux.readonlyPaths", "more than 4096 entries");
}

Test(limits, values)
{
    expect(test_repeat("{\"x\":[", "1", ",", 1048574, "]}"), NULL, -EINVAL, "ociVersion",
           "required, but missing");
    expect(test_repeat("{\"x\":[", "1", ",", 1048575, "]}"), NULL, -E2BIG, "x[1048574]",
           "more than 1048576 values in the document");
    expect(test_repeat("{\"process\":{\"env\":[", "\"\"", ",", 2000000, "]}}"), NULL, -E2BIG,
           "process.env[1048573]", "more than 1048576 values in the document");
    expect(test_repeat("{\"x\":[", "1", ",", 3, "]}"), &(struct ocispec_limits){.max_values = 4}, -E2BIG,
           "x[2]", "more than 4 values in the document");
}

/* Half a million different keys, unknown and in a map, and the last one twice. */
Test(limits, many_keys, .timeout = 20)
{
    static const char *const heads[] = {"{\"vm\":{", "{\"annotations\":{"};
    const size_t n = 400000;

    for (size_t k = 0; k < 2; k++) {
        char *text = malloc(n * 20 + 100), *at = stpcpy(text, heads[k]);
        struct ocispec_error err;

        for (size_t i = 0; i < n; i++)
            at += sprintf(at, "\"k%zu\":\"\",", i);
        strcpy(at, "\"k399999\":\"\"}}");
        cr_expect_eq(test_try(text, strlen(text), NULL, &err), -EINVAL);
        cr_expect_str_eq(err.path, k ? "annotations.k399999" : "vm.k399999");
        cr_expect_str_eq(err.message, "key given twice");
        at[-1] = '\0';
        strcat(text, "},\"ociVersion\":\"1\"}");
        cr_expect_eq(test_try(text, strlen(text), NULL, &err), 0, "%s: %s", err.path, err.message);
        free(text);
    }
}

/* Every shorter document is refused, with a message, and read only up to its end. */
Test(hostile, truncation)
{
    size_t len;
    char *text = test_load("config.json", &len);

    while (len > 0 && text[len - 1] == '\n')
        len--;
    for (size_t i = 0; i < len; i++) {
        char *copy = malloc(i ? i : 1); /* exact size: a sanitizer sees any byte read beyond it */
        struct ocispec_error err;

        memcpy(copy, text, i);
        cr_assert_eq(test_try(copy, i, NULL, &err), -EINVAL, "%zu", i);
        cr_assert(err.message[0] != '\0');
        free(copy);
    }
    cr_expect_eq(test_try(text, len, NULL, &(struct ocispec_error){0}), 0);
    free(text);
}

/* Random damage from a fixed seed: any result is right as long as it is an orderly one. */
Test(hostile, flips, .timeout = 60)
{
    size_t len, good = 0;
    char *text = test_load("config.json", &len);
    char *copy = malloc(len);
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

    for (unsigned round = 0; round < 4000; round++) {
        struct ocispec_config *config;
        struct ocispec_doc *doc;
        struct ocispec_error err;
        int r;

        memcpy(copy, text, len);
        for (unsigned i = 0; i <= round % 4; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            if (round & 4)
                copy[seed % len] = (char) (seed >> 32);
            else
                copy[seed % len] = "{}[]\",:\\u0-1e.tfn "[(seed >> 32) % 18];
        }
        r = ocispec_config_parse(copy, len, NULL, &config, &doc, &err);
        cr_assert(r == 0 || r == -EINVAL || r == -E2BIG);
        if (r == 0) {
            char *out;

            good++;
            cr_assert_eq(ocispec_config_write(config, 0, &out, NULL), 0);
            cr_assert_eq(test_try(out, strlen(out), NULL, &err), 0, "%s: %s", err.path, err.message);
            free(out);
            ocispec_doc_free(doc);
        } else {
            cr_assert(err.message[0] != '\0');
            for (const char *c = err.path; *c; c++)
                cr_assert(*c >= 0x20 && *c < 0x7f);
            for (const char *c = err.message; *c; c++)
                cr_assert(*c >= 0x20 && *c < 0x7f);
        }
    }
    cr_expect(good > 0);
    free(copy);
    free(text);
}
