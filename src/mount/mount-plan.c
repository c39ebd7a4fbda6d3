/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The `mounts` of config.json: where, what, with which attributes, and who opens the source. Pure,
 * host side.
 *
 * With CAP_SYS_ADMIN every bind source is cloned by the host before the first process exists (rule
 * R12), attributes and propagation included, and init only attaches it (CF_MOUNT_TREE; its record
 * carries no attributes). Without, init opens the sources itself (CF_MOUNT_BIND).
 *
 * A record with CF_MOUNT_COPY_SYMLINK makes a symlink with the text `source` at the target, whatever
 * its kind. The option copy-symlink only asks for it: whether the source is a symlink is seen when
 * the host opens it.
 */

#include "mount/mount.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "base/str.h"
#include "mount/dev-plan.h"
#include "mount/mount-build.h"
#include "path/path.h"
#include "sys/task.h"

#define MAX_MOUNTS 4096

int cf_mount_build_add(struct cf_mount_build *b, const struct cf_blob_mount *mount, struct cf_err *err)
{
    struct cf_plan *plan = b->plan;

    if (plan->n_mounts == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : b->in->spec->config->n_mounts + 4;
        struct cf_blob_mount *bigger = cf_arena_calloc(b->in->arena, cap, sizeof(*bigger));

        if (!bigger)
            return cf_err_oom(err);
        if (plan->n_mounts)
            memcpy(bigger, plan->mounts, plan->n_mounts * sizeof(*bigger));
        plan->mounts = bigger;
        b->cap = cap;
    }
    plan->mounts[plan->n_mounts] = *mount;
    return (int) plan->n_mounts++;
}

int cf_mount_build_source(struct cf_mount_build *b, struct cf_blob_mount *mount, struct cf_source *source,
                          struct cf_err *err)
{
    int fd;

    source->blob_mount = (int32_t) b->plan->n_mounts;
    fd = cf_plan_add_source(b->in, b->plan, source, err);
    if (fd < 0)
        return fd;
    mount->kind = CF_MOUNT_TREE;
    mount->fd = fd;
    return 0;
}

int cf_mount_build_propagation(struct cf_mount_build *b, const struct cf_mount_opts *opts, const uint32_t **ret,
                               size_t *ret_n, struct cf_err *err)
{
    size_t n = opts ? opts->n_propagation : 0, used = 0;
    uint32_t *list = cf_arena_calloc(b->in->arena, n + 1, sizeof(*list));

    if (!list)
        return cf_err_oom(err);
    if (b->propagation)
        list[used++] = b->propagation;
    if (n)
        memcpy(list + used, opts->propagation, n * sizeof(*list));
    *ret = list;
    *ret_n = used + n;
    return 0;
}

int cf_mount_config_error(uint32_t index, const char *member, const char *code, const char *text, const char *value,
                       struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, code, -EINVAL, value ? "`%s` %s" : "%s%s", value ? value : "", text);
    cf_err_field(err, "mounts[%u].%s", index, member);
    return -EINVAL;
}

/* On or inside procfs only what is known to be harmless may be covered. */
static bool proc_target_ok(const char *target)
{
    static const char *const allowed[] = {
        "/proc/cpuinfo", "/proc/diskstats", "/proc/meminfo", "/proc/stat", "/proc/swaps", "/proc/uptime",
        "/proc/loadavg", "/proc/slabinfo", "/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled",
    };

    return cf_str_index(allowed, sizeof(allowed) / sizeof(allowed[0]), target) >= 0;
}

static int check_target(struct cf_mount_build *b, uint32_t index, const char *target, bool is_proc, struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];

    if (strcmp(target, "/") == 0)
        return cf_mount_config_error(index, "destination", "mount-root", "is the root of the container", m->destination, err);
    if (!cf_path_is_below(target, "/proc") || (is_proc && strcmp(target, "/proc") == 0) || proc_target_ok(target))
        return 0;
    return cf_mount_config_error(index, "destination", "mount-proc",
                       "cannot be mounted because it is on or inside /proc", m->destination, err);
}

uint32_t cf_mount_target_flags(const char *target)
{
    static const char *const api[] = {"/proc", "/sys", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys/fs/cgroup"};
    uint32_t flags = 0;

    if (cf_str_index(api, sizeof(api) / sizeof(api[0]), target) >= 0)
        flags |= CF_MOUNT_API_FS;
    if (strcmp(target, "/dev") == 0)
        flags |= CF_MOUNT_IS_DEV;
    return flags;
}

uint32_t cf_mount_option_flags(const struct cf_mount_opts *opts)
{
    uint32_t flags = 0;

    if (opts->what & CF_MOUNT_OPT_SRC_NOFOLLOW)
        flags |= CF_MOUNT_SRC_NOFOLLOW;
    if (opts->what & CF_MOUNT_OPT_DEST_NOFOLLOW)
        flags |= CF_MOUNT_DEST_NOFOLLOW;
    return flags;
}

static int bind_source_path(struct cf_mount_build *b, uint32_t index, const char **ret, struct cf_err *err)
{
    const char *source = b->in->spec->config->mounts[index].source;

    if (cf_str_empty(source))
        return cf_mount_config_error(index, "source", "mount-source-missing", "a bind mount needs a source", NULL, err);
    if (source[0] == '/')
        *ret = source;
    else
        *ret = cf_arena_printf(b->in->arena, "%s/%s", b->in->spec->bundle, source);
    return *ret ? 0 : cf_err_oom(err);
}

/* procfs bound on /proc serves attributes and sysctls only if init's pid namespace is the one it shows. */
static bool binds_proc(struct cf_mount_build *b, const char *source)
{
    struct cf_err ignored = CF_ERR_INIT;
    const char *clean;

    return cf_mount_clean_path(b->in, source, "", &clean, &ignored) == 0 && strcmp(clean, "/proc") == 0;
}

void cf_mount_volume_attrs(const struct cf_mount_build *b, const struct cf_mount_opts *opts, struct cf_source *source)
{
    if (!b->userns)
        return;
    if (!(opts->mentioned & MOUNT_ATTR_NOSUID))
        source->rec_attr_set |= MOUNT_ATTR_NOSUID;
    if (!(opts->mentioned & MOUNT_ATTR_NODEV) && b->host_opens)
        source->dir_attr_set = MOUNT_ATTR_NODEV;
}

static int plan_bind(struct cf_mount_build *b, uint32_t index, const char *target, struct cf_mount_opts *opts,
                     const struct cf_mount_idmap *idmap, struct cf_err *err)
{
    struct cf_blob_mount mount = {.kind = CF_MOUNT_BIND, .fd = CF_NO_FD, .config_index = index};
    struct cf_source source = {.kind = CF_SOURCE_BIND, .blob_mount = -1};
    struct cf_blob_builder *blob = b->plan->blob;
    bool proc;
    int r;

    if (opts->n_params) {
        uint32_t option = opts->params[0].option_index;

        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "mount-bind-data", -EINVAL,
                          "bind mounts cannot have any filesystem-specific options applied");
        cf_err_field(err, "mounts[%u].options[%u]", index, option);
        return -EINVAL;
    }
    r = bind_source_path(b, index, &source.path, err);
    if (r < 0)
        return r;
    proc = binds_proc(b, source.path);
    r = check_target(b, index, target, proc, err);
    if (r < 0)
        return r;

    source.recursive = opts->what & CF_MOUNT_OPT_RBIND;
    source.nofollow = opts->what & CF_MOUNT_OPT_SRC_NOFOLLOW;
    source.copy_symlink = opts->what & CF_MOUNT_OPT_COPY_SYMLINK;
    source.attr_set = opts->attr_set;
    source.attr_clr = opts->attr_clr;
    source.rec_attr_set = opts->rec_set;
    source.rec_attr_clr = opts->rec_clr;
    cf_mount_volume_attrs(b, opts, &source);
    r = cf_mount_build_propagation(b, opts, &source.propagation, &source.n_propagation, err);
    if (r >= 0 && !idmap->index && b->in->options->map_root)
        r = cf_mount_build_idmap_try(b, index, target, cf_mount_opts_attrs(opts) & MOUNT_ATTR_RDONLY, &source, err);
    if (r >= 0)
        r = cf_mount_build_idmap_source(b, index, idmap, target, cf_mount_opts_attrs(opts) & MOUNT_ATTR_RDONLY,
                                        &source, err);
    if (r < 0)
        return r;
    source.field = cf_arena_printf(b->in->arena, "mounts[%u].source", index);
    if (!source.field)
        return cf_err_oom(err);

    mount.flags = cf_mount_target_flags(target) | cf_mount_option_flags(opts);
    if (source.recursive)
        mount.flags |= CF_MOUNT_RECURSIVE;
    if (proc && strcmp(target, "/proc") == 0 && !(b->plan->ns.listed & CLONE_NEWPID))
        mount.flags |= CF_MOUNT_IS_PROC;
    mount.target = cf_blob_add_str(blob, target);
    mount.source = cf_blob_add_str(blob, source.path);
    if (b->host_opens) {
        r = cf_mount_build_source(b, &mount, &source, err);
        if (r < 0)
            return r;
        return cf_mount_build_add(b, &mount, err);
    }
    mount.attr_set = source.attr_set;
    mount.attr_clr = source.attr_clr;
    mount.rec_attr_set = source.rec_attr_set;
    mount.rec_attr_clr = source.rec_attr_clr;
    mount.propagation = cf_blob_add_array(blob, source.propagation, source.n_propagation, sizeof(uint32_t));
    if (source.copy_symlink) {
        /* Only to see whether it is a symlink; init opens it. */
        source.probe = true;
        source.blob_mount = (int32_t) b->plan->n_mounts;
        r = cf_plan_add_source(b->in, b->plan, &source, err);
        if (r < 0)
            return r;
    }
    return cf_mount_build_add(b, &mount, err);
}

/* With `bind` only the mount changes, without it also the file system. */
static int plan_remount(struct cf_mount_build *b, uint32_t index, const char *target, const struct cf_mount_opts *opts,
                        struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    struct cf_blob_mount mount = {
        .kind = CF_MOUNT_REMOUNT, .fd = CF_NO_FD, .config_index = index,
        .flags = cf_mount_target_flags(target) & CF_MOUNT_API_FS,
        .attr_set = opts->attr_set, .attr_clr = opts->attr_clr,
        .rec_attr_set = opts->rec_set, .rec_attr_clr = opts->rec_clr,
    };
    int r;

    if (!(opts->what & CF_MOUNT_OPT_BIND)) {
        /* The flag `ro` of the file system would reach every other mount of it: the mount's is enough. */
        r = cf_mount_fs_params(b, "tmpfs", opts, true, &mount.params, err);
        if (r < 0)
            return r;
    }
    mount.flags |= cf_mount_option_flags(opts);
    mount.target = cf_blob_add_str(b->plan->blob, target);
    mount.source = cf_blob_add_str(b->plan->blob, m->source);
    mount.propagation = cf_blob_add_array(b->plan->blob, opts->propagation, opts->n_propagation, sizeof(uint32_t));
    return cf_mount_build_add(b, &mount, err);
}

int cf_mount_build_seal(struct cf_mount_build *b, uint32_t index, const char *target, struct cf_blob_mount *mount,
                        struct cf_err *err)
{
    const struct ocispec_config *config = b->in->spec->config;
    struct cf_err ignored = CF_ERR_INIT;
    struct cf_blob_mount *seal;
    bool filled = false;
    const char *clean;

    for (size_t i = index + 1; i < config->n_mounts && !filled; i++)
        filled = cf_mount_clean_path(b->in, config->mounts[i].destination, "", &clean, &ignored) == 0 &&
                 cf_path_is_below(clean, target) && strcmp(clean, target) != 0;
    if (!filled)
        return 0;
    if (!b->seals)
        b->seals = cf_arena_calloc(b->in->arena, config->n_mounts, sizeof(struct cf_blob_mount *));
    seal = b->seals ? cf_arena_calloc(b->in->arena, 1, sizeof(*seal)) : NULL;
    if (!seal)
        return cf_err_oom(err);
    *seal = (struct cf_blob_mount) {
        .kind = CF_MOUNT_REMOUNT, .fd = CF_NO_FD, .config_index = index, .flags = mount->flags & CF_MOUNT_API_FS,
        .attr_set = MOUNT_ATTR_RDONLY, .target = cf_blob_add_str(b->plan->blob, target),
    };
    b->seals[b->n_seals++] = seal;
    mount->attr_set &= ~(uint64_t) MOUNT_ATTR_RDONLY;
    return 0;
}

static int plan_one(struct cf_mount_build *b, uint32_t index, struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    const char *field = cf_arena_printf(b->in->arena, "mounts[%u].destination", index), *target;
    struct cf_mount_idmap idmap;
    struct cf_mount_opts opts;
    int r;

    if (!field)
        return cf_err_oom(err);
    r = cf_mount_clean_path(b->in, m->destination, field, &target, err);
    if (r >= 0)
        r = cf_mount_opts_parse(b->in, index, &opts, err);
    if (r >= 0)
        r = cf_mount_build_idmap(b, index, &opts, &idmap, err);
    if (r < 0)
        return r;
    if (m->destination[0] != '/')
        cf_plan_warn(b->in, b->plan, "mounts[%u].destination `%s` is relative: taken as `%s`", index, m->destination,
                     target);
    if ((opts.what & CF_MOUNT_OPT_BIND) && !(opts.what & CF_MOUNT_OPT_REMOUNT))
        return plan_bind(b, index, target, &opts, &idmap, err);
    r = check_target(b, index, target, (opts.what & CF_MOUNT_OPT_REMOUNT) || cf_str_eq(m->type, "proc"), err);
    if (r < 0)
        return r;
    if (opts.what & CF_MOUNT_OPT_REMOUNT)
        return plan_remount(b, index, target, &opts, err);
    if (cf_str_eq(m->type, "cgroup") ||
        (cf_str_eq(m->type, "cgroup2") && b->in->facts->cgroup_mode == CF_CGROUP_MODE_V2))
        return idmap.index ? cf_mount_build_idmap_refuse(index, target, m->type, err)
                           : cf_mount_build_cgroup(b, index, target, &opts, err);
    return cf_mount_build_fs(b, index, target, &opts, &idmap, err);
}

/* The configuration has no mount at /dev: it gets a tmpfs, of the host's making where init could not fill it. */
static int plan_own_dev(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    struct cf_source_param *list;
    int fd;

    cf_plan_set_flag(plan, CF_BLOB_OWN_DEV);
    if (!cf_dev_plan_host_makes(in, plan))
        return 0;
    list = cf_arena_calloc(in->arena, 3 + CF_DEV_PLAN_OWN_PARAMS, sizeof(*list));
    if (!list)
        return cf_err_oom(err);
    list[0] = (struct cf_source_param) {"source", "tmpfs"};
    list[1] = (struct cf_source_param) {"mode", "755"};
    list[2] = (struct cf_source_param) {"size", "65536k"};
    fd = cf_dev_plan_tmpfs(in, plan, list, 3, MOUNT_ATTR_NOSUID, NULL, err);
    if (fd < 0)
        return fd;
    cf_blob_header(plan->blob)->dev_fd = fd;
    return 0;
}

/* What can be mounted in a container that runs: what does not ask for more than a place. */
static int check_added(struct cf_mount_build *b, uint32_t index, struct cf_err *err)
{
    static const char *const tied[] = {"proc",   "sysfs",       "cgroup",     "cgroup2", "mqueue",
                                       "devpts", "binfmt_misc", "rpc_pipefs", "nfsd"};
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    struct cf_mount_opts opts;
    int r = cf_mount_opts_parse(b->in, index, &opts, err);

    if (r < 0)
        return r;
    if (opts.what & (CF_MOUNT_OPT_REMOUNT | CF_MOUNT_OPT_COPY_SYMLINK | CF_MOUNT_OPT_COPYUP))
        return cf_mount_config_error(index, "options", "mount-add-option",
                                     "remount, copy-symlink and tmpcopyup work when a container is created only", NULL,
                                     err);
    if (!(opts.what & CF_MOUNT_OPT_BIND) && cf_str_index(tied, sizeof(tied) / sizeof(tied[0]), m->type) >= 0)
        return cf_mount_config_error(index, "type", "mount-add-type",
                                     "shows a namespace, and is mounted when the container is created", m->type, err);
    return 0;
}

int cf_mount_plan_target(const struct cf_plan_input *in, uint32_t index, const char **ret, struct cf_err *err)
{
    const char *field = cf_arena_printf(in->arena, "mounts[%u].destination", index);

    return field ? cf_mount_clean_path(in, in->spec->config->mounts[index].destination, field, ret, err)
                 : cf_err_oom(err);
}

int cf_mount_plan_added(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_config *config = in->spec->config;
    struct cf_mount_build b = {
        .in = in,
        .plan = plan,
        .host_opens = in->facts->cap_effective & (UINT64_C(1) << CAP_SYS_ADMIN),
        .userns = plan->userns.mode != CF_USERNS_NONE,
    };
    struct cf_ref mounts;
    int r = cf_root_plan_propagation(&b, err);

    if (r >= 0 && config->n_mounts > CF_ATTACH_MAX)
        r = cf_err_config(err, "mounts-too-many", "mounts", "more than %d mounts", CF_ATTACH_MAX);
    for (size_t i = 0; r >= 0 && i < config->n_mounts; i++) {
        r = check_added(&b, (uint32_t) i, err);
        if (r >= 0)
            r = plan_one(&b, (uint32_t) i, err);
    }
    if (r < 0)
        return r;
    mounts = cf_blob_add_array(plan->blob, plan->mounts, plan->n_mounts, sizeof(*plan->mounts));
    cf_blob_header(plan->blob)->mounts = mounts;
    return 0;
}

/* The container's end of readiness. Last, so that it is there whatever is mounted at /run. */
static int plan_notify(struct cf_mount_build *b, struct cf_err *err)
{
    struct cf_blob_mount mount = {.kind = CF_MOUNT_BIND, .fd = CF_NO_FD, .config_index = UINT32_MAX};
    struct cf_source source = {
        .kind = CF_SOURCE_BIND, .path = b->in->options->notify_dir, .blob_mount = -1,
        .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    };
    int r;

    r = cf_mount_build_propagation(b, NULL, &source.propagation, &source.n_propagation, err);
    if (r < 0)
        return r;
    mount.target = cf_blob_add_str(b->plan->blob, CF_NOTIFY_TARGET);
    mount.source = cf_blob_add_str(b->plan->blob, source.path);
    if (b->host_opens) {
        r = cf_mount_build_source(b, &mount, &source, err);
        return r < 0 ? r : cf_mount_build_add(b, &mount, err);
    }
    mount.attr_set = source.attr_set;
    mount.propagation = cf_blob_add_array(b->plan->blob, source.propagation, source.n_propagation, sizeof(uint32_t));
    return cf_mount_build_add(b, &mount, err);
}

int cf_mount_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_config *config = in->spec->config;
    const struct ocispec_linux *l = cf_plan_linux(in);
    struct cf_mount_build b = {
        .in = in,
        .plan = plan,
        .host_opens = in->facts->cap_effective & (UINT64_C(1) << CAP_SYS_ADMIN),
        .userns = plan->userns.mode != CF_USERNS_NONE,
    };
    struct cf_ref mounts;
    int r;

    plan->refuse_exposed = in->options->refuse_exposed;
    r = cf_root_plan_build(&b, err);
    if (r < 0)
        return r;
    if (config->n_mounts && !cf_plan_has_flag(plan, CF_BLOB_MOUNTNS))
        return cf_err_config(err, "needs-mount", "mounts", "unable to mount without a private MNT namespace");
    if (config->n_mounts > MAX_MOUNTS)
        return cf_err_config(err, "mounts-too-many", "mounts", "more than %d mounts", MAX_MOUNTS);
    if (l && !cf_str_empty(l->mount_label) && !in->facts->selinux)
        cf_plan_warn(in, plan, "linux.mountLabel is ignored: SELinux is disabled or not supported");
    for (size_t i = 0; i < config->n_mounts; i++) {
        r = plan_one(&b, (uint32_t) i, err);
        if (r < 0)
            return r;
    }
    if (in->options->notify_dir) {
        r = plan_notify(&b, err);
        if (r < 0)
            return r;
    }
    for (size_t i = b.n_seals; i > 0; i--) {
        r = cf_mount_build_add(&b, b.seals[i - 1], err);
        if (r < 0)
            return r;
    }
    if (cf_plan_has_flag(plan, CF_BLOB_MOUNTNS) && cf_mount_find(in, "/dev") < 0) {
        r = plan_own_dev(in, plan, err);
        if (r < 0)
            return r;
    }
    mounts = cf_blob_add_array(plan->blob, plan->mounts, plan->n_mounts, sizeof(*plan->mounts));
    cf_blob_header(plan->blob)->mounts = mounts;
    return 0;
}
