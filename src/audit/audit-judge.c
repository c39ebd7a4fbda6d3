/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From facts to findings. Pure. The measure is what a process that has taken over the container could reach: a
 * PROBLEM is a way to the host or to a neighbour, a WARNING one wall less, a NOTE worth knowing.
 */

#include "audit/audit.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/format.h"
#include "base/str.h"

#define REASON_SIZE 768

static int grow(struct cf_audit_report *report)
{
    size_t cap = report->cap ? report->cap * 2 : 32;
    struct cf_audit_finding *bigger = cf_arena_calloc(report->arena, cap, sizeof(*bigger));

    if (!bigger)
        return -ENOMEM;
    if (report->n > 0)
        memcpy(bigger, report->findings, report->n * sizeof(*bigger));
    report->findings = bigger;
    report->cap = cap;
    return 0;
}

void cf_audit_add(struct cf_audit_report *report, enum coffer_audit_level level, const char *check, const char *fmt,
                  ...)
{
    char text[REASON_SIZE];
    const char *reason;
    va_list args;

    va_start(args, fmt);
    (void) cf_vformat(text, sizeof(text), fmt, args);
    va_end(args);
    reason = cf_arena_strdup(report->arena, text);
    if (!reason || (report->n == report->cap && grow(report) < 0)) {
        report->failed = true;
        return;
    }
    report->findings[report->n++] = (struct cf_audit_finding) {.level = level, .check = check, .reason = reason};
}

bool cf_audit_clean(const struct cf_audit_report *report, const char *check)
{
    for (size_t i = 0; i < report->n; i++)
        if (strcmp(report->findings[i].check, check) == 0)
            return false;
    return true;
}

bool cf_audit_descends(uint64_t self, const struct cf_audit_chain *chain, uint64_t inode)
{
    for (size_t i = 0; i < chain->n; i++)
        if (chain->inodes[i] == inode)
            return true;
    return self == inode;
}

static void judge_cgroup(struct cf_audit_report *report)
{
    const struct cf_audit_cgroup *cgroup = &report->facts->cgroup;
    const struct cf_audit_mounts *mounts = &report->facts->mounts;
    const char *check = "cgroup";

    for (size_t i = 0; i < mounts->n; i++) {
        const struct cf_audit_mount *m = &mounts->items[i];
        bool v1 = strcmp(m->fstype, "cgroup") == 0;

        if (m->readonly || (!v1 && strcmp(m->fstype, "cgroup2") != 0))
            continue;
        if (v1)
            cf_audit_add(report, cf_audit_by_userns(report, COFFER_AUDIT_NOTE, COFFER_AUDIT_PROBLEM), check,
                         "`%s` is a writable cgroup v1 hierarchy%s", m->point,
                         report->confined ? ", whose files belong to the host's root"
                                          : ": its release agent runs programs on the host");
        else if (report->confined)
            cf_audit_add(report, COFFER_AUDIT_NOTE, check, "`%s` is writable%s", m->point,
                         cgroup->there && cgroup->owner_uid == report->facts->proc.uid
                             ? ": the cgroup is delegated to the container"
                             : ", but its files belong to others");
        else
            cf_audit_add(report, COFFER_AUDIT_WARNING, check, "`%s` is writable: the container can lift its own limits",
                         m->point);
    }
    if (!cgroup->there)
        cf_audit_add(report, COFFER_AUDIT_WARNING, check, "it has no control group of its own, so no limits");
    if (cgroup->pids_known && !cgroup->pids_limited)
        cf_audit_add(report, COFFER_AUDIT_WARNING, check, "no limit of processes (pids.max): it can use up the host's");
    if (cgroup->memory_known && !cgroup->memory_limited)
        cf_audit_add(report, COFFER_AUDIT_NOTE, check, "no limit of memory");
    if (cf_audit_clean(report, check))
        cf_audit_add(report, COFFER_AUDIT_OK, check, "not writable%s",
                     cgroup->pids_limited && cgroup->memory_limited ? "; processes and memory are limited"
                     : cgroup->pids_limited                         ? "; processes are limited"
                                                                    : "");
}

static void judge_processes(struct cf_audit_report *report)
{
    const struct cf_audit_facts *facts = report->facts;

    for (size_t i = 0; i < facts->n_strangers && report->own_userns; i++)
        cf_audit_add(report, COFFER_AUDIT_PROBLEM, "processes",
                     "process %d in its control group has the host's %s %u, which the container does not map",
                     facts->strangers[i].pid, facts->strangers[i].gid ? "gid" : "uid", facts->strangers[i].id);
    if (!cf_audit_clean(report, "processes"))
        return;
    if (!report->own_userns)
        cf_audit_add(report, COFFER_AUDIT_OK, "processes", "%zu; ids are not mapped", facts->n_processes);
    else
        cf_audit_add(report, COFFER_AUDIT_OK, "processes", "%zu, all with ids of the container", facts->n_processes);
}

static void judge_oom(struct cf_audit_report *report)
{
    int adj = report->facts->proc.oom_score_adj;

    if (adj <= -900)
        cf_audit_add(report, COFFER_AUDIT_WARNING, "oom",
                     "oom_score_adj is %d: under pressure the kernel ends the host's programs before it", adj);
    else
        cf_audit_add(report, adj < 0 ? COFFER_AUDIT_NOTE : COFFER_AUDIT_OK, "oom", "oom_score_adj is %d", adj);
}

int cf_audit_judge(const struct cf_audit_scene *scene, size_t index, struct cf_arena *arena,
                   struct cf_audit_report *ret, struct cf_err *err)
{
    const struct cf_audit_facts *facts = &scene->containers[index];
    uint32_t root;

    *ret = (struct cf_audit_report) {.arena = arena, .scene = scene, .facts = facts};
    ret->own_userns = facts->ns[CF_AUDIT_USER].inode != scene->host.ns[CF_AUDIT_USER] &&
                      facts->ns[CF_AUDIT_USER].inode != 0;
    ret->confined = ret->own_userns && cf_idmap_to_container(&facts->uids, 0, &root) < 0 &&
                    cf_idmap_to_container(&facts->gids, 0, &root) < 0;
    if (facts->unread)
        cf_audit_add(ret, COFFER_AUDIT_WARNING, "facts", "its %s could not be read, so judge with care: %s",
                     facts->unread, cf_errno_text(-facts->unread_error));
    cf_audit_judge_ids(ret);
    cf_audit_judge_ns(ret);
    cf_audit_judge_proc(ret);
    cf_audit_judge_kernel_paths(ret);
    judge_cgroup(ret);
    cf_audit_judge_mounts(ret);
    cf_audit_judge_devices(ret);
    judge_processes(ret);
    judge_oom(ret);
    return ret->failed ? cf_err_oom(err) : 0;
}
