/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * mounts add and remove: in a container that runs. Sources are opened in our own view, as at creation. A short-lived
 * coffer-init joins the user and mount namespace of the container and attaches them (mount/attach-child.c); it ends
 * when what it did is written down, and takes everything back if it never is.
 *
 * Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <linux/capability.h>
#include <fcntl.h>
#include <string.h>

#include "base/format.h"
#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "container/hold.h"
#include "container/mounts-json.h"
#include "container/stop-point.h"
#include "mount/mount.h"
#include "path/path.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"
#include "wire/msg.h"

#define MAX_ADDED 4096

struct mounts {
    struct coffer_runtime *runtime;
    struct cf_hold hold;
    struct cf_arena *arena; /* of hold */
    struct cf_spec *stored, *given;
    struct cf_spec view; /* the container's configuration with the given mounts */
    struct ocispec_config config;
    struct cf_facts facts;
    struct cf_plan_options plan_options;
    struct cf_plan_input input;
    struct cf_plan plan;
    struct cf_spawn spawn;
    int join_fds[CF_NS_MAX];
    int mount_ns_fd; /* -EBADF: it is among those that are joined at once */
    int *fds;
    struct cf_added_mount *added; /* written down; room for those to come */
    size_t n_added;
};

static void mounts_done(struct mounts *m)
{
    cf_spawn_done(&m->spawn, true);
    for (size_t i = 0; m->fds && i < m->plan.n_sources; i++)
        cf_fd_close(&m->fds[i]);
    for (int i = 0; i < CF_NS_MAX; i++)
        cf_fd_close(&m->join_fds[i]);
    cf_fd_close(&m->mount_ns_fd);
    cf_blob_builder_free(m->plan.blob);
    cf_spec_free(m->given);
    cf_spec_free(m->stored);
    cf_hold_done(&m->hold);
}

/* ---- input ---- */

static int parse(struct mounts *m, const char *json, size_t len, struct cf_err *err)
{
    cf_auto_free char *config = NULL;
    size_t config_len = 0;
    int r = cf_mounts_json_load(m->hold.record.bundle, json, len, &m->given, err);

    if (r < 0)
        return r;
    r = cf_entry_read_config(m->hold.entry, &config, &config_len, err);
    if (r >= 0)
        r = cf_spec_load_bytes(m->hold.record.bundle, config, config_len, &m->stored, err);
    if (r < 0)
        return r;
    m->config = *m->stored->config;
    m->config.mounts = m->given->config->mounts;
    m->config.n_mounts = m->given->config->n_mounts;
    m->view = *m->stored;
    m->view.config = &m->config;
    return cf_spec_check(&m->view, err);
}

/* ---- the container ---- */

static int check_running(struct mounts *m, struct cf_err *err)
{
    if (m->hold.pidfd < 0 || (m->hold.record.gate && cf_gate_probe(m->hold.entry) > 0))
        return cf_hold_not_running(err);
    if (m->hold.cgroup && cf_cgroup_is_frozen(m->hold.cgroup) > 0)
        return cf_err_set(err, COFFER_ERROR_STATE, "state-paused", -EBUSY, "container paused");
    return 0;
}

/* Return: fd of a namespace of init, -EBADF (no err) when it is our own, or negative errno with err. */
static int open_namespace(struct mounts *m, const char *name, struct cf_err *err)
{
    struct stat theirs, ours;
    cf_auto_fd int fd = -EBADF;
    char path[64];
    int r;

    (void) cf_format(path, sizeof(path), "/proc/%d/ns/%s", (int) m->hold.record.init_pid, name);
    fd = cf_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0)
        return cf_hold_is_gone(&m->hold) ? cf_hold_not_running(err)
                                         : cf_err_sys(err, fd, "open the %s namespace of the container", name);
    (void) cf_format(path, sizeof(path), "/proc/self/ns/%s", name);
    r = cf_sys_fstat(fd, &theirs);
    if (r >= 0)
        r = cf_sys_fstatat(AT_FDCWD, path, &ours, 0);
    if (r < 0)
        return cf_err_sys(err, r, "look at the %s namespace of the container", name);
    return theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev ? -EBADF : cf_steal_fd(&fd);
}

static int join(struct mounts *m, int type, const char *name, struct cf_err *err)
{
    struct cf_ns_plan *ns = &m->plan.ns;
    int fd = open_namespace(m, name, err);

    if (fd < 0)
        return fd == -EBADF ? 0 : fd;
    m->join_fds[ns->n_joins] = fd;
    ns->joins[ns->n_joins++] = (struct cf_ns_join){.type = type, .path = name};
    ns->listed |= (uint64_t) type;
    return 1;
}

static int plan_namespaces(struct mounts *m, bool opens_sources, struct cf_err *err)
{
    struct cf_userns_plan *userns = &m->plan.userns;
    int r = join(m, CLONE_NEWUSER, "user", err);

    if (r > 0) {
        userns->mode = CF_USERNS_JOIN;
        r = cf_userns_read_joined(m->join_fds[0], m->arena, &userns->uids, &userns->gids, err);
    } else {
        userns->mode = CF_USERNS_NONE;
    }
    if (r >= 0)
        r = join(m, CLONE_NEWNS, "mnt", err);
    /* Sources that we may not clone: it has to do that, among copies of our mounts, and joins afterwards. */
    if (r > 0 && opens_sources && userns->mode == CF_USERNS_JOIN &&
        !(m->facts.cap_effective & (UINT64_C(1) << CAP_SYS_ADMIN))) {
        m->mount_ns_fd = cf_steal_fd(&m->join_fds[--m->plan.ns.n_joins]);
        m->plan.ns.new_flags = CLONE_NEWNS;
    }
    if (r == 0)
        r = cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "mounts-no-namespace", -EOPNOTSUPP,
                       "the container has no mount namespace of its own");
    /* What was opened by number was the container's if it lives still. */
    if (r >= 0 && cf_hold_is_gone(&m->hold))
        r = cf_hold_not_running(err);
    return r < 0 ? r : 0;
}

static int plan_frame(struct mounts *m, uint32_t flag, struct cf_err *err)
{
    struct cf_blob_header *header;
    cf_str id;
    int r;

    r = cf_facts_probe(&m->facts, err);
    if (r < 0)
        return r;
    m->plan_options = (struct cf_plan_options){.run = true};
    m->input = (struct cf_plan_input){.arena = m->arena, .spec = &m->view, .facts = &m->facts,
                                      .options = &m->plan_options, .id = m->hold.record.id};
    m->plan.warnings_tail = &m->plan.warnings;
    m->plan.blob = cf_blob_builder_new();
    if (!m->plan.blob)
        return cf_err_oom(err);
    r = plan_namespaces(m, flag == CF_BLOB_ATTACH, err);
    if (r < 0)
        return r;
    id = cf_blob_add_str(m->plan.blob, m->hold.record.id);
    header = cf_blob_header(m->plan.blob);
    header->id = id;
    header->pidns_fd = header->root_fd = CF_NO_FD;
    header->flags |= flag | CF_BLOB_MOUNTNS | (m->plan.userns.mode == CF_USERNS_NONE ? 0 : CF_BLOB_USERNS);
    return 0;
}

/* ---- the process that does it ---- */

/* @fd: taken, also on failure. Return: its number for the other side, or negative errno with err. */
static int add_fd(struct mounts *m, uint32_t kind, int fd, struct cf_err *err)
{
    int r = cf_plan_add_source(&m->input, &m->plan, &(struct cf_source){.kind = kind, .blob_mount = -1}, err);

    if (r >= 0)
        m->fds[r] = fd;
    else
        cf_fd_close(&fd);
    return r;
}

static int open_sources(struct mounts *m, struct cf_err *err)
{
    size_t n = m->plan.n_sources;
    int fd, r;

    m->fds = cf_arena_calloc(m->arena, n + 2, sizeof(*m->fds));
    if (!m->fds)
        return cf_err_oom(err);
    for (size_t i = 0; i < n + 2; i++)
        m->fds[i] = -EBADF;
    r = cf_mount_host_open(&m->plan, -1, NULL, -1, -1, m->fds, err);
    if (r < 0)
        return r;
    for (const struct cf_warning *w = m->plan.warnings; w; w = w->next)
        cf_log(&m->runtime->log, COFFER_LOG_WARNING, "mounts", "%s", w->text);
    fd = cf_procfs_open_host();
    if (fd < 0)
        return cf_err_sys(err, fd, "open `/proc`");
    r = add_fd(m, CF_SOURCE_PROC, fd, err);
    if (r < 0)
        return r;
    cf_blob_header(m->plan.blob)->proc_fd = r;
    if (m->mount_ns_fd < 0)
        return 0;
    r = add_fd(m, CF_SOURCE_MOUNTNS, cf_steal_fd(&m->mount_ns_fd), err);
    if (r < 0)
        return r;
    cf_blob_header(m->plan.blob)->root_fd = r;
    return 0;
}

static int spawn(struct mounts *m, struct cf_err *err)
{
    int r = open_sources(m, err);

    if (r >= 0)
        r = cf_blob_finish(m->plan.blob, &m->spawn.blob, &m->spawn.blob_size, err);
    if (r < 0)
        return r;
    m->spawn.plan = &m->plan;
    m->spawn.join_fds = m->join_fds;
    m->spawn.fds = m->fds;
    m->spawn.privileged = m->facts.privileged;
    return cf_spawn_init(&m->spawn, err);
}

/* Return: type of the next message, 0 at the end of file, or negative errno with err. Warnings are logged. */
static int receive(struct mounts *m, struct cf_msg *msg, struct cf_err *err)
{
    uint32_t level;
    int r;

    for (;;) {
        r = cf_msg_recv(m->spawn.wire_fd, msg);
        if (r == -EAGAIN)
            return cf_err_set(err, COFFER_ERROR_PEER, "init-hangs", -ETIMEDOUT,
                              "mounting made no progress for a minute");
        if (r <= 0)
            return r == 0 || r == -ECONNRESET ? 0 : cf_err_sys(err, r, "receive from the container's side");
        if (msg->type == CF_MSG_FAIL) {
            cf_msg_take_err(msg, err);
            cf_msg_done(msg);
            return err->ret;
        }
        cf_msg_done(msg); /* no descriptors are expected */
        if (msg->type != CF_MSG_LOG)
            return (int) msg->type;
        if (msg->len > sizeof(level))
            cf_log(&m->runtime->log, COFFER_LOG_WARNING, "init", "%.*s", (int) (msg->len - sizeof(level)),
                   (const char *) msg->payload + sizeof(level));
    }
}

/* ---- add ---- */

static int read_added(struct mounts *m, size_t more, struct cf_err *err)
{
    struct cf_added_mount *stored, *list;
    size_t n;
    int r = cf_entry_read_mounts(m->hold.entry, m->arena, &stored, &n, err);

    if (r < 0)
        return r;
    list = cf_arena_calloc(m->arena, n + more + 1, sizeof(*list));
    if (!list)
        return cf_err_oom(err);
    if (n)
        memcpy(list, stored, n * sizeof(*list));
    m->added = list;
    m->n_added = n;
    return 0;
}

/* Before they stay: from the moment they do, `remove` has to know them. */
static int note(struct mounts *m, const struct cf_msg *ready, struct cf_err *err)
{
    size_t n = m->config.n_mounts;
    uint64_t id;
    int r;

    if (ready->type != CF_MSG_READY || ready->len != n * sizeof(id))
        return cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                          "the container's side spoke out of turn (message %u)", ready->type);
    for (size_t i = 0; i < n; i++) {
        const struct ocispec_mount *mount = &m->config.mounts[i];
        struct cf_added_mount *added = &m->added[m->n_added + i];

        memcpy(&id, ready->payload + i * sizeof(id), sizeof(id));
        *added = (struct cf_added_mount){.id = id, .source = mount->source, .type = mount->type};
        r = cf_mount_plan_target(&m->input, (uint32_t) i, &added->destination, err);
        if (r < 0)
            return r;
    }
    return cf_entry_write_mounts(m->hold.entry, m->added, m->n_added + n, err);
}

static int add(struct mounts *m, struct cf_err *err)
{
    struct cf_err ignored = CF_ERR_INIT;
    struct cf_msg msg;
    int r = read_added(m, m->config.n_mounts, err);

    if (r >= 0 && m->n_added + m->config.n_mounts > MAX_ADDED)
        r = cf_err_config(err, "mounts-too-many", "mounts", "more than %d mounts", MAX_ADDED);
    if (r >= 0)
        r = plan_frame(m, CF_BLOB_ATTACH, err);
    if (r >= 0)
        r = cf_mount_plan_added(&m->input, &m->plan, err);
    if (r >= 0)
        r = spawn(m, err);
    if (r >= 0)
        r = receive(m, &msg, err);
    if (r < 0)
        return r;
    if (r == 0)
        return cf_spawn_explain_death(&m->spawn, err);
    cf_stop_point("mounts-attached");
    r = note(m, &msg, err);
    if (r < 0) {
        /* Its end says that everything was taken back. */
        (void) cf_sys_shutdown(m->spawn.wire_fd, SHUT_WR);
        (void) receive(m, &msg, &ignored);
        return r;
    }
    cf_stop_point("mounts-noted");
    r = cf_msg_send(m->spawn.wire_fd, CF_MSG_COMMIT, NULL, 0, NULL, 0);
    if (r >= 0)
        r = receive(m, &msg, err);
    else
        (void) cf_err_sys(err, r, "keep the mounts");
    if (r < 0)
        (void) cf_entry_write_mounts(m->hold.entry, m->added, m->n_added, &ignored);
    return r < 0 ? r : 0;
}

/* ---- remove ---- */

/* Is a mount with this id in the container's namespace? Its own words, so a mount that it has unmounted is gone. */
static bool in_table(const char *table, uint64_t id)
{
    char text[CF_NUM_SIZE + 1];
    size_t n = cf_num_format(text, id);

    text[n++] = ' ';
    text[n] = '\0';
    for (const char *line = table; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, text, n) == 0)
            return true;
    }
    return false;
}

static int read_table(const struct mounts *m, char **ret, struct cf_err *err)
{
    char path[64];
    size_t len;
    int r;

    (void) cf_format(path, sizeof(path), "/proc/%d/mountinfo", (int) m->hold.record.init_pid);
    r = cf_io_read_file_at(AT_FDCWD, path, 64u << 20, ret, &len);
    return r < 0 ? cf_err_sys(err, r, "read the mounts of the container") : 0;
}

/* Forgets what is no longer there, whoever took it away. */
static int forget(struct mounts *m, struct cf_err *err)
{
    cf_auto_free char *table = NULL;
    size_t n = 0;
    int r = read_table(m, &table, err);

    if (r < 0)
        return r;
    for (size_t i = 0; i < m->n_added; i++)
        if (in_table(table, m->added[i].id))
            m->added[n++] = m->added[i];
    if (n == m->n_added)
        return 0;
    m->n_added = n;
    return cf_entry_write_mounts(m->hold.entry, m->added, n, err);
}

/*
 * The newest with this destination that is not taken yet.
 * Return: its index in added, or negative errno with err.
 */
static int find_added(struct mounts *m, uint32_t index, const bool *taken, struct cf_err *err)
{
    const char *target;
    int r = cf_mount_plan_target(&m->input, index, &target, err);

    if (r < 0)
        return r;
    for (size_t i = m->n_added; i > 0; i--)
        if (!taken[i - 1] && cf_str_eq(m->added[i - 1].destination, target))
            return (int) (i - 1);
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "mount-not-added", -EINVAL,
                      "`%s` was not mounted by `mounts add`, or not any more", target);
    cf_err_field(err, "mounts[%u].destination", index);
    return -EINVAL;
}

/* The newest goes first: it may be on or below an older one. Those that the container unmounted itself are done. */
static int plan_removed(struct mounts *m, const char *table, struct cf_err *err)
{
    size_t n = m->config.n_mounts, used = 0;
    struct cf_blob_mount *list = cf_arena_calloc(m->arena, n + 1, sizeof(*list));
    bool *taken = cf_arena_calloc(m->arena, m->n_added + 1, sizeof(*taken));
    uint32_t *asked = cf_arena_calloc(m->arena, m->n_added + 1, sizeof(*asked));
    struct cf_ref ref;

    if (!list || !taken || !asked)
        return cf_err_oom(err);
    for (uint32_t i = 0; i < n; i++) {
        int at = find_added(m, i, taken, err);

        if (at < 0)
            return at;
        taken[at] = true;
        asked[at] = i;
    }
    for (size_t i = m->n_added; i > 0; i--) {
        if (!taken[i - 1] || !in_table(table, m->added[i - 1].id))
            continue;
        list[used++] = (struct cf_blob_mount){
            .kind = CF_MOUNT_REMOUNT, .fd = CF_NO_FD, .attr_set = m->added[i - 1].id, .config_index = asked[i - 1],
            .target = cf_blob_add_str(m->plan.blob, m->added[i - 1].destination)};
    }
    ref = cf_blob_add_array(m->plan.blob, list, used, sizeof(*list));
    cf_blob_header(m->plan.blob)->mounts = ref;
    return used > 0;
}

static int remove_mounts(struct mounts *m, struct cf_err *err)
{
    struct cf_err ignored = CF_ERR_INIT;
    cf_auto_free char *table = NULL;
    struct cf_msg msg;
    int r;

    r = m->config.n_mounts > CF_ATTACH_MAX
            ? cf_err_config(err, "mounts-too-many", "mounts", "more than %d mounts", CF_ATTACH_MAX)
            : read_added(m, 0, err);
    if (r >= 0)
        r = read_table(m, &table, err);
    if (r >= 0)
        r = plan_frame(m, CF_BLOB_DETACH, err);
    if (r >= 0)
        r = plan_removed(m, table, err);
    if (r < 0)
        return r;
    if (r > 0) {
        r = spawn(m, err);
        if (r >= 0)
            r = receive(m, &msg, err);
        if (r > 0)
            r = cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                           "the container's side spoke out of turn (message %d)", r);
        cf_stop_point("mounts-removed");
    }
    /* Also after a failure in the middle. */
    return r < 0 ? (void) forget(m, &ignored), r : forget(m, err);
}

/* ---- both ---- */

int cf_container_mounts(struct coffer_container *container, bool adding, const char *json, size_t len,
                        struct cf_err *err)
{
    cf_auto(mounts_done) struct mounts m = {
        .runtime = container->runtime, .hold = CF_HOLD_INIT, .spawn = CF_SPAWN_INIT, .mount_ns_fd = -EBADF};
    int r;

    for (int i = 0; i < CF_NS_MAX; i++)
        m.join_fds[i] = -EBADF;
    r = cf_hold_take(container, &m.hold, err);
    m.arena = m.hold.arena;
    if (r >= 0)
        r = check_running(&m, err);
    if (r >= 0)
        r = parse(&m, json, len, err);
    if (r >= 0 && m.config.n_mounts > 0)
        r = adding ? add(&m, err) : remove_mounts(&m, err);
    /* Whose namespaces are just going away gives all kinds of answers. */
    if (r < 0 && m.hold.entry && m.hold.pidfd >= 0 && cf_hold_is_gone(&m.hold))
        r = cf_hold_not_running(err);
    cf_err_step(err, "mounts");
    return r < 0 ? r : 0;
}
