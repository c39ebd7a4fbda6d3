/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The five capability sets of the container's process. The planner has already taken out what
 * this kernel and this caller do not have (with a warning), so a refusal here is an error.
 * Container side, freestanding.
 */

#include <errno.h>
#include <sys/prctl.h>

#include "init/init-internal.h"
#include "sys/cred.h"
#include "sys/task.h"

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT 47
#define PR_CAP_AMBIENT_RAISE 2
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

/* All capabilities of this kernel. */
static uint64_t known(const struct cf_blob_header *h)
{
    uint64_t last = h->caps.last_cap;

    return last >= 63 ? ~(uint64_t) 0 : ((uint64_t) 1 << (last + 1)) - 1;
}

uint64_t cf_caps_child_wanted(const struct cf_blob_header *h, uint64_t set)
{
    return h->flags & CF_BLOB_NO_CAPABILITIES ? 0 : set & known(h);
}

uint64_t cf_caps_child_unwanted(const struct cf_blob_header *h)
{
    return known(h) & ~cf_caps_child_wanted(h, h->caps.bounding);
}

int cf_caps_child_bounding(struct cf_init *in, struct cf_err *err)
{
    uint64_t unwanted = cf_caps_child_unwanted(in->blob.h);
    int r;

    for (unsigned int cap = 0; unwanted >> cap; cap++) {
        if (!(unwanted >> cap & 1))
            continue;
        r = cf_sys_prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
        /* Without CAP_SETPCAP nothing can be dropped, nor need be what is not there. */
        if (r == -EPERM && cf_sys_prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 0)
            continue;
        if (r < 0) {
            (void) cf_err_sys(err, r, "drop capability %u from the bounding set", cap);
            cf_err_field(err, "process.capabilities.bounding");
            return r;
        }
        if (cap == 63)
            break;
    }
    return 0;
}

/* A set that came out smaller is less than was asked for and safe; the caller hears of it. */
static int raise_ambient(struct cf_init *in, uint64_t ambient, struct cf_err *err)
{
    int r;

    r = cf_sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (r < 0)
        return cf_err_sys(err, r, "clear ambient capabilities");
    for (unsigned int cap = 0; cap < 64; cap++) {
        if (!(ambient >> cap & 1))
            continue;
        r = cf_sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
        if (r == -EPERM) {
            cf_init_warn(in, "ambient capability %u is not available", cap);
            continue;
        }
        if (r < 0) {
            (void) cf_err_sys(err, r, "raise ambient capability %u", cap);
            cf_err_field(err, "process.capabilities.ambient");
            return r;
        }
    }
    return 0;
}

int cf_caps_child_set(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    uint64_t effective = cf_caps_child_wanted(h, h->caps.effective);
    uint64_t permitted = cf_caps_child_wanted(h, h->caps.permitted);
    uint64_t inheritable = cf_caps_child_wanted(h, h->caps.inheritable);
    uint64_t e = 0, p = 0, i = 0;
    int r;

    r = cf_sys_capset64(effective, permitted, inheritable);
    if (r < 0) {
        (void) cf_err_sys(err, r, "set capabilities");
        cf_err_field(err, "process.capabilities");
        return r;
    }
    /* The kernel keeps no ambient capability that is not inheritable. */
    if (inheritable) {
        r = raise_ambient(in, cf_caps_child_wanted(h, h->caps.ambient), err);
        if (r < 0)
            return r;
    }
    r = cf_sys_capget64(0, &e, &p, &i);
    if (r < 0)
        return cf_err_sys(err, r, "read capabilities");
    if (e != effective || p != permitted || i != inheritable)
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "capabilities-differ", -EPERM,
                          "capabilities are not what was set");
    return 0;
}
