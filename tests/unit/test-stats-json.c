/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* container/stats-json: which keys are there, which are left out, how numbers are written. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "container/watch.h"

#define CPUSET_ZERO                                                                                                   \
    "\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,\"memory_migrate\":0,\"memory_spread_page\":0,"       \
    "\"memory_spread_slab\":0,\"memory_pressure\":0,\"sched_load_balance\":0,\"sched_relax_domain_level\":0"

static void check(const struct cf_cgroup_stats *stats, const char *want)
{
    char *text = cf_stats_json(stats, NULL);

    cr_assert(text != NULL);
    cr_expect(eq(str, text, want));
    free(text);
}

static void check_has(const struct cf_cgroup_stats *stats, const char *part)
{
    char *text = cf_stats_json(stats, NULL);

    cr_assert(text != NULL);
    cr_expect(strstr(text, part) != NULL, "`%s` is missing in %s", part, text);
    free(text);
}

Test(stats_json, nothing_known)
{
    struct cf_cgroup_stats stats = {0};

    check(&stats, "{\"cpu\":{\"usage\":{\"kernel\":0,\"user\":0}},\"cpuset\":{" CPUSET_ZERO "},"
                  "\"memory\":{\"usage\":{\"limit\":0,\"failcnt\":0},\"swap\":{\"limit\":0,\"failcnt\":0}},"
                  "\"pids\":{},\"blkio\":{},\"hugetlb\":{},\"intel_rdt\":{},\"network_interfaces\":null}");
}

Test(stats_json, cpu)
{
    struct cf_cgroup_stats stats = {0};
    uint64_t percpu[] = {1, 0, UINT64_MAX};
    uint16_t cpus[] = {0, 2, 65535};

    stats.cpu.total = UINT64_MAX;
    stats.cpu.kernel = UINT64_C(9007199254740993); /* no double has it */
    stats.cpu.percpu = (struct cf_stats_u64s) {percpu, 3};
    stats.cpu.percpu_kernel = (struct cf_stats_u64s) {percpu, 1};
    stats.cpu.percpu_user = (struct cf_stats_u64s) {percpu + 1, 1};
    stats.cpu.throttled_periods = 5;
    stats.cpuset.cpus = stats.cpuset.mems = (struct cf_stats_u16s) {cpus, 3};
    stats.cpuset.sched_relax_domain_level = -1;
    check_has(&stats, "{\"cpu\":{\"usage\":{\"total\":18446744073709551615,\"percpu\":[1,0,18446744073709551615],"
                      "\"percpu_kernel\":[1],\"percpu_user\":[0],\"kernel\":9007199254740993,\"user\":0},"
                      "\"throttling\":{\"throttledPeriods\":5}},\"cpuset\":{\"cpus\":[0,2,65535],\"cpu_exclusive\":0,"
                      "\"mems\":[0,2,65535],\"mem_hardwall\":0,");
    check_has(&stats, "\"sched_relax_domain_level\":-1}");
    stats.cpu.periods = 7;
    stats.cpu.throttled_periods = 0;
    stats.cpu.throttled_time = 9;
    check_has(&stats, "\"throttling\":{\"periods\":7,\"throttledTime\":9}");
}

Test(stats_json, pressure)
{
    struct cf_cgroup_stats stats = {0};
    struct cf_stats_psi psi = {
        .there = true,
        .some = {.avg10 = 54, .avg60 = 150, .avg300 = 10000, .total = UINT64_MAX},
        .full = {.avg10 = 1},
    };
    const char *text = "\"psi\":{\"some\":{\"avg10\":0.54,\"avg60\":1.5,\"avg300\":100,\"total\":18446744073709551615},"
                       "\"full\":{\"avg10\":0.01,\"avg60\":0,\"avg300\":0,\"total\":0}}";
    const char *at;
    char *json;
    int n = 0;

    stats.cpu.psi = stats.memory.psi = stats.blkio.psi = psi;
    json = cf_stats_json(&stats, NULL);
    cr_assert(json != NULL);
    for (at = json; (at = strstr(at, text)); at++)
        n++;
    cr_expect(eq(int, n, 3), "%s", json);
    cr_expect(strstr(json, "\"blkio\":{\"psi\":") != NULL);
    free(json);
}

Test(stats_json, memory_pids_and_pages)
{
    struct cf_cgroup_stats stats = {0};
    struct cf_stats_pair raw[] = {{"anon", 0}, {"file", 23117824}};
    struct cf_stats_hugetlb pages[] = {{.size = "2MB", .usage = 1, .max = 2, .failcnt = 3}, {.size = "1GB"}};

    stats.memory.cache = 23117824;
    stats.memory.usage = (struct cf_stats_usage) {UINT64_MAX, 10, 20, 1};
    stats.memory.kernel = (struct cf_stats_usage) {.limit = 1};
    stats.memory.kernel_tcp = (struct cf_stats_usage) {.failcnt = 1};
    stats.memory.raw = (struct cf_stats_pairs) {raw, 2};
    stats.pids.current = 3;
    stats.pids.limit = 1024;
    stats.hugetlb = pages;
    stats.n_hugetlb = 2;
    check_has(&stats, "\"memory\":{\"cache\":23117824,\"usage\":{\"limit\":18446744073709551615,\"usage\":10,\"max\":20,"
                      "\"failcnt\":1},\"swap\":{\"limit\":0,\"failcnt\":0},\"kernel\":{\"limit\":1,\"failcnt\":0},"
                      "\"kernelTCP\":{\"limit\":0,\"failcnt\":1},\"raw\":{\"anon\":0,\"file\":23117824}},"
                      "\"pids\":{\"current\":3,\"limit\":1024},\"blkio\":{},"
                      "\"hugetlb\":{\"2MB\":{\"usage\":1,\"max\":2,\"failcnt\":3},\"1GB\":{\"failcnt\":0}},");
}

Test(stats_json, block_devices)
{
    struct cf_cgroup_stats stats = {0};
    struct cf_stats_io ios[] = {{8, 0, "Read", 4096}, {0, 7, "Write", 0}, {259, 1, "", 5}};
    struct cf_stats_ios all = {.v = ios, .n = 3}, last = {.v = ios + 2, .n = 1};

    stats.blkio.service_bytes = all;
    stats.blkio.serviced = stats.blkio.queued = stats.blkio.service_time = stats.blkio.wait_time =
        stats.blkio.merged = stats.blkio.time = stats.blkio.sectors = last;
#define LAST "[{\"major\":259,\"minor\":1,\"value\":5}]"
    check_has(&stats, "\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":4096},"
                      "{\"minor\":7,\"op\":\"Write\"},{\"major\":259,\"minor\":1,\"value\":5}],"
                      "\"ioServicedRecursive\":" LAST ",\"ioQueueRecursive\":" LAST ",\"ioServiceTimeRecursive\":" LAST
                      ",\"ioWaitTimeRecursive\":" LAST ",\"ioMergedRecursive\":" LAST ",\"ioTimeRecursive\":" LAST
                      ",\"sectorsRecursive\":" LAST "},");
}
