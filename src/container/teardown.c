/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The only undo. Rollback of a failed create, a failed start, delete, the end of run and recovery
 * after a crash all come here: what is named in the record is ended and removed, and everything
 * that is already gone is fine.
 *
 * Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>

#include "base/own.h"
#include "base/str.h"
#include "container/create-ids.h"
#include "container/stop-point.h"
#include "hook/hook.h"
#include "mount/mount.h"
#include "net/net.h"
#include "net/netdev.h"
#include "plan/input.h"
#include "sys/sock.h"
#include "sys/task.h"

/* How long processes that were killed may take to go away. */
#define CF_TEARDOWN_TIMEOUT_MS 10000
/* Processes that wait for a runtime that was killed see the end of the wire at once. */
#define CF_TEARDOWN_ORPHANS_MS 2000

static int teardown_first(struct cf_err *err, struct cf_err *now, int r)
{
    if (r < 0 && err->kind == COFFER_ERROR_NONE)
        *err = *now;
    cf_err_clear(now);
    return r;
}

/* Ends init by its pidfd and waits until it is gone (also as a zombie of somebody else). */
static int teardown_kill_init(const struct cf_record *record, struct cf_err *err)
{
    cf_auto_fd int pidfd = -EBADF;
    struct pollfd poll_fd = {.events = POLLIN};
    struct timespec limit = {.tv_sec = CF_TEARDOWN_TIMEOUT_MS / 1000};
    int r;

    if (cf_record_init_alive(record, &pidfd) <= 0)
        return 0;
    r = cf_sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    if (r < 0 && r != -ESRCH)
        return cf_err_sys(err, r, "kill container init");
    cf_container_thaw(record);
    poll_fd.fd = pidfd;
    do
        r = cf_sys_ppoll(&poll_fd, 1, &limit);
    while (r == -EINTR);
    if (r == 0)
        return cf_err_set(err, COFFER_ERROR_STATE, "init-still-running", -ETIMEDOUT,
                          "container init still running");
    return r < 0 ? cf_err_sys(err, r, "wait for container init") : 0;
}

/* Empty, as after an orderly end, it is simply removed; otherwise everything in it is killed first. */
static int teardown_cgroup(struct coffer_runtime *runtime, const struct cf_record *record, struct cf_cgroup *known,
                           struct cf_err *err)
{
    cf_auto(cf_cgroup_closep) struct cf_cgroup *opened = NULL;
    struct cf_cgroup *cgroup = known;
    bool seen;
    int r;

    if (!cgroup) {
        if (!cf_container_same_boot(record))
            return 0; /* cgroups do not survive; what has its name and even its inode is another */
        if (cf_cgroup_remove_unrecorded(&record->cgroup, CF_TEARDOWN_ORPHANS_MS) > 0)
            cf_log(&runtime->log, COFFER_LOG_WARNING, "cgroup",
                   "a cgroup with the container's name has processes that are not known to be its own: left alone");
        r = cf_cgroup_open(&record->cgroup, &opened, err);
        if (r < 0 || !opened)
            return r;
        cgroup = opened;
    }
    seen = record->cgroup.unit && cf_cgroup_exists(cgroup);
    r = cf_cgroup_destroy(cgroup, 0, err);
    if (r < 0) {
        cf_err_clear(err);
        r = cf_cgroup_kill(cgroup, SIGKILL, err);
        if (r >= 0)
            r = cf_cgroup_destroy(cgroup, CF_TEARDOWN_TIMEOUT_MS, err);
    }
    return r < 0 ? r : cf_cgroup_stop_unit(&record->cgroup, seen, err);
}

/* resctrl is empty after a reboot, and what has the name then is another's. */
static int teardown_rdt(const struct cf_record *record, struct cf_err *err)
{
    cf_auto(cf_rdt_close) struct cf_rdt rdt = {.fd = -EBADF};
    int r;

    if (!record->rdt.root || !cf_container_same_boot(record))
        return 0;
    r = cf_rdt_open(&record->rdt, &rdt, err);
    if (r == -EOPNOTSUPP) { /* unmounted: the groups went with it */
        cf_err_clear(err);
        return 0;
    }
    return r < 0 ? r : cf_rdt_remove(&rdt, &record->rdt, err);
}

static void teardown_poststop(struct coffer_runtime *runtime, struct cf_entry *entry, struct cf_record *record)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    cf_auto(cf_spec_freep) struct cf_spec *spec = NULL;
    cf_auto_free char *config = NULL, *json = NULL;
    struct cf_host_hooks hooks = {0};
    struct cf_err err = CF_ERR_INIT, ignored = CF_ERR_INIT;
    size_t len = 0;
    int r;

    r = arena ? cf_entry_read_config(entry, &config, &len, &err) : cf_err_oom(&err);
    if (r >= 0)
        r = cf_spec_load_bytes(record->bundle, config, len, &spec, &err);
    if (r >= 0)
        r = cf_hook_plan_list(arena, spec, "poststop", &hooks, &err);
    if (r >= 0) {
        json = cf_state_json(record, CF_STATUS_STOPPED, 0, record->rootfs, 0, false);
        r = json ? cf_hook_host_run(&hooks, json, record->bundle, &err) : cf_err_oom(&err);
    }
    if (r < 0) {
        char text[1024];

        (void) cf_err_print(&err, text, sizeof(text));
        cf_log(&runtime->log, COFFER_LOG_WARNING, "hook", "%s", text);
    }
    record->poststop_done = true;
    (void) cf_entry_write(entry, record, &ignored);
}

/* Interfaces of a create that was killed while they were on their way into a namespace that lives on. */
static void teardown_netdevs(struct cf_entry *entry, const struct cf_record *record)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    const struct cf_facts facts = {.privileged = true};
    struct cf_plan plan = {.ns.listed = CLONE_NEWNET};
    struct cf_plan_input in = {.arena = arena, .facts = &facts};
    cf_auto(cf_spec_freep) struct cf_spec *spec = NULL;
    cf_auto_free char *config = NULL;
    struct cf_err err = CF_ERR_INIT;
    const struct ocispec_linux *l;
    size_t len = 0;

    if (!arena || !cf_container_same_boot(record) || cf_entry_read_config(entry, &config, &len, &err) < 0 ||
        cf_spec_load_bytes(record->bundle, config, len, &spec, &err) < 0)
        return;
    in.spec = spec;
    l = spec->config->linux;
    if (!l || cf_netdev_plan_build(&in, &plan, &err) < 0)
        return;
    for (size_t i = 0; i < l->n_namespaces; i++) {
        if (strcmp(l->namespaces[i].type, "network") == 0 && !cf_str_empty(l->namespaces[i].path))
            cf_netdev_recover(&plan.netdevs, l->namespaces[i].path, record->netdevs_from, record->netdevs_to);
    }
}

/* Nothing of it is left mounted; what cannot be removed is replaced by the next container that has the same root. */
static void teardown_overlay(const struct coffer_runtime *runtime, const struct cf_record *record)
{
    char owner[PATH_MAX];

    if (cf_str_path_join(owner, sizeof(owner), runtime->root, record->id) < 0)
        return;
    if (record->overlay_work)
        cf_overlay_release(record->rootfs, record->overlay_work, owner);
    else
        cf_overlay_release_lost(record->rootfs, owner);
}

int cf_teardown(struct coffer_runtime *runtime, struct cf_entry *entry, struct cf_record *record,
                struct cf_cgroup *cgroup, bool run_poststop, struct cf_err *err)
{
    struct cf_err now = CF_ERR_INIT;
    int r, first;

    run_poststop = run_poststop && record->has_poststop && !record->poststop_done;
    /* A container whose creation was cut short must not look as if it were still being made; and
     * hooks must not see it come back. Otherwise the dead init says enough. */
    if (record->phase == CF_PHASE_CREATING || run_poststop) {
        record->phase = CF_PHASE_DELETING;
        (void) teardown_first(err, &now, cf_entry_write(entry, record, &now));
    }
    cf_stop_point("delete-marked");
    first = teardown_first(err, &now, teardown_kill_init(record, &now));
    cf_stop_point("delete-killed");
    r = teardown_first(err, &now, teardown_cgroup(runtime, record, cgroup, &now));
    first = first < 0 ? first : r;
    r = teardown_first(err, &now, teardown_rdt(record, &now));
    first = first < 0 ? first : r;
    cf_stop_point("delete-cgroup");
    if (record->netdevs_from)
        teardown_netdevs(entry, record);
    if (first < 0) {
        /* Something still lives: the record stays, so that delete can be called again. */
        cf_entry_close(entry);
        return first;
    }
    if (run_poststop)
        teardown_poststop(runtime, entry, record);
    cf_stop_point("delete-hooks");
    /* It is made between the first record of a container with ids of its own, and the one that names init. */
    if (record->overlay_work || (record->lease_ledger && !record->init_pid))
        teardown_overlay(runtime, record);
    r = teardown_first(err, &now, cf_entry_retire(entry, &now));
    if (r >= 0 && record->lease_ledger)
        cf_ids_release(runtime, record);
    return err->kind == COFFER_ERROR_NONE ? r : err->ret;
}
