/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer create: a container whose process waits for `coffer start`. */

#include <stdlib.h>

#include "cli/cmd.h"
#include "cli/cmds.h"

const struct arg_option create_options_table[] = {
    [CREATE_BUNDLE] = {"bundle", 'b', ARG_VALUE, false, "DIR",
                       "directory with config.json (default: working directory)"},
    [CREATE_CONFIG] = {"config", 'f', ARG_VALUE, false, "FILE", "another name for config.json"},
    [CREATE_CONSOLE_SOCKET] = {"console-socket", 0, ARG_VALUE, false, "PATH",
                               "socket that gets the terminal of the process"},
    [CREATE_PID_FILE] = {"pid-file", 0, ARG_VALUE, false, "FILE", "write the pid of the process"},
    [CREATE_PIDFD_SOCKET] = {"pidfd-socket", 0, ARG_VALUE, false, "PATH",
                             "socket that gets a pidfd of the process"},
    [CREATE_NO_PIVOT] = {"no-pivot", 0, ARG_FLAG, false, NULL,
                         "move the root instead of pivot_root (initramfs)"},
    [CREATE_NO_NEW_KEYRING] = {"no-new-keyring", 0, ARG_FLAG, false, NULL,
                               "keep the caller's session keyring"},
    [CREATE_PRESERVE_FDS] = {"preserve-fds", 0, ARG_VALUE, false, "N",
                             "pass N more file descriptors, from 3 on"},
    [CREATE_USERNS] = {"userns", 0, ARG_VALUE, false, "auto[:SIZE]",
                       "a user namespace with a free range of host ids"},
    [CREATE_PRESET] = {"preset", 0, ARG_VALUE, false, "NAME",
                       "default or hardened; hardened:WORD,... allows these things after all"},
    [CREATE_DETACH] = {"detach", 'd', ARG_FLAG, false, NULL, "return when the process was started"},
    [CREATE_KEEP] = {"keep", 0, ARG_FLAG, false, NULL, "do not delete the container when the process ends"},
    [CREATE_NO_SUBREAPER] = {"no-subreaper", 0, ARG_FLAG, false, NULL, "do not adopt orphans while waiting"},
    {0},
};

void cmd_create_options(const struct cmd_input *in, struct coffer_create_options *ret)
{
    const struct args *args = in->args;

    *ret = (struct coffer_create_options) COFFER_CREATE_OPTIONS_INIT;
    ret->bundle = args_value(args, CREATE_BUNDLE);
    ret->config_file = args_value(args, CREATE_CONFIG);
    ret->console_socket = args_value(args, CREATE_CONSOLE_SOCKET);
    ret->pid_file = args_value(args, CREATE_PID_FILE);
    ret->pidfd_socket = args_value(args, CREATE_PIDFD_SOCKET);
    if (args_flag(args, CREATE_NO_PIVOT))
        ret->flags |= COFFER_CREATE_NO_PIVOT;
    if (args_flag(args, CREATE_NO_NEW_KEYRING))
        ret->flags |= COFFER_CREATE_NO_NEW_KEYRING;
    if (args_flag(args, CREATE_DETACH))
        ret->flags |= COFFER_CREATE_DETACH;
    if (args_flag(args, CREATE_KEEP))
        ret->flags |= COFFER_CREATE_KEEP;
    ret->userns = args_value(args, CREATE_USERNS);
    ret->preset = args_value(args, CREATE_PRESET);
    ret->preserve_fds = in->preserve_fds;
    ret->listen_fds = in->listen_fds;
    if (in->listen_fds > 0)
        ret->listen_fdnames = getenv("LISTEN_FDNAMES");
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    struct coffer_create_options options;
    coffer_runtime *runtime;
    int r;

    cmd_create_options(in, &options);
    options.flags |= COFFER_CREATE_DETACH;
    r = cmd_runtime_new(in, &runtime, err);
    if (r < 0)
        return r;
    r = coffer_container_create(runtime, in->args->positional[0], &options, NULL, &err->error);
    cmd_runtime_done(runtime);
    return r;
}

const struct cmd cmd_create = {
    .name = "create",
    .usage = "[OPTIONS] ID",
    .summary = "make a container; its process waits for start",
    .options = create_options_table,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_KEEPS_FDS,
    .preserve_fds_index = CREATE_PRESERVE_FDS,
    .run = run,
};
