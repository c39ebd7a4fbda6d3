/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the host-side files of this folder share. */

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "userns/idmap.h"

enum cf_id_kind { CF_ID_UID = 0, CF_ID_GID };

/** "linux.uidMappings" or "linux.gidMappings" */
const char *cf_userns_field(enum cf_id_kind kind);

/**
 * cf_userns_open_proc() - /proc/PID as an O_PATH directory, checked to be in a procfs
 * @pid: our own unreaped child, so that the number cannot mean another process (U8).
 */
int cf_userns_open_proc(pid_t pid, struct cf_err *err);

/** Reads uid_map or gid_map below a directory of cf_userns_open_proc(). */
int cf_userns_read_map(int proc_fd, enum cf_id_kind kind, struct cf_arena *arena,
                       struct cf_idmap *ret, struct cf_err *err);

/**
 * cf_userns_explain_unmapped() - field and hint about the first entry with ids that our own namespace has not
 * Return: false if there is none, or nobody can tell.
 */
bool cf_userns_explain_unmapped(enum cf_id_kind kind, const struct cf_idmap *map, struct cf_arena *arena,
                                struct cf_err *err);

/**
 * cf_userns_run_helper() - newuidmap(1) or newgidmap(1) for an unprivileged caller
 * Checks the ranges against the caller's subordinate ids first. The program is found at fixed
 * places only, must belong to root and be writable by nobody else, and gets an empty environment.
 * Codes: idmap-helper-missing, idmap-helper-unsafe, idmap-helper-failed, idmap-subid.
 */
int cf_userns_run_helper(enum cf_id_kind kind, pid_t pid, const struct cf_idmap *map,
                         struct cf_arena *arena, struct cf_err *err);
