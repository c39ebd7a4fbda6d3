/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Statistics as JSON, with the keys that readers of `events` know. Pure, but for cf_stats_json_read(). Most
 * numbers that are zero are left out, as are lists and objects without anything in them; the eight objects at
 * the top are always there.
 */

#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/json-out.h"
#include "base/own.h"
#include "container/watch.h"

static void put_nonzero(struct cf_json *json, const char *key, uint64_t v)
{
    if (v != 0)
        cf_json_kv_uint(json, key, v);
}

static void put_u64s(struct cf_json *json, const char *key, const struct cf_stats_u64s *list)
{
    if (list->n == 0)
        return;
    cf_json_key(json, key);
    cf_json_array_begin(json);
    for (size_t i = 0; i < list->n; i++)
        cf_json_uint(json, list->v[i]);
    cf_json_array_end(json);
}

static void put_u16s(struct cf_json *json, const char *key, const struct cf_stats_u16s *list)
{
    if (list->n == 0)
        return;
    cf_json_key(json, key);
    cf_json_array_begin(json);
    for (size_t i = 0; i < list->n; i++)
        cf_json_uint(json, list->v[i]);
    cf_json_array_end(json);
}

/* 150 -> 1.5: no floating point, so nothing is rounded. */
static void put_hundredths(struct cf_json *json, const char *key, uint32_t v)
{
    char text[32];

    if (v % 100 == 0)
        (void) cf_format(text, sizeof(text), "%u", v / 100);
    else if (v % 10 == 0)
        (void) cf_format(text, sizeof(text), "%u.%u", v / 100, v / 10 % 10);
    else
        (void) cf_format(text, sizeof(text), "%u.%02u", v / 100, v % 100);
    cf_json_key(json, key);
    cf_json_raw(json, text);
}

static void put_psi_line(struct cf_json *json, const char *key, const struct cf_stats_psi_line *line)
{
    cf_json_key(json, key);
    cf_json_object_begin(json);
    put_hundredths(json, "avg10", line->avg10);
    put_hundredths(json, "avg60", line->avg60);
    put_hundredths(json, "avg300", line->avg300);
    cf_json_kv_uint(json, "total", line->total);
    cf_json_object_end(json);
}

static void put_psi(struct cf_json *json, const struct cf_stats_psi *psi)
{
    if (!psi->there)
        return;
    cf_json_key(json, "psi");
    cf_json_object_begin(json);
    put_psi_line(json, "some", &psi->some);
    put_psi_line(json, "full", &psi->full);
    cf_json_object_end(json);
}

static void put_cpu(struct cf_json *json, const struct cf_cgroup_stats *stats)
{
    cf_json_key(json, "cpu");
    cf_json_object_begin(json);
    cf_json_key(json, "usage");
    cf_json_object_begin(json);
    put_nonzero(json, "total", stats->cpu.total);
    put_u64s(json, "percpu", &stats->cpu.percpu);
    put_u64s(json, "percpu_kernel", &stats->cpu.percpu_kernel);
    put_u64s(json, "percpu_user", &stats->cpu.percpu_user);
    cf_json_kv_uint(json, "kernel", stats->cpu.kernel);
    cf_json_kv_uint(json, "user", stats->cpu.user);
    cf_json_object_end(json);
    if (stats->cpu.periods || stats->cpu.throttled_periods || stats->cpu.throttled_time) {
        cf_json_key(json, "throttling");
        cf_json_object_begin(json);
        put_nonzero(json, "periods", stats->cpu.periods);
        put_nonzero(json, "throttledPeriods", stats->cpu.throttled_periods);
        put_nonzero(json, "throttledTime", stats->cpu.throttled_time);
        cf_json_object_end(json);
    }
    put_psi(json, &stats->cpu.psi);
    cf_json_object_end(json);
}

static void put_cpuset(struct cf_json *json, const struct cf_cgroup_stats *stats)
{
    cf_json_key(json, "cpuset");
    cf_json_object_begin(json);
    put_u16s(json, "cpus", &stats->cpuset.cpus);
    cf_json_kv_uint(json, "cpu_exclusive", stats->cpuset.cpu_exclusive);
    put_u16s(json, "mems", &stats->cpuset.mems);
    cf_json_kv_uint(json, "mem_hardwall", stats->cpuset.mem_hardwall);
    cf_json_kv_uint(json, "mem_exclusive", stats->cpuset.mem_exclusive);
    cf_json_kv_uint(json, "memory_migrate", stats->cpuset.memory_migrate);
    cf_json_kv_uint(json, "memory_spread_page", stats->cpuset.memory_spread_page);
    cf_json_kv_uint(json, "memory_spread_slab", stats->cpuset.memory_spread_slab);
    cf_json_kv_uint(json, "memory_pressure", stats->cpuset.memory_pressure);
    cf_json_kv_uint(json, "sched_load_balance", stats->cpuset.sched_load_balance);
    cf_json_kv_int(json, "sched_relax_domain_level", stats->cpuset.sched_relax_domain_level);
    cf_json_object_end(json);
}

static void put_usage(struct cf_json *json, const char *key, const struct cf_stats_usage *usage)
{
    cf_json_key(json, key);
    cf_json_object_begin(json);
    cf_json_kv_uint(json, "limit", usage->limit);
    put_nonzero(json, "usage", usage->usage);
    put_nonzero(json, "max", usage->max);
    cf_json_kv_uint(json, "failcnt", usage->failcnt);
    cf_json_object_end(json);
}

static bool is_used(const struct cf_stats_usage *usage)
{
    return usage->limit || usage->usage || usage->max || usage->failcnt;
}

static void put_memory(struct cf_json *json, const struct cf_cgroup_stats *stats)
{
    const struct cf_stats_pairs *raw = &stats->memory.raw;

    cf_json_key(json, "memory");
    cf_json_object_begin(json);
    put_nonzero(json, "cache", stats->memory.cache);
    put_usage(json, "usage", &stats->memory.usage);
    put_usage(json, "swap", &stats->memory.swap);
    if (is_used(&stats->memory.kernel))
        put_usage(json, "kernel", &stats->memory.kernel);
    if (is_used(&stats->memory.kernel_tcp))
        put_usage(json, "kernelTCP", &stats->memory.kernel_tcp);
    if (raw->n > 0) {
        cf_json_key(json, "raw");
        cf_json_object_begin(json);
        for (size_t i = 0; i < raw->n; i++)
            cf_json_kv_uint(json, raw->v[i].key, raw->v[i].value);
        cf_json_object_end(json);
    }
    put_psi(json, &stats->memory.psi);
    cf_json_object_end(json);
}

static void put_ios(struct cf_json *json, const char *key, const struct cf_stats_ios *ios)
{
    if (ios->n == 0)
        return;
    cf_json_key(json, key);
    cf_json_array_begin(json);
    for (size_t i = 0; i < ios->n; i++) {
        cf_json_object_begin(json);
        put_nonzero(json, "major", ios->v[i].major);
        put_nonzero(json, "minor", ios->v[i].minor);
        if (*ios->v[i].op)
            cf_json_kv_str(json, "op", ios->v[i].op);
        put_nonzero(json, "value", ios->v[i].value);
        cf_json_object_end(json);
    }
    cf_json_array_end(json);
}

static void put_blkio(struct cf_json *json, const struct cf_cgroup_stats *stats)
{
    cf_json_key(json, "blkio");
    cf_json_object_begin(json);
    put_ios(json, "ioServiceBytesRecursive", &stats->blkio.service_bytes);
    put_ios(json, "ioServicedRecursive", &stats->blkio.serviced);
    put_ios(json, "ioQueueRecursive", &stats->blkio.queued);
    put_ios(json, "ioServiceTimeRecursive", &stats->blkio.service_time);
    put_ios(json, "ioWaitTimeRecursive", &stats->blkio.wait_time);
    put_ios(json, "ioMergedRecursive", &stats->blkio.merged);
    put_ios(json, "ioTimeRecursive", &stats->blkio.time);
    put_ios(json, "sectorsRecursive", &stats->blkio.sectors);
    put_psi(json, &stats->blkio.psi);
    cf_json_object_end(json);
}

static void put_text(struct cf_json *json, const char *key, const char *text)
{
    if (text)
        cf_json_kv_str(json, key, text);
}

static void put_rdt_domains(struct cf_json *json, const struct cf_rdt_stats *rdt)
{
    bool mbm = false, llc = false;

    for (size_t i = 0; i < rdt->n_domains; i++) {
        mbm |= rdt->domains[i].has_mbm;
        llc |= rdt->domains[i].has_llc;
    }
    if (mbm) {
        cf_json_key(json, "mbm_stats");
        cf_json_array_begin(json);
        for (size_t i = 0; i < rdt->n_domains; i++) {
            cf_json_object_begin(json);
            put_nonzero(json, "mbm_total_bytes", rdt->domains[i].mbm_total);
            put_nonzero(json, "mbm_local_bytes", rdt->domains[i].mbm_local);
            cf_json_object_end(json);
        }
        cf_json_array_end(json);
    }
    if (llc) {
        cf_json_key(json, "cmt_stats");
        cf_json_array_begin(json);
        for (size_t i = 0; i < rdt->n_domains; i++) {
            cf_json_object_begin(json);
            put_nonzero(json, "llc_occupancy", rdt->domains[i].llc);
            cf_json_object_end(json);
        }
        cf_json_array_end(json);
    }
}

static void put_rdt(struct cf_json *json, const struct cf_rdt_stats *rdt)
{
    cf_json_object_begin(json);
    if (rdt && rdt->cbm_mask) {
        cf_json_key(json, "l3_cache_info");
        cf_json_object_begin(json);
        put_text(json, "cbm_mask", rdt->cbm_mask);
        put_nonzero(json, "min_cbm_bits", rdt->min_cbm_bits);
        put_nonzero(json, "num_closids", rdt->l3_closids);
        cf_json_object_end(json);
    }
    if (rdt && rdt->has_mb) {
        cf_json_key(json, "mem_bw_info");
        cf_json_object_begin(json);
        put_nonzero(json, "bandwidth_gran", rdt->bandwidth_gran);
        put_nonzero(json, "delay_linear", rdt->delay_linear);
        put_nonzero(json, "min_bandwidth", rdt->min_bandwidth);
        put_nonzero(json, "num_closids", rdt->mb_closids);
        cf_json_object_end(json);
    }
    if (rdt) {
        put_text(json, "l3_cache_schema_root", rdt->l3_root);
        put_text(json, "l3_cache_schema", rdt->l3);
        put_text(json, "mem_bw_schema_root", rdt->mb_root);
        put_text(json, "mem_bw_schema", rdt->mb);
        if (rdt->n_schemata)
            cf_json_kv_strv(json, "schemata", (const char *const *) rdt->schemata, rdt->n_schemata);
        put_rdt_domains(json, rdt);
    }
    cf_json_object_end(json);
}

static void put_rest(struct cf_json *json, const struct cf_cgroup_stats *stats, const struct cf_rdt_stats *rdt)
{
    cf_json_key(json, "pids");
    cf_json_object_begin(json);
    put_nonzero(json, "current", stats->pids.current);
    put_nonzero(json, "limit", stats->pids.limit);
    cf_json_object_end(json);
    put_blkio(json, stats);
    cf_json_key(json, "hugetlb");
    cf_json_object_begin(json);
    for (size_t i = 0; i < stats->n_hugetlb; i++) {
        cf_json_key(json, stats->hugetlb[i].size);
        cf_json_object_begin(json);
        put_nonzero(json, "usage", stats->hugetlb[i].usage);
        put_nonzero(json, "max", stats->hugetlb[i].max);
        cf_json_kv_uint(json, "failcnt", stats->hugetlb[i].failcnt);
        cf_json_object_end(json);
    }
    cf_json_object_end(json);
    cf_json_key(json, "intel_rdt");
    put_rdt(json, rdt);
    cf_json_key(json, "network_interfaces");
    cf_json_null(json);
}

char *cf_stats_json(const struct cf_cgroup_stats *stats, const struct cf_rdt_stats *rdt)
{
    cf_auto(cf_json_freep) struct cf_json *json = cf_json_new(0);
    const char *text;

    if (!json)
        return NULL;
    cf_json_object_begin(json);
    put_cpu(json, stats);
    put_cpuset(json, stats);
    put_memory(json, stats);
    put_rest(json, stats, rdt);
    cf_json_object_end(json);
    return cf_json_finish(json, &text) < 0 ? NULL : strdup(text);
}

int cf_stats_json_read(struct cf_cgroup *cgroup, const struct cf_rdt_record *rdt, char **ret, struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_cgroup_stats stats;
    struct cf_rdt_stats of_rdt = {0};
    char *json;
    int r;

    if (!arena)
        return cf_err_oom(err);
    r = cf_cgroup_stats_read(cgroup, arena, &stats, err);
    if (r < 0)
        return r;
    if (rdt->root) {
        cf_auto(cf_rdt_close) struct cf_rdt fs = {.fd = -EBADF};

        r = cf_rdt_open(rdt, &fs, err);
        if (r >= 0)
            r = cf_rdt_stats_read(&fs, rdt, arena, &of_rdt, err);
        if (r < 0)
            return r;
    }
    json = cf_stats_json(&stats, of_rdt.present ? &of_rdt : NULL);
    if (!json)
        return cf_err_oom(err);
    *ret = json;
    return 0;
}
