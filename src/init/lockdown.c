/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Giving up everything the container's process may not have, in the only order that works: what
 * needs privileges first, what takes them last, and each step before whatever would forbid it
 * (docs/architecture.md, "Lockdown"). Container side, freestanding.
 */

#include <errno.h>
#include <sys/prctl.h>

#include "init/init-internal.h"
#include "process/sched.h"
#include "sys/cred.h"
#include "sys/fs.h"
#include "sys/task.h"

static int set_keyring(struct cf_init *in, struct cf_err *err)
{
    int r;

    if (!(in->blob.h->flags & CF_BLOB_NEW_KEYRING))
        return 0;
    r = cf_lsm_child_set_key(in, err);
    return r < 0 ? r : cf_cred_child_keyring(in, err);
}

static int set_attributes(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    int r;

    /* In a user namespace, or before one more clone, that is for the host. */
    r = h->flags & CF_BLOB_HOST_SCHED ? 0 : cf_sched_apply(h, 0, err);
    if (r < 0)
        return r;
    if (h->personality != UINT32_MAX) {
        r = cf_sys_personality(h->personality);
        if (r < 0) {
            (void) cf_err_sys(err, r, "set personality");
            cf_err_field(err, "linux.personality");
            return r;
        }
    }
    if (h->mempolicy_mode != -1) {
        const uint64_t *nodes = cf_blob_at(&in->blob, h->mempolicy_nodes);
        uint32_t n = h->mempolicy_nodes.count;

        /* The kernel reads one bit less than it is told. */
        r = cf_sys_set_mempolicy(h->mempolicy_mode, n ? nodes : NULL, n ? n * 64ul + 1 : 0);
        if (r < 0) {
            (void) cf_err_sys(err, r, "set memory policy");
            cf_err_field(err, "linux.memoryPolicy");
            return r;
        }
    }
    if (h->cpus.count) {
        r = cf_sys_sched_setaffinity(0, h->cpus.count * sizeof(uint64_t), cf_blob_at(&in->blob, h->cpus));
        if (r < 0) {
            (void) cf_err_sys(err, r, "set CPU affinity");
            cf_err_field(err, "process.execCPUAffinity.final");
            if (r == -EINVAL)
                cf_err_hint(err, "none of these CPUs is in the cpuset of the container");
            return r;
        }
    }
    return cf_rlimit_child_early(in, err);
}

static int set_no_new_privs(struct cf_init *in, struct cf_err *err)
{
    int r;

    if (!(in->blob.h->flags & CF_BLOB_NO_NEW_PRIVS))
        return 0;
    r = cf_sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return r < 0 ? cf_err_sys(err, r, "set no_new_privs") : 0;
}

/* Without no_new_privs a filter needs CAP_SYS_ADMIN: now. With it, it comes right before execve.
 * What it may not know (close_range is of 2020) is done before. */
static int set_seccomp_early(struct cf_init *in, struct cf_err *err)
{
    int r;

    if ((in->blob.h->flags & (CF_BLOB_SECCOMP | CF_BLOB_NO_NEW_PRIVS)) != CF_BLOB_SECCOMP)
        return 0;
    r = cf_init_drop_construction(in, err);
    return r < 0 ? r : cf_seccomp_child_install(in, err);
}

/* A change of ids sets the attribute back to the system's default. Less capabilities do not. */
static int set_not_dumpable(struct cf_init *in, struct cf_err *err)
{
    int r;

    if (!in->ids_changed)
        return 0;
    r = cf_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return r < 0 ? cf_err_sys(err, r, "become not dumpable") : 0;
}

static int set_cwd(struct cf_init *in, struct cf_err *err)
{
    return in->blob.h->flags & CF_BLOB_HAS_PROCESS ? cf_exec_child_cwd(in, err) : 0;
}

static int set_umask(struct cf_init *in, struct cf_err *err)
{
    (void) cf_sys_umask(in->blob.h->umask & 0777);
    return 0;
}

int cf_lockdown_apply(struct cf_init *in, struct cf_err *err)
{
    static int (*const steps[])(struct cf_init *in, struct cf_err *err) = {
        set_keyring,
        cf_lsm_child_set_exec,
        set_attributes,
        set_cwd, /* as root: it may have to be made */
        set_no_new_privs,
        cf_caps_child_bounding,
        set_seccomp_early,
        cf_cred_child_ids,
        cf_caps_child_set,
        set_not_dumpable,
        set_cwd, /* as the user: what it may not enter is not entered for it */
        set_umask,
    };
    int r;

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        r = steps[i](in, err);
        if (r < 0)
            return r;
    }
    return 0;
}
