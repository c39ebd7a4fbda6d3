/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer mounts: mounts in a container that runs, from a JSON array as in config.json. */

#include <string.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/text.h"

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    const char *verb = in->args->positional[0], *file = in->args->positional[2];
    coffer_container *container = NULL;
    coffer_runtime *runtime;
    struct text t = TEXT_INIT;
    bool add = strcmp(verb, "add") == 0;
    int r;

    if (!add && strcmp(verb, "remove") != 0)
        return cmd_usage(err, "unknown subcommand \"%s\" of \"mounts\": expected add or remove", verb);
    r = cmd_runtime_new(in, &runtime, err);
    if (r < 0)
        return r;
    r = coffer_container_open(runtime, in->args->positional[1], &container, &err->error);
    if (r >= 0)
        r = cmd_read_file(file, &t, err);
    if (r >= 0)
        r = add ? coffer_container_mounts_add(container, t.data ? t.data : "", t.len, &err->error)
                : coffer_container_mounts_remove(container, t.data ? t.data : "", t.len, &err->error);
    text_free(&t);
    if (CMD_TIDIES && container)
        coffer_container_close(container);
    cmd_runtime_done(runtime);
    return r;
}

const struct cmd cmd_mounts = {
    .name = "mounts",
    .usage = "add|remove ID FILE",
    .summary = "mount something in a running container, or unmount it again",
    .options = cmd_no_options,
    .min_args = 3,
    .max_args = 3,
    .run = run,
};
