/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: limits. The input is what `update -r -` reads, behind a line break perhaps what is stored of the
 * container (resources.json). Both cgroup flavours: what is accepted becomes writes into files of one directory
 * each, and the merged limits are written as text that is read as the same. A second update with the same text
 * changes nothing.
 */

#include "fuzz.h"

#include "cgroup/cgroup-update.h"
#include "cgroup/res.h"
#include "ocispec/config.h"
#include "ocispec/ocispec.h"

struct limits {
    struct ocispec_resources *value;
    struct ocispec_doc *doc;
};

static int parse(const char *text, size_t len, struct limits *ret)
{
    struct ocispec_error why = {0};
    int r = ocispec_resources_parse(text, len, NULL, &ret->value, &ret->doc, &why);

    FUZZ_ASSERT(r >= 0 || why.message[0]);
    return r;
}

static void check_error(int r, const struct cf_err *err)
{
    FUZZ_ASSERT(r < 0 && err->ret < 0 && err->code[0] && err->text[0]);
    FUZZ_ASSERT(strncmp(err->field, "linux.resources.", 16) == 0);
}

static char *text_of(const struct ocispec_resources *resources)
{
    char *text = NULL;

    FUZZ_ASSERT(ocispec_resources_write(resources, OCISPEC_COMPACT, &text, NULL) >= 0);
    return text;
}

static void look_at_writes(const struct cf_cgroup_merged *merged)
{
    char line[512];

    for (size_t i = 0; i < merged->n_writes; i++) {
        const struct cf_cgroup_write *w = &merged->writes[i];

        FUZZ_ASSERT(w->file && w->file[0] && !strchr(w->file, '/') && w->value && w->field);
        FUZZ_ASSERT(!w->else_file || (!strchr(w->else_file, '/') && w->else_value));
        cf_cgroup_restore_line(w->file, w->value, w->value, line, sizeof(line));
        FUZZ_ASSERT(memchr(line, '\0', sizeof(line)));
    }
}

static void update(const struct ocispec_resources *stored, const struct ocispec_resources *change, bool v2)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_cgroup_merged merged = {0}, again = {0};
    struct cf_err err = CF_ERR_INIT;
    struct limits read = {0};
    char *once, *twice;
    int r;

    FUZZ_ASSERT(arena);
    r = cf_cgroup_merge(stored, change, v2, arena, &merged, &err);
    if (r >= 0)
        r = cf_cgroup_res_check(NULL, NULL, merged.whole, v2, &err);
    if (r >= 0)
        r = cf_cgroup_merge_writes(stored, change, v2, arena, &merged, &err);
    if (r < 0) {
        check_error(r, &err);
        cf_arena_free(arena);
        return;
    }
    look_at_writes(&merged);
    once = text_of(merged.whole);
    FUZZ_ASSERT(parse(once, strlen(once), &read) >= 0);
    FUZZ_ASSERT(cf_cgroup_res_check(NULL, NULL, read.value, v2, &err) >= 0);
    FUZZ_ASSERT(cf_cgroup_merge(read.value, change, v2, arena, &again, &err) >= 0);
    twice = text_of(again.whole);
    FUZZ_ASSERT(strcmp(once, twice) == 0);
    free(once);
    free(twice);
    ocispec_doc_free(read.doc);
    cf_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    char *second = memchr(text, '\n', size);
    struct limits change = {0}, stored = {0};

    if (parse(text, second ? (size_t) (second - text) : size, &change) >= 0 &&
        (!second || parse(second, size - (size_t) (second - text), &stored) >= 0)) {
        update(stored.value, change.value, true);
        update(stored.value, change.value, false);
    }
    ocispec_doc_free(change.doc);
    ocispec_doc_free(stored.doc);
    free(text);
    return 0;
}
