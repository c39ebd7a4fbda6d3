/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The plan of one operation, and what every planner gets.
 *
 * A planner is a pure function `int cf_<module>_plan_build(const struct cf_plan_input *in,
 * struct cf_plan *plan, struct cf_err *err)`: it reads the parsed bundle and the facts, writes the
 * container side's part into plan->blob (wire/blob-build.h) and the host's part into plan. It never
 * looks at the file system, the environment or the clock. All memory comes from in->arena.
 */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/cgroup.h"
#include "cgroup/rdt.h"
#include "facts/facts.h"
#include "ns/ns.h"
#include "spec/spec.h"
#include "userns/idmap.h"
#include "userns/userns.h"
#include "wire/blob-build.h"
#include "wire/blob.h"

/* Where the directory of the notify socket is in the container. */
#define CF_NOTIFY_TARGET "/run/notify"

/* What the caller of create/run asked for, besides config.json. */
struct cf_plan_options {
    bool detach;        /* returns before the process ends */
    bool run;           /* create and start in one go: no gate */
    bool no_pivot;
    bool no_new_keyring;
    bool have_console_socket;
    uint32_t preserve_fds; /* LISTEN_FDS included */
    uint32_t listen_fds;
    const char *listen_fdnames; /* NULL: none */
    const char *notify_dir;     /* host path of the directory with the notify socket; NULL: nobody waits for readiness */
    const char *bus_address;    /* of the message bus on which systemd is, as the environment has it; NULL: default */
    const char *runtime_dir;    /* XDG_RUNTIME_DIR; NULL: not set */
    const char *state_dir; /* of the container, with map_root: says who made what lies beside its root */
    bool refuse_exposed;   /* volumes of which there would be a warning (rule U4) */
    bool map_root;         /* the files of the rootfs appear with the container's ids: it was made for none */
};

struct cf_plan_input {
    struct cf_arena *arena;
    const struct cf_spec *spec;
    const struct cf_facts *facts;
    const struct cf_plan_options *options;
    const char *id;
};

/* What the host opens before the first process exists; plan->sources[i] becomes blob fd i. */
enum cf_source_kind {
    CF_SOURCE_ROOT = 1, /* the rootfs: recursive clone; without a mount namespace the directory itself */
    CF_SOURCE_BIND,     /* open_tree(path, CLONE), attributes and propagation applied at once */
    CF_SOURCE_DEVICE,   /* clone of a device node: made here (one of `nodes`), or the host's, checked */
    CF_SOURCE_CGROUP,   /* clone of the container's own cgroup directory (path: v1 controller or NULL) */
    CF_SOURCE_GATE,     /* the listening start.sock */
    CF_SOURCE_PIDNS,    /* the joined pid namespace */
    CF_SOURCE_FS,       /* a new file system that init could not make: it is id-mapped, or shows what is not its own */
    CF_SOURCE_DEV,      /* a new tmpfs for /dev, owned by the container's root, with `nodes` in it */
    CF_SOURCE_PROC,     /* the procfs of the runtime: for a process that the container's does not show */
    CF_SOURCE_MOUNTNS,  /* the mount namespace of a container that runs */
    CF_SOURCE_OUTPUT,   /* the file that the output of hooks is appended to */
    CF_SOURCE_KIND_COUNT
};

/* One parameter for fsconfig(2); value NULL: a flag. */
struct cf_source_param {
    const char *key;
    const char *value;
};

/* A device node that the host makes for a container with a user namespace: ids of the host, exact mode. */
struct cf_source_node {
    const char *name; /* below the root of the tmpfs; parents are made */
    uint32_t mode, major, minor;
    uint32_t uid, gid;
    uint32_t config_index; /* in linux.devices, UINT32_MAX: a default device */
};

/* A mapping of id-mapped mounts: from ids of the file system to ids as the runtime sees them. Equal ones are one. */
struct cf_plan_idmap {
    struct cf_idmap uids, gids;
    bool container;    /* that of the container's user namespace, which serves for it */
    const char *field; /* of the first mount that asks for it */
};

struct cf_warning {
    const char *text;
    struct cf_warning *next;
};

/* A bind mount that nobody asked to map, of a container whose ids were picked for it. */
struct cf_source_try {
    bool skip;                 /* a device */
    struct cf_warning warning; /* what could not be mapped, if anything */
    char text[512];
};

struct cf_source {
    uint32_t kind;
    const char *path; /* host path; relative ones were joined with the bundle */
    const char *fallback; /* CF_SOURCE_CGROUP: host path, cloned read-only without a cgroup of its own there */
    bool recursive;   /* clone the whole tree */
    bool nofollow;    /* no symlink anywhere in path */
    bool clone;       /* CF_SOURCE_ROOT: a detached tree, else an O_PATH directory */
    bool copy_symlink; /* CF_SOURCE_BIND: a symlink is not followed: the mount becomes a copy of the link */
    bool probe;       /* CF_SOURCE_BIND: only look at the type, init opens it (rootless) */
    uint64_t dir_attr_set; /* MOUNT_ATTR_* with AT_RECURSIVE, only if the source is a directory */
    uint64_t attr_set, attr_clr;         /* MOUNT_ATTR_* of the top mount */
    uint64_t rec_attr_set, rec_attr_clr; /* the same with AT_RECURSIVE */
    const uint32_t *propagation;         /* MS_SHARED.. [|MS_REC] in order */
    size_t n_propagation;
    uint32_t device_mode;                /* CF_SOURCE_DEVICE: S_IFCHR or S_IFBLK */
    uint32_t device_major, device_minor;
    const char *field;                   /* for errors: "mounts[3].source" */
    int32_t blob_mount;                  /* index in the blob's mounts whose TARGET_FILE flag depends on
                                            the type of the source, -1: none */
    uint32_t idmap;                      /* 1 + index in plan->idmaps, 0: none */
    bool idmap_recursive;                /* also for what is mounted below */
    struct cf_source_try *idmap_try;     /* with idmap: a mount that cannot be mapped stays as it is; NULL: an error */
    const char *target;                  /* with idmap: where it goes in the container, for messages */
    struct cf_warning *exposed;          /* with idmap: to be said if ordinary users of the host can reach
                                            the source (rule U4); NULL: it does not matter */
    const char *fstype;                  /* CF_SOURCE_FS: type; path is the source, NULL: none */
    int shows;                           /* CF_SOURCE_FS: CLONE_NEW*, made in the joined namespace of this type */
    const struct cf_source_param *params; /* CF_SOURCE_FS, CF_SOURCE_DEV */
    size_t n_params;
    struct cf_source_node *nodes;        /* CF_SOURCE_DEV; CF_SOURCE_DEVICE: one or none */
    size_t n_nodes;
    uint32_t root_uid, root_gid;         /* CF_SOURCE_DEV: host ids of the container's root */
};

/* A root on an overlay is made anew from id-mapped layers: what that leaves on the disk until the container goes. */
struct cf_plan_overlay {
    const char *owner; /* the container's state directory */
    char work[PATH_MAX]; /* work directory of the overlay that was found; "": nothing was made */
    char path[PATH_MAX]; /* ours in it */
};

/* A hook that the host runs. */
struct cf_host_hook {
    const char *path;
    char *const *argv; /* NULL-terminated */
    char *const *envp; /* NULL-terminated; NULL: inherit the caller's */
    uint32_t timeout_ms; /* 0: none */
    uint32_t index;
    const char *kind; /* "prestart" */
};

/* linux.netDevices: an interface of the runtime's network namespace and its name in the container. */
struct cf_netdev {
    const char *from, *to;
    const char *field; /* "linux.netDevices.eth0" */
};

struct cf_netdevs {
    const struct cf_netdev *items;
    size_t n;
};

struct cf_host_hooks {
    const struct cf_host_hook *items;
    size_t n;
    const char *outputs[2]; /* files that standard output, error are appended to; NULL: captured */
};

/* A sysctl that the host writes, in the joined namespace of this type. */
struct cf_host_sysctl {
    const char *key, *path, *value;
    int ns; /* CLONE_NEW* */
};

struct cf_plan {
    struct cf_blob_builder *blob;
    struct cf_source *sources; /* in the order of blob fds */
    size_t n_sources;
    size_t cap_sources;
    struct cf_blob_mount *mounts; /* what header.mounts holds: cf_mount_host_open() completes it */
    size_t n_mounts;
    struct cf_plan_idmap *idmaps; /* distinct mappings of id-mapped mounts */
    size_t n_idmaps;
    struct cf_plan_overlay *overlay; /* NULL: the root is not id-mapped by us */
    struct cf_ns_plan ns;
    struct cf_userns_plan userns;
    struct cf_cgroup_plan cgroup;
    struct cf_rdt_plan rdt;
    struct cf_host_hooks prestart, create_runtime, poststart, poststop;
    struct cf_host_sysctl *host_sysctls;
    size_t n_host_sysctls;
    struct cf_netdevs netdevs;
    bool has_child_hooks;     /* createContainer or startContainer */
    bool has_oom_score_adj;
    int32_t oom_score_adj;
    bool terminal;
    bool refuse_exposed;      /* as in the options */
    struct cf_warning *warnings, **warnings_tail;
};

/**
 * cf_plan_add_source() - append a source and reserve its blob fd
 * Return: fd index >= 0, or -ENOMEM with err filled.
 */
int cf_plan_add_source(const struct cf_plan_input *in, struct cf_plan *plan, const struct cf_source *source,
                       struct cf_err *err);

/**
 * cf_plan_add_idmap() - a mapping for id-mapped mounts, checked before
 * @field: "mounts[3].uidMappings", for errors when it is made
 * Return: the value for cf_source.idmap, the same for equal mappings; or -ENOMEM with err filled.
 */
int cf_plan_add_idmap(const struct cf_plan_input *in, struct cf_plan *plan, const struct cf_idmap *uids,
                      const struct cf_idmap *gids, const char *field, struct cf_err *err);

/**
 * cf_plan_output_open() - the file of a CF_SOURCE_OUTPUT, when the plan is applied
 * @field: the annotation that names it, for the error
 * Return: fd, or negative errno with err filled.
 */
int cf_plan_output_open(const char *path, const char *field, struct cf_err *err);

/** A warning for the log; planners do not log. Memory failure is ignored. */
void cf_plan_warn(const struct cf_plan_input *in, struct cf_plan *plan, const char *fmt, ...)
    CF_PRINTF(3, 4);
