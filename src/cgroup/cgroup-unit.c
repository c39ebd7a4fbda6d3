/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where the cgroup and the unit that holds it meet: the unit is started first, its cgroup then filled by the
 * ordinary backend, and the unit is stopped when the backend has emptied the cgroup. Host side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/systemd.h"
#include "sys/fs.h"

int cf_cgroup_unit_start(const struct cf_cgroup_plan *plan, struct cf_cgroup_record *record,
                         int *ret_holder_fd, bool *ret_made, struct cf_err *err)
{
    struct cf_arena *arena = plan->systemd->arena;
    struct cf_cgroup_record place = {0};
    struct cf_cgroup_plan at = *plan;
    int r;

    r = cf_systemd_start(plan->systemd, cf_str_eq(plan->backend, "v2"), arena, record, &at.path,
                         ret_holder_fd, ret_made, err);
    if (r < 0) {
        record->unit = NULL;
        return r;
    }
    at.systemd = NULL;
    r = cf_cgroup_locate(&at, arena, &place, err);
    if (r < 0) {
        struct cf_err ignored = CF_ERR_INIT;

        cf_systemd_release(ret_holder_fd);
        if (*ret_made)
            (void) cf_systemd_stop(record, NULL, &ignored);
        record->unit = NULL;
        return r;
    }
    record->dirs = place.dirs;
    record->n_dirs = place.n_dirs;
    if (!*ret_made) /* a slice of somebody else */
        record->unit = NULL;
    return 0;
}

/* The cgroup above both of two. */
static void common_parent(char *path, const char *other)
{
    size_t same = 0, i = 0;

    for (; path[i] && path[i] == other[i]; i++) {
        if (path[i] == '/')
            same = i;
    }
    if ((path[i] == '/' || !path[i]) && (other[i] == '/' || !other[i]))
        same = i;
    path[same] = '\0';
}

/* Whoever starts a process in another cgroup moves it, as the kernel sees it: the right to do so is that to
 * write cgroup.procs of the cgroup above both. In a login session a user has not got it. */
static int find_no_clone(struct cf_cgroup *cg, struct cf_err *err)
{
    char text[4096], path[PATH_MAX], file[PATH_MAX];
    cf_auto_fd int fd = -EBADF;
    char *own, *end;
    long n;

    if (cg->ops != &cf_cgroup_ops_v2 || cg->n == 0)
        return 0;
    fd = cf_sys_openat(AT_FDCWD, "/proc/thread-self/cgroup", O_RDONLY | O_CLOEXEC, 0);
    n = fd < 0 ? fd : cf_sys_read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return cf_err_sys(err, (int) n, "read `/proc/thread-self/cgroup`");
    text[n] = '\0';
    own = strstr(text, "0::");
    if (!own || cf_str_copy(path, sizeof(path), cg->dirs[0].path) < 0)
        return 0;
    own += 3;
    end = strchr(own, '\n');
    if (end)
        *end = '\0';
    common_parent(path, own);
    if (cf_str_path(file, sizeof(file), "%s%s/cgroup.procs", cg->dirs[0].hierarchy, path) >= 0)
        cg->unit_no_clone = cf_sys_faccessat2(AT_FDCWD, file, W_OK, AT_EACCESS) < 0;
    return 0;
}

/* A cgroup with processes of its own can enable nothing for its children: ours waits in the child as well. */
static void leave_to_children(const struct cf_cgroup *cg)
{
    char number[CF_NUM_SIZE];

    if (cg->unit_holder_fd < 0 || cg->leaf_fd < 0 ||
        cf_cgfs_read(cg->dirs[0].fd, "cgroup.procs", number, sizeof(number)) <= 0)
        return;
    if (cf_cgfs_write(cg->leaf_fd, "cgroup.procs", number) == 0)
        cf_cgroup_offer_controllers(cg->dirs[0].fd);
}

int cf_cgroup_unit_settle(const struct cf_cgroup_plan *plan, struct cf_cgroup *cg, struct cf_err *err)
{
    if (plan->delegate)
        leave_to_children(cg);
    return plan->systemd->user ? find_no_clone(cg, err) : 0;
}

void cf_cgroup_unit_release(struct cf_cgroup *cg)
{
    cf_systemd_release(&cg->unit_holder_fd);
}

int cf_cgroup_occupied(struct cf_cgroup *cg, struct cf_err *err)
{
    cf_cgroup_unit_release(cg);
    return cf_cgroup_pids_tighten(cg, err);
}

bool cf_cgroup_exists(const struct cf_cgroup *cg)
{
    for (size_t i = 0; i < cg->n; i++) {
        if (cf_sys_faccessat2(cg->dirs[i].fd, "cgroup.procs", F_OK, 0) < 0)
            return false;
    }
    return cg->n > 0;
}

int cf_cgroup_stop_unit(const struct cf_cgroup_record *record, bool seen, struct cf_err *err)
{
    int r = cf_systemd_stop(record, seen ? NULL : record->unit_description, err);

    if (r < 0)
        cf_err_step(err, "cgroup");
    return r;
}
