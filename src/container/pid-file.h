/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file in which engines look for the pid of the process. Host side. */

#include <sys/types.h>

#include "base/err.h"

/** Appears as a whole or not at all; no line break; an older file of the name is replaced. NULL @path: nothing. */
int cf_pid_file_write(const char *path, pid_t pid, struct cf_err *err);
