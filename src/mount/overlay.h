/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The root of a container is an overlay that somebody mounted, and shall be id-mapped. No kernel id-maps
 * an overlay, but an overlay of id-mapped layers shows their ids. So another one is made of the same
 * directories, and the one that was found stays as it is (docs/userns.md, "Root on an overlay").
 *
 *   cf_overlay_options_parse()  the mount's own options: which directories, which features (pure)
 *   cf_overlay_find()           what the kernel says about the mount
 *   cf_overlay_open()           the directories, opened and compared with what the mount shows
 *   cf_overlay_build()          clones, maps, and the new file system
 *
 * Between the host files of this folder, but for cf_overlay_release() in mount.h.
 */

#include <stdbool.h>
#include <stdint.h>

#include "plan/plan.h"

#define CF_OVERLAY_MAGIC 0x794c7630
#define CF_OVERLAY_MAX_LAYERS 500 /* the kernel's number */
#define CF_OVERLAY_WORK "coffer"  /* our work directory, in that of the mount that was found */
#define CF_OVERLAY_OWNER "owner"  /* symlink in it: the container's state directory */

struct cf_overlay_options {
    const char **lower; /* top first; paths as whoever mounted it wrote them, without escapes */
    size_t n_lower;
    size_t n_data; /* the last ones of them hold only data */
    const char *upper, *work; /* NULL: nothing can be written */
    const struct cf_source_param *params; /* all the rest */
    size_t n_params;
    bool readonly; /* the file system */
};

/**
 * cf_overlay_options_parse() - take the options of an overlay mount apart
 * @text: of mountinfo or statmount(2), with their octal escapes
 * @ret_bad: the option, for -EOPNOTSUPP
 * Return: 0, -ENOMEM; -EOPNOTSUPP: an option that nobody knows; -EINVAL: no layers, or half a pair of directories.
 */
int cf_overlay_options_parse(const char *text, struct cf_arena *arena, struct cf_overlay_options *ret,
                             const char **ret_bad);

struct cf_overlay_mount {
    const char *point; /* where it is mounted */
    const char *options;
};

/** @fd: the root directory. Codes: overlay-subdir, overlay-submount. */
int cf_overlay_find(int fd, const char *path, struct cf_arena *arena, struct cf_overlay_mount *ret, struct cf_err *err);

/* A directory of the overlay. */
struct cf_overlay_layer {
    const char *name; /* as in the options */
    char *path;       /* real, NULL: it has none */
    int fd;           /* O_RDONLY */
    int mapped_fd;    /* in an id-mapped clone */
    uint64_t mount_id, ino;
    uint32_t dev_major, dev_minor;
};

/* upper is layers[n_lower], work (ours) is layers[n_lower + 1]; n is n_lower where there are none. */
struct cf_overlay_layers {
    struct cf_overlay_layer *layers;
    size_t n, n_lower;
    int work_fd; /* that of the mount that was found */
};

/**
 * cf_overlay_open() - open the directories of the options
 * @root_fd: of the mount, for reading
 * They must be those that the mount shows: names are looked up again, perhaps elsewhere (a mount namespace,
 * a working directory, an exchanged component). Code: overlay-layers.
 */
int cf_overlay_open(int root_fd, const struct cf_overlay_mount *mount, const struct cf_overlay_options *options,
                    struct cf_arena *arena, struct cf_overlay_layers *ret, struct cf_err *err);
void cf_overlay_close(struct cf_overlay_layers *layers);

/** Does the mount @root_fd show what is in these directories? Code: overlay-layers. */
int cf_overlay_verify(int root_fd, const struct cf_overlay_options *options, const struct cf_overlay_layers *layers,
                      struct cf_err *err);

/**
 * cf_overlay_build() - the same overlay with id-mapped layers
 * @fd: O_PATH of the root that was found
 * Return: fd of a detached mount, or negative errno with err. What is made on the disk stands in plan->overlay.
 * Codes: overlay-busy, overlay-kernel, overlay-layers, overlay-option, overlay-shared, overlay-subdir, overlay-submount,
 * overlay-workdir, mount-idmap-*.
 */
int cf_overlay_build(const struct cf_plan *plan, const struct cf_source *s, int fd, int userns_fd, struct cf_err *err);
