/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Are these the directories that an overlay mount is made of? The kernel tells only names, and what a name
 * leads to now may be something else than it was for whoever mounted: the comparison is with what the
 * mount shows. An overlay passes on type, mode, owner, size and all times of the file on top, and nobody can
 * set a file's change time to a given nanosecond. So one entry that is the same in both is proof enough for its
 * layer. If there is none, every entry must be hidden by a layer above.
 *
 * Host side. Content of layers is hostile: no symlink is followed in it.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "base/str.h"
#include "mount/overlay.h"
#include "sys/fs.h"

#define ENTRIES_MAX 4096 /* looked at for one layer */
#define WANTED (STATX_BASIC_STATS | STATX_BTIME)

struct search {
    const struct cf_overlay_layers *layers;
    size_t index; /* of the layer */
    bool strict;  /* what is neither the same nor hidden is a contradiction */
    int root_fd, layer_fd;
    char **dirs; /* still to look into, below both */
    size_t n_dirs, cap_dirs, next;
    size_t budget;
    bool found;
};

static bool same_time(const struct statx_timestamp *a, const struct statx_timestamp *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct statx *a, const struct statx *b)
{
    if (a->stx_mode != b->stx_mode || a->stx_uid != b->stx_uid || a->stx_gid != b->stx_gid ||
        !same_time(&a->stx_ctime, &b->stx_ctime) || !same_time(&a->stx_mtime, &b->stx_mtime))
        return false;
    if ((a->stx_mask & b->stx_mask & STATX_BTIME) && !same_time(&a->stx_btime, &b->stx_btime))
        return false;
    return S_ISDIR(a->stx_mode) ||
           (a->stx_size == b->stx_size && a->stx_rdev_major == b->stx_rdev_major &&
            a->stx_rdev_minor == b->stx_rdev_minor);
}

static int open_below(int dir, const char *path)
{
    const struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                                 .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};

    return cf_sys_openat2(dir, path, &how, sizeof(how));
}

static int look(int dir, const char *name, struct statx *ret)
{
    return cf_sys_statx(dir, name, AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH), WANTED, ret);
}

static int push(struct search *s, const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path, **bigger;

    if (s->n_dirs == s->cap_dirs) {
        size_t cap = s->cap_dirs ? s->cap_dirs * 2 : 32;

        bigger = realloc(s->dirs, cap * sizeof(*bigger));
        if (!bigger)
            return -ENOMEM;
        s->dirs = bigger;
        s->cap_dirs = cap;
    }
    path = malloc(size);
    if (!path)
        return -ENOMEM;
    (void) cf_str_path_join(path, size, dir, name);
    s->dirs[s->n_dirs++] = path;
    return 0;
}

/* Also the newer kind, an empty file with an attribute. */
static bool is_whiteout(const struct statx *stx)
{
    return (S_ISCHR(stx->stx_mode) && !stx->stx_rdev_major && !stx->stx_rdev_minor) ||
           (S_ISREG(stx->stx_mode) && stx->stx_size == 0);
}

static bool is_opaque(int fd)
{
    char value;

    return cf_sys_fgetxattr(fd, "trusted.overlay.opaque", &value, 1) > 0 ||
           cf_sys_fgetxattr(fd, "user.overlay.opaque", &value, 1) > 0;
}

/* Does @dir of a layer hide what has this name in the same directory of those below? */
static bool hides(int layer_fd, const char *dir, const char *name)
{
    char part[PATH_MAX];
    struct statx stx;

    if (cf_str_copy(part, sizeof(part), dir) < 0)
        return false;
    for (bool whole = true;; whole = false) {
        cf_auto_fd int fd = open_below(layer_fd, part);
        char *slash;

        if (fd == -ENOTDIR || (fd >= 0 && is_opaque(fd)) || (fd >= 0 && whole && look(fd, name, &stx) >= 0))
            return true;
        slash = strrchr(part, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
}

/* By one of the layers above? */
static bool is_hidden(const struct search *s, const char *dir, const char *name)
{
    for (size_t i = s->index; i > 0; i--)
        if (hides(s->layers->layers[i - 1].fd, dir, name))
            return true;
    return s->layers->n > s->layers->n_lower && hides(s->layers->layers[s->layers->n_lower].fd, dir, name);
}

/* One directory of the layer beside the same of the mount. Return: 0, search->found; or -errno. */
static int compare_dir(struct search *s, const char *path)
{
    cf_auto_fd int ours = open_below(s->layer_fd, path), shown = open_below(s->root_fd, path);
    union {
        struct cf_dirent64 align;
        char bytes[4096];
    } buf;
    struct statx a, b;
    long n;

    /* Gone, or no directory any more, in one of them: proves nothing. */
    if (ours < 0 || shown < 0)
        return 0;
    while ((n = cf_sys_getdents64(ours, buf.bytes, sizeof(buf.bytes))) > 0) {
        for (long at = 0; at < n;) {
            const struct cf_dirent64 *entry = (const void *) (buf.bytes + at);
            bool both;

            at += entry->d_reclen;
            if (cf_str_eq(entry->d_name, ".") || cf_str_eq(entry->d_name, ".."))
                continue;
            if (s->budget-- == 0)
                return -E2BIG;
            if (look(ours, entry->d_name, &a) < 0)
                continue;
            both = look(shown, entry->d_name, &b) >= 0;
            if (both && is_same(&a, &b)) {
                s->found = true;
                return 0;
            }
            if (s->strict && !is_whiteout(&a) && !is_hidden(s, path, entry->d_name))
                return -ESTALE;
            if (both && S_ISDIR(a.stx_mode) && S_ISDIR(b.stx_mode) && push(s, path, entry->d_name) < 0)
                return -ENOMEM;
        }
    }
    return (int) n;
}

/* Return: 1: proved; 0: nothing of it is visible; or -errno. */
static int search_layer(int root_fd, const struct cf_overlay_layers *layers, size_t index, bool strict)
{
    struct search s = {.layers = layers, .index = index, .strict = strict, .root_fd = root_fd,
                       .layer_fd = layers->layers[index].fd, .budget = ENTRIES_MAX};
    int r = push(&s, ".", ".");

    for (; r >= 0 && !s.found && s.next < s.n_dirs; s.next++)
        r = compare_dir(&s, s.dirs[s.next]);
    for (size_t i = 0; i < s.n_dirs; i++)
        free(s.dirs[i]);
    free(s.dirs);
    return r < 0 ? r : s.found;
}

/* The mount shows nothing in its root that no layer has. */
static int check_names(int root_fd, const struct cf_overlay_layers *layers)
{
    cf_auto_fd int fd = open_below(root_fd, ".");
    union {
        struct cf_dirent64 align;
        char bytes[4096];
    } buf;
    size_t n_dirs = layers->n > layers->n_lower ? layers->n_lower + 1 : layers->n_lower;
    struct statx stx;
    long n = fd;

    while (fd >= 0 && (n = cf_sys_getdents64(fd, buf.bytes, sizeof(buf.bytes))) > 0) {
        for (long at = 0; at < n;) {
            const struct cf_dirent64 *entry = (const void *) (buf.bytes + at);
            bool known = false;

            at += entry->d_reclen;
            /* From below: the lowest layer of an image has nearly all. */
            for (size_t i = n_dirs; i > 0 && !known; i--)
                known = look(layers->layers[i - 1].fd, entry->d_name, &stx) >= 0;
            if (!known)
                return -ENOENT;
        }
    }
    return (int) n;
}

static int refuse(const char *name, int r, struct cf_err *err)
{
    if (r == -ENOMEM)
        return cf_err_oom(err);
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "overlay-layers", -ESTALE,
                      "`%s` is not the layer that the overlay shows under this name", name);
    cf_err_hint(err, "another mount namespace's directory, one that was exchanged since, or a layer that is id-mapped "
                     "already: mount the overlay anew, or give the container mappings of its own");
    return -ESTALE;
}

int cf_overlay_verify(int root_fd, const struct cf_overlay_options *options, const struct cf_overlay_layers *layers,
                      struct cf_err *err)
{
    size_t top = options->upper ? options->n_lower : 0;
    bool all_seen = true;
    struct statx a, b;
    int r;

    /* The root itself is that of the layer on top. */
    if (look(layers->layers[top].fd, "", &a) < 0 || look(root_fd, "", &b) < 0 || !is_same(&a, &b))
        return refuse(layers->layers[top].name, 0, err);
    for (size_t i = 0; i < options->n_lower - options->n_data; i++) {
        if (i == top)
            continue;
        r = search_layer(root_fd, layers, i, false);
        if (r == 0)
            r = search_layer(root_fd, layers, i, true);
        if (r < 0)
            return refuse(layers->layers[i].name, r, err);
        all_seen = all_seen && r > 0;
    }
    /* With an empty directory in the place of a layer something would be missing. */
    r = all_seen ? 0 : check_names(root_fd, layers);
    return r < 0 ? refuse(options->lower[0], r, err) : 0;
}
