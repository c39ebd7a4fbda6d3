/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What becomes of linux.uidMappings and linux.gidMappings: mode, content, writer, setgroups
 * policy, owner of the namespace. Pure, host side; whether the ids are really delegated to the
 * caller is looked up when the maps are written (userns-host.c).
 */

#include <errno.h>
#include <string.h>

#include "plan/plan.h"
#include "userns/userns.h"

#define HINT_SUBIDS                                                                                     \
    "an ordinary user has one id, its own, and no other groups; for more map subordinate ids of /etc/subuid and " \
    "/etc/subgid as well (usermod --add-subuids, --add-subgids)"
#define HINT_COVER "add a range that contains it to linux.%s"

/* Index of the user namespace entry in linux.namespaces, or -1. */
static long find_userns(const struct ocispec_linux *lin)
{
    for (size_t i = 0; lin && i < lin->n_namespaces; i++) {
        if (lin->namespaces[i].type && strcmp(lin->namespaces[i].type, "user") == 0)
            return (long) i;
    }
    return -1;
}

static int copy_map(struct cf_arena *arena, const struct ocispec_id_mapping *from, size_t n,
                    struct cf_idmap *ret, struct cf_err *err)
{
    struct cf_idrange *ranges = cf_arena_calloc(arena, n, sizeof(*ranges));

    if (!ranges)
        return cf_err_oom(err);
    for (size_t i = 0; i < n; i++) {
        ranges[i] = (struct cf_idrange) {
            .container_id = from[i].container_id,
            .host_id = from[i].host_id,
            .size = from[i].size,
        };
    }
    *ret = (struct cf_idmap) {.ranges = ranges, .n = n};
    return 0;
}

static int take_maps(const struct cf_plan_input *in, const struct ocispec_linux *lin,
                     struct cf_userns_plan *plan, struct cf_err *err)
{
    int r = copy_map(in->arena, lin->uid_mappings, lin->n_uid_mappings, &plan->uids, err);

    if (r < 0)
        return r;
    r = copy_map(in->arena, lin->gid_mappings, lin->n_gid_mappings, &plan->gids, err);
    if (r < 0)
        return r;
    if (plan->uids.n > 0) {
        r = cf_idmap_check(&plan->uids, "linux.uidMappings", err);
        if (r < 0)
            return r;
    }
    if (plan->gids.n > 0)
        return cf_idmap_check(&plan->gids, "linux.gidMappings", err);
    return 0;
}

static int uncovered(struct cf_err *err, const char *map_name, const char *field, const char *what,
                     uint32_t id)
{
    (void) cf_err_config(err, "idmap-uncovered", field, "%s %u is not mapped by linux.%s", what, id,
                         map_name);
    cf_err_hint(err, HINT_COVER, map_name);
    return -EINVAL;
}

static int cover_uid(const struct cf_userns_plan *plan, uint32_t id, const char *field,
                     struct cf_err *err)
{
    uint32_t host;

    if (cf_idmap_to_host(&plan->uids, id, &host) < 0)
        return uncovered(err, "uidMappings", field, "user id", id);
    return 0;
}

static int cover_gid(const struct cf_userns_plan *plan, uint32_t id, const char *field,
                     struct cf_err *err)
{
    uint32_t host;

    if (cf_idmap_to_host(&plan->gids, id, &host) < 0)
        return uncovered(err, "gidMappings", field, "group id", id);
    return 0;
}

static int cover_user(struct cf_arena *arena, const struct ocispec_user *user,
                      const struct cf_userns_plan *plan, struct cf_err *err)
{
    int r = cover_uid(plan, user->uid, "process.user.uid", err);

    if (r < 0)
        return r;
    r = cover_gid(plan, user->gid, "process.user.gid", err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < user->n_additional_gids; i++) {
        uint32_t host;
        const char *field;

        if (cf_idmap_to_host(&plan->gids, user->additional_gids[i], &host) == 0)
            continue;
        field = cf_arena_printf(arena, "process.user.additionalGids[%zu]", i);
        if (!field)
            return cf_err_oom(err);
        return cover_gid(plan, user->additional_gids[i], field, err);
    }
    return 0;
}

static int cover_devices(struct cf_arena *arena, const struct ocispec_linux *lin,
                         const struct cf_userns_plan *plan, struct cf_err *err)
{
    for (size_t i = 0; lin && i < lin->n_devices; i++) {
        const struct ocispec_device *dev = &lin->devices[i];
        uint32_t host;
        const char *field;

        if (dev->has_uid && cf_idmap_to_host(&plan->uids, dev->uid, &host) < 0) {
            field = cf_arena_printf(arena, "linux.devices[%zu].uid", i);
            return field ? cover_uid(plan, dev->uid, field, err) : cf_err_oom(err);
        }
        if (dev->has_gid && cf_idmap_to_host(&plan->gids, dev->gid, &host) < 0) {
            field = cf_arena_printf(arena, "linux.devices[%zu].gid", i);
            return field ? cover_gid(plan, dev->gid, field, err) : cf_err_oom(err);
        }
    }
    return 0;
}

int cf_userns_check_coverage(const struct cf_spec *spec, const struct cf_userns_plan *plan,
                             struct cf_arena *arena, struct cf_err *err)
{
    const struct ocispec_config *config = spec->config;
    int r;

    if (plan->mode == CF_USERNS_NONE)
        return 0;
    /* Init sets up the container as its root: without it nothing would have an owner (U20). */
    r = cover_uid(plan, 0, "linux.uidMappings", err);
    if (r < 0)
        return r;
    r = cover_gid(plan, 0, "linux.gidMappings", err);
    if (r < 0)
        return r;
    if (config->process && config->process->user) {
        r = cover_user(arena, config->process->user, plan, err);
        if (r < 0)
            return r;
    }
    return cover_devices(arena, config->linux, plan, err);
}

/* The only map the kernel lets an unprivileged process write: one id, its own. */
static bool is_own_id(const struct cf_idmap *map, uint32_t id)
{
    return map->n == 1 && map->ranges[0].size == 1 && map->ranges[0].host_id == id;
}

static int choose_writers(const struct cf_plan_input *in, struct cf_userns_plan *plan,
                          struct cf_err *err)
{
    const struct cf_facts *facts = in->facts;
    const struct ocispec_process *process = in->spec->config->process;

    plan->uid_writer = plan->gid_writer = CF_IDMAP_DIRECT;
    plan->deny_setgroups = false;
    if (facts->privileged)
        return 0;
    if (!is_own_id(&plan->uids, facts->euid))
        plan->uid_writer = CF_IDMAP_HELPER;
    if (!is_own_id(&plan->gids, facts->egid))
        plan->gid_writer = CF_IDMAP_HELPER;
    /* Otherwise dropping a group would give access to what the group is denied (CVE-2014-8989). */
    plan->deny_setgroups = plan->gid_writer == CF_IDMAP_DIRECT;
    if (plan->deny_setgroups && process && process->user && process->user->n_additional_gids > 0) {
        (void) cf_err_config(err, "setgroups-denied", "process.user.additionalGids",
                             "groups cannot be set when linux.gidMappings is the caller's own id "
                             "only");
        cf_err_hint(err, HINT_SUBIDS);
        return -EINVAL;
    }
    if (facts->no_new_privs &&
        (plan->uid_writer == CF_IDMAP_HELPER || plan->gid_writer == CF_IDMAP_HELPER)) {
        (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "idmap-helper-nnp", -EPERM,
                          "`newuidmap` and `newgidmap` have no privilege in a process with "
                          "no_new_privs set");
        cf_err_field(err, "linux.uidMappings");
        return -EPERM;
    }
    return 0;
}

static void warn_host_root(const struct cf_plan_input *in, struct cf_plan *plan)
{
    uint32_t id;

    /* Inside a user namespace id 0 is some ordinary host id; an unprivileged caller has no 0. */
    if (!in->facts->privileged || in->facts->in_userns)
        return;
    if (cf_idmap_to_container(&plan->userns.uids, 0, &id) == 0)
        cf_plan_warn(in, plan, "linux.uidMappings maps the host's root user to id %u", id);
    if (cf_idmap_to_container(&plan->userns.gids, 0, &id) == 0)
        cf_plan_warn(in, plan, "linux.gidMappings maps the host's root group to id %u", id);
}

static int build_new(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    struct cf_userns_plan *userns = &plan->userns;
    const struct ocispec_linux *lin = in->spec->config->linux;
    int r;

    userns->mode = CF_USERNS_NEW;
    /* Never a default: an unmapped namespace is useless, and 0-0-1 would be the host's root. */
    if (lin->n_uid_mappings == 0)
        return cf_err_config(err, "idmap-empty", "linux.uidMappings",
                             "user namespaces enabled, but no uid mappings found");
    if (lin->n_gid_mappings == 0)
        return cf_err_config(err, "idmap-empty", "linux.gidMappings",
                             "user namespaces enabled, but no gid mappings found");
    r = take_maps(in, lin, userns, err);
    if (r < 0)
        return r;
    r = cf_userns_check_coverage(in->spec, userns, in->arena, err);
    if (r < 0) {
        if (!in->facts->privileged && (is_own_id(&userns->uids, in->facts->euid) || is_own_id(&userns->gids, in->facts->egid))) {
            err->hint[0] = '\0';
            cf_err_hint(err, HINT_SUBIDS);
        }
        return r;
    }
    (void) cf_idmap_to_host(&userns->uids, 0, &userns->owner_uid);
    (void) cf_idmap_to_host(&userns->gids, 0, &userns->owner_gid);
    userns->switch_owner = in->facts->privileged;
    r = choose_writers(in, userns, err);
    if (r < 0)
        return r;
    warn_host_root(in, plan);
    return 0;
}

int cf_userns_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_linux *lin = in->spec->config->linux;
    long i = find_userns(lin);

    plan->userns = (struct cf_userns_plan) {.mode = CF_USERNS_NONE};
    if (i < 0) {
        if (lin && (lin->n_uid_mappings > 0 || lin->n_gid_mappings > 0))
            return cf_err_config(err, "idmap-no-userns",
                                 lin->n_uid_mappings > 0 ? "linux.uidMappings"
                                                         : "linux.gidMappings",
                                 "user namespace mappings specified, but user namespace isn't "
                                 "enabled in the config");
        if (!in->facts->privileged) {
            (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "rootless-no-userns", -EPERM,
                              "rootless container requires user namespaces");
            cf_err_field(err, "linux.namespaces");
            cf_err_hint(err, "add a namespace of type `user` and id mappings to config.json");
            return -EPERM;
        }
        return 0;
    }
    if (lin->namespaces[i].path && lin->namespaces[i].path[0]) {
        /* The maps are the namespace's own; these are compared with them when it is opened. */
        plan->userns.mode = CF_USERNS_JOIN;
        return take_maps(in, lin, &plan->userns, err);
    }
    return build_new(in, plan, err);
}

int cf_userns_uid_to_host(const struct cf_userns_plan *plan, uint32_t uid, uint32_t *ret)
{
    if (plan->mode != CF_USERNS_NONE)
        return cf_idmap_to_host(&plan->uids, uid, ret);
    *ret = uid;
    return 0;
}

int cf_userns_gid_to_host(const struct cf_userns_plan *plan, uint32_t gid, uint32_t *ret)
{
    if (plan->mode != CF_USERNS_NONE)
        return cf_idmap_to_host(&plan->gids, gid, ret);
    *ret = gid;
    return 0;
}
