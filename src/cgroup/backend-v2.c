/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * cgroup v2, host side. No write to cgroup.procs here: processes are cloned into the cgroup. And
 * cgroup.subtree_control is written only where a controller that is needed is missing; both cost
 * the kernel a grace period of milliseconds (D4).
 */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/res.h"
#include "sys/fs.h"
#include "sys/sock.h"

/* A task that is deep in the kernel freezes late. */
#define FREEZE_TIMEOUT_MS 10000

static bool is_permission(int r)
{
    return r == -EACCES || r == -EPERM || r == -EROFS;
}

static bool wants_limits(const struct cf_cgroup_plan *plan)
{
    for (size_t i = 0; i < plan->n_writes; i++) {
        if (!cf_cgroup_write_is_default(&plan->writes[i]))
            return true;
    }
    return false;
}

/* ---- create ---- */

static int check_leaf(int root_fd, int fd, const char *path, bool created, bool child, struct cf_err *err)
{
    char text[128];
    uint64_t v;
    int r;

    /* Right below the root a new cgroup is a domain, empty and thawed: nothing above can differ. */
    if (created && !strchr(path + strspn(path, "/"), '/'))
        return 0;
    r = cf_cgroup_v2_check_type(root_fd, path, fd, err);
    if (r < 0)
        return r;
    if (!created && cf_cgfs_read_key(fd, "cgroup.events", "populated", &v) == 0 && v != 0)
        return cf_cgroup_err_populated(fd, path, err);
    if (cf_cgfs_read_key(fd, "cgroup.events", "frozen", &v) == 0 && v != 0)
        return cf_cgroup_err_frozen(path, err);
    if (!created && !child && cf_cgfs_read(fd, "cgroup.subtree_control", text, sizeof(text)) > 1) {
        (void) cf_err_set(err, COFFER_ERROR_STATE, "cgroup-busy", -EBUSY,
                          "cgroup `%s` has controllers enabled for its children: it cannot have "
                          "processes",
                          path);
        cf_err_field(err, "linux.cgroupsPath");
        cf_err_hint(err, "choose a path below it");
        return -EBUSY;
    }
    return 0;
}

static int fill(const struct cf_cgroup_plan *plan, struct cf_cgroup_dir *dir, int root_fd, int fd,
                struct cf_err *err)
{
    struct stat st;
    int r = cf_sys_fstat(fd, &st);

    if (r < 0)
        return cf_err_sys(err, r, "look at cgroup `%s`", dir->path);
    dir->inode = st.st_ino;
    r = check_leaf(root_fd, fd, dir->path, dir->created, plan->subgroup != NULL, err);
    if (r == 0)
        r = cf_cgroup_v2_enable(plan, root_fd, dir->path, fd, err);
    return r < 0 ? r : cf_cgroup_write_limits_v2(plan, fd, dir->created && !plan->systemd, err);
}

static int make_failed(const struct cf_cgroup_plan *plan, struct cf_cgroup_record *record,
                       const char *path, int r, struct cf_err *err)
{
    if (is_permission(r) && plan->rootless_optional) {
        if (wants_limits(plan))
            return cf_cgroup_err_delegation(err, r, path);
        if (plan->subgroup)
            return cf_cgroup_delegate_refused(err, r, path);
        record->backend = cf_cgroup_ops_none.name;
        record->n_dirs = 0;
        return 0;
    }
    (void) cf_err_sys(err, r, "make cgroup `%s`", path);
    cf_err_field(err, "linux.cgroupsPath");
    return r;
}

static int v2_create(const struct cf_cgroup_plan *plan, struct cf_cgroup_record *record,
                     struct cf_cgroup *cg, struct cf_err *err)
{
    struct cf_cgroup_dir *dir = record->dirs;
    cf_auto_fd int root_fd = plan->root_fd > 0 ? plan->root_fd : cf_cgfs_open_hierarchy(dir->hierarchy, false);
    cf_auto_fd int fd = -EBADF, parent_fd = -EBADF;
    size_t made = 0;
    int r;

    if (root_fd < 0)
        return cf_err_sys(err, root_fd, "open the cgroup hierarchy `%s`", dir->hierarchy);
    fd = cf_cgfs_mkpath(root_fd, dir->path, &made, &parent_fd);
    if (fd < 0) {
        r = make_failed(plan, record, dir->path, fd, err);
        cg->ops = &cf_cgroup_ops_none;
        return r;
    }
    dir->created = made > 0 || cg->unit_made;
    dir->parents = made > 1 && !cg->unit_made ? (uint32_t) made - 1 : 0;
    r = fill(plan, dir, root_fd, fd, err);
    if (r == 0)
        r = cf_cgroup_delegate(plan, root_fd, dir, fd, &cg->leaf_fd, err);
    if (r == 0) {
        cg->subgroup = plan->subgroup;
        r = cf_cgroup_add_dir(cg, cf_steal_fd(&fd), dir) < 0 ? cf_err_oom(err) : 0;
    }
    if (r == 0) /* for removing it again */
        cg->dirs[0].parent_fd = parent_fd >= 0 ? cf_steal_fd(&parent_fd) : cf_steal_fd(&root_fd);
    if (r < 0) {
        cf_fd_close(&fd);
        cf_cgfs_unmake(root_fd, dir->path, made);
        dir->created = false;
        dir->inode = 0;
    }
    return r;
}

/* ---- processes ---- */

static int v2_attach(struct cf_cgroup *cg, pid_t pid, struct cf_err *err)
{
    char text[8192], want[PATH_MAX + 8], number[CF_NUM_SIZE], file[64];
    long n;
    int r;

    if (cg->n == 0)
        return 0;
    /* A process that was cloned into it must not be moved again: that is what costs. */
    (void) cf_format(file, sizeof(file), "/proc/%d/cgroup", (int) pid);
    (void) cf_format(want, sizeof(want), "0::%s\n", cg->dirs[0].path);
    {
        cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);

        n = fd < 0 ? 0 : cf_sys_read(fd, text, sizeof(text) - 1);
    }
    if (n > 0) {
        text[n] = '\0';
        if (cf_str_starts_with(text, want))
            return 0;
    }
    (void) cf_num_format(number, (uint64_t) pid);
    r = cf_cgfs_write(cg->dirs[0].fd, "cgroup.procs", number);
    if (r < 0)
        return cf_err_sys(err, r, "move process %d into cgroup `%s`", (int) pid, cg->dirs[0].path);
    return 0;
}

static int v2_populated(struct cf_cgroup *cg)
{
    uint64_t v = 0;

    if (cg->n == 0)
        return 0;
    return cf_cgfs_read_key(cg->dirs[0].fd, "cgroup.events", "populated", &v) == 0 && v != 0;
}

static int v2_is_frozen(struct cf_cgroup *cg)
{
    uint64_t v = 0;

    if (cg->n == 0)
        return 0;
    return cf_cgfs_read_key(cg->dirs[0].fd, "cgroup.events", "frozen", &v) == 0 && v != 0;
}

static int v2_oom_killed(struct cf_cgroup *cg)
{
    uint64_t v = 0;

    if (cg->n == 0)
        return 0;
    return cf_cgfs_read_key(cg->dirs[0].fd, "memory.events", "oom_kill", &v) == 0 && v != 0;
}

/* Waits until a key of cgroup.events has a value; poll(2) wakes on every change of the file. */
static int wait_event(int dir_fd, const char *key, uint64_t value, int64_t deadline_ms)
{
    cf_auto_fd int fd = cf_cgfs_open(dir_fd, "cgroup.events", O_RDONLY);
    uint64_t v;

    if (fd < 0)
        return fd == -ENODEV || fd == -ENOENT ? 0 : fd;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        char text[128];
        int r;

        /* Reading through this fd is what arms the next wake-up. */
        (void) cf_sys_pread64(fd, text, sizeof(text), 0);
        r = cf_cgfs_read_key(dir_fd, "cgroup.events", key, &v);
        if (r == -ENODEV || r == -ENOENT)
            return 0; /* the cgroup is gone */
        if (r < 0)
            return r;
        if (v == value)
            return 0;
        r = cf_sys_poll(&p, 1, cf_cgroup_time_left(deadline_ms));
        if (r == 0)
            return -ETIMEDOUT;
        if (r < 0 && r != -EINTR)
            return r;
    }
}

static int v2_wait_empty(struct cf_cgroup *cg, int64_t deadline_ms, struct cf_err *err)
{
    int r;

    if (cg->n == 0)
        return 0;
    r = wait_event(cg->dirs[0].fd, "populated", 0, deadline_ms);
    if (r < 0)
        return cf_err_sys(err, r, "wait until cgroup `%s` has no process", cg->dirs[0].path);
    return 0;
}

static int v2_freeze(struct cf_cgroup *cg, bool on, struct cf_err *err)
{
    int r;

    if (cg->n == 0)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-no-freezer", -EOPNOTSUPP,
                          "the container has no cgroup that could be frozen");
    r = cf_cgfs_write(cg->dirs[0].fd, "cgroup.freeze", on ? "1" : "0");
    if (r == 0)
        r = wait_event(cg->dirs[0].fd, "frozen", on, cf_clock_monotonic_ms() + FREEZE_TIMEOUT_MS);
    if (r < 0 && on)
        (void) cf_cgfs_write(cg->dirs[0].fd, "cgroup.freeze", "0");
    if (r < 0)
        return cf_err_sys(err, r, "%s cgroup `%s`", on ? "freeze" : "thaw", cg->dirs[0].path);
    return 0;
}

static int v2_kill(struct cf_cgroup *cg, int signo, struct cf_err *err)
{
    const struct cf_cgroup_open_dir *dir = cg->dirs;
    int r;

    if (cg->n == 0 || (!dir->created && !cg->subgroup))
        return 0;
    if (!dir->created) { /* of what was there before, only the child is ours */
        r = signo == SIGKILL ? cf_cgroup_subgroup_kill(dir->fd, cg->subgroup) : 0;
    } else if (signo == SIGKILL) {
        r = cf_cgfs_write(dir->fd, "cgroup.kill", "1");
    } else {
        r = cf_cgroup_signal_each(dir->fd, signo);
    }
    if (r < 0 && r != -ENODEV)
        return cf_err_sys(err, r, "signal the processes of cgroup `%s`", dir->path);
    return 0;
}

const struct cf_cgroup_ops cf_cgroup_ops_v2 = {
    .name = "v2",
    .create = v2_create,
    .attach = v2_attach,
    .kill = v2_kill,
    .freeze = v2_freeze,
    .is_frozen = v2_is_frozen,
    .populated = v2_populated,
    .oom_killed = v2_oom_killed,
    .wait_empty = v2_wait_empty,
};
