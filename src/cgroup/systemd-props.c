/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.resources -> properties of a systemd unit. Pure, host side. The same values are also written to the
 * cgroup's files, exactly; systemd is told so that it does not put others there when it next looks at the
 * unit. So a property that an older systemd lacks may be left out. Source: org.freedesktop.systemd1(5).
 */

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "cgroup/res.h"
#include "cgroup/systemd-internal.h"

#define RES "linux.resources."
#define INFINITE UINT64_MAX
#define DEFAULT_PERIOD_USEC 100000u
#define CPU_MAX_COUNT 65536

void cf_systemd_props_set(struct cf_systemd_props *props, const struct cf_systemd_property *property)
{
    for (size_t i = 0; i < props->n; i++) {
        if (strcmp(props->items[i].name, property->name) == 0) {
            props->items[i] = *property;
            return;
        }
    }
    if (props->n == props->cap) {
        size_t cap = props->cap ? props->cap * 2 : 32;
        struct cf_systemd_property *items = cf_arena_calloc(props->arena, cap, sizeof(*items));

        if (!items) {
            props->oom = true;
            return;
        }
        if (props->n > 0)
            memcpy(items, props->items, props->n * sizeof(*items));
        props->items = items;
        props->cap = cap;
    }
    props->items[props->n++] = *property;
}

void cf_systemd_props_u64(struct cf_systemd_props *props, const char *name, uint64_t value, const char *field)
{
    cf_systemd_props_set(props, &(struct cf_systemd_property){
                                    .name = name, .type = CF_SD_U64, .number = value, .field = field});
}

void cf_systemd_props_bool(struct cf_systemd_props *props, const char *name, bool value)
{
    cf_systemd_props_set(props,
                         &(struct cf_systemd_property){.name = name, .type = CF_SD_BOOL, .number = value});
}

void cf_systemd_props_string(struct cf_systemd_props *props, const char *name, const char *value)
{
    cf_systemd_props_set(props,
                         &(struct cf_systemd_property){.name = name, .type = CF_SD_STRING, .text = value});
}

/* 0: not set, -1: no limit. */
static void add_amount(struct cf_systemd_props *props, const char *name, int64_t v, const char *field)
{
    if (v != 0)
        cf_systemd_props_u64(props, name, v < 0 ? INFINITE : (uint64_t) v, field);
}

static void add_memory(struct cf_systemd_props *props, const struct ocispec_memory *mem, bool v2)
{
    if (!v2) {
        add_amount(props, "MemoryLimit", mem->limit, RES "memory.limit");
        return;
    }
    add_amount(props, "MemoryMax", mem->limit, RES "memory.limit");
    add_amount(props, "MemoryLow", mem->reservation, RES "memory.reservation");
    /* As in the file: v2 counts swap alone. */
    if (mem->swap > 0)
        cf_systemd_props_u64(props, "MemorySwapMax", (uint64_t) (mem->swap - mem->limit), RES "memory.swap");
    else if (mem->swap == -1 || (mem->swap == 0 && mem->limit == -1))
        cf_systemd_props_u64(props, "MemorySwapMax", INFINITE, RES "memory.swap");
}

/* systemd thinks in CPU time per second, in steps of 10 ms. Rounded up: a limit must not become tighter. */
static void add_quota(struct cf_systemd_props *props, int64_t quota, uint64_t period, const char *field)
{
    uint64_t per_second = INFINITE;

    if (quota > 0) {
        unsigned __int128 usec =
            (unsigned __int128) quota * 1000000u / (period ? period : DEFAULT_PERIOD_USEC);

        usec = (usec + 9999) / 10000 * 10000;
        per_second = usec > INT64_MAX ? INFINITE : (uint64_t) usec;
    }
    cf_systemd_props_u64(props, "CPUQuotaPerSecUSec", per_second, field);
    if (period != 0)
        cf_systemd_props_u64(props, "CPUQuotaPeriodUSec", period, field);
}

/* "0-3,7" as a bit mask, least significant byte first. Empty or malformed (refused elsewhere): nothing. */
static void add_mask(struct cf_systemd_props *props, const char *name, const char *list, const char *field)
{
    uint8_t *mask;
    size_t n = 0;

    if (cf_str_empty(list))
        return;
    mask = cf_arena_alloc(props->arena, CPU_MAX_COUNT / 8);
    if (!mask) {
        props->oom = true;
        return;
    }
    for (const char *p = list; *p && *p != '\n';) {
        uint32_t bound[2] = {0, 0};

        for (int k = 0; k < 2; k++) {
            if (*p < '0' || *p > '9')
                return;
            for (; *p >= '0' && *p <= '9' && bound[k] < CPU_MAX_COUNT; p++)
                bound[k] = bound[k] * 10 + (uint32_t) (*p - '0');
            if (bound[k] >= CPU_MAX_COUNT)
                return;
            if (k == 0 && *p != '-') {
                bound[1] = bound[0];
                break;
            }
            p += k == 0;
        }
        for (uint32_t i = bound[0]; i <= bound[1]; i++) {
            mask[i / 8] |= (uint8_t) (1u << (i % 8));
            n = n > i / 8 + 1 ? n : i / 8 + 1;
        }
        if (*p == ',')
            p++;
        else if (*p && *p != '\n')
            return;
    }
    cf_systemd_props_set(props,
                         &(struct cf_systemd_property){
                             .name = name, .type = CF_SD_BYTES, .bytes = mask, .n = n, .field = field});
}

static void add_cpu(struct cf_systemd_props *props, const struct ocispec_cpu *cpu, bool v2)
{
    if (v2 && cpu->idle == 1) /* the weight `idle`, which is told as 0 */
        cf_systemd_props_u64(props, "CPUWeight", 0, RES "cpu.idle");
    else if (v2 && cpu->shares != 0)
        cf_systemd_props_u64(props, "CPUWeight", cf_cgroup_weight_of_shares(cpu->shares), RES "cpu.shares");
    else if (cpu->shares != 0)
        cf_systemd_props_u64(props, "CPUShares", cpu->shares, RES "cpu.shares");
    if (cpu->quota != 0 || cpu->period != 0)
        add_quota(props, cpu->quota, cpu->period, cpu->quota != 0 ? RES "cpu.quota" : RES "cpu.period");
    if (v2) {
        add_mask(props, "AllowedCPUs", cpu->cpus, RES "cpu.cpus");
        add_mask(props, "AllowedMemoryNodes", cpu->mems, RES "cpu.mems");
    }
}

static void add_tasks(struct cf_systemd_props *props, uint64_t limit, const char *field)
{
    /* systemd has no 0; with the first process there, 1 has the same effect. */
    cf_systemd_props_u64(props, "TasksMax", limit == 0 ? 1 : limit, field);
}

static uint64_t io_weight(uint16_t weight)
{
    return weight <= 10 ? 1 : 1 + (uint64_t) (weight - 10) * 9999 / 990;
}

static void add_device_numbers(struct cf_systemd_props *props, const char *name, const char **paths,
                               const uint64_t *numbers, size_t n, const char *field)
{
    cf_systemd_props_set(props, &(struct cf_systemd_property){.name = name,
                                                              .type = CF_SD_DEVICE_U64,
                                                              .strings = paths,
                                                              .numbers = numbers,
                                                              .n = n,
                                                              .field = field});
}

static bool device_lists(struct cf_systemd_props *props, size_t n, const char ***ret_paths,
                         uint64_t **ret_numbers)
{
    *ret_paths = cf_arena_calloc(props->arena, n + 1, sizeof(**ret_paths));
    *ret_numbers = cf_arena_calloc(props->arena, n + 1, sizeof(**ret_numbers));
    props->oom |= !*ret_paths || !*ret_numbers;
    return !props->oom;
}

static const char *block_path(struct cf_systemd_props *props, int64_t major, int64_t minor)
{
    const char *path =
        cf_arena_printf(props->arena, "/dev/block/%lld:%lld", (long long) major, (long long) minor);

    props->oom |= !path;
    return path;
}

static void add_throttle(struct cf_systemd_props *props, const char *name,
                         const struct ocispec_throttle_device *list, size_t n, const char *field)
{
    const char **paths;
    uint64_t *numbers;

    if (n == 0 || !device_lists(props, n, &paths, &numbers))
        return;
    for (size_t i = 0; i < n; i++) {
        paths[i] = block_path(props, list[i].major, list[i].minor);
        numbers[i] = list[i].rate == 0 ? INFINITE : list[i].rate;
    }
    add_device_numbers(props, name, paths, numbers, n, field);
}

static void add_block_io(struct cf_systemd_props *props, const struct ocispec_block_io *io, bool v2)
{
    const char **paths;
    uint64_t *numbers;
    size_t n = 0;

    if (!v2) {
        if (io->weight != 0)
            cf_systemd_props_u64(props, "BlockIOWeight", io->weight, RES "blockIO.weight");
        return;
    }
    if (io->weight != 0)
        cf_systemd_props_u64(props, "IOWeight", io_weight(io->weight), RES "blockIO.weight");
    if (io->n_weight_device > 0 && device_lists(props, io->n_weight_device, &paths, &numbers)) {
        for (size_t i = 0; i < io->n_weight_device; i++) {
            const struct ocispec_weight_device *device = &io->weight_device[i];

            if (device->weight == 0)
                continue;
            paths[n] = block_path(props, device->major, device->minor);
            numbers[n++] = io_weight(device->weight);
        }
        if (n > 0)
            add_device_numbers(props, "IODeviceWeight", paths, numbers, n, RES "blockIO.weightDevice");
    }
    add_throttle(props, "IOReadBandwidthMax", io->throttle_read_bps_device, io->n_throttle_read_bps_device,
                 RES "blockIO.throttleReadBpsDevice");
    add_throttle(props, "IOWriteBandwidthMax", io->throttle_write_bps_device, io->n_throttle_write_bps_device,
                 RES "blockIO.throttleWriteBpsDevice");
    add_throttle(props, "IOReadIOPSMax", io->throttle_read_iops_device, io->n_throttle_read_iops_device,
                 RES "blockIO.throttleReadIOPSDevice");
    add_throttle(props, "IOWriteIOPSMax", io->throttle_write_iops_device, io->n_throttle_write_iops_device,
                 RES "blockIO.throttleWriteIOPSDevice");
}

/* A number or "max", alone on its line. */
static bool parse_limit(const char *text, size_t len, uint64_t *ret)
{
    char number[CF_NUM_SIZE];

    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    if (len >= sizeof(number))
        return false;
    memcpy(number, text, len);
    number[len] = '\0';
    if (strcmp(number, "max") == 0) {
        *ret = INFINITE;
        return true;
    }
    return cf_num_parse_u64(number, 0, INT64_MAX, ret) == 0;
}

static void unified_cpu_max(struct cf_systemd_props *props, const char *value, const char *field)
{
    size_t len = strcspn(value, " \n");
    uint64_t quota, period = 0;

    if (!parse_limit(value, len, &quota))
        return;
    value += len;
    value += strspn(value, " ");
    if (*value && *value != '\n' && !parse_limit(value, strlen(value), &period))
        return;
    if (period == INFINITE || (quota != INFINITE && quota > INT64_MAX))
        return;
    add_quota(props, quota == INFINITE ? -1 : (int64_t) quota, period, field);
}

/* The files of v2 that have a property. Merged last, as the config's last word. */
static void add_unified(struct cf_systemd_props *props, const char *file, const char *value)
{
    static const struct {
        const char *file, *property;
    } amounts[] = {
        {"memory.high", "MemoryHigh"},        {"memory.low", "MemoryLow"},
        {"memory.max", "MemoryMax"},          {"memory.min", "MemoryMin"},
        {"memory.swap.max", "MemorySwapMax"}, {"memory.zswap.max", "MemoryZSwapMax"},
        {"cpu.weight", "CPUWeight"},          {"pids.max", "TasksMax"},
    };
    const char *field = cf_arena_printf(props->arena, RES "unified[\"%s\"]", file);
    uint64_t number;

    if (!field) {
        props->oom = true;
        return;
    }
    if (strcmp(file, "cpu.max") == 0)
        unified_cpu_max(props, value, field);
    else if (strcmp(file, "cpuset.cpus") == 0)
        add_mask(props, "AllowedCPUs", value, field);
    else if (strcmp(file, "cpuset.mems") == 0)
        add_mask(props, "AllowedMemoryNodes", value, field);
    else if (strcmp(file, "cpu.idle") == 0 && parse_limit(value, strlen(value), &number) && number == 1)
        cf_systemd_props_u64(props, "CPUWeight", 0, field);
    for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
        if (strcmp(file, amounts[i].file) != 0 || !parse_limit(value, strlen(value), &number))
            continue;
        if (strcmp(file, "pids.max") == 0)
            add_tasks(props, number, field);
        else
            cf_systemd_props_u64(props, amounts[i].property, number, field);
    }
}

void cf_systemd_props_resources(struct cf_systemd_props *props, const struct ocispec_resources *res, bool v2)
{
    if (res->memory)
        add_memory(props, res->memory, v2);
    if (res->cpu)
        add_cpu(props, res->cpu, v2);
    if (res->pids && res->pids->has_limit)
        add_tasks(props, res->pids->limit < 0 ? INFINITE : (uint64_t) res->pids->limit, RES "pids.limit");
    if (res->block_io)
        add_block_io(props, res->block_io, v2);
    for (size_t i = 0; v2 && res->unified && i < res->unified->n; i++)
        add_unified(props, res->unified->keys[i], res->unified->values[i]);
}

int cf_systemd_properties(const struct ocispec_resources *res, bool v2, struct cf_arena *arena,
                          const struct cf_systemd_property **ret, size_t *ret_n, struct cf_err *err)
{
    struct cf_systemd_props props = {.arena = arena};

    cf_systemd_props_resources(&props, res, v2);
    if (props.oom)
        return cf_err_oom(err);
    *ret = props.items;
    *ret_n = props.n;
    return 0;
}
