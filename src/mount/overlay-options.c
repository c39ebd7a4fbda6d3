/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The options of an overlay as the kernel shows them. Three layers of quoting: the kernel writes , = \ and
 * white space as octal numbers, SELinux contexts stand in double quotes, and in lists of directories a
 * backslash protects a colon. Pure, host side.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "mount/mountinfo.h"
#include "mount/overlay.h"

/* Shown, but nothing to be set again: flags of the superblock, and what the LSM adds. */
static const char *const skipped[] = {"rw", "seclabel", "lazytime", "sync", "dirsync", "mand"};

/* What changes how the layers are read or written. One that is missing here is refused: it may matter. */
static const char *const known[] = {
    "context", "default_permissions", "defcontext", "fscontext", "fsync", "index", "metacopy", "nfs_export",
    "override_creds", "nooverride_creds", "redirect_dir", "rootcontext", "userxattr", "uuid", "verity", "volatile",
    "xino",
};

/* One option off *rest: up to a comma outside of quotes. */
static char *next_option(char **rest)
{
    char *start = *rest, *p = start;
    bool quoted = false;

    for (; *p && (quoted || *p != ','); p++)
        if (*p == '"')
            quoted = !quoted;
    *rest = *p ? p + 1 : p;
    *p = '\0';
    return start;
}

static void drop_backslashes(char *s)
{
    char *out = s;

    for (; *s; s++) {
        if (*s == '\\' && s[1])
            s++;
        *out++ = *s;
    }
    *out = '\0';
}

static int add_lower(struct cf_overlay_options *o, char *path, bool data)
{
    if (!*path || o->n_lower == CF_OVERLAY_MAX_LAYERS || (o->n_data && !data))
        return -EINVAL;
    o->lower[o->n_lower++] = path;
    o->n_data += data;
    return 0;
}

/* "a:b::c": what follows two colons has only data. */
static int add_list(struct cf_overlay_options *o, char *s)
{
    bool data = false;

    for (;;) {
        char *start = s, end;
        int r;

        while (*s && *s != ':')
            s += *s == '\\' && s[1] ? 2 : 1;
        end = *s;
        *s = '\0';
        drop_backslashes(start);
        r = add_lower(o, start, data);
        if (r < 0 || !end)
            return r;
        data = *++s == ':';
        s += data;
    }
}

static char *unquote(char *s)
{
    size_t n = strlen(s);

    if (n < 2 || s[0] != '"' || s[n - 1] != '"')
        return s;
    s[n - 1] = '\0';
    return s + 1;
}

static int add_option(struct cf_overlay_options *o, struct cf_source_param *params, char *key)
{
    char *value = strchr(key, '=');

    if (value) {
        *value++ = '\0';
        cf_mountinfo_unescape(value);
    }
    if (!value && cf_str_eq(key, "ro"))
        o->readonly = true;
    if (!value && (cf_str_eq(key, "ro") || cf_str_index(skipped, sizeof(skipped) / sizeof(skipped[0]), key) >= 0))
        return 0;
    if (value && cf_str_eq(key, "lowerdir"))
        return o->n_lower ? -EINVAL : add_list(o, value);
    if (value && (cf_str_eq(key, "lowerdir+") || cf_str_eq(key, "datadir+")))
        return add_lower(o, value, key[0] == 'd');
    if (value && (cf_str_eq(key, "upperdir") || cf_str_eq(key, "workdir"))) {
        drop_backslashes(value);
        *(key[0] == 'u' ? &o->upper : &o->work) = value;
        return *value ? 0 : -EINVAL;
    }
    if (cf_str_index(known, sizeof(known) / sizeof(known[0]), key) < 0)
        return -EOPNOTSUPP;
    params[o->n_params++] = (struct cf_source_param) {key, value ? unquote(value) : NULL};
    return 0;
}

int cf_overlay_options_parse(const char *text, struct cf_arena *arena, struct cf_overlay_options *ret,
                             const char **ret_bad)
{
    struct cf_overlay_options o = {0};
    char *copy = cf_arena_strdup(arena, text);
    struct cf_source_param *params;
    size_t n = 1;
    int r = 0;

    for (const char *p = text; *p; p++)
        n += *p == ',';
    params = cf_arena_calloc(arena, n, sizeof(*params));
    o.lower = cf_arena_calloc(arena, CF_OVERLAY_MAX_LAYERS, sizeof(*o.lower));
    if (!copy || !params || !o.lower)
        return -ENOMEM;
    o.params = params;
    while (*copy && r >= 0) {
        char *option = next_option(&copy);

        if (*option)
            r = add_option(&o, params, option);
        if (r == -EOPNOTSUPP)
            *ret_bad = option;
    }
    if (r >= 0 && (o.n_lower == o.n_data || !o.upper != !o.work))
        r = -EINVAL;
    *ret = o;
    return r;
}
