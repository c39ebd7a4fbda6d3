/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The directories of an overlay, by the names that its mount shows. Engines with many layers mount from a
 * directory of theirs with relative names, which the kernel does not show: it is one above the upper
 * directory or above the mount point. Whether it was the right one is for cf_overlay_verify(). Host side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/own.h"
#include "base/str.h"
#include "mount/overlay.h"
#include "sys/fs.h"

static int refuse(const struct cf_overlay_mount *mount, const char *name, int r, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-layers", r,
                      "the layer `%s` of the overlay at `%s` is not to be found", name, mount->point);
    cf_err_errno(err, r);
    cf_err_hint(err, "it was mounted from another place than this mount namespace: run coffer where the overlay was "
                     "mounted, mount it with absolute paths, or give the container mappings of its own");
    return r;
}

/* All relative ones are there below @base. */
static bool is_base(int base, const struct cf_overlay_layers *layers)
{
    struct stat st;

    for (size_t i = 0; i < layers->n; i++) {
        const char *name = layers->layers[i].name;

        if (name[0] != '/' && (cf_sys_fstatat(base, name, &st, 0) < 0 || !S_ISDIR(st.st_mode)))
            return false;
    }
    return true;
}

/* The directory that relative names count from. Return: fd or -ENOENT. */
static int find_base(const char *start, const struct cf_overlay_layers *layers)
{
    char path[PATH_MAX], *slash;

    if (cf_str_copy(path, sizeof(path), start) < 0)
        return -ENOENT;
    while ((slash = strrchr(path, '/'))) {
        cf_auto_fd int fd = -EBADF;

        slash[slash == path] = '\0';
        fd = cf_sys_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd >= 0 && is_base(fd, layers))
            return cf_steal_fd(&fd);
        if (slash == path)
            break;
    }
    return -ENOENT;
}

/* Everything that is asked of a layer later. */
static int take(struct cf_overlay_layer *layer, struct cf_arena *arena)
{
    char link[CF_FD_PATH_SIZE], path[PATH_MAX];
    struct statx stx;
    long n;
    int r = cf_sys_statx(layer->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &stx);

    if (r < 0)
        return r;
    layer->mount_id = stx.stx_mnt_id;
    layer->ino = stx.stx_ino;
    layer->dev_major = stx.stx_dev_major;
    layer->dev_minor = stx.stx_dev_minor;
    n = cf_sys_readlinkat(AT_FDCWD, cf_fd_path(link, layer->fd), path, sizeof(path) - 1);
    if (n <= 0 || path[0] != '/')
        return 0;
    path[n] = '\0';
    layer->path = cf_arena_strdup(arena, path);
    return layer->path ? 0 : -ENOMEM;
}

static int open_all(int base, const struct cf_overlay_mount *mount, struct cf_arena *arena,
                    struct cf_overlay_layers *layers, struct cf_err *err)
{
    for (size_t i = 0; i < layers->n; i++) {
        struct cf_overlay_layer *layer = &layers->layers[i];
        int r;

        layer->fd = cf_sys_openat(layer->name[0] == '/' ? AT_FDCWD : base, layer->name,
                                  O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (layer->fd < 0)
            return refuse(mount, layer->name, layer->fd, err);
        r = take(layer, arena);
        if (r < 0)
            return cf_err_sys(err, r, "look at the layer `%s`", layer->name);
    }
    return 0;
}

int cf_overlay_open(int root_fd, const struct cf_overlay_mount *mount, const struct cf_overlay_options *options,
                    struct cf_arena *arena, struct cf_overlay_layers *ret, struct cf_err *err)
{
    size_t n = options->n_lower + (options->upper ? 2 : 0);
    cf_auto_fd int base = -EBADF;
    const char *relative = NULL;
    int r;

    *ret = (struct cf_overlay_layers) {.n = n, .n_lower = options->n_lower, .work_fd = -EBADF};
    ret->layers = cf_arena_calloc(arena, n, sizeof(*ret->layers));
    if (!ret->layers) {
        ret->n = 0;
        return cf_err_oom(err);
    }
    for (size_t i = 0; i < n; i++) {
        struct cf_overlay_layer *layer = &ret->layers[i];

        layer->fd = layer->mapped_fd = -EBADF;
        layer->name = i < options->n_lower    ? options->lower[i]
                      : i == options->n_lower ? options->upper
                                              : options->work;
        if (layer->name[0] != '/' && !relative)
            relative = layer->name;
    }
    if (relative) {
        base = options->upper && options->upper[0] == '/' ? find_base(options->upper, ret) : -ENOENT;
        if (base < 0)
            base = find_base(mount->point, ret);
        if (base < 0)
            return refuse(mount, relative, base, err);
    }
    r = open_all(base, mount, arena, ret, err);
    return r < 0 ? r : cf_overlay_verify(root_fd, options, ret, err);
}

void cf_overlay_close(struct cf_overlay_layers *layers)
{
    for (size_t i = 0; i < layers->n; i++) {
        cf_fd_close(&layers->layers[i].fd);
        cf_fd_close(&layers->layers[i].mapped_fd);
    }
    cf_fd_close(&layers->work_fd);
}
