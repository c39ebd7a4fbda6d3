/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The container's terminal. Master and slave are reached by fds from the container's own devpts
 * only; no name that a container could have put there is ever followed (rule R16). Container
 * side, freestanding.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "init/init-internal.h"
#include "path/path.h"
#include "sys/fs.h"

#define CF_DEVPTS_SUPER_MAGIC 0x1cd1
#define PTMX_INODE 2
/* Unix98 slaves */
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST 143

static int is_devpts(int fd)
{
    struct statfs fs;
    int r = cf_sys_fstatfs(fd, &fs);

    if (r < 0)
        return r;
    return fs.f_type == CF_DEVPTS_SUPER_MAGIC ? 0 : -ENOTTY;
}

/* The root of a devpts: what init mounted, else what is at /dev/pts of the root. */
static int open_devpts(struct cf_init *in, int *ret_own, struct cf_err *err)
{
    int fd = in->pts_fd, r;

    *ret_own = -1;
    if (fd < 0) {
        fd = cf_inroot_open(in->root_fd, "/dev/pts", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
        if (fd < 0)
            return cf_err_sys(err, fd, "open `/dev/pts`");
        *ret_own = fd;
    }
    r = is_devpts(fd);
    if (r < 0) {
        if (*ret_own >= 0)
            (void) cf_sys_close(*ret_own);
        (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "devpts-missing", r,
                          "what is at `/dev/pts` is no devpts");
        cf_err_field(err, "process.terminal");
        cf_err_hint(err, "a terminal needs a mount of type devpts at /dev/pts");
        return r;
    }
    return fd;
}

static int open_master(int pts_fd, struct cf_err *err)
{
    struct open_how how = {
        .flags = O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    struct stat st;
    int fd, r;

    fd = cf_sys_openat2(pts_fd, "ptmx", &how, sizeof(how));
    if (fd < 0)
        return cf_err_sys(err, fd, "open `/dev/pts/ptmx`");
    r = cf_sys_fstat(fd, &st);
    if (r >= 0)
        r = is_devpts(fd);
    if (r >= 0 && !(S_ISCHR(st.st_mode) && st.st_ino == PTMX_INODE &&
                    st.st_rdev == cf_sys_makedev(5, 2)))
        r = -ENOTTY;
    if (r < 0) {
        (void) cf_sys_close(fd);
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "ptmx-wrong", r,
                          "`/dev/pts/ptmx` is not the terminal multiplexer");
    }
    return fd;
}

static int check_slave(int fd)
{
    struct stat st;
    unsigned int major;
    int r;

    r = is_devpts(fd);
    if (r < 0)
        return r;
    r = cf_sys_fstat(fd, &st);
    if (r < 0)
        return r;
    major = (unsigned int) (st.st_rdev >> 8) & 0xfff;
    return S_ISCHR(st.st_mode) && major >= PTS_MAJOR_FIRST && major <= PTS_MAJOR_LAST ? 0 : -ENOTTY;
}

static int set_size(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    struct winsize size = {
        .ws_row = (unsigned short) h->console_height,
        .ws_col = (unsigned short) h->console_width,
    };
    int r;

    if (h->console_width == 0 && h->console_height == 0)
        return 0;
    r = cf_sys_ioctl_ptr(in->master_fd, TIOCSWINSZ, &size);
    if (r < 0) {
        (void) cf_err_sys(err, r, "set size of the terminal");
        cf_err_field(err, "process.consoleSize");
    }
    return r;
}

int cf_term_child_open(struct cf_init *in, struct cf_err *err)
{
    int pts_fd, own_fd, unlock = 0, r;

    pts_fd = open_devpts(in, &own_fd, err);
    if (pts_fd < 0)
        return pts_fd;
    r = open_master(pts_fd, err);
    if (own_fd >= 0)
        (void) cf_sys_close(own_fd);
    if (r < 0)
        return r;
    in->master_fd = r;

    r = cf_sys_ioctl_ptr(in->master_fd, TIOCSPTLCK, &unlock);
    if (r < 0)
        return cf_err_sys(err, r, "unlock the terminal");
    r = cf_sys_ioctl(in->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (r < 0)
        return cf_err_sys(err, r, "open the slave of the terminal");
    in->slave_fd = r;
    r = check_slave(in->slave_fd);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "pty-wrong", r,
                          "the terminal's slave is not on the devpts of the container");
    r = set_size(in, err);
    if (r < 0)
        return r;
    /* The group stays as `gid=` of the devpts says: the tty group writes, not the user's. */
    r = cf_sys_fchown(in->slave_fd, in->blob.h->uid, UINT32_MAX);
    return r < 0 ? cf_err_sys(err, r, "give the terminal to uid %u", in->blob.h->uid) : 0;
}

int cf_term_child_attach(struct cf_init *in, struct cf_err *err)
{
    int r;

    r = cf_sys_ioctl(in->slave_fd, TIOCSCTTY, 0);
    if (r < 0)
        return cf_err_sys(err, r, "make the terminal the controlling one");
    for (int fd = 0; fd <= 2; fd++) {
        r = cf_sys_dup3(in->slave_fd, fd, 0);
        if (r < 0)
            return cf_err_sys(err, r, "make the terminal standard stream %d", fd);
    }
    (void) cf_sys_close(in->slave_fd);
    in->slave_fd = -1;
    return 0;
}
