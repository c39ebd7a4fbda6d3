/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the three parts of create and run share: create-plan.c (everything up to the outside resources),
 * create-follow.c (from the first process to the one that waits or runs) and create.c (their order, and undo).
 *
 * Host side. Nothing else includes this.
 */

#ifndef CF_CONTAINER_CREATE_INTERNAL_H
#define CF_CONTAINER_CREATE_INTERNAL_H

#include "container/container.h"
#include "container/create-ids.h"
#include "container/preset.h"
#include "container/listener.h"
#include "container/notify.h"
#include "net/netdev.h"

/* Everything one create holds; closed by cf_container_create() whatever happened. */
struct cf_create {
    struct coffer_runtime *runtime;
    const struct coffer_create_options *options;
    const char *id;
    bool run;
    struct cf_arena *arena;
    struct cf_spec *spec;
    struct cf_facts facts;
    struct cf_plan_options plan_options;
    struct cf_plan_input input;
    struct cf_plan plan;
    struct cf_record record;
    struct cf_store *store;
    struct cf_entry *entry;
    struct cf_cgroup *cgroup;
    struct cf_rdt rdt; /* fd -EBADF: the configuration has no intelRdt */
    struct cf_spawn spawn;
    struct cf_create_ids ids;
    struct cf_preset preset;
    struct cf_listener listener;
    struct cf_netdev_move netdevs;
    int join_fds[CF_NS_MAX];
    int rootfs_fd, gate_fd, console_fd;
    int notify_fd; /* bound for the container, which is run; -EBADF: none */
    int cgroup_fd; /* of the hierarchy, until the cgroup is made */
    int *fds;
    const void *blob;
    size_t blob_size;
    bool hooks_ran;
    bool pid_file_written;
    bool ready; /* init said so: after that an end of file means "executed" */
    char pty_name[64];
};

/* The ids of this create as the ledger's functions take them. */
struct cf_create_ids_input cf_create_ids_input_of(const struct cf_create *c);

/* Parsing, checks, automatic ids, plan. Only an automatic lease exists afterwards, which create_ids_done() gives back. */
int cf_create_plan(struct cf_create *c, struct cf_err *err);

/* What the plan warns about, from @first on. */
void cf_create_log_warnings(struct cf_create *c, const struct cf_warning *first);

/* Adds the seccomp program to the blob, from the cache of the store if it is there. */
int cf_create_seccomp(struct cf_create *c, struct cf_err *err);

/* Judges the host ids of the plan and enters them in the node's ledger. */
int cf_create_lease(struct cf_create *c, struct cf_err *err);

/* Publishes the record: from here on a failure needs cf_teardown(). */
int cf_create_publish(struct cf_create *c, struct cf_err *err);

/* Outside resources: cgroup, root, gate, mount sources; then the blob is complete. */
int cf_create_prepare(struct cf_create *c, struct cf_err *err);

/* Spawns init and follows it until it waits at its gate (create) or has executed the program (run). */
int cf_create_process(struct cf_create *c, struct cf_err *err);

/* The mount sources that cf_create_prepare() opened; init has its own copies by then. Can be called twice. */
void cf_create_close_sources(struct cf_create *c);

#endif
