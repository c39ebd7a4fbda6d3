/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Collects the facts of every running container of the state directory, once, and has them judged. */

#include "container/audit.h"

#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "base/own.h"
#include "base/str.h"

static bool is_asked(const char *id, const char *const *ids, size_t n_ids)
{
    for (size_t i = 0; i < n_ids; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

static int read_record(struct cf_store *store, const char *id, struct cf_arena *arena, struct cf_record *ret,
                       bool full, bool *ret_waiting, struct cf_err *err)
{
    struct cf_entry *entry = NULL;
    int r = cf_store_get(store, id, CF_LOCK_NONE, &entry, err);

    if (r >= 0)
        r = cf_entry_read(entry, arena, ret, err);
    *ret_waiting = r >= 0 && full && ret->gate && cf_gate_probe(entry) > 0;
    cf_entry_close(entry);
    return r;
}

/* Return: 1 if @ret was filled, 0 if the container does not run or is broken (and was not asked for), or negative. */
static int read_one(struct coffer_runtime *runtime, struct cf_store *store, const char *id, bool full, bool asked,
                    const struct cf_audit_scene *scene, struct cf_arena *arena, struct cf_audit_facts *ret,
                    struct cf_err *err)
{
    struct cf_audit_target target = {.id = id, .full = full};
    cf_auto_fd int pidfd = -EBADF;
    struct cf_record record = {0};
    int r;

    r = read_record(store, id, arena, &record, full, &target.waiting, err);
    if (r < 0 && !asked) {
        char text[512];

        if (r != -ENOENT) {
            (void) cf_err_print(err, text, sizeof(text));
            cf_log(&runtime->log, COFFER_LOG_WARNING, "audit", "container %s: %s", id, text);
        }
        cf_err_clear(err);
        return 0;
    }
    if (r < 0)
        return r;
    if (record.phase != CF_PHASE_CREATED || cf_record_init_alive(&record, &pidfd) <= 0)
        return asked ? cf_err_set(err, COFFER_ERROR_STATE, "state-not-running", -ESRCH,
                                  "container with id %s is not running", id)
                     : 0;
    target.pid = record.init_pid;
    target.pidfd = pidfd;
    target.creator = record.owner_uid;
    target.cgroup = &record.cgroup;
    r = cf_audit_read_container(&target, scene->host.ns, arena, ret, err);
    return r < 0 ? r : 1;
}

static int read_scene(struct coffer_runtime *runtime, const char *const *ids, size_t n_ids, bool full,
                      struct cf_arena *arena, struct cf_audit_scene *ret, struct cf_err *err)
{
    struct cf_store *store;
    char **names = NULL;
    size_t n = 0;
    int r;

    r = cf_runtime_store(runtime, false, &store, err);
    for (size_t i = 0; r >= 0 && i < n_ids; i++) {
        r = cf_id_check(ids[i], err);
        if (r >= 0)
            r = cf_store_look(store, ids[i], err);
    }
    if (r >= 0)
        r = cf_store_list(store, arena, &names, &n, err);
    if (r < 0)
        return r;
    ret->containers = cf_arena_calloc(arena, n, sizeof(*ret->containers));
    if (!ret->containers)
        return cf_err_oom(err);
    ret->host.state_root = runtime->root;
    for (size_t i = 0; i < n; i++) {
        bool asked = is_asked(names[i], ids, n_ids);

        r = read_one(runtime, store, names[i], full && (asked || n_ids == 0), asked, ret, arena,
                     &ret->containers[ret->n], err);
        if (r < 0)
            return r;
        ret->n += r > 0;
    }
    return 0;
}

static int judge_one(const struct cf_audit_scene *scene, size_t index, struct cf_arena *arena,
                     int (*each)(void *userdata, const struct coffer_audit_finding *finding), void *userdata,
                     int *ret_stop, struct cf_err *err)
{
    const struct cf_audit_facts *facts = &scene->containers[index];
    struct cf_audit_report report;
    int r;

    r = cf_audit_judge(scene, index, arena, &report, err);
    for (size_t i = 0; r >= 0 && i < report.n && *ret_stop == 0; i++) {
        struct coffer_audit_finding finding = {.size = sizeof(finding),
                                               .container_id = facts->id,
                                               .pid = facts->pid,
                                               .level = (int) report.findings[i].level,
                                               .check = report.findings[i].check,
                                               .reason = report.findings[i].reason};

        *ret_stop = each(userdata, &finding);
    }
    return r;
}

int cf_runtime_audit(struct coffer_runtime *runtime, const char *const *ids, size_t n_ids,
                     int (*each)(void *userdata, const struct coffer_audit_finding *finding), void *userdata,
                     struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_audit_scene scene = {0};
    int r, stop = 0;

    if (!arena)
        return cf_err_oom(err);
    cf_audit_read_own_ns(scene.host.ns);
    r = read_scene(runtime, ids, n_ids, true, arena, &scene, err);
    if (r >= 0)
        r = cf_audit_read_host(arena, &scene.host, err);
    if (r >= 0)
        r = cf_audit_read_ids(scene.containers, scene.n, arena, &scene.host, err);
    for (size_t i = 0; r >= 0 && i < scene.n && stop == 0; i++)
        if (scene.containers[i].full && !scene.containers[i].gone)
            r = judge_one(&scene, i, arena, each, userdata, &stop, err);
    return r < 0 ? r : stop;
}

int cf_runtime_whois(struct coffer_runtime *runtime, uint32_t id_kind, uint32_t id,
                     int (*each)(void *userdata, const struct coffer_id_owner *owner), void *userdata,
                     struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_audit_scene scene = {0};
    int r, stop = 0;

    if (id_kind > COFFER_ID_GID)
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "id-kind", -EINVAL, "unknown kind of id %u", id_kind);
    if (!arena)
        return cf_err_oom(err);
    cf_audit_read_own_ns(scene.host.ns);
    r = read_scene(runtime, NULL, 0, false, arena, &scene, err);
    if (r == -ENOENT) { /* no state directory, no containers */
        cf_err_clear(err);
        r = 0;
    }
    if (r >= 0)
        r = cf_audit_read_ids(scene.containers, scene.n, arena, &scene.host, err);
    if (r >= 0)
        r = cf_audit_whois(&scene, (enum coffer_id_kind) id_kind, id, each, userdata, &stop);
    return stop ? stop : r;
}
