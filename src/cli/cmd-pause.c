/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer pause: every process of the container is frozen. */

#include "cli/cmd.h"
#include "cli/cmds.h"

static const struct arg_option options[] = {{0}};

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    struct cmd_container c;
    int r = cmd_container_open(in, &c, err);

    if (r < 0)
        return r;
    r = coffer_container_pause(c.container, &err->error);
    cmd_container_done(&c);
    return r;
}

const struct cmd cmd_pause = {
    .name = "pause",
    .usage = "ID",
    .summary = "freeze all processes of a container",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
