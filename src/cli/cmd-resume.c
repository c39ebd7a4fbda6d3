/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer resume: the container goes on. */

#include "cli/cmd.h"
#include "cli/cmds.h"

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    return cmd_container_do(in, coffer_container_resume, err);
}

const struct cmd cmd_resume = {
    .name = "resume",
    .usage = "ID",
    .summary = "let a paused container go on",
    .options = cmd_no_options,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
