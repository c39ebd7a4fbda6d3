/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which device nodes the host makes for a container with a user namespace, and where. Pure, host
 * side.
 *
 * A node that goes below /dev is made in the tmpfs for /dev beforehand, unless an entry of `mounts`
 * has something at its place or on the way there: mounts come before devices, so it must then go
 * onto what is mounted. Such a node, and one outside /dev, is attached as a clone by init.
 */

#include "mount/dev-plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>

#include "path/path.h"

#define CAP_BIT(cap) (UINT64_C(1) << (cap))

bool cf_dev_plan_host_makes(const struct cf_plan_input *in, const struct cf_plan *plan)
{
    const uint64_t needed = CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_FOWNER) |
                            CAP_BIT(CAP_DAC_OVERRIDE);

    return plan->userns.mode != CF_USERNS_NONE && !in->facts->in_userns &&
           (in->facts->cap_effective & needed) == needed;
}

int cf_dev_plan_tmpfs(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_source_param *params,
                      size_t n_params, uint64_t attr, const char *field, struct cf_err *err)
{
    struct cf_source source = {.kind = CF_SOURCE_DEV, .path = "/dev", .blob_mount = -1, .attr_set = attr, .field = field};

    /* That the container's root is mapped was checked with the maps. */
    if (cf_userns_uid_to_host(&plan->userns, 0, &source.root_uid) < 0 ||
        cf_userns_gid_to_host(&plan->userns, 0, &source.root_gid) < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "dev-owner", -EOVERFLOW, "the container's root is not mapped");
    params[n_params].key = "uid";
    params[n_params++].value = cf_arena_printf(in->arena, "%u", source.root_uid);
    params[n_params].key = "gid";
    params[n_params++].value = cf_arena_printf(in->arena, "%u", source.root_gid);
    if (!params[n_params - 2].value || !params[n_params - 1].value)
        return cf_err_oom(err);
    source.params = params;
    source.n_params = n_params;
    return cf_plan_add_source(in, plan, &source, err);
}

static struct cf_source *find_dev(struct cf_plan *plan)
{
    for (size_t i = 0; i < plan->n_sources; i++) {
        if (plan->sources[i].kind == CF_SOURCE_DEV)
            return &plan->sources[i];
    }
    return NULL;
}

/* Is anything mounted at @path or between it and /dev? */
static int is_mounted_over(const struct cf_plan_input *in, const char *path, struct cf_err *err)
{
    char *text = cf_arena_strdup(in->arena, path);
    char *end = text ? text + strlen(text) : NULL;

    if (!text)
        return cf_err_oom(err);
    for (; end > text + strlen("/dev"); end = strrchr(text, '/')) {
        *end = '\0';
        if (cf_mount_find(in, text) >= 0)
            return 1;
    }
    return 0;
}

int cf_dev_plan_node(const struct cf_plan_input *in, struct cf_plan *plan, const char *path, size_t room,
                     struct cf_blob_device *d, struct cf_err *err)
{
    struct cf_source source = {
        .kind = CF_SOURCE_DEVICE, .path = path, .blob_mount = -1, .field = "",
        .device_mode = d->mode & S_IFMT, .device_major = d->major, .device_minor = d->minor,
    };
    struct cf_source_node node = {
        .name = path, .mode = d->mode, .major = d->major, .minor = d->minor, .config_index = d->config_index,
    };
    struct cf_source *dev = find_dev(plan);
    int r;

    /* The planner of devices has checked both. */
    if (cf_userns_uid_to_host(&plan->userns, d->uid, &node.uid) < 0 ||
        cf_userns_gid_to_host(&plan->userns, d->gid, &node.gid) < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "dev-owner", -EOVERFLOW, "the owner of a device is not mapped");

    if (dev && cf_path_is_below(path, "/dev") && strlen(path) > strlen("/dev/")) {
        r = is_mounted_over(in, path, err);
        if (r < 0)
            return r;
        if (r == 0) {
            if (!dev->nodes)
                dev->nodes = cf_arena_calloc(in->arena, room, sizeof(*dev->nodes));
            if (!dev->nodes)
                return cf_err_oom(err);
            node.name = path + strlen("/dev/");
            dev->nodes[dev->n_nodes++] = node;
            d->how = CF_DEVICE_MADE;
            return 0;
        }
    }
    source.nodes = cf_arena_calloc(in->arena, 1, sizeof(node));
    if (d->config_index != UINT32_MAX)
        source.field = cf_arena_printf(in->arena, "linux.devices[%u]", d->config_index);
    if (!source.nodes || !source.field)
        return cf_err_oom(err);
    source.nodes[0] = node;
    source.n_nodes = 1;
    d->fd = cf_plan_add_source(in, plan, &source, err);
    d->how = CF_DEVICE_TREE;
    return d->fd < 0 ? d->fd : 0;
}
