/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Statistics from a cgroup v2 directory. Host side. */

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/stats.h"

static void read_psi(struct cf_stats_reader *reader, int dir_fd, const char *file, struct cf_stats_psi *ret)
{
    if (cf_stats_load(reader, dir_fd, file))
        cf_stats_parse_psi(reader->text, ret);
}

static void read_cpu(int dir_fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    struct cf_stats_pairs pairs = {0};

    if (cf_stats_load(reader, dir_fd, "cpu.stat"))
        cf_stats_check(reader, cf_stats_parse_pairs(reader->text, reader->arena, &pairs), "cpu.stat");
    ret->cpu.total = cf_stats_mul(cf_stats_pair(&pairs, "usage_usec"), 1000);
    ret->cpu.kernel = cf_stats_mul(cf_stats_pair(&pairs, "system_usec"), 1000);
    ret->cpu.user = cf_stats_mul(cf_stats_pair(&pairs, "user_usec"), 1000);
    ret->cpu.periods = cf_stats_pair(&pairs, "nr_periods");
    ret->cpu.throttled_periods = cf_stats_pair(&pairs, "nr_throttled");
    ret->cpu.throttled_time = cf_stats_mul(cf_stats_pair(&pairs, "throttled_usec"), 1000);
    read_psi(reader, dir_fd, "cpu.pressure", &ret->cpu.psi);
}

static void read_memory(int dir_fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    struct cf_stats_usage *usage = &ret->memory.usage, *swap = &ret->memory.swap;

    if (!cf_stats_load(reader, dir_fd, "memory.stat"))
        return; /* no memory controller: none of the other files either */
    cf_stats_check(reader, cf_stats_parse_pairs(reader->text, reader->arena, &ret->memory.raw),
                   "memory.stat");
    ret->memory.cache = cf_stats_pair(&ret->memory.raw, "file");
    usage->limit = cf_stats_load_u64(reader, dir_fd, "memory.max");
    usage->usage = cf_stats_load_u64(reader, dir_fd, "memory.current");
    usage->max = cf_stats_load_u64(reader, dir_fd, "memory.peak"); /* Linux 5.19 */
    /* As v1 counts: with memory. Without swap accounting the files are missing, and the sums right. */
    swap->limit = cf_stats_add(cf_stats_load_u64(reader, dir_fd, "memory.swap.max"), usage->limit);
    swap->usage = cf_stats_add(cf_stats_load_u64(reader, dir_fd, "memory.swap.current"), usage->usage);
    read_psi(reader, dir_fd, "memory.pressure", &ret->memory.psi);
}

static void read_io(int dir_fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    if (cf_stats_load(reader, dir_fd, "io.stat"))
        cf_stats_check(reader,
                       cf_stats_parse_io_stat(reader->text, reader->arena, &ret->blkio.service_bytes,
                                              &ret->blkio.serviced),
                       "io.stat");
    read_psi(reader, dir_fd, "io.pressure", &ret->blkio.psi);
}

void cf_stats_hugetlb_v2(int dir_fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    struct cf_stats_hugetlb sizes[CF_STATS_MAX_HUGETLB] = {0};
    char file[64];
    size_t n = cf_stats_hugetlb_sizes(sizes, CF_STATS_MAX_HUGETLB), there = 0;

    for (size_t i = 0; i < n; i++) {
        struct cf_stats_hugetlb one = sizes[i];
        struct cf_stats_pairs events = {0};

        (void) cf_format(file, sizeof(file), "hugetlb.%s.events", one.size);
        if (!cf_stats_load(reader, dir_fd, file)) {
            if (i == 0)
                return; /* no hugetlb controller */
            continue;
        }
        cf_stats_check(reader, cf_stats_parse_pairs(reader->text, reader->arena, &events), file);
        one.failcnt = cf_stats_pair(&events, "max");
        (void) cf_format(file, sizeof(file), "hugetlb.%s.rsvd.current", one.size);
        if (cf_stats_load(reader, dir_fd, file)) {
            (void) cf_stats_parse_u64(reader->text, &one.usage);
        } else {
            (void) cf_format(file, sizeof(file), "hugetlb.%s.current", one.size);
            one.usage = cf_stats_load_u64(reader, dir_fd, file);
        }
        sizes[there++] = one;
    }
    ret->hugetlb = cf_arena_memdup(reader->arena, sizes, there * sizeof(sizes[0]));
    if (!ret->hugetlb)
        cf_stats_check(reader, -ENOMEM, "hugetlb");
    else
        ret->n_hugetlb = there;
}

void cf_stats_read_v2(int dir_fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    read_cpu(dir_fd, reader, ret);
    read_memory(dir_fd, reader, ret);
    ret->pids.current = cf_stats_load_u64(reader, dir_fd, "pids.current");
    ret->pids.limit = cf_stats_load_u64(reader, dir_fd, "pids.max");
    if (ret->pids.limit == CF_STATS_UNLIMITED)
        ret->pids.limit = 0;
    read_io(dir_fd, reader, ret);
    cf_stats_hugetlb_v2(dir_fd, reader, ret);
}
