/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The facts of one container. /proc/PID is opened while the pidfd says that the recorded process is alive: from then
 * on the directory means that process or nothing, whoever gets the number later. Host side.
 */

#include <errno.h>
#include <poll.h>

#include "audit/audit.h"
#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "path/path.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"

static int open_pinned(const struct cf_audit_target *target)
{
    cf_auto_fd int host_fd = cf_procfs_open_host(), proc_fd = -EBADF;
    char name[CF_NUM_SIZE];
    int r;

    if (host_fd < 0)
        return host_fd;
    (void) cf_num_format(name, (uint64_t) target->pid);
    proc_fd = cf_sys_openat(host_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (proc_fd < 0)
        return proc_fd;
    /* Alive now, so the number was its own when the directory was opened. */
    r = cf_sys_pidfd_send_signal(target->pidfd, 0, NULL, 0);
    if (r < 0 && r != -EPERM)
        return r;
    return cf_steal_fd(&proc_fd);
}

/* A dying process loses one thing after the other before its pidfd tells: when something was missing, wait for that. */
#define DYING_MS 200

/* Dead, or a zombie, of which there is nothing left to tell. */
static bool is_over(int pidfd, bool missed_something)
{
    struct pollfd fd = {.fd = pidfd, .events = POLLIN};

    return cf_sys_poll(&fd, 1, missed_something ? DYING_MS : 0) > 0;
}

static void note_unread(struct cf_audit_facts *facts, const char *what, int error)
{
    if (facts->unread)
        return;
    facts->unread = what;
    facts->unread_error = error;
}

static int read_full(int proc_fd, const struct cf_audit_target *target, struct cf_arena *arena,
                     struct cf_audit_facts *facts)
{
    int r = cf_audit_read_proc(proc_fd, arena, &facts->proc);

    if (r < 0)
        note_unread(facts, "privileges", r);
    if (r == -ENOMEM)
        return r;
    r = cf_audit_read_mounts(proc_fd, "mountinfo", arena, &facts->mounts);
    if (r < 0)
        note_unread(facts, "mounts", r);
    if (r == -ENOMEM)
        return r;
    r = cf_audit_read_devices(proc_fd, arena, facts);
    if (r < 0)
        note_unread(facts, "devices", r);
    if (r == -ENOMEM)
        return r;
    r = cf_audit_read_cgroup(target->cgroup, arena, facts);
    if (r < 0)
        note_unread(facts, "control group", r);
    return r == -ENOMEM ? r : 0;
}

int cf_audit_read_container(const struct cf_audit_target *target, const uint64_t own_ns[CF_AUDIT_N_NS],
                            struct cf_arena *arena, struct cf_audit_facts *ret, struct cf_err *err)
{
    cf_auto_fd int proc_fd = open_pinned(target);
    int r;

    *ret = (struct cf_audit_facts) {
        .id = target->id,
        .pid = target->pid,
        .creator = target->creator,
        .full = target->full,
        .waiting = target->waiting,
        .proc.label = "",
    };
    if (proc_fd < 0) {
        ret->gone = true;
        return 0;
    }
    r = cf_audit_read_ns(proc_fd, own_ns, target->full, arena, ret);
    if (r < 0)
        note_unread(ret, "namespaces", r);
    else if (!target->full && ret->ns[CF_AUDIT_USER].inode == own_ns[CF_AUDIT_USER])
        r = cf_audit_read_proc(proc_fd, arena, &ret->proc);
    if (r != -ENOMEM && target->full)
        r = read_full(proc_fd, target, arena, ret);
    if (r == -ENOMEM)
        return cf_err_oom(err);
    ret->gone = is_over(target->pidfd, ret->unread && ret->unread_error != -EACCES && ret->unread_error != -EPERM);
    return 0;
}
