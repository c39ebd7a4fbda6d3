/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A container may have room for one process only, and be made by several: a unit begins with one that waits, a new
 * time namespace is entered by a clone, and so is a user namespace that comes after namespaces of others. Until the
 * first process is there a limit that is so low is a little higher. Host side.
 */

#include <string.h>

#include "base/num.h"
#include "base/own.h"
#include "cgroup/cgroup-internal.h"

/* At the worst all of these are there at once: a limit above has room for them and the first process. */
#define HELPERS 3

static int pids_fd(const struct cf_cgroup *cg)
{
    int fd = cf_cgroup_dir_fd(cg, cg->ops == &cf_cgroup_ops_v2 ? NULL : "pids");

    /* With a sub-cgroup for the processes the limit is above it. */
    return fd >= 0 && cg->ops == &cf_cgroup_ops_v2 ? cg->dirs[0].fd : fd;
}

void cf_cgroup_pids_make_room(const struct cf_cgroup_plan *plan, struct cf_cgroup *cg)
{
    for (size_t i = 0; i < plan->n_writes; i++) {
        const struct cf_cgroup_write *write = &plan->writes[i];
        char number[CF_NUM_SIZE];
        uint64_t limit;
        int fd;

        if (strcmp(write->file, "pids.max") != 0 || cf_num_parse_u64(write->value, 0, HELPERS, &limit) < 0)
            continue;
        fd = pids_fd(cg);
        (void) cf_num_format(number, limit + HELPERS);
        if (fd >= 0 && cf_cgfs_write(fd, write->file, number) == 0)
            cg->tight_pids = write;
    }
}

int cf_cgroup_pids_tighten(struct cf_cgroup *cg, struct cf_err *err)
{
    const struct cf_cgroup_write *pids = cf_steal_ptr(&cg->tight_pids);
    int fd, r;

    if (!pids)
        return 0;
    fd = pids_fd(cg);
    r = cf_cgfs_write(fd, pids->file, pids->value);
    return r < 0 ? cf_cgroup_write_failed(pids, fd, r, err) : 0;
}
