/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What only the host can give to a container with a user namespace. Resource limits: a hard limit above the
 * caller's, which nobody inside may raise (that needs CAP_SYS_RESOURCE in the initial user namespace), and
 * budgets of the namespace itself; init sets the exact values later, when all of them are within reach.
 * Scheduler and I/O priority: at the end, so that nothing is built under them. Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/fd.h"
#include "process/sched.h"
#include "sys/task.h"

/*
 * The kernel counts these per user, and in a user namespace for all its users together as well: there
 * the limit is the soft one of the process that made the namespace.
 */
static bool is_budget(const struct cf_spawn *spawn, uint32_t resource)
{
    /* The number of processes is not limited for a namespace that the host's root makes. */
    return resource == RLIMIT_MSGQUEUE || resource == RLIMIT_SIGPENDING || resource == RLIMIT_MEMLOCK ||
           (resource == RLIMIT_NPROC && !spawn->privileged);
}

static int limit_error(const struct cf_blob_rlimit *limit, uint32_t index, int r, struct cf_err *err)
{
    r = cf_err_sys(err, r, "process.rlimits[%u]: raise resource limit %u", index, limit->resource);
    cf_err_field(err, "process.rlimits[%u]", index);
    if (err->sys_errno == EPERM)
        cf_err_hint(err, limit->resource == RLIMIT_NOFILE
                             ? "a hard limit above the caller's needs CAP_SYS_RESOURCE on the host, and none may be "
                               "above /proc/sys/fs/nr_open"
                             : "a hard limit above the caller's needs CAP_SYS_RESOURCE on the host");
    return r;
}

int cf_spawn_look_at_limits(struct cf_spawn *spawn, struct cf_err *err)
{
    struct cf_blob blob;

    if (spawn->plan->userns.mode == CF_USERNS_NONE)
        return 0;
    if (cf_blob_check(spawn->blob, spawn->blob_size, &blob) < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "plan-invalid", -EBADMSG, "the plan fails its own check");
    spawn->limits = cf_blob_at(&blob, blob.h->rlimits);
    spawn->n_limits = blob.h->rlimits.count;
    for (uint32_t i = 0; i < spawn->n_limits && spawn->plan->userns.mode == CF_USERNS_NEW; i++) {
        const struct cf_blob_rlimit *limit = &spawn->limits[i];
        struct rlimit now;
        int r;

        if (!is_budget(spawn, limit->resource))
            continue;
        r = cf_sys_prlimit64(0, (int) limit->resource, NULL, &now);
        if (r < 0)
            return cf_err_sys(err, r, "read resource limit %u", limit->resource);
        /* What an ordinary caller may not have at all is refused by init. */
        if (limit->hard > now.rlim_cur && (spawn->privileged || limit->hard <= now.rlim_max))
            spawn->raises_budget = true;
    }
    return 0;
}

int cf_spawn_raise_limits(struct cf_spawn *spawn, struct cf_err *err)
{
    if (!spawn->privileged && !spawn->raises_budget)
        return 0;
    for (uint32_t i = 0; i < spawn->n_limits; i++) {
        const struct cf_blob_rlimit *limit = &spawn->limits[i];
        bool change = false;
        struct rlimit now;
        int r;

        r = cf_sys_prlimit64(0, (int) limit->resource, NULL, &now);
        if (r < 0)
            return limit_error(limit, i, r, err);
        if (limit->hard > now.rlim_max && spawn->privileged) {
            now.rlim_max = limit->hard;
            change = true;
        }
        if (spawn->raises_budget && is_budget(spawn, limit->resource) && limit->hard > now.rlim_cur &&
            limit->hard <= now.rlim_max) {
            now.rlim_cur = limit->hard;
            change = true;
        }
        if (change)
            r = cf_sys_prlimit64(spawn->pid, (int) limit->resource, &now, NULL);
        if (r < 0)
            return limit_error(limit, i, r, err);
    }
    return 0;
}

int cf_spawn_schedule(const struct cf_spawn *spawn, struct cf_err *err)
{
    const struct cf_blob_header *h = cf_blob_header(spawn->plan->blob);
    int r;

    if (!(h->flags & CF_BLOB_HOST_SCHED))
        return 0;
    r = cf_sched_apply(h, spawn->pid, err);
    if (r == -ESRCH) {
        cf_err_clear(err);
        return cf_spawn_explain_death(spawn, err);
    }
    cf_err_step(err, "process");
    return r;
}
