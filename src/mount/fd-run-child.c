/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Closes many fds with few calls. Container side. */

#include "mount/child.h"

void cf_fd_run_flush(struct cf_fd_run *run)
{
    int first = 0;

    for (int i = 1; i <= run->n; i++) {
        if (i < run->n && run->fds[i] == run->fds[i - 1] + 1)
            continue;
        (void) cf_sys_close_range((unsigned int) run->fds[first], (unsigned int) run->fds[i - 1],
                                  0);
        first = i;
    }
    run->n = 0;
}

void cf_fd_run_end(struct cf_fd_run *run)
{
    if (run->n > CF_FD_RUN_MAX / 2)
        cf_fd_run_flush(run);
}

void cf_fd_run_add(struct cf_fd_run *run, int fd)
{
    int at;

    if (fd < 0)
        return;
    if (run->n >= CF_FD_RUN_MAX)
        cf_fd_run_flush(run);
    for (at = run->n; at > 0 && run->fds[at - 1] > fd; at--)
        run->fds[at] = run->fds[at - 1];
    run->fds[at] = fd;
    run->n++;
}
