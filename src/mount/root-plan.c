/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The root of the container, how it hangs in the mount namespace, masked and read-only paths. Pure,
 * host side.
 *
 * Contract with rootfs-child.c: header.root_fd is a detached clone of the rootfs when the host may
 * clone. It is CF_NO_FD when it may not (rootless): then init clones root_path itself, once it is
 * mapped. Without a mount namespace it is the plain directory, to chroot to.
 *
 * Propagation: the clones carry what the configuration wants, so the copied mounts of the host are
 * never left as peers (host_propagation is slave or private), and the root mount itself is no peer
 * until init has pivoted, because pivot_root(2) refuses shared mounts. Then root_propagation is
 * made of "/". A slave keeps its master all the time: it receives what is mounted on the host. If the
 * configuration says nothing, the whole tree of the root is private: nothing flows in either
 * direction. Bind mounts beside it then receive what is mounted on the host.
 */

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/str.h"
#include "mount/mount-build.h"

#define MAX_PATHS 4096

struct propagation_word {
    const char *name;
    uint32_t host; /* made of the copied host mounts and, if tree is 0, of the clones */
    uint32_t tree; /* made of clones, UINT32_MAX: left as they are, peers included */
    uint32_t root; /* final, of "/" */
};

static const struct propagation_word propagation_words[] = {
    {"shared", MS_SLAVE | MS_REC, UINT32_MAX, MS_SHARED},
    {"rshared", MS_SLAVE | MS_REC, UINT32_MAX, MS_SHARED},
    {"slave", MS_SLAVE | MS_REC, 0, MS_SLAVE},
    {"rslave", MS_SLAVE | MS_REC, 0, MS_SLAVE},
    {"private", MS_PRIVATE | MS_REC, 0, MS_PRIVATE},
    {"rprivate", MS_PRIVATE | MS_REC, 0, MS_PRIVATE},
    {"unbindable", MS_PRIVATE | MS_REC, 0, MS_UNBINDABLE},
    {"runbindable", MS_PRIVATE | MS_REC, 0, MS_UNBINDABLE | MS_REC},
};

int cf_root_plan_propagation(struct cf_mount_build *b, struct cf_err *err)
{
    const struct ocispec_linux *l = cf_plan_linux(b->in);
    const char *name = l ? l->rootfs_propagation : NULL;
    struct cf_blob_header *h = cf_blob_header(b->plan->blob);

    h->host_propagation = MS_SLAVE | MS_REC;
    b->propagation = MS_SLAVE | MS_REC;
    if (!name || name[0] == '\0')
        return 0;
    for (size_t i = 0; i < sizeof(propagation_words) / sizeof(propagation_words[0]); i++) {
        const struct propagation_word *w = &propagation_words[i];

        if (strcmp(w->name, name) != 0)
            continue;
        if (b->in->options->no_pivot && (w->root & MS_PRIVATE))
            return cf_err_config(err, "propagation-no-pivot", "linux.rootfsPropagation",
                                 "rootfsPropagation of [r]private is not safe without pivot_root");
        h->host_propagation = w->host;
        h->root_propagation = w->root;
        b->propagation = w->tree ? w->tree : w->host;
        /* A peer of the host inside a user namespace could mount into the host: receive only. */
        if (b->propagation == UINT32_MAX)
            b->propagation = b->userns ? MS_SLAVE | MS_REC : 0;
        return 0;
    }
    return cf_err_config(err, "propagation-unknown", "linux.rootfsPropagation",
                         "rootfsPropagation=%s is not supported", name);
}

static int plan_root(struct cf_mount_build *b, struct cf_err *err)
{
    const struct cf_plan_input *in = b->in;
    bool mountns = cf_plan_has_flag(b->plan, CF_BLOB_MOUNTNS);
    struct cf_source source = {.kind = CF_SOURCE_ROOT, .path = in->spec->rootfs, .field = "root.path",
                               .clone = mountns, .recursive = true, .blob_mount = -1};
    const struct ocispec_hooks *hooks = in->spec->config->hooks;
    const struct ocispec_linux *l = cf_plan_linux(in);
    cf_str path = cf_blob_add_str(b->plan->blob, in->spec->rootfs);
    uint32_t *propagation;
    int fd = CF_NO_FD;

    if (!mountns || b->host_opens) {
        propagation = cf_arena_calloc(in->arena, 2, sizeof(*propagation));
        if (!propagation)
            return cf_err_oom(err);
        if (mountns) {
            const char *wanted = l ? l->rootfs_propagation : NULL;
            uint32_t tree = cf_str_empty(wanted) ? MS_PRIVATE | MS_REC : b->propagation;

            if (tree)
                propagation[source.n_propagation++] = tree;
            if (tree != (MS_PRIVATE | MS_REC) && cf_blob_header(b->plan->blob)->root_propagation != MS_SLAVE)
                propagation[source.n_propagation++] = MS_PRIVATE;
        }
        source.propagation = propagation;
        if (mountns && in->options->map_root) {
            int r = cf_plan_add_idmap(in, b->plan, &b->plan->userns.uids, &b->plan->userns.gids, "root.path", err);

            if (r < 0)
                return r;
            source.idmap = (uint32_t) r;
            source.idmap_recursive = true;
            b->plan->overlay = cf_arena_calloc(in->arena, 1, sizeof(*b->plan->overlay));
            if (!b->plan->overlay)
                return cf_err_oom(err);
            b->plan->overlay->owner = in->options->state_dir;
        }
        fd = cf_plan_add_source(in, b->plan, &source, err);
        if (fd < 0)
            return fd;
    }
    cf_blob_header(b->plan->blob)->root_fd = fd;
    cf_blob_header(b->plan->blob)->root_path = path;

    if (in->spec->config->root && in->spec->config->root->readonly) {
        if (!mountns)
            return cf_err_config(err, "needs-mount", "root.readonly",
                                 "unable to make the root read-only without a private MNT namespace");
        cf_plan_set_flag(b->plan, CF_BLOB_READONLY_ROOT);
    }
    if (in->options->no_pivot)
        cf_plan_set_flag(b->plan, CF_BLOB_NO_PIVOT);
    if (hooks && (hooks->n_prestart || hooks->n_create_runtime || hooks->n_create_container))
        cf_plan_set_flag(b->plan, CF_BLOB_ROOT_BY_PATH);
    return 0;
}

static int plan_paths(struct cf_mount_build *b, const char *name, char *const *paths, size_t n, struct cf_ref *ret,
                      struct cf_err *err)
{
    const struct cf_plan_input *in = b->in;
    const char **clean;
    int r;

    *ret = (struct cf_ref) {0, 0};
    if (n == 0)
        return 0;
    if (!cf_plan_has_flag(b->plan, CF_BLOB_MOUNTNS))
        return cf_err_config(err, "needs-mount", name,
                             "unable to restrict sys entries without a private MNT namespace");
    if (n > MAX_PATHS)
        return cf_err_config(err, "paths-too-many", name, "more than %d paths", MAX_PATHS);
    clean = cf_arena_calloc(in->arena, n, sizeof(*clean));
    if (!clean)
        return cf_err_oom(err);
    for (size_t i = 0; i < n; i++) {
        char field[64];

        (void) cf_format(field, sizeof(field), "%s[%zu]", name, i);
        if (paths[i][0] != '/')
            return cf_err_config(err, "path-relative", field, "`%s` is not an absolute path", paths[i]);
        r = cf_mount_clean_path(in, paths[i], field, &clean[i], err);
        if (r < 0)
            return r;
    }
    *ret = cf_blob_add_strv(b->plan->blob, (char *const *) (void *) clean, n);
    return 0;
}

int cf_root_plan_build(struct cf_mount_build *b, struct cf_err *err)
{
    const struct ocispec_linux *l = cf_plan_linux(b->in);
    struct cf_ref masked = {0, 0}, readonly = {0, 0};
    int r;

    r = cf_root_plan_propagation(b, err);
    if (r >= 0)
        r = plan_root(b, err);
    if (r >= 0 && l)
        r = plan_paths(b, "linux.maskedPaths", l->masked_paths, l->n_masked_paths, &masked, err);
    if (r >= 0 && l)
        r = plan_paths(b, "linux.readonlyPaths", l->readonly_paths, l->n_readonly_paths, &readonly, err);
    if (r < 0)
        return r;
    cf_blob_header(b->plan->blob)->masked = masked;
    cf_blob_header(b->plan->blob)->readonly = readonly;
    return 0;
}
