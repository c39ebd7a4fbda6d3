/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hearing of OOM in a cgroup. Host side. v1: an eventfd that the kernel signals when the limit is hit and
 * nothing can be freed, and once more when the cgroup is removed. v2: memory.events wakes a poll whenever one
 * of its counters grows; the kernel may hold that back for some milliseconds, so who knows that the container
 * has ended asks once more.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/stats.h"
#include "sys/event.h"
#include "sys/fs.h"

#define EVENTS_SIZE 1024

static int open_v1(struct cf_cgroup_oom *oom)
{
    cf_auto_fd int fd = -EBADF, control_fd = -EBADF;
    char line[64];
    int r;

    control_fd = cf_cgfs_open(oom->dir_fd, "memory.oom_control", O_RDONLY);
    if (control_fd < 0)
        return control_fd;
    fd = cf_sys_eventfd2(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return fd;
    (void) cf_format(line, sizeof(line), "%d %d", fd, control_fd);
    r = cf_cgfs_write(oom->dir_fd, "cgroup.event_control", line);
    if (r < 0)
        return r;
    oom->events = POLLIN;
    oom->fd = cf_steal_fd(&fd);
    return 0;
}

/* Reading also arms the next wake-up, so it must be this fd. */
static int read_kills(int fd, uint64_t *ret)
{
    char text[EVENTS_SIZE];
    long n = cf_sys_pread64(fd, text, sizeof(text) - 1, 0);

    if (n < 0)
        return (int) n;
    text[n] = '\0';
    for (char *line = text, *next; line && *line; line = next) {
        const char *number;

        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        number = cf_str_after(line, "oom_kill ");
        if (number)
            return cf_num_parse_u64(number, 0, UINT64_MAX, ret);
    }
    return -ENODATA;
}

static int open_v2(struct cf_cgroup_oom *oom)
{
    cf_auto_fd int fd = cf_cgfs_open(oom->dir_fd, "memory.events", O_RDONLY);
    int r;

    if (fd < 0)
        return fd;
    r = read_kills(fd, &oom->seen);
    if (r < 0)
        return r;
    oom->events = POLLPRI;
    oom->fd = cf_steal_fd(&fd);
    return 0;
}

int cf_cgroup_oom_open(const struct cf_cgroup *cg, struct cf_cgroup_oom *ret)
{
    int r;

    *ret = (struct cf_cgroup_oom) CF_CGROUP_OOM_INIT;
    if (!cg || cg->n == 0)
        return 0;
    ret->v2 = cg->ops == &cf_cgroup_ops_v2;
    ret->dir_fd = ret->v2 ? cg->dirs[0].fd : cf_cgroup_dir_fd(cg, "memory");
    if (ret->dir_fd < 0)
        return 0;
    r = ret->v2 ? open_v2(ret) : open_v1(ret);
    return r == -ENOENT || r == -ENODEV ? 0 : r; /* no memory controller, or gone already */
}

static int check_v1(struct cf_cgroup_oom *oom)
{
    cf_auto_fd int control_fd = -EBADF;
    uint64_t n = 0;
    long r = cf_sys_read(oom->fd, &n, sizeof(n));

    if (r == -EAGAIN)
        return 0;
    if (r < 0)
        return (int) r;
    control_fd = cf_cgfs_open(oom->dir_fd, "memory.oom_control", O_RDONLY);
    if (control_fd >= 0)
        return 1;
    return n > 1 ? 1 : -ENODEV; /* one of them says that the cgroup went */
}

static int check_v2(struct cf_cgroup_oom *oom)
{
    uint64_t kills = 0;
    int r = read_kills(oom->fd, &kills);

    if (r < 0)
        return r;
    if (kills <= oom->seen)
        return 0;
    oom->seen = kills;
    return 1;
}

int cf_cgroup_oom_check(struct cf_cgroup_oom *oom)
{
    int r;

    if (oom->fd < 0)
        return 0;
    r = oom->v2 ? check_v2(oom) : check_v1(oom);
    return r < 0 ? -ENODEV : r;
}

void cf_cgroup_oom_close(struct cf_cgroup_oom *oom)
{
    cf_fd_close(&oom->fd);
}
