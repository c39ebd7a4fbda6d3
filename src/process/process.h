/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The process object: planner and the host's terminal work. */

#include "base/err.h"
#include "plan/plan.h"
#include "wire/msg.h"

/** args, env (+ HOME, LISTEN_FDS), cwd, user, umask, rlimits, scheduler, ioPriority, personality, memory policy, console size. */
int cf_process_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/**
 * cf_term_take() - the master of the terminal and its name out of a CF_MSG_CONSOLE
 * @fd: negative before; anything but one descriptor, once, is an error
 * @sized: it gets the size of the first of the caller's streams that is a terminal; the process does not begin with 0
 * by 0
 */
int cf_term_take(struct cf_msg *msg, char *name, size_t size, int *fd, bool sized, struct cf_err *err);

/**
 * cf_term_console_send() - connect to --console-socket and send the pty master (one message, one fd, payload = name)
 * Long socket paths are reached through /proc/self/fd.
 */
int cf_term_console_send(const char *socket_path, int master_fd, const char *pty_name, struct cf_err *err);

/** The same for a pidfd; @kind: "standard" for init, "setns" for exec, NULL: one space (run.oci.pidfd_receiver). */
int cf_pidfd_send(const char *socket_path, int pidfd, const char *kind, struct cf_err *err);
