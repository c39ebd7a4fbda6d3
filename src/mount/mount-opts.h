/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The options of one entry of `mounts`, understood. Between the mount planners only. Pure. */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "mount/mount.h"

/* Superblock options that fsconfig(2) knows. */
#define CF_SUPER_SYNC (1u << 0)
#define CF_SUPER_DIRSYNC (1u << 1)
#define CF_SUPER_LAZYTIME (1u << 2)
#define CF_SUPER_IVERSION (1u << 3)

/* What else an option asks for. */
#define CF_MOUNT_OPT_BIND (1u << 0)
#define CF_MOUNT_OPT_RBIND (1u << 1) /* with CF_MOUNT_OPT_BIND */
#define CF_MOUNT_OPT_REMOUNT (1u << 2)
#define CF_MOUNT_OPT_COPYUP (1u << 3)
#define CF_MOUNT_OPT_COPY_SYMLINK (1u << 4)
#define CF_MOUNT_OPT_SRC_NOFOLLOW (1u << 5)
#define CF_MOUNT_OPT_DEST_NOFOLLOW (1u << 6)
#define CF_MOUNT_OPT_IDMAP (1u << 7)
#define CF_MOUNT_OPT_RIDMAP (1u << 8) /* with CF_MOUNT_OPT_IDMAP */

struct cf_mount_param {
    const char *key;
    const char *value;     /* NULL: a flag */
    uint32_t option_index; /* in mounts[i].options */
};

struct cf_mount_opts {
    uint32_t what;            /* CF_MOUNT_OPT_* */
    uint64_t attr_set, attr_clr; /* MOUNT_ATTR_* of the top mount, applied after the recursive ones */
    uint64_t rec_set, rec_clr;   /* with AT_RECURSIVE */
    uint64_t mentioned;       /* MOUNT_ATTR_* that any option set or cleared */
    uint32_t super_set, super_clr; /* CF_SUPER_* */
    uint32_t *propagation;    /* MS_* [|MS_REC] in order; room for one per option */
    size_t n_propagation;
    struct cf_mount_param *params; /* file-system data */
    size_t n_params;
    const char *idmap;        /* with CF_MOUNT_OPT_IDMAP: the mapping that follows the word, "": none */
    uint32_t idmap_option;    /* its index in mounts[i].options */
};

/**
 * cf_mount_opts_parse() - mounts[@index].options
 * Left to right, the last one wins. Refuses data above a page.
 * Return: 0 or negative errno with err.
 */
int cf_mount_opts_parse(const struct cf_plan_input *in, uint32_t index, struct cf_mount_opts *ret,
                        struct cf_err *err);

/** True if a parameter of this name is among the data. */
bool cf_mount_opts_has_param(const struct cf_mount_opts *opts, const char *key);

/**
 * cf_mount_clean_path() - lexical cleaning of a path inside the container: absolute, "." and ".." gone
 * A path that begins without '/' counts from "/". The kernel never sees a ".." of config.json.
 * @field: for the error. Return: 0 and *ret in the arena, or negative errno with err.
 */
int cf_mount_clean_path(const struct cf_plan_input *in, const char *path, const char *field, const char **ret,
                        struct cf_err *err);

/** The last mount of the configuration at this clean path (remounts do not count), or -1. */
long cf_mount_find(const struct cf_plan_input *in, const char *target);
/** mounts[@index] is a bind mount: option `bind` or `rbind`. */
bool cf_mount_is_bind(const struct cf_plan_input *in, size_t index);
