/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * mountinfo of a container and of the host, and what of one is in the other. What is mounted, and how many
 * times, is the container's choice: the text is bounded. Parsing and comparing is pure.
 */

#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "path/path.h"
#include "sys/fs.h"

#define TEXT_FIRST (16u << 10)
#define TEXT_LIMIT (1u << 20)
#define MAX_MOUNTS 8192

/* Octal escapes (\040 for a blank), in place. */
static void unescape(char *s)
{
    char *out = s;

    while (*s) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
            *out++ = (char) ((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 4;
        } else {
            *out++ = *s++;
        }
    }
    *out = '\0';
}

/* The next word of a line, NULL at its end. */
static char *take_word(char **line)
{
    char *word = *line, *end;

    if (!*word)
        return NULL;
    end = strchr(word, ' ');
    if (end) {
        *end = '\0';
        *line = end + 1;
    } else {
        *line = word + strlen(word);
    }
    return word;
}

static bool has_option(const char *list, const char *option)
{
    size_t len = strlen(option);

    while (*list) {
        size_t n = strcspn(list, ",");

        if (n == len && memcmp(list, option, n) == 0)
            return true;
        list += n;
        if (*list == ',')
            list++;
    }
    return false;
}

static int parse_device(char *text, struct cf_audit_mount *ret)
{
    char *colon = strchr(text, ':');

    if (!colon)
        return -EINVAL;
    *colon = '\0';
    if (cf_num_parse_u32(text, 0, UINT32_MAX, &ret->major) < 0)
        return -EINVAL;
    return cf_num_parse_u32(colon + 1, 0, UINT32_MAX, &ret->minor);
}

/* proc(5): ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELDS...] - TYPE SOURCE SUPEROPTIONS */
static int parse_line(char *line, struct cf_audit_mount *ret)
{
    char *words[6], *word, *type, *super;

    for (size_t i = 0; i < 6; i++) {
        words[i] = take_word(&line);
        if (!words[i])
            return -EINVAL;
    }
    if (cf_num_parse_u32(words[0], 0, UINT32_MAX, &ret->id) < 0 ||
        cf_num_parse_u32(words[1], 0, UINT32_MAX, &ret->parent) < 0 || parse_device(words[2], ret) < 0)
        return -EINVAL;
    while ((word = take_word(&line)) && strcmp(word, "-") != 0) {
        if (cf_str_starts_with(word, "shared:"))
            (void) cf_num_parse_u32(word + 7, 1, UINT32_MAX, &ret->shared);
        else if (cf_str_starts_with(word, "master:"))
            (void) cf_num_parse_u32(word + 7, 1, UINT32_MAX, &ret->master);
    }
    type = take_word(&line);
    if (!type || !take_word(&line))
        return -EINVAL;
    super = take_word(&line);
    if (!super)
        super = type + strlen(type); /* "" */
    unescape(words[3]);
    unescape(words[4]);
    ret->root = words[3];
    ret->point = words[4];
    ret->fstype = type;
    ret->readonly = has_option(words[5], "ro") || has_option(super, "ro");
    ret->nosuid = has_option(words[5], "nosuid");
    ret->idmapped = has_option(words[5], "idmapped");
    ret->subset_pid = has_option(super, "subset=pid");
    return 0;
}

int cf_audit_parse_mounts(char *text, struct cf_arena *arena, struct cf_audit_mounts *ret)
{
    struct cf_audit_mount *items;
    size_t lines = 1, n = 0;
    char *next;

    *ret = (struct cf_audit_mounts) {0};
    for (const char *p = text; *p; p++)
        lines += *p == '\n';
    if (lines > MAX_MOUNTS) {
        lines = MAX_MOUNTS;
        ret->cut = true;
    }
    items = cf_arena_calloc(arena, lines, sizeof(*items));
    if (!items)
        return -ENOMEM;
    for (char *line = text; line && *line && n < lines; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        items[n] = (struct cf_audit_mount) {0};
        if (parse_line(line, &items[n]) >= 0)
            n++;
    }
    ret->items = items;
    ret->n = n;
    return 0;
}

int cf_audit_read_mounts(int dir_fd, const char *path, struct cf_arena *arena, struct cf_audit_mounts *ret)
{
    cf_auto_fd int fd = cf_procfs_open_at(dir_fd, path, O_RDONLY);
    cf_auto_free char *text = NULL;
    size_t size = TEXT_FIRST, have = 0;
    bool cut = false;
    char *kept;
    int r;

    if (fd < 0)
        return fd;
    for (;;) {
        char *bigger = realloc(text, size);
        long n;

        if (!bigger)
            return -ENOMEM;
        text = bigger;
        n = cf_io_read_buf(fd, text + have, size - 1 - have);
        if (n < 0)
            return (int) n;
        have += (size_t) n;
        if (have < size - 1)
            break;
        if (size >= TEXT_LIMIT) {
            cut = true;
            break;
        }
        size *= 4;
    }
    text[have] = '\0';
    while (cut && have > 0 && text[have - 1] != '\n') /* half a line says something else */
        text[--have] = '\0';
    kept = cf_arena_strndup(arena, text, have);
    if (!kept)
        return -ENOMEM;
    r = cf_audit_parse_mounts(kept, arena, ret);
    ret->cut |= cut;
    return r;
}

/* Length of @dir as a prefix of @path in whole components, or -1. */
static long prefix_len(const char *dir, const char *path)
{
    size_t len = strlen(dir);

    if (strcmp(dir, "/") == 0)
        return path[0] == '/' ? 0 : -1;
    if (strncmp(dir, path, len) != 0 || (path[len] != '/' && path[len] != '\0'))
        return -1;
    return (long) len;
}

const struct cf_audit_mount *cf_audit_mount_at(const struct cf_audit_mounts *mounts, const char *path)
{
    const struct cf_audit_mount *found = NULL;
    long best = -1;

    for (size_t i = 0; i < mounts->n; i++) {
        long len = prefix_len(mounts->items[i].point, path);

        /* Of those that are stacked on one point the last is on top. */
        if (len >= 0 && len >= best) {
            best = len;
            found = &mounts->items[i];
        }
    }
    return found;
}

const char *cf_audit_host_path(const struct cf_audit_mounts *host, const struct cf_audit_mount *mount,
                               struct cf_arena *arena, const struct cf_audit_mount **ret_mount)
{
    const struct cf_audit_mount *found = NULL;
    const char *rest;
    long best = -1;

    for (size_t i = 0; i < host->n; i++) {
        const struct cf_audit_mount *m = &host->items[i];
        long len = m->major == mount->major && m->minor == mount->minor ? prefix_len(m->root, mount->root) : -1;

        if (len > best) {
            best = len;
            found = m;
        }
    }
    *ret_mount = found;
    if (!found)
        return NULL;
    rest = mount->root + best;
    if (*rest == '\0' || strcmp(rest, "/") == 0)
        return found->point;
    return cf_arena_printf(arena, "%s%s", strcmp(found->point, "/") == 0 ? "" : found->point, rest);
}
