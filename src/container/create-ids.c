/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A container's lease in the id ledger, and automatic ranges. The order is the safety: the lease is
 * entered before the container is published, bound to the published directory before its first
 * process exists, and removed after its last one has gone. Host side.
 */

#include "container/create-ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "container/id-policy.h"
#include "container/stop-point.h"
#include "sys/fs.h"

static const char *annotation(const struct cf_spec *spec, const char *key)
{
    const struct ocispec_string_map *map = spec->config->annotations;

    for (size_t i = 0; map && i < map->n; i++)
        if (cf_str_eq(map->keys[i], key))
            return map->values[i];
    return NULL;
}

static int configure(const struct cf_create_ids_input *in, struct cf_create_ids *ids, struct cf_err *err)
{
    const struct coffer_runtime *runtime = in->runtime;
    int r;

    if (ids->configured)
        return 0;
    r = cf_ids_config_load(runtime->id_config ? runtime->id_config : CF_IDS_CONF, in->arena, &ids->config, err);
    if (r < 0)
        return r;
    if (runtime->id_policy)
        ids->config.policy = (enum cf_id_policy) runtime->id_policy;
    if (in->preset->hardened)
        ids->config.policy = CF_IDS_ENFORCE;
    ids->configured = true;
    return 0;
}

int cf_create_ids_wanted(const struct cf_create_ids_input *in, struct cf_create_ids *ids, struct cf_err *err)
{
    const char *text = in->userns ? in->userns : annotation(in->spec, CF_ANNOTATION_USERNS);
    const char *field = in->userns ? "" : "annotations[\"" CF_ANNOTATION_USERNS "\"]";
    const struct ocispec_linux *l = in->spec->config->linux;
    const struct ocispec_namespace *listed = NULL;
    int r;

    if (!text && cf_preset_wants_userns(in->preset, in->spec)) {
        text = "auto";
        field = "";
    }
    if (!text)
        return 0;
    r = configure(in, ids, err);
    if (r < 0)
        return r;
    for (size_t i = 0; l && i < l->n_namespaces; i++)
        if (cf_str_eq(l->namespaces[i].type, "user"))
            listed = &l->namespaces[i];
    if (cf_ids_parse_auto(text, ids->config.size, &ids->size) < 0)
        r = cf_err_set(err, COFFER_ERROR_ARGUMENT, "userns-auto", -EINVAL,
                       "an automatic user namespace is `auto` or `auto:SIZE`, not `%s`", text);
    else if (listed && !cf_str_empty(listed->path))
        r = cf_err_set(err, COFFER_ERROR_ARGUMENT, "userns-auto", -EINVAL,
                       "an automatic user namespace was asked for, but linux.namespaces joins `%s`", listed->path);
    else if (l && (l->n_uid_mappings || l->n_gid_mappings))
        r = cf_err_set(err, COFFER_ERROR_ARGUMENT, "userns-auto", -EINVAL,
                       "an automatic user namespace was asked for, but the configuration has mappings");
    if (r < 0) {
        cf_err_field(err, "%s", field);
        return r;
    }
    ids->automatic = true;
    return 0;
}

/* The configuration as if it had been written with this range. What was read from the file stays. */
static int overlay(const struct cf_create_ids_input *in, const struct cf_subid *range, struct cf_err *err)
{
    struct ocispec_config *config = in->spec->config;
    struct ocispec_id_mapping *mapping = cf_arena_alloc(in->arena, sizeof(*mapping));
    struct ocispec_linux *l = config->linux;
    struct ocispec_namespace *namespaces;
    bool listed = false;

    if (!l)
        l = cf_arena_alloc(in->arena, sizeof(*l));
    if (!mapping || !l)
        return cf_err_oom(err);
    *mapping = (struct ocispec_id_mapping) {.container_id = 0, .host_id = range->first, .size = range->count};
    for (size_t i = 0; i < l->n_namespaces; i++)
        listed |= cf_str_eq(l->namespaces[i].type, "user");
    if (!listed) {
        namespaces = cf_arena_calloc(in->arena, l->n_namespaces + 1, sizeof(*namespaces));
        if (!namespaces)
            return cf_err_oom(err);
        if (l->n_namespaces > 0)
            memcpy(namespaces, l->namespaces, l->n_namespaces * sizeof(*namespaces));
        namespaces[l->n_namespaces].type = cf_arena_strdup(in->arena, "user");
        if (!namespaces[l->n_namespaces].type)
            return cf_err_oom(err);
        l->namespaces = namespaces;
        l->n_namespaces++;
    }
    l->uid_mappings = l->gid_mappings = mapping;
    l->n_uid_mappings = l->n_gid_mappings = 1;
    config->linux = l;
    return 0;
}

/* Where the ledger is, the same for every state root of the user. */
static int choose_path(const struct coffer_runtime *runtime, const struct cf_facts *facts, struct cf_arena *arena,
                       char **ret, struct cf_err *err)
{
    if (runtime->id_ledger)
        *ret = cf_arena_strdup(arena, runtime->id_ledger);
    else if (facts->euid == 0 && !facts->in_userns)
        *ret = cf_arena_strdup(arena, "/run/coffer/.ids");
    else if (runtime->runtime_dir)
        *ret = cf_arena_printf(arena, "%s/coffer/.ids", runtime->runtime_dir);
    else
        *ret = cf_arena_printf(arena, "%s/.ids", runtime->root);
    return *ret ? 0 : cf_err_oom(err);
}

static int open_ledger(const char *path, bool create, bool sticky, const char *boot_id, struct cf_ledger **ret,
                       struct cf_err *err)
{
    struct cf_store *dir = NULL; /* the same demands as for a state root */
    int r = cf_store_open(path, create, sticky, &dir, err);

    if (r >= 0)
        r = cf_ledger_open(cf_store_dir_fd(dir), path, boot_id, ret, err);
    cf_store_free(dir);
    if (r < 0)
        (void) cf_err_in(err, "id ledger");
    return r;
}

int cf_ids_open_ledger(const struct coffer_runtime *runtime, const struct cf_facts *facts, struct cf_arena *arena,
                       struct cf_ledger **ret, struct cf_err *err)
{
    char boot_id[CF_LEDGER_BOOT_ID_SIZE];
    char *path;
    int r = choose_path(runtime, facts, arena, &path, err);

    if (r < 0)
        return r;
    r = cf_boot_id(boot_id);
    if (r < 0)
        return cf_err_sys(err, r, "read the boot id");
    return open_ledger(path, false, false, boot_id, ret, err);
}

static int begin_lease(const struct cf_create_ids_input *in, struct cf_create_ids *ids, struct cf_lease *ret,
                       struct cf_err *err)
{
    const char *share = annotation(in->spec, CF_ANNOTATION_SHARE);
    struct stat st;
    int r;

    if (share && (ids->automatic || !share[0] || strlen(share) > 255)) {
        r = cf_err_set(err, COFFER_ERROR_ARGUMENT, "userns-share", -EINVAL,
                       "a share name has 1 to 255 bytes and goes with mappings in the configuration");
        cf_err_field(err, "annotations[\"" CF_ANNOTATION_SHARE "\"]");
        return r;
    }
    r = cf_boot_id(ids->boot_id);
    if (r < 0)
        return cf_err_sys(err, r, "read the boot id");
    r = cf_sys_fstat(cf_store_dir_fd(in->store), &st);
    if (r < 0)
        return cf_err_sys(err, r, "stat the state directory");
    if (!ids->ledger_path)
        r = choose_path(in->runtime, in->facts, in->arena, &ids->ledger_path, err);
    if (r >= 0)
        r = open_ledger(ids->ledger_path, true, in->facts->euid != 0, ids->boot_id, &ids->ledger, err);
    if (r < 0)
        return r;
    *ret = (struct cf_lease) {
        .kind = ids->automatic ? CF_LEASE_AUTO : share ? CF_LEASE_SHARED : CF_LEASE_EXPLICIT,
        .id = in->id,
        .root = in->runtime->root,
        .share = share ? share : "",
        .root_dev = st.st_dev,
        .root_ino = st.st_ino,
    };
    return 0;
}

int cf_create_ids_pick(const struct cf_create_ids_input *in, struct cf_create_ids *ids, struct cf_err *err)
{
    struct cf_ledger_window window = {.size = ids->size};
    struct cf_ledger_request request = {.window = &window};
    struct cf_ledger_reply reply;
    struct cf_ids_caller caller = {
        .euid = in->facts->euid, .privileged = in->facts->privileged, .in_userns = in->facts->in_userns};
    int r = cf_ids_window(&ids->config, &caller, in->arena, &window.from, err);

    if (r >= 0)
        r = cf_id_policy_avoid(in, ids, &window.from, &window.avoid, err);
    if (r >= 0)
        r = begin_lease(in, ids, &request.lease, err);
    if (r >= 0)
        r = cf_ledger_reserve(ids->ledger, &request, in->arena, &reply, err);
    if (r < 0)
        return r;
    ids->lease = reply.lease;
    return overlay(in, &ids->lease.uids.ranges[0], err);
}

int cf_create_ids_example(const struct cf_create_ids_input *in, struct cf_create_ids *ids, struct cf_err *err)
{
    struct cf_ids_caller caller = {
        .euid = in->facts->euid, .privileged = in->facts->privileged, .in_userns = in->facts->in_userns};
    struct cf_idset from;
    struct cf_subid range;
    int r = cf_ids_window(&ids->config, &caller, in->arena, &from, err);

    if (r < 0)
        return r;
    range = (struct cf_subid) {.first = from.ranges[0].first, .count = ids->size};
    return overlay(in, &range, err);
}

/* An ordinary user's own id is in all that he makes; it says nothing about whom he shares it with. */
int cf_create_ids_of_plan(const struct cf_create_ids_input *in, const struct cf_userns_plan *plan, struct cf_idset *uids,
                          struct cf_idset *gids, struct cf_err *err)
{
    const struct cf_subid uid = {.first = in->facts->euid, .count = 1}, gid = {.first = in->facts->egid, .count = 1};
    const struct cf_idset own_uid = {.ranges = &uid, .n = 1}, own_gid = {.ranges = &gid, .n = 1};

    if (cf_idset_of_map(&plan->uids, in->arena, uids) < 0 || cf_idset_of_map(&plan->gids, in->arena, gids) < 0)
        return cf_err_oom(err);
    if (in->facts->privileged)
        return 0;
    if (cf_idset_subtract(uids, &own_uid, in->arena, uids) < 0 || cf_idset_subtract(gids, &own_gid, in->arena, gids) < 0)
        return cf_err_oom(err);
    return 0;
}

/* Is there somebody to warn? */
static bool is_watched(const struct cf_create_ids_input *in, const struct cf_create_ids *ids)
{
    return ids->config.policy == CF_IDS_WARN && cf_id_policy_is_heard(in->runtime);
}

static int reserve_explicit(const struct cf_create_ids_input *in, struct cf_create_ids *ids,
                            const struct cf_userns_plan *plan, struct cf_err *err)
{
    bool enforce = ids->config.policy == CF_IDS_ENFORCE;
    struct cf_ledger_request request = {.refuse = enforce, .blind = !enforce && !is_watched(in, ids)};
    struct cf_ledger_reply reply = {0};
    struct cf_idset uids, gids;
    int r = cf_create_ids_of_plan(in, plan, &uids, &gids, err);

    if (r < 0 || uids.n + gids.n == 0)
        return r;
    r = begin_lease(in, ids, &request.lease, err);
    if (r < 0)
        return r;
    request.lease.uids = uids;
    request.lease.gids = gids;
    r = cf_ledger_reserve(ids->ledger, &request, in->arena, &reply, err);
    if (r < 0 && r != -EEXIST)
        return r;
    if (r >= 0)
        ids->lease = reply.lease;
    return request.blind ? 0 : cf_id_policy_leases(in, ids, plan, &reply, err);
}

int cf_create_ids_check(const struct cf_create_ids_input *in, struct cf_create_ids *ids,
                        const struct cf_userns_plan *plan, struct cf_err *err)
{
    int r;

    if (plan->mode != CF_USERNS_NEW)
        return 0;
    r = configure(in, ids, err);
    if (r >= 0 && !ids->automatic) {
        r = reserve_explicit(in, ids, plan, err);
        /* What only watches must not stop anybody. */
        if (r < 0 && ids->config.policy != CF_IDS_ENFORCE && r != -ENOMEM && !cf_str_eq(err->code, "userns-share")) {
            char text[512];

            (void) cf_err_print(err, text, sizeof(text));
            cf_log(&in->runtime->log, COFFER_LOG_WARNING, "ids", "the container's ids are not in the ledger: %s", text);
            cf_err_clear(err);
            r = 0;
        }
    }
    /* To others' eyes, an ordinary user's namespaces differ by their maps only: afterwards ours would be found. */
    if (r >= 0 && (ids->config.policy == CF_IDS_ENFORCE || (!in->facts->privileged && is_watched(in, ids)))) {
        ids->looked = true;
        r = cf_id_policy_host(in, ids, plan, 0, err);
    }
    if (r >= 0)
        cf_stop_point("create-reserved");
    return r;
}

int cf_create_ids_bind(struct cf_create_ids *ids, struct cf_entry *entry, struct cf_err *err)
{
    uint64_t ino;
    int64_t btime;
    int r;

    if (ids->lease.serial == 0)
        return 0;
    r = cf_ledger_identify(cf_entry_dir_fd(entry), &ino, &btime);
    if (r < 0)
        return cf_err_sys(err, r, "stat the state of the container");
    r = cf_ledger_bind(ids->ledger, &ids->lease, ino, btime, err);
    if (r < 0)
        return r;
    cf_ledger_closep(&ids->ledger);
    cf_stop_point("create-leased");
    return 0;
}

void cf_create_ids_look(const struct cf_create_ids_input *in, struct cf_create_ids *ids,
                        const struct cf_userns_plan *plan, int init_pid)
{
    struct cf_err ignored = CF_ERR_INIT;

    if (plan->mode != CF_USERNS_NEW || ids->looked || !is_watched(in, ids))
        return;
    ids->looked = true;
    (void) cf_id_policy_host(in, ids, plan, init_pid, &ignored);
}

void cf_create_ids_done(struct cf_create_ids *ids)
{
    struct cf_err ignored = CF_ERR_INIT;

    /* Still open: it was not bound, so the container does not exist. */
    if (ids->ledger && ids->lease.serial)
        (void) cf_ledger_release(ids->ledger, ids->lease.slot, ids->lease.serial, &ignored);
    cf_ledger_closep(&ids->ledger);
}

void cf_ids_release(struct coffer_runtime *runtime, const struct cf_record *record)
{
    cf_auto(cf_ledger_closep) struct cf_ledger *ledger = NULL;
    struct cf_err err = CF_ERR_INIT;
    char text[512];
    int r;

    cf_stop_point("delete-retired");
    /* A ledger of whatever boot: the lease is in it or not. */
    r = open_ledger(record->lease_ledger, false, false, "", &ledger, &err);
    if (r >= 0)
        r = cf_ledger_release(ledger, record->lease_slot, record->lease_serial, &err);
    if (r >= 0 || r == -ENOENT)
        return;
    (void) cf_err_print(&err, text, sizeof(text));
    cf_log(&runtime->log, COFFER_LOG_WARNING, "ids", "the lease of the container's ids stays for now: %s", text);
}
