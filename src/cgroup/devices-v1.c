/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A device policy as lines for devices.deny and devices.allow of cgroup v1. Pure, host side. The
 * first line sets the default. The kernel can only take back exactly what a line before gave; a
 * refusal inside a wider permission has no effect on v1 (kernel: security/device_cgroup.c).
 */

#include <errno.h>

#include "base/format.h"
#include "cgroup/res.h"

static const char *number(char buf[24], int64_t v)
{
    if (v == CF_DEVNUM_ALL)
        (void) cf_format(buf, 24, "*");
    else
        (void) cf_format(buf, 24, "%lld", (long long) v);
    return buf;
}

static char *format_rule(const struct cf_device_rule *rule, char type, struct cf_arena *arena)
{
    char major[24], minor[24];

    return cf_arena_printf(arena, "%c%c %s:%s %s%s%s", rule->allow ? '+' : '-', type,
                           number(major, rule->major), number(minor, rule->minor),
                           rule->access & CF_DEVACC_READ ? "r" : "",
                           rule->access & CF_DEVACC_WRITE ? "w" : "",
                           rule->access & CF_DEVACC_MKNOD ? "m" : "");
}

int cf_cgroup_devices_lines(const struct cf_device_policy *policy, struct cf_arena *arena,
                            const char *const **ret, size_t *ret_n, struct cf_err *err)
{
    const char **lines = cf_arena_calloc(arena, 1 + 2 * policy->n, sizeof(*lines));
    size_t n = 0;

    if (!lines)
        return cf_err_oom(err);
    lines[n++] = policy->default_allow ? "+a *:* rwm" : "-a *:* rwm";
    for (size_t i = 0; i < policy->n; i++) {
        const struct cf_device_rule *rule = &policy->rules[i];

        /* "a" with numbers would mean all devices to v1: say it as two lines. */
        if (rule->type != 'b') {
            lines[n] = format_rule(rule, 'c', arena);
            if (!lines[n++])
                return cf_err_oom(err);
        }
        if (rule->type != 'c') {
            lines[n] = format_rule(rule, 'b', arena);
            if (!lines[n++])
                return cf_err_oom(err);
        }
    }
    *ret = lines;
    *ret_n = n;
    return 0;
}
