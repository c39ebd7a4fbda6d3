/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which cgroup hierarchies the host has. On a v2 host one statfs(2); /proc/self/mountinfo, which
 * can be long, is only read where v1 hierarchies are mounted. Read-only, host side.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>

#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "facts/probes.h"
#include "sys/fs.h"

#define CGROUP_DIR "/sys/fs/cgroup"
#define MOUNTINFO_LIMIT (64u << 20)

/* Words of one line, cut in place. Return: how many, at most @max. */
static size_t split_words(char *line, char **words, size_t max)
{
    size_t n = 0;

    while (*line && n < max) {
        words[n++] = line;
        line += strcspn(line, " ");
        if (*line)
            *line++ = '\0';
    }
    return n;
}

/* Superblock options of a v1 mount that name its controllers. Return: 0, -ENAMETOOLONG. */
static int take_controllers(const char *options, char *buf, size_t size)
{
    static const char *const others[] = {
        "rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods", "none",
    };
    char word[CF_FACTS_V1_NAME];
    size_t n;
    int r = 0;

    buf[0] = '\0';
    while (*options && r >= 0) {
        n = strcspn(options, ",");
        if (n >= sizeof(word))
            return -ENAMETOOLONG;
        memcpy(word, options, n);
        word[n] = '\0';
        options += n + (options[n] == ',');
        if (cf_str_starts_with(word, "release_agent=") || cf_str_starts_with(word, "seclabel") ||
            cf_str_index(others, sizeof(others) / sizeof(others[0]), word) >= 0)
            continue;
        if (buf[0])
            r = cf_str_append(buf, size, ",");
        if (r >= 0)
            r = cf_str_append(buf, size, word);
    }
    return r < 0 ? r : 0;
}

/* 36 35 0:30 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu */
static void parse_line(char *line, struct cf_facts *facts)
{
    struct cf_facts_hierarchy *h = &facts->hierarchies[facts->n_hierarchies];
    const char *name;
    char *words[32];
    size_t n = split_words(line, words, 32), dash = 6;

    while (dash < n && strcmp(words[dash], "-") != 0)
        dash++;
    if (dash + 3 >= n)
        return;
    name = cf_str_after(words[4], CGROUP_DIR "/");
    if (!name || name[0] == '\0' || strchr(name, '/') || strchr(name, '\\'))
        return;
    if (cf_str_copy(h->dir, sizeof(h->dir), name) < 0)
        return;
    h->controllers[0] = '\0';
    if (strcmp(words[dash + 1], "cgroup") == 0) {
        if (take_controllers(words[dash + 3], h->controllers, sizeof(h->controllers)) < 0 ||
            h->controllers[0] == '\0')
            return;
    } else if (strcmp(words[dash + 1], "cgroup2") != 0) {
        return;
    }
    facts->n_hierarchies++;
}

void cf_facts_parse_mountinfo(const char *text, struct cf_facts *facts)
{
    char line[1024];
    size_t n;

    facts->n_hierarchies = 0;
    while (*text && facts->n_hierarchies < CF_FACTS_V1_MAX) {
        n = strcspn(text, "\n");
        if (n < sizeof(line)) {
            memcpy(line, text, n);
            line[n] = '\0';
            parse_line(line, facts);
        }
        text += n + (text[n] == '\n');
    }
}

int cf_facts_probe_cgroup(struct cf_facts *facts, int *ret_fd, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    cf_auto_fd int fd = -EBADF;
    struct statfs fs;
    int r;

    facts->cgroup_mode = CF_CGROUP_MODE_NONE;
    if (ret_fd)
        fd = cf_sys_openat(AT_FDCWD, CGROUP_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if ((ret_fd ? cf_sys_fstatfs(fd, &fs) : cf_sys_statfs(CGROUP_DIR, &fs)) < 0)
        return 0;
    if (fs.f_type == CGROUP2_SUPER_MAGIC) {
        facts->cgroup_mode = CF_CGROUP_MODE_V2;
        if (ret_fd)
            *ret_fd = cf_steal_fd(&fd);
        return 0;
    }
    if (fs.f_type != TMPFS_MAGIC)
        return 0;
    r = cf_io_read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT, &text, NULL);
    if (r < 0)
        return cf_err_sys(err, r, "read `/proc/self/mountinfo`");
    cf_facts_parse_mountinfo(text, facts);
    if (facts->n_hierarchies > 0)
        facts->cgroup_mode = CF_CGROUP_MODE_V1;
    return 0;
}
