/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * create and run: from a bundle to a process that waits at its gate, or that runs. The order of the steps, and
 * what happens when one of them fails; the steps are in create-plan.c and create-follow.c.
 *
 * Host side.
 */

#include "container/create-internal.h"

#include <errno.h>
#include <fcntl.h>

#include "base/own.h"
#include "container/stop-point.h"
#include "process/process.h"
#include "sys/fs.h"
#include "userns/userns-why.h"

static void create_done(struct cf_create *c)
{
    cf_create_close_sources(c);
    for (int i = 0; i < CF_NS_MAX; i++)
        cf_fd_close(&c->join_fds[i]);
    cf_fd_close(&c->rootfs_fd);
    cf_fd_close(&c->cgroup_fd);
    cf_fd_close(&c->gate_fd);
    cf_fd_close(&c->console_fd);
    cf_fd_close(&c->notify_fd);
    cf_listener_done(&c->listener);
    cf_netdev_move_done(&c->netdevs);
    cf_spawn_done(&c->spawn, false);
    cf_cgroup_close(c->cgroup);
    cf_rdt_close(&c->rdt);
    cf_create_ids_done(&c->ids);
    cf_entry_close(c->entry);
    cf_blob_builder_free(c->plan.blob);
    cf_spec_free(c->spec);
    cf_arena_free(c->arena);
}

static int create_undo(struct cf_create *c, struct cf_err *err)
{
    struct cf_err second = CF_ERR_INIT;
    int r = err->ret;

    if (c->pid_file_written)
        (void) cf_sys_unlinkat(AT_FDCWD, c->options->pid_file, 0);
    /* While the namespace that they are in is still there. */
    cf_netdev_give_back(&c->netdevs);
    c->record.netdevs_from = 0;
    cf_spawn_done(&c->spawn, true);
    if (c->entry && cf_teardown(c->runtime, cf_steal_ptr(&c->entry), &c->record, c->cgroup, c->hooks_ran, &second) < 0) {
        char text[512];

        (void) cf_err_print(&second, text, sizeof(text));
        cf_log(&c->runtime->log, COFFER_LOG_WARNING, "create", "clean-up after a failure: %s", text);
    }
    return r;
}

/* What delete will need, for the handle of a process that this program waits for. */
static int create_keep(struct cf_create *c, struct coffer_container *container, struct cf_err *err)
{
    int r = cf_entry_lock_convert(c->entry, CF_LOCK_NONE, err);

    if (r < 0)
        return r == -ENOENT ? 0 : r; /* deleted by somebody already */
    container->record = cf_arena_memdup(c->arena, &c->record, sizeof(c->record));
    if (!container->record)
        return cf_err_oom(err);
    container->entry = cf_steal_ptr(&c->entry);
    container->arena = cf_steal_ptr(&c->arena);
    container->spec = cf_steal_ptr(&c->spec);
    container->cgroup = cf_steal_ptr(&c->cgroup);
    return 0;
}

static bool create_clones_root(const struct cf_create *c)
{
    for (size_t i = 0; i < c->plan.n_sources; i++)
        if (c->plan.sources[i].kind == CF_SOURCE_ROOT && c->plan.sources[i].clone)
            return true;
    return false;
}

static int create_all(struct cf_create *c, struct coffer_container **ret, struct cf_err *err)
{
    cf_auto(cf_container_freep) struct coffer_container *container = NULL;
    int r;

    c->arena = cf_arena_new();
    container = cf_container_new(c->runtime, c->id);
    if (!c->arena || !container)
        return cf_err_oom(err);
    r = cf_create_plan(c, err);
    if (r < 0)
        return r;
    /* Usually it is cloned by its path, once. */
    if (!create_clones_root(c)) {
        c->rootfs_fd = cf_sys_openat(AT_FDCWD, c->spec->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        r = c->rootfs_fd;
    }
    if (r < 0) {
        (void) cf_err_config(err, "rootfs-missing", "root.path", "invalid rootfs `%s`", c->spec->rootfs);
        cf_err_errno(err, r);
        cf_err_step(err, "validate");
        return r;
    }
    r = cf_runtime_store(c->runtime, true, &c->store, err);
    if (r >= 0)
        r = cf_create_seccomp(c, err);
    if (r >= 0)
        r = cf_create_lease(c, err);
    if (r >= 0)
        r = cf_create_publish(c, err);
    if (r < 0)
        return r;
    cf_stop_point("create-published");
    c->hooks_ran = c->plan.has_child_hooks;
    r = cf_create_prepare(c, err);
    if (r >= 0)
        r = cf_create_process(c, err);
    if (r < 0) {
        cf_userns_why_late(c->facts.privileged, c->plan.ns.new_flags, err);
        return create_undo(c, err);
    }

    container->pid = c->spawn.pid;
    container->pidfd = cf_steal_fd(&c->spawn.pidfd);
    container->console_fd = cf_steal_fd(&c->console_fd);
    if (c->run) {
        container->wire_fd = cf_steal_fd(&c->spawn.wire_fd);
        r = cf_container_poststart(c->runtime, &c->entry, &c->record, &c->plan.poststart, err);
        if (r < 0 && c->pid_file_written)
            (void) cf_sys_unlinkat(AT_FDCWD, c->options->pid_file, 0);
        if (r >= 0)
            r = create_keep(c, container, err);
        if (r < 0)
            return r;
        container->notify_fd = cf_steal_fd(&c->notify_fd);
        if (container->notify_fd >= 0 && (c->options->flags & COFFER_CREATE_DETACH)) {
            cf_notify_wait(c->runtime, container->notify_fd, container->pidfd, c->record.notify_socket, container->pid);
            cf_fd_close(&container->notify_fd);
        }
    }
    *ret = cf_steal_ptr(&container);
    return 0;
}

int cf_container_create(struct coffer_runtime *runtime, const char *id,
                        const struct coffer_create_options *options, bool run, struct coffer_container **ret,
                        struct cf_err *err)
{
    struct cf_create c = {
        .runtime = runtime,
        .options = options,
        .id = id,
        .run = run,
        .spawn = CF_SPAWN_INIT,
        .rdt = {.fd = -EBADF},
        .listener = CF_LISTENER_INIT,
        .rootfs_fd = -EBADF,
        .cgroup_fd = -EBADF,
        .gate_fd = -EBADF,
        .console_fd = -EBADF,
        .notify_fd = -EBADF,
    };
    int r;

    for (int i = 0; i < CF_NS_MAX; i++)
        c.join_fds[i] = -EBADF;
    r = cf_id_check(id, err);
    if (r < 0)
        return r;
    r = create_all(&c, ret, err);
    create_done(&c);
    return r;
}
