/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the parts of exec share: exec-find.c (the container as it is now), exec-follow.c (from the new process to the
 * one that runs) and exec.c (the plan, their order, and undo). Host side. Nothing else includes this.
 */

#include "container/container.h"
#include "container/exec.h"
#include "container/listener.h"

/* Everything one exec holds; closed by cf_container_exec() whatever happened. */
struct cf_exec {
    struct coffer_runtime *runtime;
    const char *id;
    const struct coffer_exec_options *options;
    struct cf_arena *arena;
    struct ocispec_process *file; /* options->process_file, parsed; owned by file_doc */
    struct ocispec_doc *file_doc;
    struct cf_spec *spec;         /* as the container was made */
    struct cf_spec view;          /* the same with our process */
    struct ocispec_config config;
    struct cf_facts facts;
    struct cf_plan_options plan_options;
    struct cf_plan_input input;
    struct cf_plan plan;
    struct cf_record record;
    struct cf_entry *entry;       /* locked shared until the process is in the container's cgroup */
    struct cf_cgroup *cgroup;
    struct cf_spawn spawn;
    int init_pidfd;
    int enter_flags;              /* CLONE_NEW* of init's namespaces that are not ours */
    bool frozen;                  /* and the caller does not mind */
    int fds[2];                   /* the plan's sources: root, procfs */
    const void *blob;
    size_t blob_size;
    int console_fd;
    struct cf_listener listener;
    bool at_once;                 /* nobody has to see it before it executes the program */
    bool ready;
    bool appeared;                /* the pid is that of the process, not of the one that makes way for it */
    char pty_name[64];
};

/* ---- exec-find.c ---- */
/** Facts, record, lock, status, init by pidfd, its cgroup and namespaces, the configuration. */
int cf_exec_find(struct cf_exec *x, struct cf_err *err);

/* ---- exec-follow.c ---- */
/** The process, from its clone to its execve; the lock is given back on the way. Console and pid file are out. */
int cf_exec_process(struct cf_exec *x, struct cf_err *err);
