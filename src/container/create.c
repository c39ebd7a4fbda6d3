/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * create and run: from a bundle to a process that waits at its gate, or that runs.
 *
 * Nothing exists before the record: the state directory is published first, with the name of every
 * outside resource, so that whatever happens afterwards can be undone by cf_teardown().
 *
 * Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "container/create-ids.h"
#include "container/stop-point.h"
#include "hook/hook.h"
#include "mount/mount.h"
#include "path/path.h"
#include "process/process.h"
#include "seccomp/seccomp.h"
#include "sys/fs.h"
#include "sys/task.h"
#include "wire/msg.h"

/* Everything one create holds; closed by create_done() whatever happened. */
struct create {
    struct coffer_runtime *runtime;
    const struct coffer_create_options *options;
    const char *id;
    bool run;
    struct cf_arena *arena;
    struct cf_spec *spec;
    struct cf_facts facts;
    struct cf_plan_options plan_options;
    struct cf_plan_input input;
    struct cf_plan plan;
    struct cf_record record;
    struct cf_store *store;
    struct cf_entry *entry;
    struct cf_cgroup *cgroup;
    struct cf_spawn spawn;
    struct cf_create_ids ids;
    int join_fds[CF_NS_MAX];
    int rootfs_fd, gate_fd, console_fd;
    int cgroup_fd; /* of the hierarchy, until the cgroup is made */
    int *fds;
    const void *blob;
    size_t blob_size;
    bool hooks_ran;
    bool pid_file_written;
    bool ready; /* init said so: after that an end of file means "executed" */
    char pty_name[64];
};

static void create_close_sources(struct create *c)
{
    for (size_t i = 0; c->fds && i < c->plan.n_sources; i++)
        cf_fd_close(&c->fds[i]);
    c->fds = NULL;
}

static void create_done(struct create *c)
{
    create_close_sources(c);
    for (int i = 0; i < CF_NS_MAX; i++)
        cf_fd_close(&c->join_fds[i]);
    cf_fd_close(&c->rootfs_fd);
    cf_fd_close(&c->cgroup_fd);
    cf_fd_close(&c->gate_fd);
    cf_fd_close(&c->console_fd);
    cf_spawn_done(&c->spawn, false);
    cf_cgroup_close(c->cgroup);
    cf_create_ids_done(&c->ids);
    cf_entry_close(c->entry);
    cf_blob_builder_free(c->plan.blob);
    cf_spec_free(c->spec);
    cf_arena_free(c->arena);
}

static struct cf_create_ids_input create_ids_input(const struct create *c)
{
    return (struct cf_create_ids_input){.runtime = c->runtime, .store = c->store, .arena = c->arena,
                                        .facts = &c->facts, .spec = c->spec, .id = c->id,
                                        .userns = c->options->userns};
}

/* Before planning, which then finds the range in the configuration. The only thing that exists so early. */
static int create_pick_ids(struct create *c, struct cf_err *err)
{
    struct cf_create_ids_input in = create_ids_input(c);
    int r = cf_create_ids_wanted(&in, &c->ids, err);

    if (r < 0 || !c->ids.automatic)
        return r;
    r = cf_runtime_store(c->runtime, true, &c->store, err);
    if (r < 0)
        return r;
    in.store = c->store;
    return cf_create_ids_pick(&in, &c->ids, err);
}

static int create_check_options(struct create *c, struct cf_err *err)
{
    bool terminal = c->spec->config->process && c->spec->config->process->terminal;
    bool detach = !c->run || (c->options->flags & COFFER_CREATE_DETACH);

    if (terminal && detach && !c->options->console_socket)
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "console-missing", -EINVAL,
                          "cannot allocate tty if coffer will detach without setting console socket");
    if (c->options->console_socket && (!terminal || !detach))
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "console-unused", -EINVAL,
                          "cannot use console socket if coffer will not detach or allocate tty");
    if (c->run && !c->spec->config->process) {
        cf_err_config(err, "process-missing", "process", "must be specified to run the container");
        return err->ret;
    }
    return 0;
}

static void create_log_warnings(struct create *c, const struct cf_warning *first)
{
    for (const struct cf_warning *w = first; w; w = w->next)
        cf_log(&c->runtime->log, COFFER_LOG_WARNING, "plan", "%s", w->text);
}

static int create_seccomp(struct create *c, struct cf_err *err)
{
    const struct ocispec_config *config = c->spec->config;
    struct cf_seccomp_program program;
    struct cf_blob_header *header;
    cf_auto_fd int cache_fd = -EBADF;
    struct cf_err ignored = CF_ERR_INIT;
    const char *refused;
    struct cf_ref insns;
    int r;

    if (!config->linux || !config->linux->seccomp)
        return 0;
    if (cf_store_cache_fd(c->store, "seccomp", &cache_fd, &ignored) < 0)
        cache_fd = -EBADF; /* slower, not wrong */
    r = cf_seccomp_prepare_config(config, cache_fd, c->arena, &program, err);
    if (r < 0) {
        cf_err_step(err, "seccomp");
        return r;
    }
    if (program.n == 0)
        return 0;
    refused = cf_seccomp_check_gate(&program, cf_seccomp_native_arch(),
                                    config->process && config->process->no_new_privileges);
    if (refused)
        cf_log(&c->runtime->log, COFFER_LOG_WARNING, "seccomp",
               "the profile refuses `%s`, which container init still needs", refused);
    insns = cf_blob_add_array(c->plan.blob, program.insns, program.n, sizeof(uint64_t));
    header = cf_blob_header(c->plan.blob);
    header->seccomp = insns;
    header->seccomp_flags = program.flags;
    header->flags |= CF_BLOB_SECCOMP;
    return 0;
}

/* Parsing, checks, plan: nothing exists yet and nothing needs undoing. */
static int create_plan(struct create *c, struct cf_err *err)
{
    const struct coffer_create_options *o = c->options;
    int r;

    r = cf_spec_load_bundle(o->bundle ? o->bundle : ".", o->config_file, &c->spec, err);
    if (r >= 0)
        r = cf_spec_check(c->spec, err);
    if (r >= 0)
        r = create_check_options(c, err);
    if (r < 0) {
        cf_err_step(err, "validate");
        return r;
    }
    r = cf_facts_probe_keep(&c->facts, &c->cgroup_fd, err);
    if (r < 0) {
        cf_err_step(err, "facts");
        return r;
    }
    if (c->spec->config->process &&
        (c->spec->config->process->apparmor_profile || c->spec->config->process->selinux_label ||
         (c->spec->config->linux && c->spec->config->linux->mount_label)))
        cf_facts_probe_lsm(&c->facts);

    r = create_pick_ids(c, err);
    if (r < 0) {
        cf_err_step(err, "ids");
        return r;
    }
    c->plan_options = (struct cf_plan_options){
        .detach = !c->run || (o->flags & COFFER_CREATE_DETACH),
        .run = c->run,
        .no_pivot = o->flags & COFFER_CREATE_NO_PIVOT,
        .no_new_keyring = o->flags & COFFER_CREATE_NO_NEW_KEYRING,
        .have_console_socket = o->console_socket != NULL,
        .preserve_fds = o->preserve_fds + o->listen_fds,
        .listen_fds = o->listen_fds,
        .listen_fdnames = o->listen_fdnames,
        .map_root = c->ids.automatic && c->facts.privileged,
        .bus_address = c->runtime->bus_address,
        .runtime_dir = c->runtime->runtime_dir,
    };
    c->input = (struct cf_plan_input){
        .arena = c->arena, .spec = c->spec, .facts = &c->facts, .options = &c->plan_options, .id = c->id};
    r = cf_plan_build(&c->input, c->runtime->cgroup_manager, c->runtime->rootless, &c->plan, c->join_fds, err);
    if (r < 0) {
        cf_err_step(err, "plan");
        return r;
    }
    create_log_warnings(c, c->plan.warnings);
    return 0;
}

static int create_fill_record(struct create *c, struct cf_err *err)
{
    const struct ocispec_config *config = c->spec->config;
    struct cf_record *record = &c->record;
    char *created = cf_arena_alloc(c->arena, CF_CLOCK_TEXT_SIZE);
    char *boot_id = cf_arena_alloc(c->arena, 37);
    int r;

    if (!created || !boot_id)
        return cf_err_oom(err);
    (void) cf_clock_rfc3339_now(created);
    if (c->ids.boot_id[0])
        memcpy(boot_id, c->ids.boot_id, sizeof(c->ids.boot_id));
    r = c->ids.boot_id[0] ? 0 : cf_boot_id(boot_id);
    if (r < 0)
        return cf_err_sys(err, r, "read the boot id");
    record->format = 1;
    record->id = c->id;
    record->phase = CF_PHASE_CREATING;
    record->bundle = c->spec->bundle;
    record->rootfs = c->spec->rootfs;
    record->created = created;
    record->boot_id = boot_id;
    record->owner_uid = c->facts.euid;
    record->own_pidns = c->plan.ns.new_flags & CLONE_NEWPID;
    record->has_poststart = c->plan.poststart.n > 0;
    record->has_poststop = c->plan.poststop.n > 0;
    record->gate = !c->run;
    (void) cf_userns_uid_to_host(&c->plan.userns, 0, &record->mapped_root_uid);
    (void) cf_userns_gid_to_host(&c->plan.userns, 0, &record->mapped_root_gid);
    if (c->ids.lease.serial) {
        record->lease_ledger = c->ids.ledger_path;
        record->lease_slot = c->ids.lease.slot;
        record->lease_serial = c->ids.lease.serial;
    }
    if (config->annotations && config->annotations->n) {
        size_t n = config->annotations->n;

        record->annotations = cf_arena_calloc(c->arena, n, sizeof(*record->annotations));
        if (!record->annotations)
            return cf_err_oom(err);
        for (size_t i = 0; i < n; i++)
            record->annotations[i] =
                (struct cf_annotation){config->annotations->keys[i], config->annotations->values[i]};
        record->n_annotations = n;
    }
    return cf_cgroup_locate(&c->plan.cgroup, c->arena, &record->cgroup, err);
}

static int create_publish(struct create *c, struct cf_err *err)
{
    int r;

    r = create_fill_record(c, err);
    if (r >= 0)
        r = cf_store_publish(c->store, &c->record, c->spec->raw, c->spec->raw_len, &c->entry, err);
    if (r < 0)
        cf_err_step(err, "state");
    return r;
}

static int create_lease(struct create *c, struct cf_err *err)
{
    struct cf_create_ids_input in = create_ids_input(c);
    int r = cf_create_ids_check(&in, &c->ids, &c->plan.userns, err);

    if (r < 0)
        cf_err_step(err, "ids");
    return r;
}

/* Outside resources: cgroup, root, gate, mount sources; then the plan is complete. */
static int create_prepare(struct create *c, struct cf_err *err)
{
    struct cf_warning **more = c->plan.warnings_tail;
    int pidns_fd = -1;
    int r;

    r = cf_create_ids_bind(&c->ids, c->entry, err);
    if (r < 0) {
        cf_err_step(err, "ids");
        return r;
    }
    if (c->cgroup_fd > 0 && cf_str_eq(c->record.cgroup.backend, "v2"))
        c->plan.cgroup.root_fd = cf_steal_fd(&c->cgroup_fd);
    r = cf_cgroup_create(&c->plan.cgroup, &c->record.cgroup, &c->cgroup, err);
    if (r < 0) {
        cf_err_step(err, "cgroup");
        return r;
    }
    cf_stop_point("create-cgroup");
    if (!c->run) {
        r = cf_gate_listen(c->entry, &c->gate_fd, err);
        if (r < 0) {
            cf_err_step(err, "state");
            return r;
        }
    }
    for (uint32_t i = 0; i < c->plan.ns.n_joins; i++)
        if (c->plan.ns.joins[i].type == CLONE_NEWPID)
            pidns_fd = c->join_fds[i];
    c->fds = cf_arena_calloc(c->arena, c->plan.n_sources ? c->plan.n_sources : 1, sizeof(int));
    if (!c->fds)
        return cf_err_oom(err);
    for (size_t i = 0; i < c->plan.n_sources; i++)
        c->fds[i] = -EBADF;
    r = cf_mount_host_open(&c->plan, c->rootfs_fd, c->cgroup, c->gate_fd, pidns_fd, c->fds, err);
    if (r < 0) {
        cf_err_step(err, "mount");
        return r;
    }
    create_log_warnings(c, *more);
    if ((c->plan.ns.new_flags & CLONE_NEWCGROUP) && c->cgroup && cf_cgroup_clone_fd(c->cgroup) < 0) {
        /* Attached after the clone, so the namespace's root would be the wrong cgroup: init unshares. */
        c->plan.ns.new_flags &= ~(uint64_t) CLONE_NEWCGROUP;
        cf_blob_header(c->plan.blob)->flags |= CF_BLOB_UNSHARE_CGROUP;
    }
    return cf_blob_finish(c->plan.blob, &c->blob, &c->blob_size, err);
}

static int create_record_pid(struct create *c, struct cf_err *err)
{
    int r = cf_proc_start_time(c->spawn.pid, &c->record.init_start_time);

    if (r < 0)
        return cf_spawn_explain_death(&c->spawn, err);
    c->record.init_pid = c->spawn.pid;
    return 0;
}

/* From now on whoever deletes the container after our death finds init and the cgroups, hooks and all. Written
 * while init builds, so it costs nobody time. */
static int create_note(struct create *c, struct cf_err *err)
{
    int r;

    /* Whoever joins a pid namespace makes way for the process that appears in it: that one is recorded. */
    if (cf_blob_header(c->plan.blob)->flags & CF_BLOB_PIDNS_JOINED)
        return 0;
    r = create_record_pid(c, err);
    if (r >= 0) {
        r = cf_entry_write(c->entry, &c->record, err);
        if (r < 0)
            cf_err_step(err, "state");
    }
    if (r >= 0)
        cf_stop_point("create-noted");
    return r;
}

static int create_host_hooks(struct create *c, struct cf_err *err)
{
    char *json;
    int r;

    c->hooks_ran = true;
    json = cf_state_json(&c->record, CF_STATUS_CREATING, c->spawn.pid, c->spec->rootfs, 0, false);
    if (!json)
        return cf_err_oom(err);
    r = cf_hook_host_run(&c->plan.prestart, json, c->spec->bundle, err);
    if (r >= 0)
        r = cf_hook_host_run(&c->plan.create_runtime, json, c->spec->bundle, err);
    free(json);
    if (r < 0) {
        cf_err_step(err, "hook");
        return r;
    }
    r = cf_msg_send(c->spawn.wire_fd, CF_MSG_HOOKS_DONE, NULL, 0, NULL, 0);
    if (r == -EPIPE)
        return cf_spawn_explain_death(&c->spawn, err);
    return r < 0 ? cf_err_sys(err, r, "tell init that the hooks are done") : 0;
}

/* run in the foreground: the process starts with the size of the caller's terminal, not with 0 by 0. */
static void create_copy_window_size(struct create *c)
{
    struct winsize size;

    for (int fd = 0; fd <= 2; fd++) {
        if (cf_sys_ioctl_ptr(fd, TIOCGWINSZ, &size) == 0) {
            (void) cf_sys_ioctl_ptr(c->console_fd, TIOCSWINSZ, &size);
            return;
        }
    }
}

static int create_take_console(struct create *c, struct cf_msg *msg, struct cf_err *err)
{
    if (msg->n_fds != 1 || msg->len == 0 || msg->len >= sizeof(c->pty_name) || c->console_fd >= 0)
        return cf_err_set(err, COFFER_ERROR_PEER, "wire-console", -EPROTO, "init sent a malformed console");
    memcpy(c->pty_name, msg->payload, msg->len);
    c->pty_name[msg->len] = '\0';
    c->console_fd = msg->fds[0];
    msg->fds[0] = -1;
    if (!c->options->console_socket)
        create_copy_window_size(c);
    return 0;
}

/* One message of init. Return: its type, 0 at end of file, or an error. */
static int create_receive(struct create *c, struct cf_err *err)
{
    struct cf_msg msg;
    uint32_t level;
    int r;

    r = cf_msg_recv(c->spawn.wire_fd, &msg);
    if (r == 0)
        return 0;
    if (r < 0) {
        if (r == -EAGAIN)
            return cf_err_set(err, COFFER_ERROR_PEER, "init-hangs", -ETIMEDOUT,
                              "container init made no progress for a minute");
        if (r == -ECONNRESET) /* it died with something of ours unread */
            return cf_spawn_explain_death(&c->spawn, err);
        return cf_err_sys(err, r, "receive from container init");
    }
    r = (int) msg.type;
    switch (msg.type) {
    case CF_MSG_FAIL:
        cf_msg_take_err(&msg, err);
        cf_err_step(err, "init");
        r = err->ret;
        break;
    case CF_MSG_LOG:
        if (msg.len > sizeof(level))
            cf_log(&c->runtime->log, COFFER_LOG_WARNING, "init", "%.*s", (int) (msg.len - sizeof(level)),
                   (const char *) msg.payload + sizeof(level));
        break;
    case CF_MSG_CONSOLE:
        if (create_take_console(c, &msg, err) < 0)
            r = err->ret;
        break;
    case CF_MSG_INIT_PID:
        r = cf_spawn_take_pid(&c->spawn, &msg, err);
        if (r >= 0)
            r = create_record_pid(c, err);
        if (r >= 0)
            r = CF_MSG_INIT_PID;
        break;
    case CF_MSG_READY:
        c->ready = true;
        break;
    case CF_MSG_BUILT:
        break;
    default:
        r = cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                       "container init spoke out of turn (message %u)", msg.type);
    }
    cf_msg_done(&msg);
    return r;
}

/* Follows the script up to @until (READY), or to the end of file that says "executed". */
static int create_follow(struct create *c, uint32_t until, struct cf_err *err)
{
    bool expect_built = c->plan.prestart.n + c->plan.create_runtime.n > 0 && until != 0;

    for (;;) {
        int r = create_receive(c, err);

        if (r < 0)
            return r;
        if (r == 0)
            return until == 0 && c->ready ? 0 : cf_spawn_explain_death(&c->spawn, err);
        if (r == CF_MSG_BUILT && expect_built) {
            expect_built = false;
            r = create_host_hooks(c, err);
            if (r < 0)
                return r;
        } else if (r == (int) until) {
            return 0;
        } else if (r == CF_MSG_BUILT) {
            return cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                              "container init spoke out of turn (message %d)", r);
        }
    }
}

static int create_write_pid_file(struct create *c, struct cf_err *err)
{
    const char *path = c->options->pid_file, *slash;
    char dir[4096], text[CF_NUM_SIZE];
    cf_auto_fd int dir_fd = -EBADF;
    size_t len;
    int r;

    if (!path)
        return 0;
    slash = strrchr(path, '/');
    r = cf_str_copy(dir, sizeof(dir), path);
    if (r >= 0) {
        if (!slash)
            (void) cf_str_copy(dir, sizeof(dir), ".");
        else
            dir[slash == path ? 1 : slash - path] = '\0';
        dir_fd = cf_sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        r = dir_fd;
    }
    if (r >= 0) {
        len = cf_num_format(text, (uint64_t) c->spawn.pid);
        r = cf_io_replace_file_at(dir_fd, slash ? slash + 1 : path, text, len, 0644);
    }
    if (r < 0) {
        r = cf_err_sys(err, r, "write pid file `%s`", path);
        cf_err_step(err, "pid-file");
        return r;
    }
    c->pid_file_written = true;
    return 0;
}

/* What a caller sees before the command returns: console, record, pid file, pidfd. */
static int create_announce(struct create *c, struct cf_err *err)
{
    int r;

    if (c->options->console_socket) {
        r = cf_term_console_send(c->options->console_socket, c->console_fd, c->pty_name, err);
        if (r < 0) {
            cf_err_step(err, "console");
            return r;
        }
        cf_fd_close(&c->console_fd);
    }
    if (c->options->pidfd_socket) {
        r = cf_term_console_send(c->options->pidfd_socket, c->spawn.pidfd, "standard", err);
        if (r < 0) {
            cf_err_step(err, "pidfd-socket");
            return r;
        }
    }
    c->record.phase = CF_PHASE_CREATED;
    r = cf_entry_write(c->entry, &c->record, err);
    if (r < 0) {
        cf_err_step(err, "state");
        return r;
    }
    cf_stop_point("create-recorded");
    return create_write_pid_file(c, err);
}

static int create_commit(struct create *c, struct cf_err *err)
{
    int r = cf_msg_send(c->spawn.wire_fd, CF_MSG_COMMIT, NULL, 0, NULL, 0);

    if (r == -EPIPE)
        return cf_spawn_explain_death(&c->spawn, err);
    return r < 0 ? cf_err_sys(err, r, "release container init") : 0;
}

/*
 * run has nobody who must see the container before its program runs, if there is nothing to hand out: then the
 * release is sent while init still builds, and neither side waits for the other. Failures still come on the wire.
 */
static bool create_may_release_early(const struct create *c)
{
    return c->run && !c->plan.terminal && !c->options->pid_file && !c->options->pidfd_socket &&
           !c->plan.prestart.n && !c->plan.create_runtime.n &&
           !(c->plan.ns.n_joins || c->plan.ns.timens_offsets);
}

/* From the first process to the one that waits (create) or has executed (run). */
static int create_process(struct create *c, struct cf_err *err)
{
    bool early = create_may_release_early(c);
    int r;

    c->spawn.plan = &c->plan;
    c->spawn.join_fds = c->join_fds;
    c->spawn.cgroup = c->cgroup;
    c->spawn.blob = c->blob;
    c->spawn.blob_size = c->blob_size;
    c->spawn.fds = c->fds;
    c->spawn.preserve_fds = c->plan_options.preserve_fds;
    c->spawn.privileged = c->facts.privileged;
    r = cf_spawn_init(&c->spawn, err);
    create_close_sources(c);
    cf_fd_close(&c->gate_fd);
    if (r < 0)
        return r;
    cf_stop_point("create-spawned");
    if (c->cgroup) {
        r = cf_cgroup_occupied(c->cgroup, err);
        if (r >= 0)
            r = cf_cgroup_apply_devices(&c->plan.cgroup, c->cgroup, err);
        if (r < 0) {
            cf_err_step(err, "cgroup");
            return r;
        }
    }
    r = early ? create_record_pid(c, err) : create_note(c, err);
    if (r >= 0) {
        struct cf_create_ids_input in = create_ids_input(c);

        cf_create_ids_look(&in, &c->ids, &c->plan.userns, c->spawn.pid);
    }
    if (r >= 0 && !early)
        r = create_follow(c, CF_MSG_READY, err);
    if (r < 0)
        return r;
    cf_stop_point("create-ready");
    r = create_announce(c, err);
    if (r < 0)
        return r;
    cf_stop_point("create-announced");
    r = create_commit(c, err);
    if (r < 0 || !c->run)
        return r;
    /* End of file: the wire was closed by the exec. */
    return create_follow(c, 0, err);
}

static int create_undo(struct create *c, struct cf_err *err)
{
    struct cf_err second = CF_ERR_INIT;
    int r = err->ret;

    if (c->pid_file_written)
        (void) cf_sys_unlinkat(AT_FDCWD, c->options->pid_file, 0);
    cf_spawn_done(&c->spawn, true);
    if (c->entry && cf_teardown(c->runtime, cf_steal_ptr(&c->entry), &c->record, c->cgroup, c->hooks_ran, &second) < 0) {
        char text[512];

        (void) cf_err_print(&second, text, sizeof(text));
        cf_log(&c->runtime->log, COFFER_LOG_WARNING, "create", "clean-up after a failure: %s", text);
    }
    return r;
}

/* What delete will need, for the handle of a process that this program waits for. */
static int create_keep(struct create *c, struct coffer_container *container, struct cf_err *err)
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

static bool create_clones_root(const struct create *c)
{
    for (size_t i = 0; i < c->plan.n_sources; i++)
        if (c->plan.sources[i].kind == CF_SOURCE_ROOT && c->plan.sources[i].clone)
            return true;
    return false;
}

static int create_all(struct create *c, struct coffer_container **ret, struct cf_err *err)
{
    cf_auto(cf_container_freep) struct coffer_container *container = NULL;
    int r;

    c->arena = cf_arena_new();
    container = cf_container_new(c->runtime, c->id);
    if (!c->arena || !container)
        return cf_err_oom(err);
    r = create_plan(c, err);
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
        r = create_seccomp(c, err);
    if (r >= 0)
        r = create_lease(c, err);
    if (r >= 0)
        r = create_publish(c, err);
    if (r < 0)
        return r;
    cf_stop_point("create-published");
    c->hooks_ran = c->plan.has_child_hooks;
    r = create_prepare(c, err);
    if (r >= 0)
        r = create_process(c, err);
    if (r < 0)
        return create_undo(c, err);

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
    }
    *ret = cf_steal_ptr(&container);
    return 0;
}

int cf_container_create(struct coffer_runtime *runtime, const char *id,
                        const struct coffer_create_options *options, bool run, struct coffer_container **ret,
                        struct cf_err *err)
{
    struct create c = {
        .runtime = runtime,
        .options = options,
        .id = id,
        .run = run,
        .spawn = CF_SPAWN_INIT,
        .rootfs_fd = -EBADF,
        .cgroup_fd = -EBADF,
        .gate_fd = -EBADF,
        .console_fd = -EBADF,
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
