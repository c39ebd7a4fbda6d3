/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How isolated a running container is: facts as the kernel tells them (never the configuration), and
 * what is to be thought of them. Facts are read by audit-*.c, judged by audit-judge*.c, which are
 * pure. Host side, read-only, nothing is ever executed or entered.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/cgroup.h"
#include "coffer/audit.h"
#include "userns/host-ids.h"
#include "userns/host-namespaces.h"
#include "userns/idset.h"

enum cf_audit_ns_kind {
    CF_AUDIT_USER = 0,
    CF_AUDIT_PID,
    CF_AUDIT_MOUNT,
    CF_AUDIT_NETWORK,
    CF_AUDIT_IPC,
    CF_AUDIT_UTS,
    CF_AUDIT_CGROUP,
    CF_AUDIT_TIME,
    CF_AUDIT_N_NS
};

/** "user", "pid", "mount"... */
const char *cf_audit_ns_name(enum cf_audit_ns_kind kind);

struct cf_audit_ns {
    uint64_t inode; /* 0: could not be read */
    uint64_t owner; /* inode of the user namespace that owns it; 0: not asked, or above the caller's */
};

/* The namespaces above a user namespace, its parent first, as far as the caller may see. */
struct cf_audit_chain {
    const uint64_t *inodes;
    size_t n;
};

/* Of the first process: /proc/PID/status and its neighbours. */
struct cf_audit_proc {
    uint32_t uid, gid; /* effective, as the caller sees them */
    uint64_t effective, permitted, bounding, ambient;
    uint32_t seccomp, seccomp_filters;
    bool no_new_privs;
    bool dumpable;     /* others with its ids may look into it */
    int oom_score_adj;
    const char *label; /* "" if no security module has one */
};

/* A line of mountinfo. */
struct cf_audit_mount {
    uint32_t id, parent;
    uint32_t major, minor;
    uint32_t shared, master; /* peer groups, 0: none */
    const char *root, *point, *fstype;
    bool readonly;           /* the mount or its file system */
    bool nosuid, idmapped, subset_pid;
};

struct cf_audit_mounts {
    const struct cf_audit_mount *items; /* in the order of the kernel */
    size_t n;
    bool cut; /* there are more */
};

/* A device node that the container can see. */
struct cf_audit_device {
    const char *path;
    bool block;
    uint32_t major, minor;
};

struct cf_audit_cgroup {
    bool there;          /* it has one of its own */
    bool v2;
    bool pids_known, pids_limited, memory_known, memory_limited;
    uint32_t owner_uid;  /* of its directory */
};

/* A process in the container's cgroup with an id that the container does not map. */
struct cf_audit_stranger {
    int pid;
    bool gid;
    uint32_t id;
};

struct cf_audit_facts {
    const char *id; /* of the container */
    int pid;
    uint32_t creator; /* uid that made it, of the record */
    bool waiting;     /* created, not started: what runs is coffer-init */
    bool gone;        /* ended while it was looked at: nothing else counts */

    /* Always: what neighbours need to be judged. Without a user namespace of its own also `proc`. */
    struct cf_audit_ns ns[CF_AUDIT_N_NS];
    struct cf_idmap uids, gids;
    struct cf_idset uid_set, gid_set; /* host side of them */

    /* Only of those that are audited. */
    bool full;
    const char *unread;    /* what could not be read, NULL: nothing */
    int unread_error;
    struct cf_audit_chain chain; /* of its user namespace */
    bool owner_known;
    uint32_t owner_uid;    /* who made its user namespace */
    struct cf_audit_proc proc;
    struct cf_audit_mounts mounts;
    struct cf_audit_cgroup cgroup;
    const struct cf_audit_device *devices;
    size_t n_devices;
    bool devices_unread;   /* /dev was not looked into */
    const struct cf_audit_stranger *strangers; /* the first few */
    size_t n_strangers, n_processes;
};

/* A user namespace that is no container's, with what is above it. */
struct cf_audit_foreign {
    struct cf_hostns ns;
    struct cf_audit_chain chain;
};

/* Paths of /proc and /sys that images have no business with. */
enum { CF_AUDIT_N_MASKED = 12 };
extern const char *const cf_audit_masked[CF_AUDIT_N_MASKED];
/* Files and directories of /proc, besides /proc/sys, through which the kernel is told what to do; the worst first. */
enum { CF_AUDIT_N_LEVERS = 4 };
extern const char *const cf_audit_levers[CF_AUDIT_N_LEVERS];

struct cf_audit_host {
    uint64_t ns[CF_AUDIT_N_NS]; /* the runtime's own: what "the host" means */
    struct cf_audit_mounts mounts;
    struct cf_hostids ids;      /* all accounts, groups and subordinate ranges */
    const struct cf_audit_foreign *foreign;
    size_t n_foreign;
    const char *state_root;
    bool apparmor, selinux;
    int ptrace_scope;           /* -1: no Yama */
    bool masked_exists[CF_AUDIT_N_MASKED], lever_exists[CF_AUDIT_N_LEVERS];
};

struct cf_audit_scene {
    struct cf_audit_host host;
    struct cf_audit_facts *containers;
    size_t n;
};

/* ---- reading ---- */

struct cf_audit_target {
    const char *id;
    int pid;
    int pidfd; /* verified to be the recorded process; borrowed */
    uint32_t creator;
    const struct cf_cgroup_record *cgroup;
    bool full;
    bool waiting;
};

/**
 * cf_audit_read_container() - the facts of one container
 * Whatever cannot be read is said in the facts; a process that has ended meanwhile sets `gone`.
 * /proc/PID is opened once and everything read through that descriptor, which never means another
 * process of the same number. Return: 0 or -ENOMEM with err.
 */
int cf_audit_read_container(const struct cf_audit_target *target, const uint64_t own_ns[CF_AUDIT_N_NS],
                            struct cf_arena *arena, struct cf_audit_facts *ret, struct cf_err *err);

/** The runtime's own namespaces. */
void cf_audit_read_own_ns(uint64_t ret[CF_AUDIT_N_NS]);
/** Accounts, subordinate ids, and every user namespace of the node but those of @containers. One walk of /proc. */
int cf_audit_read_ids(const struct cf_audit_facts *containers, size_t n, struct cf_arena *arena,
                      struct cf_audit_host *ret, struct cf_err *err);
/** The rest of the host: mounts, security modules. */
int cf_audit_read_host(struct cf_arena *arena, struct cf_audit_host *ret, struct cf_err *err);

/* Parts of it, one file each. @proc_fd: directory /proc/PID. They return 0 or -errno. */
int cf_audit_read_ns(int proc_fd, const uint64_t own_ns[CF_AUDIT_N_NS], bool full, struct cf_arena *arena,
                     struct cf_audit_facts *facts);
/** @fd: of a user namespace. */
int cf_audit_read_chain(int fd, struct cf_arena *arena, struct cf_audit_chain *ret);
int cf_audit_read_proc(int proc_fd, struct cf_arena *arena, struct cf_audit_proc *ret);
int cf_audit_read_mounts(int dir_fd, const char *path, struct cf_arena *arena, struct cf_audit_mounts *ret);
int cf_audit_read_devices(int proc_fd, struct cf_arena *arena, struct cf_audit_facts *facts);
int cf_audit_read_cgroup(const struct cf_cgroup_record *record, struct cf_arena *arena, struct cf_audit_facts *facts);

/* ---- pure: texts of the kernel ---- */

/** /proc/PID/status. Return: 0, -EBADMSG if something is missing. Changes @text. */
int cf_audit_parse_status(char *text, struct cf_audit_proc *ret);
/** mountinfo; lines that make no sense are left out. Changes @text. Return: 0 or -ENOMEM. */
int cf_audit_parse_mounts(char *text, struct cf_arena *arena, struct cf_audit_mounts *ret);

/** The mount in which a path without symlinks lies. NULL: none. */
const struct cf_audit_mount *cf_audit_mount_at(const struct cf_audit_mounts *mounts, const char *path);
/**
 * cf_audit_host_path() - where the host sees what is mounted
 * @ret_mount: through which mount of the host. NULL: the host has nothing of that file system there, or no memory.
 */
const char *cf_audit_host_path(const struct cf_audit_mounts *host, const struct cf_audit_mount *mount,
                               struct cf_arena *arena, const struct cf_audit_mount **ret_mount);

/* ---- pure: judging ---- */

struct cf_audit_finding {
    enum coffer_audit_level level;
    const char *check;  /* "user-namespace" */
    const char *reason;
};

struct cf_audit_report {
    struct cf_arena *arena;
    const struct cf_audit_scene *scene;
    const struct cf_audit_facts *facts;
    bool own_userns;  /* not the host's */
    bool confined;    /* and the host's root is not in its map */
    struct cf_audit_finding *findings;
    size_t n, cap;
    bool failed;      /* no memory */
};

/** All findings about scene->containers[index]; at least one for each check. Return: 0 or -ENOMEM. */
int cf_audit_judge(const struct cf_audit_scene *scene, size_t index, struct cf_arena *arena,
                   struct cf_audit_report *ret, struct cf_err *err);

/* For the files of the judge. */
void cf_audit_add(struct cf_audit_report *report, enum coffer_audit_level level, const char *check, const char *fmt,
                  ...) CF_PRINTF(4, 5);
/** No finding of this check yet. */
bool cf_audit_clean(const struct cf_audit_report *report, const char *check);
/** A level for containers that are confined by a user namespace, another one for the rest. */
static inline enum coffer_audit_level cf_audit_by_userns(const struct cf_audit_report *report,
                                                         enum coffer_audit_level confined,
                                                         enum coffer_audit_level others)
{
    return report->confined ? confined : others;
}
void cf_audit_judge_ids(struct cf_audit_report *report);
void cf_audit_judge_ns(struct cf_audit_report *report);
void cf_audit_judge_proc(struct cf_audit_report *report);
void cf_audit_judge_mounts(struct cf_audit_report *report);
void cf_audit_judge_kernel_paths(struct cf_audit_report *report);
void cf_audit_judge_devices(struct cf_audit_report *report);

/* ---- whois.c, pure ---- */

/**
 * cf_audit_whois() - who of the scene has a host id
 * Return: the number of calls of @each; what @each returned if that is not 0 goes to *@ret_stop.
 */
int cf_audit_whois(const struct cf_audit_scene *scene, enum coffer_id_kind kind, uint32_t id,
                   int (*each)(void *userdata, const struct coffer_id_owner *), void *userdata, int *ret_stop);

/** True if @inode is the namespace or one above it. */
bool cf_audit_descends(uint64_t self, const struct cf_audit_chain *chain, uint64_t inode);
