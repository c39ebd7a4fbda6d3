/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Little things about file descriptors. Both sides, freestanding. */

#include <stddef.h>

#define CF_FD_PATH_SIZE 40

/** "/proc/self/fd/N" in @buf, which is returned. */
const char *cf_fd_path(char buf[CF_FD_PATH_SIZE], int fd);

/** F_DUPFD_CLOEXEC at or above 3. Return: fd or -errno. */
int cf_fd_dup(int fd);

/** Sets or clears FD_CLOEXEC. Return: 0 or -errno. */
int cf_fd_cloexec(int fd, int on);
