/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COFFER_EXEC_H
#define COFFER_EXEC_H

/*
 * Further processes in a container: what `exec` does.
 *
 * The handle of such a process belongs to nobody: it may outlive the handle of the container. Closing it does not
 * end the process.
 */

#include <stddef.h>
#include <stdint.h>

#include "coffer/container.h"
#include "coffer/error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct coffer_process coffer_process;

/** The caller does not wait for the process: with a terminal a console socket is required. */
#define COFFER_EXEC_DETACH 1u
/** A terminal. Not with a process file, which says so itself. */
#define COFFER_EXEC_TTY 2u
/** no_new_privs, also if the container does without. */
#define COFFER_EXEC_NO_NEW_PRIVS 4u
/** Also in a paused container: the process begins when it is resumed. */
#define COFFER_EXEC_IGNORE_PAUSED 8u
/** `uid` counts; else the user is the one of the container's process. */
#define COFFER_EXEC_UID 16u
/** `gid` counts; else the group is the one of the container's process. */
#define COFFER_EXEC_GID 32u

/** Options of coffer_container_exec(). Lists are NULL-terminated, NULL means none. */
struct coffer_exec_options {
    size_t size;               /**< sizeof(struct coffer_exec_options) */
    const char *process_file;  /**< file with a process object; then everything from `args` to `selinux_label` and
                                    the flags TTY, NO_NEW_PRIVS, UID, GID are ignored */
    const char *const *args;   /**< program and arguments; the rest is as in the container's process */
    const char *const *env;    /**< NAME=VALUE, added; the last of a name counts */
    const char *cwd;           /**< absolute; NULL: that of the container's process */
    uint32_t uid;              /**< with COFFER_EXEC_UID, inside the container */
    uint32_t gid;              /**< with COFFER_EXEC_GID */
    const uint32_t *additional_gids; /**< added to those of the container's process */
    size_t n_additional_gids;  /**< their number */
    const char *const *caps;   /**< names, added to the bounding, effective and permitted set */
    const char *apparmor_profile; /**< NULL: the container's */
    const char *selinux_label; /**< NULL: the container's */
    const char *const *cgroups; /**< sub-cgroups: `PATH`, on cgroup v1 also `CONTROLLER[,CONTROLLER]:PATH` */
    const char *console_socket; /**< socket that gets the terminal; NULL: none */
    const char *pid_file;      /**< where to write the pid, no newline; NULL: nowhere */
    const char *pidfd_socket;  /**< socket that gets a pidfd; NULL: none */
    uint32_t flags;            /**< COFFER_EXEC_* */
    uint32_t preserve_fds;     /**< so many fds from 3 on reach the process; no directories */
};

#define COFFER_EXEC_OPTIONS_INIT                                                                             \
    {                                                                                                        \
        .size = sizeof(struct coffer_exec_options)                                                           \
    }

/**
 * coffer_container_exec() - run a program in a container that is created or running
 * @ret: set on success only; may be NULL; released with coffer_process_close()
 *
 * Returns when the program was executed. It runs in all namespaces and the cgroup of the container, with its seccomp
 * profile, and with labels, limits and capabilities of the container's process where @options and the process file
 * do not say otherwise. It is a child of the caller, who reaps it. The standard streams of the caller become its
 * own, unless it has a terminal. The configuration is the one that the container was made with.
 *
 * Return: 0, or a negative errno, and nothing is left. Kind STATE if the container is stopped or paused. Every
 * message begins with `exec failed: `.
 */
COFFER_PUBLIC int coffer_container_exec(coffer_container *container, const struct coffer_exec_options *options,
                                        coffer_process **ret, coffer_error **err);

/** Releases a handle; NULL is allowed. The process is not affected. */
COFFER_PUBLIC void coffer_process_close(coffer_process *process);

/** Pid in the caller's pid namespace. */
COFFER_PUBLIC int coffer_process_pid(const coffer_process *process);

/** Pidfd, borrowed: valid until the handle is closed. */
COFFER_PUBLIC int coffer_process_pidfd(const coffer_process *process);

/**
 * coffer_process_take_console() - the terminal of a process in the foreground
 * @ret_master_fd: the caller closes it; set on success only
 *
 * Once, and only with a terminal, without console socket and without COFFER_EXEC_DETACH.
 *
 * Return: 0, or a negative errno: -ENOTTY (kind STATE) if there is no such terminal.
 */
COFFER_PUBLIC int coffer_process_take_console(coffer_process *process, int *ret_master_fd, coffer_error **err);

#ifdef __cplusplus
}
#endif

#endif
