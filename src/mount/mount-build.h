/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The list of mounts while it is being planned. Between the mount planners only. Pure, host side. */

#include <stdbool.h>
#include <stdint.h>

#include "mount/mount-opts.h"
#include "plan/input.h"
#include "sys/mountfd.h"

struct cf_mount_build {
    const struct cf_plan_input *in;
    struct cf_plan *plan;
    size_t cap;
    bool host_opens; /* we have CAP_SYS_ADMIN: sources are cloned before the first process exists */
    bool userns;     /* the container has a user namespace of its own */
    uint32_t propagation; /* first propagation of a clone, 0: as it is */
    const struct cf_blob_mount **seals; /* what becomes read-only when everything is mounted */
    size_t n_seals;
};

/** Appends a record to plan->mounts. Return: its index, or -ENOMEM with err. */
int cf_mount_build_add(struct cf_mount_build *b, const struct cf_blob_mount *mount, struct cf_err *err);

/** The opener of this kind of source fills in `fd` (and kind TREE) of the record that will be next. */
int cf_mount_build_source(struct cf_mount_build *b, struct cf_blob_mount *mount, struct cf_source *source,
                          struct cf_err *err);

/** What the mapping of one entry comes to. */
struct cf_mount_idmap {
    uint32_t index; /* for cf_source.idmap, 0: the mount is not id-mapped */
    bool recursive;
    bool container; /* it is the container's own map */
};

/**
 * cf_mount_build_idmap() - uidMappings, gidMappings and the options idmap and ridmap of mounts[@index]
 * Equal mappings get the same index. Codes: mount-idmap-*, those of cf_idmap_check().
 */
int cf_mount_build_idmap(struct cf_mount_build *b, uint32_t index, const struct cf_mount_opts *opts,
                         struct cf_mount_idmap *ret, struct cf_err *err);

/** Puts it into a source that the host opens, at @target. @readonly: nothing can be written through it. */
int cf_mount_build_idmap_source(struct cf_mount_build *b, uint32_t index, const struct cf_mount_idmap *idmap,
                                const char *target, bool readonly, struct cf_source *source, struct cf_err *err);

/** The container's map for a bind mount that asks for none: where it is possible. */
int cf_mount_build_idmap_try(struct cf_mount_build *b, uint32_t index, const char *target, bool readonly,
                             struct cf_source *source, struct cf_err *err);

/** The kernel has no id-mapped mounts of this type. Return: negative errno with err. */
int cf_mount_build_idmap_refuse(uint32_t index, const char *target, const char *type, struct cf_err *err);

/** Propagation of a clone: the default first, then what the options say. */
int cf_mount_build_propagation(struct cf_mount_build *b, const struct cf_mount_opts *opts, const uint32_t **ret,
                               size_t *ret_n, struct cf_err *err);

/** A mount of type `cgroup` (or `cgroup2`) at @target; mounts[@index]. */
int cf_mount_build_cgroup(struct cf_mount_build *b, uint32_t index, const char *target,
                          const struct cf_mount_opts *opts, struct cf_err *err);

/**
 * cf_mount_build_seal() - may mounts[@index], a tmpfs at @target, become read-only only after the last mount?
 * It must where a later entry goes below it, since that place is made in it. @mount loses the attribute then.
 */
int cf_mount_build_seal(struct cf_mount_build *b, uint32_t index, const char *target, struct cf_blob_mount *mount,
                        struct cf_err *err);

/** A new file system of mounts[@index].type at @target. */
int cf_mount_build_fs(struct cf_mount_build *b, uint32_t index, const char *target, const struct cf_mount_opts *opts,
                      const struct cf_mount_idmap *idmap, struct cf_err *err);
/**
 * cf_mount_build_shown() - sysfs, mqueue or proc of a namespace that the container's user namespace does not own
 * @mount: the record as init would mount it; changed. Return: 0: init can, 1: added to the plan, negative errno with err.
 */
int cf_mount_build_shown(struct cf_mount_build *b, uint32_t index, const char *target,
                         const struct cf_mount_opts *opts, struct cf_blob_mount *mount, struct cf_err *err);
/** Parameters for fsconfig(2): superblock options, label, data. @remount: also what options take back. */
int cf_mount_fs_params(struct cf_mount_build *b, const char *type, const struct cf_mount_opts *opts, bool remount,
                       struct cf_ref *ret, struct cf_err *err);

/**
 * cf_mount_volume_attrs() - rule U5, for what was not made for this container
 * In a user namespace: no set-user-ID programs and no device nodes from it, unless the options `suid` and `dev`
 * ask for them. A single device node as source stays usable, so nodev waits for the type.
 */
void cf_mount_volume_attrs(const struct cf_mount_build *b, const struct cf_mount_opts *opts, struct cf_source *source);

/** CF_MOUNT_* that follow from the place: API_FS, IS_DEV. */
uint32_t cf_mount_target_flags(const char *target);
/** CF_MOUNT_* that follow from the options. */
uint32_t cf_mount_option_flags(const struct cf_mount_opts *opts);
/** Error about mounts[@index].@member; @value NULL: not quoted. Return: -EINVAL. */
int cf_mount_config_error(uint32_t index, const char *member, const char *code, const char *text, const char *value,
                          struct cf_err *err);

/** MOUNT_ATTR_* of a new file system: recursive ones and the others are the same there. */
static inline uint64_t cf_mount_opts_attrs(const struct cf_mount_opts *opts)
{
    uint64_t set = (opts->rec_set & ~opts->attr_clr) | opts->attr_set;

    return set;
}

/** Fills b->propagation from linux.rootfsPropagation, and the header's. */
int cf_root_plan_propagation(struct cf_mount_build *b, struct cf_err *err);
/** Root of the container, propagation, masked and read-only paths; the list of mounts is not touched. */
int cf_root_plan_build(struct cf_mount_build *b, struct cf_err *err);
