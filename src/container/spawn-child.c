/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The few steps between clone3 and the execution of coffer-init, in the cloned child: wait until
 * the host has placed it (cgroup, id maps), join namespaces, make the rest, execute the image.
 *
 * Runs on a copy of the caller's memory, or shares it, and it may have been threaded: raw system calls only, no
 * allocation, no lock, no library. A failure is one FAIL message and the end of the process.
 */

#include "container/container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>

#include "base/str.h"
#include "ns/ns.h"
#include "sys/cred.h"
#include "sys/fs.h"
#include "sys/task.h"
#include "wire/msg.h"

__attribute__((noreturn)) static void preinit_fail(const struct cf_preinit *preinit, int r, const char *what)
{
    struct cf_err err = CF_ERR_INIT;

    (void) cf_err_sys(&err, r, "%s", what);
    cf_err_step(&err, "spawn");
    (void) cf_msg_send_err(preinit->wire_fd, &err);
    cf_sys_exit_group(1);
}

static void preinit_wait_mapped(const struct cf_preinit *preinit)
{
    struct cf_msg msg;
    int r = cf_msg_recv(preinit->wire_fd, &msg);

    if (r <= 0 || msg.type != CF_MSG_MAPPED)
        cf_sys_exit_group(1); /* the host is gone or gave up: nobody to tell */
}

static void preinit_become_root(const struct cf_preinit *preinit)
{
    int r = cf_sys_setresgid(0, 0, 0);

    if (r < 0)
        preinit_fail(preinit, r, "become gid 0 in the user namespace");
    r = cf_sys_setresuid(0, 0, 0);
    if (r < 0)
        preinit_fail(preinit, r, "become uid 0 in the user namespace");
}

static void preinit_join(const struct cf_preinit *preinit, bool user)
{
    for (uint32_t i = 0; i < preinit->n_joins; i++) {
        int type = preinit->joins[i].type;
        int r;

        /* The pid namespace comes last of all: from then on children are visible in it. What we are in has no fd. */
        if (type == CLONE_NEWPID || (type == CLONE_NEWUSER) != user || preinit->join_fds[i] < 0)
            continue;
        r = cf_sys_setns(preinit->join_fds[i], type);
        if (r < 0) {
            struct cf_err err = CF_ERR_INIT;

            (void) cf_err_sys(&err, r, "join %s namespace `%s`", cf_ns_name_of(type), preinit->joins[i].path);
            cf_err_field(&err, "linux.namespaces[%u].path", preinit->joins[i].config_index);
            cf_err_step(&err, "namespace");
            (void) cf_msg_send_err(preinit->wire_fd, &err);
            cf_sys_exit_group(1);
        }
    }
}

/*
 * Every namespace of a container at once: there is no moment at which we are in some of them only. Into its pid
 * namespace go only our children, so nobody in there sees us, unless it is our own. Then not being dumpable protects
 * the copy that we are of the caller's memory. What is shared instead of copied is no business of ours to change.
 */
static void preinit_enter(const struct cf_preinit *preinit)
{
    int r = preinit->shares_memory ? 0 : cf_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

    if (r >= 0 && preinit->enter_flags)
        r = cf_sys_setns(preinit->enter_pidfd, preinit->enter_flags);
    if (r == -ESRCH) {
        struct cf_err err = CF_ERR_INIT;

        (void) cf_err_set(&err, COFFER_ERROR_STATE, "state-stopped", r, "cannot exec in a stopped container");
        (void) cf_msg_send_err(preinit->wire_fd, &err);
        cf_sys_exit_group(1);
    }
    if (r < 0) {
        struct cf_err err = CF_ERR_INIT;

        (void) cf_err_sys(&err, r, "enter the container");
        cf_err_step(&err, "spawn");
        if (r == -EPERM)
            cf_err_hint(&err, "it takes CAP_SYS_ADMIN and CAP_SYS_CHROOT, and CAP_SYS_PTRACE unless its processes have "
                              "the caller's ids");
        (void) cf_msg_send_err(preinit->wire_fd, &err);
        cf_sys_exit_group(1);
    }
}

static void preinit_join_pid(const struct cf_preinit *preinit)
{
    for (uint32_t i = 0; i < preinit->n_joins; i++) {
        int r;

        if (preinit->joins[i].type != CLONE_NEWPID)
            continue;
        r = cf_sys_setns(preinit->join_fds[i], CLONE_NEWPID);
        if (r < 0)
            preinit_fail(preinit, r, "join pid namespace");
    }
}

/* Goes on in a new process that is the host's child as well; this one reports it and ends. */
static void preinit_clone(const struct cf_preinit *preinit, uint64_t flags)
{
    struct cf_clone_args args = {.flags = CLONE_PARENT | flags}; /* exit_signal must be 0 with CLONE_PARENT */
    int pid = cf_sys_clone3(&args, sizeof(args));
    int32_t number = pid;

    if (pid == 0)
        return;
    if (pid < 0)
        preinit_fail(preinit, pid, "clone into new namespaces");
    if (cf_msg_send(preinit->wire_fd, CF_MSG_INIT_PID, &number, sizeof(number), NULL, 0) < 0) {
        (void) cf_sys_kill(pid, SIGKILL);
        cf_sys_exit_group(1);
    }
    cf_sys_exit_group(0);
}

/* A process of our own, single-threaded by now, that never goes back: the namespace's budgets are
 * to be charged to its own root (architecture D3). Capabilities stay through the securebit. */
static void preinit_switch_owner(const struct cf_preinit *preinit)
{
    int r = cf_sys_prctl(PR_SET_SECUREBITS, 1u << 2 /* SECBIT_NO_SETUID_FIXUP */, 0, 0, 0);

    if (r >= 0)
        r = cf_sys_setresgid(UINT32_MAX, preinit->owner_gid, UINT32_MAX);
    if (r >= 0)
        r = cf_sys_setresuid(UINT32_MAX, preinit->owner_uid, UINT32_MAX);
    if (r < 0)
        preinit_fail(preinit, r, "take the ids of the user namespace's owner");
}

static void preinit_time_offsets(const struct cf_preinit *preinit)
{
    int fd, r;

    r = cf_sys_unshare(CLONE_NEWTIME);
    if (r < 0)
        preinit_fail(preinit, r, "make a time namespace");
    /* The file is the host root's as long as we are not dumpable, and in a user namespace we are
     * not root. No process of the container can see us yet. */
    (void) cf_sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    fd = cf_sys_openat(AT_FDCWD, "/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    (void) cf_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (fd < 0)
        preinit_fail(preinit, fd, "open `/proc/self/timens_offsets`");
    r = (int) cf_sys_write(fd, preinit->timens_offsets, cf_str_nlen(preinit->timens_offsets, 4096));
    if (r < 0)
        preinit_fail(preinit, r, "write time namespace offsets");
    (void) cf_sys_close(fd);
}

void cf_preinit_run(const struct cf_preinit *preinit)
{
    static char *const no_env[] = {NULL};
    uint64_t rest = preinit->rest, all = UINT64_MAX;
    int r;

    /* No signal may end us half way, and none of the caller's handlers was inherited. coffer-init unblocks before
     * it executes the program. */
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &all, NULL);

    /* Whatever the embedding program left open without close-on-exec stays on its side. */
    r = cf_sys_close_range(3 + preinit->preserve_fds, ~0u, CLOSE_RANGE_CLOEXEC);
    if (r < 0)
        preinit_fail(preinit, r, "mark file descriptors close-on-exec");
    if (preinit->wait_placed) {
        /* Our copy of the host's end would keep us waiting for ever for a host that was killed. */
        (void) cf_sys_close(preinit->host_fd);
        preinit_wait_mapped(preinit);
    }
    if (preinit->enter)
        preinit_enter(preinit);
    if (preinit->user_join_first) {
        preinit_join(preinit, true);
        preinit_become_root(preinit);
        preinit_join(preinit, false);
    } else {
        preinit_join(preinit, false);
        preinit_join(preinit, true);
    }
    if (preinit->userns_new_late) {
        if (preinit->switch_owner)
            preinit_switch_owner(preinit);
        preinit_clone(preinit, CLONE_NEWUSER);
        preinit_wait_mapped(preinit);
    }
    if (preinit->become_root)
        preinit_become_root(preinit);
    if (preinit->timens_offsets) {
        preinit_time_offsets(preinit);
        rest &= ~(uint64_t) CLONE_NEWTIME;
    }
    if (preinit->clone_rest) {
        preinit_clone(preinit, rest);
    } else if (rest) {
        r = cf_sys_unshare((unsigned long) rest);
        if (r < 0)
            preinit_fail(preinit, r, "make new namespaces");
    }
    preinit_join_pid(preinit);

    /* Only now: what has this number may be a namespace that was to be joined. */
    r = preinit->wire_place == preinit->wire_fd ? cf_sys_fcntl(preinit->wire_fd, F_SETFD, 0)
                                          : cf_sys_dup3(preinit->wire_fd, preinit->wire_place, 0);
    if (r < 0)
        preinit_fail(preinit, r, "keep the wire open");
    r = cf_sys_execveat(preinit->image_fd, "", preinit->argv, no_env, AT_EMPTY_PATH);
    preinit_fail(preinit, r, "execute coffer-init");
}
