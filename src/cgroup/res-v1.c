/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.resources -> files of cgroup v1. Pure, host side; the values were checked by
 * cf_cgroup_res_check(). Complete for what v1 can do, but closed to new features.
 */

#include "cgroup/res.h"

#define RES "linux.resources."

static void add_number(struct cf_cgroup_writes *w, const char *controller, const char *file,
                       const char *field, int64_t v)
{
    if (v != 0)
        cf_cgroup_writes_add(w, controller, file, field, "%lld", (long long) v);
}

static void memory(const struct ocispec_memory *mem, struct cf_cgroup_writes *w)
{
    int64_t swap = mem->swap == 0 && mem->limit == -1 ? -1 : mem->swap;

    /* Whether limit or swap must go first depends on the present values: the writer tries again. */
    add_number(w, "memory", "memory.limit_in_bytes", RES "memory.limit", mem->limit);
    add_number(w, "memory", "memory.memsw.limit_in_bytes", RES "memory.swap", swap);
    add_number(w, "memory", "memory.soft_limit_in_bytes", RES "memory.reservation",
               mem->reservation);
    add_number(w, "memory", "memory.kmem.tcp.limit_in_bytes", RES "memory.kernelTCP", mem->kernel_tcp);
    if (mem->has_swappiness) /* a new cgroup has that of the one above, which need not be 60 */
        cf_cgroup_writes_add(w, "memory", "memory.swappiness", RES "memory.swappiness", "%llu",
                             (unsigned long long) mem->swappiness);
    if (mem->disable_oom_killer)
        cf_cgroup_writes_add(w, "memory", "memory.oom_control", RES "memory.disableOOMKiller", "1");
}

static void cpu_time(const struct ocispec_cpu *cpu, struct cf_cgroup_writes *w)
{
    /* An idle cgroup refuses shares: out of it before, into it afterwards. */
    if (cpu->has_idle && cpu->idle == 0)
        cf_cgroup_writes_add(w, "cpu", "cpu.idle", RES "cpu.idle", "0");
    if (cpu->shares != 0)
        cf_cgroup_writes_add(w, "cpu", "cpu.shares", RES "cpu.shares", "%llu",
                             (unsigned long long) cpu->shares);
    if (cpu->idle != 0)
        cf_cgroup_writes_add(w, "cpu", "cpu.idle", RES "cpu.idle", "%lld", (long long) cpu->idle);
    if (cpu->period != 0)
        cf_cgroup_writes_add(w, "cpu", "cpu.cfs_period_us", RES "cpu.period", "%llu",
                             (unsigned long long) cpu->period);
    if (cpu->quota != 0)
        cf_cgroup_writes_add(w, "cpu", "cpu.cfs_quota_us", RES "cpu.quota", "%lld",
                             cpu->quota > 0 ? (long long) cpu->quota : -1LL);
    if (cpu->has_burst)
        cf_cgroup_writes_add(w, "cpu", "cpu.cfs_burst_us", RES "cpu.burst", "%llu",
                             (unsigned long long) cpu->burst);
    /* Each must fit the other and the cgroups above: the writer tries again, and sees to those. */
    if (cpu->realtime_period != 0)
        cf_cgroup_writes_add(w, "cpu", "cpu.rt_period_us", RES "cpu.realtimePeriod", "%llu",
                             (unsigned long long) cpu->realtime_period);
    add_number(w, "cpu", "cpu.rt_runtime_us", RES "cpu.realtimeRuntime", cpu->realtime_runtime);
}

void cf_cgroup_res_v1(const struct ocispec_resources *res, struct cf_cgroup_writes *w)
{
    if (res->cpu && res->cpu->cpus && *res->cpu->cpus)
        cf_cgroup_writes_put(w, "cpuset", "cpuset.cpus", RES "cpu.cpus", res->cpu->cpus);
    if (res->cpu && res->cpu->mems && *res->cpu->mems)
        cf_cgroup_writes_put(w, "cpuset", "cpuset.mems", RES "cpu.mems", res->cpu->mems);
    if (res->memory)
        memory(res->memory, w);
    if (res->cpu)
        cpu_time(res->cpu, w);
    if (res->pids && res->pids->has_limit) {
        int64_t limit = res->pids->limit == 0 ? 1 : res->pids->limit;

        if (limit == -1)
            cf_cgroup_writes_add(w, "pids", "pids.max", RES "pids.limit", "max");
        else
            add_number(w, "pids", "pids.max", RES "pids.limit", limit);
    }
    if (res->block_io)
        cf_cgroup_res_io_v1(res->block_io, w);
    cf_cgroup_res_misc(res, false, w);
}
