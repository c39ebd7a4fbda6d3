/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * start: open the gate of a created container. The connection to start.sock ends without a word
 * when init has executed its program (the socket is close-on-exec); a failure is told on it.
 *
 * Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "container/listener.h"
#include "container/notify.h"
#include "container/stop-point.h"
#include "hook/hook.h"
#include "sys/sock.h"
#include "wire/msg.h"

static int start_check(enum cf_status status, struct cf_err *err)
{
    switch (status) {
    case CF_STATUS_CREATED:
        return 0;
    case CF_STATUS_RUNNING:
        return cf_err_set(err, COFFER_ERROR_STATE, "state-running", -EBUSY,
                          "cannot start an already running container");
    case CF_STATUS_PAUSED:
        return cf_err_set(err, COFFER_ERROR_STATE, "state-paused", -EBUSY,
                          "cannot start a container in the paused state");
    case CF_STATUS_CREATING:
        return cf_err_set(err, COFFER_ERROR_STATE, "state-creating", -EBUSY,
                          "cannot start a container that is still being created");
    case CF_STATUS_STOPPED:
        break;
    }
    return cf_err_set(err, COFFER_ERROR_STATE, "state-stopped", -ESRCH,
                      "cannot start a container that has stopped");
}

/* Before anything is released: what fails here leaves the container as it was. */
static int start_listener(struct coffer_runtime *runtime, struct cf_entry *entry, const struct cf_record *record,
                          struct cf_spec **spec, struct cf_listener *listener, struct cf_err *err)
{
    cf_auto_free char *config = NULL;
    size_t len = 0;
    int r;

    if (!record->listener)
        return 0;
    r = cf_entry_read_config(entry, &config, &len, err);
    if (r >= 0)
        r = cf_spec_load_bytes(record->bundle, config, len, spec, err);
    if (r >= 0)
        r = cf_seccomp_listener_plan((*spec)->config, true, runtime->seccomp_receiver, &listener->to, err);
    if (r >= 0)
        r = cf_seccomp_listener_connect(&listener->to, err);
    if (r >= 0)
        listener->sock = r;
    return r < 0 ? r : 0;
}

/* The filter is there, and init waits with its program until somebody answers for it. */
static int start_take_listener(struct cf_listener *listener, const struct cf_record *record, int fd,
                               struct cf_msg *msg, struct cf_err *err)
{
    int r = cf_listener_take(listener, msg, err);

    if (r >= 0)
        r = cf_listener_send(listener, record, CF_STATUS_CREATED, record->init_pid, err);
    if (r < 0)
        return r;
    r = cf_msg_send(fd, CF_MSG_LISTENER, NULL, 0, NULL, 0);
    return r < 0 ? cf_err_sys(err, r, "tell init that its listener was delivered") : 0;
}

/* Release and listen: 0 once the program runs. */
static int start_release(struct coffer_runtime *runtime, const struct cf_record *record, struct cf_listener *listener,
                         int fd, struct cf_err *err)
{
    struct cf_msg msg;
    uint32_t level;
    int r;

    r = cf_msg_send(fd, CF_MSG_START, NULL, 0, NULL, 0);
    if (r == -EPIPE)
        return cf_err_set(err, COFFER_ERROR_STATE, "gate-closed", r,
                          "container process ended before it was started");
    if (r < 0)
        return cf_err_sys(err, r, "open the start gate");
    cf_stop_point("start-released");
    for (;;) {
        r = cf_msg_recv(fd, &msg);
        if (r == 0 || r == -ECONNRESET)
            return 0; /* reset: the container's process ended right after its exec */
        if (r < 0)
            return cf_err_sys(err, r, "wait for the program to start");
        if (msg.type == CF_MSG_FAIL) {
            cf_msg_take_err(&msg, err);
            cf_msg_done(&msg);
            return err->ret;
        }
        if (msg.type == CF_MSG_LISTENER)
            r = start_take_listener(listener, record, fd, &msg, err);
        if (msg.type == CF_MSG_LOG && msg.len > sizeof(level))
            cf_log(&runtime->log, COFFER_LOG_WARNING, "init", "%.*s", (int) (msg.len - sizeof(level)),
                   (const char *) msg.payload + sizeof(level));
        cf_msg_done(&msg);
        if (r < 0)
            return r;
    }
}

static int start_destroy(struct coffer_runtime *runtime, struct cf_entry *entry, struct cf_record *record,
                         struct cf_err *err)
{
    struct cf_err second = CF_ERR_INIT;
    int r = err->ret;

    if (cf_teardown(runtime, entry, record, NULL, true, &second) < 0) {
        char text[512];

        (void) cf_err_print(&second, text, sizeof(text));
        cf_log(&runtime->log, COFFER_LOG_WARNING, "start", "clean-up after a failure: %s", text);
    }
    return r;
}

int cf_container_poststart(struct coffer_runtime *runtime, struct cf_entry **entry, struct cf_record *record,
                           const struct cf_host_hooks *hooks, struct cf_err *err)
{
    struct cf_err ignored = CF_ERR_INIT;
    cf_auto_free char *json = NULL;
    int r;

    if (!hooks->n)
        return 0;
    json = cf_state_json(record, CF_STATUS_RUNNING, record->init_pid, record->rootfs, 0, false);
    if (!json)
        return cf_err_oom(err);
    /* A hook may look at the container or run something in it. */
    r = cf_entry_lock_convert(*entry, CF_LOCK_SHARED, err);
    if (r >= 0)
        r = cf_hook_host_run(hooks, json, record->bundle, err);
    if (r >= 0)
        return 0;
    cf_err_step(err, "hook");
    /* Deleted in the meantime, or being deleted, and the id perhaps taken anew: nothing of it is ours to remove. */
    if (cf_entry_lock_convert(*entry, CF_LOCK_EXCLUSIVE, &ignored) < 0)
        return r;
    return start_destroy(runtime, cf_steal_ptr(entry), record, err);
}

static int start_poststart(struct coffer_runtime *runtime, struct cf_entry **entry, struct cf_arena *arena,
                           struct cf_record *record, struct cf_err *err)
{
    cf_auto(cf_spec_freep) struct cf_spec *spec = NULL;
    cf_auto_free char *config = NULL;
    struct cf_host_hooks hooks = {0};
    size_t len = 0;
    int r;

    r = cf_entry_read_config(*entry, &config, &len, err);
    if (r >= 0)
        r = cf_spec_load_bytes(record->bundle, config, len, &spec, err);
    if (r >= 0)
        r = cf_hook_plan_list(arena, spec, "poststart", &hooks, err);
    return r < 0 ? r : cf_container_poststart(runtime, entry, record, &hooks, err);
}

static void start_wait_ready(struct coffer_runtime *runtime, const struct cf_record *record, int notify_fd)
{
    /* Who starts it now may be told somewhere else than who created it. */
    const char *address = runtime->notify_socket && cf_notify_is_address(runtime->notify_socket)
                              ? runtime->notify_socket : record->notify_socket;
    cf_auto_fd int pidfd = -EBADF;

    if (cf_record_init_alive(record, &pidfd) > 0)
        cf_notify_wait(runtime, notify_fd, pidfd, address, record->init_pid);
    else
        (void) cf_notify_take(runtime, notify_fd, address, record->init_pid, true);
}

int cf_container_start(struct coffer_container *container, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct coffer_runtime *runtime = container->runtime;
    struct cf_store *store;
    struct cf_entry *entry = NULL;
    struct cf_record record = {0};
    struct cf_listener listener = CF_LISTENER_INIT;
    cf_auto(cf_spec_freep) struct cf_spec *spec = NULL;
    cf_auto_fd int gate_fd = -EBADF, notify_fd = -EBADF;
    enum cf_status status;
    int r;

    if (!arena)
        return cf_err_oom(err);
    r = cf_runtime_store(runtime, false, &store, err);
    if (r >= 0)
        r = cf_store_get(store, container->id, CF_LOCK_EXCLUSIVE, &entry, err);
    if (r >= 0)
        r = cf_entry_read(entry, arena, &record, err);
    if (r >= 0) {
        status = cf_entry_status_connect(entry, &record, &gate_fd);
        if (status == CF_STATUS_RUNNING && gate_fd < 0 && gate_fd != -ECONNREFUSED && gate_fd != -ENOENT &&
            gate_fd != -EBADF)
            r = cf_err_sys(err, gate_fd, "connect to the start gate");
        else
            r = start_check(status, err);
    }
    /* Known without asking init, which could not go back behind its gate: the container stays as it is. */
    if (r >= 0 && record.no_process)
        r = cf_err_set(err, COFFER_ERROR_STATE, "process-missing", -EINVAL,
                       "process must be specified in config.json to start");
    if (r >= 0)
        r = start_listener(runtime, entry, &record, &spec, &listener, err);
    if (r >= 0 && record.notify_socket)
        r = cf_notify_listen(entry, &notify_fd, err);
    if (r >= 0) {
        r = start_release(runtime, &record, &listener, gate_fd, err);
        cf_listener_done(&listener);
        if (r < 0) {
            cf_err_step(err, "start");
            return start_destroy(runtime, entry, &record, err);
        }
        if (record.has_poststart)
            r = start_poststart(runtime, &entry, arena, &record, err);
    }
    cf_listener_done(&listener);
    cf_entry_close(entry);
    /* Without a lock: it may take its time, and others may want to do something about it. */
    if (r >= 0 && notify_fd >= 0)
        start_wait_ready(runtime, &record, notify_fd);
    cf_err_step(err, "start");
    return r;
}
