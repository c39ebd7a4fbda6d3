/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Statistics from the hierarchies of cgroup v1. Host side. A controller that has no hierarchy here costs
 * nothing and reads as zero.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/format.h"
#include "base/num.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/stats.h"

#define NS_PER_SECOND UINT64_C(1000000000)

static void load_pairs(struct cf_stats_reader *reader, int fd, const char *file, struct cf_stats_pairs *ret)
{
    if (cf_stats_load(reader, fd, file))
        cf_stats_check(reader, cf_stats_parse_pairs(reader->text, reader->arena, ret), file);
}

/* Clock ticks, as far as a file tells times to user space. */
static uint64_t ticks_to_ns(uint64_t ticks)
{
    long hz = sysconf(_SC_CLK_TCK);

    return cf_stats_mul(ticks, NS_PER_SECOND / (uint64_t) (hz > 0 ? hz : 100));
}

static void read_cpu(const struct cf_cgroup *cg, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    int acct = cf_cgroup_dir_fd(cg, "cpuacct"), cpu = cf_cgroup_dir_fd(cg, "cpu");
    struct cf_stats_pairs times = {0}, throttling = {0};

    ret->cpu.total = cf_stats_load_u64(reader, acct, "cpuacct.usage");
    load_pairs(reader, acct, "cpuacct.stat", &times);
    ret->cpu.user = ticks_to_ns(cf_stats_pair(&times, "user"));
    ret->cpu.kernel = ticks_to_ns(cf_stats_pair(&times, "system"));
    if (cf_stats_load(reader, acct, "cpuacct.usage_percpu"))
        cf_stats_check(reader, cf_stats_parse_numbers(reader->text, reader->arena, &ret->cpu.percpu),
                       "cpuacct.usage_percpu");
    if (cf_stats_load(reader, acct, "cpuacct.usage_all"))
        cf_stats_check(reader,
                       cf_stats_parse_usage_all(reader->text, reader->arena, &ret->cpu.percpu_user,
                                                &ret->cpu.percpu_kernel),
                       "cpuacct.usage_all");
    load_pairs(reader, cpu, "cpu.stat", &throttling);
    ret->cpu.periods = cf_stats_pair(&throttling, "nr_periods");
    ret->cpu.throttled_periods = cf_stats_pair(&throttling, "nr_throttled");
    ret->cpu.throttled_time = cf_stats_pair(&throttling, "throttled_time");
}

static void load_list(struct cf_stats_reader *reader, int fd, const char *file, struct cf_stats_u16s *ret)
{
    int r;

    if (!cf_stats_load(reader, fd, file))
        return;
    r = cf_stats_parse_list(reader->text, reader->arena, ret);
    if (r == -ENOMEM)
        cf_stats_check(reader, r, file);
}

static void read_cpuset(int fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    if (fd < 0)
        return;
    load_list(reader, fd, "cpuset.cpus", &ret->cpuset.cpus);
    load_list(reader, fd, "cpuset.mems", &ret->cpuset.mems);
    ret->cpuset.cpu_exclusive = cf_stats_load_u64(reader, fd, "cpuset.cpu_exclusive");
    ret->cpuset.mem_hardwall = cf_stats_load_u64(reader, fd, "cpuset.mem_hardwall");
    ret->cpuset.mem_exclusive = cf_stats_load_u64(reader, fd, "cpuset.mem_exclusive");
    ret->cpuset.memory_migrate = cf_stats_load_u64(reader, fd, "cpuset.memory_migrate");
    ret->cpuset.memory_spread_page = cf_stats_load_u64(reader, fd, "cpuset.memory_spread_page");
    ret->cpuset.memory_spread_slab = cf_stats_load_u64(reader, fd, "cpuset.memory_spread_slab");
    ret->cpuset.memory_pressure = cf_stats_load_u64(reader, fd, "cpuset.memory_pressure");
    ret->cpuset.sched_load_balance = cf_stats_load_u64(reader, fd, "cpuset.sched_load_balance");
    if (cf_stats_load(reader, fd, "cpuset.sched_relax_domain_level")) {
        reader->text[strcspn(reader->text, "\n")] = '\0';
        (void) cf_num_parse_i64(reader->text, INT64_MIN, INT64_MAX, &ret->cpuset.sched_relax_domain_level);
    }
}

/* @kind: "", "memsw.", "kmem.", "kmem.tcp." */
static void load_usage(struct cf_stats_reader *reader, int fd, const char *kind, struct cf_stats_usage *ret)
{
    char file[64];

    (void) cf_format(file, sizeof(file), "memory.%susage_in_bytes", kind);
    if (!cf_stats_load(reader, fd, file))
        return; /* accounting is off: none of the four is there */
    (void) cf_stats_parse_u64(reader->text, &ret->usage);
    (void) cf_format(file, sizeof(file), "memory.%smax_usage_in_bytes", kind);
    ret->max = cf_stats_load_u64(reader, fd, file);
    (void) cf_format(file, sizeof(file), "memory.%sfailcnt", kind);
    ret->failcnt = cf_stats_load_u64(reader, fd, file);
    (void) cf_format(file, sizeof(file), "memory.%slimit_in_bytes", kind);
    ret->limit = cf_stats_load_u64(reader, fd, file);
}

static void read_memory(int fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    if (fd < 0)
        return;
    load_pairs(reader, fd, "memory.stat", &ret->memory.raw);
    ret->memory.cache = cf_stats_pair(&ret->memory.raw, "cache");
    load_usage(reader, fd, "", &ret->memory.usage);
    load_usage(reader, fd, "memsw.", &ret->memory.swap);
    load_usage(reader, fd, "kmem.", &ret->memory.kernel);
    load_usage(reader, fd, "kmem.tcp.", &ret->memory.kernel_tcp);
}

static bool load_blkio(struct cf_stats_reader *reader, int fd, const char *file, struct cf_stats_ios *ret)
{
    if (!cf_stats_load(reader, fd, file))
        return false;
    cf_stats_check(reader, cf_stats_parse_blkio(reader->text, reader->arena, ret), file);
    return true;
}

static void read_blkio(int fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    if (fd < 0)
        return;
    /* The throttling layer sees every request; without it (CONFIG_BLK_DEV_THROTTLING) the scheduler counts.
     */
    (void) load_blkio(reader, fd, "blkio.throttle.io_service_bytes_recursive", &ret->blkio.service_bytes);
    (void) load_blkio(reader, fd, "blkio.throttle.io_serviced_recursive", &ret->blkio.serviced);
    if (ret->blkio.service_bytes.n == 0)
        (void) load_blkio(reader, fd, "blkio.bfq.io_service_bytes_recursive", &ret->blkio.service_bytes);
    if (ret->blkio.serviced.n == 0)
        (void) load_blkio(reader, fd, "blkio.bfq.io_serviced_recursive", &ret->blkio.serviced);
    /* Built together (CONFIG_BFQ_CGROUP_DEBUG), so one tells of all. */
    if (!load_blkio(reader, fd, "blkio.bfq.io_queued_recursive", &ret->blkio.queued))
        return;
    (void) load_blkio(reader, fd, "blkio.bfq.io_service_time_recursive", &ret->blkio.service_time);
    (void) load_blkio(reader, fd, "blkio.bfq.io_wait_time_recursive", &ret->blkio.wait_time);
    (void) load_blkio(reader, fd, "blkio.bfq.io_merged_recursive", &ret->blkio.merged);
    (void) load_blkio(reader, fd, "blkio.bfq.time_recursive", &ret->blkio.time);
    (void) load_blkio(reader, fd, "blkio.bfq.sectors_recursive", &ret->blkio.sectors);
}

static void read_hugetlb(int fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    struct cf_stats_hugetlb sizes[CF_STATS_MAX_HUGETLB] = {0};
    char file[64];
    size_t n = cf_stats_hugetlb_sizes(sizes, CF_STATS_MAX_HUGETLB), there = 0;

    for (size_t i = 0; i < n; i++) {
        struct cf_stats_hugetlb one = sizes[i];
        const char *kind = "rsvd.";

        (void) cf_format(file, sizeof(file), "hugetlb.%s.rsvd.usage_in_bytes", one.size);
        if (!cf_stats_load(reader, fd, file)) {
            kind = "";
            (void) cf_format(file, sizeof(file), "hugetlb.%s.usage_in_bytes", one.size);
            if (!cf_stats_load(reader, fd, file))
                continue;
        }
        (void) cf_stats_parse_u64(reader->text, &one.usage);
        (void) cf_format(file, sizeof(file), "hugetlb.%s.%smax_usage_in_bytes", one.size, kind);
        one.max = cf_stats_load_u64(reader, fd, file);
        (void) cf_format(file, sizeof(file), "hugetlb.%s.%sfailcnt", one.size, kind);
        one.failcnt = cf_stats_load_u64(reader, fd, file);
        sizes[there++] = one;
    }
    ret->hugetlb = cf_arena_memdup(reader->arena, sizes, there * sizeof(sizes[0]));
    if (!ret->hugetlb)
        cf_stats_check(reader, -ENOMEM, "hugetlb");
    else
        ret->n_hugetlb = there;
}

void cf_stats_read_v1(const struct cf_cgroup *cg, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret)
{
    int pids = cf_cgroup_dir_fd(cg, "pids"), hugetlb = cf_cgroup_dir_fd(cg, "hugetlb");
    int unified = cf_cgroup_dir_fd(cg, NULL);

    read_cpu(cg, reader, ret);
    read_cpuset(cf_cgroup_dir_fd(cg, "cpuset"), reader, ret);
    read_memory(cf_cgroup_dir_fd(cg, "memory"), reader, ret);
    ret->pids.current = cf_stats_load_u64(reader, pids, "pids.current");
    ret->pids.limit = cf_stats_load_u64(reader, pids, "pids.max");
    if (ret->pids.limit == CF_STATS_UNLIMITED)
        ret->pids.limit = 0;
    read_blkio(cf_cgroup_dir_fd(cg, "blkio"), reader, ret);
    if (hugetlb >= 0)
        read_hugetlb(hugetlb, reader, ret);
    else if (unified >= 0) /* a hybrid host may keep this controller on the v2 side */
        cf_stats_hugetlb_v2(unified, reader, ret);
}
