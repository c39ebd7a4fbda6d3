/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer delete: removes a container and everything made for it. */

#include "cli/cmd.h"
#include "cli/cmds.h"

enum { OPTION_FORCE };

static const struct arg_option options[] = {
    [OPTION_FORCE] = {"force", 'f', ARG_FLAG, false, NULL,
                      "kill it if it still runs; an unknown id is no error"},
    {0},
};

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    coffer_runtime *runtime;
    int r = cmd_runtime_new(in, &runtime, err);

    if (r < 0)
        return r;
    r = coffer_container_delete_id(runtime, in->args->positional[0],
                                   args_flag(in->args, OPTION_FORCE) ? COFFER_DELETE_FORCE : 0, &err->error);
    cmd_runtime_done(runtime);
    return r;
}

const struct cmd cmd_delete = {
    .name = "delete",
    .usage = "[--force] ID",
    .summary = "delete a container",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_LOG_OPTIONAL,
    .run = run,
};
