/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The standard streams that the caller gave us. They are its own files: nothing about them is
 * changed, but for two exceptions. What is exactly the host's null device becomes the container's,
 * and pipes and sockets get the container's user as owner, or that user could not open
 * /proc/self/fd/1 again. Container side, freestanding.
 */

#include <errno.h>
#include <fcntl.h>

#include "init/init-internal.h"
#include "path/path.h"
#include "sys/fs.h"

/* The type before the number: st_rdev is 0 for everything that is no device. */
static bool is_null_device(const struct stat *st)
{
    return S_ISCHR(st->st_mode) && st->st_rdev == cf_sys_makedev(1, 3);
}

/* Not being able to is no harm: the stream stays the host's null device, and just as empty. */
static void use_own_null(struct cf_init *in, int fd)
{
    int flags, own;

    /* Whatever it was opened for: nobody can do more with a null device. */
    if (in->null_is_open) {
        (void) cf_sys_dup3(in->null_fd, fd, 0);
        return;
    }
    flags = cf_sys_fcntl(fd, F_GETFL, 0);
    if (flags < 0)
        return;
    flags = (flags & O_ACCMODE) | O_NOCTTY;
    own = cf_reopen(in->proc_fd, in->null_fd, flags);
    if (own < 0)
        return;
    (void) cf_sys_dup3(own, fd, 0);
    /* own is closed with everything else before the wait for COMMIT. */
}

/* A process that joins has no null device yet: the one at /dev of the container, if it is one. The file is the
 * container's, so that it must not be waited for, and in the way of its own device policy. */
static void find_null(struct cf_init *in)
{
    const struct open_how how = {
        .flags = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    struct stat st;
    int fd = cf_sys_openat2(AT_FDCWD, "/dev/null", &how, sizeof(how));

    if (fd < 0)
        return;
    if (cf_sys_fstat(fd, &st) < 0 || !is_null_device(&st)) {
        (void) cf_sys_close(fd);
        return;
    }
    in->null_fd = fd;
    in->null_is_open = true;
}

int cf_stdio_child_setup(struct cf_init *in, struct cf_err *err)
{
    uint32_t uid = in->blob.h->uid;
    struct stat st;
    int r;

    for (int fd = 0; fd <= 2; fd++) {
        r = cf_sys_fstat(fd, &st);
        if (r == -EBADF)
            continue;
        if (r < 0)
            return cf_err_sys(err, r, "look at standard stream %d", fd);
        if (is_null_device(&st)) {
            if (in->null_fd < 0 && (in->blob.h->flags & CF_BLOB_EXEC))
                find_null(in);
            if (in->null_fd >= 0)
                use_own_null(in, fd);
        } else if ((S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) && st.st_uid != uid) {
            (void) cf_sys_fchown(fd, uid, UINT32_MAX);
        }
    }
    return 0;
}
