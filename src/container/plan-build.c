/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Joins all planners in their order. Pure but for one thing: namespaces that are joined by path are
 * opened here, because the id maps of a joined user namespace are facts for the other planners.
 */

#include "container/container.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

#include "hook/hook.h"
#include "mount/mount.h"
#include "net/net.h"
#include "process/process.h"
#include "security/security.h"
#include "sys/task.h"

static bool plan_has_namespace(const struct cf_plan_input *in, const char *type)
{
    const struct ocispec_linux *l = in->spec->config->linux;

    for (size_t i = 0; l && i < l->n_namespaces; i++)
        if (strcmp(l->namespaces[i].type, type) == 0)
            return true;
    return false;
}

static int plan_join_fd(const struct cf_plan *plan, const int *join_fds, int type)
{
    for (uint32_t i = 0; i < plan->ns.n_joins; i++)
        if (plan->ns.joins[i].type == type)
            return join_fds[i];
    return -EBADF;
}

static int plan_namespaces(const struct cf_plan_input *in, struct cf_plan *plan, int *join_fds, struct cf_err *err)
{
    int fd, r;

    r = cf_ns_plan_build(in, plan, err);
    if (r >= 0 && plan->ns.n_joins)
        r = cf_ns_host_open(&plan->ns, in->facts->cap_effective & (UINT64_C(1) << CAP_SYS_ADMIN), join_fds, err);
    if (r >= 0)
        plan->ns.fds = join_fds;
    if (r >= 0)
        r = cf_userns_plan_build(in, plan, err);
    if (r < 0)
        return r;
    fd = plan_join_fd(plan, join_fds, CLONE_NEWUSER);
    if (fd < 0)
        return 0;
    r = cf_userns_read_joined(fd, in->arena, &plan->userns.uids, &plan->userns.gids, err);
    if (r < 0)
        cf_err_field(err, "linux.namespaces[%u].path", plan->ns.joins[0].config_index); /* the user namespace is first */
    return r < 0 ? r : cf_userns_check_coverage(in->spec, &plan->userns, in->arena, err);
}

/* What concerns the run of coffer-init as a whole. */
static int plan_frame(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    struct cf_blob_header *header;
    cf_str id = cf_blob_add_str(plan->blob, in->id);
    uint32_t flags = 0;
    int fd;

    if (plan->userns.mode != CF_USERNS_NONE)
        flags |= CF_BLOB_USERNS;
    if (plan_has_namespace(in, "mount"))
        flags |= CF_BLOB_MOUNTNS;
    if (plan->prestart.n + plan->create_runtime.n + plan->netdevs.n)
        flags |= CF_BLOB_HOST_HOOKS;
    if (in->options->no_pivot)
        flags |= CF_BLOB_NO_PIVOT;
    if (!in->options->no_new_keyring)
        flags |= CF_BLOB_NEW_KEYRING;
    if (!plan->userns.deny_setgroups)
        flags |= CF_BLOB_SETGROUPS;
    header = cf_blob_header(plan->blob);
    header->id = id;
    header->flags |= flags;
    header->signals_ignored = in->facts->signals_ignored;
    header->preserve_fds = in->options->preserve_fds;
    header->gate_fd = CF_NO_FD;
    header->pidns_fd = CF_NO_FD;
    if (!in->options->run) {
        fd = cf_plan_add_source(in, plan, &(struct cf_source){.kind = CF_SOURCE_GATE, .blob_mount = -1}, err);
        if (fd < 0)
            return fd;
        header = cf_blob_header(plan->blob);
        header->gate_fd = fd;
        header->flags |= CF_BLOB_GATE;
    }
    for (uint32_t i = 0; i < plan->ns.n_joins; i++) {
        if (plan->ns.joins[i].type != CLONE_NEWPID)
            continue;
        fd = cf_plan_add_source(in, plan, &(struct cf_source){.kind = CF_SOURCE_PIDNS, .blob_mount = -1}, err);
        if (fd < 0)
            return fd;
        header = cf_blob_header(plan->blob);
        header->pidns_fd = fd;
        header->flags |= CF_BLOB_PIDNS_JOINED;
    }
    return 0;
}

int cf_plan_build(const struct cf_plan_input *in, enum cf_cgroup_manager manager, int rootless, struct cf_plan *plan,
                  int *join_fds, struct cf_err *err)
{
    int r;

    plan->warnings_tail = &plan->warnings;
    plan->blob = cf_blob_builder_new();
    if (!plan->blob)
        return cf_err_oom(err);
    r = plan_namespaces(in, plan, join_fds, err);
    if (r >= 0)
        r = cf_cgroup_plan_build(in, plan, manager, err);
    if (r < 0)
        return r;
    if (rootless >= 0)
        plan->cgroup.rootless_optional = rootless;
    r = cf_rdt_plan_build(in->spec->config->linux, in->id, &plan->rdt, err);
    if (r >= 0)
        r = cf_netdev_plan_build(in, plan, err);
    if (r >= 0)
        r = cf_hook_plan_build(in, plan, err);
    if (r >= 0)
        r = plan_frame(in, plan, err);
    if (r >= 0)
        r = cf_mount_plan_build(in, plan, err);
    if (r >= 0)
        r = cf_device_plan_build(in, plan, err);
    if (r >= 0)
        r = cf_sysctl_plan_build(in, plan, err);
    if (r >= 0)
        r = cf_process_plan_build(in, plan, err);
    if (r >= 0)
        r = cf_caps_plan_build(in, plan, err);
    if (r >= 0)
        r = cf_lsm_plan_build(in, plan, err);
    return r;
}
