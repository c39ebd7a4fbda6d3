/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer pause: every process of the container is frozen. */

#include "cli/cmd.h"
#include "cli/cmds.h"

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    return cmd_container_do(in, coffer_container_pause, err);
}

const struct cmd cmd_pause = {
    .name = "pause",
    .usage = "ID",
    .summary = "freeze all processes of a container",
    .options = cmd_no_options,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
