/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * kill: a signal to init, or to every process of the container. Takes no lock, because it must
 * work while another command hangs. Init is named by a pidfd whose start time was compared with
 * the record, so that a reused pid is never hit.
 *
 * Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <signal.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/task.h"

static int kill_not_running(struct cf_err *err)
{
    return cf_err_set(err, COFFER_ERROR_STATE, "state-not-running", -ESRCH, "container not running");
}

bool cf_container_same_boot(const struct cf_record *record)
{
    char boot_id[37];

    return cf_boot_id(boot_id) >= 0 && cf_str_eq(boot_id, record->boot_id);
}

void cf_container_thaw(const struct cf_record *record)
{
    cf_auto(cf_cgroup_closep) struct cf_cgroup *cgroup = NULL;
    struct cf_err ignored = CF_ERR_INIT;

    if (cf_str_eq(record->cgroup.backend, "v1") && cf_cgroup_open(&record->cgroup, &cgroup, &ignored) >= 0 &&
        cf_cgroup_is_frozen(cgroup) > 0)
        (void) cf_cgroup_freeze(cgroup, false, &ignored);
}

/* Everything in cgroups that are ours alone. Return: 1 signalled, 0 there is nobody, or no cgroup of ours. */
static int kill_all(const struct cf_record *record, int signo, struct cf_err *err)
{
    cf_auto(cf_cgroup_closep) struct cf_cgroup *cgroup = NULL;
    bool ours = false;
    int r;

    if (!cf_container_same_boot(record))
        return 0;
    r = cf_cgroup_open(&record->cgroup, &cgroup, err);
    if (r < 0 || !cgroup)
        return r;
    for (size_t i = 0; i < record->cgroup.n_dirs; i++)
        ours |= record->cgroup.dirs[i].created;
    if (!ours || cf_cgroup_populated(cgroup) <= 0)
        return 0;
    r = cf_cgroup_kill(cgroup, signo, err);
    return r < 0 ? r : 1;
}

int cf_container_kill(struct coffer_container *container, int signo, uint32_t flags, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    cf_auto_fd int pidfd = -EBADF;
    struct cf_store *store;
    struct cf_entry *entry = NULL;
    struct cf_record record = {0};
    bool all = flags & COFFER_KILL_ALL, signalled = false;
    int alive, r;

    if (!arena)
        return cf_err_oom(err);
    if (signo < 0 || signo > SIGRTMAX)
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "signal-unknown", -EINVAL, "unknown signal \"%d\"", signo);
    r = cf_runtime_store(container->runtime, false, &store, err);
    if (r >= 0)
        r = cf_store_get(store, container->id, CF_LOCK_NONE, &entry, err);
    if (r >= 0)
        r = cf_entry_read(entry, arena, &record, err);
    /* Only hooks see a container in the making: to be ended is the create, or what it left behind. */
    if (r >= 0 && record.phase == CF_PHASE_CREATING && cf_entry_busy(entry))
        r = kill_not_running(err);
    cf_entry_close(entry);
    if (r < 0)
        return r;

    alive = cf_record_init_alive(&record, &pidfd) > 0;
    /* Without a pid namespace of its own nothing else ends the container's other processes. */
    if (all || (signo == SIGKILL && !record.own_pidns)) {
        r = kill_all(&record, signo, err);
        if (r < 0)
            return r;
        if (!alive)
            return all ? 0 : kill_not_running(err);
        signalled = r > 0;
        if (signalled && signo != SIGKILL)
            return 0; /* init among them: a handler must not see the signal twice */
    }
    if (!alive)
        return kill_not_running(err);
    r = cf_sys_pidfd_send_signal(pidfd, signo, NULL, 0);
    if (r == -ESRCH) /* after the signal to all it may be gone already, and reaped */
        return all || signalled ? 0 : kill_not_running(err);
    if (r >= 0 && signo == SIGKILL)
        cf_container_thaw(&record);
    return r < 0 ? cf_err_sys(err, r, "send signal %d to container init", signo) : 0;
}
