/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer resume: the container goes on. */

#include "cli/cmd.h"
#include "cli/cmds.h"

static const struct arg_option options[] = {{0}};

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    struct cmd_container c;
    int r = cmd_container_open(in, &c, err);

    if (r < 0)
        return r;
    r = coffer_container_resume(c.container, &err->error);
    cmd_container_done(&c);
    return r;
}

const struct cmd cmd_resume = {
    .name = "resume",
    .usage = "ID",
    .summary = "let a paused container go on",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
