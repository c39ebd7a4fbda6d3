/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whether the container gets a cgroup of its own to manage, and which. Pure, host side.
 *
 * Two steps, because two planners know the facts: the annotations name the child cgroup in which the
 * processes live, and a writable mount of the container's own cgroup2 tree is what asks for ownership.
 * Limits always stay on what the runtime owns.
 */

#include "cgroup/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "plan/input.h"
#include "sys/task.h"

#define DELEGATE "run.oci.delegate-cgroup"
#define SUBGROUP "run.oci.systemd.subgroup"

static int name_error(const char *key, const char *name, const char *why, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "cgroup-delegate", -EINVAL, "`%s` %s", name, why);
    cf_err_field(err, "annotations[\"%s\"]", key);
    cf_err_hint(err, "the name of one cgroup, without `/` and `..`");
    return -EINVAL;
}

/* The kernel's own files are `controller.name`: a directory of such a name would be in their way. */
static bool is_file_name(const char *name)
{
    static const char *const cores[] = {"cgroup.",  "cpu.", "cpuset.", "memory.", "io.",
                                        "pids.",    "rdma.", "hugetlb.", "misc.", "irq.",
                                        "dmem.",    "perf_event."};

    for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++)
        if (cf_str_starts_with(name, cores[i]))
            return true;
    return false;
}

static int check_name(const char *key, const char *name, struct cf_err *err)
{
    if (!*name)
        return name_error(key, name, "names no cgroup", err);
    if (strlen(name) > NAME_MAX)
        return name_error(key, name, "is longer than a file name can be", err);
    if (strchr(name, '/'))
        return name_error(key, name, "has a slash", err);
    if (strcmp(name, ".") == 0 || strstr(name, ".."))
        return name_error(key, name, "may lead elsewhere", err);
    for (const char *p = name; *p; p++) {
        if ((unsigned char) *p < 0x20 || *p == 0x7f)
            return name_error(key, name, "has a control character", err);
    }
    if (is_file_name(name))
        return name_error(key, name, "could be a file of the kernel", err);
    return 0;
}

/* Nothing but v2 has a tree whose part can be handed on. */
static int check_host(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    if (plan->cgroup.manager == CF_CGROUP_MANAGER_DISABLED) {
        cf_plan_warn(in, plan, "annotations[\"" DELEGATE "\"] is ignored: cgroups are disabled");
        return 0;
    }
    if (in->facts->cgroup_mode == CF_CGROUP_MODE_V2)
        return 1;
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-delegate", -EOPNOTSUPP,
                      "this host has no pure cgroup v2 tree, and v1 cannot be delegated safely");
    cf_err_field(err, "annotations[\"" DELEGATE "\"]");
    cf_err_hint(err, "remove the annotation, or boot the host with cgroup v2 alone");
    return -EOPNOTSUPP;
}

static int plan_delegated(const struct cf_plan_input *in, struct cf_plan *plan, const char *name,
                          struct cf_err *err)
{
    int r = check_host(in, plan, err);

    if (r <= 0)
        return r;
    plan->cgroup.subgroup = name;
    if (!(plan->ns.new_flags & CLONE_NEWCGROUP) || plan->userns.mode == CF_USERNS_NONE)
        cf_plan_warn(in, plan,
                     "annotations[\"" DELEGATE "\"]: nothing changes its owner, since the container "
                     "has no user and cgroup namespace of its own");
    return 0;
}

int cf_cgroup_delegate_plan(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const char *delegate = cf_plan_annotation(in, DELEGATE);
    const char *subgroup = cf_plan_annotation(in, SUBGROUP);
    int r;

    if (cf_str_empty(subgroup))
        subgroup = NULL;
    r = delegate ? check_name(DELEGATE, delegate, err) : 0;
    if (r == 0 && subgroup)
        r = check_name(SUBGROUP, subgroup, err);
    if (r < 0)
        return r;
    if (delegate && subgroup && strcmp(delegate, subgroup) != 0)
        return name_error(SUBGROUP, subgroup, "is not the cgroup that `" DELEGATE "` names", err);
    if (delegate)
        return plan_delegated(in, plan, delegate, err);
    /* Only there it is asked for: engines set it on containers of both managers. */
    if (subgroup && plan->cgroup.manager == CF_CGROUP_MANAGER_SYSTEMD &&
        in->facts->cgroup_mode == CF_CGROUP_MODE_V2)
        plan->cgroup.subgroup = subgroup;
    return 0;
}

void cf_cgroup_delegate_mount(struct cf_plan *plan)
{
    struct cf_cgroup_plan *cg = &plan->cgroup;

    if (!(plan->ns.new_flags & CLONE_NEWCGROUP) || plan->userns.mode == CF_USERNS_NONE ||
        !cf_str_eq(cg->backend, "v2"))
        return;
    /* Coverage was checked: the container's root is mapped. */
    if (cf_userns_uid_to_host(&plan->userns, 0, &cg->owner_uid) < 0 ||
        cf_userns_gid_to_host(&plan->userns, 0, &cg->owner_gid) < 0)
        return;
    cg->delegate = true;
}
