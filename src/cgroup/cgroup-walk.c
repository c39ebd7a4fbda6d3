/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Everything below a cgroup: its processes, and its removal. Host side.
 *
 * A container that manages its own cgroup decides how deep and how broad the tree is and what the
 * names are, so nothing here recurses, holds a descriptor for each level or trusts a path: one
 * descriptor moves down by one component and up by `..`, which a cgroup file system cannot change,
 * for it has no renames across directories.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "sys/fs.h"

#define PIDS_TEXT_LIMIT (64u << 20)
/* Deeper than any kernel memory limit of a container lets it go; a bound on our own memory. */
#define MAX_DEPTH 1000000u

/* The children of one cgroup, as they were when it was entered: names with their terminators. */
struct level {
    char *names;
    size_t len, at;
};

struct walk {
    int fd; /* of the cgroup that the last level lists */
    struct level *levels;
    size_t n, cap;
};

static void walk_done(struct walk *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->levels[i].names);
    free(w->levels);
    cf_fd_close(&w->fd);
}

static int level_add(struct level *level, size_t *cap, const char *name)
{
    size_t n = strlen(name) + 1;

    if (level->len + n > *cap) {
        size_t more = *cap ? *cap * 2 : 1024;
        char *names;

        while (more < level->len + n)
            more *= 2;
        names = realloc(level->names, more);
        if (!names)
            return -ENOMEM;
        level->names = names;
        *cap = more;
    }
    memcpy(level->names + level->len, name, n);
    level->len += n;
    return 0;
}

/* Lists the cgroup that w->fd is. */
static int walk_enter(struct walk *w)
{
    _Alignas(struct cf_dirent64) char buf[4096];
    struct level *level;
    size_t cap = 0;
    long n;

    if (w->n == MAX_DEPTH)
        return -ELOOP;
    if (w->n == w->cap) {
        size_t more = w->cap ? w->cap * 2 : 8;
        struct level *levels = realloc(w->levels, more * sizeof(*levels));

        if (!levels)
            return -ENOMEM;
        w->levels = levels;
        w->cap = more;
    }
    level = &w->levels[w->n++];
    *level = (struct level) {0};
    while ((n = cf_sys_getdents64(w->fd, buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            const struct cf_dirent64 *entry = (const void *) (buf + at);
            int r;

            at += entry->d_reclen;
            if (entry->d_type != 4 /* DT_DIR */ || strcmp(entry->d_name, ".") == 0 ||
                strcmp(entry->d_name, "..") == 0)
                continue;
            r = level_add(level, &cap, entry->d_name);
            if (r < 0)
                return r;
        }
    }
    return n == -ENOENT ? 0 : (int) n; /* removed in the meantime */
}

/* Removes the child that the last level is at, from its parent. */
static int walk_remove(const struct walk *w)
{
    const struct level *level = &w->levels[w->n - 1];
    int r = cf_sys_unlinkat(w->fd, level->names + level->at, AT_REMOVEDIR);

    return r == -ENOENT || r == -ENODEV ? 0 : r;
}

static void walk_next(struct walk *w)
{
    struct level *level = &w->levels[w->n - 1];

    level->at += strlen(level->names + level->at) + 1;
}

static int walk_up(struct walk *w)
{
    int up;

    free(w->levels[--w->n].names);
    if (w->n == 0)
        return 0;
    up = cf_sys_openat(w->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (up < 0)
        return up;
    cf_fd_close(&w->fd);
    w->fd = up;
    return 0;
}

/*
 * Every cgroup below @dir_fd. @visit: called for each one before its children; @remove: each one is
 * removed after its children. Return: 0, or the first error; a cgroup that is gone is none.
 */
static int walk_below(int dir_fd, int (*visit)(int fd, void *arg), void *arg, bool remove)
{
    cf_auto(walk_done) struct walk w = {.fd = cf_cgfs_open_dir(dir_fd, ".", NULL)};
    int first = 0, r;

    if (w.fd < 0)
        return w.fd;
    r = walk_enter(&w);
    while (r >= 0 && w.n > 0) {
        struct level *level = &w.levels[w.n - 1];
        int child;

        if (level->at == level->len) {
            r = walk_up(&w);
            if (r < 0 || w.n == 0)
                break;
            if (remove) {
                int removed = walk_remove(&w);

                first = first < 0 ? first : removed;
            }
            walk_next(&w);
            continue;
        }
        /* Most have no children: one call is enough for them. */
        if (remove && walk_remove(&w) == 0) {
            walk_next(&w);
            continue;
        }
        child = cf_cgfs_open_dir(w.fd, level->names + level->at, NULL);
        if (child == -ENOENT || child == -ENODEV) {
            walk_next(&w);
            continue;
        }
        if (child < 0)
            return child;
        cf_fd_close(&w.fd);
        w.fd = child;
        r = visit ? visit(child, arg) : 0;
        if (r >= 0 || r == -ENOENT || r == -ENODEV)
            r = walk_enter(&w);
    }
    return r < 0 ? r : first;
}

/* ---- processes ---- */

void cf_cgfs_pids_done(struct cf_cgfs_pids *list)
{
    free(list->pids);
    *list = (struct cf_cgfs_pids) {0};
}

static int add_pids(char *text, struct cf_cgfs_pids *list)
{
    for (char *line = text, *next; line && *line; line = next) {
        uint32_t pid;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        /* 0 is a process outside our pid namespace: we cannot name it, and kill(0) would hit us. */
        if (cf_num_parse_u32(line, 1, INT32_MAX, &pid) < 0)
            continue;
        if (list->n == list->cap) {
            size_t cap = list->cap ? list->cap * 2 : 64;
            pid_t *pids = realloc(list->pids, cap * sizeof(*pids));

            if (!pids)
                return -ENOMEM;
            list->pids = pids;
            list->cap = cap;
        }
        list->pids[list->n++] = (pid_t) pid;
    }
    return 0;
}

static int list_one(int fd, void *arg)
{
    cf_auto_free char *text = NULL;
    cf_auto_fd int procs = cf_cgfs_open(fd, "cgroup.procs", O_RDONLY);
    int r;

    if (procs < 0)
        return procs;
    r = cf_io_read_all(procs, PIDS_TEXT_LIMIT, &text, NULL);
    /* EOPNOTSUPP: a threaded cgroup, its processes are listed at its domain. */
    if (r < 0)
        return r == -EOPNOTSUPP || r == -ENODEV ? 0 : r;
    return text ? add_pids(text, arg) : 0;
}

int cf_cgfs_list_pids(int dir_fd, struct cf_cgfs_pids *list)
{
    int r = list_one(dir_fd, list);

    return r < 0 ? r : walk_below(dir_fd, list_one, list, false);
}

int cf_cgfs_rm_children(int dir_fd)
{
    return walk_below(dir_fd, NULL, NULL, true);
}
