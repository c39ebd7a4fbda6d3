/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The thread that clones becomes, for that one call, the host user that the container's root is
 * mapped to (D3). The kernel charges namespaces, inotify instances, queues and pending signals to
 * the effective id that creates a user namespace: made as root, all containers would drink from
 * one budget, and one of them could empty it.
 *
 * Host side, raw per-thread calls. Changing ids also clears capabilities, the dumpable attribute
 * and the parent-death signal; all are put back.
 */

#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include "base/own.h"
#include "sys/cred.h"
#include "sys/task.h"
#include "userns/userns-internal.h"
#include "userns/userns.h"

/* Only the effective ids: real and saved ones stay, so neither permitted capabilities nor the way
 * back are lost (capabilities(7), "Effect of user ID changes on capabilities"). */
static int set_effective_ids(uint32_t uid, uint32_t gid, bool uid_first)
{
    const uint32_t keep = UINT32_MAX;
    int r;

    if (uid_first) {
        r = cf_sys_setresuid(keep, uid, keep);
        return r < 0 ? r : cf_sys_setresgid(keep, gid, keep);
    }
    r = cf_sys_setresgid(keep, gid, keep);
    return r < 0 ? r : cf_sys_setresuid(keep, uid, keep);
}

/*
 * Cloning into a cgroup asks who may write to it, by the ids for files: these stay the caller's, unless that is beyond
 * such questions. (Containers in containers: their cgroup was handed to the caller, not to whom it makes.)
 */
static int keep_file_ids(const struct cf_userns_owner *owner)
{
    if (owner->effective & (UINT64_C(1) << CAP_DAC_OVERRIDE))
        return 0;
    (void) cf_sys_setfsgid(owner->egid);
    (void) cf_sys_setfsuid(owner->euid);
    /* They return the id before, and an id that cannot be set changes nothing. */
    return cf_sys_setfsgid(UINT32_MAX) == owner->egid && cf_sys_setfsuid(UINT32_MAX) == owner->euid ? 0 : -EPERM;
}

static int restore_caps(const struct cf_userns_owner *owner)
{
    uint64_t effective, permitted, inheritable;
    int r = cf_sys_capset64(owner->effective, owner->permitted, owner->inheritable);

    if (r < 0)
        return r;
    r = cf_sys_capget64(0, &effective, &permitted, &inheritable);
    if (r < 0)
        return r;
    if (effective != owner->effective || permitted != owner->permitted)
        return -EPERM;
    return 0;
}

static int leave(const struct cf_userns_owner *owner)
{
    int r;

    /* The uid first: being 0 again, or its saved uid, needs no capability. */
    r = set_effective_ids(owner->euid, owner->egid, true);
    if (r < 0)
        return r;
    r = restore_caps(owner);
    if (r < 0)
        return r;
    if (cf_sys_geteuid() != owner->euid || cf_sys_getegid() != owner->egid)
        return -EPERM;
    if (owner->dumpable == 1) {
        r = cf_sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        if (r < 0)
            return r;
    }
    if (owner->pdeathsig > 0)
        return cf_sys_prctl(PR_SET_PDEATHSIG, (unsigned long) owner->pdeathsig, 0, 0, 0);
    return 0;
}

/* The kernel takes no id that the caller's user namespace has not. */
static void explain_unmapped(const struct cf_userns_plan *plan, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();

    if (arena && !cf_userns_explain_unmapped(CF_ID_UID, &plan->uids, arena, err))
        (void) cf_userns_explain_unmapped(CF_ID_GID, &plan->gids, arena, err);
}

int cf_userns_owner_enter(const struct cf_userns_plan *plan, struct cf_userns_owner *ret,
                          struct cf_err *err)
{
    struct cf_userns_owner owner = {
        .euid = cf_sys_geteuid(),
        .egid = cf_sys_getegid(),
    };
    int r;

    *ret = owner;
    if (!plan->switch_owner ||
        (owner.euid == plan->owner_uid && owner.egid == plan->owner_gid))
        return 0;
    r = cf_sys_capget64(0, &owner.effective, &owner.permitted, &owner.inheritable);
    if (r < 0)
        return cf_err_sys(err, r, "read the thread's capabilities");
    owner.dumpable = cf_sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    r = cf_sys_prctl(PR_GET_PDEATHSIG, (unsigned long) (uintptr_t) &owner.pdeathsig, 0, 0, 0);
    if (r < 0)
        return cf_err_sys(err, r, "read the parent-death signal");
    owner.switched = true;
    r = set_effective_ids(plan->owner_uid, plan->owner_gid, false);
    if (r < 0) {
        (void) cf_err_sys(err, r, "become host user %u, group %u", plan->owner_uid,
                          plan->owner_gid);
        if (r == -EINVAL)
            explain_unmapped(plan, err);
        cf_userns_owner_leave(&owner);
        return r;
    }
    r = keep_file_ids(&owner);
    if (r >= 0)
        r = restore_caps(&owner);
    if (r < 0) {
        (void) cf_err_sys(err, r, "keep the capabilities as host user %u", plan->owner_uid);
        cf_userns_owner_leave(&owner);
        return r;
    }
    *ret = owner;
    return 0;
}

void cf_userns_owner_leave(const struct cf_userns_owner *owner)
{
    if (!owner->switched)
        return;
    /* SIGABRT's usual status: going on with a mixture of ids would be worse than ending. */
    if (leave(owner) < 0)
        cf_sys_exit_group(134);
}
