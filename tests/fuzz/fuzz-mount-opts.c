/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: the first line is the type of a file system, each further one an option of its mount. What is
 * set and cleared must not contradict itself.
 */

#include "fuzz.h"

#include "base/arena.h"
#include "mount/mount-opts.h"

#define OPTIONS_MAX 256

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_arena *arena = cf_arena_new();
    char *text = fuzz_text(data, size), *line = text, *options[OPTIONS_MAX], *next;
    struct ocispec_mount mount = {.destination = (char[]){"/mnt"}, .options = options};
    struct ocispec_config config = {.mounts = &mount, .n_mounts = 1};
    struct cf_spec spec = {.config = &config, .bundle = (char[]){"/b"}, .rootfs = (char[]){"/b/rootfs"}};
    struct cf_facts facts = {.privileged = true};
    struct cf_plan_options plan_options = {0};
    struct cf_plan_input in = {.arena = arena, .spec = &spec, .facts = &facts, .options = &plan_options, .id = "fuzz"};
    struct cf_mount_opts opts = {0};
    struct cf_err err = CF_ERR_INIT;
    int r;

    FUZZ_ASSERT(arena);
    mount.type = line;
    line = strchr(line, '\n');
    while (line && mount.n_options < OPTIONS_MAX) {
        *line++ = '\0';
        next = strchr(line, '\n');
        options[mount.n_options++] = line;
        line = next;
    }
    r = cf_mount_opts_parse(&in, 0, &opts, &err);
    if (r < 0) {
        FUZZ_ASSERT(err.code[0] && err.text[0] && strncmp(err.field, "mounts[0]", 9) == 0);
    } else {
        FUZZ_ASSERT((opts.super_set & opts.super_clr) == 0);
        for (size_t i = 0; i < opts.n_params; i++)
            FUZZ_ASSERT(opts.params[i].key && opts.params[i].option_index < mount.n_options);
    }
    free(text);
    cf_arena_free(arena);
    return 0;
}
