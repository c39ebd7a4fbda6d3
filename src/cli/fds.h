/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file descriptors the command was started with, before it opens any of its own. */

#include <stddef.h>

/** A closed standard stream would be taken by the next file that is opened: /dev/null instead.
 *  Return: 0 or -errno. */
int fds_open_std(void);

/**
 * fds_check_passed() - are the fds open that the process is to get?
 * @listen: so many from 3 on, @preserve: so many after those
 * The others need no flag: whatever executes something closes or marks all that it does not hand on.
 * Return: 0; -EBADF with the text in @error; -errno.
 */
int fds_check_passed(unsigned int listen, unsigned int preserve, char *error, size_t error_size);

/** LISTEN_FDS of the environment, 0 unless LISTEN_PID is this process. */
unsigned int fds_listen_count(void);
