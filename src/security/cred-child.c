/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Session keyring, groups and ids of the container's process. Container side, freestanding.
 */

#include <errno.h>
#include <linux/auxvec.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>

#include "init/init-internal.h"
#include "sys/cred.h"
#include "sys/task.h"

/* Everything for who possesses the keyring, nothing for user, group and others (linux/key.h, not
 * exported): no other container with the same uid can find and join it by its name. */
#define KEY_POS_ALL 0x3f000000ul
/* The kernel gives the keys of a process that ended back some time later. A container that starts right after one
 * with the same ids that used up their quota (a restart) waits that long, not for ever. */
#define KEYRING_TRIES 200
#define KEYRING_PAUSE_NS 10000000
/* More groups are compared by their number only. */
#define COMPARED_GROUPS 64

static long join_keyring(const char *name)
{
    const struct timespec pause = {.tv_nsec = KEYRING_PAUSE_NS};
    long serial = -EDQUOT;

    for (int i = 0; i < KEYRING_TRIES && serial == -EDQUOT; i++) {
        if (i > 0)
            (void) cf_sys_nanosleep(&pause, NULL);
        serial = cf_sys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, (unsigned long) name, 0, 0, 0);
    }
    return serial;
}

int cf_cred_child_keyring(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    long serial;
    int r;

    if (!(h->flags & CF_BLOB_NEW_KEYRING))
        return 0;
    serial = join_keyring(cf_blob_str(&in->blob, h->keyring_name));
    if (serial == -ENOSYS) {
        cf_init_warn(in, "the kernel has no keyrings: the container has none of its own");
        return 0;
    }
    if (serial < 0) {
        (void) cf_err_sys(err, (int) serial, "make a session keyring");
        if (serial == -EDQUOT)
            cf_err_hint(err, "raise kernel.keys.maxkeys, or use --no-new-keyring");
        else
            cf_err_hint(err, "--no-new-keyring keeps the keyring of the caller");
        return (int) serial;
    }
    r = (int) cf_sys_keyctl(KEYCTL_SETPERM, (unsigned long) serial, KEY_POS_ALL, 0, 0);
    return r < 0 ? cf_err_sys(err, r, "set permissions of the session keyring") : 0;
}

static int verify_groups(const uint32_t *groups, uint32_t n, struct cf_err *err)
{
    uint32_t have[COMPARED_GROUPS];
    int count;

    count = cf_sys_getgroups(0, NULL);
    if (count < 0)
        return cf_err_sys(err, count, "read supplementary groups");
    if ((uint32_t) count != n)
        goto differ;
    if (n == 0 || n > COMPARED_GROUPS)
        return 0;
    count = cf_sys_getgroups(COMPARED_GROUPS, have);
    if (count < 0)
        return cf_err_sys(err, count, "read supplementary groups");
    for (uint32_t i = 0; i < n; i++) {
        uint32_t k = 0;

        while (k < n && have[k] != groups[i])
            k++;
        if (k == n)
            goto differ;
    }
    return 0;

differ:
    return cf_err_set(err, COFFER_ERROR_UNSAFE, "groups-differ", -EPERM,
                      "supplementary groups are not what was set");
}

static int set_groups(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    const uint32_t *groups = cf_blob_at(&in->blob, h->groups);
    int r;

    if (h->flags & CF_BLOB_KEEP_GROUPS || !(h->flags & CF_BLOB_SETGROUPS))
        return 0;
    /* What a service manager starts mostly has none. */
    if (h->groups.count == 0 && cf_sys_getgroups(0, NULL) == 0)
        return 0;
    r = cf_sys_setgroups(h->groups.count, h->groups.count ? groups : NULL);
    if (r < 0) {
        (void) cf_err_sys(err, r, "set supplementary groups");
        cf_err_field(err, "process.user.additionalGids");
        return r;
    }
    return verify_groups(groups, h->groups.count, err);
}

/* Return: 1 the ids are these, 0 they are not, -errno with err filled. */
static int ids_are(uint32_t uid, uint32_t gid, struct cf_err *err)
{
    uint32_t r = 0, e = 0, s = 0;
    int ret;

    ret = cf_sys_getresuid(&r, &e, &s);
    if (ret < 0)
        return cf_err_sys(err, ret, "read user ids");
    if (r != uid || e != uid || s != uid)
        return 0;
    ret = cf_sys_getresgid(&r, &e, &s);
    if (ret < 0)
        return cf_err_sys(err, ret, "read group ids");
    return r == gid && e == gid && s == gid;
}

static int verify_ids(uint32_t uid, uint32_t gid, struct cf_err *err)
{
    int r = ids_are(uid, gid, err);

    if (r != 0)
        return r < 0 ? r : 0;
    return cf_err_set(err, COFFER_ERROR_UNSAFE, "ids-differ", -EPERM,
                      "user or group ids are not what was set");
}

/* Were all our ids 0 when we were executed? The saved ones are the effective ones then, and nobody has changed any
 * of them since. */
static bool executed_as_root(const struct cf_init *in)
{
    unsigned int seen = 0;

    for (const unsigned long *a = in->auxv; a && a[0] != AT_NULL; a += 2) {
        if (a[0] != AT_UID && a[0] != AT_EUID && a[0] != AT_GID && a[0] != AT_EGID)
            continue;
        if (a[1] != 0)
            return false;
        seen++;
    }
    return seen == 4;
}

int cf_cred_child_ids(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    int r;

    /* The kernel takes (uint32_t) -1 as "leave it": never let it through (rule R31). */
    if (h->uid == UINT32_MAX || h->gid == UINT32_MAX)
        return cf_err_config(err, "user-id-invalid", "process.user",
                             "user or group id 4294967295 is not allowed");
    r = set_groups(in, err);
    if (r < 0)
        return r;
    /* Container root mostly is what we are already. The file system ids follow the effective ones
     * at every execve, so there is nothing else to set. */
    if (h->uid == 0 && h->gid == 0) {
        if (executed_as_root(in))
            return 0;
        r = ids_are(0, 0, err);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    in->ids_changed = true;
    r = cf_sys_setresgid(h->gid, h->gid, h->gid);
    if (r < 0) {
        (void) cf_err_sys(err, r, "set gid %u", h->gid);
        cf_err_field(err, "process.user.gid");
        return r;
    }
    if (h->uid != 0) {
        /* Leaving uid 0 would empty the permitted set, from which the wanted ones are taken. */
        r = cf_sys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
        if (r < 0)
            return cf_err_sys(err, r, "keep capabilities");
    }
    r = cf_sys_setresuid(h->uid, h->uid, h->uid);
    if (r < 0) {
        (void) cf_err_sys(err, r, "set uid %u", h->uid);
        cf_err_field(err, "process.user.uid");
        return r;
    }
    return verify_ids(h->uid, h->gid, err);
}
