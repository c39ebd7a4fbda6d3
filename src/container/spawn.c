/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes the container's first process and hands it its plan: one clone3 for everything that is new
 * (architecture D2), by the owner of the new user namespace (D3), straight into its cgroup (D4).
 * With namespaces that are joined by path a short-lived joiner stands in between (spawn-child.c).
 *
 * Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "base/format.h"
#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "container/stop-point.h"
#include "mount/mount.h"
#include "path/path.h"
#include "sys/clone-call.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"
#include "userns/userns-why.h"
#include "userns/userns.h"
#include "wire/msg.h"

/* Longest silence of the container side before it is given up. Once init builds, hooks without timeout lift it. */
#define CF_SPAWN_SILENCE_SECONDS 60
/* The preinit's stack where it shares our memory: cf_msg and cf_err are a few KiB each. */
#define CF_PREINIT_STACK_SIZE (32u << 10)

static int spawn_reap(int pidfd)
{
    siginfo_t info;
    int r;

    do
        r = cf_sys_waitid(P_PIDFD, pidfd, &info, WEXITED, NULL);
    while (r == -EINTR);
    return r;
}

static void spawn_unshield(struct cf_spawn *spawn)
{
    if (spawn->was_dumpable)
        (void) cf_sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    spawn->was_dumpable = false;
}

void cf_spawn_done(struct cf_spawn *spawn, bool kill_it)
{
    if (kill_it && spawn->pidfd >= 0) {
        (void) cf_sys_pidfd_send_signal(spawn->pidfd, SIGKILL, NULL, 0);
        (void) spawn_reap(spawn->pidfd);
    }
    free(spawn->stack);
    spawn->stack = NULL;
    spawn_unshield(spawn);
    cf_fd_close(&spawn->wire_fd);
    cf_fd_close(&spawn->pidfd);
}

/*
 * The child's credentials are soon those of the container's root, its memory is still ours: whoever is that user on
 * the host, and so owns the new user namespace, could write to it through the child. Not while it is not dumpable.
 * An unprivileged runtime is that user itself, and has to stay the owner of the child's files in /proc.
 */
static void spawn_shield(struct cf_spawn *spawn)
{
    spawn->was_dumpable = cf_sys_prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
    if (spawn->was_dumpable && spawn->privileged)
        (void) cf_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Its last words. The kernel tells of what it left unread (ECONNRESET) before it hands out what it sent. */
static int spawn_last_report(const struct cf_spawn *spawn, struct cf_err *err)
{
    struct pollfd wire = {.fd = spawn->wire_fd, .events = POLLIN};
    bool reset = false;
    struct cf_msg msg;
    int r;

    for (;;) {
        if (cf_sys_poll(&wire, 1, 0) <= 0)
            return 0; /* it is not closed: somebody else may hold it */
        r = cf_msg_recv(spawn->wire_fd, &msg);
        if (r == -ECONNRESET && !reset) {
            reset = true;
            continue;
        }
        if (r <= 0)
            return 0;
        if (msg.type == CF_MSG_FAIL) {
            cf_msg_take_err(&msg, err);
            cf_msg_done(&msg);
            return err->ret;
        }
        cf_msg_done(&msg);
    }
}

/* A process that was to join. Its cgroup may have counted an OOM kill long ago. */
static int spawn_explain_entered(const struct cf_spawn *spawn, const siginfo_t *info, struct cf_err *err)
{
    struct pollfd init = {.fd = spawn->enter_pidfd, .events = POLLIN};

    if (cf_sys_poll(&init, 1, 0) > 0)
        return cf_err_set(err, COFFER_ERROR_STATE, "state-stopped", -ESRCH, "cannot exec in a stopped container");
    if (info && info->si_pid && info->si_code == CLD_EXITED)
        return cf_err_set(err, COFFER_ERROR_PEER, "exec-died", -ECONNRESET,
                          "the process ended without a report, exit status %d", info->si_status);
    if (!info || !info->si_pid)
        return cf_err_set(err, COFFER_ERROR_PEER, "exec-died", -ECONNRESET, "the process closed its connection");
    (void) cf_err_set(err, COFFER_ERROR_PEER, "exec-died", -ECONNRESET,
                      "the process was killed by signal %d before it executed the program", info->si_status);
    if (info->si_status == SIGKILL)
        cf_err_hint(err, "look whether the memory limit of the container is reached");
    return -ECONNRESET;
}

int cf_spawn_explain_death(const struct cf_spawn *spawn, struct cf_err *err)
{
    siginfo_t info = {0};
    int r = spawn_last_report(spawn, err);

    cf_err_step(err, "init");
    if (r < 0)
        return r;
    r = cf_sys_waitid(P_PIDFD, spawn->pidfd, &info, WEXITED | WNOWAIT, NULL);
    if (spawn->enter)
        return spawn_explain_entered(spawn, r < 0 ? NULL : &info, err);
    if (spawn->cgroup && cf_cgroup_oom_killed(spawn->cgroup) > 0) {
        (void) cf_err_set(err, COFFER_ERROR_PEER, "init-oom", -ECONNRESET,
                          "container init was OOM-killed (memory limit too low?)");
        cf_err_hint(err, "raise linux.resources.memory.limit");
    } else if (r >= 0 && info.si_pid && info.si_code == CLD_EXITED) {
        (void) cf_err_set(err, COFFER_ERROR_PEER, "init-died", -ECONNRESET,
                          "container init ended without a report, exit status %d", info.si_status);
    } else if (r >= 0 && info.si_pid) {
        (void) cf_err_set(err, COFFER_ERROR_PEER, "init-died", -ECONNRESET,
                          "container init was killed by signal %d", info.si_status);
    } else {
        (void) cf_err_set(err, COFFER_ERROR_PEER, "init-died", -ECONNRESET,
                          "container init closed its connection");
    }
    return -ECONNRESET;
}

int cf_spawn_take_pid(struct cf_spawn *spawn, const struct cf_msg *msg, struct cf_err *err)
{
    cf_auto_fd int fd = -EBADF;
    siginfo_t info;
    int32_t pid = 0;
    int r;

    if (msg->len == sizeof(pid))
        memcpy(&pid, msg->payload, sizeof(pid));
    fd = pid > 1 ? cf_sys_pidfd_open(pid, 0) : -EPROTO;
    if (fd < 0)
        return cf_err_sys(err, fd, "open the process that takes over");
    /* Somebody in the container may have got hold of the wire: no word makes us signal what is not our child. */
    r = cf_sys_waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG | WNOWAIT, NULL);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                          "the process that takes over is not our child");
    (void) spawn_reap(spawn->pidfd);
    cf_fd_close(&spawn->pidfd);
    spawn->pidfd = cf_steal_fd(&fd);
    spawn->pid = pid;
    return 0;
}

/* The next word must be the pid of the next process, or the report of a failure. */
static int spawn_next_pid(struct cf_spawn *spawn, struct cf_err *err)
{
    struct cf_msg msg;
    int r;

    r = cf_msg_recv(spawn->wire_fd, &msg);
    if (r == 0 || r == -ECONNRESET)
        return cf_spawn_explain_death(spawn, err);
    if (r < 0)
        return cf_err_sys(err, r, "wait for the joiner");
    if (msg.type == CF_MSG_FAIL) {
        cf_msg_take_err(&msg, err);
        cf_msg_done(&msg);
        return err->ret;
    }
    if (msg.type != CF_MSG_INIT_PID)
        r = cf_err_set(err, COFFER_ERROR_PEER, "wire-script", -EPROTO,
                       "the joiner spoke out of turn (message %u)", msg.type);
    else
        r = cf_spawn_take_pid(spawn, &msg, err);
    cf_msg_done(&msg);
    return r;
}

static int spawn_write_oom_score(struct cf_spawn *spawn, struct cf_err *err)
{
    char path[64], text[CF_NUM_SIZE];
    size_t len;
    int fd, r;

    if (!spawn->plan->has_oom_score_adj)
        return 0;
    (void) cf_format(path, sizeof(path), "/proc/%d/oom_score_adj", (int) spawn->pid);
    len = cf_num_format_i64(text, spawn->plan->oom_score_adj);
    fd = cf_sys_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0);
    r = fd;
    if (fd >= 0) {
        r = (int) cf_sys_write(fd, text, len);
        if (r == -EACCES || r == -EPERM) {
            char now[CF_NUM_SIZE];
            long n = cf_sys_pread64(fd, now, sizeof(now) - 1, 0);

            /* Rootless: what cannot be lowered but is already there is what was asked for. */
            while (n > 0 && now[n - 1] == '\n')
                n--;
            if (n == (long) len && memcmp(now, text, len) == 0)
                r = 0;
        }
        (void) cf_sys_close(fd);
    }
    if (r < 0) {
        r = cf_err_sys(err, r, "set oom_score_adj to %s", text);
        cf_err_field(err, "process.oomScoreAdj");
        cf_err_step(err, "spawn");
        return r;
    }
    return 0;
}

int cf_spawn_tell(const struct cf_spawn *spawn, uint32_t type, const char *what, struct cf_err *err)
{
    int r = cf_msg_send(spawn->wire_fd, type, NULL, 0, NULL, 0);

    if (r == -EPIPE)
        return cf_spawn_explain_death(spawn, err);
    return r < 0 ? cf_err_sys(err, r, "%s", what) : 0;
}

static int spawn_send_mapped(struct cf_spawn *spawn, struct cf_err *err)
{
    return cf_spawn_tell(spawn, CF_MSG_MAPPED, "release the new process", err);
}

/* The plan goes with the first message: as its payload if it is small, else as its first fd. The last one says
 * BUILD. */
static int spawn_send_plan(struct cf_spawn *spawn, int blob_fd, struct cf_err *err)
{
    size_t n = spawn->plan->n_sources, sent = 0;
    const void *payload = blob_fd < 0 ? spawn->blob : NULL;
    uint32_t len = blob_fd < 0 ? (uint32_t) spawn->blob_size : 0;
    int batch[CF_MSG_MAX_FDS];
    uint32_t k = 0;
    int r;

    if (blob_fd >= 0)
        batch[k++] = blob_fd;
    for (;;) {
        while (k < CF_MSG_MAX_FDS && sent < n)
            batch[k++] = spawn->fds[sent++];
        r = cf_msg_send(spawn->wire_fd, sent == n ? CF_MSG_BUILD : CF_MSG_FDS, payload, len, batch, k);
        if (r < 0 || sent == n)
            break;
        payload = NULL;
        len = 0;
        k = 0;
    }
    if (r == -EPIPE)
        return cf_spawn_explain_death(spawn, err);
    return r < 0 ? cf_err_sys(err, r, "send the plan to coffer-init") : 0;
}

/*
 * May what enters a container share our memory, as after vfork(2)? While it does, nobody in there may see it (its pid
 * namespace takes only its children), and the kernel must not be asked for what it denies to sharers. Out of memory,
 * the kernel does not choose it (in_vfork() in mm/oom_kill.c), which it might do with a clone that we do not wait for,
 * and then kills who shares the memory with it: us.
 */
static bool spawn_may_share(const struct cf_spawn *spawn, bool placed)
{
    return CF_HAVE_CLONE_CALL && !spawn->apart && (spawn->enter_flags & (CLONE_NEWPID | CLONE_NEWTIME)) == CLONE_NEWPID &&
           (placed || spawn->privileged);
}

/* A process that enters a container needs nothing but to be put in its place before it does; or, where we wait until
 * it has executed coffer-init, before that one gets its plan. */
static void spawn_split_enter(struct cf_spawn *spawn, struct cf_preinit *preinit)
{
    bool placed = !spawn->plan->has_oom_score_adj && (!spawn->cgroup || cf_cgroup_clone_fd(spawn->cgroup) >= 0);

    preinit->enter = true;
    preinit->enter_pidfd = spawn->enter_pidfd;
    preinit->enter_flags = spawn->enter_flags;
    preinit->shares_memory = spawn_may_share(spawn, placed);
    preinit->wait_placed = !placed && !preinit->shares_memory;
    spawn->plan_first = placed && preinit->shares_memory && spawn->n_limits == 0;
}

/* Which of the new namespaces go into the first clone3 and which the preinit makes after its joins. */
static void spawn_split(struct cf_spawn *spawn, struct cf_preinit *preinit, uint64_t *ret_first)
{
    const struct cf_ns_plan *ns = &spawn->plan->ns;
    const struct cf_userns_plan *userns = &spawn->plan->userns;
    uint64_t flags = ns->new_flags;
    /* Two steps: the second process makes the user namespace when the first is what it shall be made by. */
    bool late = ns->n_joins > 0 || ((flags & CLONE_NEWUSER) && spawn->raises_budget);

    preinit->become_root = userns->mode != CF_USERNS_NONE;
    if (spawn->enter) {
        *ret_first = 0;
        spawn_split_enter(spawn, preinit);
        return;
    }
    preinit->timens_offsets = ns->timens_offsets;
    preinit->joins = ns->joins;
    preinit->n_joins = ns->n_joins;
    preinit->join_fds = spawn->join_fds;
    if (!late && !ns->timens_offsets) {
        *ret_first = flags;
        preinit->wait_placed = (flags & CLONE_NEWUSER) || (spawn->cgroup && cf_cgroup_clone_fd(spawn->cgroup) < 0);
        return;
    }
    preinit->wait_placed = true;
    preinit->user_join_first = userns->mode == CF_USERNS_JOIN && !spawn->privileged;
    if (flags & CLONE_NEWUSER) {
        preinit->userns_new_late = late;
        preinit->switch_owner = userns->switch_owner;
        preinit->owner_uid = userns->owner_uid;
        preinit->owner_gid = userns->owner_gid;
    }
    *ret_first = late ? 0 : flags & CLONE_NEWUSER;
    preinit->rest = flags & ~(uint64_t) CLONE_NEWUSER;
    preinit->clone_rest = ns->timens_offsets || (preinit->rest & CLONE_NEWPID);
}

static void spawn_run_preinit(const void *arg)
{
    cf_preinit_run(arg);
}

#if CF_HAVE_CLONE_CALL
/*
 * What runs out of memory in the container's cgroup is killed together with everything that shares its memory,
 * which would be us. The few pages of the preinit only matter where the limit is next to nothing.
 */
static bool spawn_memory_is_tight(const struct cf_plan *plan)
{
    const uint64_t enough = UINT64_C(8) << 20;
    uint64_t value;

    for (size_t i = 0; i < plan->cgroup.n_writes; i++) {
        const struct cf_cgroup_write *w = &plan->cgroup.writes[i];

        if (strcmp(w->controller, "memory") == 0 && cf_num_parse_u64(w->value, 0, UINT64_MAX, &value) >= 0 &&
            value < enough)
            return true;
    }
    return false;
}
#endif

/*
 * The plain way copies our memory (page tables, then pages as we write). Sharing it until the image is executed
 * is cheaper; but with joined namespaces the child is among strangers before that, and what they may trace must
 * not be us.
 */
static int spawn_clone3(struct cf_spawn *spawn, struct cf_clone_args *args)
{
    int pid;

#if CF_HAVE_CLONE_CALL
    /* The kernel gives an oom_score_adj to all processes that share the memory. */
    if (spawn->preinit.shares_memory ||
        (!spawn->enter && !spawn->preinit.n_joins && !spawn->preinit.userns_new_late &&
         !spawn->preinit.timens_offsets && !spawn->plan->has_oom_score_adj && !spawn_memory_is_tight(spawn->plan))) {
        spawn->stack = malloc(CF_PREINIT_STACK_SIZE); /* aligned as the ABI wants it */
        if (spawn->stack) {
            args->flags |= CLONE_VM | (spawn->preinit.shares_memory ? CLONE_VFORK : 0);
            args->stack = (uint64_t) (uintptr_t) spawn->stack;
            args->stack_size = CF_PREINIT_STACK_SIZE;
            return (int) cf_sys_clone3_call(args, sizeof(*args), spawn_run_preinit, &spawn->preinit);
        }
        if (spawn->preinit.shares_memory)
            return -ENOMEM;
    }
#endif
    pid = cf_sys_clone3(args, sizeof(*args));
    if (pid == 0)
        spawn_run_preinit(&spawn->preinit);
    return pid;
}

static int spawn_clone(struct cf_spawn *spawn, uint64_t flags, struct cf_err *err)
{
    int cgroup_fd = spawn->cgroup ? cf_cgroup_clone_fd(spawn->cgroup) : -1;
    struct cf_clone_args args = {
        .flags = flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t) (uintptr_t) &spawn->pidfd,
        .exit_signal = SIGCHLD,
    };
    struct cf_userns_owner owner = {0};
    bool switch_owner = (flags & CLONE_NEWUSER) && spawn->plan->userns.switch_owner;
    int pid, r;

    if (cgroup_fd >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t) cgroup_fd;
    }
    if ((flags | (spawn->preinit.shares_memory ? (unsigned int) spawn->enter_flags : 0)) & CLONE_NEWUSER)
        spawn_shield(spawn);
    if (switch_owner) {
        r = cf_userns_owner_enter(&spawn->plan->userns, &owner, err);
        if (r < 0)
            return r;
    }
    /* CLONE_CLEAR_SIGHAND: no handler of the caller ever runs in the child, which blocks signals first of all. */
    pid = spawn_clone3(spawn, &args);
    if (switch_owner)
        cf_userns_owner_leave(&owner);
    if (spawn->preinit.shares_memory)
        spawn_unshield(spawn); /* it has executed, or is gone */
    if (pid < 0) {
        spawn->pidfd = -EBADF;
        r = spawn->enter ? cf_err_sys(err, pid, "clone into the container's cgroup")
                         : cf_userns_why_not(spawn->privileged, flags, pid, "clone into new namespaces", err);
        cf_err_step(err, "spawn");
        return r;
    }
    spawn->pid = pid;
    return 0;
}

static int spawn_place(struct cf_spawn *spawn, const struct cf_preinit *preinit, struct cf_err *err)
{
    struct cf_plan *plan = spawn->plan;
    bool maps = plan->userns.mode == CF_USERNS_NEW;
    int r;

    if (spawn->cgroup && cf_cgroup_clone_fd(spawn->cgroup) < 0) {
        r = cf_cgroup_attach(spawn->cgroup, spawn->pid, err);
        if (r < 0)
            return r;
    }
    r = spawn_write_oom_score(spawn, err);
    if (r >= 0)
        r = cf_spawn_raise_limits(spawn, err);
    if (r < 0)
        return r;
    if (maps && !preinit->userns_new_late) {
        r = cf_userns_write_maps(&plan->userns, spawn->pid, err);
        if (r < 0)
            return r;
    }
    if (preinit->wait_placed) {
        r = spawn_send_mapped(spawn, err);
        if (r < 0)
            return r;
    }
    if (preinit->userns_new_late) {
        r = spawn_next_pid(spawn, err);
        if (r >= 0)
            r = cf_userns_write_maps(&plan->userns, spawn->pid, err);
        if (r >= 0)
            r = spawn_send_mapped(spawn, err);
        if (r < 0)
            return r;
    }
    return preinit->clone_rest ? spawn_next_pid(spawn, err) : 0;
}

/* Mounts that are mapped as the container is wait for its namespace. */
static int spawn_idmap(struct cf_spawn *spawn, struct cf_err *err)
{
    struct cf_plan *plan = spawn->plan;
    int join_fd = -1, r;

    if (!plan->n_idmaps)
        return 0;
    for (uint32_t i = 0; i < plan->ns.n_joins; i++)
        if (plan->ns.joins[i].type == CLONE_NEWUSER)
            join_fd = spawn->join_fds[i];
    r = cf_mount_host_idmap(plan, spawn->fds, spawn->pid, join_fd, err);
    if (r == -ESRCH || r == -ENOENT)
        return cf_spawn_explain_death(spawn, err);
    return r;
}

int cf_spawn_init(struct cf_spawn *spawn, struct cf_err *err)
{
    const struct timeval silence = {.tv_sec = CF_SPAWN_SILENCE_SECONDS}, no_limit = {0};
    cf_auto_fd int child_fd = -EBADF, image_fd = -EBADF, blob_fd = -EBADF;
    struct cf_preinit *preinit = &spawn->preinit;
    uint64_t first = 0;
    int pair[2];
    int r;

    if (spawn->blob_size > CF_MSG_MAX_PAYLOAD) {
        blob_fd = cf_io_sealed_memfd("coffer-plan", spawn->blob, spawn->blob_size, 0);
        if (blob_fd < 0)
            return cf_err_sys(err, blob_fd, "make memory file for the plan");
    }
    r = cf_sys_socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
    if (r < 0)
        return cf_err_sys(err, r, "make the wire");
    spawn->wire_fd = pair[0];
    child_fd = pair[1];
    r = cf_spawn_look_at_limits(spawn, err);
    if (r < 0)
        return r;
    image_fd = cf_image_open(spawn->enter, err);
    if (image_fd < 0)
        return image_fd;
    (void) cf_sys_setsockopt(spawn->wire_fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));

    /* The lowest number that init may have: what it closes later is then one range. */
    preinit->wire_place = 3 + (int) spawn->preserve_fds;
    if (preinit->wire_place == image_fd)
        preinit->wire_place = child_fd;
    (void) cf_num_format(spawn->wire_text, (uint64_t) preinit->wire_place);
    preinit->wire_fd = child_fd;
    preinit->host_fd = spawn->wire_fd;
    preinit->image_fd = image_fd;
    preinit->preserve_fds = spawn->preserve_fds;
    (void) cf_str_copy(spawn->name, sizeof(spawn->name), "coffer-init");
    preinit->argv[0] = spawn->name;
    preinit->argv[1] = spawn->wire_text;
    spawn_split(spawn, preinit, &first);

    r = spawn->plan_first ? spawn_send_plan(spawn, blob_fd, err) : 0;
    if (r >= 0)
        r = spawn_clone(spawn, first, err);
    if (image_fd == child_fd + 1 && cf_sys_close_range((unsigned int) child_fd, (unsigned int) image_fd, 0) >= 0)
        child_fd = image_fd = -EBADF;
    cf_fd_close(&child_fd);
    cf_fd_close(&image_fd);
    cf_stop_point(spawn->enter ? "exec-cloned" : "create-cloned");
    if (r >= 0) {
        r = spawn_place(spawn, preinit, err);
        if (r < 0 && preinit->shares_memory)
            (void) spawn_last_report(spawn, err); /* it failed first */
    }
    if (r >= 0)
        r = spawn_idmap(spawn, err);
    if (r >= 0 && !spawn->plan_first)
        r = spawn_send_plan(spawn, blob_fd, err);
    if (r < 0) {
        cf_spawn_done(spawn, true);
        cf_err_step(err, "spawn");
        return r;
    }
    if (spawn->plan->has_child_hooks)
        (void) cf_sys_setsockopt(spawn->wire_fd, SOL_SOCKET, SO_RCVTIMEO, &no_limit, sizeof(no_limit));
    return 0;
}
