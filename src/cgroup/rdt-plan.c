/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* linux.intelRdt: which group, what is written to it, and whose it is. Pure, host side. */

#include <string.h>

#include "base/str.h"
#include "cgroup/rdt.h"
#include "ocispec/config.h"

#define RDT "linux.intelRdt."

/* Directories that every group of resctrl has: no container can be called so there. */
static const char *const reserved[] = {".", "..", "info", "mon_groups", "mon_data"};

static bool is_group_name(const char *name)
{
    if (cf_str_empty(name) || strchr(name, '/') || strchr(name, '\n'))
        return false;
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strcmp(name, reserved[i]) == 0)
            return false;
    return true;
}

static int check_line(const char *line, const char *field, const char *prefix, struct cf_err *err)
{
    if (line && strchr(line, '\n'))
        return cf_err_config(err, "rdt-schema", field, "must not have a line break");
    if (line && prefix && strncmp(line, prefix, strlen(prefix)) != 0)
        return cf_err_config(err, "rdt-schema", field, "must start with `%s`", prefix);
    return 0;
}

int cf_rdt_plan_build(const struct ocispec_linux *config, const char *id, struct cf_rdt_plan *ret, struct cf_err *err)
{
    const struct ocispec_intel_rdt *rdt = config ? config->intel_rdt : NULL;
    int r;

    *ret = (struct cf_rdt_plan){0};
    if (!rdt)
        return 0;
    if (rdt->clos_id && strcmp(rdt->clos_id, "/") != 0 && !is_group_name(rdt->clos_id))
        return cf_err_config(err, "rdt-closid", RDT "closID", "invalid intelRdt.ClosID `%s`", rdt->clos_id);
    if ((!rdt->clos_id || rdt->enable_monitoring) && !is_group_name(id)) {
        r = cf_err_config(err, "rdt-closid", RDT "closID", "resctrl cannot have a group with the container's name");
        cf_err_hint(err, "give the container another id");
        return r;
    }
    /* `L3:` is a SHOULD: L3CODE and L3DATA are lines of the third-level cache too. */
    r = check_line(rdt->l3_cache_schema, RDT "l3CacheSchema", NULL, err);
    if (r >= 0)
        r = check_line(rdt->mem_bw_schema, RDT "memBwSchema", "MB:", err);
    for (size_t i = 0; i < rdt->n_schemata && r >= 0; i++) {
        if (strchr(rdt->schemata[i], '\n')) {
            r = cf_err_config(err, "rdt-schema", RDT "schemata", "line %zu must not have a line break", i);
        }
    }
    if (r < 0)
        return r;
    *ret = (struct cf_rdt_plan){
        .wanted = true,
        .group = rdt->clos_id ? rdt->clos_id : id,
        .own = !rdt->clos_id,
        .must_exist = rdt->clos_id && !rdt->l3_cache_schema && !rdt->mem_bw_schema && !rdt->n_schemata,
        .l3 = rdt->l3_cache_schema,
        .mb = rdt->mem_bw_schema,
        .schemata = rdt->schemata,
        .n_schemata = rdt->n_schemata,
        .monitor = rdt->enable_monitoring ? id : NULL,
    };
    return 0;
}
