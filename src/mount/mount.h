/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Mounts, root, devices, masks: planners and the host's part. The child's part is in init/init.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plan/plan.h"

/** What an option string means. */
struct cf_mount_option {
    const char *name;
    /* filled by the table in mount-opts.c; see there */
    unsigned char kind;
    bool clear;
    bool listed; /* by `features` */
    uint64_t value;
};

/** The table, for parsing and for `features`; *ret_n entries. */
const struct cf_mount_option *cf_mount_options(size_t *ret_n);

/**
 * cf_overlay_release() - after the container's end: what an id-mapped root on an overlay needed
 * @root: mount point of the overlay that was found, which forgets what it has cached
 * @work, @owner: of struct cf_plan_overlay; nothing is removed that has another owner
 */
void cf_overlay_release(const char *root, const char *work, const char *owner);

/** cf_overlay_release_lost() - the same when nobody has written down whether there is anything, nor where */
void cf_overlay_release_lost(const char *root, const char *owner);

/** Plans root, mounts, devices, links, masked and read-only paths: blob records and plan->sources. Pure. */
int cf_mount_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);
/** Plans `mounts` alone, for a container that runs; plan->userns as it is joined. Codes: mount-add-*. Pure. */
int cf_mount_plan_added(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);
/** Target of mounts[@index] as it is looked for in the root. Pure. */
int cf_mount_plan_target(const struct cf_plan_input *in, uint32_t index, const char **ret, struct cf_err *err);
int cf_device_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

struct cf_cgroup;

/**
 * cf_mount_host_open() - open every source of the plan before the first process exists (rule R12)
 * @rootfs_fd: O_PATH directory of the rootfs; negative: it is only cloned, by its path
 * @gate_fd, @pidns_fd: borrowed, duplicated into the array (-1: none)
 * @fds: plan->n_sources entries, all set to O_CLOEXEC fds on success (the caller closes them), none open on failure
 * Sets CF_MOUNT_TARGET_FILE in the blob for sources that are not directories. May append to plan->warnings.
 */
int cf_mount_host_open(struct cf_plan *plan, int rootfs_fd, const struct cf_cgroup *cgroup, int gate_fd, int pidns_fd,
                       int *fds, struct cf_err *err);

/**
 * cf_mount_host_idmap() - id-map the sources whose map is that of the container's user namespace
 * @fds: of cf_mount_host_open()
 * @pid: our own unreaped child in that namespace, when its maps are written
 * @join_fd: the namespace, where it is joined by path; else -1
 * May append to plan->warnings. To be called before @fds are handed over. Costs nothing where there is no such source.
 */
int cf_mount_host_idmap(struct cf_plan *plan, const int *fds, pid_t pid, int join_fd, struct cf_err *err);
