/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See id-policy.h. One finding is one warning, or the error. Host side. */

#include "container/id-policy.h"

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "userns/host-ids.h"
#include "userns/host-namespaces.h"

#define MESSAGE_SIZE 640

struct report {
    const struct cf_create_ids_input *in;
    const struct cf_create_ids *ids;
    const struct cf_userns_plan *plan;
    struct cf_err *err;
};

bool cf_id_policy_is_heard(const struct coffer_runtime *runtime)
{
    return cf_log_enabled(&runtime->log, COFFER_LOG_WARNING) &&
           (!runtime->log_wanted || runtime->log_wanted(runtime->log.userdata, COFFER_LOG_WARNING));
}

/* The entry of the configuration that has this host id. */
static void field_of(const struct report *report, bool gid, uint32_t id, char *buf, size_t size)
{
    const struct cf_idmap *map = gid ? &report->plan->gids : &report->plan->uids;
    size_t i = 0;

    while (i < map->n && (id < map->ranges[i].host_id || id - map->ranges[i].host_id >= map->ranges[i].size))
        i++;
    (void) cf_format(buf, size, "linux.%s[%zu].hostID", gid ? "gidMappings" : "uidMappings", i < map->n ? i : 0);
}

static int say(const struct report *report, const char *code, bool gid, const struct cf_subid *common, const char *hint,
               const char *fmt, ...) CF_PRINTF(6, 7);

/* Return: 0 after a warning, negative after an error. */
static int say(const struct report *report, const char *code, bool gid, const struct cf_subid *common, const char *hint,
               const char *fmt, ...)
{
    char what[MESSAGE_SIZE], field[64], range[CF_SUBID_TEXT_SIZE];
    const char *kind = common->count == 1 ? (gid ? "gid" : "uid") : (gid ? "gids" : "uids");
    const char *verb = common->count == 1 ? "is" : "are";
    va_list args;

    va_start(args, fmt);
    (void) cf_vformat(what, sizeof(what), fmt, args);
    va_end(args);
    field_of(report, gid, common->first, field, sizeof(field));
    (void) cf_subid_text(range, common);
    if (report->ids->config.policy != CF_IDS_ENFORCE) {
        cf_log(&report->in->runtime->log, COFFER_LOG_WARNING, "ids", "%s: host %s %s %s %s", field, kind, range, verb,
               what);
        return 0;
    }
    (void) cf_err_config(report->err, code, field, "host %s %s %s %s", kind, range, verb, what);
    cf_err_hint(report->err, "%s", hint);
    return report->err->ret;
}

int cf_id_policy_leases(const struct cf_create_ids_input *in, struct cf_create_ids *ids,
                        const struct cf_userns_plan *plan, const struct cf_ledger_reply *reply, struct cf_err *err)
{
    struct report report = {.in = in, .ids = ids, .plan = plan, .err = err};
    int r = 0;

    ids->known_uids = reply->held_uids;
    ids->known_gids = reply->held_gids;
    for (size_t i = 0; r >= 0 && i < reply->n_conflicts; i++) {
        const struct cf_lease_conflict *c = &reply->conflicts[i];

        r = say(&report, "id-overlap-container", c->gid, &c->ids,
                "give each container ids of its own (`--userns auto` does), or the annotation " CF_ANNOTATION_SHARE,
                "in use by container `%s` in `%s`", c->lease.id, c->lease.root);
    }
    return r;
}

/* Ids that leases hold are left out: containers are judged by these, with all the namespaces inside. */
static int check_namespaces(const struct report *report, const struct cf_idset *uids, const struct cf_idset *gids,
                            int init_pid)
{
    struct cf_hostns_query query = {.skip_pid = init_pid};
    struct cf_arena *arena = report->in->arena;
    struct cf_hostns *found;
    size_t n = 0;
    int r;

    if (cf_idset_subtract(uids, &report->ids->known_uids, arena, &query.uids) < 0 ||
        cf_idset_subtract(gids, &report->ids->known_gids, arena, &query.gids) < 0)
        return cf_err_oom(report->err);
    if (query.uids.n + query.gids.n == 0)
        return 0;
    r = cf_hostns_find(&query, arena, &found, &n, report->err);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = say(report, "id-overlap-namespace", found[i].gid, &found[i].ids,
                "choose other ids (`--userns auto` does), or end that process",
                "in use by the user namespace of process %d (%s)", found[i].pid, found[i].comm);
    return r;
}

static int check_owners(const struct report *report, const struct cf_idset *uids, const struct cf_idset *gids)
{
    struct cf_hostids_query query = {.uids = *uids, .gids = *gids, .trusted = report->ids->config.trusted};
    struct cf_hostids found;
    const char *last = NULL;
    int r = cf_hostids_find(&cf_hostids_etc, &query, report->in->arena, &found, report->err);

    for (size_t i = 0; r >= 0 && i < found.n_bad; i++) {
        const struct cf_hostids_bad *bad = &found.bad[i];

        if (bad->line)
            cf_log(&report->in->runtime->log, COFFER_LOG_WARNING, "ids", "%s:%u: malformed line, ignored", bad->file,
                   bad->line);
        else if (report->ids->config.policy != CF_IDS_ENFORCE)
            cf_log(&report->in->runtime->log, COFFER_LOG_WARNING, "ids", "`%s` cannot be compared: %s", bad->file,
                   cf_errno_text(-bad->error));
        else
            r = cf_err_sys(report->err, bad->error, "compare the container's ids with `%s`", bad->file);
    }
    for (size_t i = 0; r >= 0 && i < found.n; i++) {
        const struct cf_hostid *one = &found.items[i];

        /* One of each file says enough: a range may hold hundreds of accounts. */
        if (one->file == last)
            continue;
        last = one->file;
        if (one->subid)
            r = say(report, "id-overlap-subid", one->gid, &one->ids,
                    "choose other ids (`--userns auto` does); ids.conf names users whose ids are meant for containers",
                    "promised to user `%s` by `%s`", one->name, one->file);
        else
            r = say(report, "id-overlap-account", one->gid, &one->ids, "choose other ids (`--userns auto` does)",
                    "of `%s` in `%s`", one->name, one->file);
    }
    return r;
}

int cf_id_policy_host(const struct cf_create_ids_input *in, struct cf_create_ids *ids,
                      const struct cf_userns_plan *plan, int init_pid, struct cf_err *err)
{
    struct report report = {.in = in, .ids = ids, .plan = plan, .err = err};
    struct cf_idset uids, gids;
    int r;

    r = cf_create_ids_of_plan(in, plan, &uids, &gids, err);
    if (r < 0)
        return r;
    r = check_namespaces(&report, &uids, &gids, init_pid);
    /* A subordinate range of the caller's own is his to use. */
    if (r >= 0 && in->facts->privileged)
        r = check_owners(&report, &uids, &gids);
    return r;
}

int cf_id_policy_avoid(const struct cf_create_ids_input *in, struct cf_create_ids *ids, const struct cf_idset *window,
                       struct cf_idset *ret, struct cf_err *err)
{
    struct cf_hostids_query owners = {.uids = *window, .gids = *window, .trusted = ids->config.trusted};
    struct cf_hostns_query namespaces = {.uids = *window, .gids = *window};
    struct cf_hostids found = {0};
    struct cf_hostns *others = NULL;
    struct cf_subid *avoid;
    size_t n = 0, n_avoid = 0, cap;
    int r = 0;

    if (in->facts->privileged)
        r = cf_hostids_find(&cf_hostids_etc, &owners, in->arena, &found, err);
    if (r >= 0 && ids->config.policy == CF_IDS_ENFORCE)
        r = cf_hostns_find(&namespaces, in->arena, &others, &n, err);
    if (r < 0)
        return r;
    cap = found.n + 1;
    for (size_t i = 0; i < n; i++)
        cap += others[i].uids.n + others[i].gids.n;
    avoid = cf_arena_calloc(in->arena, cap, sizeof(*avoid));
    if (!avoid)
        return cf_err_oom(err);
    for (size_t i = 0; i < found.n; i++)
        avoid[n_avoid++] = found.items[i].whole;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < others[i].uids.n; k++)
            avoid[n_avoid++] = others[i].uids.ranges[k];
        for (size_t k = 0; k < others[i].gids.n; k++)
            avoid[n_avoid++] = others[i].gids.ranges[k];
    }
    *ret = (struct cf_idset) {.ranges = avoid, .n = n_avoid};
    return 0;
}
