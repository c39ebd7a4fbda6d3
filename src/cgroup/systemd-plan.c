/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.cgroupsPath "slice:prefix:name" -> the name of a unit and of the slice it goes into, and the unit's
 * properties from resources and annotations. Pure, host side. Names are checked here as systemd checks them,
 * so that a wrong one is refused before anything exists. Source: systemd.unit(5), systemd.slice(5).
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "cgroup/systemd-internal.h"
#include "plan/input.h"

#define FIELD "linux.cgroupsPath"
#define UNIT_NAME_LIMIT 255

static bool is_unit_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr(":-_.\\", c));
}

static int check_name(const char *name, const char *what, struct cf_err *err)
{
    for (const char *p = name; *p; p++) {
        if (!is_unit_char(*p))
            return cf_err_config(err, "systemd-unit-name", FIELD,
                                 "%s `%s` has a character that names of systemd units cannot have", what,
                                 name);
    }
    if (strlen(name) > UNIT_NAME_LIMIT)
        return cf_err_config(err, "systemd-unit-name", FIELD,
                             "%s has %zu characters, at most %d are possible", what, strlen(name),
                             UNIT_NAME_LIMIT);
    return 0;
}

/* `a-b.slice` is the slice b in a.slice: every part between dashes is a name. `-.slice` is the root. */
static int check_slice(const char *slice, struct cf_err *err)
{
    size_t len = strlen(slice);
    int r = check_name(slice, "slice", err);

    if (r < 0)
        return r;
    if (!cf_str_ends_with(slice, ".slice") || len == strlen(".slice"))
        return cf_err_config(err, "systemd-slice", FIELD, "slice `%s` does not end in `.slice`", slice);
    if (strcmp(slice, "-.slice") == 0)
        return 0;
    if (slice[0] == '-' || strstr(slice, "--") || strstr(slice, "-.slice"))
        return cf_err_config(err, "systemd-slice", FIELD, "slice `%s` has an empty part beside a `-`", slice);
    return 0;
}

/* '+', which ids may have and units not, is written as systemd-escape(1) does. */
static const char *escape(const char *name, struct cf_arena *arena)
{
    size_t n = 1;
    char *out, *p;

    for (const char *s = name; *s; s++)
        n += *s == '+' ? 4 : 1;
    out = p = cf_arena_alloc(arena, n);
    for (const char *s = name; out && *s; s++) {
        if (*s == '+') {
            /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): more follows, and the arena zeroes */
            memcpy(p, "\\x2b", 4);
            p += 4;
        } else {
            *p++ = *s;
        }
    }
    return out;
}

static int format_error(const char *path, struct cf_err *err)
{
    (void) cf_err_set(
        err, COFFER_ERROR_CONFIG, "systemd-path", -EINVAL,
        "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"%s\" "
        "instead",
        path);
    cf_err_field(err, FIELD);
    return -EINVAL;
}

/* Three parts into *ret_slice, *ret_prefix, *ret_name. */
static int split_path(const struct cf_plan_input *in, const char *path, const char **ret_slice,
                      const char **ret_prefix, const char **ret_name, struct cf_err *err)
{
    const char *first, *second;

    if (cf_str_empty(path)) {
        *ret_slice = "";
        *ret_prefix = "coffer";
        *ret_name = in->id;
        return 0;
    }
    first = strchr(path, ':');
    second = first ? strchr(first + 1, ':') : NULL;
    if (!second || strchr(second + 1, ':'))
        return format_error(path, err);
    *ret_slice = cf_arena_strndup(in->arena, path, (size_t) (first - path));
    *ret_prefix = cf_arena_strndup(in->arena, first + 1, (size_t) (second - first - 1));
    *ret_name = second + 1;
    if (!*ret_slice || !*ret_prefix)
        return cf_err_oom(err);
    if (!**ret_name)
        return cf_err_config(err, "systemd-unit-name", FIELD, "`%s` has no name behind the last colon", path);
    return 0;
}

static int name_unit(const struct cf_plan_input *in, const char *path, struct cf_systemd_plan *plan,
                     struct cf_err *err)
{
    const char *slice, *prefix, *name;
    int r = split_path(in, path, &slice, &prefix, &name, err);

    if (r < 0)
        return r;
    plan->slice = *slice ? slice : plan->user ? "user.slice" : "system.slice";
    r = check_slice(plan->slice, err);
    if (r < 0)
        return r;
    plan->is_slice = cf_str_ends_with(name, ".slice");
    if (plan->is_slice) {
        plan->unit = name;
        r = check_slice(name, err);
        if (r == 0 && strcmp(name, "-.slice") == 0)
            r = cf_err_config(err, "systemd-slice", FIELD, "a container cannot have the root slice");
        return r;
    }
    prefix = escape(prefix, in->arena);
    name = escape(name, in->arena);
    if (!prefix || !name)
        return cf_err_oom(err);
    plan->unit = cf_arena_printf(in->arena, "%s%s%s.scope", prefix, *prefix ? "-" : "", name);
    return plan->unit ? check_name(plan->unit, "unit", err) : cf_err_oom(err);
}

static void base_properties(const struct cf_systemd_plan *plan, struct cf_systemd_props *props)
{
    if (plan->is_slice) {
        const char **wants = cf_arena_calloc(props->arena, 1, sizeof(*wants));

        if (!wants) {
            props->oom = true;
            return;
        }
        /* The name of a slice says where it is; it only has to see to it that its parent is there. */
        wants[0] = plan->slice;
        cf_systemd_props_set(props, &(struct cf_systemd_property){
                                        .name = "Wants", .type = CF_SD_STRINGS, .strings = wants, .n = 1});
    } else {
        cf_systemd_props_set(props, &(struct cf_systemd_property){.name = "Slice",
                                                                  .type = CF_SD_STRING,
                                                                  .text = plan->slice,
                                                                  .field = FIELD,
                                                                  .required = true});
        cf_systemd_props_set(props,
                             &(struct cf_systemd_property){
                                 .name = "Delegate", .type = CF_SD_BOOL, .number = 1, .required = true});
    }
    cf_systemd_props_bool(props, "DefaultDependencies", false);
    /* Nothing of it shall stay, not even if it failed. */
    cf_systemd_props_string(props, "CollectMode", "inactive-or-failed");
    cf_systemd_props_bool(props, "MemoryAccounting", true);
    cf_systemd_props_bool(props, "CPUAccounting", true);
    cf_systemd_props_bool(props, "IOAccounting", true);
    cf_systemd_props_bool(props, "TasksAccounting", true);
}

int cf_systemd_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_linux *lin = in->spec->config->linux;
    const struct ocispec_resources *res = lin ? lin->resources : NULL;
    struct cf_systemd_plan *systemd = cf_arena_alloc(in->arena, sizeof(*systemd));
    struct cf_systemd_props props = {.arena = in->arena};
    int r;

    if (!systemd)
        return cf_err_oom(err);
    systemd->user = in->facts->euid != 0 || in->facts->in_userns;
    systemd->uid = in->facts->euid;
    systemd->arena = in->arena;
    systemd->bus_address = in->options->bus_address;
    systemd->runtime_dir = in->options->runtime_dir;
    r = name_unit(in, lin ? lin->cgroups_path : NULL, systemd, err);
    if (r < 0)
        return r;
    systemd->description = cf_arena_printf(in->arena, "coffer container %s", in->id);
    base_properties(systemd, &props);
    if (res)
        cf_systemd_props_resources(&props, res, in->facts->cgroup_mode == CF_CGROUP_MODE_V2);
    /* A user manager can restrict no devices, and in a user namespace nobody can make a node. */
    if (!systemd->user) {
        r = cf_systemd_props_devices(&props, res, err);
        if (r < 0)
            return r;
    }
    r = cf_systemd_props_annotations(&props, in->spec->config->annotations, err);
    if (r < 0)
        return r;
    if (props.oom || !systemd->description)
        return cf_err_oom(err);
    systemd->properties = props.items;
    systemd->n_properties = props.n;
    plan->cgroup.systemd = systemd;
    plan->cgroup.path = systemd->unit;
    return 0;
}
