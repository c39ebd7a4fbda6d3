/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COFFER_CONTAINER_H
#define COFFER_CONTAINER_H

/*
 * Containers: create, start, signal, delete.
 *
 * A handle belongs to the runtime handle it came from and is closed before that one. Closing a
 * handle does not end the container.
 */

#include <stddef.h>
#include <stdint.h>

#include "coffer/error.h"
#include "coffer/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct coffer_container coffer_container;

/** Move the root over `/` and chroot instead of pivot_root; for initramfs hosts. */
#define COFFER_CREATE_NO_PIVOT 1u
/** The process keeps the session keyring of the caller. */
#define COFFER_CREATE_NO_NEW_KEYRING 2u
/** The caller does not wait for the process: with a terminal a console socket is required. Create
 * always behaves like this. */
#define COFFER_CREATE_DETACH 4u
/** The caller means to keep the container after its process has ended. The library never deletes one
 * by itself: the flag only documents the intent. */
#define COFFER_CREATE_KEEP 8u

/** Options of coffer_container_create() and coffer_container_run(). */
struct coffer_create_options {
    size_t size;                /**< sizeof(struct coffer_create_options) */
    const char *bundle;         /**< directory of the bundle; NULL: the working directory */
    const char *config_file;    /**< another file, relative to the working directory; NULL:
                                     config.json of the bundle */
    const char *console_socket; /**< socket that gets the terminal; NULL: none */
    const char *pid_file;       /**< where to write the pid, no newline; NULL: nowhere */
    const char *pidfd_socket;   /**< socket that gets a pidfd of init; NULL: none */
    uint32_t flags;             /**< COFFER_CREATE_* */
    uint32_t preserve_fds;      /**< so many fds from 3 + listen_fds on reach the process; no directories */
    uint32_t listen_fds;        /**< so many fds from 3 on are socket-activation sockets */
    const char *listen_fdnames; /**< LISTEN_FDNAMES for the process; NULL: none */
    const char *userns;         /**< `auto` or `auto:SIZE`: a user namespace with a free range of host ids;
                                     NULL: as the annotation `org.coffer.userns` says, else none */
    const char *preset;         /**< `default`, or `hardened[:WORD,...]`: what docs/security.md says; NULL: as the
                                     annotation `org.coffer.preset` says, else `default` */
};

#define COFFER_CREATE_OPTIONS_INIT                                                                           \
    {                                                                                                        \
        .size = sizeof(struct coffer_create_options)                                                         \
    }

/**
 * coffer_container_create() - make a container whose process waits to be started
 * @id: 1 to 255 letters, digits, `_`, `+`, `-`, `.`, not starting with `.`
 * @ret: set on success only; may be NULL; released with coffer_container_close()
 *
 * Relative paths in @options are relative to the working directory of the caller (config_file: to
 * the bundle). The standard streams of the caller become those of the process, unless it has a
 * terminal. Which signals the caller blocks does not matter to the process. The container's first
 * process is a child of the caller, or of the nearest subreaper if namespaces are joined by path.
 * On failure nothing is left.
 *
 * Return: 0, or a negative errno. Kinds: EXISTS for a used id, CONFIG, ARGUMENT, and all others.
 */
COFFER_PUBLIC int coffer_container_create(coffer_runtime *runtime, const char *id,
                                          const struct coffer_create_options *options, coffer_container **ret,
                                          coffer_error **err);

/**
 * coffer_container_run() - create and start in one go
 *
 * Like coffer_container_create(), but returns when the program runs: it was executed and the
 * poststart hooks have run. The caller waits for it with coffer_container_pidfd(), and reaps it:
 * it is a child of the caller. With a terminal and neither console socket nor
 * COFFER_CREATE_DETACH, the caller must fetch the terminal with coffer_container_take_console().
 *
 * Return: as coffer_container_create(). On failure nothing is left.
 */
COFFER_PUBLIC int coffer_container_run(coffer_runtime *runtime, const char *id,
                                       const struct coffer_create_options *options, coffer_container **ret,
                                       coffer_error **err);

/**
 * coffer_container_mounts_add() - mount something in a container that runs
 * @json: a JSON array of mounts as in config.json, at most 256; relative sources are relative to the bundle
 *
 * All of them or none. Sources are looked up by the caller, destinations in the container. What shows a namespace
 * (proc, sysfs, cgroup...) and the options remount, copy-symlink and tmpcopyup are refused. Directories and files
 * that were made to mount on stay.
 *
 * Return: 0, or a negative errno. Kind STATE unless the container runs.
 */
COFFER_PUBLIC int coffer_container_mounts_add(coffer_container *container, const char *json, size_t len,
                                              coffer_error **err);

/**
 * coffer_container_mounts_remove() - unmount what coffer_container_mounts_add() has mounted
 * @json: as there; only `destination` counts, the newest mount at it is meant
 *
 * Nothing is unmounted if one of them was not added, or is covered by another mount. What the container has
 * unmounted itself counts as removed. Processes that use a mount keep using it.
 *
 * Return: 0, or a negative errno. Kind STATE unless the container runs.
 */
COFFER_PUBLIC int coffer_container_mounts_remove(coffer_container *container, const char *json, size_t len,
                                                 coffer_error **err);

/**
 * coffer_container_notify_fd() - where a run container says that it is ready
 *
 * Only of a handle from coffer_container_run() without COFFER_CREATE_DETACH, by a runtime handle with a
 * notify_socket. When it becomes readable, call coffer_container_notify(). With COFFER_CREATE_DETACH, and in
 * coffer_container_start(), the library waits itself, until the container is ready or has ended.
 *
 * Return: a file descriptor that belongs to the handle, or -EBADF when there is nothing to wait for (any more).
 */
COFFER_PUBLIC int coffer_container_notify_fd(coffer_container *container);

/**
 * coffer_container_notify() - pass on what the container has said
 *
 * Never blocks on the container. Readiness goes to the notify_socket of the runtime handle, with the pid of the
 * container's process as MAINPID; after that the descriptor is closed. Failures to pass it on are log records.
 */
COFFER_PUBLIC void coffer_container_notify(coffer_container *container);

/**
 * coffer_container_open() - a handle on an existing container
 *
 * Return: 0, or a negative errno. Kind NOT_FOUND, message `container does not exist`.
 */
COFFER_PUBLIC int coffer_container_open(coffer_runtime *runtime, const char *id, coffer_container **ret,
                                        coffer_error **err);

/** Releases a handle; NULL is allowed. */
COFFER_PUBLIC void coffer_container_close(coffer_container *container);

/**
 * coffer_container_start() - let the program of a created container begin
 *
 * Returns when it was executed and the poststart hooks have run. If a hook or the execution fails
 * the container is destroyed.
 *
 * Return: 0, or a negative errno. Kind STATE unless the container is created.
 */
COFFER_PUBLIC int coffer_container_start(coffer_container *container, coffer_error **err);

/** Signal every process of the container, not init alone. A stopped container is no error then. */
#define COFFER_KILL_ALL 1u

/**
 * coffer_container_kill() - send a signal to init
 * @signo: 0 to SIGRTMAX; 0 only tests
 * @flags: COFFER_KILL_*
 *
 * Init is identified by more than its pid: a reused pid is never signalled. SIGKILL thaws a paused
 * container, and ends every process of one that shares its pid namespace.
 *
 * Return: 0, or a negative errno. Kind STATE, `container not running`, if it is stopped.
 */
COFFER_PUBLIC int coffer_container_kill(coffer_container *container, int signo, uint32_t flags,
                                        coffer_error **err);

/** Kill what still runs, instead of refusing. */
#define COFFER_DELETE_FORCE 1u

/**
 * coffer_container_delete() - remove a container and everything made for it
 * @flags: COFFER_DELETE_*
 *
 * Allowed for a stopped and a created container, for others only with COFFER_DELETE_FORCE. The
 * handle stays valid for coffer_container_close() only.
 *
 * Return: 0, or a negative errno. Kind STATE if it still runs.
 */
COFFER_PUBLIC int coffer_container_delete(coffer_container *container, uint32_t flags, coffer_error **err);

/**
 * coffer_container_delete_id() - the same by id, for half-made or broken ones too
 *
 * With COFFER_DELETE_FORCE an unknown id is success.
 */
COFFER_PUBLIC int coffer_container_delete_id(coffer_runtime *runtime, const char *id, uint32_t flags,
                                             coffer_error **err);

/**
 * coffer_container_state_json() - the state as defined by the OCI runtime specification
 * @ret_json: one object, indented by two spaces, no newline at the end; coffer_free()
 */
COFFER_PUBLIC int coffer_container_state_json(coffer_container *container, char **ret_json,
                                              coffer_error **err);

/** Pidfd of init, borrowed: valid until the handle is closed. -ESRCH if init is gone. */
COFFER_PUBLIC int coffer_container_pidfd(coffer_container *container);

/** Pid of init in the caller's pid namespace; 0 if init is gone. */
COFFER_PUBLIC int coffer_container_pid(coffer_container *container);

/**
 * coffer_container_take_console() - the terminal of a container that runs in the foreground
 * @ret_master_fd: the caller closes it; set on success only
 *
 * Only after coffer_container_run() with a terminal, without console socket and without
 * COFFER_CREATE_DETACH, and once.
 *
 * Return: 0, or a negative errno: -ENOTTY (kind STATE) if the process has no such terminal.
 */
COFFER_PUBLIC int coffer_container_take_console(coffer_container *container, int *ret_master_fd,
                                                coffer_error **err);

/**
 * coffer_container_pause() - freeze every process of the container
 *
 * Returns when all of them are frozen. Kind STATE, `container not running`, unless it is created or running;
 * kind UNSUPPORTED without a cgroup that has a freezer.
 */
COFFER_PUBLIC int coffer_container_pause(coffer_container *container, coffer_error **err);

/** The opposite. Kind STATE, `container not paused`, unless it is paused. */
COFFER_PUBLIC int coffer_container_resume(coffer_container *container, coffer_error **err);

/** Options of coffer_container_update(). */
struct coffer_update_options {
    size_t size;                 /**< sizeof(struct coffer_update_options) */
    const char *resources;       /**< JSON text of linux.resources; what is absent stays as it is */
    size_t resources_len;        /**< its length in bytes */
    const char *l3_cache_schema; /**< Intel RDT; NULL: unchanged */
    const char *mem_bw_schema;   /**< Intel RDT; NULL: unchanged */
};

#define COFFER_UPDATE_OPTIONS_INIT                                                                           \
    {                                                                                                        \
        .size = sizeof(struct coffer_update_options)                                                         \
    }

/**
 * coffer_container_update() - change the limits of a container that is not stopped
 *
 * All values are checked before the first is written; if the kernel refuses one, those written before get
 * their old values back. Rules for devices are ignored: engines send a partial list with every update.
 *
 * Return: 0, or a negative errno. Kind CONFIG with the path of the field, STATE if it is stopped.
 */
COFFER_PUBLIC int coffer_container_update(coffer_container *container, const struct coffer_update_options *options,
                                          coffer_error **err);

/**
 * coffer_container_pids() - the processes of the container, those in cgroups below its own included
 * @ret_pids: in the caller's pid namespace, ascending; coffer_free(); NULL if there are none
 *
 * A stopped container is no error: it has none, unless it shared a pid namespace and left some. Of a container
 * without a cgroup only init is known.
 */
COFFER_PUBLIC int coffer_container_pids(coffer_container *container, int **ret_pids, size_t *ret_n,
                                        coffer_error **err);

/**
 * coffer_container_stats_json() - what the container uses now
 * @ret_json: one object on one line, the keys that `runc events --stats` has under `data`; coffer_free()
 *
 * Controllers that the host has not show as zeros. Kind STATE if it is stopped.
 */
COFFER_PUBLIC int coffer_container_stats_json(coffer_container *container, char **ret_json, coffer_error **err);

/** What coffer_container_watch() tells of. New values may be added. */
enum coffer_event_type {
    COFFER_EVENT_STATS = 1, /**< another interval has passed */
    COFFER_EVENT_OOM = 2,   /**< the kernel ended a process for lack of memory within the limit */
};

/** One event. Strings are valid during the callback only. */
struct coffer_event {
    size_t size;              /**< of this struct; newer libraries may append members */
    int type;                 /**< enum coffer_event_type */
    const char *container_id; /**< whose */
    const char *data_json;    /**< STATS: as coffer_container_stats_json(); NULL otherwise */
};

/**
 * coffer_container_watch() - wait for events until the container is gone
 * @interval_ms: between two STATS events; 0: none of them
 * @each: a value other than 0 ends it and is returned, without an error object
 *
 * The first STATS event comes after one interval. Where the kernel does not let the caller hear of OOM, there is
 * a warning in the log and no OOM event. Kind STATE if the container is stopped at the start.
 *
 * Return: 0 when the container has ended, what @each returned, or a negative errno.
 */
COFFER_PUBLIC int coffer_container_watch(coffer_container *container, uint32_t interval_ms,
                                         int (*each)(void *userdata, const struct coffer_event *event),
                                         void *userdata, coffer_error **err);

#ifdef __cplusplus
}
#endif

#endif
