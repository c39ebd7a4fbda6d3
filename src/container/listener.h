/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The seccomp listener of a process on its way from coffer-init to the program that answers. Host side. */

#include "container/container.h"
#include "seccomp/seccomp.h"
#include "wire/msg.h"

/* What create, start and exec hold for it. */
struct cf_listener {
    struct cf_seccomp_listener to; /* path NULL: the profile notifies nobody, nothing below counts */
    int sock;                      /* connected, -EBADF: not yet */
    int fd;                        /* the listener, from init; -EBADF: not yet */
};

#define CF_LISTENER_INIT {.sock = -EBADF, .fd = -EBADF}

/** Takes the fd out of a CF_MSG_LISTENER. Anything but exactly one, and only once, is an error. */
int cf_listener_take(struct cf_listener *listener, struct cf_msg *msg, struct cf_err *err);

/**
 * cf_listener_send() - the container process state with the listener, to the connected socket
 * @status: as the state says it: creating for init of create and run, created at start, running for exec
 * @pid: of the process that has the filter, as this process sees it
 * Closes both descriptors.
 */
int cf_listener_send(struct cf_listener *listener, const struct cf_record *record, enum cf_status status, int pid,
                     struct cf_err *err);

/** Closes what is open. */
void cf_listener_done(struct cf_listener *listener);
