/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See hold.h. Host side. */

#include "container/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"

int cf_hold_not_running(struct cf_err *err)
{
    cf_err_clear(err);
    return cf_err_set(err, COFFER_ERROR_STATE, "state-not-running", -ESRCH, "container not running");
}

int cf_hold_take(struct coffer_container *container, struct cf_hold *ret, struct cf_err *err)
{
    struct cf_hold hold = CF_HOLD_INIT;
    struct cf_store *store;
    int r;

    hold.arena = cf_arena_new();
    r = hold.arena ? cf_runtime_store(container->runtime, false, &store, err) : cf_err_oom(err);
    if (r >= 0)
        r = cf_store_get(store, container->id, CF_LOCK_EXCLUSIVE, &hold.entry, err);
    if (r >= 0)
        r = cf_entry_read(hold.entry, hold.arena, &hold.record, err);
    /* With the lock in our hand, one that is not created any more is what a killed command left. */
    if (r >= 0 && hold.record.phase == CF_PHASE_CREATED && cf_record_init_alive(&hold.record, &hold.pidfd) > 0)
        r = cf_cgroup_open(&hold.record.cgroup, &hold.cgroup, err);
    if (r < 0) {
        cf_hold_done(&hold);
        return r;
    }
    *ret = hold;
    return 0;
}

void cf_hold_done(struct cf_hold *hold)
{
    cf_cgroup_close(hold->cgroup);
    hold->cgroup = NULL;
    cf_fd_close(&hold->pidfd);
    cf_entry_close(hold->entry);
    hold->entry = NULL;
    cf_arena_free(hold->arena);
    hold->arena = NULL;
}

/* A v1 freezer keeps a killed process from ending: the signal waits in the list of the thread. */
static bool is_killed(int pid)
{
    char path[64], text[4096];
    const char *line;
    uint64_t mask = 0;
    cf_auto_fd int fd = -EBADF;
    long n;

    (void) cf_format(path, sizeof(path), "/proc/%d/status", pid);
    fd = cf_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    n = fd < 0 ? fd : cf_sys_read(fd, text, sizeof(text) - 1);
    if (n <= 0)
        return true; /* not there any more */
    text[n] = '\0';
    line = strstr(text, "\nSigPnd:\t");
    for (line = line ? line + 9 : ""; *line && *line != '\n'; line++) {
        int digit = *line <= '9' ? *line - '0' : *line - 'a' + 10;

        mask = mask << 4 | (unsigned int) (digit & 15);
    }
    return mask & (1ULL << (SIGKILL - 1));
}

bool cf_hold_is_gone(const struct cf_hold *hold)
{
    struct pollfd p = {.fd = hold->pidfd, .events = POLLIN};

    return hold->pidfd < 0 || cf_sys_poll(&p, 1, 0) != 0 || is_killed(hold->record.init_pid);
}
