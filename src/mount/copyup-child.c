/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * tmpcopyup: a new tmpfs gets a copy of the directory it will cover. The source is part of a
 * hostile rootfs that may change meanwhile; the destination is a detached mount that nobody else
 * can reach. Bounded in depth and number, the bytes are bounded by the tmpfs. Container side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/io.h"
#include "mount/child.h"
#include "path/path.h"

#define MAX_DEPTH 64
#define MAX_ENTRIES (1u << 18)
#define DATA_SIZE (64u << 10)

struct level {
    int src_fd; /* readable directory */
    int dst_fd; /* directory */
    struct stat st; /* of the source */
    uint32_t pos, len; /* in entries */
    unsigned char entries[2048];
};

struct copy {
    int proc_fd; /* for opening what an O_PATH fd has shown to be a regular file */
    bool own_proc;
    uint32_t n_entries;
    unsigned int depth;
    char name[CF_PATH_NAME_MAX]; /* for messages */
    char data[DATA_SIZE];
    struct level levels[MAX_DEPTH];
};

/* An owner that has no mapping here cannot be copied: the file keeps ours. */
static int set_owner(int dirfd, const char *name, const struct stat *st)
{
    int r;

    if (st->st_uid == 0 && st->st_gid == 0)
        return 0;
    r = cf_sys_fchownat(dirfd, name, st->st_uid, st->st_gid,
                        AT_SYMLINK_NOFOLLOW | (name[0] ? 0 : AT_EMPTY_PATH));
    return r == -EINVAL || r == -EPERM ? 0 : r;
}

static int set_times(int dirfd, const char *name, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};

    return cf_sys_utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW);
}

static int copy_data(struct copy *c, int src_fd, int dst_fd)
{
    long n;
    int r;

    for (;;) {
        n = cf_sys_read(src_fd, c->data, sizeof(c->data));
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return (int) n;
        r = cf_io_write_all(dst_fd, c->data, (size_t) n);
        if (r < 0)
            return r;
    }
}

static int open_proc(struct cf_init *in, struct copy *c)
{
    if (c->proc_fd >= 0)
        return 0;
    if (in->proc_fd >= 0) {
        c->proc_fd = in->proc_fd;
        return 0;
    }
    c->proc_fd = cf_procfs_open(true);
    c->own_proc = c->proc_fd >= 0;
    return c->proc_fd < 0 ? c->proc_fd : 0;
}

static int copy_file(struct cf_init *in, struct copy *c, int dst_dir, int path_fd,
                     const struct stat *st)
{
    int src_fd, dst_fd, r;

    r = open_proc(in, c);
    if (r < 0)
        return r;
    src_fd = cf_reopen(c->proc_fd, path_fd, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (src_fd < 0)
        return src_fd;
    dst_fd = cf_sys_openat(dst_dir, c->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                           0600);
    if (dst_fd < 0) {
        (void) cf_sys_close(src_fd);
        return dst_fd;
    }
    r = copy_data(c, src_fd, dst_fd);
    if (r >= 0)
        r = set_owner(dst_dir, c->name, st);
    if (r >= 0) /* behind the owner: chown takes set-user-ID away */
        r = cf_sys_fchmod(dst_fd, st->st_mode & 07777);
    if (r >= 0)
        r = set_times(dst_dir, c->name, st);
    (void) cf_sys_close(dst_fd);
    (void) cf_sys_close(src_fd);
    return r;
}

static int copy_symlink(struct copy *c, int dst_dir, int path_fd, const struct stat *st)
{
    char text[PATH_MAX];
    long n;
    int r;

    n = cf_sys_readlinkat(path_fd, "", text, sizeof(text) - 1);
    if (n < 0)
        return (int) n;
    text[n] = '\0';
    r = cf_sys_symlinkat(text, dst_dir, c->name);
    if (r >= 0)
        r = set_owner(dst_dir, c->name, st);
    return r < 0 ? r : set_times(dst_dir, c->name, st);
}

/* Takes dst_fd; src_path_fd is borrowed. */
static int push(struct copy *c, int src_path_fd, int dst_fd, const struct stat *st)
{
    struct level *l;
    int fd;

    if (c->depth >= MAX_DEPTH) {
        (void) cf_sys_close(dst_fd);
        return -ELOOP;
    }
    fd = cf_sys_openat(src_path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        (void) cf_sys_close(dst_fd);
        return fd;
    }
    l = &c->levels[c->depth++];
    l->src_fd = fd;
    l->dst_fd = dst_fd;
    l->st = *st;
    l->pos = l->len = 0;
    return 0;
}

/* A directory is finished: what would have got in the way while it was filled. */
static int pop(struct copy *c, bool top)
{
    struct level *l = &c->levels[--c->depth];
    int r = 0;

    if (!top) {
        r = set_owner(l->dst_fd, "", &l->st);
        if (r >= 0)
            r = cf_sys_fchmod(l->dst_fd, l->st.st_mode & 07777);
        if (r >= 0)
            r = set_times(l->dst_fd, ".", &l->st);
    }
    (void) cf_sys_close(l->src_fd);
    (void) cf_sys_close(l->dst_fd);
    return r;
}

static int copy_dir(struct copy *c, int dst_dir, int path_fd, const struct stat *st)
{
    int fd, r;

    r = cf_sys_mkdirat(dst_dir, c->name, 0700);
    if (r < 0)
        return r;
    fd = cf_sys_openat(dst_dir, c->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    return fd < 0 ? fd : push(c, path_fd, fd, st);
}

static int copy_entry(struct cf_init *in, struct copy *c, int src_dir, int dst_dir)
{
    const struct open_how how = {
        .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
    };
    struct stat st;
    int fd, r;

    if (++c->n_entries > MAX_ENTRIES)
        return -E2BIG;
    fd = cf_sys_openat2(src_dir, c->name, &how, sizeof(how));
    if (fd == -ENOENT || fd == -EXDEV)
        return 0; /* gone meanwhile, or something is mounted there */
    if (fd < 0)
        return fd;
    r = cf_sys_fstat(fd, &st);
    if (r >= 0) {
        switch (st.st_mode & S_IFMT) {
        case S_IFREG:
            r = copy_file(in, c, dst_dir, fd, &st);
            break;
        case S_IFLNK:
            r = copy_symlink(c, dst_dir, fd, &st);
            break;
        case S_IFDIR:
            r = copy_dir(c, dst_dir, fd, &st);
            break;
        default: /* devices, FIFOs and sockets stay behind */
            break;
        }
    }
    (void) cf_sys_close(fd);
    return r;
}

/* The next entry of the innermost directory, into c->name. Return: 1, 0 at the end, -errno. */
static int next_entry(struct copy *c, struct level *l)
{
    const struct cf_dirent64 *d;
    size_t n;
    long r;

    do {
        if (l->pos >= l->len) {
            r = cf_sys_getdents64(l->src_fd, l->entries, sizeof(l->entries));
            if (r <= 0)
                return (int) r;
            l->len = (uint32_t) r;
            l->pos = 0;
        }
        d = (const void *) (l->entries + l->pos);
        l->pos += d->d_reclen;
    } while (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0);
    n = strlen(d->d_name);
    if (n >= sizeof(c->name))
        return -ENAMETOOLONG;
    memcpy(c->name, d->d_name, n + 1);
    return 1;
}

static int copy_tree(struct cf_init *in, struct copy *c)
{
    int r;

    while (c->depth > 0) {
        struct level *l = &c->levels[c->depth - 1];

        r = next_entry(c, l);
        if (r > 0)
            r = copy_entry(in, c, l->src_fd, l->dst_fd);
        else if (r == 0)
            r = pop(c, c->depth == 1);
        if (r < 0)
            return r;
    }
    return 0;
}

int cf_copyup_child_copy(struct cf_init *in, int src_fd, int dst_fd, struct cf_err *err)
{
    struct stat st = {0};
    struct copy *c;
    long addr;
    int fd, r;

    addr = cf_sys_mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0);
    if (cf_sys_is_error(addr))
        return cf_err_sys(err, (int) addr, "allocate memory");
    c = (struct copy *) addr;
    c->proc_fd = -1;

    fd = cf_sys_openat(dst_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    r = fd < 0 ? fd : push(c, src_fd, fd, &st);
    if (r >= 0)
        r = copy_tree(in, c);
    if (r < 0) {
        (void) cf_err_sys(err, r, "copy the directory's content into the tmpfs, near `%s`",
                          c->name);
        if (r == -ENOSPC)
            cf_err_hint(err, "the tmpfs is too small for what it covers: raise `size=`");
        else if (r == -ELOOP || r == -E2BIG)
            cf_err_hint(err, "at most %d levels and %u entries are copied", MAX_DEPTH, MAX_ENTRIES);
    }
    while (c->depth > 0)
        (void) pop(c, true);
    if (c->own_proc)
        (void) cf_sys_close(c->proc_fd);
    (void) cf_sys_munmap(c, sizeof(*c));
    return r;
}
