/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * No cgroup: disabled by the caller, or not permitted to an unprivileged one that asked for no
 * limits. The container stays in the caller's cgroup, which is never touched. Host side.
 */

#include <errno.h>

#include "cgroup/cgroup-internal.h"

static int none_create(const struct cf_cgroup_plan *plan, struct cf_cgroup_record *record,
                       struct cf_cgroup *cg, struct cf_err *err)
{
    return 0;
}

static int none_attach(struct cf_cgroup *cg, pid_t pid, struct cf_err *err)
{
    return 0;
}

static int none_kill(struct cf_cgroup *cg, int signo, struct cf_err *err)
{
    return 0;
}

static int none_freeze(struct cf_cgroup *cg, bool on, struct cf_err *err)
{
    return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-no-freezer", -EOPNOTSUPP,
                      "the container has no cgroup that could be frozen");
}

static int none_is(struct cf_cgroup *cg)
{
    return 0;
}

static int none_wait_empty(struct cf_cgroup *cg, int64_t deadline_ms, struct cf_err *err)
{
    return 0;
}

const struct cf_cgroup_ops cf_cgroup_ops_none = {
    .name = "none",
    .create = none_create,
    .attach = none_attach,
    .kill = none_kill,
    .freeze = none_freeze,
    .is_frozen = none_is,
    .populated = none_is,
    .oom_killed = none_is,
    .wait_empty = none_wait_empty,
};
