/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Mounts of type `cgroup`. Pure, host side.
 *
 * v2: a new cgroup namespace gets a fresh cgroup2 mount, which shows its own root. Without one, a
 * clone of the container's own cgroup directory: a fresh mount made from the initial cgroup
 * namespace would show the whole host and costs several milliseconds. That clone is read-only: its
 * limits are files of the same directory (rule R28). A writable fresh mount at the usual place is what
 * asks for the cgroup to be handed to the container's root.
 * v1 and hybrid: a tmpfs with one directory per hierarchy, each a clone of the container's own
 * cgroup in it, and a link per controller of a combined hierarchy.
 * A caller that may not clone gets the host's tree read-only.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "mount/mount-build.h"
#include "sys/task.h"

#define CGROUP_DIR "/sys/fs/cgroup"

static int cgroup_error(uint32_t index, const char *text, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "mount-cgroup", -ENODEV, "mounts[%u].type: %s", index, text);
    cf_err_field(err, "mounts[%u].type", index);
    return -ENODEV;
}

static uint64_t attrs_of(const struct cf_mount_opts *opts)
{
    uint64_t attrs = cf_mount_opts_attrs(opts);

    if (!(opts->mentioned & MOUNT_ATTR_NOSYMFOLLOW))
        attrs |= MOUNT_ATTR_NOSYMFOLLOW;
    return attrs;
}

/* Never writable: the runtime's own choice, so it is said. */
static void force_read_only(struct cf_mount_build *b, uint32_t index, struct cf_mount_opts *opts)
{
    if (!(cf_mount_opts_attrs(opts) & MOUNT_ATTR_RDONLY))
        cf_plan_warn(b->in, b->plan,
                     "mounts[%u]: the cgroup is mounted read-only: a writable one needs a cgroup namespace", index);
    opts->attr_set |= MOUNT_ATTR_RDONLY;
    opts->attr_clr &= ~(uint64_t) MOUNT_ATTR_RDONLY;
}

/* The host's own tree, never writable. */
static int plan_host_tree(struct cf_mount_build *b, uint32_t index, const char *target,
                          const struct cf_mount_opts *opts, struct cf_err *err)
{
    struct cf_blob_mount mount = {
        .kind = CF_MOUNT_BIND, .fd = CF_NO_FD, .config_index = index,
        .flags = CF_MOUNT_RECURSIVE | (strcmp(target, CGROUP_DIR) == 0 ? CF_MOUNT_API_FS : 0),
        .rec_attr_set = (cf_mount_opts_attrs(opts) & ~(uint64_t) MOUNT_ATTR__ATIME) | MOUNT_ATTR_RDONLY,
    };
    const uint32_t *propagation;
    size_t n;
    int r;

    r = cf_mount_build_propagation(b, opts, &propagation, &n, err);
    if (r < 0)
        return r;
    mount.target = cf_blob_add_str(b->plan->blob, target);
    mount.source = cf_blob_add_str(b->plan->blob, CGROUP_DIR);
    mount.propagation = cf_blob_add_array(b->plan->blob, propagation, n, sizeof(*propagation));
    return cf_mount_build_add(b, &mount, err);
}

/* A clone of the container's cgroup in the hierarchy at @host_dir; @controller NULL: the cgroup2 one. */
static int plan_own(struct cf_mount_build *b, uint32_t index, const char *target, const char *controller,
                    const char *host_dir, const struct cf_mount_opts *opts, struct cf_err *err)
{
    struct cf_blob_mount mount = {.fd = CF_NO_FD, .config_index = index,
                                  .flags = strcmp(target, CGROUP_DIR) == 0 ? CF_MOUNT_API_FS : 0};
    struct cf_source source = {
        .kind = CF_SOURCE_CGROUP, .path = controller, .fallback = host_dir, .attr_set = attrs_of(opts),
        .attr_clr = opts->attr_clr,
    };
    int r;

    r = cf_mount_build_propagation(b, opts, &source.propagation, &source.n_propagation, err);
    if (r < 0)
        return r;
    source.field = cf_arena_printf(b->in->arena, "mounts[%u].type", index);
    if (!source.field)
        return cf_err_oom(err);
    mount.target = cf_blob_add_str(b->plan->blob, target);
    mount.source = cf_blob_add_str(b->plan->blob, "cgroup");
    r = cf_mount_build_source(b, &mount, &source, err);
    if (r < 0)
        return r;
    return cf_mount_build_add(b, &mount, err);
}

static int plan_v2(struct cf_mount_build *b, uint32_t index, const char *target, const struct cf_mount_opts *opts,
                   struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    struct cf_blob_mount mount = {.kind = CF_MOUNT_FS, .fd = CF_NO_FD, .config_index = index,
                                  .flags = strcmp(target, CGROUP_DIR) == 0 ? CF_MOUNT_API_FS : 0};
    struct cf_mount_opts own = *opts;
    struct cf_blob_fsparam *params;

    if (!(b->plan->ns.new_flags & CLONE_NEWCGROUP)) {
        if (opts->n_params)
            cf_plan_warn(b->in, b->plan, "mounts[%u]: `%s` has no effect without a cgroup namespace", index,
                         opts->params[0].key);
        force_read_only(b, index, &own);
        return b->host_opens ? plan_own(b, index, target, NULL, CGROUP_DIR, &own, err)
                             : plan_host_tree(b, index, target, &own, err);
    }
    if (!(cf_mount_opts_attrs(opts) & MOUNT_ATTR_RDONLY) && strcmp(target, CGROUP_DIR) == 0)
        cf_cgroup_delegate_mount(b->plan);
    params = cf_arena_calloc(b->in->arena, opts->n_params, sizeof(*params));
    if (!params)
        return cf_err_oom(err);
    for (size_t i = 0; i < opts->n_params; i++) {
        params[i].key = cf_blob_add_str(b->plan->blob, opts->params[i].key);
        params[i].value = cf_blob_add_str(b->plan->blob, opts->params[i].value);
    }
    mount.target = cf_blob_add_str(b->plan->blob, target);
    mount.source = cf_blob_add_str(b->plan->blob, cf_str_empty(m->source) ? "cgroup" : m->source);
    mount.fstype = cf_blob_add_str(b->plan->blob, "cgroup2");
    mount.attr_set = attrs_of(opts);
    mount.params = cf_blob_add_array(b->plan->blob, params, opts->n_params, sizeof(*params));
    mount.propagation =
        cf_blob_add_array(b->plan->blob, opts->propagation, opts->n_propagation, sizeof(*opts->propagation));
    return cf_mount_build_add(b, &mount, err);
}

static int plan_v1_tmpfs(struct cf_mount_build *b, uint32_t index, const char *target,
                         const struct cf_mount_opts *opts, struct cf_err *err)
{
    struct cf_blob_fsparam mode;
    struct cf_blob_mount mount = {
        .kind = CF_MOUNT_FS, .fd = CF_NO_FD, .config_index = index,
        .flags = strcmp(target, CGROUP_DIR) == 0 ? CF_MOUNT_API_FS : 0,
        .attr_set = (cf_mount_opts_attrs(opts) & ~(uint64_t) MOUNT_ATTR_RDONLY) | MOUNT_ATTR_NOSUID |
                    MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    };

    mode.key = cf_blob_add_str(b->plan->blob, "mode");
    mode.value = cf_blob_add_str(b->plan->blob, "755");
    mount.target = cf_blob_add_str(b->plan->blob, target);
    mount.source = cf_blob_add_str(b->plan->blob, "tmpfs");
    mount.fstype = cf_blob_add_str(b->plan->blob, "tmpfs");
    mount.params = cf_blob_add_array(b->plan->blob, &mode, 1, sizeof(mode));
    mount.propagation =
        cf_blob_add_array(b->plan->blob, opts->propagation, opts->n_propagation, sizeof(*opts->propagation));
    return cf_mount_build_add(b, &mount, err);
}

/* "cpu" -> "cpu,cpuacct" and "cpuacct" -> "cpu,cpuacct", when the directory has another name. */
static int plan_v1_links(struct cf_mount_build *b, uint32_t index, const char *target,
                         const struct cf_facts_hierarchy *h, struct cf_err *err)
{
    const char *c = h->controllers;
    int r;

    while (*c) {
        size_t n = strcspn(c, ",");
        char *name = cf_arena_strndup(b->in->arena, c, n);
        struct cf_blob_mount link = {.kind = CF_MOUNT_BIND, .fd = CF_NO_FD, .config_index = index,
                                     .flags = CF_MOUNT_COPY_SYMLINK};

        c += n + (c[n] == ',');
        if (!name)
            return cf_err_oom(err);
        if (cf_str_starts_with(name, "name=") || strcmp(name, h->dir) == 0)
            continue;
        link.target = cf_blob_printf(b->plan->blob, "%s/%s", target, name);
        link.source = cf_blob_add_str(b->plan->blob, h->dir);
        r = cf_mount_build_add(b, &link, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int plan_v1(struct cf_mount_build *b, uint32_t index, const char *target, const struct cf_mount_opts *opts,
                   struct cf_err *err)
{
    const struct cf_facts *facts = b->in->facts;
    struct cf_mount_opts each = *opts;
    int r;

    if (!b->host_opens)
        return plan_host_tree(b, index, target, opts, err);
    r = plan_v1_tmpfs(b, index, target, opts, err);
    /* A v1 controller is never writable inside (rule R28). */
    each.attr_set |= MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    each.attr_clr &= ~(uint64_t) (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    for (uint32_t i = 0; i < facts->n_hierarchies && r >= 0; i++) {
        const struct cf_facts_hierarchy *h = &facts->hierarchies[i];
        const char *dir = cf_arena_printf(b->in->arena, "%s/%s", target, h->dir), *controller = NULL;
        const char *host_dir = cf_arena_printf(b->in->arena, CGROUP_DIR "/%s", h->dir);

        if (h->controllers[0])
            controller = cf_arena_strndup(b->in->arena, h->controllers, strcspn(h->controllers, ","));
        if (!dir || !host_dir || (h->controllers[0] && !controller))
            return cf_err_oom(err);
        r = plan_own(b, index, dir, controller, host_dir, &each, err);
    }
    for (uint32_t i = 0; i < facts->n_hierarchies && r >= 0; i++)
        r = plan_v1_links(b, index, target, &facts->hierarchies[i], err);
    if (r >= 0 && (cf_mount_opts_attrs(opts) & MOUNT_ATTR_RDONLY)) {
        struct cf_blob_mount remount = {.kind = CF_MOUNT_REMOUNT, .fd = CF_NO_FD, .config_index = index,
                                        .attr_set = MOUNT_ATTR_RDONLY};

        remount.target = cf_blob_add_str(b->plan->blob, target);
        r = cf_mount_build_add(b, &remount, err);
    }
    return r < 0 ? r : 0;
}

int cf_mount_build_cgroup(struct cf_mount_build *b, uint32_t index, const char *target,
                          const struct cf_mount_opts *opts, struct cf_err *err)
{
    switch (b->in->facts->cgroup_mode) {
    case CF_CGROUP_MODE_V2:
        return plan_v2(b, index, target, opts, err);
    case CF_CGROUP_MODE_V1:
        return plan_v1(b, index, target, opts, err);
    default:
        return cgroup_error(index, "`cgroup` needs a cgroup file system at " CGROUP_DIR " of the host", err);
    }
}
