/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The operations of a container's life, one file each. They join the plans of all modules, keep
 * the record, drive the container side through the wire and undo everything with one function.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "coffer/container.h"
#include "coffer/runtime.h"
#include "facts/facts.h"
#include "plan/plan.h"
#include "state/state.h"
#include "wire/msg.h"

struct coffer_runtime {
    char *root;
    bool root_sticky;
    enum cf_cgroup_manager cgroup_manager;
    char *bus_address, *runtime_dir; /* where systemd is; NULL: in the default place */
    int rootless;            /* -1: auto */
    struct cf_log log;
    int (*log_wanted)(void *userdata, int level); /* NULL: always */
    char *notify_socket; /* NOTIFY_SOCKET of the caller; NULL: nobody waits for readiness */
    char *seccomp_receiver; /* gets the listener of a profile that names none; NULL: nobody */
    char *id_ledger, *id_config; /* NULL: defaults */
    uint32_t id_policy;      /* enum coffer_id_policy */
    struct cf_store *store;  /* opened at first use */
};

struct coffer_container {
    struct coffer_runtime *runtime; /* borrowed */
    char *id;
    int pid;
    int pidfd;      /* of init, -EBADF: none */
    int console_fd; /* pty master that nobody took yet */
    int notify_fd;  /* where a run container says that it is ready, -EBADF: nobody asked, or it did */
    int wire_fd;    /* nobody is at its other end any more; closed with the rest */

    /* Kept by run, so that its delete need not read everything again. The record was written by us and
     * changes no more but by a delete, which removes the entry. NULL for other handles. */
    struct cf_arena *arena;
    struct cf_spec *spec; /* owns strings of the record */
    struct cf_entry *entry; /* not locked */
    struct cf_record *record;
    struct cf_cgroup *cgroup;
};

/* ---- runtime.c ---- */
/** The state root, opened; with @create made if missing. -ENOENT stays without a created store. */
int cf_runtime_store(struct coffer_runtime *runtime, bool create, struct cf_store **ret, struct cf_err *err);

/* ---- plan-build.c ---- */
/**
 * cf_plan_build() - all planners in order
 * @join_fds: CF_NS_MAX entries; namespaces that are joined by path are opened here, because a joined user
 *   namespace's maps are facts that the other planners need
 */
int cf_plan_build(const struct cf_plan_input *in, enum cf_cgroup_manager manager, int rootless, struct cf_plan *plan,
                  int *join_fds, struct cf_err *err);

/* ---- image.c ---- */
/**
 * cf_image_open() - coffer-init in a sealed, executable, unreadable memfd (rule R23)
 * @enters: only what a process needs that enters a container
 * Return: fd or -errno with err.
 */
int cf_image_open(bool enters, struct cf_err *err);

/* ---- spawn-child.c: runs in the cloned child, raw system calls only ---- */
struct cf_preinit {
    int wire_fd;
    int wire_place;        /* its number in coffer-init */
    int host_fd;           /* the host's end of the wire, of which the clone has a copy */
    int image_fd;
    uint32_t preserve_fds;
    bool wait_placed;      /* the first process waits for MAPPED */
    bool userns_new_late;  /* joins come first, then a second process makes the user namespace */
    bool become_root;      /* 0:0 in the user namespace */
    int enter_pidfd;       /* exec: init of the container that is entered, all at once */
    int enter_flags;       /* CLONE_NEW* of its namespaces that are not ours */
    bool enter;
    bool shares_memory;    /* with the host, which waits until the image is executed */
    bool user_join_first;  /* unprivileged caller: capabilities come from the joined user namespace */
    bool clone_rest;       /* `rest` needs another process (a new pid namespace, time offsets) */
    uint64_t rest;         /* CLONE_NEW* that are made after the joins */
    uint32_t owner_uid, owner_gid;
    bool switch_owner;
    const char *timens_offsets;
    const struct cf_ns_join *joins;
    const int *join_fds;
    uint32_t n_joins;
    char *argv[3];
};
/** Never returns. */
__attribute__((noreturn)) void cf_preinit_run(const struct cf_preinit *preinit);

/* ---- spawn.c ---- */
struct cf_spawn {
    struct cf_plan *plan;
    const int *join_fds;      /* in the order of plan->ns.joins */
    struct cf_cgroup *cgroup; /* NULL: backend none */
    const void *blob;
    size_t blob_size;
    const int *fds;           /* plan->n_sources, sent in this order */
    uint32_t preserve_fds;
    bool privileged;
    bool enter;               /* exec: the container exists, nothing is new */
    int enter_pidfd;          /* of its init, borrowed */
    int enter_flags;          /* CLONE_NEW* of its namespaces that are not ours */
    bool apart;               /* it may not share our memory: what stops or kills it is not to be shared */

    /* Of the child until it has executed: it may share our memory. */
    struct cf_preinit preinit;
    char name[12];
    char wire_text[24];
    void *stack; /* malloc'd, or NULL */
    const struct cf_blob_rlimit *limits; /* process.rlimits in blob, of a container with a user namespace */
    uint32_t n_limits;
    bool raises_budget;     /* some of them must hold before the user namespace is made */
    bool plan_first;        /* the plan waits in the wire for the process: nothing has to be done to it before */
    bool was_dumpable;      /* our process: to be put back when the child has executed */

    /* results */
    int wire_fd;
    int pidfd;
    pid_t pid;
};

/** Fields of cf_spawn that must not be zero. */
#define CF_SPAWN_INIT {.wire_fd = -EBADF, .pidfd = -EBADF}

/**
 * cf_spawn_init() - clone3, place, map, hand over the plan; returns when BUILD was sent
 * On failure every process it made is dead and reaped.
 */
int cf_spawn_init(struct cf_spawn *spawn, struct cf_err *err);

/* ---- spawn-limits.c: what only the host can give to a container with a user namespace ---- */
/** Before the first clone: fills limits, raises_budget. */
int cf_spawn_look_at_limits(struct cf_spawn *spawn, struct cf_err *err);
/** Raises limits of the new process, as far as only the host can. */
int cf_spawn_raise_limits(struct cf_spawn *spawn, struct cf_err *err);

/** With CF_BLOB_HOST_SCHED, when the process is ready and waits: its scheduler and I/O priority. */
int cf_spawn_schedule(const struct cf_spawn *spawn, struct cf_err *err);

/** init announced the process that takes its place (CF_MSG_INIT_PID): pid and pidfd are replaced. */
int cf_spawn_take_pid(struct cf_spawn *spawn, const struct cf_msg *msg, struct cf_err *err);

/** Closes fds; with @kill_it ends and reaps the process. */
void cf_spawn_done(struct cf_spawn *spawn, bool kill_it);

/** What to say when the wire ended without a word: how init died. Fills err (kind PEER), returns -ECONNRESET. */
int cf_spawn_explain_death(const struct cf_spawn *spawn, struct cf_err *err);

/** A message without content to the other side; @what is being done, for the error. Return: 0 or an error. */
int cf_spawn_tell(const struct cf_spawn *spawn, uint32_t type, const char *what, struct cf_err *err);

/* ---- state-json.c ---- */
#define CF_OCI_VERSION "1.3.0" /* of the runtime-spec */
/** The OCI state for hooks (compact) and for `state` (@indent 2, more keys). NULL: no memory. Caller frees. */
char *cf_state_json(const struct cf_record *record, enum cf_status status, int pid, const char *root, unsigned indent,
                    bool full);

/* ---- teardown.c ---- */
/**
 * cf_teardown() - the only undo: kill, wait, remove cgroup, poststop hooks, remove the state directory
 * @entry: locked exclusively; taken
 * @cgroup: as opened already, borrowed; NULL: what the record names is opened
 * @run_poststop: false when no hook ever ran
 * Each step accepts "already gone". The first failure is reported, later steps run all the same.
 */
int cf_teardown(struct coffer_runtime *runtime, struct cf_entry *entry, struct cf_record *record,
                struct cf_cgroup *cgroup, bool run_poststop, struct cf_err *err);

/* ---- kill.c ---- */
/** Was the record written since the host started? If not, nothing that it names exists any more. */
bool cf_container_same_boot(const struct cf_record *record);
/** Thaws a container whose init was killed: a v1 freezer keeps even SIGKILL waiting. Failures are ignored. */
void cf_container_thaw(const struct cf_record *record);

/* ---- operations ---- */
int cf_container_create(struct coffer_runtime *runtime, const char *id, const struct coffer_create_options *options,
                        bool run, struct coffer_container **ret, struct cf_err *err);
int cf_container_open(struct coffer_runtime *runtime, const char *id, struct coffer_container **ret, struct cf_err *err);
int cf_container_start(struct coffer_container *container, struct cf_err *err);
int cf_container_kill(struct coffer_container *container, int signo, uint32_t flags, struct cf_err *err);
int cf_container_pause(struct coffer_container *container, struct cf_err *err);
int cf_container_resume(struct coffer_container *container, struct cf_err *err);
int cf_container_update(struct coffer_container *container, const struct coffer_update_options *options,
                        struct cf_err *err);
/** mounts add, mounts remove: @json is an array of mounts as in config.json. */
int cf_container_mounts(struct coffer_container *container, bool adding, const char *json, size_t len,
                        struct cf_err *err);
int cf_container_delete(struct coffer_runtime *runtime, const char *id, uint32_t flags, struct cf_err *err);
/** By handle: a run one is removed by what the handle still knows. */
int cf_container_delete_handle(struct coffer_container *container, uint32_t flags, struct cf_err *err);
int cf_container_state(struct coffer_container *container, char **ret_json, struct cf_err *err);
int cf_container_list(struct coffer_runtime *runtime,
                      int (*each)(void *userdata, const struct coffer_container_info *), void *userdata,
                      struct cf_err *err);

/* Poststart hooks of a started container; on failure it is destroyed. @entry: locked; taken on failure only. */
int cf_container_poststart(struct coffer_runtime *runtime, struct cf_entry **entry, struct cf_record *record,
                           const struct cf_host_hooks *hooks, struct cf_err *err);

struct coffer_container *cf_container_new(struct coffer_runtime *runtime, const char *id);
void cf_container_free(struct coffer_container *container);
static inline void cf_container_freep(struct coffer_container **c)
{
    cf_container_free(*c);
    *c = NULL;
}
