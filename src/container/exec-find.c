/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * First part of exec: the container as it is at this moment. What it was made from is in the state directory; where
 * it is, only the kernel knows: init's namespaces are looked up, not planned. Host side.
 */

#include "container/exec-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "ocispec/config.h"
#include "spec/check.h"
#include "sys/fs.h"
#include "sys/task.h"

static int find_check(struct cf_exec *x, struct cf_err *err)
{
    const struct cf_record *record = &x->record;

    if (record->phase == CF_PHASE_CREATING)
        return cf_err_set(err, COFFER_ERROR_STATE, "state-creating", -EBUSY,
                          "cannot exec in a container that is still being created");
    if (record->phase != CF_PHASE_CREATED || cf_record_init_alive_at(record, cf_entry_dir_fd(x->entry), &x->init_pidfd) <= 0)
        return cf_err_set(err, COFFER_ERROR_STATE, "state-stopped", -ESRCH, "cannot exec in a stopped container");
    return 0;
}

/* A container never gets a process outside of the limits that were made for it. */
static int find_cgroup(struct cf_exec *x, struct cf_err *err)
{
    const struct cf_cgroup_record *record = &x->record.cgroup;
    int r;

    for (size_t i = 0; i < record->n_dirs && !x->cgroup; i++) {
        if (record->dirs[i].inode == 0)
            continue;
        r = cf_cgroup_open(record, &x->cgroup, err);
        if (r < 0)
            return r;
    }
    if (!x->cgroup)
        return x->options->cgroups && x->options->cgroups[0]
                   ? cf_err_set(err, COFFER_ERROR_ARGUMENT, "cgroup-sub", -ENOENT, "the container has no cgroup")
                   : 0;
    if (!cf_cgroup_complete(x->cgroup, record))
        return cf_err_set(err, COFFER_ERROR_STATE, "cgroup-gone", -ENOENT,
                          "a cgroup of the container cannot be found any more");
    x->frozen = cf_cgroup_is_frozen(x->cgroup) > 0;
    if (x->frozen && !(x->options->flags & COFFER_EXEC_IGNORE_PAUSED))
        return cf_err_set(err, COFFER_ERROR_STATE, "state-paused", -EBUSY,
                          "cannot exec in a paused container (use --ignore-paused to override)");
    return cf_cgroup_enter(x->cgroup, x->options->cgroups, err);
}

static int find_config(struct cf_exec *x, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    size_t len = 0;
    int r = cf_entry_read_config(x->entry, &text, &len, err);

    if (r >= 0)
        r = cf_spec_load_bytes(x->record.bundle, text, len, &x->spec, err);
    /* The preset set it, not the configuration: it is the container's all the same. */
    if (r >= 0 && x->record.no_new_privileges && x->spec->config->process)
        x->spec->config->process->has_no_new_privileges = x->spec->config->process->no_new_privileges = true;
    return r;
}

/* Surely not ours: it was made for the container. */
static bool is_new(const struct ocispec_linux *l, const char *type)
{
    for (size_t i = 0; l && i < l->n_namespaces; i++)
        if (strcmp(l->namespaces[i].type, type) == 0)
            return !l->namespaces[i].path || !l->namespaces[i].path[0];
    return false;
}

/* 1 if it is our own as well. @own: inode of ours, 0: not known yet */
static int is_ours(pid_t pid, const char *name, uint64_t own, struct cf_err *err)
{
    struct stat its;
    char path[48];
    int r;

    if (own == 0) {
        (void) cf_format(path, sizeof(path), "/proc/thread-self/ns/%s", name);
        r = cf_sys_fstatat(AT_FDCWD, path, &its, 0);
        if (r == -ENOENT)
            return 1; /* the kernel has none of this kind */
        if (r < 0)
            return cf_err_sys(err, r, "look at `%s`", path);
        own = its.st_ino;
    }
    (void) cf_format(path, sizeof(path), "/proc/%d/ns/%s", (int) pid, name);
    r = cf_sys_fstatat(AT_FDCWD, path, &its, 0);
    if (r == -ENOENT || r == -ESRCH)
        return cf_err_set(err, COFFER_ERROR_STATE, "state-stopped", -ESRCH, "cannot exec in a stopped container");
    if (r < 0) {
        r = cf_err_sys(err, r, "look at `%s`", path);
        /* Root of a user namespace, as in a container in a container: its processes are those of another id. */
        if (err->sys_errno == EACCES || err->sys_errno == EPERM)
            cf_err_hint(err, "to look into a process of another id takes CAP_SYS_PTRACE: run it as who made the "
                             "container, or inside a container give that one the capability");
        return r;
    }
    return own == its.st_ino /* there is one nsfs */;
}

/* Joining what is ours already would ask for privileges that the caller may not have, or is refused at all (user). */
static int find_namespaces(struct cf_exec *x, struct cf_err *err)
{
    static const struct {
        int flag;
        const char *type, *name;
    } kinds[] = {
        {CLONE_NEWUSER, "user", "user"}, {CLONE_NEWPID, "pid", "pid"}, {CLONE_NEWNS, "mount", "mnt"},
        {CLONE_NEWNET, "network", "net"}, {CLONE_NEWIPC, "ipc", "ipc"}, {CLONE_NEWUTS, "uts", "uts"},
        {CLONE_NEWCGROUP, "cgroup", "cgroup"}, {CLONE_NEWTIME, "time", "time"},
    };
    const struct ocispec_linux *l = x->spec->config->linux;
    bool joined;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        bool user = kinds[i].flag == CLONE_NEWUSER;
        int r;

        /* Nobody's clocks differ by chance. */
        if (kinds[i].flag == CLONE_NEWTIME && !cf_spec_has_namespace(x->spec->config, "time", &joined))
            continue;
        /* To join the own user namespace is refused: that one is looked at in any case. */
        r = !user && is_new(l, kinds[i].type)
                ? 0
                : is_ours(x->record.init_pid, kinds[i].name, user ? x->facts.userns_inode : 0, err);

        if (r < 0)
            return r;
        if (r == 0)
            x->enter_flags |= kinds[i].flag;
    }
    return 0;
}

int cf_exec_find(struct cf_exec *x, struct cf_err *err)
{
    struct cf_store *store;
    int r;

    r = cf_facts_probe_caller(&x->facts, err);
    if (r < 0) {
        cf_err_step(err, "facts");
        return r;
    }
    r = cf_runtime_store(x->runtime, false, &store, err);
    if (r >= 0)
        r = cf_store_get(store, x->id, CF_LOCK_SHARED, &x->entry, err);
    if (r >= 0)
        r = cf_entry_read(x->entry, x->arena, &x->record, err);
    if (r >= 0)
        r = find_check(x, err);
    if (r >= 0)
        r = find_config(x, err);
    if (r >= 0)
        r = find_cgroup(x, err);
    return r < 0 ? r : find_namespaces(x, err);
}
