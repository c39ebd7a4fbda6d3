/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The user namespace of a container that is there already. Its maps are read from the kernel, not from config.json:
 * they are the truth for a range that was picked, for a namespace that was joined, and for one that init has entered
 * by itself. Host side.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/own.h"
#include "sys/fs.h"
#include "userns/userns-internal.h"
#include "userns/userns.h"

static int setgroups_denied(int proc_fd, bool *ret, struct cf_err *err)
{
    const struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    cf_auto_fd int fd = cf_sys_openat2(proc_fd, "setgroups", &how, sizeof(how));
    char text[16] = "";
    long n;

    if (fd < 0)
        return cf_err_sys(err, fd, "open `setgroups`");
    n = cf_sys_read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return cf_err_sys(err, (int) n, "read `setgroups`");
    *ret = strncmp(text, "deny", 4) == 0;
    return 0;
}

int cf_userns_read_entered(pid_t pid, struct cf_arena *arena, struct cf_userns_plan *ret, struct cf_err *err)
{
    cf_auto_fd int proc_fd = cf_userns_open_proc(pid, err);
    int r;

    if (proc_fd < 0)
        return proc_fd;
    *ret = (struct cf_userns_plan) {.mode = CF_USERNS_JOIN};
    r = cf_userns_read_map(proc_fd, CF_ID_UID, arena, &ret->uids, err);
    if (r >= 0)
        r = cf_userns_read_map(proc_fd, CF_ID_GID, arena, &ret->gids, err);
    return r < 0 ? r : setgroups_denied(proc_fd, &ret->deny_setgroups, err);
}
