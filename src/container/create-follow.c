/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Second part of create and run: spawns container init, follows what it says on the wire, runs the hooks of
 * the host in between, hands out console, pid file and pidfd, and releases it.
 *
 * Host side.
 */

#include "container/create-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "container/pid-file.h"
#include "container/stop-point.h"
#include "hook/hook.h"
#include "plan/input.h"
#include "process/process.h"
#include "sys/task.h"
#include "wire/msg.h"

void cf_create_close_sources(struct cf_create *c)
{
    for (size_t i = 0; c->fds && i < c->plan.n_sources; i++)
        cf_fd_close(&c->fds[i]);
    c->fds = NULL;
}

static int create_record_pid(struct cf_create *c, struct cf_err *err)
{
    int r = cf_proc_start_time(c->spawn.pid, &c->record.init_start_time);

    if (r < 0)
        return cf_spawn_explain_death(&c->spawn, err);
    c->record.init_pid = c->spawn.pid;
    return 0;
}

/* From now on whoever deletes the container after our death finds init and the cgroups, hooks and all. Written
 * while init builds, so it costs nobody time. */
static int create_note(struct cf_create *c, struct cf_err *err)
{
    int r;

    /* Whoever joins a pid namespace makes way for the process that appears in it: that one is recorded. */
    if (cf_blob_header(c->plan.blob)->flags & CF_BLOB_PIDNS_JOINED)
        return 0;
    r = create_record_pid(c, err);
    if (r >= 0) {
        r = cf_entry_write(c->entry, &c->record, err);
        if (r < 0)
            cf_err_step(err, "state");
    }
    if (r >= 0)
        cf_stop_point("create-noted");
    return r;
}

/* A namespace that was joined keeps the interfaces when init ends. So it is written down before they move that they
 * may have: with our death, `delete` gives them back. (A new one dies with init, and they with it, or they go where the
 * kernel puts them.) */
static int create_note_netdevs(struct cf_create *c, struct cf_err *err)
{
    bool joined = false;
    int r;

    for (uint32_t i = 0; i < c->plan.ns.n_joins; i++)
        joined = joined || c->plan.ns.joins[i].type == CLONE_NEWNET;
    if (!joined)
        return 0;
    r = cf_netdev_inodes(&c->netdevs, &c->record.netdevs_from, &c->record.netdevs_to);
    if (r < 0)
        return cf_err_sys(err, r, "look at the network namespaces");
    r = cf_entry_write(c->entry, &c->record, err);
    if (r < 0)
        cf_err_step(err, "state");
    return r;
}

static int create_move_netdevs(struct cf_create *c, struct cf_err *err)
{
    char path[64];
    int r;

    (void) cf_format(path, sizeof(path), "/proc/%d/ns/net", (int) c->spawn.pid);
    r = cf_netdev_prepare(&c->netdevs, &c->plan.netdevs, path, err);
    if (r >= 0)
        r = create_note_netdevs(c, err);
    if (r >= 0)
        r = cf_netdev_move(&c->netdevs, err);
    if (r >= 0)
        cf_stop_point("create-netdevs");
    return r;
}

static int create_host_hooks(struct cf_create *c, struct cf_err *err)
{
    char *json;
    int r;

    if (c->plan.netdevs.n > 0) {
        r = create_move_netdevs(c, err);
        if (r < 0)
            return r;
    }
    c->hooks_ran = c->hooks_ran || c->plan.prestart.n + c->plan.create_runtime.n > 0;
    json = cf_state_json(&c->record, CF_STATUS_CREATING, c->spawn.pid, c->spec->rootfs, 0, false);
    if (!json)
        return cf_err_oom(err);
    r = cf_hook_host_run(&c->plan.prestart, json, c->spec->bundle, err);
    if (r >= 0)
        r = cf_hook_host_run(&c->plan.create_runtime, json, c->spec->bundle, err);
    free(json);
    if (r < 0) {
        cf_err_step(err, "hook");
        return r;
    }
    return cf_spawn_tell(&c->spawn, CF_MSG_HOOKS_DONE, "tell init that the hooks are done", err);
}

/* The filter of a process with no_new_privs is installed right before its program, which waits for our answer. */
static bool create_listens_late(const struct cf_create *c)
{
    return cf_blob_header(c->plan.blob)->flags & CF_BLOB_NO_NEW_PRIVS;
}

static int create_send_listener(struct cf_create *c, struct cf_err *err)
{
    int r = cf_listener_send(&c->listener, &c->record, CF_STATUS_CREATING, c->spawn.pid, err);

    cf_err_step(err, "seccomp");
    return r;
}

static int create_take_listener(struct cf_create *c, struct cf_msg *msg, struct cf_err *err)
{
    int r = cf_listener_take(&c->listener, msg, err);

    if (r < 0 || !c->ready)
        return r;
    r = create_send_listener(c, err);
    return r < 0 ? r : cf_spawn_tell(&c->spawn, CF_MSG_LISTENER, "tell init that its listener was delivered", err);
}

/* One message of init. Return: its type, 0 at end of file, or an error. */
static int create_receive(struct cf_create *c, struct cf_err *err)
{
    struct cf_msg msg;
    uint32_t level;
    int r;

    r = cf_msg_recv(c->spawn.wire_fd, &msg);
    if (r == 0)
        return 0;
    if (r < 0) {
        if (r == -EAGAIN)
            return cf_err_set(err, COFFER_ERROR_PEER, "init-hangs", -ETIMEDOUT,
                              "container init made no progress for a minute");
        if (r == -ECONNRESET) /* it died with something of ours unread */
            return cf_spawn_explain_death(&c->spawn, err);
        return cf_err_sys(err, r, "receive from container init");
    }
    r = (int) msg.type;
    switch (msg.type) {
    case CF_MSG_FAIL:
        cf_msg_take_err(&msg, err);
        cf_err_step(err, "init");
        r = err->ret;
        break;
    case CF_MSG_LOG:
        if (msg.len > sizeof(level))
            cf_log(&c->runtime->log, COFFER_LOG_WARNING, "init", "%.*s", (int) (msg.len - sizeof(level)),
                   (const char *) msg.payload + sizeof(level));
        break;
    case CF_MSG_CONSOLE:
        if (cf_term_take(&msg, c->pty_name, sizeof(c->pty_name), &c->console_fd, !c->options->console_socket, err) < 0)
            r = err->ret;
        break;
    case CF_MSG_INIT_PID:
        r = cf_spawn_take_pid(&c->spawn, &msg, err);
        if (r >= 0)
            r = create_record_pid(c, err);
        if (r >= 0)
            r = CF_MSG_INIT_PID;
        break;
    case CF_MSG_READY:
        c->ready = true;
        break;
    case CF_MSG_LISTENER:
        if (create_take_listener(c, &msg, err) < 0)
            r = err->ret;
        break;
    case CF_MSG_BUILT:
        break;
    default:
        r = cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                       "container init spoke out of turn (message %u)", msg.type);
    }
    cf_msg_done(&msg);
    return r;
}

/* Follows the script up to @until (READY), or to the end of file that says "executed". */
static int create_follow(struct cf_create *c, uint32_t until, struct cf_err *err)
{
    bool expect_built = c->plan.prestart.n + c->plan.create_runtime.n + c->plan.netdevs.n > 0 && until != 0;

    for (;;) {
        int r = create_receive(c, err);

        if (r < 0)
            return r;
        if (r == 0)
            return until == 0 && c->ready ? 0 : cf_spawn_explain_death(&c->spawn, err);
        if (r == CF_MSG_BUILT && expect_built) {
            expect_built = false;
            r = create_host_hooks(c, err);
            if (r < 0)
                return r;
        } else if (r == (int) until) {
            return 0;
        } else if (r == CF_MSG_BUILT) {
            return cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                              "container init spoke out of turn (message %d)", r);
        }
    }
}

static int create_write_pid_file(struct cf_create *c, struct cf_err *err)
{
    int r = cf_pid_file_write(c->options->pid_file, c->spawn.pid, err);

    c->pid_file_written = r >= 0 && c->options->pid_file;
    return r;
}

#define PIDFD_RECEIVER "run.oci.pidfd_receiver"

static int create_send_pidfd(struct cf_create *c, struct cf_err *err)
{
    const char *annotated = cf_plan_annotation(&c->input, PIDFD_RECEIVER);
    int r = 0;

    if (c->options->pidfd_socket)
        r = cf_pidfd_send(c->options->pidfd_socket, c->spawn.pidfd, "standard", err);
    if (r >= 0 && annotated) {
        r = cf_pidfd_send(annotated, c->spawn.pidfd, NULL, err);
        if (r < 0)
            cf_err_field(err, "annotations[\"" PIDFD_RECEIVER "\"]");
    }
    if (r < 0)
        cf_err_step(err, "pidfd-socket");
    return r;
}

/* What a caller sees before the command returns: console, record, pid file, pidfd. */
static int create_announce(struct cf_create *c, struct cf_err *err)
{
    int r;

    if (c->options->console_socket) {
        r = cf_term_console_send(c->options->console_socket, c->console_fd, c->pty_name, err);
        if (r < 0) {
            cf_err_step(err, "console");
            return r;
        }
        cf_fd_close(&c->console_fd);
    }
    r = create_send_pidfd(c, err);
    if (r < 0)
        return r;
    if (c->listener.to.path && !create_listens_late(c)) {
        r = create_send_listener(c, err);
        if (r < 0)
            return r;
    }
    c->record.phase = CF_PHASE_CREATED;
    c->record.netdevs_from = 0; /* from now on they are the container's */
    r = cf_entry_write(c->entry, &c->record, err);
    if (r < 0) {
        cf_err_step(err, "state");
        return r;
    }
    cf_stop_point("create-recorded");
    return create_write_pid_file(c, err);
}

static int create_commit(struct cf_create *c, struct cf_err *err)
{
    return cf_spawn_tell(&c->spawn, CF_MSG_COMMIT, "release container init", err);
}

/*
 * run has nobody who must see the container before its program runs, if there is nothing to hand out: then the
 * release is sent while init still builds, and neither side waits for the other. Failures still come on the wire.
 */
static bool create_may_release_early(const struct cf_create *c)
{
    return c->run && !c->plan.rdt.wanted && !(cf_blob_header(c->plan.blob)->flags & CF_BLOB_HOST_SCHED) &&
           !c->plan.terminal && !c->options->pid_file && !c->options->pidfd_socket &&
           !cf_plan_annotation(&c->input, PIDFD_RECEIVER) &&
           !c->plan.prestart.n && !c->plan.create_runtime.n && !c->plan.netdevs.n && !c->listener.to.path &&
           !(c->plan.ns.n_joins || c->plan.ns.timens_offsets);
}

/* From the first process to the one that waits (create) or has executed (run). */
int cf_create_process(struct cf_create *c, struct cf_err *err)
{
    bool early = create_may_release_early(c);
    struct cf_warning **more;
    int r;

    c->spawn.plan = &c->plan;
    c->spawn.join_fds = c->join_fds;
    c->spawn.cgroup = c->cgroup;
    c->spawn.blob = c->blob;
    c->spawn.blob_size = c->blob_size;
    c->spawn.fds = c->fds;
    c->spawn.preserve_fds = c->plan_options.preserve_fds;
    c->spawn.privileged = c->facts.privileged;
    more = c->plan.warnings_tail;
    r = cf_spawn_init(&c->spawn, err);
    cf_create_log_warnings(c, *more);
    if (c->plan.overlay && c->plan.overlay->work[0])
        c->record.overlay_work = c->plan.overlay->work;
    cf_create_close_sources(c);
    cf_fd_close(&c->gate_fd);
    if (r < 0)
        return r;
    cf_stop_point("create-spawned");
    if (c->cgroup) {
        r = cf_cgroup_occupied(c->cgroup, err);
        if (r >= 0)
            r = cf_cgroup_apply_devices(&c->plan.cgroup, c->cgroup, err);
        if (r < 0) {
            cf_err_step(err, "cgroup");
            return r;
        }
    }
    r = early ? create_record_pid(c, err) : create_note(c, err);
    if (r >= 0) {
        struct cf_create_ids_input in = cf_create_ids_input_of(c);

        cf_create_ids_look(&in, &c->ids, &c->plan.userns, c->spawn.pid);
    }
    if (r >= 0 && !early)
        r = create_follow(c, CF_MSG_READY, err);
    if (r < 0)
        return r;
    cf_stop_point("create-ready");
    if (c->plan.rdt.wanted) {
        r = cf_rdt_enter(&c->rdt, &c->record.rdt, c->spawn.pid, err);
        if (r < 0) {
            cf_err_step(err, "cgroup");
            return r;
        }
    }
    r = cf_spawn_schedule(&c->spawn, err);
    if (r >= 0)
        r = create_announce(c, err);
    if (r < 0)
        return r;
    cf_stop_point("create-announced");
    r = create_commit(c, err);
    if (r < 0 || !c->run)
        return r;
    /* End of file: the wire was closed by the exec. */
    return create_follow(c, 0, err);
}
