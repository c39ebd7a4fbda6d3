/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reaches the program that answers notifications. Host side. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "seccomp/seccomp.h"
#include "sys/fs.h"
#include "wire/handover.h"

static const char *field_of(const struct cf_seccomp_listener *listener)
{
    return listener->field ? listener->field : "RUN_OCI_SECCOMP_RECEIVER";
}

static int fail(const struct cf_seccomp_listener *listener, int r, const char *what, struct cf_err *err)
{
    struct stat st;

    (void) cf_err_set(err, COFFER_ERROR_SYSTEM, "seccomp-listener-gone", r, "%s: %s `%s`", field_of(listener), what,
                      listener->path);
    cf_err_errno(err, r);
    cf_err_field(err, "%s", field_of(listener));
    cf_err_step(err, "seccomp");
    if (r == -EAGAIN)
        cf_err_hint(err, "the listener does not take what it is sent");
    else if (cf_sys_fstatat(AT_FDCWD, listener->path, &st, 0) >= 0 && !S_ISSOCK(st.st_mode))
        cf_err_hint(err, "it is not a socket");
    else
        cf_err_hint(err, "start the program that answers seccomp notifications before the container");
    return r;
}

int cf_seccomp_listener_look(const struct cf_seccomp_listener *listener, struct cf_err *err)
{
    struct stat st;
    int r = cf_sys_fstatat(AT_FDCWD, listener->path, &st, 0);

    if (r >= 0 && !S_ISSOCK(st.st_mode))
        r = -ENOTSOCK;
    return r < 0 ? fail(listener, r, "cannot use the socket", err) : 0;
}

int cf_seccomp_listener_connect(const struct cf_seccomp_listener *listener, struct cf_err *err)
{
    int r = cf_handover_connect(listener->path);

    return r < 0 ? fail(listener, r, "cannot connect to", err) : r;
}

int cf_seccomp_listener_send(const struct cf_seccomp_listener *listener, int sock, int fd, const char *state,
                             struct cf_err *err)
{
    int r = cf_handover_send(sock, fd, state, strlen(state));

    return r < 0 ? fail(listener, r, "cannot send the listener to", err) : 0;
}
