/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the container-side files of this folder share: new file systems, places to attach them, and
 * runs of fds to close. Container side only; no allocation, no global state.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "init/init.h"
#include "sys/fs.h"
#include "sys/mountfd.h"

#define CF_MAJOR_PTS 136 /* Unix 98 pty slaves */
#define CF_NULL_MAJOR 1
#define CF_NULL_MINOR 3

/*
 * Fds that are not needed any more. They are collected and closed together, because together they
 * are a few runs of consecutive numbers: close_range(2) instead of many close(2). Only numbers that
 * were added are ever closed.
 */
#define CF_FD_RUN_MAX 64

struct cf_fd_run {
    int n;
    int fds[CF_FD_RUN_MAX]; /* ascending */
};

/* ---- fd-run-child.c ---- */

/** Takes fd; negative ones are ignored. Closes what there is when it becomes too much. */
void cf_fd_run_add(struct cf_fd_run *run, int fd);
void cf_fd_run_flush(struct cf_fd_run *run);
/** The end of a stage: a few fds are left to the one close_range(2) before the wait for COMMIT. */
void cf_fd_run_end(struct cf_fd_run *run);

static inline void cf_close_fd(int *fd)
{
    if (*fd >= 0)
        (void) cf_sys_close(*fd);
    *fd = -1;
}

/* ---- fs-child.c ---- */

/**
 * cf_fs_child_new() - a new file system instance as a detached mount
 * @mode: of the root of a tmpfs, UINT32_MAX: not given
 * @attr: MOUNT_ATTR_* of the new mount
 * What the kernel has to say about a failure goes into the error, with the field `mounts[N]`.
 * Return: mount fd, or -errno with err filled.
 */
int cf_fs_child_new(struct cf_init *in, const struct cf_blob_mount *m, uint32_t mode,
                    unsigned int attr, struct cf_fd_run *run, struct cf_err *err);

/** A small tmpfs of our own with these key, value pairs. Return: mount fd, or -errno (no err). */
int cf_fs_child_tmpfs(const char *const (*params)[2], unsigned int n, unsigned int attr,
                      struct cf_fd_run *run);

/** Superblock parameters of what is mounted at @fd (an O_PATH fd of its root). */
int cf_fs_child_reconfigure(struct cf_init *in, const struct cf_blob_mount *m, int fd,
                            struct cf_err *err);

/** Fills err for mount @m: message, field, step. Return: @r. */
int cf_mount_child_fail(struct cf_init *in, const struct cf_blob_mount *m, int r, const char *what,
                        struct cf_err *err);

/* ---- layers-child.c ---- */

/** Is this overlay's list of layers, and too long for fsconfig(2)? */
bool cf_fs_child_is_layers(const char *fstype, const char *key, const char *value);
/** Gives the layers one by one. Return: 0, -EINVAL also from a kernel before 6.8. */
int cf_fs_child_set_layers(int fs_fd, const char *value);

/* ---- target-child.c ---- */

/**
 * cf_target_child_open() - O_PATH fd of the place where @m goes, made if it is missing
 * @dir: what will be attached is a directory
 * Return: fd, or -errno with err filled.
 */
int cf_target_child_open(struct cf_init *in, const struct cf_blob_mount *m, bool dir,
                         struct cf_err *err);

/**
 * cf_target_child_attach() - attach the detached tree @tree_fd where @m says
 * @target_fd: from cf_target_child_open(), or -1: find it here, with as few calls as possible
 */
int cf_target_child_attach(struct cf_init *in, const struct cf_blob_mount *m, int tree_fd, bool dir,
                           int target_fd, struct cf_fd_run *run, struct cf_err *err);

/** The name behind "/dev/" of a cleaned path, NULL if it is not below /dev. */
const char *cf_target_child_below_dev(const char *path);

/** dev_fd; if there is none, /dev of the root is opened (made if missing) and kept there. */
int cf_target_child_dev(struct cf_init *in, struct cf_err *err);

/* ---- copyup-child.c ---- */

/**
 * cf_copyup_child_copy() - copy a directory's content into a new, still detached tmpfs
 * @src_fd: O_PATH or other fd of the directory
 * @dst_fd: the root of the tmpfs; nobody else can see it
 * Directories, regular files and symlinks with owner, mode and times; anything else and other
 * mounts are left out. No symlink is followed.
 */
int cf_copyup_child_copy(struct cf_init *in, int src_fd, int dst_fd, struct cf_err *err);

/* ---- nopivot-child.c ---- */

/** Takes the host's proc and sys file systems out of our mount namespace, or covers them. */
int cf_nopivot_child_hide(struct cf_init *in, struct cf_err *err);
