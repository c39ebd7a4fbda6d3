/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Entries of `mounts` that are new file systems: parameters for fsconfig(2), attributes. Pure, host side.
 */

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "mount/dev-plan.h"
#include "mount/mount-build.h"
#include "sys/task.h"

static int id_error(uint32_t index, const struct cf_mount_param *p, const char *map, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "mount-unmapped-id", -EINVAL,
                      "`%s=%s` is not mapped by linux.%s", p->key, p->value, map);
    cf_err_field(err, "mounts[%u].options[%u]", index, p->option_index);
    return -EINVAL;
}

/* uid= and gid= are ids inside the container: the kernel would only say "invalid argument". */
static int check_ids(struct cf_mount_build *b, uint32_t index, const struct cf_mount_opts *opts, struct cf_err *err)
{
    uint32_t id, host;

    for (size_t i = 0; b->userns && i < opts->n_params; i++) {
        const struct cf_mount_param *p = &opts->params[i];

        if (!p->value || cf_num_parse_u32(p->value, 0, UINT32_MAX, &id) < 0)
            continue;
        if (strcmp(p->key, "uid") == 0 && cf_userns_uid_to_host(&b->plan->userns, id, &host) < 0)
            return id_error(index, p, "uidMappings", err);
        if (strcmp(p->key, "gid") == 0 && cf_userns_gid_to_host(&b->plan->userns, id, &host) < 0)
            return id_error(index, p, "gidMappings", err);
    }
    return 0;
}

/* These have no superblock of their own to make read-only, or share it with other mounts. */
static bool is_virtual(const char *type)
{
    static const char *const types[] = {
        "tmpfs", "ramfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs", "bpf",
        "debugfs", "tracefs", "securityfs", "hugetlbfs", "selinuxfs", "binder",
    };

    return cf_str_index(types, sizeof(types) / sizeof(types[0]), type) >= 0;
}

/* The SELinux label of linux.mountLabel as a parameter, for file systems that take one. */
static int label_param(struct cf_mount_build *b, const char *type, const struct cf_mount_opts *opts,
                       struct cf_mount_param *ret, struct cf_err *err)
{
    static const char *const without[] = {"proc", "sysfs", "cgroup", "cgroup2", "mqueue"};
    static const char *const words[] = {"context", "fscontext", "defcontext", "rootcontext"};
    const struct ocispec_linux *l = cf_plan_linux(b->in);
    const char *word = cf_plan_annotation(b->in, "run.oci.mount_context_type");

    *ret = (struct cf_mount_param) {0};
    if (!l || cf_str_empty(l->mount_label) || !b->in->facts->selinux ||
        cf_str_index(without, sizeof(without) / sizeof(without[0]), type) >= 0)
        return 0;
    if (!word || word[0] == '\0')
        word = words[0];
    if (cf_str_index(words, sizeof(words) / sizeof(words[0]), word) < 0)
        return cf_err_config(err, "mount-context-type", "annotations",
                             "`run.oci.mount_context_type`: `%s` is not a kind of SELinux mount context", word);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (cf_mount_opts_has_param(opts, words[i]))
            return 0;
    }
    *ret = (struct cf_mount_param) {.key = word, .value = l->mount_label};
    return 0;
}

/* Superblock options, label, data; @remount: also what options take back. */
static int list_params(struct cf_mount_build *b, const char *type, const struct cf_mount_opts *opts, bool remount,
                       struct cf_source_param **ret, size_t *ret_n, struct cf_err *err)
{
    static const struct {
        uint32_t bit;
        const char *set, *clear;
    } super[] = {
        {CF_SUPER_SYNC, "sync", "async"},
        {CF_SUPER_DIRSYNC, "dirsync", NULL},
        {CF_SUPER_LAZYTIME, "lazytime", "nolazytime"},
    };
    struct cf_source_param *list = cf_arena_calloc(b->in->arena, opts->n_params + 8, sizeof(*list));
    struct cf_mount_param label = {0};
    size_t n = 0;
    int r;

    if (!list)
        return cf_err_oom(err);
    if (!is_virtual(type) && (cf_mount_opts_attrs(opts) & MOUNT_ATTR_RDONLY))
        list[n++].key = "ro";
    for (size_t i = 0; i < sizeof(super) / sizeof(super[0]); i++) {
        if (opts->super_set & super[i].bit)
            list[n++].key = super[i].set;
        else if (remount && (opts->super_clr & super[i].bit) && super[i].clear)
            list[n++].key = super[i].clear;
    }
    /* fsconfig(2) has no word for it; ext4 has its own, the others count versions anyway. */
    if ((opts->super_set & CF_SUPER_IVERSION) && strcmp(type, "ext4") == 0)
        list[n++].key = "i_version";
    if (!remount) {
        r = label_param(b, type, opts, &label, err);
        if (r < 0)
            return r;
        if (label.key)
            list[n++] = (struct cf_source_param) {label.key, label.value};
    }
    for (size_t i = 0; i < opts->n_params; i++)
        list[n++] = (struct cf_source_param) {opts->params[i].key, opts->params[i].value};
    *ret = list;
    *ret_n = n;
    return 0;
}

int cf_mount_fs_params(struct cf_mount_build *b, const char *type, const struct cf_mount_opts *opts, bool remount,
                       struct cf_ref *ret, struct cf_err *err)
{
    struct cf_blob_builder *blob = b->plan->blob;
    struct cf_source_param *params;
    struct cf_blob_fsparam *list;
    size_t n;
    int r = list_params(b, type, opts, remount, &params, &n, err);

    if (r < 0)
        return r;
    list = cf_arena_calloc(b->in->arena, n + 1, sizeof(*list));
    if (!list)
        return cf_err_oom(err);
    for (size_t i = 0; i < n; i++) {
        list[i].key = cf_blob_add_str(blob, params[i].key);
        list[i].value = cf_blob_add_str(blob, params[i].value);
    }
    *ret = cf_blob_add_array(blob, list, n, sizeof(*list));
    return 0;
}

/* World-writable or controlled by the container, and never in need of symlinks. */
static bool no_symlinks_inside(const char *target)
{
    return strcmp(target, "/dev/shm") == 0 || strcmp(target, "/dev/mqueue") == 0;
}

/* They show namespaces that only init is in, so the host cannot make them; the kernel maps none of them anyway. */
static bool cannot_idmap(const char *type)
{
    static const char *const types[] = {"proc", "sysfs", "mqueue", "devpts", "cgroup", "cgroup2"};

    return cf_str_index(types, sizeof(types) / sizeof(types[0]), type) >= 0;
}

/*
 * The host makes it: only who has CAP_SYS_ADMIN over both the file system and the namespace of the map may map
 * it, and a file system that belonged to the container's namespace would be mapped already. Ids in its options
 * are then ids on the file system.
 */
static int build_mapped(struct cf_mount_build *b, uint32_t index, const char *target,
                        const struct cf_mount_opts *opts, const struct cf_mount_idmap *idmap,
                        struct cf_blob_mount *mount, struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    struct cf_source source = {.kind = CF_SOURCE_FS, .path = m->source, .fstype = m->type};
    struct cf_source_param *params;
    int r;

    r = list_params(b, m->type, opts, false, &params, &source.n_params, err);
    if (r < 0)
        return r;
    source.params = params;
    source.attr_set = mount->attr_set;
    cf_mount_volume_attrs(b, opts, &source);
    /* The copy comes first, then read-only. */
    if (mount->flags & CF_MOUNT_COPYUP)
        source.attr_set &= ~(uint64_t) MOUNT_ATTR_RDONLY;
    source.propagation = opts->propagation;
    source.n_propagation = opts->n_propagation;
    r = cf_mount_build_idmap_source(b, index, idmap, target, mount->attr_set & MOUNT_ATTR_RDONLY, &source, err);
    if (r < 0)
        return r;
    source.exposed = NULL; /* nobody else has it mounted */
    source.field = cf_arena_printf(b->in->arena, "mounts[%u]", index);
    if (!source.field)
        return cf_err_oom(err);
    mount->attr_set &= mount->flags & CF_MOUNT_COPYUP ? MOUNT_ATTR_RDONLY : 0;
    r = cf_mount_build_source(b, mount, &source, err);
    return r < 0 ? r : cf_mount_build_add(b, mount, err);
}

/* No second mount at /dev and no remount, which the container's root could not do to what is the host's. */
static bool is_only_dev(struct cf_mount_build *b, uint32_t index)
{
    const struct ocispec_config *config = b->in->spec->config;
    struct cf_err ignored = CF_ERR_INIT;
    const char *clean;

    for (size_t i = 0; i < config->n_mounts; i++) {
        if (i != index && cf_mount_clean_path(b->in, config->mounts[i].destination, "", &clean, &ignored) == 0 &&
            strcmp(clean, "/dev") == 0)
            return false;
    }
    return true;
}

/*
 * Can the host make this tmpfs for /dev, nodes and all? Only where it would be what init makes: options that mean
 * the same in both user namespaces, nothing that depends on what the image has there.
 */
static bool host_can_make(struct cf_mount_build *b, uint32_t index, const struct cf_blob_mount *m,
                          const struct cf_mount_opts *opts)
{
    static const char *const harmless[] = {"mode", "size", "nr_blocks", "nr_inodes"};

    if (!(m->flags & CF_MOUNT_IS_DEV) || !is_only_dev(b, index) ||
        (m->flags & (CF_MOUNT_COPYUP | CF_MOUNT_TMPFS_MODE | CF_MOUNT_DEST_NOFOLLOW)) ||
        (m->attr_set & (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV)) || opts->n_propagation || opts->super_set ||
        !cf_dev_plan_host_makes(b->in, b->plan))
        return false;
    for (size_t i = 0; i < opts->n_params; i++) {
        if (!opts->params[i].value ||
            cf_str_index(harmless, sizeof(harmless) / sizeof(harmless[0]), opts->params[i].key) < 0)
            return false;
    }
    return true;
}

static int plan_host_dev(struct cf_mount_build *b, uint32_t index, struct cf_blob_mount *mount,
                         const struct cf_mount_opts *opts, struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    const char *field = cf_arena_printf(b->in->arena, "mounts[%u]", index);
    struct cf_source_param *list;
    size_t n;
    int r;

    if (!field)
        return cf_err_oom(err);
    /* There is room for what a tmpfs without flags of the superblock does not use. */
    r = list_params(b, "tmpfs", opts, false, &list, &n, err);
    if (r < 0)
        return r;
    list[n].key = "source";
    list[n++].value = cf_str_empty(m->source) ? "tmpfs" : m->source;
    r = cf_dev_plan_tmpfs(b->in, b->plan, list, n, mount->attr_set, field, err);
    if (r < 0)
        return r;
    mount->kind = CF_MOUNT_TREE;
    mount->fd = r;
    mount->flags |= CF_MOUNT_MADE;
    mount->attr_set = 0;
    return 0;
}

int cf_mount_build_fs(struct cf_mount_build *b, uint32_t index, const char *target, const struct cf_mount_opts *opts,
                      const struct cf_mount_idmap *idmap, struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    struct cf_blob_mount mount = {.kind = CF_MOUNT_FS, .fd = CF_NO_FD, .config_index = index};
    struct cf_blob_builder *blob = b->plan->blob;
    const char *type = m->type;
    bool tmpfs, mapped;
    int r;

    if (cf_str_empty(type))
        return cf_mount_config_error(index, "type", "mount-type-missing", "a mount without `bind` needs a type", NULL, err);
    tmpfs = strcmp(type, "tmpfs") == 0;
    if (idmap->index && cannot_idmap(type))
        return cf_mount_build_idmap_refuse(index, target, type, err);
    /* What init makes has the ids of the container's namespace: its own map changes nothing there. */
    mapped = idmap->index && !(idmap->container && tmpfs);
    if (!mapped) {
        r = check_ids(b, index, opts, err);
        if (r < 0)
            return r;
    }

    mount.flags = cf_mount_target_flags(target) | cf_mount_option_flags(opts);
    if (strcmp(type, "proc") == 0 && strcmp(target, "/proc") == 0)
        mount.flags |= CF_MOUNT_IS_PROC;
    if (strcmp(type, "devpts") == 0 && strcmp(target, "/dev/pts") == 0)
        mount.flags |= CF_MOUNT_IS_PTS;
    if (tmpfs && !cf_mount_opts_has_param(opts, "mode"))
        mount.flags |= CF_MOUNT_TMPFS_MODE;
    if (opts->what & CF_MOUNT_OPT_COPYUP) {
        if (tmpfs)
            mount.flags |= CF_MOUNT_COPYUP;
        else
            cf_plan_warn(b->in, b->plan, "mounts[%u]: tmpcopyup has no effect on `%s`", index, type);
    }
    mount.target = cf_blob_add_str(blob, target);
    mount.source = cf_blob_add_str(blob, cf_str_empty(m->source) ? type : m->source);
    mount.fstype = cf_blob_add_str(blob, type);
    mount.attr_set = cf_mount_opts_attrs(opts);
    if (no_symlinks_inside(target) && !(opts->mentioned & MOUNT_ATTR_NOSYMFOLLOW))
        mount.attr_set |= MOUNT_ATTR_NOSYMFOLLOW;
    if (tmpfs && !mapped && (mount.attr_set & MOUNT_ATTR_RDONLY) && !(mount.flags & CF_MOUNT_IS_DEV)) {
        r = cf_mount_build_seal(b, index, target, &mount, err);
        if (r < 0)
            return r;
    }
    if (mapped)
        return build_mapped(b, index, target, opts, idmap, &mount, err);
    r = cf_mount_build_shown(b, index, target, opts, &mount, err);
    if (r != 0)
        return r < 0 ? r : 0;
    if (tmpfs && host_can_make(b, index, &mount, opts))
        r = plan_host_dev(b, index, &mount, opts, err);
    else
        r = cf_mount_fs_params(b, type, opts, false, &mount.params, err);
    if (r < 0)
        return r;
    mount.propagation = cf_blob_add_array(blob, opts->propagation, opts->n_propagation, sizeof(uint32_t));
    return cf_mount_build_add(b, &mount, err);
}
