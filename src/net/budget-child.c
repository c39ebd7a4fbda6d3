/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writes the budgets inside a new user namespace (user.max_*): sysctls without a key, which come
 * first. Which namespace they are about depends on who opens the file, so any procfs will do: ours,
 * a private one, or the host's that is still in sight. Container side.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "init/init.h"
#include "path/path.h"

#define PREFIX "user/"
#define MAX_OPEN 16

static int open_dir(int proc_fd)
{
    const struct open_how how = {
        .flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };

    return proc_fd < 0 ? -ENOENT : cf_sys_openat2(proc_fd, "sys/user", &how, sizeof(how));
}

static int write_one(int dir_fd, const char *name, const char *value, int *ret_fd)
{
    const struct open_how how = {
        .flags = O_WRONLY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };
    long n;

    *ret_fd = cf_sys_openat2(dir_fd, name, &how, sizeof(how));
    if (*ret_fd < 0)
        return *ret_fd;
    do
        n = cf_sys_write(*ret_fd, value, strlen(value));
    while (n == -EINTR);
    return n < 0 ? (int) n : 0;
}

/* Consecutive numbers are one call. */
static void close_all(const int *fds, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        if (fds[i] != fds[0] + (int) i) {
            for (uint32_t k = 0; k < n; k++)
                (void) cf_sys_close(fds[k]);
            return;
        }
    }
    if (n > 0)
        (void) cf_sys_close_range((unsigned int) fds[0], (unsigned int) fds[n - 1], 0);
}

static int write_all(struct cf_init *in, int proc_fd, uint32_t count)
{
    const struct cf_blob_sysctl *s = cf_blob_at(&in->blob, in->blob.h->sysctls);
    int fds[MAX_OPEN], dir_fd, r = 0;
    uint32_t n = 0;

    dir_fd = open_dir(proc_fd);
    if (dir_fd < 0)
        return dir_fd;
    fds[n++] = dir_fd;
    for (uint32_t i = 0; r >= 0 && i < count && n < MAX_OPEN; i++) {
        const char *path = cf_blob_str(&in->blob, s[i].path);

        if (!cf_str_starts_with(path, PREFIX))
            continue;
        r = write_one(dir_fd, path + strlen(PREFIX), cf_blob_str(&in->blob, s[i].value), &fds[n]);
        if (fds[n] >= 0)
            n++;
        if (r == -ENOENT)
            r = 0; /* a kind of namespace that this kernel was built without */
    }
    close_all(fds, n);
    return r;
}

void cf_budget_child_apply(struct cf_init *in, uint32_t count)
{
    int fd, r;

    if (count == 0)
        return;
    r = write_all(in, in->proc_fd, count);
    if (r < 0) {
        fd = cf_procfs_open(false);
        if (fd < 0)
            fd = cf_procfs_open_host();
        if (fd >= 0) {
            r = write_all(in, fd, count);
            (void) cf_sys_close(fd);
        }
    }
    if (r < 0)
        cf_init_warn(in, "the limits of the user namespace (user.max_*) stay as the kernel has them: no writable "
                         "/proc/sys/user (error %d)", -r);
}
