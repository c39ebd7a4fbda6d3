/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Runs planners over JSON text and literal facts, and looks at the result as text. */

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "plan/plan.h"
#include "sys/task.h"

#define CF_ALL_CAPS ((UINT64_C(1) << 41) - 1)

struct plan_test {
    struct cf_arena *arena;
    struct cf_spec spec;
    struct cf_facts facts;
    struct cf_plan_options options;
    struct cf_plan_input in;
    struct cf_plan plan;
    struct cf_err err;
    char *dump;
    char bundle[16], rootfs[32];
};

/* The caller is root of a cgroup v2 host. Change p->facts and p->options before planning. */
static inline void plan_test_init(struct plan_test *p, const char *json)
{
    struct ocispec_error error = {0};

    memset(p, 0, sizeof(*p));
    p->arena = cf_arena_new();
    cr_assert_not_null(p->arena);
    cr_assert_eq(ocispec_config_parse(json, strlen(json), NULL, &p->spec.config, &p->spec.doc, &error), 0, "%s: %s",
                 error.path, error.message);
    memcpy(p->bundle, "/bundle", 8);
    memcpy(p->rootfs, "/bundle/rootfs", 15);
    p->spec.bundle = p->bundle;
    p->spec.rootfs = p->rootfs;
    p->facts = (struct cf_facts) {
        .cap_effective = CF_ALL_CAPS, .cap_bounding = CF_ALL_CAPS, .cap_permitted = CF_ALL_CAPS, .last_cap = 40,
        .privileged = true, .cgroup_mode = CF_CGROUP_MODE_V2,
    };
    p->in = (struct cf_plan_input) {
        .arena = p->arena, .spec = &p->spec, .facts = &p->facts, .options = &p->options, .id = "c1",
    };
    p->plan.blob = cf_blob_builder_new();
    cr_assert_not_null(p->plan.blob);
}

static inline void plan_test_done(struct plan_test *p)
{
    free(p->dump);
    cf_blob_builder_free(p->plan.blob);
    ocispec_doc_free(p->spec.doc);
    cf_arena_free(p->arena);
}

/* The first planners, as everything else needs them. */
static inline void plan_test_base(struct plan_test *p)
{
    cr_assert_eq(cf_ns_plan_build(&p->in, &p->plan, &p->err), 0, "%s: %s", p->err.field, p->err.text);
    cr_assert_eq(cf_userns_plan_build(&p->in, &p->plan, &p->err), 0, "%s: %s", p->err.field, p->err.text);
}

/* The blob so far as text. */
static inline const char *plan_test_dump(struct plan_test *p)
{
    struct cf_blob blob;
    const void *data;
    size_t size;

    free(p->dump);
    cr_assert_eq(cf_blob_finish(p->plan.blob, &data, &size, &p->err), 0, "%s", p->err.text);
    cr_assert_eq(cf_blob_check(data, size, &blob), 0);
    p->dump = cf_blob_dump(&blob);
    cr_assert_not_null(p->dump);
    return p->dump;
}

/* One planner after the first ones; the text of what came of it is there for EXPECT_IN(). */
static inline int plan_test_run(struct plan_test *p, int (*planner)(const struct cf_plan_input *, struct cf_plan *,
                                                                    struct cf_err *))
{
    int r;

    plan_test_base(p);
    r = planner(&p->in, &p->plan, &p->err);
    if (r >= 0)
        (void) plan_test_dump(p);
    return r;
}

#define EXPECT_IN(p, line)                                                                                 \
    cr_expect_not_null(strstr((p)->dump, (line)), "`%s` is not in:\n%s", (line), (p)->dump)
#define EXPECT_NOT_IN(p, line)                                                                             \
    cr_expect_null(strstr((p)->dump, (line)), "`%s` is in:\n%s", (line), (p)->dump)
#define EXPECT_OK(p, call)                                                                                 \
    do {                                                                                                   \
        int expect_r = (call);                                                                             \
        cr_assert_geq(expect_r, 0, "%s: %s", (p)->err.field, (p)->err.text);                               \
    } while (0)
#define EXPECT_ERROR(p, call, want_field, want_text)                                                       \
    do {                                                                                                   \
        int expect_r = (call);                                                                             \
        char expect_message[2048];                                                                         \
        cr_assert_lt(expect_r, 0, "no error, expected `%s`", (want_text));                                 \
        (void) cf_err_print(&(p)->err, expect_message, sizeof(expect_message));                            \
        cr_expect_str_eq((p)->err.field, (want_field));                                                    \
        cr_expect_not_null(strstr(expect_message, (want_text)), "`%s` is not in `%s`", (want_text),        \
                           expect_message);                                                                \
    } while (0)

static inline size_t plan_test_warnings(const struct plan_test *p)
{
    size_t n = 0;

    for (const struct cf_warning *w = p->plan.warnings; w; w = w->next)
        n++;
    return n;
}
