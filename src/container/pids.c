/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The processes of a container: those of its cgroup and of all cgroups below it. Host side, no lock. A
 * container without a cgroup is known by its init alone.
 */

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "container/container.h"
#include "container/watch.h"

_Static_assert(sizeof(pid_t) == sizeof(int), "pids are handed out as int");

static int read_record(struct coffer_container *container, struct cf_arena *arena, struct cf_record *ret,
                       struct cf_err *err)
{
    struct cf_store *store;
    struct cf_entry *entry = NULL;
    int r;

    r = cf_runtime_store(container->runtime, false, &store, err);
    if (r >= 0)
        r = cf_store_get(store, container->id, CF_LOCK_NONE, &entry, err);
    if (r >= 0)
        r = cf_entry_read(entry, arena, ret, err);
    cf_entry_close(entry);
    return r;
}

static int of_cgroup(const struct cf_record *record, bool *ret_known, pid_t **ret, size_t *ret_n,
                     struct cf_err *err)
{
    cf_auto(cf_cgroup_closep) struct cf_cgroup *cgroup = NULL;
    int r;

    r = cf_cgroup_open(&record->cgroup, &cgroup, err);
    if (r < 0)
        return r;
    /* Without a directory that is ours, there is nobody in it; the record tells whether there ever was one.
     */
    *ret_known = record->cgroup.n_dirs > 0;
    r = cf_cgroup_pids(cgroup, ret, ret_n, err);
    if (r == -ENODEV || r == -ENOENT) { /* removed meanwhile */
        cf_err_clear(err);
        return 0;
    }
    return r;
}

int cf_container_pids(struct coffer_container *container, int **ret, size_t *ret_n, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_record record = {0};
    bool has_cgroup = false;
    pid_t *pids = NULL;
    size_t n = 0;
    int r;

    if (!arena)
        return cf_err_oom(err);
    r = read_record(container, arena, &record, err);
    if (r < 0)
        return r;
    if (cf_container_same_boot(&record)) {
        r = of_cgroup(&record, &has_cgroup, &pids, &n, err);
        if (r < 0)
            return r;
        if (!has_cgroup && cf_record_init_alive(&record, NULL) > 0) {
            pids = malloc(sizeof(*pids));
            if (!pids)
                return cf_err_oom(err);
            pids[n++] = record.init_pid;
        }
    }
    if (n == 0) {
        free(pids);
        pids = NULL;
    }
    *ret = pids;
    *ret_n = n;
    return 0;
}

int cf_alive_open(struct coffer_container *container, struct cf_alive *ret, struct cf_err *err)
{
    int r;

    *ret = (struct cf_alive) CF_ALIVE_INIT;
    ret->arena = cf_arena_new();
    if (!ret->arena)
        return cf_err_oom(err);
    r = read_record(container, ret->arena, &ret->record, err);
    if (r >= 0 &&
        (ret->record.phase != CF_PHASE_CREATED || cf_record_init_alive(&ret->record, &ret->pidfd) <= 0))
        r = cf_err_set(err, COFFER_ERROR_STATE, "state-not-running", -ESRCH,
                       "container with id %s is not running", container->id);
    if (r >= 0)
        r = cf_cgroup_open(&ret->record.cgroup, &ret->cgroup, err);
    if (r < 0)
        cf_alive_done(ret);
    return r < 0 ? r : 0;
}

void cf_alive_done(struct cf_alive *alive)
{
    cf_fd_close(&alive->pidfd);
    cf_cgroup_close(alive->cgroup);
    cf_arena_free(alive->arena);
    *alive = (struct cf_alive) CF_ALIVE_INIT;
}
