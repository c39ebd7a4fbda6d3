/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A plan input from JSON text and literal facts, for the planners of userns and cgroup. */

#include <criterion/criterion.h>
#include <string.h>

#include "base/arena.h"
#include "plan/plan.h"

struct fixture {
    struct cf_arena *arena;
    struct cf_spec spec;
    struct cf_facts facts;
    struct cf_plan_options options;
    struct cf_plan_input in;
    struct cf_plan plan;
    struct cf_err err;
};

/* The caller is root of the host on cgroup v2; change f->facts afterwards. */
static inline void fixture_init(struct fixture *f, const char *json)
{
    struct ocispec_error error = {0};

    memset(f, 0, sizeof(*f));
    f->arena = cf_arena_new();
    cr_assert_not_null(f->arena);
    cr_assert_eq(ocispec_config_parse(json, strlen(json), NULL, &f->spec.config, &f->spec.doc,
                                      &error),
                 0, "%s: %s", error.path, error.message);
    f->facts.privileged = true;
    f->facts.cgroup_mode = CF_CGROUP_MODE_V2;
    f->in.arena = f->arena;
    f->in.spec = &f->spec;
    f->in.facts = &f->facts;
    f->in.options = &f->options;
    f->in.id = "c1";
    f->plan.warnings_tail = &f->plan.warnings;
}

static inline void fixture_done(struct fixture *f)
{
    ocispec_doc_free(f->spec.doc);
    cf_arena_free(f->arena);
}
