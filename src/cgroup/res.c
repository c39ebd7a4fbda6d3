/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the two flavours of resource translation share: the list of writes, and the checks of
 * linux.resources that are about memory, CPU and pids. Pure, host side. Nothing that asks for
 * something is ignored: what cannot be done is refused by name. Source: runtime-spec
 * config-linux.md, "Control groups".
 */

#include "cgroup/res.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/format.h"

#define RES "linux.resources."

void cf_cgroup_writes_put(struct cf_cgroup_writes *w, const char *controller, const char *file,
                          const char *field, const char *value)
{
    if (!value) {
        w->oom = true;
        return;
    }
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 16;
        struct cf_cgroup_write *items = cf_arena_calloc(w->arena, cap, sizeof(*items));

        if (!items) {
            w->oom = true;
            return;
        }
        if (w->n)
            memcpy(items, w->items, w->n * sizeof(*items));
        w->items = items;
        w->cap = cap;
    }
    w->items[w->n++] = (struct cf_cgroup_write) {
        .controller = controller,
        .file = file,
        .field = field,
        .value = value,
    };
}

void cf_cgroup_writes_add(struct cf_cgroup_writes *w, const char *controller, const char *file,
                          const char *field, const char *fmt, ...)
{
    char value[512];
    va_list args;
    size_t len;

    va_start(args, fmt);
    len = cf_vformat(value, sizeof(value), fmt, args);
    va_end(args);
    if (len >= sizeof(value)) { /* callers have checked lengths: keep it visible all the same */
        w->oom = true;
        return;
    }
    cf_cgroup_writes_put(w, controller, file, field, cf_arena_strdup(w->arena, value));
}

void cf_cgroup_writes_else(struct cf_cgroup_writes *w, const char *file, const char *value)
{
    if (w->oom || w->n == 0)
        return;
    w->items[w->n - 1].else_file = file;
    w->items[w->n - 1].else_value = value ? value : w->items[w->n - 1].value;
}

void cf_cgroup_writes_flag(struct cf_cgroup_writes *w, uint32_t flags)
{
    if (!w->oom && w->n > 0)
        w->items[w->n - 1].flags |= flags;
}

const char *cf_cgroup_res_field(struct cf_cgroup_writes *w, const char *fmt, ...)
{
    char text[256];
    const char *copy;
    va_list args;

    va_start(args, fmt);
    (void) cf_vformat(text, sizeof(text), fmt, args);
    va_end(args);
    copy = cf_arena_printf(w->arena, RES "%s", text);
    if (!copy)
        w->oom = true;
    return copy ? copy : "";
}

static bool is_one_of(const char *file, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(file, list[i]) == 0)
            return true;
    }
    return false;
}

/* "8:0 rbps=max wiops=max": no limit in it. */
static bool is_all_max(const char *value)
{
    for (const char *p = value; (p = strchr(p, '=')); ) {
        if (*++p != 'm')
            return false;
    }
    return true;
}

bool cf_cgroup_write_is_default(const struct cf_cgroup_write *write)
{
    /* Here `max` and -1 are the strongest wish, not the absence of one. */
    static const char *const zero_based[] = {"memory.low", "memory.min", "cpu.rt_runtime_us"};
    static const char *const zero_default[] = {"cpu.idle", "cpu.max.burst", "cpu.cfs_burst_us"};

    if (write->flags & CF_CGWRITE_ALWAYS)
        return false;
    if (strcmp(write->file, "io.max") == 0)
        return is_all_max(write->value);
    if (strcmp(write->value, "0") == 0)
        return is_one_of(write->file, zero_default, 3);
    return (strcmp(write->value, "max") == 0 || strcmp(write->value, "-1") == 0 ||
            strcmp(write->value, "max 100000") == 0) &&
           !is_one_of(write->file, zero_based, 3);
}

static int unsupported(struct cf_err *err, const char *field, const char *why)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "resources-unsupported", -EOPNOTSUPP, "%s: %s",
                      field, why);
    cf_err_field(err, "%s", field);
    return -EOPNOTSUPP;
}

int cf_cgroup_res_not_on_v2(struct cf_err *err, const char *field, const char *controller)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "resources-unsupported", -EOPNOTSUPP,
                      "%s has no counterpart in cgroup v2 (controller `%s` of v1)", field,
                      controller);
    cf_err_field(err, "%s", field);
    cf_err_hint(err, "this host has cgroup v2: leave the field out");
    return -EOPNOTSUPP;
}

/* -1 is "no limit", 0 is "not set", everything below is a mistake. */
static int check_amount(bool has, int64_t v, const char *field, struct cf_err *err)
{
    if (has && v < -1)
        return cf_err_config(err, "resources-value", field, "must be -1 or more, got %lld",
                             (long long) v);
    return 0;
}

static int check_swap(const struct ocispec_memory *mem, struct cf_err *err)
{
    if (mem->swap <= 0)
        return 0;
    if (mem->limit <= 0)
        return cf_err_config(err, "resources-value", RES "memory.swap",
                             "unable to set swap limit without memory limit");
    if (mem->swap < mem->limit)
        return cf_err_config(err, "resources-value", RES "memory.swap",
                             "memory+swap limit should be >= memory limit");
    return 0;
}

static int check_memory(const struct cf_plan_input *in, struct cf_plan *plan,
                        const struct ocispec_memory *mem, bool v2, struct cf_err *err)
{
    int r = check_amount(mem->has_limit, mem->limit, RES "memory.limit", err);

    if (r == 0)
        r = check_amount(mem->has_reservation, mem->reservation, RES "memory.reservation", err);
    if (r == 0)
        r = check_amount(mem->has_swap, mem->swap, RES "memory.swap", err);
    if (r == 0)
        r = check_swap(mem, err);
    if (r < 0)
        return r;
    if (mem->swappiness > 100)
        return cf_err_config(err, "resources-value", RES "memory.swappiness",
                             "invalid memory swappiness value: %llu (valid range is 0-100)",
                             (unsigned long long) mem->swappiness);
    if (v2 && mem->has_swappiness && mem->swappiness != 60)
        return cf_cgroup_res_not_on_v2(err, RES "memory.swappiness", "memory");
    if (v2 && mem->disable_oom_killer)
        return cf_cgroup_res_not_on_v2(err, RES "memory.disableOOMKiller", "memory");
    /* v1's memory.use_hierarchy is always 1 since Linux 5.11, so `true` needs no write. */
    if (mem->has_use_hierarchy && !mem->use_hierarchy)
        return unsupported(err, RES "memory.useHierarchy",
                           "memory is always accounted hierarchically by this kernel");
    if (mem->kernel != 0 && plan)
        cf_plan_warn(in, plan, RES "memory.kernel is ignored: the kernel has no such limit");
    if (v2 && mem->kernel_tcp != 0 && plan)
        cf_plan_warn(in, plan, RES "memory.kernelTCP is ignored: cgroup v2 has no such limit");
    return 0;
}

/* "0-3,7": numbers and ascending ranges. */
static int check_list(const char *list, const char *field, struct cf_err *err)
{
    const char *p = list;
    uint32_t bounds[2];

    if (!list || !*list)
        return 0;
    if (strlen(list) >= 4096) /* a page is what the kernel takes */
        goto bad;
    for (;;) {
        for (int k = 0; k < 2; k++) {
            uint32_t v = 0;

            if (*p < '0' || *p > '9')
                goto bad;
            for (; *p >= '0' && *p <= '9'; p++) {
                v = v * 10 + (uint32_t) (*p - '0');
                if (v > 65535)
                    goto bad;
            }
            bounds[k] = v;
            if (k == 0 && *p != '-') {
                bounds[1] = v;
                break;
            }
            if (k == 0)
                p++;
        }
        if (bounds[1] < bounds[0])
            goto bad;
        if (*p == '\0')
            return 0;
        if (*p++ != ',')
            goto bad;
    }
bad:
    return cf_err_config(err, "resources-value", field, "`%s` is not a list like `0-3,7`", list);
}

static int check_realtime(const struct ocispec_cpu *cpu, bool v2, struct cf_err *err)
{
    if (v2 && cpu->realtime_runtime != 0)
        return cf_cgroup_res_not_on_v2(err, RES "cpu.realtimeRuntime", "cpu");
    if (v2 && cpu->realtime_period != 0)
        return cf_cgroup_res_not_on_v2(err, RES "cpu.realtimePeriod", "cpu");
    if (cpu->realtime_runtime < -1)
        return cf_err_config(err, "resources-value", RES "cpu.realtimeRuntime",
                             "must be -1 or more, got %lld", (long long) cpu->realtime_runtime);
    if (cpu->realtime_period > INT32_MAX)
        return cf_err_config(err, "resources-value", RES "cpu.realtimePeriod",
                             "must be at most %d microseconds, got %llu", INT32_MAX,
                             (unsigned long long) cpu->realtime_period);
    if (cpu->realtime_period != 0 && cpu->realtime_runtime > 0 &&
        (uint64_t) cpu->realtime_runtime > cpu->realtime_period)
        return cf_err_config(err, "resources-value", RES "cpu.realtimeRuntime",
                             "%lld is more than cpu.realtimePeriod %llu",
                             (long long) cpu->realtime_runtime,
                             (unsigned long long) cpu->realtime_period);
    return 0;
}

static int check_cpu(const struct ocispec_cpu *cpu, bool v2, struct cf_err *err)
{
    int r;

    if (cpu->period != 0 && (cpu->period < 1000 || cpu->period > 1000000))
        return cf_err_config(err, "resources-value", RES "cpu.period",
                             "must be from 1000 to 1000000 microseconds, got %llu",
                             (unsigned long long) cpu->period);
    if (cpu->burst != 0 && cpu->quota > 0 && cpu->burst > (uint64_t) cpu->quota)
        return cf_err_config(err, "resources-value", RES "cpu.burst",
                             "%llu is more than cpu.quota %lld", (unsigned long long) cpu->burst,
                             (long long) cpu->quota);
    if (cpu->has_idle && cpu->idle != 0 && cpu->idle != 1)
        return cf_err_config(err, "resources-value", RES "cpu.idle", "must be 0 or 1, got %lld",
                             (long long) cpu->idle);
    r = check_realtime(cpu, v2, err);
    if (r == 0)
        r = check_list(cpu->cpus, RES "cpu.cpus", err);
    return r < 0 ? r : check_list(cpu->mems, RES "cpu.mems", err);
}

#define PIDS_MAX 4194304 /* PID_MAX_LIMIT of 64 bit kernels */

static int check_pids(const struct ocispec_pids *pids, struct cf_err *err)
{
    if (pids->limit > PIDS_MAX)
        return cf_err_config(err, "resources-value", RES "pids.limit", "must be at most %d, got %lld",
                             PIDS_MAX, (long long) pids->limit);
    return check_amount(pids->has_limit, pids->limit, RES "pids.limit", err);
}

int cf_cgroup_res_check(const struct cf_plan_input *in, struct cf_plan *plan,
                        const struct ocispec_resources *res, bool v2, struct cf_err *err)
{
    int r = 0;

    if (res->memory)
        r = check_memory(in, plan, res->memory, v2, err);
    if (r == 0 && res->cpu)
        r = check_cpu(res->cpu, v2, err);
    if (r == 0 && res->pids)
        r = check_pids(res->pids, err);
    if (r == 0 && res->block_io)
        r = cf_cgroup_res_check_io(res->block_io, v2, err);
    if (r == 0)
        r = cf_cgroup_res_check_misc(res, v2, err);
    if (r == 0 && res->unified)
        r = cf_cgroup_res_check_unified(res->unified, v2, err);
    return r;
}
