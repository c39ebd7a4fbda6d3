/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * sysfs, mqueue and proc of a container with a user namespace. They show a network, ipc or pid namespace, and
 * only who rules over that one may mount them: init does when the namespace belongs to the container's user
 * namespace. Where it does not (the network of the host, or one that was made before), the host mounts
 * what init may not, sysfs read-only. Pure, host side.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "mount/mount-build.h"
#include "sys/task.h"

#define SYS_ATTRS (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

struct shown_fs {
    const char *type;
    int ns;
    const char *path; /* where it is on the host */
};

static const struct shown_fs shown[] = {
    {"sysfs", CLONE_NEWNET, "/sys"},
    {"mqueue", CLONE_NEWIPC, "/dev/mqueue"},
    {"proc", CLONE_NEWPID, "/proc"},
};

static int refuse(uint32_t index, const struct shown_fs *fs, bool joined, struct cf_err *err)
{
    const char *name = cf_ns_name_of(fs->ns);

    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "mount-userns", -EINVAL,
                      "`%s` cannot be mounted in a user namespace without a %s namespace of the container's own",
                      fs->type, name);
    cf_err_field(err, "mounts[%u].type", index);
    if (joined)
        cf_err_hint(err, "the %s namespace that is joined belongs to another user namespace: join that one too, or "
                         "bind mount %s of the host", name, fs->path);
    else
        cf_err_hint(err, "bind mount %s of the host instead, or add the namespace", fs->path);
    return -EINVAL;
}

/* The tree of the host as it is, with what is mounted in it. */
static int bind_host_sys(struct cf_mount_build *b, uint32_t index, const char *target,
                         const struct cf_mount_opts *opts, struct cf_blob_mount *mount, struct cf_err *err)
{
    struct cf_source source = {
        .kind = CF_SOURCE_BIND, .path = "/sys", .recursive = true,
        .rec_attr_set = (cf_mount_opts_attrs(opts) & ~(uint64_t) MOUNT_ATTR__ATIME) | SYS_ATTRS,
    };
    int r;

    r = cf_mount_build_propagation(b, opts, &source.propagation, &source.n_propagation, err);
    if (r < 0)
        return r;
    source.field = cf_arena_printf(b->in->arena, "mounts[%u]", index);
    if (!source.field)
        return cf_err_oom(err);
    mount->kind = CF_MOUNT_BIND;
    mount->flags |= CF_MOUNT_RECURSIVE;
    mount->source = cf_blob_add_str(b->plan->blob, source.path);
    mount->fstype = 0;
    mount->attr_set = 0;
    if (b->host_opens) {
        r = cf_mount_build_source(b, mount, &source, err);
        return r < 0 ? r : cf_mount_build_add(b, mount, err);
    }
    mount->rec_attr_set = source.rec_attr_set;
    mount->propagation =
        cf_blob_add_array(b->plan->blob, source.propagation, source.n_propagation, sizeof(uint32_t));
    return cf_mount_build_add(b, mount, err);
}

static int make_on_host(struct cf_mount_build *b, uint32_t index, const char *target, const struct shown_fs *fs,
                        const struct cf_mount_opts *opts, struct cf_blob_mount *mount, struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    struct cf_source source = {.kind = CF_SOURCE_FS, .path = m->source, .fstype = fs->type, .target = target,
                               .shows = fs->ns, .attr_set = mount->attr_set};
    struct cf_source_param *params = cf_arena_calloc(b->in->arena, opts->n_params + 1, sizeof(*params));
    int r;

    if (!params)
        return cf_err_oom(err);
    for (size_t i = 0; i < opts->n_params; i++)
        params[i] = (struct cf_source_param) {opts->params[i].key, opts->params[i].value};
    source.params = params;
    source.n_params = opts->n_params;
    if (fs->ns == CLONE_NEWNET)
        source.attr_set |= SYS_ATTRS;
    source.propagation = opts->propagation;
    source.n_propagation = opts->n_propagation;
    source.field = cf_arena_printf(b->in->arena, "mounts[%u]", index);
    if (!source.field)
        return cf_err_oom(err);
    mount->attr_set = 0;
    r = cf_mount_build_source(b, mount, &source, err);
    return r < 0 ? r : cf_mount_build_add(b, mount, err);
}

/* By path, but it is what the runtime is in itself: as if it were not listed. */
static bool is_own(const struct cf_ns_plan *ns, int type)
{
    for (uint32_t i = 0; ns->fds && i < ns->n_joins; i++) {
        if (ns->joins[i].type == type)
            return ns->fds[i] < 0;
    }
    return false;
}

int cf_mount_build_shown(struct cf_mount_build *b, uint32_t index, const char *target,
                         const struct cf_mount_opts *opts, struct cf_blob_mount *mount, struct cf_err *err)
{
    const char *type = b->in->spec->config->mounts[index].type;
    const struct cf_ns_plan *ns = &b->plan->ns;
    const struct shown_fs *fs = NULL;
    bool joined, in_init_userns;
    int r;

    for (size_t i = 0; b->userns && i < sizeof(shown) / sizeof(shown[0]); i++) {
        if (strcmp(shown[i].type, type) == 0)
            fs = &shown[i];
    }
    if (!fs || (ns->new_flags & (uint64_t) fs->ns))
        return 0;
    joined = (ns->listed & (uint64_t) fs->ns) && !is_own(ns, fs->ns);
    /* With a user namespace that is joined the owner was checked when it was opened. */
    if (joined && b->plan->userns.mode == CF_USERNS_JOIN)
        return 0;
    in_init_userns = !b->in->facts->in_userns;
    if (fs->ns == CLONE_NEWNET && !(cf_mount_opts_attrs(opts) & MOUNT_ATTR_RDONLY))
        cf_plan_warn(b->in, b->plan,
                     "mounts[%u]: sysfs is read-only: its network namespace is not the container's own", index);
    if (fs->ns != CLONE_NEWPID && b->host_opens && (joined || in_init_userns))
        r = make_on_host(b, index, target, fs, opts, mount, err);
    else if (fs->ns == CLONE_NEWNET && !joined)
        r = bind_host_sys(b, index, target, opts, mount, err);
    else
        r = refuse(index, fs, joined, err);
    return r < 0 ? r : 1;
}
