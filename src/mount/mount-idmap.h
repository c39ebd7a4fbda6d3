/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sources that the host maps or makes, while it opens them. Between the host files of this folder only. */

#include <stdbool.h>

#include "plan/plan.h"

/**
 * cf_mount_idmap_apply() - give the detached tree @fd the map of @userns_fd
 * Where the clone has a map already, @fd becomes another clone (Linux 6.15), still with the same number.
 * Codes: mount-idmap-fs, mount-idmap-mapped, mount-idmap-owner.
 */
int cf_mount_idmap_apply(const struct cf_source *s, int fd, int userns_fd, struct cf_err *err);

/** Can users of the host other than root reach the source, and do set-user-ID programs work there? (U4) */
bool cf_mount_idmap_exposed(const struct cf_source *s);

/**
 * cf_mount_fs_open() - a new file system as a detached mount, made on the host side
 * @ns_fd: the namespace that it shows, entered for this one call by the calling thread; -EBADF: the runtime's.
 * Return: fd or negative errno with err.
 */
int cf_mount_fs_open(const struct cf_source *s, int ns_fd, struct cf_err *err);
