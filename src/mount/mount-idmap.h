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

/**
 * cf_mount_idmap_explain() - error for a source that the kernel did not map: which mount below it, and why
 * @r: what it said. Return: negative errno with err. Codes: as cf_mount_idmap_apply().
 */
int cf_mount_idmap_explain(const struct cf_source *s, int userns_fd, int r, struct cf_err *err);

/** The same for a mount with idmap_try: what cannot be mapped stays as it is, with a warning of @plan. */
int cf_mount_idmap_try(struct cf_plan *plan, const struct cf_source *s, int fd, int userns_fd, struct cf_err *err);

/** What the plan wants to be done about cf_mount_idmap_exposed(): a warning, or preset-setuid-volume. */
int cf_mount_idmap_judge(struct cf_plan *plan, const struct cf_source *s, struct cf_err *err);

/** An id-mapped root on such a file system is made anew: overlay.h. */
bool cf_mount_is_overlay(int fd);

/** Can users of the host other than root reach the source, and do set-user-ID programs work there? (U4) */
bool cf_mount_idmap_exposed(const struct cf_source *s);

/**
 * cf_mount_fs_open() - a new file system as a detached mount, made on the host side
 * @ns_fd: the namespace that it shows, entered for this one call by the calling thread; -EBADF: the runtime's.
 * Return: fd or negative errno with err.
 */
int cf_mount_fs_open(const struct cf_source *s, int ns_fd, struct cf_err *err);

/** Error of a call on a file system context, with what the file system said about it. Return: @r. */
int cf_mount_fs_fail(int fs_fd, int r, const char *what, const char *detail, struct cf_err *err);
