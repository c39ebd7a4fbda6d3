/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the host-side files of this folder share: the open cgroup, the table of a backend, and file
 * access. Every file access starts from a directory fd and cannot leave the hierarchy (rule R2).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/cgroup.h"

/* One hierarchy of an open cgroup. All strings belong to the cf_cgroup's arena. */
struct cf_cgroup_open_dir {
    int parent_fd; /* of the directory it is in, or -1: by the path again */
    int fd; /* the directory, O_RDONLY: for getdents, CLONE_INTO_CGROUP, bpf, open_tree */
    const char *hierarchy;
    const char *path;
    const char *controllers; /* "" for v2 */
    uint64_t inode;
    uint32_t parents;
    bool created;
};

struct cf_cgroup_ops;

struct cf_cgroup {
    const struct cf_cgroup_ops *ops;
    struct cf_arena *arena;
    struct cf_cgroup_open_dir *dirs;
    size_t n;
    int leaf_fd; /* of a cgroup just made: the child in which the processes are to live; -1: none */
    const char *subgroup; /* name of that child as recorded, NULL: none */
    const struct cf_cgroup_record *unit; /* in create: the record with the unit that was started, NULL: none */
    bool unit_made;       /* and it was not there before: everything in it is ours */
    bool unit_no_clone;   /* the caller may not clone into it, only the manager can move processes there */
    int unit_holder_fd;   /* pidfd of the process that keeps it alive until the container's is there */
    const struct cf_cgroup_write *tight_pids; /* limit without room for who prepares it, to be written again */
};

struct cf_cgroup_ops {
    const char *name;
    /* Directories, checks, limits, device policy; updates the record, drops unusable dirs. */
    int (*create)(const struct cf_cgroup_plan *plan, struct cf_cgroup_record *record,
                  struct cf_cgroup *cg, struct cf_err *err);
    int (*attach)(struct cf_cgroup *cg, pid_t pid, struct cf_err *err);
    int (*kill)(struct cf_cgroup *cg, int signo, struct cf_err *err);
    int (*freeze)(struct cf_cgroup *cg, bool on, struct cf_err *err);
    int (*is_frozen)(struct cf_cgroup *cg);
    int (*populated)(struct cf_cgroup *cg);
    int (*oom_killed)(struct cf_cgroup *cg);
    /* Until no process is left, or the deadline (CLOCK_MONOTONIC, ms; -1: none): -ETIMEDOUT. */
    int (*wait_empty)(struct cf_cgroup *cg, int64_t deadline_ms, struct cf_err *err);
};

extern const struct cf_cgroup_ops cf_cgroup_ops_v2, cf_cgroup_ops_v1, cf_cgroup_ops_none;

/** The table behind a name of a plan or record; NULL if unknown. */
const struct cf_cgroup_ops *cf_cgroup_ops_of(const char *backend);

/** Appends an open directory (takes the fd), copies the strings. -ENOMEM: fd closed. */
int cf_cgroup_add_dir(struct cf_cgroup *cg, int fd, const struct cf_cgroup_dir *dir);

/** Milliseconds left for poll(2): -1 without deadline, 0 when it has passed. */
int cf_cgroup_time_left(int64_t deadline_ms);

/* ---- cgroup-fs.c ---- */

/** An O_PATH fd of a mount point; it must be cgroup2, or cgroup v1 if @v1. -ENOTSUP otherwise. */
int cf_cgfs_open_hierarchy(const char *mount_point, bool v1);

/** openat2 below @base, no symlinks, no other mount. @path may be absolute: it means below. */
int cf_cgfs_open(int base, const char *path, int flags);

/** Directory fd (O_RDONLY); *ret_inode may be NULL. */
int cf_cgfs_open_dir(int base, const char *path, uint64_t *ret_inode);

/** Text of a small file, terminated, cut to size - 1. Return: length or -errno. */
long cf_cgfs_read(int dir_fd, const char *file, char *buf, size_t size);
int cf_cgfs_write(int dir_fd, const char *file, const char *value);

/** The number behind "KEY " in a flat keyed file. Return: 0, -ENODATA, -errno. */
int cf_cgfs_read_key(int dir_fd, const char *file, const char *key, uint64_t *ret);

/** True if the space separated list has this word. */
bool cf_cgfs_has_word(const char *list, const char *word);

/**
 * cf_cgfs_mkpath() - open a directory, making what is missing
 * @ret_made: number of trailing components that were made (0: all existed)
 * @ret_parent: the directory above it, -EBADF if that is @root_fd itself; NULL allowed
 * On failure what was made is removed again. A directory on the way that another container's
 * delete takes away meanwhile is made again.
 */
int cf_cgfs_mkpath(int root_fd, const char *path, size_t *ret_made, int *ret_parent);

/** Removes the last @n components of @path, leaf first, as far as they are empty. */
void cf_cgfs_unmake(int root_fd, const char *path, size_t n);

/* ---- cgroup-walk.c ---- */

struct cf_cgfs_pids {
    pid_t *pids; /* malloc'ed */
    size_t n, cap;
};

/** Appends the processes of @dir_fd and of all cgroups below. */
int cf_cgfs_list_pids(int dir_fd, struct cf_cgfs_pids *list);
void cf_cgfs_pids_done(struct cf_cgfs_pids *list);

/** Removes the cgroups below @dir_fd (not itself). Return: 0 or the first -errno. */
int cf_cgfs_rm_children(int dir_fd);

/* ---- cgroup-locate.c ---- */

/**
 * cf_cgroup_locate_v1() - cf_cgroup_locate() from texts, for tests
 * @mounts: mountinfo, is taken apart; @cgroups: /proc/PID/cgroup
 */
int cf_cgroup_locate_v1(const struct cf_cgroup_plan *plan, char *mounts, const char *cgroups,
                        struct cf_arena *arena, struct cf_cgroup_record *ret, struct cf_err *err);

/* ---- cgroup-unit.c ---- */

/**
 * cf_cgroup_unit_start() - start the plan's unit; record->dirs becomes its cgroup in every hierarchy
 * On failure the record names no unit any more.
 */
int cf_cgroup_unit_start(const struct cf_cgroup_plan *plan, struct cf_cgroup_record *record, int *ret_holder_fd,
                         bool *ret_made, struct cf_err *err);
/** After the backend's create: sees whether the first process can be cloned into the cgroup. */
int cf_cgroup_unit_settle(const struct cf_cgroup_plan *plan, struct cf_cgroup *cg, struct cf_err *err);
/** Ends the process that kept the unit alive. */
void cf_cgroup_unit_release(struct cf_cgroup *cg);

/* ---- cgroup-pids.c ---- */

/** After the backend's create: a limit with next to no room is raised until the first process is there. */
void cf_cgroup_pids_make_room(const struct cf_cgroup_plan *plan, struct cf_cgroup *cg);
/** The limit as it shall be. Nothing to do where it was not raised. */
int cf_cgroup_pids_tighten(struct cf_cgroup *cg, struct cf_err *err);

/* ---- cgroup-delegate-plan.c ---- */

/**
 * cf_cgroup_delegate_plan() - plan.subgroup from the annotations
 * After backend manager and namespaces are planned. Who owns it is decided by cf_cgroup_delegate_mount().
 * Code: cgroup-delegate.
 */
int cf_cgroup_delegate_plan(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/* ---- cgroup-delegate.c ---- */

/**
 * cf_cgroup_delegate() - make the child of a v2 cgroup and give away what is delegated
 * @root_fd: the hierarchy; @dir, @fd: the container's cgroup in it, limits set, without processes
 * @ret_leaf: the child, -EBADF if none was asked for
 * Nothing to do without subgroup and delegate in @plan. On failure the child is removed again.
 */
int cf_cgroup_delegate(const struct cf_cgroup_plan *plan, int root_fd, const struct cf_cgroup_dir *dir, int fd,
                       int *ret_leaf, struct cf_err *err);

/** Enables for the children of a v2 cgroup what it has itself, as far as possible. */
void cf_cgroup_offer_controllers(int fd);

/** The caller may not even make the cgroup in which the child would be. Return: @r. */
int cf_cgroup_delegate_refused(struct cf_err *err, int r, const char *path);

/**
 * cf_cgroup_subgroup_kill() / cf_cgroup_subgroup_remove() - the child alone
 * For a cgroup that we did not make: of that, only the child is ours. 0 if there is none.
 */
int cf_cgroup_subgroup_kill(int fd, const char *subgroup);
int cf_cgroup_subgroup_remove(int fd, const char *subgroup);

/* ---- cgroup-signal.c ---- */

/**
 * cf_cgroup_signal_pids() - send a signal to every process in and below a directory
 * By pidfd, after looking a second time whether the process still is there.
 * Return: number of processes signalled, or -errno.
 */
int cf_cgroup_signal_pids(int dir_fd, int signo);

/**
 * cf_cgroup_signal_each() - a signal that need not end anybody, once to each process in and below a directory
 * Also to those that are forked meanwhile. The freezer is left alone: pause and resume may be at it, and a
 * signal takes no lock. Return: 0 or -errno.
 */
int cf_cgroup_signal_each(int dir_fd, int signo);

/** Waits until the processes that are in and below it now have ended (or the deadline). */
int cf_cgroup_wait_pids(int dir_fd, int64_t deadline_ms);

/* ---- cgroup-write.c ---- */

/**
 * cf_cgroup_write_one() / cf_cgroup_write_failed() - one limit, and the sentence when it fails
 * Defaults for files that do not exist are accepted: they ask for nothing.
 */
int cf_cgroup_write_one(int dir_fd, const struct cf_cgroup_write *write);
int cf_cgroup_write_failed(const struct cf_cgroup_write *write, int dir_fd, int r,
                           struct cf_err *err);

/** v1: the kernel clamps cpu.shares without a word; nothing to check for other files. */
int cf_cgroup_check_shares(const struct cf_cgroup_write *write, int fd, struct cf_err *err);

/** The caller may not have limits at @path. Return: @r. Code: cgroup-delegation. */
int cf_cgroup_err_delegation(struct cf_err *err, int r, const char *path);

/* ---- limits.c ---- */

/**
 * cf_cgroup_write_limits_v1() / cf_cgroup_write_limits_v2() - all limits of a cgroup without processes
 * v1: each goes into the open directory of its controller; cgroups above get a realtime budget if they have none.
 * @fd, @created: the v2 directory. What a created cgroup has anyway is not written.
 */
int cf_cgroup_write_limits_v1(const struct cf_cgroup_plan *plan, const struct cf_cgroup *cg,
                              struct cf_err *err);
int cf_cgroup_write_limits_v2(const struct cf_cgroup_plan *plan, int fd, bool created,
                              struct cf_err *err);

/* ---- enable-v2.c ---- */

/**
 * cf_cgroup_v2_has_processes() - enabling controllers here would break what is below
 * Some controllers would make it threaded, and all below it unusable for processes; others are refused by the
 * kernel. The root of the host's tree alone, which has no type, is free of that rule.
 */
bool cf_cgroup_v2_has_processes(int fd);

/** Enables what plan->writes need, from the root of the hierarchy down to the parent of @path. */
int cf_cgroup_v2_enable(const struct cf_cgroup_plan *plan, int root_fd, const char *path, int fd,
                        struct cf_err *err);
/** Refuses a cgroup that is threaded or has been made invalid by one above. Code: cgroup-type. */
int cf_cgroup_v2_check_type(int root_fd, const char *path, int fd, struct cf_err *err);

/** Errors of the two checks of a cgroup that existed before, with the callers' literal texts. */
int cf_cgroup_err_populated(int dir_fd, const char *path, struct cf_err *err);
int cf_cgroup_err_frozen(const char *path, struct cf_err *err);

/* ---- devices-host.c ---- */

/** Loads the program and attaches it to the cgroup v2 directory. No probes, no queries. */
int cf_cgroup_attach_devices(int dir_fd, const uint64_t *insns, size_t n, struct cf_err *err);
