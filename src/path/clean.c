/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Paths as text: nothing here looks at a file system. Both sides; no allocation. */

#include <errno.h>
#include <string.h>

#include "path/path.h"

bool cf_path_is_absolute(const char *path)
{
    return path && path[0] == '/';
}

static bool is_dots(const char *s, size_t n)
{
    return (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
}

bool cf_path_component_ok(const char *name)
{
    size_t n = 0;

    if (!name)
        return false;
    for (; name[n]; n++) {
        if (n == CF_PATH_NAME_MAX - 1 || name[n] == '/' || name[n] < 0x20 || name[n] > 0x7e)
            return false;
    }
    return n > 0 && !is_dots(name, n);
}

int cf_path_clean(const char *in, char *out, size_t size)
{
    size_t len = 0;

    if (!in || in[0] == '\0')
        return -EINVAL;
    if (size < 2)
        return -ENAMETOOLONG;
    if (size > PATH_MAX)
        size = PATH_MAX;
    if (in[0] == '/')
        out[len++] = '/';

    while (*in) {
        size_t n = 0, slash;

        while (*in == '/')
            in++;
        while (in[n] && in[n] != '/')
            n++;
        if (n == 0 || (n == 1 && in[0] == '.')) {
            in += n;
            continue;
        }
        slash = len > 0 && out[len - 1] != '/';
        if (n >= CF_PATH_NAME_MAX || len + slash + n + 1 > size)
            return -ENAMETOOLONG;
        if (slash)
            out[len++] = '/';
        memcpy(out + len, in, n);
        len += n;
        in += n;
    }
    if (len == 0)
        out[len++] = '.';
    out[len] = '\0';
    return (int) len;
}

bool cf_path_has_dotdot(const char *path)
{
    while (*path) {
        size_t n = 0;

        while (*path == '/')
            path++;
        while (path[n] && path[n] != '/')
            n++;
        if (n == 2 && path[0] == '.' && path[1] == '.')
            return true;
        path += n;
    }
    return false;
}

bool cf_path_is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    while (n > 0 && dir[n - 1] == '/')
        n--;
    return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}
