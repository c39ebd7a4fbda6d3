/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state.json: the record as text and back. The reader is as strict as the one for config.json (it
 * is the same code, with tables from record.json) and checks ranges and the id. Host side; format
 * and parse are pure.
 */

#include "state/state-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/format.h"
#include "base/io.h"
#include "base/json-out.h"
#include "base/str.h"
#include "base/own.h"
#include "ocispec/ocispec.h"
#include "state/record-gen.h"
#include "sys/fs.h"

#define RECORD_NAME "state.json"
#define CONFIG_NAME "config.json"
#define RECORD_LIMIT (4u << 20)
#define RECORD_USUAL 4096
#define CONFIG_LIMIT (16u << 20)

static const char *const phase_names[] = {
    [CF_PHASE_CREATING] = "creating",
    [CF_PHASE_CREATED] = "created",
    [CF_PHASE_DELETING] = "deleting",
};

static void write_flag(struct cf_json *j, const char *key, bool value)
{
    if (value)
        cf_json_kv_bool(j, key, true);
}

static void write_cgroup(struct cf_json *j, const struct cf_cgroup_record *cgroup)
{
    if (!cgroup->backend)
        return;
    cf_json_key(j, "cgroup");
    cf_json_object_begin(j);
    cf_json_kv_str(j, "backend", cgroup->backend);
    cf_json_key(j, "dirs");
    cf_json_array_begin(j);
    for (size_t i = 0; i < cgroup->n_dirs; i++) {
        const struct cf_cgroup_dir *dir = &cgroup->dirs[i];

        cf_json_object_begin(j);
        cf_json_kv_str(j, "hierarchy", dir->hierarchy);
        cf_json_kv_str(j, "path", dir->path);
        if (dir->controllers)
            cf_json_kv_str(j, "controllers", dir->controllers);
        cf_json_kv_uint(j, "inode", dir->inode);
        if (dir->parents)
            cf_json_kv_uint(j, "parents", dir->parents);
        cf_json_kv_bool(j, "created", dir->created);
        cf_json_object_end(j);
    }
    cf_json_array_end(j);
    if (cgroup->unit) {
        cf_json_kv_str(j, "unit", cgroup->unit);
        write_flag(j, "unitUser", cgroup->unit_user);
        if (cgroup->unit_bus)
            cf_json_kv_str(j, "unitBus", cgroup->unit_bus);
        if (cgroup->unit_description)
            cf_json_kv_str(j, "unitDescription", cgroup->unit_description);
    }
    if (cgroup->subgroup)
        cf_json_kv_str(j, "subgroup", cgroup->subgroup);
    cf_json_object_end(j);
}

static void write_rdt(struct cf_json *j, const struct cf_rdt_record *rdt)
{
    if (!rdt->root)
        return;
    cf_json_key(j, "rdt");
    cf_json_object_begin(j);
    cf_json_kv_str(j, "root", rdt->root);
    cf_json_kv_str(j, "group", rdt->group);
    if (rdt->monitor)
        cf_json_kv_str(j, "monitor", rdt->monitor);
    write_flag(j, "created", rdt->created);
    cf_json_object_end(j);
}

int cf_record_format(const struct cf_record *record, char **ret, size_t *ret_len, struct cf_err *err)
{
    cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(0);
    const char *text;
    char *copy;
    long len;

    if (!j)
        return cf_err_oom(err);
    cf_json_object_begin(j);
    cf_json_kv_uint(j, "format", record->format);
    cf_json_kv_str(j, "id", record->id);
    cf_json_kv_str(j, "phase", phase_names[record->phase]);
    cf_json_kv_str(j, "bundle", record->bundle);
    cf_json_kv_str(j, "rootfs", record->rootfs);
    cf_json_kv_str(j, "created", record->created);
    cf_json_kv_str(j, "bootId", record->boot_id);
    cf_json_kv_uint(j, "ownerUid", record->owner_uid);
    if (record->init_pid > 0) {
        cf_json_key(j, "init");
        cf_json_object_begin(j);
        cf_json_kv_int(j, "pid", record->init_pid);
        cf_json_kv_uint(j, "startTime", record->init_start_time);
        cf_json_object_end(j);
    }
    write_cgroup(j, &record->cgroup);
    write_rdt(j, &record->rdt);
    if (record->n_annotations > 0) {
        cf_json_key(j, "annotations");
        cf_json_object_begin(j);
        for (size_t i = 0; i < record->n_annotations; i++)
            cf_json_kv_str(j, record->annotations[i].key, record->annotations[i].value);
        cf_json_object_end(j);
    }
    write_flag(j, "ownPidns", record->own_pidns);
    write_flag(j, "noProcess", record->no_process);
    write_flag(j, "poststart", record->has_poststart);
    write_flag(j, "poststop", record->has_poststop);
    write_flag(j, "poststopDone", record->poststop_done);
    write_flag(j, "gate", record->gate);
    write_flag(j, "callerKeyring", record->caller_keyring);
    write_flag(j, "noNewPrivileges", record->no_new_privileges);
    write_flag(j, "listener", record->listener);
    if (record->notify_socket)
        cf_json_kv_str(j, "notifySocket", record->notify_socket);
    cf_json_key(j, "mappedRoot");
    cf_json_object_begin(j);
    cf_json_kv_uint(j, "uid", record->mapped_root_uid);
    cf_json_kv_uint(j, "gid", record->mapped_root_gid);
    cf_json_object_end(j);
    if (record->overlay_work)
        cf_json_kv_str(j, "overlayWork", record->overlay_work);
    if (record->netdevs_from) {
        cf_json_key(j, "netDevices");
        cf_json_object_begin(j);
        cf_json_kv_uint(j, "from", record->netdevs_from);
        cf_json_kv_uint(j, "to", record->netdevs_to);
        cf_json_object_end(j);
    }
    if (record->lease_ledger) {
        cf_json_key(j, "idLease");
        cf_json_object_begin(j);
        cf_json_kv_str(j, "ledger", record->lease_ledger);
        cf_json_kv_uint(j, "slot", record->lease_slot);
        cf_json_kv_uint(j, "serial", record->lease_serial);
        cf_json_object_end(j);
    }
    cf_json_object_end(j);
    len = cf_json_finish(j, &text);
    if (len == -ENOMEM)
        return cf_err_oom(err);
    if (len < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "record-format", (int) len, "write the record");
    copy = malloc((size_t) len + 1);
    if (!copy)
        return cf_err_oom(err);
    memcpy(copy, text, (size_t) len + 1);
    *ret = copy;
    *ret_len = (size_t) len;
    return 0;
}

static int broken(struct cf_err *err, const char *what)
{
    cf_err_set(err, COFFER_ERROR_STATE, "record-broken", -EBADMSG,
               "the record of the container is broken: %s", what);
    cf_err_hint(err, "`coffer delete --force` removes it");
    return -EBADMSG;
}

/* The optional strings of the record's cgroup. */
static int read_unit(const struct cf_rec_cgroup *in, struct cf_arena *arena, struct cf_cgroup_record *ret,
                     struct cf_err *err)
{
    const struct {
        const char *from;
        const char **to;
    } strings[] = {
        {in->unit, &ret->unit},
        {in->unit_bus, &ret->unit_bus},
        {in->unit_description, &ret->unit_description},
        {in->subgroup, &ret->subgroup},
    };

    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (!strings[i].from)
            continue;
        *strings[i].to = cf_arena_strdup(arena, strings[i].from);
        if (!*strings[i].to)
            return cf_err_oom(err);
    }
    ret->unit_user = in->unit_user;
    if (ret->unit && (!*ret->unit || strchr(ret->unit, '/')))
        return broken(err, "the name of the unit is none");
    if (ret->subgroup && (!*ret->subgroup || ret->subgroup[0] == '.' || strchr(ret->subgroup, '/')))
        return broken(err, "the name of the child cgroup is none");
    return 0;
}

static int read_cgroup(const struct cf_rec_cgroup *in, struct cf_arena *arena, struct cf_cgroup_record *ret,
                       struct cf_err *err)
{
    struct cf_cgroup_dir *dirs;

    ret->backend = cf_arena_strdup(arena, in->backend);
    dirs = cf_arena_calloc(arena, in->n_dirs, sizeof(*dirs));
    if (!ret->backend || !dirs)
        return cf_err_oom(err);
    for (size_t i = 0; i < in->n_dirs; i++) {
        const struct cf_rec_cgroup_dir *dir = &in->dirs[i];

        if (dir->hierarchy[0] != '/' || dir->path[0] != '/')
            return broken(err, "a cgroup path is not absolute");
        dirs[i].hierarchy = cf_arena_strdup(arena, dir->hierarchy);
        dirs[i].path = cf_arena_strdup(arena, dir->path);
        dirs[i].controllers = cf_arena_strdup(arena, dir->controllers ? dir->controllers : "");
        dirs[i].inode = dir->inode;
        dirs[i].parents = dir->parents;
        dirs[i].created = dir->created;
        if (!dirs[i].hierarchy || !dirs[i].path || !dirs[i].controllers)
            return cf_err_oom(err);
    }
    ret->dirs = dirs;
    ret->n_dirs = in->n_dirs;
    return read_unit(in, arena, ret, err);
}

/* Directories are removed by these names: one component each. */
static int read_rdt(const struct cf_rec_rdt *in, struct cf_arena *arena, struct cf_rdt_record *ret, struct cf_err *err)
{
    if (in->root[0] != '/' || cf_str_empty(in->group) || (strchr(in->group, '/') && strcmp(in->group, "/") != 0) ||
        (in->monitor && (cf_str_empty(in->monitor) || strchr(in->monitor, '/'))))
        return broken(err, "its class of service is no name");
    ret->root = cf_arena_strdup(arena, in->root);
    ret->group = cf_arena_strdup(arena, in->group);
    ret->monitor = in->monitor ? cf_arena_strdup(arena, in->monitor) : NULL;
    ret->created = in->created;
    return ret->root && ret->group && (ret->monitor || !in->monitor) ? 0 : cf_err_oom(err);
}

static int read_annotations(const struct ocispec_string_map *in, struct cf_arena *arena,
                            struct cf_record *ret, struct cf_err *err)
{
    struct cf_annotation *list = cf_arena_calloc(arena, in->n, sizeof(*list));

    if (!list)
        return cf_err_oom(err);
    for (size_t i = 0; i < in->n; i++) {
        list[i].key = cf_arena_strdup(arena, in->keys[i]);
        list[i].value = cf_arena_strdup(arena, in->values[i]);
        if (!list[i].key || !list[i].value)
            return cf_err_oom(err);
    }
    ret->annotations = list;
    ret->n_annotations = in->n;
    return 0;
}

static int convert(const struct cf_rec_record *in, const char *id, struct cf_arena *arena,
                   struct cf_record *ret, struct cf_err *err)
{
    struct cf_record out = {
        .format = in->format,
        .owner_uid = in->owner_uid,
        .cgroup = {.backend = "none"},
    };
    int r;

    for (size_t i = 1; i < sizeof(phase_names) / sizeof(phase_names[0]); i++)
        if (strcmp(in->phase, phase_names[i]) == 0)
            out.phase = (enum cf_phase) i;
    if (out.phase == 0)
        return broken(err, "unknown phase");
    if (strcmp(in->id, id) != 0)
        return broken(err, "it belongs to another container");
    if (in->bundle[0] != '/' || in->rootfs[0] != '/')
        return broken(err, "a path is not absolute");

    out.id = cf_arena_strdup(arena, in->id);
    out.bundle = cf_arena_strdup(arena, in->bundle);
    out.rootfs = cf_arena_strdup(arena, in->rootfs);
    out.created = cf_arena_strdup(arena, in->created);
    out.boot_id = cf_arena_strdup(arena, in->boot_id);
    if (!out.id || !out.bundle || !out.rootfs || !out.created || !out.boot_id)
        return cf_err_oom(err);
    if (in->init) {
        out.init_pid = in->init->pid;
        out.init_start_time = in->init->start_time;
    }
    if (in->cgroup) {
        r = read_cgroup(in->cgroup, arena, &out.cgroup, err);
        if (r < 0)
            return r;
    }
    if (in->rdt) {
        r = read_rdt(in->rdt, arena, &out.rdt, err);
        if (r < 0)
            return r;
    }
    if (in->annotations) {
        r = read_annotations(in->annotations, arena, &out, err);
        if (r < 0)
            return r;
    }
    out.own_pidns = in->own_pidns;
    out.no_process = in->no_process;
    out.has_poststart = in->poststart;
    out.has_poststop = in->poststop;
    out.poststop_done = in->poststop_done;
    out.gate = in->gate;
    out.caller_keyring = in->caller_keyring;
    out.no_new_privileges = in->no_new_privileges;
    out.listener = in->listener;
    if (in->notify_socket) {
        out.notify_socket = cf_arena_strdup(arena, in->notify_socket);
        if (!out.notify_socket)
            return cf_err_oom(err);
    }
    if (in->mapped_root) {
        out.mapped_root_uid = in->mapped_root->uid;
        out.mapped_root_gid = in->mapped_root->gid;
    }
    if (in->overlay_work) {
        if (in->overlay_work[0] != '/')
            return broken(err, "the work directory of the overlay is not absolute");
        out.overlay_work = cf_arena_strdup(arena, in->overlay_work);
        if (!out.overlay_work)
            return cf_err_oom(err);
    }
    if (in->net_devices) {
        out.netdevs_from = in->net_devices->from;
        out.netdevs_to = in->net_devices->to;
    }
    if (in->id_lease) {
        if (in->id_lease->ledger[0] != '/')
            return broken(err, "the path of the id ledger is not absolute");
        out.lease_ledger = cf_arena_strdup(arena, in->id_lease->ledger);
        if (!out.lease_ledger)
            return cf_err_oom(err);
        out.lease_slot = in->id_lease->slot;
        out.lease_serial = in->id_lease->serial;
    }
    *ret = out;
    return 0;
}

int cf_record_parse(const char *text, size_t len, const char *id, struct cf_arena *arena,
                    struct cf_record *ret, struct cf_err *err)
{
    cf_auto(ocispec_doc_freep) struct ocispec_doc *doc = NULL;
    struct cf_rec_record *raw;
    struct ocispec_error bad;
    int r;

    r = cf_rec_record_parse(text, len, NULL, &raw, &doc, &bad);
    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0) {
        char what[384];

        cf_format(what, sizeof(what), "%s%s%s", bad.path, bad.path[0] ? ": " : "", bad.message);
        return broken(err, what);
    }
    if (raw->format > 1) {
        cf_err_set(err, COFFER_ERROR_STATE, "record-newer", -EBADMSG,
                   "the container was made by a newer coffer (record format %u)", raw->format);
        cf_err_hint(err, "use that version for this container");
        return -EBADMSG;
    }
    return convert(raw, id, arena, ret, err);
}

/* Records are small: one read that leaves room in the buffer has seen the end of the file. */
static long read_short(int dir_fd, char *buf, size_t size)
{
    cf_auto_fd int fd = -EBADF;
    long n;

    fd = cf_sys_openat(dir_fd, RECORD_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0)
        return fd;
    do
        n = cf_sys_read(fd, buf, size);
    while (n == -EINTR);
    return n;
}

int cf_entry_read(struct cf_entry *entry, struct cf_arena *arena, struct cf_record *ret, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    char buf[RECORD_USUAL];
    size_t len;
    long n;
    int r;

    n = read_short(entry->dir_fd, buf, sizeof(buf));
    if (n >= 0 && (size_t) n < sizeof(buf)) {
        r = cf_record_parse(buf, (size_t) n, entry->id, arena, ret, err);
        entry->no_gate = r >= 0 && !ret->gate;
        return r;
    }
    r = n < 0 ? (int) n : cf_io_read_file_at(entry->dir_fd, RECORD_NAME, RECORD_LIMIT, &text, &len);
    if (r == -ENOENT)
        return broken(err, "there is none");
    if (r == -EFBIG || r == -EINVAL || r == -EISDIR || r == -ELOOP)
        return broken(err, "it is no file of a plausible size");
    if (r < 0)
        return cf_err_sys(err, r, "read `" RECORD_NAME "` of container `%s`", entry->id);
    return cf_record_parse(text, len, entry->id, arena, ret, err);
}

int cf_entry_write(struct cf_entry *entry, const struct cf_record *record, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    size_t len;
    int r;

    r = cf_record_format(record, &text, &len, err);
    if (r < 0)
        return r;
    r = cf_io_replace_file_at(entry->dir_fd, RECORD_NAME, text, len, 0600);
    if (r < 0)
        return cf_err_sys(err, r, "write `" RECORD_NAME "` of container `%s`", entry->id);
    return 0;
}

int cf_entry_read_config(struct cf_entry *entry, char **ret, size_t *ret_len, struct cf_err *err)
{
    int r = cf_io_read_file_at(entry->dir_fd, CONFIG_NAME, CONFIG_LIMIT, ret, ret_len);

    if (r < 0)
        return cf_err_sys(err, r, "read `" CONFIG_NAME "` of container `%s`", entry->id);
    return 0;
}
