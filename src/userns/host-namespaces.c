/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A walk over /proc: one readlink for each process tells its user namespace; maps are read once for
 * each namespace. The kernel shows the maps of other namespaces as the reader sees the ids, so those
 * of a nested one are host ids too. Host side.
 */

#include "userns/host-namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "path/path.h"
#include "sys/fs.h"

#define MAP_TEXT_SIZE 16384 /* 340 lines */
#define FIRST_SEEN 256
#define FIRST_FOUND 8
#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

struct walk {
    char skip[CF_NUM_SIZE]; /* pid, "": none */
    const struct cf_hostns_query *query;
    struct cf_arena *arena;
    int proc_fd;
    uint64_t *seen; /* open addressing; 0: empty */
    size_t n_seen, cap_seen;
    struct cf_hostns *found;
    size_t n_found, cap_found;
    char text[MAP_TEXT_SIZE];
};

static bool is_seen(const struct walk *w, uint64_t key)
{
    size_t i = w->cap_seen ? (key * HASH_FACTOR >> 20) & (w->cap_seen - 1) : 0;

    while (w->cap_seen && w->seen[i] != 0) {
        if (w->seen[i] == key)
            return true;
        i = (i + 1) & (w->cap_seen - 1);
    }
    return false;
}

/* Enters a key that is not 0. Return: 1 if it is new, 0. */
static int enter_key(uint64_t *table, size_t cap, uint64_t key)
{
    size_t i = (key * HASH_FACTOR >> 20) & (cap - 1);

    while (table[i] != 0) {
        if (table[i] == key)
            return 0;
        i = (i + 1) & (cap - 1);
    }
    table[i] = key;
    return 1;
}

static int mark_seen(struct walk *w, uint64_t key)
{
    int r;

    if (w->n_seen * 2 >= w->cap_seen) {
        size_t cap = w->cap_seen ? w->cap_seen * 2 : FIRST_SEEN;
        uint64_t *bigger = calloc(cap, sizeof(*bigger));

        if (!bigger)
            return -ENOMEM;
        for (size_t i = 0; i < w->cap_seen; i++)
            if (w->seen[i] != 0)
                (void) enter_key(bigger, cap, w->seen[i]);
        free(w->seen);
        w->seen = bigger;
        w->cap_seen = cap;
    }
    r = enter_key(w->seen, w->cap_seen, key);
    w->n_seen += r > 0;
    return r;
}

/* The number in "user:[4026531837]". 0: it is not told. */
static uint64_t namespace_of(struct walk *w, const char *pid)
{
    char path[40], link[40];
    const char *number;
    uint64_t inode;
    char *end;
    long n;

    (void) cf_format(path, sizeof(path), "%s/ns/user", pid);
    n = cf_sys_readlinkat(w->proc_fd, path, link, sizeof(link) - 1);
    if (n <= 0)
        return 0;
    link[n] = '\0';
    number = cf_str_after(link, "user:[");
    end = number ? strchr(number, ']') : NULL;
    if (!end)
        return 0;
    *end = '\0';
    return cf_num_parse_u64(number, 1, UINT64_MAX, &inode) < 0 ? 0 : inode;
}

static int read_text(struct walk *w, const char *pid, const char *name)
{
    cf_auto_fd int fd = -EBADF;
    char path[40];
    long n;

    (void) cf_format(path, sizeof(path), "%s/%s", pid, name);
    fd = cf_sys_openat(w->proc_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    n = cf_io_read_buf(fd, w->text, sizeof(w->text) - 1);
    if (n < 0)
        return (int) n;
    w->text[n] = '\0';
    return (int) n;
}

static uint64_t text_key(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        hash = (hash ^ (unsigned char) *text) * UINT64_C(0x100000001b3);
    return hash | UINT64_C(1) << 63; /* no inode */
}

/* Return: 1 if @ret was filled, 0 if the map is empty, is all ids or cannot be read any more, -ENOMEM. */
static int read_map(struct walk *w, const char *pid, const char *name, struct cf_idset *ret)
{
    struct cf_idmap map;
    int r = read_text(w, pid, name);

    if (r <= 0)
        return 0;
    r = cf_idmap_parse(w->text, w->arena, &map);
    if (r < 0)
        return r == -ENOMEM ? r : 0;
    for (size_t i = 0; i < map.n; i++)
        if (map.ranges[i].size == CF_ID_NONE)
            return 0;
    r = cf_idset_of_map(&map, w->arena, ret);
    return r < 0 ? r : 1;
}

/* Name and state from "PID (name) S ...". Return: false for a process that is dead or gone. */
static bool read_name(struct walk *w, const char *pid, char comm[16])
{
    char *open, *close;

    if (read_text(w, pid, "stat") <= 0)
        return false;
    open = strchr(w->text, '(');
    close = strrchr(w->text, ')');
    if (!open || !close || close[1] != ' ')
        return false;
    *close = '\0';
    (void) cf_str_copy(comm, 16, open + 1);
    return close[2] != 'Z' && close[2] != 'X';
}

static int add_found(struct walk *w, const char *pid, const struct cf_hostns *found)
{
    uint64_t number = 0;

    if (w->n_found == w->cap_found) {
        size_t cap = w->cap_found ? w->cap_found * 2 : FIRST_FOUND;
        struct cf_hostns *bigger = cf_arena_calloc(w->arena, cap, sizeof(*bigger));

        if (!bigger)
            return -ENOMEM;
        if (w->n_found > 0)
            memcpy(bigger, w->found, w->n_found * sizeof(*bigger));
        w->found = bigger;
        w->cap_found = cap;
    }
    (void) cf_num_parse_u64(pid, 1, INT32_MAX, &number);
    w->found[w->n_found] = *found;
    w->found[w->n_found++].pid = (int) number;
    return 0;
}

static int look_at_process(struct walk *w, const char *pid)
{
    struct cf_hostns ns = {.inode = namespace_of(w, pid)};
    uint64_t key = ns.inode;
    long index;
    int r;

    if (key == 0) {
        if (read_text(w, pid, "uid_map") <= 0)
            return 0;
        key = text_key(w->text);
    }
    if (is_seen(w, key))
        return 0;
    r = read_map(w, pid, "uid_map", &ns.uids);
    if (r >= 0)
        r = read_map(w, pid, "gid_map", &ns.gids);
    if (r < 0)
        return r;
    index = cf_idset_overlap(&w->query->uids, &ns.uids, &ns.ids);
    if (index < 0) {
        ns.gid = true;
        index = cf_idset_overlap(&w->query->gids, &ns.gids, &ns.ids);
    }
    if (index >= 0) {
        /* A zombie uses nothing, but somebody else may still be in its namespace. */
        if (!read_name(w, pid, ns.comm))
            return 0;
        ns.index = (uint32_t) index;
        r = add_found(w, pid, &ns);
        if (r < 0)
            return r;
    }
    return mark_seen(w, key);
}

static int walk_processes(struct walk *w, int dir_fd)
{
    union {
        struct cf_dirent64 align;
        char bytes[32768];
    } buf;
    long n;

    while ((n = cf_sys_getdents64(dir_fd, &buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            const struct cf_dirent64 *entry = (const void *) (buf.bytes + at);

            at += entry->d_reclen;
            if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
                continue;
            /* Without CAP_SYS_PTRACE its namespace has no inode for us. */
            if (strcmp(entry->d_name, w->skip) == 0)
                continue;
            if (look_at_process(w, entry->d_name) < 0)
                return -ENOMEM;
        }
    }
    return (int) n;
}

int cf_hostns_find(const struct cf_hostns_query *query, struct cf_arena *arena, struct cf_hostns **ret, size_t *ret_n,
                   struct cf_err *err)
{
    cf_auto_fd int proc_fd = cf_procfs_open_host(), dir_fd = -EBADF;
    cf_auto_free struct walk *w = calloc(1, sizeof(*w));
    uint64_t inode;
    int r;

    *ret = NULL;
    *ret_n = 0;
    if (!w)
        return cf_err_oom(err);
    if (proc_fd < 0)
        return cf_err_sys(err, proc_fd, "open `/proc`");
    dir_fd = cf_sys_openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (dir_fd < 0)
        return cf_err_sys(err, dir_fd, "open `/proc`");
    w->query = query;
    w->arena = arena;
    w->proc_fd = proc_fd;
    /* Ours first: then it is known already. */
    inode = namespace_of(w, "thread-self");
    r = inode ? mark_seen(w, inode) : 0;
    if (r >= 0 && query->skip_pid > 0) {
        (void) cf_num_format(w->skip, (uint64_t) query->skip_pid);
        inode = namespace_of(w, w->skip);
        r = inode ? mark_seen(w, inode) : 0;
    }
    if (r >= 0)
        r = walk_processes(w, dir_fd);
    free(w->seen);
    *ret = w->found;
    *ret_n = w->n_found;
    if (r == -ENOMEM)
        return cf_err_oom(err);
    return r < 0 ? cf_err_sys(err, r, "read `/proc`") : 0;
}
