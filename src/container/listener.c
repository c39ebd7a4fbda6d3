/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See listener.h: the container process state of the runtime-spec, config-linux.md, "Seccomp". Host side. */

#include "container/listener.h"

#include <errno.h>

#include "base/json-out.h"
#include "base/own.h"

int cf_listener_take(struct cf_listener *listener, struct cf_msg *msg, struct cf_err *err)
{
    if (!listener->to.path || listener->fd >= 0 || msg->n_fds != 1)
        return cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                          "container init sent a seccomp listener that nobody waits for");
    listener->fd = msg->fds[0];
    msg->fds[0] = -1;
    return 0;
}

static int format(const struct cf_listener *listener, const struct cf_record *record, enum cf_status status, int pid,
                  struct cf_json *j, const char **ret)
{
    static const char *const fds[] = {"seccompFd"};
    /* exec: the process is not the container's first. */
    int init_pid = status == CF_STATUS_RUNNING ? record->init_pid : pid;
    cf_auto_free char *state = cf_state_json(record, status, init_pid, NULL, 0, false);

    if (!j || !state)
        return -ENOMEM;
    cf_json_object_begin(j);
    cf_json_kv_str(j, "ociVersion", CF_OCI_VERSION);
    cf_json_kv_strv(j, "fds", fds, 1);
    cf_json_kv_int(j, "pid", pid);
    if (listener->to.metadata)
        cf_json_kv_str(j, "metadata", listener->to.metadata);
    cf_json_key(j, "state");
    cf_json_raw(j, state);
    cf_json_object_end(j);
    return (int) cf_json_finish(j, ret);
}

int cf_listener_send(struct cf_listener *listener, const struct cf_record *record, enum cf_status status, int pid,
                     struct cf_err *err)
{
    cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(0);
    const char *text = NULL;
    int r;

    if (listener->fd < 0)
        return cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                          "container init did not send the seccomp listener");
    if (format(listener, record, status, pid, j, &text) < 0)
        return cf_err_oom(err);
    r = cf_seccomp_listener_send(&listener->to, listener->sock, listener->fd, text, err);
    cf_listener_done(listener);
    return r;
}

void cf_listener_done(struct cf_listener *listener)
{
    cf_fd_close(&listener->sock);
    cf_fd_close(&listener->fd);
}
