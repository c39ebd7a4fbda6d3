/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * fsconfig(2) takes values below 256 bytes only. The one option that is often longer is overlay's
 * list of layers, which newer kernels (6.8) take one by one. The other way, mount(2) with one long
 * string, would need a target path, and nothing is mounted by path here. Container side.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "mount/child.h"

#define VALUE_MAX 255

bool cf_fs_child_is_layers(const char *fstype, const char *key, const char *value)
{
    return value && cf_str_eq(fstype, "overlay") && cf_str_eq(key, "lowerdir") &&
           cf_str_nlen(value, VALUE_MAX + 1) > VALUE_MAX;
}

/* Takes one layer off *rest: up to a colon that no backslash stands before. */
static int next_layer(const char **rest, char layer[VALUE_MAX + 1])
{
    const char *s = *rest;
    size_t n = 0;

    while (*s && *s != ':') {
        if (s[0] == '\\' && s[1])
            s++;
        if (n >= VALUE_MAX)
            return -ENAMETOOLONG;
        layer[n++] = *s++;
    }
    layer[n] = '\0';
    *rest = s;
    return n > 0 ? 0 : -EINVAL;
}

int cf_fs_child_set_layers(int fs_fd, const char *value)
{
    const char *key = "lowerdir+";
    char layer[VALUE_MAX + 1];
    int r;

    for (;;) {
        r = next_layer(&value, layer);
        if (r >= 0)
            r = cf_sys_fsconfig_set_string(fs_fd, key, layer);
        if (r < 0 || *value == '\0')
            return r;
        value++;
        if (*value == ':') { /* what follows two colons has only data */
            key = "datadir+";
            value++;
        }
    }
}
