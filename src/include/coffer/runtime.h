/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COFFER_RUNTIME_H
#define COFFER_RUNTIME_H

/*
 * The runtime handle: one state directory and how containers in it are made.
 *
 * Structs of options start with their size. The library accepts a smaller one (an older caller) and
 * a larger one (a newer caller) if the bytes it does not know are zero; otherwise it fails with
 * E2BIG. Strings are borrowed for the duration of the call.
 */

#include <stddef.h>
#include <stdint.h>

#include "coffer/error.h"
#include "coffer/log.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct coffer_runtime coffer_runtime;

/** How control groups are managed. */
enum coffer_cgroup_manager {
    COFFER_CGROUP_MANAGER_CGROUPFS = 0, /**< coffer makes the directories itself */
    COFFER_CGROUP_MANAGER_SYSTEMD = 1,  /**< systemd makes a scope */
    COFFER_CGROUP_MANAGER_DISABLED = 2, /**< the caller's control group, no limits */
};

/** What is done about host ids that a container with a user namespace shares with others. */
enum coffer_id_policy {
    COFFER_ID_POLICY_DEFAULT = 0, /**< that of the id configuration, else warn */
    COFFER_ID_POLICY_OFF = 1,     /**< nothing */
    COFFER_ID_POLICY_WARN = 2,    /**< log records of level warning */
    COFFER_ID_POLICY_ENFORCE = 3, /**< the container is not made */
};

/** A new state root also gets the sticky bit, so that cleaners of temporary files keep it. */
#define COFFER_RUNTIME_ROOT_STICKY 1u

/** Options of coffer_runtime_new(). */
struct coffer_runtime_options {
    size_t size;             /**< sizeof(struct coffer_runtime_options) */
    const char *root;        /**< state directory, absolute; required */
    uint32_t flags;          /**< COFFER_RUNTIME_* */
    uint32_t cgroup_manager; /**< enum coffer_cgroup_manager, for new containers */
    int rootless;            /**< -1 decide by privileges, 0 no, 1 yes: limits are best effort */
    coffer_log_fn log;       /**< NULL: no records */
    void *log_userdata;      /**< first argument of log */
    int log_level;           /**< enum coffer_log_level: chattier records are not made; 0: warnings */
    const char *bus_address; /**< D-Bus address of systemd (DBUS_SYSTEM_BUS_ADDRESS, for an unprivileged caller
                                  DBUS_SESSION_BUS_ADDRESS); NULL: its own socket in the default place */
    const char *runtime_dir; /**< XDG_RUNTIME_DIR of the caller; NULL: not set */
    const char *id_ledger;   /**< directory of the id ledger, absolute; NULL: `/run/coffer/.ids` for root in the
                                  initial user namespace, else `coffer/.ids` below runtime_dir, else `.ids` below root */
    const char *id_config;   /**< id configuration; NULL: `/etc/coffer/ids.conf` */
    uint32_t id_policy;      /**< enum coffer_id_policy */
    int (*log_wanted)(void *log_userdata, int level); /**< NULL: yes. Asked before work whose only result
                                                           would be a record of this level; 0: not wanted */
    const char *seccomp_receiver; /**< RUN_OCI_SECCOMP_RECEIVER: socket that gets the seccomp listener of a profile
                                       that names none; NULL: such a profile is an error */
    const char *notify_socket;    /**< NOTIFY_SOCKET: readiness of containers that are created or started with this
                                       handle is waited for and told there, in the manner of sd_notify(3); NULL: not */
};

#define COFFER_RUNTIME_OPTIONS_INIT                                                                          \
    {                                                                                                        \
        .size = sizeof(struct coffer_runtime_options), .rootless = -1                                        \
    }

/**
 * coffer_runtime_new() - a handle on a state directory
 * @options: required, with a root
 * @ret: set on success only; released with coffer_runtime_free()
 *
 * Nothing is made or opened before it is needed, so that reading an absent root can be told from
 * creating one: the first create makes the directory.
 *
 * Return: 0, or a negative errno. Kinds: ARGUMENT, NOMEM.
 */
COFFER_PUBLIC int coffer_runtime_new(const struct coffer_runtime_options *options, coffer_runtime **ret,
                                     coffer_error **err);

/** Releases a handle; NULL is allowed. Containers are not affected; their handles must be closed
 * before. */
COFFER_PUBLIC void coffer_runtime_free(coffer_runtime *runtime);

/** One entry of coffer_runtime_list(). Strings are valid during the callback only. */
struct coffer_container_info {
    size_t size;                  /**< of this struct; newer libraries may append members */
    const char *id;               /**< container id */
    const char *bundle;           /**< absolute path of the bundle */
    const char *rootfs;           /**< absolute path of the root file system */
    const char *created;          /**< RFC 3339, UTC, nanoseconds */
    const char *owner;            /**< user name of the directory's owner, else `#uid` */
    const char *status;           /**< `creating` `created` `running` `paused` `stopped` */
    int pid;                      /**< of init in the caller's pid namespace, 0 if stopped */
    const char *annotations_json; /**< a JSON object, NULL if there are none */
};

/**
 * coffer_runtime_list() - every container of the state directory, in order of id
 * @each: called once per container; a value other than 0 ends the listing and is returned
 *
 * A broken entry is skipped with a log record of level warning. A missing state directory is not
 * made: kind NOT_FOUND. Leftovers of interrupted commands that nobody uses any more are removed on
 * the way.
 *
 * Return: 0, what @each returned, or a negative errno.
 */
COFFER_PUBLIC int coffer_runtime_list(coffer_runtime *runtime,
                                      int (*each)(void *userdata, const struct coffer_container_info *info),
                                      void *userdata, coffer_error **err);

/**
 * coffer_plan_explain() - what creating a container from a bundle would do, as text
 * @bundle: directory with config.json
 * @ret_text: several lines; released with coffer_free()
 *
 * A dry run: config.json and the host are read, nothing is changed.
 *
 * Return: 0, or a negative errno with the error that create would give for this configuration.
 */
COFFER_PUBLIC int coffer_plan_explain(coffer_runtime *runtime, const char *bundle, char **ret_text,
                                      coffer_error **err);

#ifdef __cplusplus
}
#endif

#endif
