/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* exec: one more process in a container. */

#include "base/err.h"
#include "coffer/exec.h"

struct coffer_process {
    int pid;
    int pidfd;
    int console_fd; /* pty master that nobody took yet */
};

int cf_container_exec(struct coffer_container *container, const struct coffer_exec_options *options,
                      struct coffer_process **ret, struct cf_err *err);
void cf_process_free(struct coffer_process *process);
