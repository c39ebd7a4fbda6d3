/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Walking and making paths inside a rootfs whose owner is hostile and active meanwhile.
 *
 * The kernel resolves everything (openat2 with RESOLVE_IN_ROOT), so symlinks and ".." can never
 * lead outside whatever is renamed. What is missing is made as one component below a directory fd
 * that came from such a resolution, and opened again without following anything. A dangling
 * symlink is replaced by its text and the whole path resolved again from the root.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "path/path.h"

#define MAX_LINKS 40 /* as many as the kernel follows */

/* One component below a directory fd, following nothing. */
#define RESOLVE_ONE (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

static int open_how(int dirfd, const char *path, int oflags, uint64_t resolve)
{
    struct open_how how = {
        .flags = (uint64_t) (uint32_t) (oflags | O_CLOEXEC),
        .resolve = resolve,
    };
    int r = -EAGAIN;

    for (int i = 0; i < CF_PATH_MAX_RETRIES && (r == -EAGAIN || r == -EINTR); i++)
        r = cf_sys_openat2(dirfd, path, &how, sizeof(how));
    return r;
}

int cf_inroot_open(int root_fd, const char *path, int oflags, uint64_t resolve_extra)
{
    if (!path || path[0] == '\0' || (oflags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
        return -EINVAL;
    return open_how(root_fd, path, oflags,
                    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve_extra);
}

int cf_fd_type(int fd)
{
    struct stat st;
    int r = cf_sys_fstat(fd, &st);

    return r < 0 ? r : (int) (st.st_mode & S_IFMT);
}

/* Gives what was just made the exact mode: the umask may have taken bits away. The set-group-ID
 * bit that a directory inherits stays. */
static int fix_mode(int fd, uint32_t mode)
{
    struct stat st;
    int r = cf_sys_fstat(fd, &st);

    if (r < 0)
        return r;
    if ((st.st_mode & 05777) == (mode & 05777))
        return 0;
    return cf_sys_fchmod(fd, (mode & 05777) | (st.st_mode & S_ISGID));
}

/* mkdir of one component and an fd of it. An fd for reading only if the mode must be mended. */
static int make_dir(int parent_fd, const char *name, uint32_t mode, int *ret_fd)
{
    struct stat st;
    int fd, readable, r;

    r = cf_sys_mkdirat(parent_fd, name, mode & 07777);
    if (r < 0)
        return r;
    fd = open_how(parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, RESOLVE_ONE);
    if (fd < 0)
        return fd;
    r = cf_sys_fstat(fd, &st);
    if (r >= 0 && (st.st_mode & 05777) != (mode & 05777)) {
        readable = cf_sys_openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        r = readable;
        if (readable >= 0) {
            r = fix_mode(readable, mode);
            (void) cf_sys_close(readable);
        }
    }
    if (r < 0) {
        (void) cf_sys_close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

/*
 * The path with its component [at, at + n), a symlink in parent_fd, replaced by the link's text.
 * Relative text is relative to what stands before it. Return: 1 replaced, 0 it is no symlink.
 */
static int splice_link(int parent_fd, char path[PATH_MAX], size_t at, size_t n)
{
    char name[CF_PATH_NAME_MAX], text[PATH_MAX], out[PATH_MAX];
    long len;
    int r;

    memcpy(name, path + at, n);
    name[n] = '\0';
    len = cf_sys_readlinkat(parent_fd, name, text, sizeof(text) - 1);
    if (len == -EINVAL || len == -ENOENT)
        return 0;
    if (len < 0)
        return (int) len;
    if (len == 0 || len == (long) sizeof(text) - 1)
        return -ENAMETOOLONG;
    text[len] = '\0';

    if (text[0] == '/')
        r = cf_str_path(out, sizeof(out), "%s/%s", text, path + at + n);
    else
        r = cf_str_path(out, sizeof(out), "%.*s/%s/%s", (int) at, path, text, path + at + n);
    if (r >= 0)
        r = cf_path_clean(out, path, PATH_MAX);
    return r < 0 ? r : 1;
}

/* End of the component that begins at or behind *at; *at is moved to its beginning. */
static size_t next_component(const char *path, size_t *at)
{
    size_t end;

    while (path[*at] == '/')
        (*at)++;
    for (end = *at; path[end] && path[end] != '/';)
        end++;
    return end;
}

struct walk {
    int root_fd;
    uint64_t extra;
    uint32_t mode;
    int n_made;
    char path[PATH_MAX]; /* cleaned; changes when a dangling symlink is replaced */
};

/*
 * Opens the prefix [0, end) from the root, or makes its last component [at, end) in parent_fd.
 * Return: 0 and *ret_fd, 1 when the path was changed and the walk must begin again.
 */
static int open_or_make(struct walk *w, int parent_fd, size_t at, size_t end, int *ret_fd)
{
    char cut = w->path[end];
    int fd, r = -EAGAIN;

    for (int i = 0; i < CF_PATH_MAX_RETRIES; i++) {
        w->path[end] = '\0';
        fd = cf_inroot_open(w->root_fd, w->path, O_PATH | O_DIRECTORY, w->extra);
        if (fd == -ENOENT)
            r = make_dir(parent_fd, w->path + at, w->mode, &fd);
        else
            r = fd < 0 ? fd : 1;
        w->path[end] = cut;
        if (r >= 0) {
            w->n_made += r == 0;
            *ret_fd = fd;
            return 0;
        }
        if (r != -EEXIST)
            return r;
        /* Something is there that does not resolve: a dangling link, or made by somebody now. */
        if (!(w->extra & RESOLVE_NO_SYMLINKS)) {
            r = splice_link(parent_fd, w->path, at, end - at);
            if (r != 0)
                return r;
        }
    }
    return -EAGAIN;
}

/* One pass over the path. Return: 0 and *ret_fd, 1 to begin again, -errno. */
static int walk_once(struct walk *w, int *ret_fd)
{
    size_t at = 0, end;
    int dir_fd, fd = -EBADF, r;

    dir_fd = cf_inroot_open(w->root_fd, "/", O_PATH | O_DIRECTORY, w->extra);
    if (dir_fd < 0)
        return dir_fd;
    for (;;) {
        end = next_component(w->path, &at);
        if (end == at)
            break;
        r = open_or_make(w, dir_fd, at, end, &fd);
        (void) cf_sys_close(dir_fd);
        if (r != 0)
            return r;
        dir_fd = fd;
        at = end;
    }
    *ret_fd = dir_fd;
    return 0;
}

int cf_inroot_mkdirs(int root_fd, const char *path, uint32_t mode, uint64_t resolve_extra,
                     int *ret_fd)
{
    struct walk w;
    int fd, r;

    /* Nearly always everything exists: one call. */
    fd = cf_inroot_open(root_fd, path, O_PATH | O_DIRECTORY, resolve_extra);
    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (fd != -ENOENT)
        return fd;

    w.root_fd = root_fd;
    w.extra = resolve_extra;
    w.mode = mode;
    w.n_made = 0;
    r = cf_path_clean(path, w.path, sizeof(w.path));
    if (r < 0)
        return r;
    for (int i = 0; i < MAX_LINKS; i++) {
        r = walk_once(&w, &fd);
        if (r == 0) {
            *ret_fd = fd;
            return w.n_made;
        }
        if (r < 0)
            return r;
    }
    return -ELOOP;
}

/* Cuts the last component off a cleaned path. Return: its offset, or -EINVAL. */
static int last_component(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    if (name[0] == '\0' || cf_str_eq(name, ".") || cf_str_eq(name, ".."))
        return -EINVAL;
    return (int) (name - path);
}

int cf_inroot_parent(int root_fd, const char *path, bool mkdirs, uint64_t resolve_extra,
                     int *ret_parent_fd, char ret_name[CF_PATH_NAME_MAX])
{
    char clean[PATH_MAX];
    int at, fd, r;

    r = cf_path_clean(path, clean, sizeof(clean));
    if (r < 0)
        return r;
    at = last_component(clean);
    if (at < 0)
        return at;
    r = cf_str_copy(ret_name, CF_PATH_NAME_MAX, clean + at);
    if (r < 0)
        return r;
    clean[at] = '\0';
    if (mkdirs) {
        r = cf_inroot_mkdirs(root_fd, at ? clean : "/", 0755, resolve_extra, &fd);
    } else {
        fd = cf_inroot_open(root_fd, at ? clean : "/", O_PATH | O_DIRECTORY, resolve_extra);
        r = fd;
    }
    if (r < 0)
        return r;
    *ret_parent_fd = fd;
    return 0;
}

static bool same_inode(int a, int b)
{
    struct stat x, y;

    return cf_sys_fstat(a, &x) == 0 && cf_sys_fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
           x.st_ino == y.st_ino;
}

/* Makes the empty file and an O_PATH fd of exactly that inode. */
static int make_file(int parent_fd, const char *name, uint32_t mode, int *ret_fd)
{
    int made, fd, r;

    made = cf_sys_openat(parent_fd, name,
                         O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode & 07777);
    if (made < 0)
        return made;
    r = fix_mode(made, mode);
    if (r >= 0) {
        fd = open_how(parent_fd, name, O_PATH | O_NOFOLLOW, RESOLVE_ONE);
        r = fd;
        if (fd >= 0 && !same_inode(made, fd)) {
            (void) cf_sys_close(fd);
            r = -EAGAIN;
        }
        if (r >= 0)
            *ret_fd = fd;
    }
    (void) cf_sys_close(made);
    return r < 0 ? r : 0;
}

/* Return: 2 begin again, 1 made, 0 existed. */
static int mkfile_once(int root_fd, char path[PATH_MAX], uint32_t mode, uint64_t extra, int *ret_fd)
{
    char name[CF_PATH_NAME_MAX];
    int fd, parent_fd, r;

    fd = cf_inroot_open(root_fd, path, O_PATH, extra);
    if (fd >= 0) {
        *ret_fd = fd;
        return 0;
    }
    if (fd != -ENOENT)
        return fd;

    r = cf_inroot_parent(root_fd, path, true, extra, &parent_fd, name);
    if (r < 0)
        return r;
    r = make_file(parent_fd, name, mode, ret_fd);
    if (r == 0) {
        r = 1;
    } else if (r == -EAGAIN) {
        r = 2;
    } else if (r == -EEXIST) {
        r = 0;
        if (!(extra & RESOLVE_NO_SYMLINKS))
            r = splice_link(parent_fd, path, (size_t) last_component(path), strlen(name));
        if (r >= 0)
            r = 2;
    }
    (void) cf_sys_close(parent_fd);
    return r;
}

int cf_inroot_mkfile(int root_fd, const char *path, uint32_t mode, uint64_t resolve_extra,
                     int *ret_fd, uint32_t *ret_type)
{
    char clean[PATH_MAX];
    int fd = -EBADF, type, r;

    r = cf_path_clean(path, clean, sizeof(clean));
    if (r < 0)
        return r;
    for (int i = 0; i < MAX_LINKS; i++) {
        r = mkfile_once(root_fd, clean, mode, resolve_extra, &fd);
        if (r < 0)
            return r;
        if (r == 2)
            continue;
        type = cf_fd_type(fd);
        if (type < 0) {
            (void) cf_sys_close(fd);
            return type;
        }
        *ret_fd = fd;
        if (ret_type)
            *ret_type = (uint32_t) type;
        return r;
    }
    return -ELOOP;
}

static long read_link(int parent_fd, const char *name, char *buf, size_t size)
{
    long n = cf_sys_readlinkat(parent_fd, name, buf, size);

    if (n < 0)
        return n;
    if ((size_t) n >= size)
        return -ENAMETOOLONG;
    buf[n] = '\0';
    return n;
}

int cf_inroot_symlink(int root_fd, const char *path, const char *target, uint64_t resolve_extra)
{
    char name[CF_PATH_NAME_MAX], text[PATH_MAX];
    int parent_fd, r;

    r = cf_inroot_parent(root_fd, path, true, resolve_extra, &parent_fd, name);
    if (r < 0)
        return r;
    r = cf_sys_symlinkat(target, parent_fd, name);
    if (r == -EEXIST && read_link(parent_fd, name, text, sizeof(text)) > 0 &&
        strcmp(text, target) == 0)
        r = 0;
    else if (r == 0)
        r = 1;
    (void) cf_sys_close(parent_fd);
    return r;
}

int cf_inroot_readlink(int root_fd, const char *path, char *buf, size_t size)
{
    char name[CF_PATH_NAME_MAX];
    int parent_fd, r;

    if (size == 0)
        return -ENAMETOOLONG;
    r = cf_inroot_parent(root_fd, path, false, 0, &parent_fd, name);
    if (r < 0)
        return r;
    r = (int) read_link(parent_fd, name, buf, size);
    (void) cf_sys_close(parent_fd);
    return r;
}
