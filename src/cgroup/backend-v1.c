/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * cgroup v1 and hybrid, host side: one directory in every hierarchy the runtime itself is in, named
 * ones (name=systemd) and the hybrid's v2 tree included; that one also gives cgroup.kill and an
 * event when the last process is gone. Complete, but closed to new features.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/res.h"
#include "sys/fs.h"
#include "sys/task.h"

#define KILL_ROUNDS 100

static bool is_permission(int r)
{
    return r == -EACCES || r == -EPERM || r == -EROFS;
}

static bool has_controller(const char *controllers, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = controllers; *p;) {
        size_t n = strcspn(p, ",");

        if (n == len && memcmp(p, name, len) == 0)
            return true;
        p += n + (p[n] == ',');
    }
    return false;
}

/* ---- create ---- */

/* A new cpuset is empty, and refuses processes until it has CPUs and memory nodes: from above. */
static int fill_cpuset_file(int parent_fd, int fd, const char *file)
{
    char have[4096], parent[4096];
    long n = cf_cgfs_read(fd, file, have, sizeof(have));

    if (n < 0)
        return (int) n;
    if (have[strspn(have, " \n")])
        return 0;
    n = cf_cgfs_read(parent_fd, file, parent, sizeof(parent));
    if (n < 0)
        return (int) n;
    return cf_cgfs_write(fd, file, parent);
}

static int fill_cpuset(int root_fd, const char *path)
{
    cf_auto_fd int parent_fd = cf_cgfs_open_dir(root_fd, ".", NULL);
    char at[PATH_MAX];

    if (parent_fd < 0)
        return parent_fd;
    for (const char *end = path; *end;) {
        int fd, r;

        end += strspn(end, "/");
        if (!*end)
            break;
        end += strcspn(end, "/");
        (void) cf_format(at, sizeof(at), "%.*s", (int) (end - path), path);
        fd = cf_cgfs_open_dir(root_fd, at, NULL);
        if (fd < 0)
            return fd;
        r = fill_cpuset_file(parent_fd, fd, "cpuset.cpus");
        if (r == 0)
            r = fill_cpuset_file(parent_fd, fd, "cpuset.mems");
        cf_fd_close(&parent_fd);
        parent_fd = fd;
        if (r < 0)
            return r;
    }
    return 0;
}

static bool freezer_is_frozen(int fd)
{
    char state[32];

    return cf_cgfs_read(fd, "freezer.state", state, sizeof(state)) > 0 &&
           (cf_str_starts_with(state, "FROZEN") || cf_str_starts_with(state, "FREEZING"));
}

static int check_existing(const struct cf_cgroup_dir *dir, int fd, struct cf_err *err)
{
    struct cf_cgfs_pids list = {0};
    int r = cf_cgfs_list_pids(fd, &list);
    size_t n = list.n;

    cf_cgfs_pids_done(&list);
    if (r < 0)
        return cf_err_sys(err, r, "list the processes of cgroup `%s`", dir->path);
    if (n > 0)
        return cf_cgroup_err_populated(fd, dir->path, err);
    return 0;
}

static int make_dir(struct cf_cgroup_dir *dir, bool of_unit, size_t *ret_made, int *ret_fd, struct cf_err *err)
{
    const bool v1 = *dir->controllers;
    cf_auto_fd int root_fd = cf_cgfs_open_hierarchy(dir->hierarchy, v1);
    cf_auto_fd int fd = -EBADF;
    struct stat st;
    int r;

    if (root_fd < 0)
        return cf_err_sys(err, root_fd, "open the cgroup hierarchy `%s`", dir->hierarchy);
    fd = cf_cgfs_mkpath(root_fd, dir->path, ret_made, NULL);
    if (fd < 0) {
        (void) cf_err_sys(err, fd, "make cgroup `%s` in `%s`", dir->path, dir->hierarchy);
        cf_err_field(err, "linux.cgroupsPath");
        return fd;
    }
    dir->created = *ret_made > 0 || of_unit;
    dir->parents = *ret_made > 1 && !of_unit ? (uint32_t) *ret_made - 1 : 0;
    r = cf_sys_fstat(fd, &st);
    if (r < 0)
        r = cf_err_sys(err, r, "look at cgroup `%s`", dir->path);
    dir->inode = st.st_ino;
    if (r == 0 && !dir->created)
        r = check_existing(dir, fd, err);
    if (r == 0 && has_controller(dir->controllers, "freezer") && freezer_is_frozen(fd))
        r = cf_cgroup_err_frozen(dir->path, err);
    if (r == 0 && has_controller(dir->controllers, "cpuset")) {
        r = fill_cpuset(root_fd, dir->path);
        if (r < 0)
            r = cf_err_sys(err, r, "give cpuset `%s` the CPUs and memory nodes of its parent",
                           dir->path);
    }
    if (r < 0) {
        cf_fd_close(&fd);
        cf_cgfs_unmake(root_fd, dir->path, *ret_made);
        return r;
    }
    *ret_fd = cf_steal_fd(&fd);
    return 0;
}

static void unmake(const struct cf_cgroup_dir *dir, size_t made)
{
    cf_auto_fd int root_fd = cf_cgfs_open_hierarchy(dir->hierarchy, *dir->controllers);

    if (root_fd >= 0)
        cf_cgfs_unmake(root_fd, dir->path, made);
}

static int write_devices(const struct cf_cgroup_plan *plan, struct cf_cgroup *cg,
                         struct cf_err *err)
{
    int fd = cf_cgroup_dir_fd(cg, "devices");

    if (plan->n_device_lines == 0)
        return 0;
    if (fd < 0) {
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-controller", -EOPNOTSUPP,
                          "controller `devices` is not mounted: access to devices cannot be "
                          "restricted");
        cf_err_field(err, "linux.resources.devices");
        return -EOPNOTSUPP;
    }
    for (size_t i = 0; i < plan->n_device_lines; i++) {
        const char *line = plan->device_lines[i];
        const char *file = line[0] == '+' ? "devices.allow" : "devices.deny";
        int r = cf_cgfs_write(fd, file, line + 1);

        if (r < 0) {
            (void) cf_err_sys(err, r, "write `%s` to `%s` of the cgroup", line + 1, file);
            cf_err_field(err, "linux.resources.devices");
            cf_err_step(err, "devices");
            return r;
        }
    }
    return 0;
}

static int v1_create(const struct cf_cgroup_plan *plan, struct cf_cgroup_record *record,
                     struct cf_cgroup *cg, struct cf_err *err)
{
    size_t made[64] = {0}, n = 0;
    int r = 0;

    for (size_t i = 0; i < record->n_dirs && n < 64; i++) {
        struct cf_cgroup_dir dir = record->dirs[i];
        int fd = -EBADF;

        r = make_dir(&dir, cg->unit_made, &made[n], &fd, err);
        /* The hybrid's v2 tree is a convenience, and all is for a caller without privileges. */
        if (r < 0 && ((is_permission(r) && plan->rootless_optional) || !*dir.controllers)) {
            cf_err_clear(err);
            r = 0;
            continue;
        }
        if (r < 0)
            break;
        record->dirs[n++] = dir;
        r = cf_cgroup_add_dir(cg, fd, &dir);
        if (r < 0) {
            r = cf_err_oom(err);
            break;
        }
    }
    if (r == 0)
        r = cf_cgroup_write_limits_v1(plan, cg, err);
    if (r == 0)
        r = write_devices(plan, cg, err);
    if (r < 0) {
        while (n > 0) {
            n--;
            unmake(&record->dirs[n], made[n]);
            record->dirs[n].created = false;
            record->dirs[n].inode = 0;
        }
        return r;
    }
    record->n_dirs = n;
    if (n == 0) {
        record->backend = cf_cgroup_ops_none.name;
        cg->ops = &cf_cgroup_ops_none;
    }
    return 0;
}

/* ---- processes ---- */

static int v1_attach(struct cf_cgroup *cg, pid_t pid, struct cf_err *err)
{
    char number[CF_NUM_SIZE];

    (void) cf_num_format(number, (uint64_t) pid);
    for (size_t i = 0; i < cg->n; i++) {
        int r = cf_cgfs_write(cg->dirs[i].fd, "cgroup.procs", number);

        if (r < 0)
            return cf_err_sys(err, r, "move process %d into cgroup `%s` of `%s`", (int) pid,
                              cg->dirs[i].path, cg->dirs[i].hierarchy);
    }
    return 0;
}

/* The directory whose processes stand for the container: freezer first, and ours only if @ours. */
static const struct cf_cgroup_open_dir *main_dir(const struct cf_cgroup *cg, bool ours)
{
    static const char *const preferred[] = {"freezer", "pids", "devices"};
    const struct cf_cgroup_open_dir *any = NULL;

    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < cg->n; i++) {
            if ((!ours || cg->dirs[i].created) &&
                has_controller(cg->dirs[i].controllers, preferred[k]))
                return &cg->dirs[i];
        }
    }
    for (size_t i = 0; i < cg->n && !any; i++) {
        if (!ours || cg->dirs[i].created)
            any = &cg->dirs[i];
    }
    return any;
}

static const struct cf_cgroup_open_dir *unified_dir(const struct cf_cgroup *cg)
{
    for (size_t i = 0; i < cg->n; i++) {
        if (!*cg->dirs[i].controllers)
            return &cg->dirs[i];
    }
    return NULL;
}

static int v1_is_frozen(struct cf_cgroup *cg)
{
    int fd = cf_cgroup_dir_fd(cg, "freezer");

    return fd >= 0 && freezer_is_frozen(fd);
}

static int set_freezer(int fd, bool on)
{
    return cf_cgfs_write(fd, "freezer.state", on ? "FROZEN" : "THAWED");
}

static int v1_freeze(struct cf_cgroup *cg, bool on, struct cf_err *err)
{
    int fd = cf_cgroup_dir_fd(cg, "freezer"), r;
    char state[32];

    if (fd < 0)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-no-freezer", -EOPNOTSUPP,
                          "the container has no freezer cgroup");
    /* FREEZING can last for a while (a task in the kernel), v1 has no event for its end: a bounded
     * number of short waits, each with a new attempt. */
    for (int i = 0;; i++) {
        const struct timespec pause = {.tv_nsec = 1000000};

        r = set_freezer(fd, on);
        if (r == 0 && cf_cgfs_read(fd, "freezer.state", state, sizeof(state)) < 0)
            r = -EIO;
        if (r < 0)
            return cf_err_sys(err, r, "%s the cgroup", on ? "freeze" : "thaw");
        if (cf_str_starts_with(state, on ? "FROZEN" : "THAWED"))
            return 0;
        if (i == 2000)
            break;
        (void) cf_sys_nanosleep(&pause, NULL);
    }
    if (on)
        (void) set_freezer(fd, false);
    return cf_err_set(err, COFFER_ERROR_SYSTEM, "cgroup-freeze", -ETIMEDOUT,
                      "the cgroup did not become %s", on ? "frozen" : "thawed");
}

/* SIGKILL without cgroup.kill: until a round finds nobody, so that no fork escapes. */
static int kill_rounds(const struct cf_cgroup_open_dir *dir, int freezer_fd)
{
    int r = 0;

    for (int i = 0; i < KILL_ROUNDS; i++) {
        if (freezer_fd >= 0)
            (void) set_freezer(freezer_fd, true);
        r = cf_cgroup_signal_pids(dir->fd, SIGKILL);
        if (freezer_fd >= 0)
            (void) set_freezer(freezer_fd, false);
        if (r <= 0)
            return r;
        if (freezer_fd >= 0 && i > 0)
            return 0;
    }
    return r;
}

static int v1_kill(struct cf_cgroup *cg, int signo, struct cf_err *err)
{
    const struct cf_cgroup_open_dir *dir = main_dir(cg, true), *unified = unified_dir(cg);
    int freezer_fd = cf_cgroup_dir_fd(cg, "freezer"), r;

    if (!dir)
        return 0;
    /* A freezer that is not ours may hold others' processes. */
    if (!has_controller(dir->controllers, "freezer"))
        freezer_fd = -1;
    if (signo == SIGKILL) {
        if (unified && unified->created)
            (void) cf_cgfs_write(unified->fd, "cgroup.kill", "1");
        r = kill_rounds(dir, freezer_fd);
    } else {
        r = cf_cgroup_signal_each(dir->fd, signo);
    }
    if (r < 0 && r != -ENODEV)
        return cf_err_sys(err, r, "signal the processes of cgroup `%s`", dir->path);
    return 0;
}

static int count_pids(int fd, size_t *ret)
{
    struct cf_cgfs_pids list = {0};
    int r = cf_cgfs_list_pids(fd, &list);

    *ret = list.n;
    cf_cgfs_pids_done(&list);
    return r;
}

static int v1_populated(struct cf_cgroup *cg)
{
    const struct cf_cgroup_open_dir *dir = main_dir(cg, false);
    size_t n = 0;

    return dir && count_pids(dir->fd, &n) == 0 && n > 0;
}

static int v1_oom_killed(struct cf_cgroup *cg)
{
    int fd = cf_cgroup_dir_fd(cg, "memory");
    uint64_t v = 0;

    return fd >= 0 && cf_cgfs_read_key(fd, "memory.oom_control", "oom_kill", &v) == 0 && v != 0;
}

static int v1_wait_empty(struct cf_cgroup *cg, int64_t deadline_ms, struct cf_err *err)
{
    for (size_t i = 0; i < cg->n; i++) {
        const struct cf_cgroup_open_dir *dir = &cg->dirs[i];

        while (dir->created) {
            const struct timespec pause = {.tv_nsec = 200000};
            size_t n = 0;
            int r = cf_cgroup_wait_pids(dir->fd, deadline_ms);

            if (r == 0)
                r = count_pids(dir->fd, &n);
            if (r == 0 && n > 0 && cf_cgroup_time_left(deadline_ms) == 0)
                r = -ETIMEDOUT;
            if (r == -ENODEV || r == -ENOENT)
                break;
            if (r < 0)
                return cf_err_sys(err, r, "wait until cgroup `%s` of `%s` has no process",
                                  dir->path, dir->hierarchy);
            if (n == 0)
                break;
            /* Somebody came, or is counted a moment longer than its pidfd says. */
            (void) cf_sys_nanosleep(&pause, NULL);
        }
    }
    return 0;
}

const struct cf_cgroup_ops cf_cgroup_ops_v1 = {
    .name = "v1",
    .create = v1_create,
    .attach = v1_attach,
    .kill = v1_kill,
    .freeze = v1_freeze,
    .is_frozen = v1_is_frozen,
    .populated = v1_populated,
    .oom_killed = v1_oom_killed,
    .wait_empty = v1_wait_empty,
};
