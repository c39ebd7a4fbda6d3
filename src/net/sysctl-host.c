/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.sysctl of namespaces that are joined and that the container's new user namespace has no rights in: only who
 * has them can write. The calling thread goes there for each write and comes back. Host side.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "net/net.h"
#include "path/path.h"
#include "sys/fs.h"
#include "sys/task.h"

static const char *own_path(int type)
{
    switch (type) {
    case CLONE_NEWNET:
        return "/proc/thread-self/ns/net";
    case CLONE_NEWIPC:
        return "/proc/thread-self/ns/ipc";
    default:
        return "/proc/thread-self/ns/uts";
    }
}

static int joined_fd(const struct cf_ns_plan *ns, int type)
{
    for (uint32_t i = 0; ns->fds && i < ns->n_joins; i++) {
        if (ns->joins[i].type == type)
            return ns->fds[i];
    }
    return -EBADF;
}

static int write_there(const struct cf_host_sysctl *s, int ns_fd, int proc_fd)
{
    cf_auto_fd int own_fd = cf_sys_openat(AT_FDCWD, own_path(s->ns), O_RDONLY | O_CLOEXEC, 0);
    char path[PATH_MAX];
    int r = cf_str_path(path, sizeof(path), "sys/%s", s->path);

    if (own_fd < 0)
        return own_fd;
    if (r >= 0)
        r = cf_sys_setns(ns_fd, s->ns);
    if (r < 0)
        return r;
    r = cf_procfs_write(proc_fd, path, s->value, strlen(s->value));
    /* SIGABRT's usual status: to go on among strangers would be worse than to end. */
    if (cf_sys_setns(own_fd, s->ns) < 0)
        cf_sys_exit_group(134);
    return r;
}

int cf_sysctl_host_write(const struct cf_plan *plan, struct cf_err *err)
{
    cf_auto_fd int proc_fd = -EBADF;
    int r = 0;

    if (!plan->n_host_sysctls)
        return 0;
    proc_fd = cf_procfs_open_host();
    if (proc_fd < 0)
        return cf_err_sys(err, proc_fd, "open `/proc`");
    for (size_t i = 0; i < plan->n_host_sysctls && r >= 0; i++) {
        const struct cf_host_sysctl *s = &plan->host_sysctls[i];

        r = write_there(s, joined_fd(&plan->ns, s->ns), proc_fd);
        if (r < 0) {
            (void) cf_err_sys(err, r, "sysctl \"%s\"", s->key);
            cf_err_field(err, "linux.sysctl.%s", s->key);
        }
    }
    return r < 0 ? r : 0;
}
