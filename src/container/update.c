/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * update: other limits for a container that lives. Everything is checked together with the limits it has, then
 * written as a whole or not at all, then stored for the next update. Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-update.h"
#include "cgroup/systemd.h"
#include "container/hold.h"
#include "container/stop-point.h"
#include "spec/spec.h"

struct update {
    struct coffer_runtime *runtime;
    const struct coffer_update_options *options;
    struct cf_hold hold;
    bool v2;
    struct ocispec_doc *change_doc, *stored_doc;
    struct cf_spec *spec; /* stored limits are those of config.json */
    struct ocispec_resources *change;
    const struct ocispec_resources *stored; /* NULL: none */
    struct cf_cgroup_merged merged;
};

static void update_done(struct update *u)
{
    ocispec_doc_free(u->change_doc);
    ocispec_doc_free(u->stored_doc);
    cf_spec_free(u->spec);
    cf_hold_done(&u->hold);
}

static int parse_change(struct update *u, struct cf_err *err)
{
    const char *text = u->options->resources ? u->options->resources : "{}";
    size_t len = u->options->resources ? u->options->resources_len : 2;
    struct ocispec_error why = {0};
    int r = ocispec_resources_parse(text, len, NULL, &u->change, &u->change_doc, &why);

    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0 && why.path[0] && !cf_str_starts_with(why.message, "not valid JSON"))
        return cf_err_config(err, "config-value", why.path, "%s", why.message);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_CONFIG, "config-syntax", r, "resources: %s", why.message);
    if (u->change->n_devices > 0)
        cf_log(&u->runtime->log, COFFER_LOG_DEBUG, "update", "rules for devices are ignored: they do not change");
    return 0;
}

/* What the container has: of its last update, or of its config.json. */
static int read_stored(struct update *u, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    struct ocispec_resources *stored = NULL;
    struct ocispec_error why = {0};
    size_t len = 0;
    int r = cf_entry_read_resources(u->hold.entry, &text, &len, err);

    if (r == 0) {
        r = ocispec_resources_parse(text, len, NULL, &stored, &u->stored_doc, &why);
        u->stored = stored;
        return r < 0 ? cf_err_set(err, COFFER_ERROR_STATE, "record-broken", -EBADMSG,
                                  "the stored limits of the container are broken: %s", why.message)
                     : 0;
    }
    if (r != -ENOENT)
        return r;
    r = cf_entry_read_config(u->hold.entry, &text, &len, err);
    if (r >= 0)
        r = cf_spec_load_bytes(u->hold.record.bundle, text, len, &u->spec, err);
    if (r >= 0 && u->spec->config->linux)
        u->stored = u->spec->config->linux->resources;
    return r;
}

static int check(struct update *u, struct cf_err *err)
{
    const struct cf_facts facts = {
        .privileged = true,
        .cgroup_mode = u->v2 ? CF_CGROUP_MODE_V2 : CF_CGROUP_MODE_V1,
    };
    const struct cf_plan_input in = {.arena = u->hold.arena, .facts = &facts, .id = u->hold.record.id};
    struct cf_plan plan = {0};
    int r;

    plan.warnings_tail = &plan.warnings;
    r = cf_cgroup_res_check(&in, &plan, u->merged.whole, u->v2, err);
    for (const struct cf_warning *w = plan.warnings; w; w = w->next)
        cf_log(&u->runtime->log, COFFER_LOG_WARNING, "update", "%s", w->text);
    return r;
}

static int store(struct update *u, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    size_t len = 0;
    int r = ocispec_resources_write(u->merged.whole, OCISPEC_NEWLINE, &text, &len);

    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "record-format", r, "write the container's limits");
    return cf_entry_write_resources(u->hold.entry, text, len, err);
}

static int apply(struct update *u, struct cf_err *err)
{
    const struct ocispec_memory *mem = u->merged.whole->memory;
    struct cf_cgroup_undo undo = {0};
    int r = cf_cgroup_update(u->hold.cgroup, &u->merged, mem && mem->check_before_update, u->hold.arena, &undo, err);

    if (r < 0)
        return r;
    /* The files come first: they can be put back. systemd keeps the values when it is reloaded. */
    if (u->hold.record.cgroup.unit)
        r = cf_systemd_update(&u->hold.record.cgroup, u->merged.part, u->v2, err);
    cf_stop_point("update-applied");
    if (r >= 0)
        r = store(u, err);
    if (r < 0)
        (void) cf_cgroup_update_undo(&undo);
    return r;
}

/* First, because a line that the processor does not take is found out only by writing it. */
static int update_rdt(struct update *u, struct cf_err *err)
{
    const char *l3 = cf_str_empty(u->options->l3_cache_schema) ? NULL : u->options->l3_cache_schema;
    const char *mb = cf_str_empty(u->options->mem_bw_schema) ? NULL : u->options->mem_bw_schema;
    cf_auto(cf_rdt_close) struct cf_rdt rdt = {.fd = -EBADF};
    struct ocispec_intel_rdt wanted = {.l3_cache_schema = cf_arena_strdup(u->hold.arena, l3 ? l3 : ""),
                                       .mem_bw_schema = cf_arena_strdup(u->hold.arena, mb ? mb : "MB:")};
    struct ocispec_linux linux = {.intel_rdt = &wanted};
    struct cf_rdt_plan plan;
    int r;

    if (!l3 && !mb)
        return 0;
    if (!u->hold.record.rdt.root)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "rdt-none", -EOPNOTSUPP,
                          "updating a non-existent Intel RDT configuration is not supported");
    if (!wanted.l3_cache_schema || !wanted.mem_bw_schema)
        return cf_err_oom(err);
    r = cf_rdt_plan_build(&linux, u->hold.record.id, &plan, err);
    if (r >= 0)
        r = cf_rdt_open(&u->hold.record.rdt, &rdt, err);
    return r < 0 ? r : cf_rdt_update(&rdt, &u->hold.record.rdt, l3, mb, err);
}

static int update_held(struct update *u, struct cf_err *err)
{
    int r;

    if (u->hold.pidfd < 0)
        return cf_hold_not_running(err);
    r = update_rdt(u, err);
    if (r < 0)
        return r;
    u->v2 = !cf_str_eq(u->hold.record.cgroup.backend, "v1");
    r = parse_change(u, err);
    if (r >= 0)
        r = read_stored(u, err);
    if (r >= 0)
        r = cf_cgroup_merge(u->stored, u->change, u->v2, u->hold.arena, &u->merged, err);
    if (r >= 0)
        r = check(u, err);
    if (r >= 0)
        r = cf_cgroup_merge_writes(u->stored, u->change, u->v2, u->hold.arena, &u->merged, err);
    if (r < 0)
        return r;
    r = apply(u, err);
    /* A cgroup whose container is being killed gives all kinds of answers. */
    return r < 0 && cf_hold_is_gone(&u->hold) ? cf_hold_not_running(err) : r;
}

int cf_container_update(struct coffer_container *container, const struct coffer_update_options *options,
                        struct cf_err *err)
{
    cf_auto(update_done) struct update u = {
        .runtime = container->runtime,
        .options = options,
        .hold = CF_HOLD_INIT,
    };
    int r = cf_hold_take(container, &u.hold, err);

    if (r >= 0)
        r = update_held(&u, err);
    cf_err_step(err, "update");
    return r < 0 ? r : 0;
}
