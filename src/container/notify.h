/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Readiness: what the container says on its notify socket is passed on to the NOTIFY_SOCKET of the caller, with
 * the pid of the container's process as the main one. Host side.
 */

#include "container/container.h"

/** May this be told to? An absolute path or an abstract name. Pure. */
bool cf_notify_is_address(const char *address);

/**
 * cf_notify_line() - the readiness in a message of the container
 * @text: @len bytes of anything
 * Return: length of the line that begins with `READY=`, *@ret its start; 0: there is none. Pure.
 */
size_t cf_notify_line(const char *text, size_t len, const char **ret);

/**
 * cf_notify_take() - read what has come and pass readiness on
 * @fd: of cf_notify_listen()
 * @wait: wait until the service manager has seen it, because this process is about to end
 * Failures to pass it on are warnings. Return: 1 it is ready, 0 not yet, or negative errno of @fd.
 */
int cf_notify_take(struct coffer_runtime *runtime, int fd, const char *address, int pid, bool wait);

/** Until it is ready, or init (@pidfd) has ended. No error: the container runs. */
void cf_notify_wait(struct coffer_runtime *runtime, int fd, int pidfd, const char *address, int pid);
