/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * delete: remove what is left of a container. A created one is killed and deleted, since engines
 * clean up that way (the one deviation from the runtime-spec); a running one only with force.
 *
 * Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <signal.h>

#include "base/own.h"
#include "base/str.h"
#include "sys/task.h"

/* Before waiting for the lock: its holder may be waiting for init. */
static void delete_kill_first(struct cf_store *store, const char *id)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    cf_auto_fd int pidfd = -EBADF;
    struct cf_err ignored = CF_ERR_INIT;
    struct cf_entry *entry = NULL;
    struct cf_record record = {0};

    if (!arena)
        return;
    if (cf_store_get(store, id, CF_LOCK_NONE, &entry, &ignored) >= 0 &&
        cf_entry_read(entry, arena, &record, &ignored) >= 0 && cf_record_init_alive(&record, &pidfd) > 0)
        (void) cf_sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    cf_entry_close(entry);
}

static int delete_check(struct cf_entry *entry, struct cf_record *record, struct cf_err *err)
{
    enum cf_status status = cf_entry_status(entry, record);

    /* Known to be dead: nobody needs to look again. */
    if (status == CF_STATUS_STOPPED && record->phase == CF_PHASE_CREATED)
        record->init_pid = 0;
    if (status == CF_STATUS_STOPPED || status == CF_STATUS_CREATED)
        return 0;
    return cf_err_set(err, COFFER_ERROR_STATE, "state-not-stopped", -EBUSY,
                      "cannot delete container %s that is not stopped: %s", record->id, cf_status_name(status));
}

static int delete_get(struct cf_store *store, const char *id, bool force, struct cf_entry **ret, struct cf_err *err)
{
    if (force)
        delete_kill_first(store, id);
    return cf_store_get(store, id, CF_LOCK_EXCLUSIVE, ret, err);
}

/* A create or delete that was killed can leave its directory under a hidden name: nobody else asks for it again. */
static void delete_sweep(struct cf_store *store, struct cf_arena *arena)
{
    struct cf_err ignored = CF_ERR_INIT;
    char **ids;
    size_t n;

    (void) cf_store_list(store, arena, &ids, &n, &ignored);
}

int cf_container_delete(struct coffer_runtime *runtime, const char *id, uint32_t flags, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    bool force = flags & COFFER_DELETE_FORCE;
    struct cf_store *store = NULL;
    struct cf_entry *entry = NULL;
    struct cf_record record = {0};
    int r;

    if (!arena)
        return cf_err_oom(err);
    r = cf_id_check(id, err);
    if (r < 0)
        return r;
    r = cf_runtime_store(runtime, false, &store, err);
    if (r >= 0)
        r = delete_get(store, id, force, &entry, err);
    if (r == -ENOENT && force) {
        cf_err_clear(err); /* engines delete twice, the second time to be sure */
        if (store)
            delete_sweep(store, arena);
        return 0;
    }
    if (r < 0)
        return r;
    r = cf_entry_read(entry, arena, &record, err);
    if (r < 0) {
        if (!force || cf_str_eq(err->code, "record-newer")) {
            cf_entry_close(entry);
            return r;
        }
        /* No record names anything that could be undone: the directory is all there is. */
        cf_err_clear(err);
        return cf_entry_retire(entry, err);
    }
    if (!force) {
        r = delete_check(entry, &record, err);
        if (r < 0) {
            cf_entry_close(entry);
            return r;
        }
    }
    r = cf_teardown(runtime, entry, &record, NULL, true, err);
    cf_err_step(err, "delete");
    return r;
}

int cf_container_delete_handle(struct coffer_container *container, uint32_t flags, struct cf_err *err)
{
    struct cf_entry *entry = cf_steal_ptr(&container->entry);
    int r;

    if (!entry)
        return cf_container_delete(container->runtime, container->id, flags, err);
    r = cf_entry_lock_convert(entry, CF_LOCK_EXCLUSIVE, err);
    if (r < 0) {
        cf_entry_close(entry);
        if (r != -ENOENT || !(flags & COFFER_DELETE_FORCE))
            return r;
        cf_err_clear(err); /* somebody else was faster */
        return 0;
    }
    if (!(flags & COFFER_DELETE_FORCE)) {
        r = delete_check(entry, container->record, err);
        if (r < 0) {
            cf_entry_close(entry);
            return r;
        }
    }
    r = cf_teardown(container->runtime, entry, container->record, container->cgroup, true, err);
    cf_err_step(err, "delete");
    return r;
}
