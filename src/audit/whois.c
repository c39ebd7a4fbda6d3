/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who has a host id: a container, else an account, a subordinate range, or another user namespace. Pure. */

#include "audit/audit.h"

struct asking {
    const struct cf_audit_scene *scene;
    bool gid;
    uint32_t id;
    int (*each)(void *userdata, const struct coffer_id_owner *);
    void *userdata;
    int n, stop;
    bool mapped; /* somebody has it in a map */
};

static void tell(struct asking *a, const struct coffer_id_owner *owner)
{
    a->n++;
    a->stop = a->each(a->userdata, owner);
}

static const struct cf_idrange *range_of(const struct cf_idmap *map, uint32_t host_id)
{
    for (size_t i = 0; i < map->n; i++) {
        const struct cf_idrange *range = &map->ranges[i];

        if (host_id >= range->host_id && host_id - range->host_id < range->size)
            return range;
    }
    return NULL;
}

static const struct cf_subid *subid_of(const struct cf_idset *set, uint32_t id)
{
    for (size_t i = 0; i < set->n; i++)
        if (id >= set->ranges[i].first && id - set->ranges[i].first < set->ranges[i].count)
            return &set->ranges[i];
    return NULL;
}

static bool is_shared(const struct cf_audit_scene *scene, const struct cf_audit_facts *facts)
{
    for (size_t i = 0; i < scene->n; i++)
        if (&scene->containers[i] != facts && !scene->containers[i].gone &&
            scene->containers[i].ns[CF_AUDIT_USER].inode == facts->ns[CF_AUDIT_USER].inode)
            return true;
    return false;
}

static void ask_container(struct asking *a, const struct cf_audit_facts *facts)
{
    struct coffer_id_owner owner = {.size = sizeof(owner), .kind = COFFER_ID_OWNER_CONTAINER, .name = facts->id,
                                    .pid = facts->pid, .id_inside = a->id, .mapping = "none"};
    const struct cf_idrange *range;

    if (facts->ns[CF_AUDIT_USER].inode == a->scene->host.ns[CF_AUDIT_USER]) {
        if ((a->gid ? facts->proc.gid : facts->proc.uid) == a->id)
            tell(a, &owner);
        return;
    }
    range = range_of(a->gid ? &facts->gids : &facts->uids, a->id);
    if (!range)
        return;
    owner.mapping = is_shared(a->scene, facts) ? "shared" : "own";
    owner.first = range->host_id;
    owner.count = range->size;
    a->mapped = true;
    owner.first_inside = range->container_id;
    owner.id_inside = range->container_id + (a->id - range->host_id);
    tell(a, &owner);
}

static void ask_files(struct asking *a)
{
    const struct cf_hostids *ids = &a->scene->host.ids;

    for (size_t i = 0; i < ids->n && a->stop == 0; i++) {
        const struct cf_hostid *item = &ids->items[i];
        struct coffer_id_owner owner = {.size = sizeof(owner), .name = item->name, .mapping = "",
                                        .first = item->whole.first, .count = item->whole.count};

        if (item->gid != a->gid || a->id < item->whole.first || a->id - item->whole.first >= item->whole.count)
            continue;
        owner.kind = item->subid ? COFFER_ID_OWNER_SUBORDINATE : a->gid ? COFFER_ID_OWNER_GROUP : COFFER_ID_OWNER_ACCOUNT;
        tell(a, &owner);
    }
}

static void ask_namespaces(struct asking *a)
{
    for (size_t i = 0; i < a->scene->host.n_foreign && a->stop == 0; i++) {
        const struct cf_hostns *ns = &a->scene->host.foreign[i].ns;
        const struct cf_subid *range = subid_of(a->gid ? &ns->gids : &ns->uids, a->id);
        struct coffer_id_owner owner = {.size = sizeof(owner), .kind = COFFER_ID_OWNER_NAMESPACE, .name = ns->comm,
                                        .pid = ns->pid, .mapping = ""};

        if (!range)
            continue;
        owner.first = range->first;
        owner.count = range->count;
        tell(a, &owner);
    }
}

int cf_audit_whois(const struct cf_audit_scene *scene, enum coffer_id_kind kind, uint32_t id,
                   int (*each)(void *userdata, const struct coffer_id_owner *), void *userdata, int *ret_stop)
{
    struct asking a = {.scene = scene, .gid = kind == COFFER_ID_GID, .id = id, .each = each, .userdata = userdata};

    for (size_t i = 0; i < scene->n && a.stop == 0; i++)
        if (!scene->containers[i].gone)
            ask_container(&a, &scene->containers[i]);
    if (!a.mapped && a.stop == 0) {
        ask_files(&a);
        ask_namespaces(&a);
    }
    *ret_stop = a.stop;
    return a.n;
}
