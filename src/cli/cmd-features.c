/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer features: what is built in, as JSON. */

#include "cli/cmd.h"
#include "cli/cmds.h"

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    char *json;
    int r = coffer_features_json(&json, &err->error);

    (void) in;
    return r < 0 ? r : cmd_print_json(json, err);
}

const struct cmd cmd_features = {
    .name = "features",
    .usage = "",
    .summary = "print what this coffer supports as JSON",
    .options = cmd_no_options,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
