/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Looking at a container from outside: its processes, its numbers, its events. Host side, no lock. */

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/cgroup.h"
#include "cgroup/stats.h"
#include "coffer/container.h"
#include "state/state.h"

/* A container that was found alive: record, init and cgroup. */
struct cf_alive {
    struct cf_arena *arena;
    struct cf_record record;
    int pidfd; /* of init */
    struct cf_cgroup *cgroup;
};

#define CF_ALIVE_INIT                                                                                        \
    {                                                                                                        \
        .pidfd = -EBADF                                                                                      \
    }

/**
 * cf_alive_open() - read the record, find init, open the cgroup
 * Kind STATE, `container with id ID is not running`, if it is stopped or not yet created.
 */
int cf_alive_open(struct coffer_container *container, struct cf_alive *ret, struct cf_err *err);
void cf_alive_done(struct cf_alive *alive);

/** Numbers -> one JSON object on one line. Pure. @rdt: NULL for a container without intelRdt. NULL: no memory; the caller frees. */
char *cf_stats_json(const struct cf_cgroup_stats *stats, const struct cf_rdt_stats *rdt);

/** The numbers of an open cgroup, and of the class of service if there is one, as JSON. @ret: the caller frees. */
int cf_stats_json_read(struct cf_cgroup *cgroup, const struct cf_rdt_record *rdt, char **ret, struct cf_err *err);

/* The operations behind the functions of the same names in coffer/container.h. */
int cf_container_pids(struct coffer_container *container, int **ret, size_t *ret_n, struct cf_err *err);
int cf_container_stats_json(struct coffer_container *container, char **ret, struct cf_err *err);
/** What @each returned is returned without an error in @err. */
int cf_container_watch(struct coffer_container *container, uint32_t interval_ms,
                       int (*each)(void *userdata, const struct coffer_event *event), void *userdata,
                       struct cf_err *err);
