/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pause and resume: all processes of the container frozen, or not. Whether it is paused is not stored: the
 * cgroup tells. Host side.
 */

#include "container/container.h"

#include <errno.h>

#include "base/own.h"
#include "container/hold.h"

static int not_paused(struct cf_err *err)
{
    return cf_err_set(err, COFFER_ERROR_STATE, "state-not-paused", -EINVAL, "container not paused");
}

/* In a cgroup that was there before, others may live too (rule R28). */
static int check_ours(const struct cf_hold *hold, struct cf_err *err)
{
    bool ours = hold->record.cgroup.n_dirs == 0; /* without any: the backend says it better */

    for (size_t i = 0; i < hold->record.cgroup.n_dirs; i++)
        ours |= hold->record.cgroup.dirs[i].created;
    if (ours)
        return 0;
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-no-freezer", -EOPNOTSUPP,
                      "cannot freeze the container's cgroup: it was there before the container");
    cf_err_hint(err, "let coffer make it: choose a linux.cgroupsPath that does not exist");
    return -EOPNOTSUPP;
}

static int pause_held(const struct cf_hold *hold, struct cf_err *err)
{
    struct cf_err ignored = CF_ERR_INIT;
    int r;

    if (hold->pidfd < 0 || cf_cgroup_is_frozen(hold->cgroup) > 0)
        return cf_hold_not_running(err);
    r = check_ours(hold, err);
    if (r < 0)
        return r;
    r = cf_cgroup_freeze(hold->cgroup, true, err);
    /* kill takes no lock: what it hit while we froze would stay in between for ever. */
    if (cf_hold_is_gone(hold)) {
        (void) cf_cgroup_freeze(hold->cgroup, false, &ignored);
        return cf_hold_not_running(err);
    }
    return r;
}

int cf_container_pause(struct coffer_container *container, struct cf_err *err)
{
    cf_auto(cf_hold_done) struct cf_hold hold = CF_HOLD_INIT;
    int r = cf_hold_take(container, &hold, err);

    if (r >= 0)
        r = pause_held(&hold, err);
    cf_err_step(err, "pause");
    return r;
}

int cf_container_resume(struct coffer_container *container, struct cf_err *err)
{
    cf_auto(cf_hold_done) struct cf_hold hold = CF_HOLD_INIT;
    int r = cf_hold_take(container, &hold, err);

    if (r >= 0 && (hold.pidfd < 0 || cf_cgroup_is_frozen(hold.cgroup) <= 0))
        r = not_paused(err);
    if (r >= 0)
        r = check_ours(&hold, err);
    if (r >= 0)
        r = cf_cgroup_freeze(hold.cgroup, false, err);
    cf_err_step(err, "resume");
    return r;
}
