/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Handing one descriptor to a program of the caller's that listens on a Unix socket: the terminal, a pidfd, a
 * seccomp listener. One message, no answer. Host side.
 */

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The listener may be slow to accept or to read, but not for ever. */
#define CF_HANDOVER_SECONDS 10

/**
 * cf_handover_address() - the address of the socket at @path
 * @ret_path_fd: set to a descriptor that must stay open until the address was used, for a path that is longer
 *   than an address; else untouched
 * Return: length of the address, or negative errno.
 */
int cf_handover_address(const char *path, struct sockaddr_un *ret, int *ret_path_fd);

/** Connects a stream socket. Return: fd; -EAGAIN when nobody accepts in time; or another negative errno. */
int cf_handover_connect(const char *path);

/** Sends @len > 0 bytes, and @fd with the first of them. Return: 0 or negative errno. */
int cf_handover_send(int sock, int fd, const char *data, size_t len);
