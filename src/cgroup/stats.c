/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Statistics of an open cgroup: the way to the flavour, and how its files are read. Host side. One buffer
 * serves all files, so that a reading costs three system calls for each file and little else.
 */

#include "cgroup/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "sys/fs.h"

#define HUGEPAGES_DIR "/sys/kernel/mm/hugepages"

/* A controller that is not enabled, a cgroup that is gone, a kernel without it, a file that is not for us. */
static bool is_absent(long r)
{
    return r == -ENOENT || r == -ENODEV || r == -EOPNOTSUPP || r == -EINVAL || r == -EACCES || r == -EPERM;
}

void cf_stats_check(struct cf_stats_reader *reader, int r, const char *file)
{
    if (r >= 0 || reader->error < 0)
        return;
    reader->error = r;
    (void) cf_str_copy(reader->failed, sizeof(reader->failed), file);
}

bool cf_stats_load(struct cf_stats_reader *reader, int dir_fd, const char *file)
{
    long n;

    if (reader->error < 0 || dir_fd < 0)
        return false;
    n = cf_cgfs_read(dir_fd, file, reader->text, CF_STATS_TEXT_SIZE);
    if (n < 0) {
        if (!is_absent(n))
            cf_stats_check(reader, (int) n, file);
        return false;
    }
    if (n == CF_STATS_TEXT_SIZE - 1) { /* cut: half a line is no line */
        char *end = strrchr(reader->text, '\n');

        if (end)
            end[1] = '\0';
    }
    return true;
}

uint64_t cf_stats_load_u64(struct cf_stats_reader *reader, int dir_fd, const char *file)
{
    uint64_t v = 0;

    if (!cf_stats_load(reader, dir_fd, file) || cf_stats_parse_u64(reader->text, &v) < 0)
        return 0;
    return v;
}

size_t cf_stats_hugetlb_sizes(struct cf_stats_hugetlb *ret, size_t max)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, HUGEPAGES_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    _Alignas(struct cf_dirent64) char buf[2048];
    size_t found = 0;
    long n;

    if (fd < 0)
        return 0;
    while ((n = cf_sys_getdents64(fd, buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            const struct cf_dirent64 *entry = (const void *) (buf + at);

            at += entry->d_reclen;
            if (found < max && cf_stats_parse_hugepages(entry->d_name, ret[found].size) == 0)
                found++;
        }
    }
    return found;
}

int cf_cgroup_stats_read(const struct cf_cgroup *cg, struct cf_arena *arena, struct cf_cgroup_stats *ret,
                         struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    struct cf_stats_reader reader = {.arena = arena};

    memset(ret, 0, sizeof(*ret));
    if (!cg || cg->n == 0)
        return 0;
    text = malloc(CF_STATS_TEXT_SIZE);
    if (!text)
        return cf_err_oom(err);
    reader.text = text;
    if (cg->ops == &cf_cgroup_ops_v2)
        cf_stats_read_v2(cg->dirs[0].fd, &reader, ret);
    else
        cf_stats_read_v1(cg, &reader, ret);
    if (reader.error == -ENOMEM)
        return cf_err_oom(err);
    if (reader.error < 0)
        return cf_err_sys(err, reader.error, "read `%s` of the container's cgroup", reader.failed);
    return 0;
}
