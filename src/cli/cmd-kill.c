/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer kill: a signal for the container's init, or for all its processes. */

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/signal-name.h"

enum { OPTION_ALL };

static const struct arg_option options[] = {
    [OPTION_ALL] = {"all", 'a', ARG_FLAG, false, NULL, "signal every process of the container"},
    {0},
};

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    const char *name = in->args->n_positional > 1 ? in->args->positional[1] : "SIGTERM";
    struct cmd_container c;
    int signo, r;

    /* The id comes first: engines want to hear that it does not exist. */
    r = cmd_container_open(in, &c, err);
    if (r < 0)
        return r;
    signo = signal_parse(name);
    if (signo < 0)
        r = cmd_fail(err, "signal-unknown", "unknown signal \"%s\"", name);
    else
        r = coffer_container_kill(c.container, signo, args_flag(in->args, OPTION_ALL) ? COFFER_KILL_ALL : 0,
                                  &err->error);
    cmd_container_done(&c);
    return r;
}

const struct cmd cmd_kill = {
    .name = "kill",
    .usage = "[--all] ID [SIGNAL]",
    .summary = "send a signal (default: SIGTERM) to a container's init",
    .options = options,
    .min_args = 1,
    .max_args = 2,
    .flags = CMD_STOPS_AT_ID | CMD_EXECS_NOTHING,
    .run = run,
};
