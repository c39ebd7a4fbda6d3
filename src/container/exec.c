/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * exec: one more process in a container. The way of create in small: a plan from pure parts, coffer-init as what
 * carries it out, one undo. Everything comes from the state directory; the bundle may have changed or be gone.
 *
 * Host side.
 */

#include "container/exec-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "path/path.h"
#include "process/affinity-plan.h"
#include "process/exec-plan.h"
#include "process/process.h"
#include "seccomp/seccomp.h"
#include "security/security.h"
#include "spec/check.h"
#include "sys/fs.h"
#include "sys/task.h"

static void exec_done(struct cf_exec *x)
{
    for (size_t i = 0; i < sizeof(x->fds) / sizeof(x->fds[0]); i++)
        cf_fd_close(&x->fds[i]);
    cf_fd_close(&x->init_pidfd);
    cf_fd_close(&x->console_fd);
    cf_spawn_done(&x->spawn, false);
    cf_listener_done(&x->listener);
    cf_cgroup_close(x->cgroup);
    cf_entry_close(x->entry);
    cf_blob_builder_free(x->plan.blob);
    cf_spec_free(x->spec);
    ocispec_doc_free(x->file_doc);
    cf_arena_free(x->arena);
}

/* ---- what the caller asks for ---- */

static int exec_read_file(struct cf_exec *x, struct cf_err *err)
{
    const char *path = x->options->process_file;
    struct ocispec_error why = {0};
    cf_auto_free char *text = NULL;
    size_t len = 0;
    int r;

    r = cf_io_read_file_at(AT_FDCWD, path, CF_SPEC_MAX_FILE, &text, &len);
    if (r == -EINVAL)
        return cf_err_set(err, COFFER_ERROR_CONFIG, "config-type", r, "`%s` is not a regular file", path);
    if (r < 0)
        return cf_err_sys(err, r, "read `%s`", path);
    r = ocispec_process_parse(text, len, NULL, &x->file, &x->file_doc, &why);
    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0 && why.path[0]) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "config-value", -EINVAL, "%s: %s: %s", path, why.path, why.message);
        cf_err_field(err, "%s", why.path);
        return -EINVAL;
    }
    return r < 0 ? cf_err_set(err, COFFER_ERROR_CONFIG, "config-syntax", r, "%s: %s", path, why.message) : 0;
}

static int exec_check_options(struct cf_exec *x, struct cf_err *err)
{
    const struct coffer_exec_options *o = x->options;

    if (o->process_file)
        return exec_read_file(x, err);
    if (!o->args || !o->args[0])
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "args-empty", -EINVAL, "exec args cannot be empty");
    for (const char *const *cap = o->caps; cap && *cap; cap++)
        if (cf_cap_number(*cap) < 0)
            return cf_err_set(err, COFFER_ERROR_ARGUMENT, "cap-unknown", -EINVAL, "unknown capability `%s`", *cap);
    return 0;
}

static int exec_check_terminal(const struct cf_exec *x, struct cf_err *err)
{
    bool terminal = x->config.process->terminal, detach = x->options->flags & COFFER_EXEC_DETACH;

    if (terminal && detach && !x->options->console_socket)
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "console-missing", -EINVAL,
                          "cannot allocate tty if coffer will detach without setting console socket");
    if (x->options->console_socket && (!terminal || !detach))
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "console-unused", -EINVAL,
                          "cannot use console socket if coffer will not detach or allocate tty");
    return 0;
}

/* The configuration of the container, with our process in the place of its own. */
static int exec_view(struct cf_exec *x, struct cf_err *err)
{
    struct ocispec_process *process;
    int r = cf_exec_plan_process(x->options, x->file, x->spec->config, x->arena, &process, err);

    if (r < 0)
        return r;
    x->config = *x->spec->config;
    x->config.process = process;
    x->view = *x->spec;
    x->view.config = &x->config;
    r = cf_spec_check_process(process, err);
    return r < 0 ? r : exec_check_terminal(x, err);
}

/* ---- plan ---- */

static bool has_mount_namespace(const struct ocispec_config *config)
{
    bool joined;

    return cf_spec_has_namespace(config, "mount", &joined);
}

static int exec_add_fd(struct cf_exec *x, uint32_t kind, int fd, struct cf_err *err)
{
    int r = cf_plan_add_source(&x->input, &x->plan, &(struct cf_source){.kind = kind, .blob_mount = -1}, err);

    if (r >= 0)
        x->fds[r] = fd;
    else
        cf_fd_close(&fd);
    return r;
}

/* What coffer-init cannot open from within. */
static int exec_sources(struct cf_exec *x, struct cf_err *err)
{
    const struct cf_blob_header *h = cf_blob_header(x->plan.blob);
    int fd, r;

    if (!(h->flags & CF_BLOB_MOUNTNS)) {
        fd = cf_sys_openat(AT_FDCWD, x->record.rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd < 0)
            return cf_err_sys(err, fd, "open rootfs `%s`", x->record.rootfs);
        r = exec_add_fd(x, CF_SOURCE_ROOT, fd, err);
        if (r < 0)
            return r;
        cf_blob_header(x->plan.blob)->root_fd = r;
        h = cf_blob_header(x->plan.blob);
    }
    /* The container's own shows nobody who is not in its pid namespace. It is closed before the process is. */
    if (h->exec_label || h->key_label) {
        fd = cf_procfs_open_host();
        if (fd < 0)
            return cf_err_sys(err, fd, "open `/proc`");
        r = exec_add_fd(x, CF_SOURCE_PROC, fd, err);
        if (r < 0)
            return r;
        cf_blob_header(x->plan.blob)->proc_fd = r;
    }
    return 0;
}

static int exec_frame(struct cf_exec *x, struct cf_err *err)
{
    struct cf_plan *plan = &x->plan;
    struct cf_blob_header *header;
    cf_str id;

    plan->warnings_tail = &plan->warnings;
    plan->blob = cf_blob_builder_new();
    if (!plan->blob)
        return cf_err_oom(err);
    id = cf_blob_add_str(plan->blob, x->id);
    header = cf_blob_header(plan->blob);
    header->id = id;
    header->flags = CF_BLOB_EXEC;
    header->pidns_fd = CF_NO_FD;
    header->signals_ignored = x->facts.signals_ignored;
    if (has_mount_namespace(&x->config))
        header->flags |= CF_BLOB_MOUNTNS;
    if (x->enter_flags & CLONE_NEWPID)
        header->flags |= CF_BLOB_PIDNS_JOINED;
    if (!(x->enter_flags & CLONE_NEWUSER))
        return 0;
    header->flags |= CF_BLOB_USERNS;
    return cf_userns_read_entered(x->record.init_pid, x->arena, &plan->userns, err);
}

static int exec_seccomp(struct cf_exec *x, struct cf_err *err)
{
    struct cf_seccomp_program program;
    struct cf_blob_header *header;
    cf_auto_fd int cache_fd = -EBADF;
    struct cf_err ignored = CF_ERR_INIT;
    struct cf_store *store;
    struct cf_ref insns;
    int r;

    if (!x->config.linux || !x->config.linux->seccomp)
        return 0;
    r = cf_runtime_store(x->runtime, false, &store, err);
    if (r < 0)
        return r;
    if (cf_store_cache_fd(store, "seccomp", &cache_fd, &ignored) < 0)
        cache_fd = -EBADF; /* slower, not wrong */
    r = cf_seccomp_prepare_config(&x->config, cache_fd, x->arena, &program, err);
    if (r < 0) {
        cf_err_step(err, "seccomp");
        return r;
    }
    if (program.n == 0)
        return 0;
    insns = cf_blob_add_array(x->plan.blob, program.insns, program.n, sizeof(uint64_t));
    header = cf_blob_header(x->plan.blob);
    header->seccomp = insns;
    header->seccomp_flags = program.flags;
    header->flags |= CF_BLOB_SECCOMP;
    r = cf_seccomp_listener_plan(&x->config, header->flags & CF_BLOB_NO_NEW_PRIVS, x->runtime->seccomp_receiver,
                                 &x->listener.to, err);
    if (r >= 0 && x->listener.to.path) {
        r = cf_seccomp_listener_connect(&x->listener.to, err);
        x->listener.sock = r;
    }
    if (r < 0)
        cf_err_step(err, "seccomp");
    return r < 0 ? r : 0;
}

/* Does nothing have to be known, delivered or done to the process before it may execute the program? What somebody
 * else is to look after begins only when that one can find it. */
static bool exec_may_go_at_once(struct cf_exec *x)
{
    const struct coffer_exec_options *o = x->options;

    return !(o->flags & COFFER_EXEC_DETACH) && !o->console_socket && !o->pidfd_socket && !o->pid_file &&
           !x->config.process->terminal && !x->record.rdt.root && !x->listener.to.path &&
           !(cf_blob_header(x->plan.blob)->flags & CF_BLOB_HOST_SCHED);
}

static int exec_plan(struct cf_exec *x, struct cf_err *err)
{
    const struct ocispec_process *process = x->config.process;
    int r;

    if (process->apparmor_profile || process->selinux_label)
        cf_facts_probe_lsm(&x->facts);
    x->plan_options = (struct cf_plan_options){
        .detach = x->options->flags & COFFER_EXEC_DETACH,
        .run = true,
        .no_new_keyring = x->record.caller_keyring,
        .have_console_socket = x->options->console_socket != NULL,
        .preserve_fds = x->options->preserve_fds,
    };
    x->input = (struct cf_plan_input){
        .arena = x->arena, .spec = &x->view, .facts = &x->facts, .options = &x->plan_options, .id = x->id};
    r = exec_frame(x, err);
    if (r >= 0)
        r = cf_process_plan_build(&x->input, &x->plan, err);
    if (r >= 0)
        r = cf_affinity_plan_build(&x->input, &x->plan, err);
    if (r >= 0)
        r = cf_caps_plan_build(&x->input, &x->plan, err);
    if (r >= 0)
        r = cf_lsm_plan_build(&x->input, &x->plan, err);
    if (r < 0) {
        cf_err_step(err, "plan");
        return r;
    }
    for (const struct cf_warning *w = x->plan.warnings; w; w = w->next)
        cf_log(&x->runtime->log, COFFER_LOG_WARNING, "plan", "%s", w->text);
    r = exec_seccomp(x, err);
    if (r >= 0)
        r = exec_sources(x, err);
    x->at_once = exec_may_go_at_once(x);
    if (r >= 0 && x->at_once)
        cf_blob_header(x->plan.blob)->flags |= CF_BLOB_AT_ONCE;
    return r < 0 ? r : cf_blob_finish(x->plan.blob, &x->blob, &x->blob_size, err);
}

/* ---- all of it ---- */

static int exec_all(struct cf_exec *x, struct coffer_process **ret, struct cf_err *err)
{
    cf_auto_free struct coffer_process *process = calloc(1, sizeof(*process));
    int r;

    x->arena = cf_arena_new();
    if (!x->arena || !process)
        return cf_err_oom(err);
    r = exec_check_options(x, err);
    if (r >= 0)
        r = cf_exec_find(x, err);
    if (r >= 0)
        r = exec_view(x, err);
    if (r >= 0)
        r = exec_plan(x, err);
    if (r >= 0)
        r = cf_exec_process(x, err);
    if (r < 0) {
        cf_spawn_done(&x->spawn, true);
        return r;
    }
    process->pid = x->spawn.pid;
    process->pidfd = cf_steal_fd(&x->spawn.pidfd);
    process->console_fd = cf_steal_fd(&x->console_fd);
    *ret = cf_steal_ptr(&process);
    return 0;
}

int cf_container_exec(struct coffer_container *container, const struct coffer_exec_options *options,
                      struct coffer_process **ret, struct cf_err *err)
{
    struct cf_exec x = {
        .runtime = container->runtime,
        .id = container->id,
        .options = options,
        .spawn = CF_SPAWN_INIT,
        .listener = CF_LISTENER_INIT,
        .init_pidfd = -EBADF,
        .fds = {-EBADF, -EBADF},
        .console_fd = -EBADF,
    };
    int r = exec_all(&x, ret, err);

    exec_done(&x);
    if (r < 0) {
        cf_err_step(err, "exec");
        (void) cf_err_in(err, "exec failed");
    }
    return r;
}

void cf_process_free(struct coffer_process *process)
{
    if (!process)
        return;
    cf_fd_close(&process->pidfd);
    cf_fd_close(&process->console_fd);
    free(process);
}
