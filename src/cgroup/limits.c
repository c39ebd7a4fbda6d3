/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writing the limits of a new container, all of them, both flavours. Host side. Limits that depend
 * on each other (memory and memory+swap; quota, period and burst) are accepted in one order or the
 * other, depending on what a cgroup that existed before has: what was refused is tried again as
 * long as anything else got through.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/res.h"

/* How many writes of one container can depend on each other: see depends(). */
#define MAX_AGAIN 16

static bool is_permission(int r)
{
    return r == -EACCES || r == -EPERM || r == -EROFS;
}

/* Does the kernel compare this value with one of another file of the same cgroup? */
static bool depends(const char *file)
{
    static const char *const files[] = {
        "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "cpu.cfs_period_us",
        "cpu.cfs_quota_us",      "cpu.cfs_burst_us",            "cpu.rt_period_us",
        "cpu.rt_runtime_us",     "cpu.max",                     "cpu.max.burst",
    };

    return cf_str_index(files, sizeof(files) / sizeof(files[0]), file) >= 0;
}

/* ---- realtime of v1 ---- */

static const struct cf_cgroup_write *find(const struct cf_cgroup_plan *plan, const char *file)
{
    for (size_t i = 0; i < plan->n_writes; i++) {
        if (strcmp(plan->writes[i].file, file) == 0)
            return &plan->writes[i];
    }
    return NULL;
}

static const struct cf_cgroup_open_dir *dir_of(const struct cf_cgroup *cg, const char *controller)
{
    int fd;

    if (!cg) /* of a target that is one open directory, and has no others */
        return NULL;
    fd = cf_cgroup_dir_fd(cg, controller);
    for (size_t i = 0; i < cg->n; i++) {
        if (cg->dirs[i].fd == fd)
            return &cg->dirs[i];
    }
    return NULL;
}

/* A new cgroup has no realtime budget, and none can be given below one that has none. What has a
 * budget of its own, however small, is left alone. */
static int give_budget(int fd, const struct cf_cgroup_write *period,
                       const struct cf_cgroup_write *runtime)
{
    char have[32];
    long n = cf_cgfs_read(fd, runtime->file, have, sizeof(have));
    int r = 0;

    if (n < 0)
        return (int) n;
    if (strcmp(have, "0\n") != 0)
        return 0;
    if (period)
        r = cf_cgfs_write(fd, period->file, period->value);
    return r < 0 ? r : cf_cgfs_write(fd, runtime->file, runtime->value);
}

static int prepare_realtime(const struct cf_cgroup_plan *plan, const struct cf_cgroup *cg,
                            struct cf_err *err)
{
    const struct cf_cgroup_write *runtime = find(plan, "cpu.rt_runtime_us");
    const struct cf_cgroup_open_dir *dir = runtime ? dir_of(cg, "cpu") : NULL;
    cf_auto_fd int root_fd = -EBADF;
    char at[PATH_MAX];

    if (!dir)
        return 0;
    root_fd = cf_cgfs_open_hierarchy(dir->hierarchy, true);
    if (root_fd < 0)
        return cf_err_sys(err, root_fd, "open the cgroup hierarchy `%s`", dir->hierarchy);
    /* Every cgroup between the root and ours, from above. */
    for (const char *p = dir->path + strspn(dir->path, "/"); (p = strchr(p, '/')); p++) {
        cf_auto_fd int fd = -EBADF;
        int r;

        if (p[strspn(p, "/")] == '\0')
            break;
        (void) cf_format(at, sizeof(at), "%.*s", (int) (p - dir->path), dir->path);
        fd = cf_cgfs_open_dir(root_fd, at, NULL);
        r = fd < 0 ? fd : give_budget(fd, find(plan, "cpu.rt_period_us"), runtime);
        if (r == -ENOENT)
            return 0; /* no such file at all: the container's own write says it better */
        if (r < 0) {
            (void) cf_err_sys(err, r, "%s: give cgroup `%s` a realtime budget", runtime->field, at);
            cf_err_field(err, "%s", runtime->field);
            return r;
        }
    }
    return 0;
}

/* ---- all ---- */

struct target {
    const struct cf_cgroup_plan *plan;
    const struct cf_cgroup *cg; /* v1: one directory for each controller */
    int fd;                     /* v2: the one directory, -1 on v1 */
    bool created;               /* v2 */
};

static int no_controller(const struct cf_cgroup_write *write, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-controller", -EOPNOTSUPP,
                      "%s: controller `%s` is not mounted", write->field, write->controller);
    cf_err_field(err, "%s", write->field);
    cf_err_hint(err, "mount it as a v1 hierarchy below `/sys/fs/cgroup`, or leave the field out");
    return -EOPNOTSUPP;
}

/* Return: 1 done, 0 refused and worth another try, -errno. */
static int write_limit(const struct target *target, const struct cf_cgroup_write *write,
                       bool last_try, struct cf_err *err)
{
    const bool wants_nothing = cf_cgroup_write_is_default(write);
    bool created = target->created;
    int fd = target->fd, r;

    if (fd < 0) {
        const struct cf_cgroup_open_dir *dir = dir_of(target->cg, write->controller);

        if (!dir)
            return wants_nothing || target->plan->rootless_optional ? 1 : no_controller(write, err);
        fd = dir->fd;
        created = dir->created;
    }
    /* What every new cgroup starts with need not be said. */
    if (created && wants_nothing)
        return 1;
    r = cf_cgroup_write_one(fd, write);
    if (r >= 0)
        r = target->fd < 0 ? cf_cgroup_check_shares(write, fd, err) : 0;
    else if ((r == -EINVAL || r == -EBUSY) && !last_try && depends(write->file))
        return 0;
    else if (is_permission(r) && target->fd < 0 && target->plan->rootless_optional)
        return 1;
    else
        r = cf_cgroup_write_failed(write, fd, r, err);
    return r < 0 ? r : 1;
}

static int write_all(const struct target *target, struct cf_err *err)
{
    const struct cf_cgroup_plan *plan = target->plan;
    const struct cf_cgroup_write *again[MAX_AGAIN];
    size_t n = 0;

    for (size_t i = 0; i < plan->n_writes; i++) {
        int r = write_limit(target, &plan->writes[i], n == MAX_AGAIN, err);

        if (r < 0)
            return r;
        if (r == 0)
            again[n++] = &plan->writes[i];
    }
    for (size_t before = n + 1; n > 0;) {
        const bool last_try = n == before; /* nothing got through in the round before */
        size_t left = 0;

        before = n;
        for (size_t i = 0; i < n; i++) {
            int r = write_limit(target, again[i], last_try, err);

            if (r < 0)
                return r;
            if (r == 0)
                again[left++] = again[i];
        }
        n = left;
    }
    return 0;
}

int cf_cgroup_write_limits_v1(const struct cf_cgroup_plan *plan, const struct cf_cgroup *cg,
                              struct cf_err *err)
{
    const struct target target = {.plan = plan, .cg = cg, .fd = -1};
    int r = prepare_realtime(plan, cg, err);

    return r < 0 ? r : write_all(&target, err);
}

int cf_cgroup_write_limits_v2(const struct cf_cgroup_plan *plan, int fd, bool created,
                              struct cf_err *err)
{
    const struct target target = {.plan = plan, .fd = fd, .created = created};

    return write_all(&target, err);
}
