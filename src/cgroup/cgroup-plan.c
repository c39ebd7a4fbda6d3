/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The container's cgroup as planned from config.json and facts: backend, path, values to write,
 * device policy. Pure, host side. Where exactly it will be is found by cf_cgroup_locate().
 */

#include "cgroup/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/res.h"
#include "cgroup/systemd.h"
#include "path/path.h"

#define FIELD "linux.cgroupsPath"

static int plan_path(const struct cf_plan_input *in, const char *wanted, const char **ret,
                     struct cf_err *err)
{
    char clean[PATH_MAX];
    int r;

    if (cf_str_empty(wanted)) {
        *ret = cf_arena_printf(in->arena, "coffer-%s", in->id);
        return *ret ? 0 : cf_err_oom(err);
    }
    /* Where `..` leads depends on what is there: no answer is right (R28). */
    if (cf_path_has_dotdot(wanted))
        return cf_err_config(err, "cgroup-path", FIELD, "`%s` has a `..` component", wanted);
    for (const char *p = wanted; *p; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f)
            return cf_err_config(err, "cgroup-path", FIELD, "`%s` has a control character", wanted);
    }
    r = cf_path_clean(wanted, clean, sizeof(clean));
    if (r < 0)
        return cf_err_config(err, "cgroup-path", FIELD, "`%s` is not a usable path", wanted);
    if (strcmp(clean, "/") == 0 || strcmp(clean, ".") == 0)
        return cf_err_config(err, "cgroup-path", FIELD,
                             "`%s` is the root of the hierarchy, which a container cannot have",
                             wanted);
    *ret = cf_arena_strdup(in->arena, clean);
    return *ret ? 0 : cf_err_oom(err);
}

static int plan_devices(const struct cf_plan_input *in, const struct ocispec_resources *res,
                        struct cf_cgroup_plan *plan, bool v2, struct cf_err *err)
{
    struct cf_device_policy policy;
    int r = cf_cgroup_devices_build(res, in->arena, &policy, err);

    if (r < 0)
        return r;
    /* Device access is decided with privileges over the host; in a user namespace nobody can make
     * or mount device nodes, so there is nothing to restrict either. */
    if (plan->rootless_optional)
        return 0;
    if (v2)
        return cf_cgroup_devices_program(&policy, in->arena, &plan->device_program,
                                         &plan->n_device_program, err);
    return cf_cgroup_devices_lines(&policy, in->arena, &plan->device_lines, &plan->n_device_lines,
                                   err);
}

static bool asks_for_limits(const struct cf_cgroup_writes *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (!cf_cgroup_write_is_default(&w->items[i]))
            return true;
    }
    return false;
}

static int plan_without_cgroup(const struct cf_plan_input *in, struct cf_plan *plan, bool limits,
                               struct cf_err *err)
{
    plan->cgroup.backend = "none";
    plan->cgroup.path = "";
    if (plan->cgroup.manager == CF_CGROUP_MANAGER_DISABLED) {
        if (limits)
            cf_plan_warn(in, plan, "linux.resources is ignored: cgroups are disabled");
        return 0;
    }
    if (limits && !plan->cgroup.rootless_optional) {
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-none", -EOPNOTSUPP,
                          "linux.resources asks for limits, but no cgroup hierarchy is mounted at "
                          "`/sys/fs/cgroup`");
        cf_err_field(err, "linux.resources");
        return -EOPNOTSUPP;
    }
    cf_plan_warn(in, plan, "no cgroup hierarchy is mounted: the container runs without one");
    return 0;
}

int cf_cgroup_plan_build(const struct cf_plan_input *in, struct cf_plan *plan,
                         enum cf_cgroup_manager manager, struct cf_err *err)
{
    const struct ocispec_linux *lin = in->spec->config->linux;
    const struct ocispec_resources *res = lin ? lin->resources : NULL;
    const bool v2 = in->facts->cgroup_mode != CF_CGROUP_MODE_V1;
    struct cf_cgroup_writes w = {.arena = in->arena};
    struct cf_cgroup_plan *cg = &plan->cgroup;
    int r;

    *cg = (struct cf_cgroup_plan) {
        .manager = manager,
        .rootless_optional = !in->facts->privileged || in->facts->in_userns,
    };
    r = cf_cgroup_delegate_plan(in, plan, err);
    if (r < 0)
        return r;
    if (manager == CF_CGROUP_MANAGER_DISABLED)
        return plan_without_cgroup(in, plan, res != NULL, err);
    if (res) {
        r = cf_cgroup_res_check(in, plan, res, v2, err);
        if (r < 0)
            return r;
        if (v2)
            cf_cgroup_res_v2(res, &w);
        else
            cf_cgroup_res_v1(res, &w);
        if (w.oom)
            return cf_err_oom(err);
    }
    if (manager == CF_CGROUP_MANAGER_SYSTEMD)
        r = cf_systemd_plan_build(in, plan, err);
    else
        r = plan_path(in, lin ? lin->cgroups_path : NULL, &cg->path, err);
    if (r < 0)
        return r;
    r = plan_devices(in, res, cg, v2, err);
    if (r < 0)
        return r;
    if (in->facts->cgroup_mode == CF_CGROUP_MODE_NONE) {
        cg->device_program = NULL;
        cg->n_device_program = 0;
        cg->systemd = NULL;
        return plan_without_cgroup(in, plan, asks_for_limits(&w), err);
    }
    cg->backend = v2 ? "v2" : "v1";
    cg->writes = w.items;
    cg->n_writes = w.n;
    return 0;
}
