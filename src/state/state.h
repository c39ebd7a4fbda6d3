/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state directory: <root>/<id>/{state.json,config.json,start.sock}, published atomically before the first
 * effect, locked with flock on its directory, its status derived and never trusted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/cgroup.h"
#include "cgroup/rdt.h"

enum cf_phase { CF_PHASE_CREATING = 1, CF_PHASE_CREATED, CF_PHASE_DELETING };
enum cf_status { CF_STATUS_CREATING = 1, CF_STATUS_CREATED, CF_STATUS_RUNNING, CF_STATUS_PAUSED, CF_STATUS_STOPPED };

struct cf_annotation {
    const char *key, *value;
};

struct cf_record {
    uint32_t format; /* 1 */
    const char *id;
    enum cf_phase phase;
    const char *bundle, *rootfs;
    const char *created; /* RFC 3339, nanoseconds, UTC */
    const char *boot_id;
    uint32_t owner_uid;  /* who created it */
    int32_t init_pid;    /* 0: none yet */
    uint64_t init_start_time; /* clock ticks, /proc/PID/stat field 22 */
    struct cf_cgroup_record cgroup;
    struct cf_rdt_record rdt;
    struct cf_annotation *annotations;
    size_t n_annotations;
    bool own_pidns;      /* killing init kills all */
    bool no_process; /* of such a container there is nothing to start */
    bool has_poststart, has_poststop; /* else config.json need not be parsed again */
    bool poststop_done;
    bool gate;           /* made by create: start.sock exists */
    bool caller_keyring; /* --no-new-keyring */
    bool listener;       /* start has a seccomp listener to hand on */
    const char *notify_socket; /* readiness is told to this address, and start waits for it; NULL: nobody asked */
    uint32_t mapped_root_uid, mapped_root_gid; /* host ids */
    bool no_new_privileges;   /* the preset set it, whatever the configuration says; for later processes too */
    const char *overlay_work; /* where cf_overlay_release() finds what is to be removed; NULL: nothing was made */
    uint64_t netdevs_from, netdevs_to; /* inodes of network namespaces: interfaces may have moved; 0: none that could
                                          be given back */
    const char *lease_ledger; /* directory of the id ledger; NULL: no lease */
    uint32_t lease_slot;
    uint64_t lease_serial;
};

struct cf_store; /* the root directory */
struct cf_entry; /* one container's directory, open, maybe locked */

/**
 * cf_store_open() - open the state root
 * @create: make it (0700; 01700 when @sticky) if it is missing. Owner, mode and symlink checks of rule R34.
 * Return: 0; -ENOENT without create.
 */
int cf_store_open(const char *root, bool create, bool sticky, struct cf_store **ret, struct cf_err *err);
void cf_store_free(struct cf_store *store);
int cf_store_dir_fd(const struct cf_store *store); /* borrowed */
/** Directory fd for shared caches (<root>/.cache/<name>, 0700), made when missing. */
int cf_store_cache_fd(struct cf_store *store, const char *name, int *ret_fd, struct cf_err *err);

/** Characters and length of an id; literal texts that engines look for. Pure. */
int cf_id_check(const char *id, struct cf_err *err);

enum cf_lock { CF_LOCK_NONE = 0, CF_LOCK_SHARED, CF_LOCK_EXCLUSIVE };

/**
 * cf_store_publish() - make <root>/<id> appear with a valid record and its lock held exclusively
 * Return: 0, -EEXIST (kind EXISTS, `container with given ID already exists`).
 */
int cf_store_publish(struct cf_store *store, const struct cf_record *record, const char *config, size_t config_len,
                     struct cf_entry **ret, struct cf_err *err);

/**
 * cf_store_get() - open an existing container
 * -ENOENT (kind NOT_FOUND, `container does not exist`). With a lock: waits up to a deadline (10 s); kind STATE on timeout.
 * Re-checks after locking that the directory is still the published one.
 */
int cf_store_get(struct cf_store *store, const char *id, enum cf_lock lock, struct cf_entry **ret, struct cf_err *err);

/** Is there a container of this name? 0, or -ENOENT as cf_store_get() says it. */
int cf_store_look(struct cf_store *store, const char *id, struct cf_err *err);
/** Ids in order of name; removes leftovers (.tmp-*, .dead-* that nobody locks) on the way. */
int cf_store_list(struct cf_store *store, struct cf_arena *arena, char ***ret_ids, size_t *ret_n, struct cf_err *err);

int cf_entry_dir_fd(const struct cf_entry *entry);       /* borrowed */
const char *cf_entry_id(const struct cf_entry *entry);   /* borrowed */
/** Reads and checks state.json; memory from arena. A missing or broken record: -EBADMSG, kind STATE. */
int cf_entry_read(struct cf_entry *entry, struct cf_arena *arena, struct cf_record *ret, struct cf_err *err);
int cf_entry_write(struct cf_entry *entry, const struct cf_record *record, struct cf_err *err);
int cf_entry_read_config(struct cf_entry *entry, char **ret, size_t *ret_len, struct cf_err *err);
/** resources.json: text of the limits after an update, malloc'd. -ENOENT, and no error: never updated. */
int cf_entry_read_resources(struct cf_entry *entry, char **ret, size_t *ret_len, struct cf_err *err);
/** Appears as a whole or not at all. */
int cf_entry_write_resources(struct cf_entry *entry, const char *text, size_t len, struct cf_err *err);
/* A mount that was attached in the running container. */
struct cf_added_mount {
    uint64_t id; /* the kernel's, see statx(2) STATX_MNT_ID */
    const char *destination, *source, *type; /* the last two: NULL: none */
};
/** mounts.json, oldest first; memory from arena. None is no error. */
int cf_entry_read_mounts(struct cf_entry *entry, struct cf_arena *arena, struct cf_added_mount **ret, size_t *ret_n,
                         struct cf_err *err);
/** Appears as a whole or not at all. */
int cf_entry_write_mounts(struct cf_entry *entry, const struct cf_added_mount *mounts, size_t n, struct cf_err *err);
int cf_entry_lock_convert(struct cf_entry *entry, enum cf_lock lock, struct cf_err *err);
/** Renames to .dead-* and removes the tree. Takes entry (also on failure). */
int cf_entry_retire(struct cf_entry *entry, struct cf_err *err);
void cf_entry_close(struct cf_entry *entry); /* unlocks */
/** Is somebody else holding the exclusive lock? (try-lock) */
bool cf_entry_busy(struct cf_entry *entry);

/** start.sock: bind and listen (host), connect (starter, prober). Long paths never matter. */
int cf_gate_listen(struct cf_entry *entry, int *ret_fd, struct cf_err *err);
/** Connects, blocking. -ECONNREFUSED or -ENOENT: nobody listens (it has executed, or is gone). */
int cf_gate_connect(struct cf_entry *entry, int *ret_fd);
/** 1: somebody listens (or the backlog is full), 0: no. Non-blocking. */
int cf_gate_probe(struct cf_entry *entry);

#define CF_NOTIFY_DIR "notify" /* in the entry, what the container gets */
#define CF_NOTIFY_SOCKET "notify.sock"
/** Makes the directory of the container's notify socket, for anybody to enter. */
int cf_notify_make(struct cf_entry *entry, struct cf_err *err);
/** Binds the socket in it, in the place of an older one. Not blocking. */
int cf_notify_listen(struct cf_entry *entry, int *ret_fd, struct cf_err *err);

struct cf_status_input {
    enum cf_phase phase;
    bool lock_busy;
    bool init_alive;
    bool gate_open; /* connect accepted */
    bool frozen;
};
/** Pure: the table of the architecture. */
enum cf_status cf_status_derive(const struct cf_status_input *in);
const char *cf_status_name(enum cf_status status);

/** Start time of a process from /proc/PID/stat: 0, -ESRCH when gone or a zombie. */
int cf_proc_start_time(pid_t pid, uint64_t *ret);
/** 1 if the recorded init is alive and the same process (boot id, start time, not a zombie); *ret_pidfd (may be NULL) receives an fd. */
int cf_record_init_alive(const struct cf_record *record, int *ret_pidfd);
/** The same for the record in directory @dir_fd: where a file system in memory vouches for the boot, it is asked. */
int cf_record_init_alive_at(const struct cf_record *record, int dir_fd, int *ret_pidfd);
/** Reads everything that is needed and derives. */
enum cf_status cf_entry_status(struct cf_entry *entry, const struct cf_record *record);
/** The same for who wants to start it: *@ret_gate_fd is the connection (CREATED), or the errno of the failed one. */
enum cf_status cf_entry_status_connect(struct cf_entry *entry, const struct cf_record *record, int *ret_gate_fd);
/** Boot id into a 37-byte buffer. */
int cf_boot_id(char buf[37]);
