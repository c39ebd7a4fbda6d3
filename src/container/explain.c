/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A dry run: the plan of a bundle as text. Nothing is created. Host side. */

#include "container/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "container/create-ids.h"
#include "container/explain.h"

static const char *explain_source_kind(uint32_t kind)
{
    static const char *const names[CF_SOURCE_KIND_COUNT] = {
        [CF_SOURCE_ROOT] = "root",     [CF_SOURCE_BIND] = "bind", [CF_SOURCE_DEVICE] = "device",
        [CF_SOURCE_CGROUP] = "cgroup", [CF_SOURCE_GATE] = "gate", [CF_SOURCE_PIDNS] = "pid namespace",
        [CF_SOURCE_FS] = "fs",         [CF_SOURCE_DEV] = "dev",   [CF_SOURCE_PROC] = "proc",
        [CF_SOURCE_MOUNTNS] = "mount namespace", [CF_SOURCE_OUTPUT] = "hook output",
    };

    return kind < CF_SOURCE_KIND_COUNT && names[kind] ? names[kind] : "?";
}

/* Text that grows in the arena's memory: small, and only ever written once. */
struct explain_text {
    struct cf_arena *arena;
    const char *text;
};

static void explain_line(struct explain_text *out, const char *fmt, ...) CF_PRINTF(2, 3);

static void explain_line(struct explain_text *out, const char *fmt, ...)
{
    char line[1024];
    va_list args;

    va_start(args, fmt);
    (void) cf_vformat(line, sizeof(line), fmt, args);
    va_end(args);
    if (out->text)
        out->text = cf_arena_printf(out->arena, "%s%s\n", out->text, line);
}

static void explain_host(struct explain_text *out, const struct cf_plan *plan)
{
    for (int bit = 0; bit < 64; bit++)
        if (plan->ns.new_flags & (UINT64_C(1) << bit))
            explain_line(out, "host namespace new %s", cf_ns_name_of(1 << bit));
    for (uint32_t i = 0; i < plan->ns.n_joins; i++)
        explain_line(out, "host namespace join %s %s", cf_ns_name_of(plan->ns.joins[i].type),
                     plan->ns.joins[i].path);
    for (size_t i = 0; i < plan->userns.uids.n; i++)
        explain_line(out, "host uid map %u %u %u", plan->userns.uids.ranges[i].container_id,
                     plan->userns.uids.ranges[i].host_id, plan->userns.uids.ranges[i].size);
    for (size_t i = 0; i < plan->userns.gids.n; i++)
        explain_line(out, "host gid map %u %u %u", plan->userns.gids.ranges[i].container_id,
                     plan->userns.gids.ranges[i].host_id, plan->userns.gids.ranges[i].size);
    explain_line(out, "host cgroup %s %s", plan->cgroup.backend, plan->cgroup.path ? plan->cgroup.path : "-");
    if (plan->cgroup.subgroup)
        explain_line(out, "host cgroup child %s", plan->cgroup.subgroup);
    if (plan->cgroup.delegate)
        explain_line(out, "host cgroup owner %u %u", plan->cgroup.owner_uid, plan->cgroup.owner_gid);
    for (size_t i = 0; i < plan->cgroup.n_writes; i++)
        explain_line(out, "host cgroup write %s %s", plan->cgroup.writes[i].file, plan->cgroup.writes[i].value);
    for (size_t i = 0; i < plan->n_host_sysctls; i++)
        explain_line(out, "host sysctl %s=%s", plan->host_sysctls[i].key, plan->host_sysctls[i].value);
    for (size_t i = 0; i < plan->n_idmaps; i++) {
        const struct cf_plan_idmap *m = &plan->idmaps[i];

        if (m->container)
            explain_line(out, "host mount map %zu container", i);
        for (size_t k = 0; k < m->uids.n && !m->container; k++)
            explain_line(out, "host mount map %zu uid %u %u %u", i, m->uids.ranges[k].container_id,
                         m->uids.ranges[k].host_id, m->uids.ranges[k].size);
        for (size_t k = 0; k < m->gids.n && !m->container; k++)
            explain_line(out, "host mount map %zu gid %u %u %u", i, m->gids.ranges[k].container_id,
                         m->gids.ranges[k].host_id, m->gids.ranges[k].size);
    }
    for (size_t i = 0; i < plan->n_sources; i++) {
        const struct cf_source *s = &plan->sources[i];

        if (s->idmap)
            explain_line(out, "host source %zu %s %s map %u%s%s", i, explain_source_kind(s->kind),
                         s->path ? s->path : "-", s->idmap - 1, s->idmap_recursive ? " recursive" : "",
                         s->idmap_try ? " if possible" : "");
        else
            explain_line(out, "host source %zu %s %s", i, explain_source_kind(s->kind), s->path ? s->path : "-");
    }
    for (const struct cf_warning *w = plan->warnings; w; w = w->next)
        explain_line(out, "warning %s", w->text);
}

int cf_plan_explain(struct coffer_runtime *runtime, const char *bundle, char **ret, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    cf_auto(cf_spec_freep) struct cf_spec *spec = NULL;
    cf_auto_free char *dump = NULL;
    struct cf_plan_options options = {.detach = true, .have_console_socket = true};
    struct cf_facts facts = {0};
    struct cf_plan_input input = {
        .arena = arena, .facts = &facts, .options = &options, .id = "explain"};
    struct cf_create_ids_input ids_input = {.runtime = runtime, .arena = arena, .facts = &facts, .id = "explain"};
    struct cf_create_ids ids = {0};
    struct cf_preset preset;
    struct cf_plan plan = {0};
    struct explain_text out = {.arena = arena, .text = ""};
    struct cf_blob blob;
    const void *data;
    size_t size;
    int join_fds[CF_NS_MAX], r;

    if (!arena)
        return cf_err_oom(err);
    for (int i = 0; i < CF_NS_MAX; i++)
        join_fds[i] = -EBADF;
    r = cf_spec_load_bundle(bundle, NULL, &spec, err);
    if (r >= 0)
        r = cf_spec_check(spec, err);
    if (r >= 0)
        r = cf_facts_probe(&facts, err);
    if (r < 0)
        return r;
    cf_facts_probe_lsm(&facts);
    input.spec = ids_input.spec = spec;
    ids_input.preset = &preset;
    r = cf_preset_choose(spec, NULL, &preset, err);
    if (r >= 0)
        r = cf_preset_apply(&preset, spec, err);
    if (r < 0)
        return r;
    if (preset.hardened)
        explain_line(&out, "host preset hardened");
    r = cf_create_ids_wanted(&ids_input, &ids, err);
    if (r >= 0 && ids.automatic)
        r = cf_create_ids_example(&ids_input, &ids, err);
    if (r < 0)
        return r;
    options.map_root = ids.automatic && facts.privileged;
    r = cf_plan_build(&input, runtime->cgroup_manager, runtime->rootless, &plan, join_fds, err);
    if (r >= 0)
        r = cf_preset_check_joins(&preset, &plan.ns, join_fds, spec, err);
    if (r >= 0)
        r = cf_blob_finish(plan.blob, &data, &size, err);
    if (r >= 0 && cf_blob_check(data, size, &blob) < 0)
        r = cf_err_set(err, COFFER_ERROR_BUG, "blob-broken", -EBADMSG, "the plan fails its own check");
    if (r >= 0) {
        dump = cf_blob_dump(&blob);
        explain_host(&out, &plan);
        *ret = dump && out.text ? strdup(cf_arena_printf(arena, "%s%s", out.text, dump)) : NULL;
        r = *ret ? 0 : cf_err_oom(err);
    }
    cf_blob_builder_free(plan.blob);
    for (int i = 0; i < CF_NS_MAX; i++)
        cf_fd_close(&join_fds[i]);
    return r;
}
