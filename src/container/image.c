/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * coffer-init as something that can be executed without any tie to a file of the host: a sealed
 * memfd that holds a private copy (rule R23). Whatever a container does with a handle on it, it
 * reaches neither the host's binary nor its page cache. The mode gives nobody but the owner of the
 * memory the right to read, so that the process that runs it is not dumpable.
 *
 * Host side.
 */

#include "container/container.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>

#include "base/io.h"
#include "base/own.h"
#include "config.h"
#include "init/image.h"
#include "sys/fs.h"
#include "sys/mountfd.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

#define CF_IMAGE_MODE 0111
#define CF_IMAGE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* vm.memfd_noexec=2 forbids executable memfds: the installed copy, through a mount of its own that
 * can never become writable. */
static int image_open_installed(struct cf_err *err)
{
    static const char path[] = COFFER_LIBEXECDIR "/coffer-init";
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    cf_auto_fd int fd = -EBADF;
    int r;

    fd = cf_sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd < 0)
        goto refused;
    r = cf_sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
    if (r < 0) {
        cf_fd_close(&fd);
        fd = r;
        goto refused;
    }
    return cf_steal_fd(&fd);

refused:
    r = fd;
    fd = -EBADF;
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "image-noexec", r,
                      "executable memory files are forbidden and `%s` cannot be used", path);
    cf_err_errno(err, r);
    cf_err_hint(err, "set the sysctl vm.memfd_noexec to 0 or 1, or install coffer completely");
    return r;
}

int cf_image_open(bool enters, struct cf_err *err)
{
    cf_auto_fd int fd = -EBADF;
    int seals = CF_IMAGE_SEALS | F_SEAL_EXEC;
    int r;

    fd = cf_sys_memfd_create("coffer-init", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (fd == -EINVAL) { /* before 6.3: every memfd is executable */
        seals = CF_IMAGE_SEALS;
        fd = cf_sys_memfd_create("coffer-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    }
    if (fd == -EACCES || fd == -EPERM) {
        fd = -EBADF;
        return image_open_installed(err);
    }
    if (fd < 0) {
        r = fd;
        fd = -EBADF;
        return cf_err_sys(err, r, "create memory file for coffer-init");
    }
    r = enters ? cf_io_write_all(fd, cf_enter_image, cf_enter_image_size)
               : cf_io_write_all(fd, cf_init_image, cf_init_image_size);
    if (r < 0)
        return cf_err_sys(err, r, "copy coffer-init");
    r = cf_sys_fchmod(fd, CF_IMAGE_MODE);
    if (r < 0)
        return cf_err_sys(err, r, "set mode of coffer-init");
    r = cf_sys_fcntl(fd, F_ADD_SEALS, seals);
    if (r < 0)
        return cf_err_sys(err, r, "seal coffer-init");
    return cf_steal_fd(&fd);
}
