/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The user namespace, the host ids in its map and who else has them, and the other namespaces. Pure. */

#include <string.h>

#include "audit/audit.h"
#include "base/format.h"
#include "base/str.h"

#define MAX_NAMES 3 /* so many are written out, the rest is counted */
#define LIST_SIZE 256

static const char check_user[] = "user-namespace";
static const char check_ids[] = "id-ranges";
static const char check_ns[] = "namespaces";

/* "`a`, `b` and 3 more", by calls of list_add(). */
struct list {
    char text[LIST_SIZE];
    size_t n;
};

static void list_add(struct list *list, const char *text)
{
    if (list->n < MAX_NAMES) {
        (void) cf_str_append(list->text, sizeof(list->text), list->n ? ", " : "");
        (void) cf_str_append(list->text, sizeof(list->text), text);
    }
    list->n++;
}

static const char *list_end(struct list *list)
{
    char more[40];

    if (list->n > MAX_NAMES) {
        (void) cf_format(more, sizeof(more), " and %zu more", list->n - MAX_NAMES);
        (void) cf_str_append(list->text, sizeof(list->text), more);
    }
    return list->text;
}

static const char *set_text(const struct cf_idset *set, struct list *list)
{
    char text[CF_SUBID_TEXT_SIZE];

    for (size_t i = 0; i < set->n; i++)
        list_add(list, cf_subid_text(text, &set->ranges[i]));
    return list_end(list);
}

static void judge_user(struct cf_audit_report *report)
{
    const struct cf_audit_facts *facts = report->facts;
    uint32_t root = 0, inside = 0;

    if (!report->own_userns) {
        cf_audit_add(report, COFFER_AUDIT_PROBLEM, check_user, "the host's: root in the container is root of the host");
        return;
    }
    if (cf_idmap_to_container(&facts->uids, 0, &inside) == 0)
        cf_audit_add(report, COFFER_AUDIT_PROBLEM, check_user,
                     "host uid 0 is its uid %u: files of the host's root are its own", inside);
    if (cf_idmap_to_container(&facts->gids, 0, &inside) == 0)
        cf_audit_add(report, report->confined ? COFFER_AUDIT_WARNING : COFFER_AUDIT_PROBLEM, check_user,
                     "host gid 0 is its gid %u", inside);
    if (facts->owner_known && facts->owner_uid == 0 && facts->creator == 0)
        cf_audit_add(report, COFFER_AUDIT_NOTE, check_user,
                     "made by host uid 0: namespaces, inotify and queues are counted together with the host's");
    if (facts->uids.n == 0)
        cf_audit_add(report, COFFER_AUDIT_NOTE, check_user, "its map is empty");
    if (facts->chain.n > 1)
        cf_audit_add(report, COFFER_AUDIT_NOTE, check_user, "%zu user namespaces are between it and the host's",
                     facts->chain.n - 1);
    if (!cf_audit_clean(report, check_user))
        return;
    if (cf_idmap_to_host(&facts->uids, 0, &root) < 0)
        cf_audit_add(report, COFFER_AUDIT_OK, check_user, "its own; it has no root");
    else if (facts->owner_known)
        cf_audit_add(report, COFFER_AUDIT_OK, check_user, "its own, made by host uid %u; its root is host uid %u",
                     facts->owner_uid, root);
    else
        cf_audit_add(report, COFFER_AUDIT_OK, check_user, "its own; its root is host uid %u", root);
}

static void add_overlap(struct cf_audit_report *report, const struct cf_idset *uids, const struct cf_idset *gids,
                        const char *whose)
{
    struct cf_subid common;
    char text[CF_SUBID_TEXT_SIZE];
    const char *kind = "uid";

    if (cf_idset_overlap(&report->facts->uid_set, uids, &common) < 0) {
        kind = "gid";
        if (cf_idset_overlap(&report->facts->gid_set, gids, &common) < 0)
            return;
    }
    cf_audit_add(report, COFFER_AUDIT_PROBLEM, check_ids, "host %s%s %s %s also in the map of %s", kind,
                 common.count > 1 ? "s" : "", cf_subid_text(text, &common), common.count > 1 ? "are" : "is", whose);
}

static void judge_neighbours(struct cf_audit_report *report)
{
    const struct cf_audit_scene *scene = report->scene;
    const struct cf_audit_facts *facts = report->facts;
    uint64_t self = facts->ns[CF_AUDIT_USER].inode;
    char whose[160];

    for (size_t i = 0; i < scene->n; i++) {
        const struct cf_audit_facts *other = &scene->containers[i];
        uint64_t theirs = other->ns[CF_AUDIT_USER].inode;

        /* The same namespace is shared on purpose; one without a map of its own has no ids of others. */
        if (other == facts || other->gone || theirs == self || theirs == scene->host.ns[CF_AUDIT_USER] ||
            cf_audit_descends(self, &facts->chain, theirs) || cf_audit_descends(theirs, &other->chain, self))
            continue;
        (void) cf_format(whose, sizeof(whose), "container `%s`", other->id);
        add_overlap(report, &other->uid_set, &other->gid_set, whose);
    }
    for (size_t i = 0; i < scene->host.n_foreign; i++) {
        const struct cf_audit_foreign *other = &scene->host.foreign[i];

        if (cf_audit_descends(self, &facts->chain, other->ns.inode) ||
            cf_audit_descends(other->ns.inode, &other->chain, self))
            continue;
        (void) cf_format(whose, sizeof(whose), "the user namespace of process %d (`%s`)", other->ns.pid, other->ns.comm);
        add_overlap(report, &other->ns.uids, &other->ns.gids, whose);
    }
}

static bool is_in(const struct cf_idset *set, const struct cf_subid *ids)
{
    const struct cf_idset wanted = {.ranges = ids, .n = 1};

    return cf_idset_overlap(set, &wanted, NULL) >= 0;
}

static bool has_name(const struct cf_audit_host *host, uint32_t uid, const char *name)
{
    for (size_t i = 0; i < host->ids.n; i++) {
        const struct cf_hostid *item = &host->ids.items[i];

        if (!item->gid && !item->subid && item->ids.first == uid && strcmp(item->name, name) == 0)
            return true;
    }
    return false;
}

/* All ranges of the set that touch this one are within it: the range was taken for it. */
static bool lies_within(const struct cf_idset *set, const struct cf_subid *whole)
{
    for (size_t i = 0; i < set->n; i++) {
        const struct cf_subid *r = &set->ranges[i];

        if (cf_subid_meet(r, whole) &&
            (r->first < whole->first || (uint64_t) r->first + r->count > (uint64_t) whole->first + whole->count))
            return false;
    }
    return true;
}

/* Accounts and ranges of the user who made the container are its own affair. */
static void judge_accounts(struct cf_audit_report *report)
{
    const struct cf_audit_host *host = &report->scene->host;
    const struct cf_audit_facts *facts = report->facts;
    struct list users = {0}, groups = {0}, ranges = {0}, partly = {0};
    char text[128];

    for (size_t i = 0; i < host->ids.n; i++) {
        const struct cf_hostid *item = &host->ids.items[i];
        const struct cf_idset *set = item->gid ? &facts->gid_set : &facts->uid_set;

        if (!is_in(set, &item->whole) || item->whole.first == 0 ||
            (facts->creator != 0 && has_name(host, facts->creator, item->name)))
            continue;
        (void) cf_format(text, sizeof(text), "`%s` (%u)", item->name, item->whole.first);
        if (!item->subid) {
            list_add(item->gid ? &groups : &users, text);
            continue;
        }
        (void) cf_format(text, sizeof(text), "`%s`", item->name);
        list_add(lies_within(set, &item->whole) ? &ranges : &partly, text);
    }
    if (users.n > 0)
        cf_audit_add(report, COFFER_AUDIT_WARNING, check_ids, "it has the uids of host accounts: %s", list_end(&users));
    if (groups.n > 0)
        cf_audit_add(report, COFFER_AUDIT_WARNING, check_ids, "it has the gids of host groups: %s", list_end(&groups));
    if (partly.n > 0)
        cf_audit_add(report, COFFER_AUDIT_WARNING, check_ids, "it cuts into the subordinate ids of %s",
                     list_end(&partly));
    if (ranges.n > 0)
        cf_audit_add(report, COFFER_AUDIT_NOTE, check_ids, "within the subordinate ids of %s", list_end(&ranges));
}

static void judge_ranges(struct cf_audit_report *report)
{
    struct list uids = {0}, gids = {0};

    if (!report->own_userns) {
        cf_audit_add(report, COFFER_AUDIT_NOTE, check_ids, "no map: its ids are the host's");
        return;
    }
    judge_neighbours(report);
    judge_accounts(report);
    if (cf_audit_clean(report, check_ids))
        cf_audit_add(report, COFFER_AUDIT_OK, check_ids, "host uids %s and gids %s are nobody else's",
                     set_text(&report->facts->uid_set, &uids), set_text(&report->facts->gid_set, &gids));
}

void cf_audit_judge_ids(struct cf_audit_report *report)
{
    judge_user(report);
    judge_ranges(report);
}

/* What a process gets that shares this kind with the host. */
static enum coffer_audit_level level_of_host(enum cf_audit_ns_kind kind)
{
    switch (kind) {
    case CF_AUDIT_PID:
    case CF_AUDIT_MOUNT:
        return COFFER_AUDIT_PROBLEM;
    case CF_AUDIT_NETWORK:
    case CF_AUDIT_IPC:
        return COFFER_AUDIT_WARNING;
    default:
        return COFFER_AUDIT_NOTE;
    }
}

static void judge_host_ns(struct cf_audit_report *report)
{
    static const char *const why[CF_AUDIT_N_NS] = {
        [CF_AUDIT_PID] = ": it sees every process, and may signal those with its ids",
        [CF_AUDIT_MOUNT] = ": it sees and changes the host's mounts",
        [CF_AUDIT_NETWORK] = ": local and abstract sockets, and all traffic of the host, are in reach",
        [CF_AUDIT_IPC] = ": shared memory and queues are common",
        [CF_AUDIT_UTS] = ": the host name is common",
        [CF_AUDIT_CGROUP] = ": it sees the host's cgroup paths",
    };

    for (size_t i = CF_AUDIT_USER + 1; i < CF_AUDIT_TIME; i++)
        if (report->facts->ns[i].inode == report->scene->host.ns[i] && report->facts->ns[i].inode != 0)
            cf_audit_add(report, level_of_host((enum cf_audit_ns_kind) i), check_ns, "the %s namespace is the host's%s",
                         cf_audit_ns_name((enum cf_audit_ns_kind) i), why[i]);
}

static void judge_shared_ns(struct cf_audit_report *report)
{
    const struct cf_audit_scene *scene = report->scene;
    const struct cf_audit_facts *facts = report->facts;

    for (size_t k = 0; k < scene->n; k++) {
        const struct cf_audit_facts *other = &scene->containers[k];
        struct list kinds = {0};
        bool exposed;

        if (other == facts || other->gone)
            continue;
        for (size_t i = 0; i < CF_AUDIT_TIME; i++)
            if (facts->ns[i].inode != 0 && facts->ns[i].inode == other->ns[i].inode &&
                facts->ns[i].inode != scene->host.ns[i])
                list_add(&kinds, cf_audit_ns_name((enum cf_audit_ns_kind) i));
        if (kinds.n == 0)
            continue;
        cf_audit_add(report, COFFER_AUDIT_NOTE, check_ns, "container `%s` has the same %s", other->id, list_end(&kinds));
        exposed = facts->ns[CF_AUDIT_USER].inode == other->ns[CF_AUDIT_USER].inode &&
                  facts->ns[CF_AUDIT_PID].inode == other->ns[CF_AUDIT_PID].inode;
        if (exposed && scene->host.ptrace_scope <= 0)
            cf_audit_add(report, COFFER_AUDIT_NOTE, check_ns, "container `%s` can trace its processes%s", other->id,
                         facts->proc.dumpable ? "" : ", the first one as root only");
    }
}

/* A namespace that another user namespace owns obeys that one's root. */
static void judge_ns_owners(struct cf_audit_report *report)
{
    const struct cf_audit_facts *facts = report->facts;
    uint64_t self = facts->ns[CF_AUDIT_USER].inode, host = report->scene->host.ns[CF_AUDIT_USER];

    for (size_t i = CF_AUDIT_USER + 1; i < CF_AUDIT_N_NS && report->own_userns; i++) {
        const struct cf_audit_ns *ns = &facts->ns[i];
        const char *name = cf_audit_ns_name((enum cf_audit_ns_kind) i);

        if (ns->owner == self || ns->inode == 0 || ns->inode == report->scene->host.ns[i])
            continue;
        if (ns->owner == 0 || cf_audit_descends(0, &facts->chain, ns->owner) || ns->owner == host)
            cf_audit_add(report, COFFER_AUDIT_NOTE, check_ns,
                         "the %s namespace belongs to a user namespace above: container root has no power over it", name);
        else
            cf_audit_add(report, COFFER_AUDIT_WARNING, check_ns,
                         "the %s namespace belongs to another user namespace (user:[%llu]), whose root rules it", name,
                         (unsigned long long) ns->owner);
    }
}

void cf_audit_judge_ns(struct cf_audit_report *report)
{
    judge_host_ns(report);
    judge_shared_ns(report);
    judge_ns_owners(report);
    if (cf_audit_clean(report, check_ns))
        cf_audit_add(report, COFFER_AUDIT_OK, check_ns, "pid, mount, network, ipc, uts and cgroup are its own%s",
                     report->own_userns ? ", and owned by its user namespace" : "");
}
