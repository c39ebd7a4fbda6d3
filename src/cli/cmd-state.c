/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer state: one JSON object about one container. */

#include "cli/cmd.h"
#include "cli/cmds.h"

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    struct cmd_container c;
    char *json;
    int r = cmd_container_open(in, &c, err);

    if (r < 0)
        return r;
    r = coffer_container_state_json(c.container, &json, &err->error);
    cmd_container_done(&c);
    return r < 0 ? r : cmd_print_json(json, err);
}

const struct cmd cmd_state = {
    .name = "state",
    .usage = "ID",
    .summary = "print the state of a container as JSON",
    .options = cmd_no_options,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
