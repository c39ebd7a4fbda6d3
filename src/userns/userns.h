/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The container's user namespace: what is planned, and how the host writes it. */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "userns/idmap.h"

struct cf_plan;
struct cf_plan_input;
struct cf_spec;

enum cf_userns_mode {
    CF_USERNS_NONE = 0, /* the runtime's own */
    CF_USERNS_NEW,
    CF_USERNS_JOIN, /* by path */
};

enum cf_idmap_writer {
    CF_IDMAP_DIRECT = 0, /* we write /proc/PID/uid_map */
    CF_IDMAP_HELPER,     /* newuidmap, newgidmap */
};

struct cf_userns_plan {
    enum cf_userns_mode mode;
    struct cf_idmap uids, gids; /* NEW: what to write; JOIN: as read by cf_userns_read_joined() or empty */
    enum cf_idmap_writer uid_writer, gid_writer;
    bool deny_setgroups; /* write "deny" before the gid map */
    uint32_t owner_uid, owner_gid; /* host ids of the mapped root: the namespace is created by them (D3) */
    bool switch_owner;   /* the creating thread takes owner_uid/owner_gid for the clone (privileged only) */
};

/** Pure planner; checks maps, coverage of process.user, additionalGids, device owners. */
int cf_userns_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/**
 * cf_userns_check_coverage() - container id 0, process.user, additionalGids and device owners are mapped
 * Pure. Done by cf_userns_plan_build() for a new namespace; for a joined one to be called when
 * plan->uids and plan->gids hold what cf_userns_read_joined() found. Code: idmap-uncovered.
 */
int cf_userns_check_coverage(const struct cf_spec *spec, const struct cf_userns_plan *plan,
                             struct cf_arena *arena, struct cf_err *err);

/** Translate a container id for host-side use; identity without user namespace. */
int cf_userns_uid_to_host(const struct cf_userns_plan *plan, uint32_t uid, uint32_t *ret);
int cf_userns_gid_to_host(const struct cf_userns_plan *plan, uint32_t gid, uint32_t *ret);

/**
 * cf_userns_write_maps() - write setgroups policy, gid map, uid map of a fresh child, read them back
 * The child is our own unreaped process, so its pid cannot be reused (rule R38, U8).
 */
int cf_userns_write_maps(const struct cf_userns_plan *plan, pid_t pid, struct cf_err *err);

/*
 * The calling thread's effective ids while it clones are the namespace owner's. What a change of
 * ids disturbs is noted here: capabilities, dumpable attribute, parent-death signal.
 */
struct cf_userns_owner {
    bool switched;
    uint32_t euid, egid;
    uint64_t effective, permitted, inheritable;
    int dumpable;
    int pdeathsig;
};

/**
 * cf_userns_owner_enter() - become the owner for one clone3 (raw per-thread calls; nothing to do without switch_owner)
 * Only the effective ids change, so the real and saved ones lead back; the effective capabilities
 * are raised again from the permitted ones and verified. The process becomes non-dumpable until
 * cf_userns_owner_leave(), and so is the child that is cloned in between, until it executes.
 * On failure the thread is as before.
 */
int cf_userns_owner_enter(const struct cf_userns_plan *plan, struct cf_userns_owner *ret, struct cf_err *err);

/** Undoes it, and ends the process if it cannot: a half-switched thread must not go on. */
void cf_userns_owner_leave(const struct cf_userns_owner *owner);

/** The namespace of a process that was identified as a container's init: mode JOIN, its maps, setgroups policy. */
int cf_userns_read_entered(pid_t pid, struct cf_arena *arena, struct cf_userns_plan *ret, struct cf_err *err);

/**
 * cf_userns_read_joined() - maps of a namespace that is joined by path
 * @uids, @gids: on entry what the config demands (n = 0: nothing), on return what the namespace has;
 * pass the ones of the plan
 *
 * Looks at its owner and parent (rule U10), reads its maps through a short-lived child that joined it.
 * The owner must be the caller, or for a root caller the host id of the namespace's own root (as
 * cf_userns_owner_enter() makes them). Codes: userns-type, userns-foreign, idmap-empty, idmap-mismatch.
 */
int cf_userns_read_joined(int ns_fd, struct cf_arena *arena, struct cf_idmap *uids, struct cf_idmap *gids,
                          struct cf_err *err);

/** The user namespace of our own unreaped child @pid (U8). Return: fd or negative errno with err. */
int cf_userns_open(pid_t pid, struct cf_err *err);

/**
 * cf_userns_map_fd() - a user namespace with these maps and nobody in it, for id-mapped mounts
 * A short-lived child bears it. The maps were checked; errors name no field. Return: fd or negative errno with err.
 */
int cf_userns_map_fd(const struct cf_idmap *uids, const struct cf_idmap *gids, struct cf_err *err);

/** Subordinate ids of a user: /etc/subuid or /etc/subgid. */
struct cf_subid {
    uint32_t first;
    uint32_t count;
};
/** Entries for @uid (by number or name). Return: 0 with *ret_n entries (possibly 0), -ENOMEM. */
int cf_subid_load(const char *file, uint32_t uid, struct cf_arena *arena, struct cf_subid **ret, size_t *ret_n,
                  struct cf_err *err);
