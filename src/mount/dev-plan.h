/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Device nodes of a container with a user namespace. Init cannot mknod(2) there, so the host makes
 * the nodes: most of them in a tmpfs of its own that becomes the container's /dev, the others in a
 * private one that they are cloned from. Between the mount planners only. Pure, host side.
 */

#include <stdbool.h>
#include <stdint.h>

#include "mount/mount-build.h"

/** May the host make device nodes here, and must it? Otherwise init makes them, or the host's are cloned. */
bool cf_dev_plan_host_makes(const struct cf_plan_input *in, const struct cf_plan *plan);

/**
 * cf_dev_plan_tmpfs() - the source that is the container's /dev
 * @params: for fsconfig(2), in the arena; the owner is added here
 * Return: its fd index, or -errno with err.
 */
int cf_dev_plan_tmpfs(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_source_param *params,
                      size_t n_params, uint64_t attr, const char *field, struct cf_err *err);

/** Parameters that cf_dev_plan_tmpfs() adds. */
#define CF_DEV_PLAN_OWN_PARAMS 2

/**
 * cf_dev_plan_node() - have the host make the node @d at @path
 * @room: nodes that the tmpfs may get altogether
 * Fills how, fd of @d.
 */
int cf_dev_plan_node(const struct cf_plan_input *in, struct cf_plan *plan, const char *path, size_t room,
                     struct cf_blob_device *d, struct cf_err *err);
