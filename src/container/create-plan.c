/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * First part of create and run: options, configuration, plan, record, and the outside resources.
 *
 * Nothing exists before the record: the state directory is published first, with the name of every
 * outside resource, so that whatever happens afterwards can be undone by cf_teardown().
 *
 * Host side.
 */

#include "container/create-internal.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/str.h"
#include "container/stop-point.h"
#include "mount/mount.h"
#include "net/net.h"
#include "path/path.h"
#include "seccomp/seccomp.h"

struct cf_create_ids_input cf_create_ids_input_of(const struct cf_create *c)
{
    return (struct cf_create_ids_input){.runtime = c->runtime, .store = c->store, .arena = c->arena,
                                        .facts = &c->facts, .spec = c->spec, .id = c->id,
                                        .userns = c->options->userns, .preset = &c->preset};
}

/* Before planning, which then finds the range in the configuration. The only thing that exists so early. */
static int create_pick_ids(struct cf_create *c, struct cf_err *err)
{
    struct cf_create_ids_input in = cf_create_ids_input_of(c);
    int r = cf_create_ids_wanted(&in, &c->ids, err);

    if (r < 0 || !c->ids.automatic)
        return r;
    r = cf_runtime_store(c->runtime, true, &c->store, err);
    if (r < 0)
        return r;
    in.store = c->store;
    return cf_create_ids_pick(&in, &c->ids, err);
}

static int create_check_options(struct cf_create *c, struct cf_err *err)
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

void cf_create_log_warnings(struct cf_create *c, const struct cf_warning *first)
{
    for (const struct cf_warning *w = first; w; w = w->next)
        cf_log(&c->runtime->log, COFFER_LOG_WARNING, "plan", "%s", w->text);
}

/*
 * Who answers notifications is asked for before anything exists. With no_new_privs the filter is installed by
 * `start`: a connection that says nothing for days would be of no use, so it is only looked at.
 */
static int create_listener(struct cf_create *c, struct cf_err *err)
{
    const struct ocispec_config *config = c->spec->config;
    bool late = cf_blob_header(c->plan.blob)->flags & CF_BLOB_NO_NEW_PRIVS;
    int r;

    r = cf_seccomp_listener_plan(config, late, c->runtime->seccomp_receiver, &c->listener.to, err);
    if (r < 0 || !c->listener.to.path)
        return r;
    if (late && !c->run) {
        c->record.listener = true;
        return cf_seccomp_listener_look(&c->listener.to, err);
    }
    r = cf_seccomp_listener_connect(&c->listener.to, err);
    if (r < 0)
        return r;
    c->listener.sock = r;
    return 0;
}

int cf_create_seccomp(struct cf_create *c, struct cf_err *err)
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
    r = create_listener(c, err);
    if (r < 0)
        cf_err_step(err, "seccomp");
    return r;
}

static bool create_has_env(const struct ocispec_process *process, const char *prefix)
{
    for (size_t i = 0; i < process->n_env; i++)
        if (cf_str_starts_with(process->env[i], prefix))
            return true;
    return false;
}

static bool create_has_mountns(const struct ocispec_config *config)
{
    for (size_t i = 0; config->linux && i < config->linux->n_namespaces; i++)
        if (strcmp(config->linux->namespaces[i].type, "mount") == 0)
            return true;
    return false;
}

/* A configuration that has a NOTIFY_SOCKET of its own speaks to somebody else: then nobody waits here. */
static int create_plan_notify(struct cf_create *c, struct cf_err *err)
{
    const struct ocispec_config *config = c->spec->config;
    const char *address = c->runtime->notify_socket;

    if (!address || !config->process || create_has_env(config->process, "NOTIFY_SOCKET="))
        return 0;
    if (!cf_notify_is_address(address) || !create_has_mountns(config)) {
        cf_log(&c->runtime->log, COFFER_LOG_WARNING, "notify", "NOTIFY_SOCKET is ignored: %s",
               create_has_mountns(config) ? "it is no address of a Unix socket"
                                          : "the container has no mount namespace of its own");
        return 0;
    }
    c->plan_options.notify_dir = cf_arena_printf(c->arena, "%s/%s/" CF_NOTIFY_DIR, c->runtime->root, c->id);
    if (!c->plan_options.notify_dir)
        return cf_err_oom(err);
    c->record.notify_socket = address;
    return 0;
}

/* `run` has nobody else who could bind the socket before the program runs; `start` binds it right before. */
static int create_make_notify(struct cf_create *c, struct cf_err *err)
{
    int r;

    if (!c->plan_options.notify_dir)
        return 0;
    r = cf_notify_make(c->entry, err);
    if (r >= 0 && c->run)
        r = cf_notify_listen(c->entry, &c->notify_fd, err);
    if (r < 0)
        cf_err_step(err, "notify");
    return r;
}

/* Parsing, checks, plan: nothing exists yet and nothing needs undoing. */
int cf_create_plan(struct cf_create *c, struct cf_err *err)
{
    const struct coffer_create_options *o = c->options;
    int r;

    r = cf_spec_load_bundle(o->bundle ? o->bundle : ".", o->config_file, &c->spec, err);
    if (r >= 0)
        r = cf_spec_check(c->spec, err);
    if (r >= 0)
        r = cf_preset_choose(c->spec, o->preset, &c->preset, err);
    if (r >= 0)
        r = cf_preset_apply(&c->preset, c->spec, err);
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
        .state_dir = c->ids.automatic ? cf_arena_printf(c->arena, "%s/%s", c->runtime->root, c->id) : "",
        .refuse_exposed = c->preset.hardened && !c->preset.setuid_volumes,
        .bus_address = c->runtime->bus_address,
        .runtime_dir = c->runtime->runtime_dir,
    };
    r = create_plan_notify(c, err);
    if (r < 0)
        return r;
    c->input = (struct cf_plan_input){
        .arena = c->arena, .spec = c->spec, .facts = &c->facts, .options = &c->plan_options, .id = c->id};
    r = cf_plan_build(&c->input, c->runtime->cgroup_manager, c->runtime->rootless, &c->plan, c->join_fds, err);
    if (r >= 0)
        r = cf_preset_check_joins(&c->preset, &c->plan.ns, c->join_fds, c->spec, err);
    if (r < 0) {
        cf_err_step(err, "plan");
        return r;
    }
    cf_create_log_warnings(c, c->plan.warnings);
    return 0;
}

static int create_fill_record(struct cf_create *c, struct cf_err *err)
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
    record->no_process = !c->spec->config->process;
    record->has_poststart = c->plan.poststart.n > 0;
    record->has_poststop = c->plan.poststop.n > 0;
    record->gate = !c->run;
    record->caller_keyring = c->plan_options.no_new_keyring;
    record->no_new_privileges = c->preset.hardened && !c->preset.new_privileges;
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
    r = cf_rdt_locate(&c->plan.rdt, c->arena, &record->rdt, err);
    return r < 0 ? r : cf_cgroup_locate(&c->plan.cgroup, c->arena, &record->cgroup, err);
}

int cf_create_publish(struct cf_create *c, struct cf_err *err)
{
    int r;

    r = create_fill_record(c, err);
    if (r >= 0)
        r = cf_store_publish(c->store, &c->record, c->spec->raw, c->spec->raw_len, &c->entry, err);
    if (r < 0)
        cf_err_step(err, "state");
    return r;
}

int cf_create_lease(struct cf_create *c, struct cf_err *err)
{
    struct cf_create_ids_input in = cf_create_ids_input_of(c);
    int r = cf_create_ids_check(&in, &c->ids, &c->plan.userns, err);

    if (r < 0)
        cf_err_step(err, "ids");
    return r;
}

/* Outside resources: cgroup, root, gate, mount sources; then the plan is complete. */
int cf_create_prepare(struct cf_create *c, struct cf_err *err)
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
    if (c->plan.rdt.wanted) {
        r = cf_rdt_open(&c->record.rdt, &c->rdt, err);
        if (r >= 0)
            r = cf_rdt_create(&c->rdt, &c->plan.rdt, &c->record.rdt, err);
        if (r < 0) {
            cf_err_step(err, "cgroup");
            return r;
        }
    }
    if (!c->run) {
        r = cf_gate_listen(c->entry, &c->gate_fd, err);
        if (r < 0) {
            cf_err_step(err, "state");
            return r;
        }
    }
    r = create_make_notify(c, err);
    if (r < 0)
        return r;
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
    r = cf_sysctl_host_write(&c->plan, err);
    if (r < 0) {
        cf_err_step(err, "sysctl");
        return r;
    }
    cf_create_log_warnings(c, *more);
    if ((c->plan.ns.new_flags & CLONE_NEWCGROUP) && c->cgroup && cf_cgroup_clone_fd(c->cgroup) < 0) {
        /* Attached after the clone, so the namespace's root would be the wrong cgroup: init unshares. */
        c->plan.ns.new_flags &= ~(uint64_t) CLONE_NEWCGROUP;
        cf_blob_header(c->plan.blob)->flags |= CF_BLOB_UNSHARE_CGROUP;
    }
    return cf_blob_finish(c->plan.blob, &c->blob, &c->blob_size, err);
}
