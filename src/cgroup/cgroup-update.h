/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Limits of a living container: what an update asks for beside what is stored (pure), and writing it so that
 * a failure leaves the old values. Host side.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/cgroup.h"
#include "cgroup/res.h"

struct ocispec_resources;

/* What an update comes to. All of it lives in the arena, or in what was given. */
struct cf_cgroup_merged {
    struct ocispec_resources *whole; /* stored and new in one: to be checked, and stored next */
    struct ocispec_resources *part;  /* what changes, with what the kernel wants to hear together with it */
    const struct cf_cgroup_write *writes;
    size_t n_writes;
};

/**
 * cf_cgroup_merge() - stored resources and those of an update. Pure.
 * @stored: NULL: none
 * What is absent, and a 0 that older engines send for "not set", stays as it is. Lists are merged by device,
 * page size, interface or file. Rules for devices are not touched.
 */
int cf_cgroup_merge(const struct ocispec_resources *stored, const struct ocispec_resources *change, bool v2,
                    struct cf_arena *arena, struct cf_cgroup_merged *ret, struct cf_err *err);

/** merged->part -> writes. Values were checked by cf_cgroup_res_check(merged->whole). */
int cf_cgroup_merge_writes(const struct ocispec_resources *stored, const struct ocispec_resources *change, bool v2,
                           struct cf_arena *arena, struct cf_cgroup_merged *merged, struct cf_err *err);

/* What one file had in it before. */
struct cf_cgroup_old {
    int dir_fd; /* borrowed from the cf_cgroup */
    const struct cf_cgroup_write *write;
    const char *file; /* the one of the write that there is; NULL: nothing to put back */
    const char *text; /* of the whole file; NULL: it cannot be read */
    bool written;
};

struct cf_cgroup_undo {
    struct cf_cgroup_old *old; /* in arena */
    size_t n;
};

/**
 * cf_cgroup_update() - write the values of an update, all or none
 * @check: refuse a memory limit that is not above the use, even after reclaiming
 * @undo: for cf_cgroup_update_undo(), when a later step of the caller fails
 * v2: controllers that are not enabled yet are; a memory limit below the use is preceded by reclaim.
 * Codes: cgroup-controller, cgroup-file-missing, cgroup-memory-limit, resources-value, and errno.
 */
int cf_cgroup_update(struct cf_cgroup *cg, const struct cf_cgroup_merged *merged, bool check, struct cf_arena *arena,
                     struct cf_cgroup_undo *undo, struct cf_err *err);

/** Puts old values back, last written first. Return: number of files where that failed. */
unsigned int cf_cgroup_update_undo(struct cf_cgroup_undo *undo);

/**
 * cf_cgroup_restore_line() - what to write into a file to undo one line of a write
 * @old: text of the file before, of one or many lines
 * @line: what was written, one line
 * For files with a line for each device or interface: the line of that one, or what removes it. Pure.
 */
void cf_cgroup_restore_line(const char *file, const char *old, const char *line, char *buf, size_t size);

/* ---- cgroup-memory.c: v2 ---- */

/** Refuses a limit (bytes, <= 0: none) at or below the use after trying to reclaim. */
int cf_cgroup_memory_check(int dir_fd, int64_t limit, int64_t swap, struct cf_err *err);

/** Before memory.max becomes @value: reclaims what is used above it. Return: 1 if the use fits, else 0. */
int cf_cgroup_memory_make_room(int dir_fd, const char *value);
