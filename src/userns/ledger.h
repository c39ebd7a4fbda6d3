/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The id ledger: which container of this node holds which host ids, across state roots and without
 * a daemon. One file; docs/userns.md describes it and why a kill at any point is harmless. Host side.
 *
 * A lease begins as a reservation, which lives as long as the handle that made it is open (a kernel
 * lock says so), and is bound to the container's state directory as soon as that is published. From
 * then on it lives as long as that directory. Whoever finds a dead lease in its way removes it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "userns/idset.h"

#define CF_LEDGER_BOOT_ID_SIZE 37

enum cf_lease_kind {
    CF_LEASE_EXPLICIT = 1, /* maps of config.json */
    CF_LEASE_AUTO,         /* range picked by coffer */
    CF_LEASE_SHARED,       /* as EXPLICIT, but may overlap with leases of the same share name */
};

struct cf_lease {
    enum cf_lease_kind kind;
    const char *id;          /* of the container */
    const char *root;        /* path of its state root */
    const char *share;       /* CF_LEASE_SHARED: the name; otherwise "" */
    uint64_t root_dev, root_ino;
    uint64_t mntns;          /* inode of the mount namespace in which @root is meant */
    struct cf_idset uids, gids;
    /* Filled by the ledger. */
    uint32_t slot;
    uint64_t serial;         /* with @slot: this lease and no later one */
    bool pending;            /* not bound to a state directory yet */
    uint64_t entry_ino;
    int64_t entry_btime;     /* ns since 1970; 0: the file system does not know */
};

/* Another live lease that has ids of the wanted one: the first of them, a uid if there is one. */
struct cf_lease_conflict {
    struct cf_lease lease; /* the other one */
    bool gid;              /* else uid */
    struct cf_subid ids;   /* in common */
};

/* What to pick a range from; the same numbers serve as uids and gids. */
struct cf_ledger_window {
    struct cf_idset from;  /* in order of preference */
    struct cf_idset avoid; /* ids in it that are taken by others than leases */
    uint32_t size;
};

struct cf_ledger_request {
    struct cf_lease lease;                 /* uids and gids empty when @window is given */
    const struct cf_ledger_window *window; /* NULL: the ranges of the lease */
    bool blind;                            /* nobody wants to know about conflicts */
    bool refuse;                           /* a conflict makes no lease */
};

struct cf_ledger_reply {
    struct cf_lease lease;
    /* Not with a window: */
    const struct cf_lease_conflict *conflicts; /* at most CF_LEDGER_MAX_CONFLICTS */
    size_t n_conflicts;
    struct cf_idset held_uids, held_gids;      /* of all leases with ids of the wanted one, by share too */
};
#define CF_LEDGER_MAX_CONFLICTS 8

struct cf_ledger;

/**
 * cf_ledger_open() - open the ledger file in a directory, make it if it is missing
 * @dir_fd: trusted (checked by the caller); borrowed for the call
 * @path: of the directory, for errors
 * @boot_id: of the running kernel; a ledger of another boot is emptied
 * Codes: id-ledger-broken, id-ledger-newer.
 */
int cf_ledger_open(int dir_fd, const char *path, const char *boot_id, struct cf_ledger **ret, struct cf_err *err);
/** NULL allowed. A reservation that was not bound is given up. */
void cf_ledger_close(struct cf_ledger *ledger);
static inline void cf_ledger_closep(struct cf_ledger **ledger)
{
    cf_ledger_close(*ledger);
    *ledger = NULL;
}

/**
 * cf_ledger_reserve() - enter a lease, or pick a free range and enter it, under the lock
 * @reply: lease with slot and serial; conflicts with live leases. Memory from @arena.
 * With @request->refuse and a conflict: -EEXIST, the reply tells the conflicts, err is not filled.
 * Codes: id-window-full, id-ledger-full, id-ledger-busy.
 */
int cf_ledger_reserve(struct cf_ledger *ledger, const struct cf_ledger_request *request, struct cf_arena *arena,
                      struct cf_ledger_reply *reply, struct cf_err *err);

/** Binds the reservation of this handle to the published state directory: it outlives the handle. */
int cf_ledger_bind(struct cf_ledger *ledger, const struct cf_lease *lease, uint64_t entry_ino, int64_t entry_btime,
                   struct cf_err *err);

/** Removes a lease; another one that has its slot by now stays. */
int cf_ledger_release(struct cf_ledger *ledger, uint32_t slot, uint64_t serial, struct cf_err *err);

/** All live leases, in the order of slots; dead ones are removed on the way. */
int cf_ledger_list(struct cf_ledger *ledger, struct cf_arena *arena, struct cf_lease **ret, size_t *ret_n,
                   struct cf_err *err);

/* The ledger as it lies there. */
struct cf_ledger_survey {
    bool other_boot;          /* nothing in it counts */
    bool busy;                /* somebody had the lock: some of it may have been half written */
    struct cf_lease *leases;  /* live ones */
    size_t n_leases;
    uint32_t n_dead, n_torn, n_slots;
};

/**
 * cf_ledger_survey() - look without changing anything: no file is made, no dead lease removed
 * Return: 0; -ENOENT with err: there is none. Codes: id-ledger-broken, id-ledger-newer.
 */
int cf_ledger_survey(int dir_fd, const char *path, const char *boot_id, struct cf_arena *arena,
                     struct cf_ledger_survey *ret, struct cf_err *err);

/** Inode and birth time of a state directory, as cf_ledger_bind() wants them. Return: 0 or -errno. */
int cf_ledger_identify(int dir_fd, uint64_t *ret_ino, int64_t *ret_btime);
