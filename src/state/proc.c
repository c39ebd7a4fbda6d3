/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is the recorded process still the same one? A pid alone is never believed: start time and boot
 * id must agree too (rule R38). Host side, read-only.
 */

#include "state/state-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "sys/task.h"

/* proc(5): state is field 3, starttime field 22. */
#define STAT_FIELD_STATE 3
#define STAT_FIELD_STARTTIME 22

static long read_small(const char *path, char *buf, size_t size)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    long n;

    if (fd < 0)
        return fd;
    do {
        n = cf_sys_read(fd, buf, size - 1);
    } while (n == -EINTR);
    if (n < 0)
        return n;
    buf[n] = '\0';
    return n;
}

int cf_proc_parse_stat(char *text, uint64_t *ret)
{
    /* The name in field 2 may hold anything, also ") Z 1": only the last parenthesis ends it. */
    char *field = strrchr(text, ')'), *end;
    uint64_t value;
    int r;

    if (!field || field[1] != ' ')
        return -EBADMSG;
    field += 2;
    if (*field == 'Z' || *field == 'X' || *field == 'x')
        return -ESRCH;
    for (int i = STAT_FIELD_STATE; i < STAT_FIELD_STARTTIME; i++) {
        field = strchr(field, ' ');
        if (!field)
            return -EBADMSG;
        field++;
    }
    end = strchr(field, ' ');
    if (!end)
        return -EBADMSG;
    *end = '\0';
    r = cf_num_parse_u64(field, 0, UINT64_MAX, &value);
    if (r < 0)
        return -EBADMSG;
    *ret = value;
    return 0;
}

int cf_proc_start_time(pid_t pid, uint64_t *ret)
{
    char path[64], buf[1024];
    long n;
    int r;

    if (pid <= 0)
        return -ESRCH;
    r = cf_str_path(path, sizeof(path), "/proc/%d/stat", (int) pid);
    if (r < 0)
        return r;
    n = read_small(path, buf, sizeof(buf));
    if (n == -ENOENT || n == 0)
        return -ESRCH;
    return n < 0 ? (int) n : cf_proc_parse_stat(buf, ret);
}

int cf_boot_id(char buf[37])
{
    char text[64];
    long n = read_small("/proc/sys/kernel/random/boot_id", text, sizeof(text));

    if (n < 0)
        return (int) n;
    if (n < 36)
        return -EBADMSG;
    memcpy(buf, text, 36);
    buf[36] = '\0';
    return 0;
}

/* Start times count from boot, so that a pair of pid and time may come again after the next one. */
static bool same_boot(const struct cf_record *record, int dir_fd)
{
    struct statfs fs;
    char boot_id[37];

    /* What is in memory only was written since the host started. */
    if (dir_fd >= 0 && cf_sys_fstatfs(dir_fd, &fs) >= 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
        return true;
    return cf_boot_id(boot_id) >= 0 && strcmp(boot_id, record->boot_id) == 0;
}

int cf_record_init_alive(const struct cf_record *record, int *ret_pidfd)
{
    return cf_record_init_alive_at(record, -1, ret_pidfd);
}

int cf_record_init_alive_at(const struct cf_record *record, int dir_fd, int *ret_pidfd)
{
    cf_auto_fd int pidfd = -EBADF;
    uint64_t start;

    if (record->init_pid <= 0)
        return 0;
    /* The pidfd comes first: what is compared afterwards is the process it refers to, or a dead one. */
    if (ret_pidfd) {
        pidfd = cf_sys_pidfd_open(record->init_pid, 0);
        if (pidfd < 0)
            return 0;
    }
    if (cf_proc_start_time(record->init_pid, &start) < 0 || start != record->init_start_time)
        return 0;
    if (!same_boot(record, dir_fd))
        return 0;
    if (ret_pidfd)
        *ret_pidfd = cf_steal_fd(&pidfd);
    return 1;
}
