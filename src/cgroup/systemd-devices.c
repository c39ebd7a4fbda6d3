/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A device policy as systemd's DevicePolicy and DeviceAllow. Pure, host side. systemd installs a program of
 * its own when it starts the unit and again at every reload, and both programs have to agree: it must allow
 * all that the container's policy allows. It knows no refusals, so rules that deny are left to that policy.
 */

#include <errno.h>

#include "cgroup/res.h"
#include "cgroup/systemd-internal.h"

/* Which devices, in systemd's words: "char-*", "char-136" (a major number), "/dev/char/1:3". */
static const char *pattern(const struct cf_device_rule *rule, char type, struct cf_arena *arena)
{
    const char *name = type == 'c' ? "char" : "block";

    /* A minor number of every driver cannot be said: then it is all of the type. */
    if (rule->major == CF_DEVNUM_ALL)
        return cf_arena_printf(arena, "%s-*", name);
    if (rule->minor == CF_DEVNUM_ALL)
        return cf_arena_printf(arena, "%s-%lld", name, (long long) rule->major);
    return cf_arena_printf(arena, "/dev/%s/%lld:%lld", name, (long long) rule->major,
                           (long long) rule->minor);
}

static const char *access_of(const struct cf_device_rule *rule)
{
    static const char *const words[] = {"", "r", "w", "rw", "m", "rm", "wm", "rwm"};

    return words[rule->access & CF_DEVACC_ANY];
}

int cf_systemd_props_devices(struct cf_systemd_props *props, const struct ocispec_resources *res,
                             struct cf_err *err)
{
    struct cf_device_policy policy;
    const char **pairs;
    size_t n = 0;
    int r = cf_cgroup_devices_build(res, props->arena, &policy, err);

    if (r < 0)
        return r;
    /* Every rule is one pair, or two if it is for both types. */
    pairs = cf_arena_calloc(props->arena, 4 * policy.n + 1, sizeof(*pairs));
    if (!pairs)
        return cf_err_oom(err);
    for (size_t i = 0; i < policy.n && !policy.default_allow; i++) {
        const struct cf_device_rule *rule = &policy.rules[i];

        for (const char *type = "cb"; rule->allow && *type; type++) {
            if (rule->type != 'a' && rule->type != *type)
                continue;
            pairs[2 * n] = pattern(rule, *type, props->arena);
            pairs[2 * n + 1] = access_of(rule);
            if (!pairs[2 * n++])
                return cf_err_oom(err);
        }
    }
    cf_systemd_props_string(props, "DevicePolicy", policy.default_allow ? "auto" : "strict");
    cf_systemd_props_set(props, &(struct cf_systemd_property){.name = "DeviceAllow",
                                                              .type = CF_SD_DEVICES,
                                                              .strings = pairs,
                                                              .n = n,
                                                              .field = "linux.resources.devices"});
    return 0;
}
