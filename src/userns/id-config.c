/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See id-config.h. Host side. */

#include "userns/id-config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "userns/subid.h"
#include "userns/userns-internal.h"

#define CONF_LIMIT 65536
#define BLANKS " \t\r"

static const char *const default_trusted[] = {"root", "coffer", "containers", "kubelet", "dockremap"};

static int bad_line(const struct cf_ids_config *config, uint32_t line, const char *what, const char *value,
                    struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "ids-conf", -EINVAL, "%s:%u: %s `%s`", config->path, line, what, value);
    return -EINVAL;
}

enum cf_id_policy cf_ids_policy_of(const char *word)
{
    static const char *const names[] = {[CF_IDS_OFF] = "off", [CF_IDS_WARN] = "warn", [CF_IDS_ENFORCE] = "enforce"};

    for (size_t i = CF_IDS_OFF; i < sizeof(names) / sizeof(names[0]); i++)
        if (cf_str_eq(word, names[i]))
            return (enum cf_id_policy) i;
    return CF_IDS_DEFAULT;
}

static int take_trusted(struct cf_ids_config *config, char *value, struct cf_arena *arena)
{
    size_t n = 0;

    memset(config->trusted, 0, sizeof(config->trusted));
    while (*value) {
        size_t len = strcspn(value, BLANKS);

        if (n == CF_IDS_MAX_TRUSTED)
            return -E2BIG;
        config->trusted[n] = cf_arena_strndup(arena, value, len);
        if (!config->trusted[n++])
            return -ENOMEM;
        value += len;
        value += strspn(value, BLANKS);
    }
    return 0;
}

static int take_key(struct cf_ids_config *config, uint32_t line, const char *key, char *value, struct cf_arena *arena,
                    struct cf_err *err)
{
    if (cf_str_eq(key, "policy")) {
        config->policy = cf_ids_policy_of(value);
        return config->policy ? 0 : bad_line(config, line, "policy is `off`, `warn` or `enforce`, not", value, err);
    }
    if (cf_str_eq(key, "size"))
        return cf_num_parse_u32(value, 1, INT32_MAX, &config->size) < 0
                   ? bad_line(config, line, "no usable size:", value, err)
                   : 0;
    if (cf_str_eq(key, "window")) {
        struct cf_subid *window = &config->windows[config->n_windows];

        if (config->n_windows == CF_IDS_MAX_WINDOWS)
            return bad_line(config, line, "one window too many:", value, err);
        /* Many programs keep ids in signed numbers. */
        if (cf_subid_parse(value, window) < 0 || (uint64_t) window->first + window->count > (uint64_t) INT32_MAX + 1)
            return bad_line(config, line, "a window is FIRST:COUNT and ends at 2147483647 at most, not", value, err);
        config->n_windows++;
        return 0;
    }
    if (cf_str_eq(key, "user")) {
        config->user = cf_arena_strdup(arena, value);
        return config->user ? 0 : cf_err_oom(err);
    }
    if (cf_str_eq(key, "trusted")) {
        int r = take_trusted(config, value, arena);

        if (r == -ENOMEM)
            return cf_err_oom(err);
        return r < 0 ? bad_line(config, line, "too many names:", value, err) : 0;
    }
    return bad_line(config, line, "unknown key", key, err);
}

static char *trim(char *text)
{
    char *end;

    text += strspn(text, BLANKS);
    end = text + strlen(text);
    while (end > text && strchr(BLANKS, end[-1]))
        *--end = '\0';
    return text;
}

int cf_ids_config_parse(char *text, const char *path, struct cf_arena *arena, struct cf_ids_config *ret,
                        struct cf_err *err)
{
    uint32_t number = 0;
    char *next;

    *ret = (struct cf_ids_config) {.path = path, .policy = CF_IDS_WARN, .size = CF_IDS_SIZE};
    for (size_t i = 0; i < sizeof(default_trusted) / sizeof(default_trusted[0]); i++)
        ret->trusted[i] = default_trusted[i];
    for (char *line = text; line && *line; line = next) {
        char *equals;
        int r;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number++;
        line = trim(line);
        if (!*line || *line == '#')
            continue;
        equals = strchr(line, '=');
        if (!equals)
            return bad_line(ret, number, "a line is `key = value`, not", line, err);
        *equals = '\0';
        r = take_key(ret, number, trim(line), trim(equals + 1), arena, err);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; ret->user && i <= CF_IDS_MAX_TRUSTED; i++) {
        if (ret->trusted[i])
            continue;
        ret->trusted[i] = ret->user;
        break;
    }
    return 0;
}

int cf_ids_config_load(const char *path, struct cf_arena *arena, struct cf_ids_config *ret, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    char none[] = "";
    size_t len = 0;
    int r = cf_io_read_file_at(AT_FDCWD, path, CONF_LIMIT, &text, &len);

    if (r == -ENOENT || r == -ENOTDIR)
        return cf_ids_config_parse(none, path, arena, ret, err);
    if (r < 0)
        return cf_err_sys(err, r, "read `%s`", path);
    if (strlen(text) != len)
        return cf_err_set(err, COFFER_ERROR_CONFIG, "ids-conf", -EINVAL, "%s: a NUL byte is in it", path);
    return cf_ids_config_parse(text, path, arena, ret, err);
}

int cf_ids_parse_auto(const char *text, uint32_t size_default, uint32_t *ret_size)
{
    const char *rest = cf_str_after(text, "auto");

    if (!rest || (rest[0] && rest[0] != ':'))
        return -EINVAL;
    *ret_size = size_default;
    return rest[0] && cf_num_parse_u32(rest + 1, 1, INT32_MAX, ret_size) < 0 ? -EINVAL : 0;
}

static int intersect(const struct cf_idset *a, const struct cf_idset *b, struct cf_arena *arena, struct cf_idset *ret,
                     struct cf_err *err)
{
    struct cf_idset rest;

    if (cf_idset_subtract(a, b, arena, &rest) < 0 || cf_idset_subtract(a, &rest, arena, ret) < 0)
        return cf_err_oom(err);
    return 0;
}

/* The ids a user has in both files. */
static int subids_of(uint32_t uid, const char *name, struct cf_arena *arena, struct cf_idset *ret, struct cf_err *err)
{
    struct cf_idset uids = {0}, gids = {0};
    struct cf_subid *ranges;
    int r;

    r = name ? cf_subid_load_named("/etc/subuid", uid, name, arena, &ranges, &uids.n, err)
             : cf_subid_load("/etc/subuid", uid, arena, &ranges, &uids.n, err);
    if (r < 0)
        return r;
    uids.ranges = ranges;
    r = name ? cf_subid_load_named("/etc/subgid", uid, name, arena, &ranges, &gids.n, err)
             : cf_subid_load("/etc/subgid", uid, arena, &ranges, &gids.n, err);
    if (r < 0)
        return r;
    gids.ranges = ranges;
    return intersect(&uids, &gids, arena, ret, err);
}

static int dedicated(const struct cf_ids_config *config, const struct cf_ids_caller *caller, struct cf_arena *arena,
                     struct cf_idset *ret, struct cf_err *err)
{
    static const char *const names[] = {"coffer", "containers"};
    int r = 0;

    if (!caller->privileged)
        return subids_of(caller->euid, NULL, arena, ret, err);
    if (config->user)
        return subids_of(CF_ID_NONE, config->user, arena, ret, err);
    for (size_t i = 0; r >= 0 && ret->n == 0 && i < sizeof(names) / sizeof(names[0]); i++)
        r = subids_of(CF_ID_NONE, names[i], arena, ret, err);
    return r;
}

/* What this user namespace has to give: ids as they are inside. */
static int mapped_here(struct cf_arena *arena, struct cf_idset *ret, struct cf_err *err)
{
    static const char *const files[] = {"/proc/thread-self/uid_map", "/proc/thread-self/gid_map"};
    struct cf_idset sets[2];

    for (int i = 0; i < 2; i++) {
        cf_auto_free char *text = NULL;
        struct cf_idmap map;
        struct cf_subid *ranges;
        int r = cf_io_read_file_at(AT_FDCWD, files[i], 65536, &text, NULL);

        if (r >= 0)
            r = cf_idmap_parse(text, arena, &map);
        if (r < 0)
            return cf_err_sys(err, r, "read `%s`", files[i]);
        ranges = cf_arena_calloc(arena, map.n ? map.n : 1, sizeof(*ranges));
        if (!ranges)
            return cf_err_oom(err);
        for (size_t k = 0; k < map.n; k++)
            ranges[k] = (struct cf_subid) {.first = map.ranges[k].container_id, .count = map.ranges[k].size};
        sets[i] = (struct cf_idset) {.ranges = ranges, .n = map.n};
    }
    return intersect(&sets[0], &sets[1], arena, ret, err);
}

int cf_ids_window(const struct cf_ids_config *config, const struct cf_ids_caller *caller, struct cf_arena *arena,
                  struct cf_idset *ret, struct cf_err *err)
{
    static const struct cf_subid built_in = {.first = CF_IDS_WINDOW_FIRST, .count = CF_IDS_WINDOW_COUNT};
    struct cf_idset here;
    int r = 0;

    *ret = (struct cf_idset) {.ranges = config->windows, .n = config->n_windows};
    if (ret->n == 0)
        r = dedicated(config, caller, arena, ret, err);
    if (r >= 0 && ret->n == 0 && caller->privileged && !config->user)
        *ret = (struct cf_idset) {.ranges = &built_in, .n = 1};
    if (r >= 0 && caller->in_userns && caller->privileged) {
        r = mapped_here(arena, &here, err);
        if (r >= 0)
            r = intersect(ret, &here, arena, ret, err);
    }
    if (r < 0 || ret->n > 0)
        return r;
    (void) cf_err_set(err, COFFER_ERROR_STATE, "id-window-none", -ENOENT,
                      "there are no ids for an automatic user namespace");
    cf_err_hint(err, caller->privileged ? "give a `window` in %s, or subordinate ids to its `user`"
                                        : "give the caller subordinate ids in /etc/subuid and /etc/subgid, or a `window` in %s",
                config->path);
    return -ENOENT;
}
