/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The life of the container's first process, from the entry to execve, in the order of init.h.
 * Container side: freestanding, nothing is allocated, every failure is one FAIL message and the
 * end of the process. End of file on the wire means that the host gave up: a quiet end.
 */

#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "base/fd.h"
#include "base/format.h"
#include "coffer/log.h"
#include "init/init-internal.h"
#include "sys/clone-away.h"
#include "sys/cred.h"
#include "sys/fs.h"
#include "sys/task.h"

/* The image for `exec` holds what a process needs that enters, which is less than half: each page of it is written,
 * and given back, once for each process. */
#ifdef CF_INIT_ENTERS_ONLY
#define BUILDS 0
#else
#define BUILDS 1
#endif

#define FEW_FDS 64
/* Small enough to be read as a whole at once, so that there is one page fault instead of many. */
#define POPULATE_MAX (64u << 10)

/* What the plan needs of memory, if it is a small one. */
struct room {
    int few[FEW_FDS];
    _Alignas(16) unsigned char plan[CF_MSG_MAX_PAYLOAD];
};

/* The entry calls this with the initial stack pointer; only start-*.S knows it. */
__attribute__((noreturn)) void cf_init_start(long *sp);

struct stage {
    const char *step;
    uint32_t flag; /* only if the blob has it; 0: always */
    int (*run)(struct cf_init *in, struct cf_err *err);
};

__attribute__((noreturn)) static void fail(struct cf_init *in, struct cf_err *err, const char *step)
{
    cf_err_step(err, step);
    if (in->report_fd >= 0)
        (void) cf_msg_send_err(in->report_fd, err);
    cf_sys_exit_group(1);
}

void cf_init_warn(struct cf_init *in, const char *fmt, ...)
{
    struct {
        uint32_t level;
        char text[1020];
    } record = {.level = COFFER_LOG_WARNING};
    va_list args;
    size_t n;

    if (in->report_fd < 0)
        return;
    va_start(args, fmt);
    n = cf_vformat(record.text, sizeof(record.text), fmt, args);
    va_end(args);
    if (n >= sizeof(record.text))
        n = sizeof(record.text) - 1;
    (void) cf_msg_send(in->report_fd, CF_MSG_LOG, &record, (uint32_t) (sizeof(uint32_t) + n), NULL,
                       0);
}

int cf_init_take_fd(struct cf_init *in, int32_t index)
{
    int fd;

    if (index < 0 || (uint32_t) index >= in->n_fds)
        return -EBADF;
    fd = in->fds[index];
    in->fds[index] = -1;
    return fd < 0 ? -EBADF : fd;
}

static int map_blob(struct cf_init *in, int fd, struct cf_err *err)
{
    struct stat st;
    long base;
    int r;

    r = cf_sys_fstat(fd, &st);
    if (r < 0)
        return cf_err_sys(err, r, "look at the plan");
    if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t) st.st_size > CF_BLOB_MAX_SIZE)
        return cf_err_set(err, COFFER_ERROR_BUG, "plan-invalid", -EBADMSG,
                          "plan has no valid size");
    base = cf_sys_mmap(NULL, (size_t) st.st_size, PROT_READ,
                       MAP_PRIVATE | (st.st_size <= POPULATE_MAX ? MAP_POPULATE : 0), fd, 0);
    if (cf_sys_is_error(base))
        return cf_err_sys(err, (int) base, "map the plan");
    r = cf_blob_check((const void *) base, (uint64_t) st.st_size, &in->blob);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "plan-invalid", r, "plan is not valid");
    return 0;
}

/* The array for the plan's fds: @few if it is large enough. */
static int make_fd_array(struct cf_init *in, int *few, struct cf_err *err)
{
    uint32_t n = in->blob.h->n_fds;

    in->fds = few;
    if (n > FEW_FDS) {
        long p = cf_sys_mmap(NULL, n * sizeof(int), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (cf_sys_is_error(p))
            return cf_err_oom(err);
        in->fds = (int *) p;
    }
    for (uint32_t i = 0; i < n; i++)
        in->fds[i] = -1;
    return 0;
}

/* Next message of the host; the process ends here if there will be none. */
static int receive(struct cf_init *in, struct cf_msg *msg, struct cf_err *err)
{
    int r = cf_msg_recv(in->wire_fd, msg);

    if (r == 0 || r == -ECONNRESET)
        cf_sys_exit_group(1);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_PEER, "wire", r, "receive from the runtime");
    return 0;
}

/* A small plan is the payload of the first message, a large one its first fd. */
static int take_blob(struct cf_init *in, const struct cf_msg *msg, struct room *room,
                     struct cf_err *err)
{
    int r;

    if (msg->len == 0)
        return map_blob(in, msg->fds[0], err);
    memcpy(room->plan, msg->payload, msg->len);
    r = cf_blob_check(room->plan, msg->len, &in->blob);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "plan-invalid", r, "plan is not valid");
    return 0;
}

static int take_fds(struct cf_init *in, struct cf_msg *msg, struct room *room, struct cf_err *err)
{
    uint32_t i = 0;
    int r;

    if (!in->blob.h) {
        if (msg->n_fds == 0 && msg->len == 0)
            return cf_err_set(err, COFFER_ERROR_PEER, "wire", -EPROTO, "plan is missing");
        i = msg->len == 0;
        r = take_blob(in, msg, room, err);
        if (r >= 0)
            r = make_fd_array(in, room->few, err);
        if (r < 0)
            return r;
    }
    for (; i < msg->n_fds; i++) {
        if (in->n_fds >= in->blob.h->n_fds)
            return cf_err_set(err, COFFER_ERROR_PEER, "wire", -EPROTO, "more fds than planned");
        in->fds[in->n_fds++] = msg->fds[i];
        msg->fds[i] = -1;
    }
    return 0;
}

static int receive_plan(struct cf_init *in, struct room *room, struct cf_err *err)
{
    struct cf_msg msg;
    int r;

    for (;;) {
        r = receive(in, &msg, err);
        if (r < 0)
            return r;
        if (msg.type == CF_MSG_FDS || (msg.type == CF_MSG_BUILD && (msg.n_fds || msg.len)))
            r = take_fds(in, &msg, room, err);
        cf_msg_done(&msg); /* closes what was not taken: the blob, which is mapped */
        if (r < 0)
            return r;
        if (msg.type != CF_MSG_FDS)
            break;
    }
    if (msg.type != CF_MSG_BUILD || !in->blob.h || in->n_fds != in->blob.h->n_fds)
        return cf_err_set(err, COFFER_ERROR_PEER, "wire", -EPROTO, "plan is incomplete");
    return 0;
}

/* Sends @type and waits for @answer. */
static int exchange(struct cf_init *in, uint32_t type, uint32_t answer, struct cf_err *err)
{
    struct cf_msg msg;
    int r;

    r = cf_msg_send(in->wire_fd, type, NULL, 0, NULL, 0);
    if (r < 0)
        cf_sys_exit_group(1);
    r = receive(in, &msg, err);
    if (r < 0)
        return r;
    cf_msg_done(&msg);
    if (msg.type != answer)
        return cf_err_set(err, COFFER_ERROR_PEER, "wire", -EPROTO,
                          "unexpected message %u from the runtime", msg.type);
    return 0;
}

static int unshare_cgroup(struct cf_init *in, struct cf_err *err)
{
    int r = cf_sys_unshare(CLONE_NEWCGROUP);

    return r < 0 ? cf_err_sys(err, r, "make a cgroup namespace") : 0;
}

static int host_hooks(struct cf_init *in, struct cf_err *err)
{
    return exchange(in, CF_MSG_BUILT, CF_MSG_HOOKS_DONE, err);
}

static int create_hooks(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    int r = cf_hook_child_outputs(in, err);

    if (r < 0 || h->create_container_hooks.count == 0)
        return r;
    return cf_hook_child_run(in, h->create_container_hooks, h->create_state_head,
                             h->create_state_tail, "createContainer", err);
}

static int terminal(struct cf_init *in, struct cf_err *err)
{
    int r = cf_term_child_open(in, err);

    if (r >= 0 && (in->blob.h->flags & CF_BLOB_MOUNTNS))
        r = cf_device_child_console(in, err);
    return r;
}

/* Everything else resolves below root_fd. Without a mount namespace it is the plain directory. */
static int own_root(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    int r;

    if (h->flags & CF_BLOB_MOUNTNS)
        return 0;
    r = cf_init_take_fd(in, h->root_fd);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "plan-invalid", r, "the root is missing");
    in->root_fd = r;
    return 0;
}

/* Without a mount namespace there is nothing to pivot: the view ends at the directory all the same. */
static int change_root(struct cf_init *in, struct cf_err *err)
{
    int r;

    if (in->blob.h->flags & CF_BLOB_MOUNTNS)
        return 0;
    r = cf_sys_fchdir(in->root_fd);
    if (r >= 0)
        r = cf_sys_chroot(".");
    return r < 0 ? cf_err_sys(err, r, "change the root") : 0;
}

static int send_console(struct cf_init *in, struct cf_err *err)
{
    char name[32];
    unsigned int number = 0;
    size_t len;
    int r;

    r = cf_sys_ioctl_ptr(in->master_fd, TIOCGPTN, &number);
    if (r < 0)
        return cf_err_sys(err, r, "ask for the number of the terminal");
    len = cf_format(name, sizeof(name), "/dev/pts/%u", number);
    r = cf_msg_send(in->wire_fd, CF_MSG_CONSOLE, name, (uint32_t) len, &in->master_fd, 1);
    if (r < 0)
        return cf_err_sys(err, r, "send the terminal to the runtime");
    (void) cf_sys_close(in->master_fd);
    in->master_fd = -1;
    return 0;
}

static int stdio(struct cf_init *in, struct cf_err *err)
{
    if (in->blob.h->flags & CF_BLOB_TERMINAL)
        return 0;
    return cf_stdio_child_setup(in, err);
}

/* A controlling terminal belongs to a session: where the final process is yet to be cloned, it
 * attaches it itself. */
static int attach_early(struct cf_init *in, struct cf_err *err)
{
    return in->blob.h->flags & CF_BLOB_PIDNS_JOINED ? 0 : cf_term_child_attach(in, err);
}

static const struct stage build_stages[] = {
    {"namespace", CF_BLOB_UNSHARE_CGROUP, unshare_cgroup},
    {"rootfs", 0, own_root},
    {"rootfs", CF_BLOB_MOUNTNS, cf_rootfs_child_attach},
    {"mount", CF_BLOB_MOUNTNS, cf_mount_child_apply},
    {"device", CF_BLOB_MOUNTNS, cf_device_child_apply},
    {"network", CF_BLOB_LOOPBACK, cf_loopback_child_up},
    {"uts", 0, cf_uts_child_apply},
    {"hook", CF_BLOB_HOST_HOOKS, host_hooks},
    {"hook", 0, create_hooks},
    {"terminal", CF_BLOB_TERMINAL, terminal},
    {"sysctl", 0, cf_sysctl_child_apply},
    {"mask", CF_BLOB_MOUNTNS, cf_mask_child_apply},
    {"rootfs", CF_BLOB_MOUNTNS, cf_rootfs_child_enter},
    {"rootfs", 0, change_root},
    {"terminal", CF_BLOB_TERMINAL, send_console},
    {"process", CF_BLOB_HAS_PROCESS, stdio},
    {"process", CF_BLOB_HAS_PROCESS, cf_exec_child_prepare},
    {"terminal", CF_BLOB_TERMINAL, attach_early},
    {"lockdown", 0, cf_lockdown_apply},
    {"exec", CF_BLOB_HAS_PROCESS, cf_exec_child_find},
};

/* One more process in a container that is there: it has been entered, with nothing of the host in hand but what the
 * plan names. Everything is looked for below this root, and nothing is made. */
static int enter_root(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    int r;

    if (h->proc_fd != CF_NO_FD) {
        in->proc_fd = cf_init_take_fd(in, h->proc_fd);
        if (in->proc_fd < 0)
            return cf_err_set(err, COFFER_ERROR_BUG, "plan-invalid", in->proc_fd, "procfs is missing");
    }
    if (!(h->flags & CF_BLOB_MOUNTNS)) {
        r = own_root(in, err);
        return r < 0 ? r : change_root(in, err);
    }
    in->root_fd = AT_FDCWD; /* whoever joins a mount namespace stands in its root */
    return 0;
}

static const struct stage exec_stages[] = {
    {"rootfs", 0, enter_root},
    {"terminal", CF_BLOB_TERMINAL, cf_term_child_open},
    {"terminal", CF_BLOB_TERMINAL, send_console},
    {"process", 0, stdio},
    {"process", 0, cf_exec_child_prepare},
    {"terminal", CF_BLOB_TERMINAL, attach_early},
    {"lockdown", 0, cf_lockdown_apply},
    {"exec", 0, cf_exec_child_find},
};

/*
 * The pid namespace is joined, and only now, with nothing left to steal, we appear in it (D7): a clone goes on upon
 * our memory, and we end. Both are children of the host. The clone says for itself which number it has there.
 */
static int appear(struct cf_init *in, struct cf_err *err)
{
    int32_t number = 0;
    int r = cf_sys_clone_away(CLONE_PARENT, &number);

    if (r < 0)
        return cf_err_sys(err, r, "clone into the joined pid namespace");
    if (cf_msg_send(in->wire_fd, CF_MSG_INIT_PID, &number, sizeof(number), NULL, 0) < 0)
        cf_sys_exit_group(1);
    (void) cf_sys_setsid();
    return in->blob.h->flags & CF_BLOB_TERMINAL ? cf_term_child_attach(in, err) : 0;
}

/* Nothing of the construction is held while we wait, perhaps for days: mounts could not be
 * unmounted, and whoever can look into us would find it. */
int cf_init_drop_construction(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    int keep[] = {in->wire_fd, -1, in->slave_fd, -1, -1};
    int r;

    if (in->dropped)
        return 0;
    if (h->flags & CF_BLOB_GATE) {
        in->gate_fd = cf_init_take_fd(in, h->gate_fd);
        if (in->gate_fd < 0)
            return cf_err_set(err, COFFER_ERROR_BUG, "plan-invalid", in->gate_fd,
                              "start gate is missing");
    }
    keep[1] = in->gate_fd;
    for (unsigned int i = 0; i < 2; i++)
        if (h->start_container_hooks.count && h->hook_outputs[i])
            keep[3 + i] = in->hook_fds[i];
    r = cf_exec_child_close(3 + (int) h->preserve_fds, keep, sizeof(keep) / sizeof(keep[0]));
    if (r < 0)
        return cf_err_sys(err, r, "close file descriptors");
    in->dropped = true;
    for (unsigned int i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
        in->last_fd = keep[i] > in->last_fd ? keep[i] : in->last_fd;
    in->n_fds = 0;
    in->root_fd = in->proc_fd = in->dev_fd = in->pts_fd = in->null_fd = in->exec_fd = -1;
    return 0;
}

/* Where nobody has to see the process first, the plan was its release, and having appeared says that it is ready. */
static int get_released(struct cf_init *in, struct cf_err *err)
{
    const uint32_t said = CF_BLOB_AT_ONCE | CF_BLOB_PIDNS_JOINED;

    if (!(in->blob.h->flags & CF_BLOB_AT_ONCE))
        return exchange(in, CF_MSG_READY, CF_MSG_COMMIT, err);
    if ((in->blob.h->flags & said) != said && cf_msg_send(in->wire_fd, CF_MSG_READY, NULL, 0, NULL, 0) < 0)
        cf_sys_exit_group(1);
    return 0;
}

/* From here on every error goes to whoever released us. */
static int start_process(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    int r;

    if (!(h->flags & CF_BLOB_HAS_PROCESS))
        return cf_err_set(err, COFFER_ERROR_STATE, "process-missing", -EINVAL,
                          "process must be specified in config.json to start");
    if (BUILDS && h->start_container_hooks.count > 0) {
        r = cf_hook_child_run(in, h->start_container_hooks, h->start_state_head,
                              h->start_state_tail, "startContainer", err);
        if (r < 0) {
            cf_err_step(err, "hook");
            return r;
        }
    }
    r = cf_rlimit_child_final(in, err);
    if (r < 0)
        return r;
    return cf_exec_child_run(in, err);
}

static void run_stages(struct cf_init *in, const struct stage *stages, size_t n, struct cf_err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (stages[i].flag && !(in->blob.h->flags & stages[i].flag))
            continue;
        if (stages[i].run(in, err) < 0)
            fail(in, err, stages[i].step);
    }
}

void cf_init_main(int argc, char **argv, const unsigned long *auxv)
{
    struct cf_init in = {
        .wire_fd = -1, .report_fd = -1, .root_fd = -1, .proc_fd = -1, .dev_fd = -1, .pts_fd = -1,
        .auxv = auxv, .null_fd = -1, .master_fd = -1, .slave_fd = -1, .exec_fd = -1, .gate_fd = -1,
    };
    struct cf_err err = CF_ERR_INIT;
    struct room room;
    int32_t wire = -1;

    if (argc != 2 || cf_num_parse_i32(argv[1], 3, INT32_MAX, &wire) < 0)
        cf_sys_exit_group(1);
    /* The end of the wire tells the host that we executed the program. */
    if (cf_fd_cloexec(wire, 1) < 0)
        cf_sys_exit_group(1);
    in.wire_fd = in.report_fd = wire;
    (void) cf_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (receive_plan(&in, &room, &err) < 0)
        fail(&in, &err, "plan");
    /* One more process makes nothing, and where it makes way for another that one leads a session. */
    if (!(in.blob.h->flags & CF_BLOB_EXEC))
        (void) cf_sys_umask(0);
    if ((in.blob.h->flags & (CF_BLOB_EXEC | CF_BLOB_PIDNS_JOINED)) != (CF_BLOB_EXEC | CF_BLOB_PIDNS_JOINED))
        (void) cf_sys_setsid(); /* fails only for who already leads one */
    if (wire < 3 + (int) in.blob.h->preserve_fds) {
        (void) cf_err_set(&err, COFFER_ERROR_BUG, "wire-preserved", -EBADF,
                          "wire is among the preserved file descriptors");
        fail(&in, &err, "plan");
    }
    if (!BUILDS && !(in.blob.h->flags & CF_BLOB_EXEC)) {
        (void) cf_err_set(&err, COFFER_ERROR_BUG, "plan-invalid", -EBADMSG, "this image builds no container");
        fail(&in, &err, "plan");
    }
    if (BUILDS && (in.blob.h->flags & (CF_BLOB_ATTACH | CF_BLOB_DETACH))) {
        if (cf_attach_child_run(&in, &err) < 0)
            fail(&in, &err, "mount");
        cf_sys_exit_group(0);
    }
    if (!BUILDS || (in.blob.h->flags & CF_BLOB_EXEC))
        run_stages(&in, exec_stages, sizeof(exec_stages) / sizeof(exec_stages[0]), &err);
    else
        run_stages(&in, build_stages, sizeof(build_stages) / sizeof(build_stages[0]), &err);
    if (cf_init_drop_construction(&in, &err) < 0)
        fail(&in, &err, "process");
    if ((in.blob.h->flags & CF_BLOB_PIDNS_JOINED) && appear(&in, &err) < 0)
        fail(&in, &err, "namespace");
    if (get_released(&in, &err) < 0)
        fail(&in, &err, "process");

    if (BUILDS && in.gate_fd >= 0) {
        (void) cf_sys_close(in.wire_fd);
        in.wire_fd = in.report_fd = -1;
        if (cf_gate_child_wait(&in, &err) < 0)
            fail(&in, &err, "start");
    }
    (void) start_process(&in, &err);
    fail(&in, &err, "start");
}

void cf_init_start(long *sp)
{
    char **argv = (char **) (sp + 1), **env = argv + sp[0] + 1;

    while (*env)
        env++;
    cf_init_main((int) sp[0], argv, (const unsigned long *) (env + 1));
}
