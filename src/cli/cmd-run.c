/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coffer run: create and start; in the foreground also wait, pass signals and the terminal on, and
 * delete. Being a subreaper is a property of the whole process, so it is set here, not in the
 * library.
 */

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/relay.h"

static int detached(coffer_runtime *runtime, const char *id, const struct coffer_create_options *options,
                    struct cmd_error *err)
{
    return coffer_container_run(runtime, id, options, NULL, &err->error);
}

/* Cleaning up must not hide how the process ended. */
static void delete_container(const struct cmd_input *in, coffer_container *container)
{
    coffer_error *error = NULL;
    char text[512];

    if (coffer_container_delete(container, COFFER_DELETE_FORCE, &error) >= 0)
        return;
    snprintf(text, sizeof(text), "delete after run: %s", coffer_error_message(error));
    log_warning(in->log, text);
    coffer_error_free(error);
}

static int take_terminal(coffer_container *container, struct relay *relay, struct cmd_error *err)
{
    coffer_error *error = NULL;
    int master_fd = -1;
    int r = coffer_container_take_console(container, &master_fd, &error);

    return cmd_relay_terminal(relay, r, master_fd, error, err);
}

static int pass_readiness(void *data)
{
    coffer_container_notify(data);
    return coffer_container_notify_fd(data);
}

/* Return: exit status of the process or negative. */
static int wait_for(coffer_container *container, struct relay *relay, struct cmd_error *err)
{
    int r;

    relay->pid = coffer_container_pid(container);
    relay->pidfd = coffer_container_pidfd(container);
    if (relay->pidfd < 0)
        return cmd_fail_errno(err, relay->pidfd, "watch the container's process");
    r = take_terminal(container, relay, err);
    if (r < 0)
        return r;
    relay->notify_fd = coffer_container_notify_fd(container);
    relay->notify = pass_readiness;
    relay->notify_data = container;
    r = relay_wait(relay);
    return r < 0 ? cmd_fail_errno(err, r, "wait for the container's process") : r;
}

static int foreground(const struct cmd_input *in, coffer_runtime *runtime, const char *id,
                      const struct coffer_create_options *options, struct cmd_error *err)
{
    struct relay relay = RELAY_INIT;
    coffer_container *container;
    int r, status;

    if (!args_flag(in->args, CREATE_NO_SUBREAPER) && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return cmd_fail_errno(err, -errno, "become a subreaper");
    r = relay_block_signals(&relay);
    if (r < 0)
        return cmd_fail_errno(err, r, "block signals");
    r = coffer_container_run(runtime, id, options, &container, &err->error);
    if (r < 0) {
        relay_done(&relay);
        return r;
    }
    status = wait_for(container, &relay, err);
    relay_done(&relay);
    if (status < 0 || !args_flag(in->args, CREATE_KEEP))
        delete_container(in, container);
    if (CMD_TIDIES)
        coffer_container_close(container);
    return status;
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    const char *id = in->args->positional[0];
    struct coffer_create_options options;
    coffer_runtime *runtime;
    int r;

    cmd_create_options(in, &options);
    r = cmd_runtime_new(in, &runtime, err);
    if (r < 0)
        return r;
    if (options.flags & COFFER_CREATE_DETACH)
        r = detached(runtime, id, &options, err);
    else
        r = foreground(in, runtime, id, &options, err);
    cmd_runtime_done(runtime);
    return r;
}

const struct cmd cmd_run = {
    .name = "run",
    .usage = "[OPTIONS] ID",
    .summary = "create and start a container, and wait for it",
    .options = create_options_table,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_KEEPS_FDS,
    .preserve_fds_index = CREATE_PRESERVE_FDS,
    .run = run,
};
