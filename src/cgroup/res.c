/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the two flavours of resource translation share: the list of writes, and the checks of
 * linux.resources. Pure, host side. Nothing that asks for something is ignored: what cannot be
 * done yet is refused by name. Source: runtime-spec config-linux.md, "Control groups".
 */

#include "cgroup/res.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/format.h"

#define RES "linux.resources."

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
    w->items[w->n] = (struct cf_cgroup_write) {
        .controller = controller,
        .file = file,
        .field = field,
        .value = cf_arena_strdup(w->arena, value),
    };
    if (!w->items[w->n].value)
        w->oom = true;
    else
        w->n++;
}

bool cf_cgroup_write_is_default(const struct cf_cgroup_write *write)
{
    return strcmp(write->value, "max") == 0 || strcmp(write->value, "-1") == 0 ||
           strcmp(write->value, "max 100000") == 0;
}

static int unsupported(struct cf_err *err, const char *field, const char *why)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "resources-unsupported", -EOPNOTSUPP, "%s: %s",
                      field, why);
    cf_err_field(err, "%s", field);
    return -EOPNOTSUPP;
}

#define NOT_YET "not supported by this version of coffer"
#define NOT_ON_V2 "has no counterpart in cgroup v2"

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
        return unsupported(err, RES "memory.swappiness", NOT_ON_V2);
    if (v2 && mem->disable_oom_killer)
        return unsupported(err, RES "memory.disableOOMKiller", NOT_ON_V2);
    if (mem->has_use_hierarchy && !mem->use_hierarchy)
        return unsupported(err, RES "memory.useHierarchy",
                           "memory is always accounted hierarchically by this kernel");
    if (mem->kernel != 0)
        cf_plan_warn(in, plan, RES "memory.kernel is ignored: the kernel has no such limit");
    if (mem->kernel_tcp != 0)
        cf_plan_warn(in, plan, RES "memory.kernelTCP is ignored: the kernel has no such limit");
    return 0;
}

/* "0-3,7": numbers and ascending ranges. */
static int check_list(const char *list, const char *field, struct cf_err *err)
{
    const char *p = list;
    uint32_t bounds[2];

    if (!list || !*list)
        return 0;
    if (strlen(list) > 256)
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

static int check_cpu(const struct ocispec_cpu *cpu, struct cf_err *err)
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
    if (cpu->realtime_runtime != 0)
        return unsupported(err, RES "cpu.realtimeRuntime", NOT_YET);
    if (cpu->realtime_period != 0)
        return unsupported(err, RES "cpu.realtimePeriod", NOT_YET);
    r = check_list(cpu->cpus, RES "cpu.cpus", err);
    return r < 0 ? r : check_list(cpu->mems, RES "cpu.mems", err);
}

static int check_block_io(const struct ocispec_block_io *io, struct cf_err *err)
{
    if (io->weight != 0)
        return unsupported(err, RES "blockIO.weight", NOT_YET);
    if (io->leaf_weight != 0)
        return unsupported(err, RES "blockIO.leafWeight", NOT_YET);
    if (io->n_weight_device > 0)
        return unsupported(err, RES "blockIO.weightDevice", NOT_YET);
    if (io->n_throttle_read_bps_device > 0)
        return unsupported(err, RES "blockIO.throttleReadBpsDevice", NOT_YET);
    if (io->n_throttle_write_bps_device > 0)
        return unsupported(err, RES "blockIO.throttleWriteBpsDevice", NOT_YET);
    if (io->n_throttle_read_iops_device > 0)
        return unsupported(err, RES "blockIO.throttleReadIOPSDevice", NOT_YET);
    if (io->n_throttle_write_iops_device > 0)
        return unsupported(err, RES "blockIO.throttleWriteIOPSDevice", NOT_YET);
    return 0;
}

int cf_cgroup_res_check(const struct cf_plan_input *in, struct cf_plan *plan,
                        const struct ocispec_resources *res, bool v2, struct cf_err *err)
{
    int r = 0;

    if (res->memory)
        r = check_memory(in, plan, res->memory, v2, err);
    if (r == 0 && res->cpu)
        r = check_cpu(res->cpu, err);
    if (r == 0 && res->pids)
        r = check_amount(res->pids->has_limit, res->pids->limit, RES "pids.limit", err);
    if (r == 0 && res->block_io)
        r = check_block_io(res->block_io, err);
    if (r < 0)
        return r;
    if (res->n_hugepage_limits > 0)
        return unsupported(err, RES "hugepageLimits", NOT_YET);
    if (res->network && res->network->class_id != 0)
        return unsupported(err, RES "network.classID", v2 ? NOT_ON_V2 : NOT_YET);
    if (res->network && res->network->n_priorities > 0)
        return unsupported(err, RES "network.priorities", v2 ? NOT_ON_V2 : NOT_YET);
    if (res->rdma && res->rdma->n > 0)
        return unsupported(err, RES "rdma", NOT_YET);
    if (res->unified && res->unified->n > 0)
        return unsupported(err, RES "unified",
                           v2 ? NOT_YET : "cannot use unified on cgroup v1");
    return 0;
}
