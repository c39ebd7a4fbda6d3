/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.resources -> files of cgroup v2. Pure, host side; the values were checked by
 * cf_cgroup_res_check(). 0 means "not set" (older engines send it for everything).
 */

#include "cgroup/res.h"

#define RES "linux.resources."

/* log2 of 2..262144, without libm: the bits of the fraction come out one by one by squaring. */
static double log2_of(uint64_t v)
{
    unsigned int whole = 63 - (unsigned int) __builtin_clzll(v);
    double x = (double) v / (double) (1ULL << whole), result = whole, bit = 0.5;

    for (int i = 0; i < 48; i++, bit /= 2) {
        x *= x;
        if (x >= 2) {
            x /= 2;
            result += bit;
        }
    }
    return result;
}

/* 2^y for 0 <= y < 32 by the exponential series of the fraction. */
static double exp2_of(double y)
{
    unsigned int whole = (unsigned int) y;
    double f = (y - whole) * 0.69314718055994530942, term = 1, sum = 1;

    for (int i = 1; i < 24; i++) {
        term *= f / i;
        sum += term;
    }
    return sum * (double) (1ULL << whole);
}

uint32_t cf_cgroup_weight_of_shares(uint64_t shares)
{
    double l, e, w;
    uint32_t weight;

    if (shares <= 2)
        return 1;
    if (shares >= 262144)
        return 10000;
    l = log2_of(shares);
    e = (l * l + 125 * l) / 612.0 - 7.0 / 34.0; /* the curve through 2:1, 1024:100, 262144:10000 */
    w = exp2_of(e * 3.32192809488736234787);    /* 10^e */
    /* Rounded up; what is a whole number in exact arithmetic must stay one. */
    weight = (uint32_t) w;
    if (w - weight > 1e-6)
        weight++;
    return weight;
}

static void add_amount(struct cf_cgroup_writes *w, const char *controller, const char *file,
                       const char *field, int64_t v)
{
    if (v == -1)
        cf_cgroup_writes_add(w, controller, file, field, "max");
    else if (v != 0)
        cf_cgroup_writes_add(w, controller, file, field, "%lld", (long long) v);
}

static void memory(const struct ocispec_memory *mem, struct cf_cgroup_writes *w)
{
    add_amount(w, "memory", "memory.max", RES "memory.limit", mem->limit);
    /* The config's value is memory plus swap, v2 counts swap alone. No memory limit without a word
     * about swap means: no limit for both, as it always did on v1. */
    if (mem->swap > 0)
        cf_cgroup_writes_add(w, "memory", "memory.swap.max", RES "memory.swap", "%lld",
                             (long long) (mem->swap - mem->limit));
    else if (mem->swap == -1 || (mem->swap == 0 && mem->limit == -1))
        cf_cgroup_writes_add(w, "memory", "memory.swap.max", RES "memory.swap", "max");
    add_amount(w, "memory", "memory.low", RES "memory.reservation", mem->reservation);
}

static void cpu_time(const struct ocispec_cpu *cpu, struct cf_cgroup_writes *w)
{
    /* An idle cgroup refuses a weight: out of it before, into it afterwards. */
    if (cpu->has_idle && cpu->idle == 0)
        cf_cgroup_writes_add(w, "cpu", "cpu.idle", RES "cpu.idle", "0");
    if (cpu->shares != 0)
        cf_cgroup_writes_add(w, "cpu", "cpu.weight", RES "cpu.shares", "%u",
                             cf_cgroup_weight_of_shares(cpu->shares));
    if (cpu->idle != 0)
        cf_cgroup_writes_add(w, "cpu", "cpu.idle", RES "cpu.idle", "%lld", (long long) cpu->idle);
    if (cpu->quota != 0 || cpu->period != 0) {
        unsigned long long period = cpu->period ? cpu->period : 100000;

        if (cpu->quota > 0)
            cf_cgroup_writes_add(w, "cpu", "cpu.max", RES "cpu.quota", "%lld %llu",
                                 (long long) cpu->quota, period);
        else
            cf_cgroup_writes_add(w, "cpu", "cpu.max", RES "cpu.period", "max %llu", period);
    }
    if (cpu->has_burst)
        cf_cgroup_writes_add(w, "cpu", "cpu.max.burst", RES "cpu.burst", "%llu",
                             (unsigned long long) cpu->burst);
}

void cf_cgroup_res_v2(const struct ocispec_resources *res, struct cf_cgroup_writes *w)
{
    if (res->cpu && res->cpu->cpus && *res->cpu->cpus)
        cf_cgroup_writes_put(w, "cpuset", "cpuset.cpus", RES "cpu.cpus", res->cpu->cpus);
    if (res->cpu && res->cpu->mems && *res->cpu->mems)
        cf_cgroup_writes_put(w, "cpuset", "cpuset.mems", RES "cpu.mems", res->cpu->mems);
    if (res->memory)
        memory(res->memory, w);
    if (res->cpu)
        cpu_time(res->cpu, w);
    /* 0 forbids all further processes; 1 has the same effect and is what every manager can say. */
    if (res->pids && res->pids->has_limit)
        add_amount(w, "pids", "pids.max", RES "pids.limit",
                   res->pids->limit == 0 ? 1 : res->pids->limit);
    if (res->block_io)
        cf_cgroup_res_io_v2(res->block_io, w);
    cf_cgroup_res_misc(res, true, w);
    if (res->unified)
        cf_cgroup_res_unified(res->unified, w);
}
