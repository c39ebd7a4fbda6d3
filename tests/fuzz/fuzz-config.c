/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: any bytes as config.json, through parser, checks and every planner, for a privileged caller
 * and for an ordinary one. A refusal must have a code and a text, and, where it is the configuration's fault, a
 * field; a plan that is made must pass the check that container init makes. Namespaces to be joined are
 * left out: they are opened while planning, and no input shall choose what a fuzzer opens.
 */

#include "fuzz.h"

#include <unistd.h>

#include "container/container.h"
#include "spec/spec.h"
#include "wire/blob-build.h"

#define ALL_CAPS ((UINT64_C(1) << 41) - 1)

static bool joins(const struct ocispec_config *config)
{
    for (size_t i = 0; config->linux && i < config->linux->n_namespaces; i++)
        if (config->linux->namespaces[i].path)
            return true;
    return false;
}

static void check_error(int r, const struct cf_err *err)
{
    FUZZ_ASSERT(r < 0);
    FUZZ_ASSERT(err->ret < 0);
    FUZZ_ASSERT(err->code[0]);
    FUZZ_ASSERT(err->text[0]);
}

static void plan(struct cf_spec *spec, const struct cf_facts *facts, const struct cf_plan_options *options)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_plan plan = {0};
    struct cf_err err = CF_ERR_INIT;
    struct cf_plan_input in = {.arena = arena, .spec = spec, .facts = facts, .options = options, .id = "fuzz"};
    int join_fds[CF_NS_MAX];
    int r;

    FUZZ_ASSERT(arena);
    for (int i = 0; i < CF_NS_MAX; i++)
        join_fds[i] = -1;
    r = cf_plan_build(&in, CF_CGROUP_MANAGER_CGROUPFS, -1, &plan, join_fds, &err);
    if (r < 0) {
        check_error(r, &err);
    } else {
        struct cf_blob blob;
        const void *data;
        size_t size;

        r = cf_blob_finish(plan.blob, &data, &size, &err);
        if (r < 0) {
            check_error(r, &err);
        } else {
            char *dump;

            FUZZ_ASSERT(cf_blob_check(data, size, &blob) == 0);
            dump = cf_blob_dump(&blob);
            FUZZ_ASSERT(dump);
            free(dump);
        }
    }
    for (int i = 0; i < CF_NS_MAX; i++)
        FUZZ_ASSERT(join_fds[i] < 0);
    cf_blob_builder_free(plan.blob);
    cf_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct cf_facts root = {
        .cap_effective = ALL_CAPS, .cap_bounding = ALL_CAPS, .cap_permitted = ALL_CAPS, .last_cap = 40,
        .privileged = true, .cgroup_mode = CF_CGROUP_MODE_V2,
    };
    static const struct cf_facts user = {
        .euid = 1000, .egid = 1000, .cap_bounding = ALL_CAPS, .last_cap = 40, .cgroup_mode = CF_CGROUP_MODE_V2,
    };
    const struct cf_plan_options create = {0}, run = {.run = true, .map_root = true};
    char *text = fuzz_text(data, size);
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;
    int r;

    r = cf_spec_load_bytes("/bundle", text, size, &spec, &err);
    if (r >= 0 && !joins(spec->config)) {
        r = cf_spec_check(spec, &err);
        if (r < 0) {
            check_error(r, &err);
            FUZZ_ASSERT(err.field[0]);
        } else {
            plan(spec, &root, &create);
            plan(spec, &user, &run);
        }
    } else if (r < 0) {
        check_error(r, &err);
    }
    cf_spec_free(spec);
    free(text);
    return 0;
}
