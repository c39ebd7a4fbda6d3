/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * cgroups: the plan, and the interface of the backends (v2, v1/hybrid, none). With the systemd manager a
 * unit of systemd (systemd.h) says where the cgroup is; the same backends do the rest in it.
 *
 * coffer never signals, freezes or removes the root cgroup, or one that it did not create itself:
 * what it created is recorded with its inode and verified again before every such act (rule R28).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

struct cf_facts;
struct cf_plan;
struct cf_plan_input;

enum cf_cgroup_manager { CF_CGROUP_MANAGER_CGROUPFS = 0, CF_CGROUP_MANAGER_SYSTEMD, CF_CGROUP_MANAGER_DISABLED };

#define CF_CGWRITE_IF_THERE 1u /* the file may be missing: then there is nothing to do (hugetlb *.rsvd.*) */
#define CF_CGWRITE_LINES 2u    /* one write(2) for each line of the value (io.max, unified files) */
#define CF_CGWRITE_ALWAYS 4u   /* of linux.resources.unified: no value of it is taken for a default */

/* One value to write. */
struct cf_cgroup_write {
    const char *controller; /* v1: which hierarchy; v2: which controller must be enabled; "" = core */
    const char *file;       /* one component, "memory.max" */
    const char *value;
    const char *field;      /* config path, for errors */
    const char *else_file;  /* where @file is missing: this one (blkio.bfq.weight, else blkio.weight); NULL: none */
    const char *else_value; /* its value */
    uint32_t flags;         /* CF_CGWRITE_* */
};

struct cf_systemd_plan; /* systemd.h */

struct cf_cgroup_plan {
    enum cf_cgroup_manager manager;
    const char *backend;    /* "v2", "v1", "none" */
    const char *path;       /* cleaned; absolute = below the mount point, relative = below the runtime's parent cgroup */
    const struct cf_cgroup_write *writes;
    size_t n_writes;
    const uint64_t *device_program; /* v2: eBPF instructions (struct bpf_insn), NULL: no device policy */
    size_t n_device_program;
    const char *const *device_lines; /* v1: "a *:* rwm" lines for devices.deny / devices.allow */
    size_t n_device_lines;           /* a line starts with '+' (allow) or '-' (deny) */
    int root_fd;                     /* v2: the hierarchy, checked; taken by cf_cgroup_create(). 0: none yet */
    bool rootless_optional;          /* permission problems are not errors: the container runs without limits */
    const struct cf_systemd_plan *systemd; /* the unit that is to hold the cgroup; NULL: cgroupfs manager */
    const char *subgroup; /* v2: child of the cgroup in which the processes live, limits stay above; NULL: none */
    bool delegate;        /* v2: what the processes live in is given to owner_uid:owner_gid */
    uint32_t owner_uid, owner_gid; /* host ids of the container's root */
};

/* One hierarchy of a created cgroup, as stored in the record. */
struct cf_cgroup_dir {
    const char *hierarchy; /* mount point: "/sys/fs/cgroup" or "/sys/fs/cgroup/pids" */
    const char *path;      /* below it, absolute: "/coffer-c1" */
    const char *controllers; /* v1: "cpu,cpuacct"; "" for v2 */
    uint64_t inode;        /* of the directory, 0 if not created yet */
    uint32_t parents;      /* so many directories above it were made with it */
    bool created;          /* by us; while the inode is 0: it was not there when we were about to make it */
};

struct cf_cgroup_record { /* goes into state.json */
    const char *backend;
    struct cf_cgroup_dir *dirs;
    size_t n_dirs;
    const char *unit;     /* systemd's unit, "coffer-c1.scope"; NULL: none. Named before it is started */
    bool unit_user;       /* it belongs to the caller's user manager */
    const char *unit_bus; /* D-Bus address at which its manager is found: later commands may know no environment */
    const char *unit_description; /* with a token: no other unit of that name has it */
    const char *subgroup; /* as in the plan; NULL: none */
};

struct cf_cgroup; /* an open cgroup: directory fds, backend */

/** Pure planner: path rules (empty = default "coffer-<id>" beside the runtime's own cgroup; "/" and ".." refused),
 *  resources -> writes; every resource that is not supported yet is refused with its field. */
int cf_cgroup_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, enum cf_cgroup_manager manager,
                         struct cf_err *err);

/**
 * cf_cgroup_delegate_mount() - the container has a writable mount of its own cgroup2 tree: its root gets the cgroup
 * Pure; called by the planner of mounts. Nothing happens without user namespace and a new cgroup namespace, or on v1.
 */
void cf_cgroup_delegate_mount(struct cf_plan *plan);

/**
 * cf_cgroup_locate() - where it will be: no effect yet, so that the record can name it first
 * Reads /proc/self/cgroup (and mountinfo on v1). Memory from arena. `created` tells of each directory that it
 * is missing now: a create that is killed before it can record inodes leaves no more than that.
 */
int cf_cgroup_locate(const struct cf_cgroup_plan *plan, struct cf_arena *arena, struct cf_cgroup_record *ret,
                     struct cf_err *err);

/**
 * cf_cgroup_create() - make the directories, check they are empty and not frozen, enable controllers, write limits (v1: and device policy)
 * Updates created and inode of every dir in @record; drops dirs that an unprivileged caller may do
 * without, so that record->backend can become "none". On failure removes what it made.
 * @ret: to be closed with cf_cgroup_close().
 */
int cf_cgroup_create(const struct cf_cgroup_plan *plan, struct cf_cgroup_record *record, struct cf_cgroup **ret,
                     struct cf_err *err);

/**
 * cf_cgroup_apply_devices() - load and attach the device program of a v2 cgroup; nothing to do elsewhere
 * Apart from cf_cgroup_create(), because the kernel's verifier may work while init builds its mounts. To be
 * called before any program of the container runs.
 */
int cf_cgroup_apply_devices(const struct cf_cgroup_plan *plan, const struct cf_cgroup *cg, struct cf_err *err);

/**
 * cf_cgroup_occupied() - the container's first process is in the cgroup: a unit's waiting process can go, and a limit
 * of processes need no more have room for those who prepared it
 * To be called as soon as that is so.
 */
int cf_cgroup_occupied(struct cf_cgroup *cg, struct cf_err *err);

/** v2: directory fd for CLONE_INTO_CGROUP (borrowed), of the sub-cgroup if there is one; -1 when processes must be
 *  attached instead. Of a cgroup just created, as the next one. */
int cf_cgroup_clone_fd(const struct cf_cgroup *cg);
/** Directory fd of one hierarchy for a bind mount into the container; controller NULL: v2. Borrowed, -1: none. */
int cf_cgroup_dir_fd(const struct cf_cgroup *cg, const char *controller);

/** Moves a process into all hierarchies; no-op when it was cloned into the cgroup. A user manager is asked to. */
int cf_cgroup_attach(struct cf_cgroup *cg, pid_t pid, struct cf_err *err);

/** Open what a record names; dirs that are gone or are not ours any more (inode) are left out. */
int cf_cgroup_open(const struct cf_cgroup_record *record, struct cf_cgroup **ret, struct cf_err *err);

/** Was every directory opened that the record says was made? */
bool cf_cgroup_complete(const struct cf_cgroup *cg, const struct cf_cgroup_record *record);

/**
 * cf_cgroup_enter() - choose where in an opened cgroup the next process goes; nothing is moved yet
 * @paths: sub-cgroups, which must exist: "PATH", on v1 also "CONTROLLER[,CONTROLLER]:PATH"; NULL-terminated, NULL: none
 * The kinds of limits and freezing stay those of the whole. Code: cgroup-sub.
 */
int cf_cgroup_enter(struct cf_cgroup *cg, const char *const *paths, struct cf_err *err);
/** v2, when it takes no process because it has been divided: where @pid is, if that is below. -ENOTSUP elsewhere. */
int cf_cgroup_enter_like(struct cf_cgroup *cg, pid_t pid, struct cf_err *err);
/** The caller may not clone into the cgroup of a unit: the next cf_cgroup_attach() asks its manager. */
void cf_cgroup_enter_by_manager(struct cf_cgroup *cg, const struct cf_cgroup_record *record);

/**
 * cf_cgroup_remove_unrecorded() - what a create that was killed may have made without recording the inode
 * Removes directories that were missing before, if they are empty or become so within @timeout_ms. Nothing in
 * them is ever signalled: without an inode nobody knows that they are ours. Return: number of those left.
 */
int cf_cgroup_remove_unrecorded(const struct cf_cgroup_record *record, int timeout_ms);

/** Kills every process in cgroups that we created: cgroup.kill on v2; v1: freeze, signal, thaw until empty. */
int cf_cgroup_kill(struct cf_cgroup *cg, int signo, struct cf_err *err);
/** Freezes or thaws and waits until it is so. Code: cgroup-no-freezer. */
int cf_cgroup_freeze(struct cf_cgroup *cg, bool on, struct cf_err *err);
/** All processes, children's cgroups included, ascending, each once. @ret: malloc'ed, NULL if none. */
int cf_cgroup_pids(struct cf_cgroup *cg, pid_t **ret, size_t *ret_n, struct cf_err *err);
/** 1 frozen, 0 not, or there is no freezer. */
int cf_cgroup_is_frozen(struct cf_cgroup *cg);
/** Waits until no process is left (event driven), then removes the directories we created, leaf first, also
 *  children the container made. Idempotent. @timeout_ms: -ETIMEDOUT. */
int cf_cgroup_destroy(struct cf_cgroup *cg, int timeout_ms, struct cf_err *err);
/**
 * cf_cgroup_stop_unit() - stop and forget the record's unit, when its cgroup has been destroyed
 * @seen: its directory was there under the recorded inode: the unit cannot be another of that name
 * 0 without a unit. One bus call, none if systemd has removed it already.
 */
int cf_cgroup_stop_unit(const struct cf_cgroup_record *record, bool seen, struct cf_err *err);
/** true while the directories of it exist. */
bool cf_cgroup_exists(const struct cf_cgroup *cg);
void cf_cgroup_close(struct cf_cgroup *cg);
static inline void cf_cgroup_closep(struct cf_cgroup **cg)
{
    cf_cgroup_close(*cg);
    *cg = NULL;
}
/** 1 if the memory controller counted an OOM kill in it, 0 otherwise. */
int cf_cgroup_oom_killed(struct cf_cgroup *cg);
/** true when the hosts's freezer/kill sees processes in it. */
int cf_cgroup_populated(struct cf_cgroup *cg);

/** Does the host have this controller ("pids")? v2: at the root of the tree; v1: mounted. For `coffer spec`. */
bool cf_cgroup_has_controller(const struct cf_facts *facts, const char *controller);
