/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Last part of exec: the process is cloned into the container's cgroup, enters its namespaces, locks itself down and
 * appears in the pid namespace last of all; what it says on the wire is followed until it has executed the program.
 * Host side.
 */

#include "container/exec-internal.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"
#include "container/pid-file.h"
#include "container/stop-point.h"
#include "process/affinity-plan.h"
#include "process/process.h"
#include "sys/sock.h"
#include "sys/task.h"
#include "wire/msg.h"

/* ---- the process ---- */

/* Out of memory, the kernel kills the whole cgroup, and with each process whoever shares memory with it. */
static bool dies_as_a_group(const struct ocispec_config *config)
{
    const struct ocispec_resources *res = config->linux ? config->linux->resources : NULL;

    for (size_t i = 0; res && res->unified && i < res->unified->n; i++)
        if (strcmp(res->unified->keys[i], "memory.oom.group") == 0)
            return true;
    return false;
}

static int spawn_once(struct cf_exec *x, struct cf_err *err)
{
    x->spawn = (struct cf_spawn) CF_SPAWN_INIT;
    x->spawn.plan = &x->plan;
    x->spawn.cgroup = x->cgroup;
    x->spawn.blob = x->blob;
    x->spawn.blob_size = x->blob_size;
    x->spawn.fds = x->fds;
    x->spawn.preserve_fds = x->plan_options.preserve_fds;
    x->spawn.privileged = x->facts.privileged;
    x->spawn.enter = true;
    x->spawn.apart = x->frozen || dies_as_a_group(&x->config);
    x->spawn.enter_pidfd = x->init_pidfd;
    x->spawn.enter_flags = x->enter_flags;
    return cf_spawn_init(&x->spawn, err);
}

static int spawn_anywhere(struct cf_exec *x, struct cf_err *err)
{
    struct cf_err first;
    int r = spawn_once(x, err);

    if (r >= 0 || x->spawn.pid > 0 || !x->cgroup || cf_cgroup_clone_fd(x->cgroup) < 0)
        return r;
    first = *err;
    /* A program in the container, systemd for one, has divided the cgroup: it takes no processes itself any more. */
    if (first.sys_errno == EBUSY && !x->options->cgroups) {
        cf_err_clear(err);
        r = cf_cgroup_enter_like(x->cgroup, x->record.init_pid, err);
        return r < 0 ? r : spawn_once(x, err);
    }
    if ((first.sys_errno == EACCES || first.sys_errno == EPERM) && x->record.cgroup.unit) {
        cf_err_clear(err);
        cf_cgroup_enter_by_manager(x->cgroup, &x->record.cgroup);
        return spawn_once(x, err);
    }
    return r;
}

/* execCPUAffinity.initial: the child has what this thread has, for as long as it is not in its cgroup. */
static int spawn_with_affinity(struct cf_exec *x, struct cf_err *err)
{
    const struct ocispec_cpu_affinity *affinity = x->config.process->exec_cpu_affinity;
    uint64_t wanted[CF_AFFINITY_WORDS], own[CF_AFFINITY_WORDS];
    int n, size, r;

    n = affinity ? cf_affinity_parse(affinity->initial, wanted, "process.execCPUAffinity.initial", err) : 0;
    if (n < 0)
        return n;
    if (n == 0)
        return spawn_anywhere(x, err);
    size = cf_sys_sched_getaffinity(0, sizeof(own), own);
    r = size < 0 ? size : cf_sys_sched_setaffinity(0, (size_t) n * sizeof(uint64_t), wanted);
    if (r < 0) {
        (void) cf_err_sys(err, r, "set CPU affinity");
        cf_err_field(err, "process.execCPUAffinity.initial");
        return r;
    }
    r = spawn_anywhere(x, err);
    (void) cf_sys_sched_setaffinity(0, (size_t) size, own);
    return r;
}

/* ---- the wire ---- */

static int send_listener(struct cf_exec *x, struct cf_err *err)
{
    int r = cf_listener_send(&x->listener, &x->record, CF_STATUS_RUNNING, x->spawn.pid, err);

    cf_err_step(err, "seccomp");
    return r;
}

/* With no_new_privs the filter is installed right before the program, which waits for our answer. Otherwise its pid
 * may not be known yet: announce() sends it. */
static int take_listener(struct cf_exec *x, struct cf_msg *msg, struct cf_err *err)
{
    int r = cf_listener_take(&x->listener, msg, err);

    if (r < 0 || !x->ready)
        return r;
    r = send_listener(x, err);
    return r < 0 ? r : cf_spawn_tell(&x->spawn, CF_MSG_LISTENER, "tell the process that its listener was delivered", err);
}

/* Return: type of the message, or an error. */
static int take_message(struct cf_exec *x, struct cf_msg *msg, struct cf_err *err)
{
    uint32_t level;
    int r = 0;

    switch (msg->type) {
    case CF_MSG_FAIL:
        cf_msg_take_err(msg, err);
        r = err->ret;
        /* The container is gone, or is being removed: nothing that the program could be blamed for. */
        if (strcmp(err->code, "state-stopped") != 0)
            (void) cf_err_in(err, "unable to start container process");
        break;
    case CF_MSG_LOG:
        if (msg->len > sizeof(level))
            cf_log(&x->runtime->log, COFFER_LOG_WARNING, "exec", "%.*s", (int) (msg->len - sizeof(level)),
                   (const char *) msg->payload + sizeof(level));
        break;
    case CF_MSG_CONSOLE:
        r = cf_term_take(msg, x->pty_name, sizeof(x->pty_name), &x->console_fd, !x->options->console_socket, err);
        break;
    case CF_MSG_INIT_PID:
        r = x->appeared ? cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO, "a second process took over")
                        : cf_spawn_take_pid(&x->spawn, msg, err);
        x->appeared = r >= 0;
        x->ready = x->ready || (x->appeared && x->at_once);
        break;
    case CF_MSG_READY:
        x->ready = true;
        break;
    case CF_MSG_LISTENER:
        r = take_listener(x, msg, err);
        break;
    default:
        r = cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO, "the process spoke out of turn (message %u)",
                       msg->type);
    }
    return r < 0 ? r : (int) msg->type;
}

/* Until it is ready and its pid is known, or, with @executed, to the end of file that says so. */
static int follow(struct cf_exec *x, bool executed, struct cf_err *err)
{
    struct cf_msg msg;
    int r;

    for (;;) {
        if (!executed && x->ready && x->appeared)
            return 0;
        r = cf_msg_recv(x->spawn.wire_fd, &msg);
        if (r == 0 && executed)
            return 0;
        if (r == 0 || r == -ECONNRESET)
            return cf_spawn_explain_death(&x->spawn, err);
        if (r == -EAGAIN)
            return cf_err_set(err, COFFER_ERROR_PEER, "init-hangs", -ETIMEDOUT,
                              "the process made no progress for a minute");
        if (r < 0)
            return cf_err_sys(err, r, "receive from the process");
        r = take_message(x, &msg, err);
        cf_msg_done(&msg);
        if (r < 0)
            return r;
    }
}

/* Into the container's class of service: a process of it belongs where the others are. */
static int enter_class(struct cf_exec *x, struct cf_err *err)
{
    cf_auto(cf_rdt_close) struct cf_rdt rdt = {.fd = -EBADF};
    int r;

    if (!x->record.rdt.root)
        return 0;
    r = cf_rdt_open(&x->record.rdt, &rdt, err);
    if (r >= 0)
        r = cf_rdt_enter(&rdt, &x->record.rdt, x->spawn.pid, err);
    cf_err_step(err, "cgroup");
    return r;
}

/* What must be out before the program may run. */
static int announce(struct cf_exec *x, struct cf_err *err)
{
    const struct coffer_exec_options *o = x->options;
    int r = 0;

    if (o->console_socket) {
        r = cf_term_console_send(o->console_socket, x->console_fd, x->pty_name, err);
        if (r < 0)
            cf_err_step(err, "console");
        cf_fd_close(&x->console_fd);
    }
    if (r >= 0 && o->pidfd_socket) {
        r = cf_pidfd_send(o->pidfd_socket, x->spawn.pidfd, "setns", err);
        if (r < 0)
            cf_err_step(err, "pidfd-socket");
    }
    if (r >= 0 && x->listener.to.path && !(cf_blob_header(x->plan.blob)->flags & CF_BLOB_NO_NEW_PRIVS))
        r = send_listener(x, err);
    return r;
}

static int commit(struct cf_exec *x, struct cf_err *err)
{
    return cf_spawn_tell(&x->spawn, CF_MSG_COMMIT, "release the process", err);
}

int cf_exec_process(struct cf_exec *x, struct cf_err *err)
{
    const struct timeval no_limit = {0};
    struct cf_err ignored = CF_ERR_INIT;
    int r = spawn_with_affinity(x, err);

    if (r < 0)
        return r;
    cf_stop_point("exec-spawned");
    /* It is in the container's cgroup: whoever deletes the container from now on ends it, and need not wait for us.
     * A frozen process keeps its copy of the descriptor, and with it the lock. */
    if (x->frozen)
        (void) cf_entry_lock_convert(x->entry, CF_LOCK_NONE, &ignored);
    cf_entry_close(cf_steal_ptr(&x->entry));
    if (x->frozen)
        (void) cf_sys_setsockopt(x->spawn.wire_fd, SOL_SOCKET, SO_RCVTIMEO, &no_limit, sizeof(no_limit));

    x->appeared = !(x->enter_flags & CLONE_NEWPID);
    r = follow(x, false, err);
    if (r >= 0) {
        cf_stop_point("exec-ready");
        r = enter_class(x, err);
    }
    if (r >= 0)
        r = cf_spawn_schedule(&x->spawn, err);
    if (r >= 0) {
        r = announce(x, err);
    }
    if (r >= 0 && !x->at_once)
        r = commit(x, err);
    /* End of file: the wire was closed by the execve. */
    if (r >= 0)
        r = follow(x, true, err);
    if (r < 0)
        return r;
    cf_stop_point("exec-executed");
    return cf_pid_file_write(x->options->pid_file, x->spawn.pid, err);
}
