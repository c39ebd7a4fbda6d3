/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.netDevices: which interface gets which name. Whether it is there, and whether the name is
 * still free in the container, only the kernel knows (netdev-host.c). Pure, host side.
 */

#include <linux/if.h>
#include <linux/sched.h>
#include <string.h>

#include "net/net.h"
#include "plan/input.h"

/* As the kernel's dev_valid_name(). @pattern: "%d" may stand at the end, and no other percent sign. */
static bool is_name(const char *name, bool pattern)
{
    size_t len = strlen(name);
    const char *percent = strchr(name, '%');

    if (len == 0 || len >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    if (percent && !(pattern && percent > name && strcmp(percent, "%d") == 0))
        return false;
    return !strpbrk(name, "/: \t\n\v\f\r");
}

static int refuse(const char *field, const char *name, struct cf_err *err)
{
    (void) cf_err_config(err, "netdev-name", field, "invalid network device name `%s`", name);
    cf_err_hint(err, "one to 15 bytes without blanks, slashes and colons; a new name may end in %%d");
    return err->ret;
}

int cf_netdev_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_linux *l = cf_plan_linux(in);
    const struct ocispec_net_device_map *map = l ? l->net_devices : NULL;
    struct cf_netdev *items;

    if (!map || map->n == 0)
        return 0;
    if (!(plan->ns.listed & CLONE_NEWNET)) {
        (void) cf_err_config(err, "netdev-namespace", "linux.netDevices",
                             "unable to move network devices without a NET namespace");
        cf_err_hint(err, "add {\"type\": \"network\"} to linux.namespaces");
        return err->ret;
    }
    if (!in->facts->privileged)
        return cf_err_config(err, "netdev-rootless", "linux.netDevices",
                             "network devices are not supported for rootless containers");
    items = cf_arena_calloc(in->arena, map->n, sizeof(*items));
    if (!items)
        return cf_err_oom(err);
    for (size_t i = 0; i < map->n; i++) {
        const char *to = map->values[i].name && *map->values[i].name ? map->values[i].name : map->keys[i];

        items[i] = (struct cf_netdev) {.from = map->keys[i], .to = to,
            .field = cf_arena_printf(in->arena, "linux.netDevices.%s", map->keys[i])};
        if (!items[i].field)
            return cf_err_oom(err);
        if (!is_name(items[i].from, false))
            return refuse("linux.netDevices", items[i].from, err);
        if (!is_name(to, true))
            return refuse(items[i].field, to, err);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(items[j].to, to) == 0 && !strchr(to, '%'))
                return cf_err_config(err, "netdev-name", items[i].field, "`%s` is the new name of two interfaces", to);
        }
    }
    plan->netdevs = (struct cf_netdevs) {.items = items, .n = map->n};
    return 0;
}
