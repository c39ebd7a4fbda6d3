/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coffer exec: a program in a running container; in the foreground also wait, pass signals and the
 * terminal on. Everything behind the id is the command.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/relay.h"

enum {
    OPTION_PROCESS,
    OPTION_DETACH,
    OPTION_TTY,
    OPTION_CONSOLE_SOCKET,
    OPTION_PID_FILE,
    OPTION_PIDFD_SOCKET,
    OPTION_CWD,
    OPTION_ENV,
    OPTION_USER,
    OPTION_ADDITIONAL_GIDS,
    OPTION_CAP,
    OPTION_NO_NEW_PRIVS,
    OPTION_APPARMOR,
    OPTION_PROCESS_LABEL,
    OPTION_PRESERVE_FDS,
    OPTION_CGROUP,
    OPTION_IGNORE_PAUSED,
    OPTION_NO_SUBREAPER,
};

static const struct arg_option options[] = {
    [OPTION_PROCESS] = {"process", 'p', ARG_VALUE, false, "FILE", "a process object instead of COMMAND"},
    [OPTION_DETACH] = {"detach", 'd', ARG_FLAG, false, NULL, "return when the process was started"},
    [OPTION_TTY] = {"tty", 't', ARG_FLAG, false, NULL, "with a terminal"},
    [OPTION_CONSOLE_SOCKET] = {"console-socket", 0, ARG_VALUE, false, "PATH",
                               "socket that gets the terminal of the process"},
    [OPTION_PID_FILE] = {"pid-file", 0, ARG_VALUE, false, "FILE", "write the pid of the process"},
    [OPTION_PIDFD_SOCKET] = {"pidfd-socket", 0, ARG_VALUE, false, "PATH",
                             "socket that gets a pidfd of the process"},
    [OPTION_CWD] = {"cwd", 0, ARG_VALUE, false, "DIR", "working directory in the container"},
    [OPTION_ENV] = {"env", 'e', ARG_VALUE, false, "NAME=VALUE", "an environment variable (repeatable)"},
    [OPTION_USER] = {"user", 'u', ARG_VALUE, false, "UID[:GID]", "ids in the container"},
    [OPTION_ADDITIONAL_GIDS] = {"additional-gids", 'g', ARG_VALUE, false, "GID",
                                "one more supplementary group (repeatable)"},
    [OPTION_CAP] = {"cap", 'c', ARG_VALUE, false, "NAME", "one more capability (repeatable)"},
    [OPTION_NO_NEW_PRIVS] = {"no-new-privs", 0, ARG_FLAG, false, NULL, "set no_new_privs"},
    [OPTION_APPARMOR] = {"apparmor", 0, ARG_VALUE, false, "PROFILE", "AppArmor profile"},
    [OPTION_PROCESS_LABEL] = {"process-label", 0, ARG_VALUE, false, "LABEL", "SELinux label"},
    [OPTION_PRESERVE_FDS] = {"preserve-fds", 0, ARG_VALUE, false, "N",
                             "pass N more file descriptors, from 3 on"},
    [OPTION_CGROUP] = {"cgroup", 0, ARG_VALUE, false, "[CTRL,...:]PATH",
                       "sub-cgroup of the container (v1: repeatable)"},
    [OPTION_IGNORE_PAUSED] = {"ignore-paused", 0, ARG_FLAG, false, NULL,
                              "also in a paused container; begins when it is resumed"},
    [OPTION_NO_SUBREAPER] = {"no-subreaper", 0, ARG_FLAG, true, NULL, "ignored"},
    {0},
};

/* Digits only and as they are printed: a name, a sign or a number in another notation is no id. */
static int parse_id(const char *text, size_t len, uint32_t *ret)
{
    uint64_t value = 0;

    if (len == 0 || len > 10 || (len > 1 && text[0] == '0'))
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -EINVAL;
        value = value * 10 + (uint64_t) (text[i] - '0');
    }
    if (value >= UINT32_MAX) /* the last one means "unchanged" to the kernel */
        return -EINVAL;
    *ret = (uint32_t) value;
    return 0;
}

static int parse_user(const char *text, struct coffer_exec_options *o, struct cmd_error *err)
{
    const char *colon = strchr(text, ':');
    size_t len = colon ? (size_t) (colon - text) : strlen(text);

    if (parse_id(text, len, &o->uid) < 0)
        return cmd_fail(err, "user-syntax", "exec failed: bad uid: \"%.*s\" is no number from 0 to 4294967294",
                        len > 100 ? 100 : (int) len, text);
    o->flags |= COFFER_EXEC_UID;
    if (!colon)
        return 0;
    if (parse_id(colon + 1, strlen(colon + 1), &o->gid) < 0)
        return cmd_fail(err, "user-syntax", "exec failed: bad gid: \"%.100s\" is no number from 0 to 4294967294",
                        colon + 1);
    o->flags |= COFFER_EXEC_GID;
    return 0;
}

/* Every value of a repeated option, NULL-terminated; NULL if there is none. */
static const char *const *values(const struct args *args, int index)
{
    const char **list = calloc(args->n_hits + 1, sizeof(*list));
    const char *value;
    size_t pos = 0, n = 0;

    if (!list)
        return NULL;
    while ((value = args_next(args, index, &pos)))
        list[n++] = value;
    return list;
}

static int parse_gids(const struct args *args, struct coffer_exec_options *o, struct cmd_error *err)
{
    const char *value;
    uint32_t *gids;
    size_t pos = 0;

    if (!args_value(args, OPTION_ADDITIONAL_GIDS))
        return 0;
    gids = calloc(args->n_hits, sizeof(*gids));
    if (!gids)
        return cmd_fail(err, "out-of-memory", "out of memory");
    o->additional_gids = gids;
    while ((value = args_next(args, OPTION_ADDITIONAL_GIDS, &pos)))
        if (parse_id(value, strlen(value), &gids[o->n_additional_gids++]) < 0)
            return cmd_fail(err, "user-syntax",
                            "exec failed: bad additional gid: \"%.100s\" is no number from 0 to 4294967294", value);
    return 0;
}

static void free_options(struct coffer_exec_options *o)
{
    free((void *) (uintptr_t) o->args);
    free((void *) (uintptr_t) o->env);
    free((void *) (uintptr_t) o->caps);
    free((void *) (uintptr_t) o->cgroups);
    free((void *) (uintptr_t) o->additional_gids);
}

static int fill_command(const struct args *args, struct coffer_exec_options *o, struct cmd_error *err)
{
    int first = args->n_positional > 1 && strcmp(args->positional[1], "--") == 0 ? 2 : 1;
    const char **list = calloc((size_t) args->n_positional + 1, sizeof(*list));

    if (!list)
        return cmd_fail(err, "out-of-memory", "out of memory");
    for (int i = first; i < args->n_positional; i++)
        list[i - first] = args->positional[i];
    o->args = list;
    o->env = values(args, OPTION_ENV);
    o->caps = values(args, OPTION_CAP);
    o->cgroups = values(args, OPTION_CGROUP);
    return o->env && o->caps && o->cgroups ? 0 : cmd_fail(err, "out-of-memory", "out of memory");
}

static int fill(const struct cmd_input *in, struct coffer_exec_options *o, struct cmd_error *err)
{
    static const struct {
        int index;
        uint32_t flag;
    } flags[] = {
        {OPTION_DETACH, COFFER_EXEC_DETACH},
        {OPTION_TTY, COFFER_EXEC_TTY},
        {OPTION_NO_NEW_PRIVS, COFFER_EXEC_NO_NEW_PRIVS},
        {OPTION_IGNORE_PAUSED, COFFER_EXEC_IGNORE_PAUSED},
    };
    const struct args *args = in->args;
    const char *user = args_value(args, OPTION_USER);
    int r;

    *o = (struct coffer_exec_options) COFFER_EXEC_OPTIONS_INIT;
    o->process_file = args_value(args, OPTION_PROCESS);
    o->cwd = args_value(args, OPTION_CWD);
    o->apparmor_profile = args_value(args, OPTION_APPARMOR);
    o->selinux_label = args_value(args, OPTION_PROCESS_LABEL);
    o->console_socket = args_value(args, OPTION_CONSOLE_SOCKET);
    o->pid_file = args_value(args, OPTION_PID_FILE);
    o->pidfd_socket = args_value(args, OPTION_PIDFD_SOCKET);
    o->preserve_fds = in->preserve_fds;
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (args_flag(args, flags[i].index))
            o->flags |= flags[i].flag;
    r = fill_command(args, o, err);
    if (r == 0 && user && !o->process_file)
        r = parse_user(user, o, err);
    if (r == 0 && !o->process_file)
        r = parse_gids(args, o, err);
    return r;
}

static int take_terminal(coffer_process *process, struct relay *relay, struct cmd_error *err)
{
    coffer_error *error = NULL;
    int master_fd = -1;
    int r = coffer_process_take_console(process, &master_fd, &error);

    return cmd_relay_terminal(relay, r, master_fd, error, err);
}

static int foreground(coffer_container *container, const struct coffer_exec_options *o, struct cmd_error *err)
{
    bool may_hang = o->flags & COFFER_EXEC_IGNORE_PAUSED; /* until somebody resumes: that can be given up */
    struct relay relay = RELAY_INIT;
    coffer_process *process;
    int r;

    relay.no_orphans = true;
    r = may_hang ? 0 : relay_block_signals(&relay);

    if (r < 0)
        return cmd_fail_errno(err, r, "block signals");
    r = coffer_container_exec(container, o, &process, &err->error);
    if (r < 0)
        return r;
    if (may_hang && (r = relay_block_signals(&relay)) < 0)
        return cmd_fail_errno(err, r, "block signals");
    relay.pid = coffer_process_pid(process);
    relay.pidfd = coffer_process_pidfd(process);
    r = take_terminal(process, &relay, err);
    if (r == 0) {
        r = relay_wait(&relay);
        if (r < 0)
            (void) cmd_fail_errno(err, r, "wait for the process");
    }
    relay_done(&relay);
    if (CMD_TIDIES)
        coffer_process_close(process);
    return r;
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    struct coffer_exec_options o;
    struct cmd_container c;
    int r = cmd_container_open(in, &c, err);

    /* The id comes first: engines want to hear that it does not exist. */
    if (r < 0)
        return r;
    r = fill(in, &o, err);
    if (r == 0 && (o.flags & COFFER_EXEC_DETACH))
        r = coffer_container_exec(c.container, &o, NULL, &err->error);
    else if (r == 0)
        r = foreground(c.container, &o, err);
    if (CMD_TIDIES)
        free_options(&o);
    cmd_container_done(&c);
    return r;
}

const struct cmd cmd_exec = {
    .name = "exec",
    .usage = "[OPTIONS] ID COMMAND [ARG...]",
    .summary = "run a program in a container",
    .options = options,
    .min_args = 1,
    .max_args = INT_MAX,
    .flags = CMD_KEEPS_FDS | CMD_STOPS_AT_ID | CMD_NO_LISTEN | CMD_FAILS_WITH_255,
    .preserve_fds_index = OPTION_PRESERVE_FDS,
    .run = run,
};
