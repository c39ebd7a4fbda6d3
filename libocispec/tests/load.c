/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Helpers of the tests: see load.h. */

#include "load.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *test_load(const char *name, size_t *ret_len)
{
    char path[PATH_MAX];
    FILE *file;
    char *text;
    long size;

    snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
    file = fopen(path, "re");
    cr_assert_not_null(file, "cannot open %s", path);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    cr_assert(size > 0);
    rewind(file);
    text = calloc(1, (size_t) size + 1);
    cr_assert_not_null(text);
    cr_assert_eq(fread(text, 1, (size_t) size, file), (size_t) size);
    fclose(file);
    *ret_len = (size_t) size;
    return text;
}

char *test_repeat(const char *head, const char *middle, const char *between, size_t n, const char *tail)
{
    size_t len = strlen(middle), gap = strlen(between);
    char *text = malloc(strlen(head) + n * (len + gap) + strlen(tail) + 1);
    char *at;

    cr_assert_not_null(text);
    at = stpcpy(text, head);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            at = mempcpy(at, between, gap);
        at = mempcpy(at, middle, len);
    }
    strcpy(at, tail);
    return text;
}

int test_try(const char *text, size_t len, const struct ocispec_limits *limits, struct ocispec_error *err)
{
    struct ocispec_config *config;
    struct ocispec_doc *doc = NULL;
    int r = ocispec_config_parse(text, len, limits, &config, &doc, err);

    if (r == 0)
        ocispec_doc_free(doc);
    return r;
}
