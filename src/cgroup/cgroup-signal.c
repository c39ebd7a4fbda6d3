/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Signals to all processes of a cgroup where the kernel has no cgroup.kill for it, and waiting for
 * their end. Host side. A pid is used only through a pidfd that was checked to belong to a process
 * of this cgroup (rule R38): listed before and after the pidfd was opened.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/own.h"
#include "cgroup/cgroup-internal.h"
#include "sys/sock.h"
#include "sys/task.h"

/* Processes that fork faster than they are listed are not worth more. */
#define SIGNAL_ROUNDS 64

static int compare_pids(const void *a, const void *b)
{
    pid_t x = *(const pid_t *) a, y = *(const pid_t *) b;

    return (x > y) - (x < y);
}

static bool has_pid(const struct cf_cgfs_pids *sorted, pid_t pid)
{
    return sorted->n > 0 &&
           bsearch(&pid, sorted->pids, sorted->n, sizeof(pid_t), compare_pids) != NULL;
}

/* The pidfds of all processes that are there; entries are -1 for those that left. */
static int open_all(int dir_fd, struct cf_cgfs_pids *list, int **ret_fds)
{
    cf_auto(cf_cgfs_pids_done) struct cf_cgfs_pids again = {0};
    int *fds;
    int r = cf_cgfs_list_pids(dir_fd, list);

    *ret_fds = NULL;
    if (r < 0 || list->n == 0)
        return r;
    fds = malloc(list->n * sizeof(*fds));
    if (!fds)
        return -ENOMEM;
    for (size_t i = 0; i < list->n; i++)
        fds[i] = cf_sys_pidfd_open(list->pids[i], 0);
    r = cf_cgfs_list_pids(dir_fd, &again);
    if (again.n > 0)
        qsort(again.pids, again.n, sizeof(pid_t), compare_pids);
    for (size_t i = 0; i < list->n; i++) {
        if (r < 0 || !has_pid(&again, list->pids[i]))
            cf_fd_close(&fds[i]);
    }
    *ret_fds = fds;
    return r;
}

static void close_all(int *fds, size_t n)
{
    for (size_t i = 0; fds && i < n; i++)
        cf_fd_close(&fds[i]);
    free(fds);
}

int cf_cgroup_signal_pids(int dir_fd, int signo)
{
    struct cf_cgfs_pids list = {0};
    int *fds = NULL, sent = 0, r = open_all(dir_fd, &list, &fds);

    for (size_t i = 0; r >= 0 && i < list.n; i++) {
        int s;

        if (fds[i] < 0)
            continue;
        s = cf_sys_pidfd_send_signal(fds[i], signo, NULL, 0);
        if (s == 0)
            sent++;
        else if (s != -ESRCH)
            r = s;
    }
    close_all(fds, list.n);
    cf_cgfs_pids_done(&list);
    return r < 0 ? r : sent;
}

/* Signals those that are not in @seen, and notes them there. Return: how many, or -errno. */
static int signal_new(int dir_fd, int signo, struct cf_cgfs_pids *seen)
{
    struct cf_cgfs_pids list = {0};
    int *fds = NULL, sent = 0, r = open_all(dir_fd, &list, &fds);
    const size_t known = seen->n;

    if (r >= 0 && list.n > 0) {
        pid_t *more = realloc(seen->pids, (known + list.n) * sizeof(*more));

        if (more) {
            seen->pids = more;
            seen->cap = known + list.n;
        } else {
            r = -ENOMEM;
        }
    }
    for (size_t i = 0; r >= 0 && i < list.n; i++) {
        const struct cf_cgfs_pids sorted = {.pids = seen->pids, .n = known};
        int s;

        if (fds[i] < 0 || has_pid(&sorted, list.pids[i]))
            continue;
        seen->pids[seen->n++] = list.pids[i];
        s = cf_sys_pidfd_send_signal(fds[i], signo, NULL, 0);
        if (s == 0)
            sent++;
        else if (s != -ESRCH)
            r = s;
    }
    if (seen->n > 1)
        qsort(seen->pids, seen->n, sizeof(pid_t), compare_pids);
    close_all(fds, list.n);
    cf_cgfs_pids_done(&list);
    return r < 0 ? r : sent;
}

int cf_cgroup_signal_each(int dir_fd, int signo)
{
    struct cf_cgfs_pids seen = {0};
    int r = 0;

    for (int i = 0; i < SIGNAL_ROUNDS; i++) {
        r = signal_new(dir_fd, signo, &seen);
        if (r <= 0)
            break;
    }
    cf_cgfs_pids_done(&seen);
    return r < 0 ? r : 0;
}

int cf_cgroup_wait_pids(int dir_fd, int64_t deadline_ms)
{
    struct cf_cgfs_pids list = {0};
    int *fds = NULL, r = open_all(dir_fd, &list, &fds);

    for (size_t i = 0; r >= 0 && i < list.n; i++) {
        struct pollfd p = {.fd = fds[i], .events = POLLIN};

        if (fds[i] < 0)
            continue;
        do {
            r = cf_sys_poll(&p, 1, cf_cgroup_time_left(deadline_ms));
        } while (r == -EINTR);
        if (r == 0)
            r = -ETIMEDOUT;
    }
    close_all(fds, list.n);
    cf_cgfs_pids_done(&list);
    return r < 0 ? r : 0;
}
