/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.namespaces and linux.timeOffsets: what the first clone3 makes new, what is joined and in
 * which order. Pure, host side.
 *
 * Runs first: the other planners look at the flags of the blob header and at plan->ns.
 */

#include "ns/ns.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "path/path.h"
#include "plan/input.h"
#include "sys/task.h"

#define MAX_NANOSECS 999999999u

struct ns_word {
    const char *name;
    int type;
};

/* In the order of setns: the user namespace gives the rights for the others, the pid namespace
 * only takes effect for children. */
static const struct ns_word ns_words[] = {
    {"user", CLONE_NEWUSER},    {"ipc", CLONE_NEWIPC},      {"uts", CLONE_NEWUTS},
    {"network", CLONE_NEWNET},  {"time", CLONE_NEWTIME},    {"cgroup", CLONE_NEWCGROUP},
    {"mount", CLONE_NEWNS},     {"pid", CLONE_NEWPID},
};

#define N_WORDS (sizeof(ns_words) / sizeof(ns_words[0]))

_Static_assert(N_WORDS == CF_NS_MAX, "one entry per kind of namespace");

int cf_ns_type_of(const char *name)
{
    for (size_t i = 0; name && i < N_WORDS; i++) {
        if (strcmp(ns_words[i].name, name) == 0)
            return ns_words[i].type;
    }
    return 0;
}

const char *cf_ns_name_of(int type)
{
    for (size_t i = 0; i < N_WORDS; i++) {
        if (ns_words[i].type == type)
            return ns_words[i].name;
    }
    return NULL;
}

const char *cf_ns_name_at(size_t index)
{
    return index < N_WORDS ? ns_words[index].name : NULL;
}

static int ns_error(const struct cf_plan_input *in, size_t index, const char *code, const char *text,
                    const char *value, struct cf_err *err)
{
    const char *field = cf_arena_printf(in->arena, "linux.namespaces[%zu]", index);

    if (!field)
        return cf_err_oom(err);
    return cf_err_config(err, code, field, "%s `%s`", text, value);
}

/* One entry into new_flags or the unordered joins of @paths. */
static int take_entry(const struct cf_plan_input *in, size_t index, struct cf_ns_plan *ns,
                      struct cf_ns_join *joins, struct cf_err *err)
{
    const struct ocispec_namespace *entry = &cf_plan_linux(in)->namespaces[index];
    int type = cf_ns_type_of(entry->type);

    if (!type)
        return ns_error(in, index, "namespace-unknown", "unknown namespace", entry->type ? entry->type : "", err);
    if (ns->listed & (uint64_t) type)
        return ns_error(in, index, "namespace-twice", "malformed spec file: duplicated ns", entry->type, err);
    ns->listed |= (uint64_t) type;
    if (!entry->path || entry->path[0] == '\0') {
        ns->new_flags |= (uint64_t) type;
        return 0;
    }
    if (!cf_path_is_absolute(entry->path))
        return ns_error(in, index, "namespace-path", "path is not absolute:", entry->path, err);
    for (size_t i = 0; i < N_WORDS; i++) {
        if (ns_words[i].type == type)
            joins[i] = (struct cf_ns_join) {.type = type, .path = entry->path, .config_index = (uint32_t) index};
    }
    return 0;
}

static int plan_offsets(const struct cf_plan_input *in, struct cf_ns_plan *ns, struct cf_err *err)
{
    static const char *const clocks[] = {"monotonic", "boottime"};
    const struct ocispec_linux *l = cf_plan_linux(in);
    const char *text = "", *field;

    if (!l->time_offsets || l->time_offsets->n == 0)
        return 0;
    if (!(ns->listed & CLONE_NEWTIME))
        return cf_err_config(err, "timens-missing", "linux.timeOffsets",
                             "time namespace offsets specified, but time namespace isn't enabled in the config");
    if (!(ns->new_flags & CLONE_NEWTIME))
        return cf_err_config(err, "timens-joined", "linux.timeOffsets",
                             "the offsets of a time namespace that is joined cannot be changed");
    for (size_t i = 0; i < l->time_offsets->n; i++) {
        const struct ocispec_time_offset *offset = &l->time_offsets->values[i];
        const char *key = l->time_offsets->keys[i];

        field = cf_arena_printf(in->arena, "linux.timeOffsets.%s", key);
        if (!field)
            return cf_err_oom(err);
        if (strcmp(key, clocks[0]) != 0 && strcmp(key, clocks[1]) != 0)
            return cf_err_config(err, "timens-clock", field, "unknown clock, expected monotonic or boottime");
        if (offset->nanosecs > MAX_NANOSECS)
            return cf_err_config(err, "timens-nanosecs", field, "nanosecs is above %u", MAX_NANOSECS);
        text = cf_arena_printf(in->arena, "%s%s %lld %u\n", text, key, (long long) offset->secs, offset->nanosecs);
        if (!text)
            return cf_err_oom(err);
    }
    ns->timens_offsets = text;
    return 0;
}

/*
 * A sysctl is written to whatever namespace the container has. Joined ones are opened before the
 * sysctl planner runs, so what must not be the runtime's own is noted here by the first component.
 */
static uint64_t types_of_sysctls(const struct ocispec_linux *l)
{
    uint64_t types = 0;

    for (size_t i = 0; l && l->sysctl && i < l->sysctl->n; i++) {
        const char *key = l->sysctl->keys[i];

        if (cf_str_starts_with(key, "net"))
            types |= CLONE_NEWNET;
        else if (cf_str_starts_with(key, "user"))
            types |= CLONE_NEWUSER;
        else
            types |= CLONE_NEWIPC | CLONE_NEWUTS;
    }
    return types;
}

static void set_flags(struct cf_plan *plan)
{
    const struct cf_ns_plan *ns = &plan->ns;

    if (ns->listed & CLONE_NEWUSER)
        cf_plan_set_flag(plan, CF_BLOB_USERNS);
    if (ns->listed & CLONE_NEWNS)
        cf_plan_set_flag(plan, CF_BLOB_MOUNTNS);
    if (ns->new_flags & CLONE_NEWNET)
        cf_plan_set_flag(plan, CF_BLOB_LOOPBACK);
}

int cf_ns_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_linux *l = cf_plan_linux(in);
    struct cf_ns_join joins[N_WORDS] = {{0}};
    struct cf_ns_plan *ns = &plan->ns;
    int r;

    *ns = (struct cf_ns_plan) {0};
    cf_blob_header(plan->blob)->pidns_fd = CF_NO_FD;
    for (size_t i = 0; l && i < l->n_namespaces; i++) {
        r = take_entry(in, i, ns, joins, err);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < N_WORDS; i++) {
        if (joins[i].type)
            ns->joins[ns->n_joins++] = joins[i];
    }
    if (l) {
        r = plan_offsets(in, ns, err);
        if (r < 0)
            return r;
    }
    ns->joiner = ns->n_joins > 0 || ns->timens_offsets;
    ns->private_types = types_of_sysctls(l);
    set_flags(plan);
    return 0;
}
