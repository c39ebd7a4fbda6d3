/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Without pivot_root the host's mounts stay in the container's mount namespace, below what covers
 * "/". A process that gets there would find the host's proc and sys without masks. So they are
 * unmounted, or, where a user namespace has them locked, covered by an empty tmpfs. This is the
 * only place of the container side that reads mountinfo, and it is not on a normal way. Container
 * side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/str.h"
#include "mount/child.h"
#include "path/path.h"

#define SYSFS_SUPER_MAGIC 0x62656572
#define MAX_PASSES 8

/* Mountinfo writes blanks, backslashes and newlines as \ooo. In place. */
static void unescape(char *s)
{
    char *out = s;

    while (*s) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
            s[3] >= '0' && s[3] <= '7') {
            *out++ = (char) ((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 4;
        } else {
            *out++ = *s++;
        }
    }
    *out = '\0';
}

static char *field(char **rest)
{
    char *s = *rest, *blank;

    if (!s)
        return NULL;
    blank = strchr(s, ' ');
    if (blank)
        *blank = '\0';
    *rest = blank ? blank + 1 : NULL;
    return s;
}

/* The mount point if this line is about procfs or sysfs, else NULL. The line is cut up. */
static char *wanted(char *line)
{
    char *rest = line, *mount_point = NULL, *s;

    for (int i = 0; i < 5; i++)
        mount_point = field(&rest);
    if (!mount_point)
        return NULL;
    do
        s = field(&rest);
    while (s && strcmp(s, "-") != 0);
    s = field(&rest);
    if (!s || (strcmp(s, "proc") != 0 && strcmp(s, "sysfs") != 0))
        return NULL;
    unescape(mount_point);
    return mount_point;
}

static int cover(int fd)
{
    static const char *const params[][2] = {{"size", "4k"}, {"nr_inodes", "2"}};
    struct cf_fd_run run;
    int mnt, r;

    run.n = 0;
    mnt = cf_fs_child_tmpfs(params, 2,
                            MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
                                MOUNT_ATTR_NOEXEC,
                            &run);
    cf_fd_run_flush(&run);
    if (mnt < 0)
        return mnt;
    r = cf_sys_move_mount(mnt, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    (void) cf_sys_close(mnt);
    return r;
}

/*
 * @path as the host sees it: our root directory still is the old one, so this never reaches a
 * mount of the container that lies over "/". The lines of such mounts can have the same path as
 * one of the host that is covered already: only what still shows proc or sys is touched.
 * Return: 1 unmounted, 0 nothing to do or covered, -errno.
 */
static int hide(const char *path)
{
    struct statfs fs;
    int fd, r;

    fd = cf_sys_openat(AT_FDCWD, path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    if (fd < 0)
        return 0; /* went away together with what it was mounted on */
    r = cf_sys_fstatfs(fd, &fs);
    if (r >= 0 && (fs.f_type == CF_PROC_SUPER_MAGIC || fs.f_type == SYSFS_SUPER_MAGIC)) {
        r = cf_sys_umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) >= 0;
        if (r == 0 && cf_fd_type(fd) == S_IFDIR)
            r = cover(fd);
    }
    (void) cf_sys_close(fd);
    return r;
}

/* One line of mountinfo. Return: as hide(). */
static int take_line(struct cf_init *in, char *line)
{
    const struct cf_blob_header *h = in->blob.h;
    const char *root = cf_blob_str(&in->blob, h->root_path);
    const char *path = wanted(line);

    if (!path)
        return 0;
    if ((h->flags & CF_BLOB_ROOT_BY_PATH) && root && cf_path_is_below(path, root))
        return 0; /* the container's own */
    return hide(path);
}

/* Reads all lines once. Return: number of mounts taken away, or -errno. */
static int one_pass(struct cf_init *in, int fd)
{
    char buf[4 * PATH_MAX];
    size_t used = 0;
    int n_hidden = 0, r;
    bool skip = false; /* the rest of a line that was too long */
    long n;

    if (cf_sys_lseek(fd, 0, SEEK_SET) < 0)
        return -EIO;
    for (;;) {
        char *line = buf, *end;

        n = cf_sys_read(fd, buf + used, sizeof(buf) - 1 - used);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? (int) n : n_hidden;
        used += (size_t) n;
        buf[used] = '\0';
        while ((end = strchr(line, '\n'))) {
            *end = '\0';
            r = skip ? 0 : take_line(in, line);
            if (r < 0)
                return r;
            n_hidden += r;
            skip = false;
            line = end + 1;
        }
        used -= (size_t) (line - buf);
        memmove(buf, line, used);
        if (used >= sizeof(buf) - 1) {
            used = 0;
            skip = true;
        }
    }
}

int cf_nopivot_child_hide(struct cf_init *in, struct cf_err *err)
{
    int proc_fd, fd, r;

    proc_fd = cf_procfs_open(true);
    fd = proc_fd;
    if (proc_fd >= 0) {
        fd = cf_procfs_open_at(proc_fd, "self/mountinfo", O_RDONLY);
        (void) cf_sys_close(proc_fd);
    }
    if (fd < 0)
        return cf_err_sys(err, fd, "read the mounts of the host");
    /* Taking one away can bring another to light. */
    r = 1;
    for (int i = 0; i < MAX_PASSES && r > 0; i++)
        r = one_pass(in, fd);
    (void) cf_sys_close(fd);
    if (r < 0)
        return cf_err_sys(err, r, "hide proc and sys of the host");
    return 0;
}
