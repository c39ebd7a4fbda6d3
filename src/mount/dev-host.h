/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Device nodes that the host makes for a container with a user namespace. Host side. */

#include "base/err.h"
#include "plan/plan.h"

/**
 * cf_dev_host_open() - a new tmpfs with the nodes of @s (CF_SOURCE_DEV) in it
 * It is a detached mount: nobody but the holder of the fd ever sees it, and it ends with the fd.
 * Return: mount fd, or -errno with err.
 */
int cf_dev_host_open(const struct cf_source *s, struct cf_err *err);

/**
 * cf_dev_host_node() - a detached mount of one node (@s->nodes[0]) that is made for it
 * @store_fd: the tmpfs of all such nodes; made when it is negative, the caller closes it
 * @number: names the node there
 * Return: mount fd, -EOPNOTSUPP without err from a kernel before 6.15, or -errno with err.
 */
int cf_dev_host_node(const struct cf_source *s, int *store_fd, size_t number, struct cf_err *err);
