/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* state, list and handles: what is known about containers, derived each time. Host side, no lock. */

#include "container/container.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/json-out.h"
#include "base/own.h"

struct coffer_container *cf_container_new(struct coffer_runtime *runtime, const char *id)
{
    struct coffer_container *container = calloc(1, sizeof(*container));

    if (!container)
        return NULL;
    container->runtime = runtime;
    container->pidfd = -EBADF;
    container->console_fd = -EBADF;
    container->notify_fd = -EBADF;
    container->wire_fd = -EBADF;
    container->id = strdup(id);
    if (!container->id) {
        free(container);
        return NULL;
    }
    return container;
}

void cf_container_free(struct coffer_container *container)
{
    if (!container)
        return;
    cf_fd_close(&container->pidfd);
    cf_fd_close(&container->console_fd);
    cf_fd_close(&container->notify_fd);
    cf_fd_close(&container->wire_fd);
    cf_cgroup_close(container->cgroup);
    cf_entry_close(container->entry);
    cf_spec_free(container->spec);
    cf_arena_free(container->arena);
    free(container->id);
    free(container);
}

/* Opens, reads and derives in one go; everything lives in the arena. */
static int state_look(struct coffer_runtime *runtime, const char *id, struct cf_arena *arena,
                      struct cf_record *ret_record, enum cf_status *ret_status, int *ret_pid, struct cf_err *err)
{
    struct cf_store *store;
    struct cf_entry *entry = NULL;
    int r;

    r = cf_id_check(id, err);
    if (r >= 0)
        r = cf_runtime_store(runtime, false, &store, err);
    if (r >= 0)
        r = cf_store_get(store, id, CF_LOCK_NONE, &entry, err);
    if (r >= 0)
        r = cf_entry_read(entry, arena, ret_record, err);
    if (r >= 0) {
        *ret_status = cf_entry_status(entry, ret_record);
        *ret_pid = *ret_status == CF_STATUS_STOPPED ? 0 : ret_record->init_pid;
    }
    cf_entry_close(entry);
    return r;
}

int cf_container_open(struct coffer_runtime *runtime, const char *id, struct coffer_container **ret,
                      struct cf_err *err)
{
    cf_auto(cf_container_freep) struct coffer_container *container = NULL;
    struct cf_store *store;
    int r;

    r = cf_id_check(id, err);
    if (r >= 0)
        r = cf_runtime_store(runtime, false, &store, err);
    if (r >= 0)
        r = cf_store_look(store, id, err);
    if (r < 0)
        return r;
    container = cf_container_new(runtime, id);
    if (!container)
        return cf_err_oom(err);
    *ret = cf_steal_ptr(&container);
    return 0;
}

int cf_container_state(struct coffer_container *container, char **ret_json, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_record record = {0};
    enum cf_status status = CF_STATUS_STOPPED;
    char *json;
    int pid = 0, r;

    if (!arena)
        return cf_err_oom(err);
    r = state_look(container->runtime, container->id, arena, &record, &status, &pid, err);
    if (r < 0)
        return r;
    json = cf_state_json(&record, status, pid, NULL, 2, true);
    if (!json)
        return cf_err_oom(err);
    *ret_json = json;
    return 0;
}

static char *list_annotations(const struct cf_record *record)
{
    cf_auto(cf_json_freep) struct cf_json *json = NULL;
    const char *text;

    if (!record->n_annotations)
        return NULL;
    json = cf_json_new(0);
    if (!json)
        return NULL;
    cf_json_object_begin(json);
    for (size_t i = 0; i < record->n_annotations; i++)
        cf_json_kv_str(json, record->annotations[i].key, record->annotations[i].value);
    cf_json_object_end(json);
    return cf_json_finish(json, &text) < 0 ? NULL : strdup(text);
}

static int list_one(struct coffer_runtime *runtime, const char *id,
                    int (*each)(void *userdata, const struct coffer_container_info *), void *userdata,
                    struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct coffer_container_info info = {.size = sizeof(info)};
    cf_auto_free char *annotations = NULL;
    struct cf_record record = {0};
    enum cf_status status = CF_STATUS_STOPPED;
    char owner[64], buffer[1024];
    struct passwd entry, *found = NULL;
    int pid = 0, r;

    if (!arena)
        return cf_err_oom(err);
    r = state_look(runtime, id, arena, &record, &status, &pid, err);
    if (r == -ENOENT)
        return 0; /* deleted meanwhile */
    if (r < 0) {
        char text[512];

        (void) cf_err_print(err, text, sizeof(text));
        cf_log(&runtime->log, COFFER_LOG_WARNING, "list", "container %s: %s", id, text);
        cf_err_clear(err);
        return 0;
    }
    if (record.owner_uid == 0)
        (void) cf_format(owner, sizeof(owner), "root");
    else if (getpwuid_r(record.owner_uid, &entry, buffer, sizeof(buffer), &found) == 0 && found)
        (void) cf_format(owner, sizeof(owner), "%s", found->pw_name);
    else
        (void) cf_format(owner, sizeof(owner), "#%u", record.owner_uid);
    annotations = list_annotations(&record);
    info.id = record.id;
    info.bundle = record.bundle;
    info.rootfs = record.rootfs;
    info.created = record.created;
    info.owner = owner;
    info.status = cf_status_name(status);
    info.pid = pid;
    info.annotations_json = annotations;
    r = each(userdata, &info);
    return r < 0 ? cf_err_set(err, COFFER_ERROR_SYSTEM, "list-callback", r, "the caller stopped the list") : 0;
}

int cf_container_list(struct coffer_runtime *runtime,
                      int (*each)(void *userdata, const struct coffer_container_info *), void *userdata,
                      struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_store *store;
    char **ids = NULL;
    size_t n = 0;
    int r;

    if (!arena)
        return cf_err_oom(err);
    r = cf_runtime_store(runtime, false, &store, err);
    if (r >= 0)
        r = cf_store_list(store, arena, &ids, &n, err);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = list_one(runtime, ids[i], each, userdata, err);
    return r < 0 ? r : 0;
}
