/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Paths inside the container as text, and which mount of the configuration is where. Pure, host side. */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "mount/mount-opts.h"
#include "path/path.h"
#include "plan/input.h"

/* Takes ".." away together with what stands before it; never above "/". @path is clean and absolute. */
static void drop_dotdot(char *path)
{
    char *out = path;
    const char *in = path;

    while (*in) {
        size_t n = 1 + strcspn(in + 1, "/"); /* with the slash before it */

        if (n == 3 && in[1] == '.' && in[2] == '.') {
            while (out > path && *--out != '/')
                ;
        } else {
            memmove(out, in, n);
            out += n;
        }
        in += n;
    }
    if (out == path)
        *out++ = '/';
    *out = '\0';
}

int cf_mount_clean_path(const struct cf_plan_input *in, const char *path, const char *field, const char **ret,
                        struct cf_err *err)
{
    char absolute[PATH_MAX + 1], clean[PATH_MAX];
    size_t n = path ? strlen(path) : 0;

    if (n == 0)
        return cf_err_config(err, "path-empty", field, "the path is empty");
    if (n >= PATH_MAX)
        return cf_err_config(err, "path-too-long", field, "the path is longer than %d bytes", PATH_MAX - 1);
    absolute[0] = '/';
    memcpy(absolute + 1, path, n + 1);
    if (cf_path_clean(absolute, clean, sizeof(clean)) < 0)
        return cf_err_config(err, "path-too-long", field, "a component of the path is too long");
    drop_dotdot(clean);
    *ret = cf_arena_strdup(in->arena, clean);
    return *ret ? 0 : cf_err_oom(err);
}

static bool has_option(const struct ocispec_mount *m, const char *name)
{
    for (size_t i = 0; i < m->n_options; i++) {
        if (strcmp(m->options[i], name) == 0)
            return true;
    }
    return false;
}

long cf_mount_find(const struct cf_plan_input *in, const char *target)
{
    const struct ocispec_config *config = in->spec->config;
    struct cf_err ignored = CF_ERR_INIT;
    const char *clean = "";

    for (size_t i = config->n_mounts; i > 0; i--) {
        const char *destination = config->mounts[i - 1].destination;

        if (!destination || has_option(&config->mounts[i - 1], "remount"))
            continue;
        if (strcmp(destination, target) == 0)
            return (long) i - 1;
        /* Mostly they are written plainly. */
        if (destination[0] == '/' && !strstr(destination, "//") && !strstr(destination, "/.") &&
            destination[strlen(destination) - 1] != '/')
            continue;
        if (cf_mount_clean_path(in, destination, "", &clean, &ignored) == 0 && strcmp(clean, target) == 0)
            return (long) i - 1;
    }
    return -1;
}

bool cf_mount_is_bind(const struct cf_plan_input *in, size_t index)
{
    return has_option(&in->spec->config->mounts[index], "bind") ||
           has_option(&in->spec->config->mounts[index], "rbind");
}
