/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Another program's output: found in PATH, run without a shell, with no descriptor of ours. */

#include <stddef.h>

struct cmd_error;

struct capture {
    char *data; /* standard output, terminated */
    size_t len;
};

#define CAPTURE_INIT                                                                                         \
    {                                                                                                        \
        .data = NULL                                                                                         \
    }

/**
 * capture_run() - run argv[0] and wait for it
 * A program that is not found, does not end with 0, is ended by a signal or writes too much is an error,
 * which repeats what it said on standard error.
 */
int capture_run(const char *const *argv, struct capture *ret, struct cmd_error *err);
void capture_free(struct capture *capture);
