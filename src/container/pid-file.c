/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See pid-file.h. A relative path begins at the working directory of the caller. */

#include "container/pid-file.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"

int cf_pid_file_write(const char *path, pid_t pid, struct cf_err *err)
{
    char dir[4096], text[CF_NUM_SIZE];
    cf_auto_fd int dir_fd = -EBADF;
    const char *slash;
    size_t len;
    int r;

    if (!path)
        return 0;
    slash = strrchr(path, '/');
    r = cf_str_copy(dir, sizeof(dir), path);
    if (r >= 0) {
        if (!slash)
            (void) cf_str_copy(dir, sizeof(dir), ".");
        else
            dir[slash == path ? 1 : slash - path] = '\0';
        dir_fd = cf_sys_openat(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        r = dir_fd;
    }
    if (r >= 0) {
        len = cf_num_format(text, (uint64_t) pid);
        r = cf_io_replace_file_at(dir_fd, slash ? slash + 1 : path, text, len, 0644);
    }
    if (r < 0) {
        r = cf_err_sys(err, r, "write pid file `%s`", path);
        cf_err_step(err, "pid-file");
        return r;
    }
    return 0;
}
