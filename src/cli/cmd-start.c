/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer start: the program of a created container begins. */

#include "cli/cmd.h"
#include "cli/cmds.h"

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    return cmd_container_do(in, coffer_container_start, err);
}

const struct cmd cmd_start = {
    .name = "start",
    .usage = "ID",
    .summary = "start the process of a created container",
    .options = cmd_no_options,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
