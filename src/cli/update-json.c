/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See update-json.h. */

#include "cli/update-json.h"

#include <errno.h>
#include <string.h>

const struct arg_option update_options_table[] = {
    [UPDATE_RESOURCES] = {"resources", 'r', ARG_VALUE, false, "FILE",
                          "linux.resources as JSON, - for standard input; other limits are ignored then"},
    [UPDATE_BLKIO_WEIGHT] = {"blkio-weight", 0, ARG_VALUE, false, "N", "share of block I/O, 10 to 1000"},
    [UPDATE_CPU_PERIOD] = {"cpu-period", 0, ARG_VALUE, false, "USEC", "period of the CPU quota"},
    [UPDATE_CPU_QUOTA] = {"cpu-quota", 0, ARG_VALUE, false, "USEC", "CPU time in each period, -1: no limit"},
    [UPDATE_CPU_BURST] = {"cpu-burst", 0, ARG_VALUE, false, "USEC", "unused CPU time that may be saved up"},
    [UPDATE_CPU_SHARE] = {"cpu-share", 0, ARG_VALUE, false, "N", "share of CPU time, 2 to 262144"},
    [UPDATE_CPU_RT_PERIOD] = {"cpu-rt-period", 0, ARG_VALUE, false, "USEC", "period of realtime scheduling (v1)"},
    [UPDATE_CPU_RT_RUNTIME] = {"cpu-rt-runtime", 0, ARG_VALUE, false, "USEC",
                               "realtime CPU time in each period (v1)"},
    [UPDATE_CPU_IDLE] = {"cpu-idle", 0, ARG_VALUE, false, "0|1", "1: only CPU time that nobody else wants"},
    [UPDATE_CPUSET_CPUS] = {"cpuset-cpus", 0, ARG_VALUE, false, "LIST", "CPUs that may be used: 0-3,7"},
    [UPDATE_CPUSET_MEMS] = {"cpuset-mems", 0, ARG_VALUE, false, "LIST", "memory nodes that may be used"},
    [UPDATE_MEMORY] = {"memory", 0, ARG_VALUE, false, "BYTES",
                       "memory limit; suffixes b k m g t p, -1: no limit (for the others too)"},
    [UPDATE_MEMORY_RESERVATION] = {"memory-reservation", 0, ARG_VALUE, false, "BYTES",
                                   "memory that is kept when it gets scarce"},
    [UPDATE_MEMORY_SWAP] = {"memory-swap", 0, ARG_VALUE, false, "BYTES", "limit of memory and swap together"},
    [UPDATE_KERNEL_MEMORY] = {"kernel-memory", 0, ARG_VALUE, true, "BYTES", "accepted, has no effect"},
    [UPDATE_KERNEL_MEMORY_TCP] = {"kernel-memory-tcp", 0, ARG_VALUE, true, "BYTES", "accepted, has no effect"},
    [UPDATE_PIDS_LIMIT] = {"pids-limit", 0, ARG_VALUE, false, "N", "most processes, -1: no limit"},
    [UPDATE_L3_CACHE_SCHEMA] = {"l3-cache-schema", 0, ARG_VALUE, false, "TEXT", "Intel RDT: line of the L3 cache"},
    [UPDATE_MEM_BW_SCHEMA] = {"mem-bw-schema", 0, ARG_VALUE, false, "TEXT", "Intel RDT: line of memory bandwidth"},
    {0},
};

enum value_kind { NUMBER, BYTES, LIST };

/* Where each option goes; those of one object stand together. */
static const struct {
    int option;
    enum value_kind kind;
    const char *object, *key;
} places[] = {
    {UPDATE_MEMORY, BYTES, "memory", "limit"},
    {UPDATE_MEMORY_RESERVATION, BYTES, "memory", "reservation"},
    {UPDATE_MEMORY_SWAP, BYTES, "memory", "swap"},
    {UPDATE_KERNEL_MEMORY, BYTES, "memory", "kernel"},
    {UPDATE_KERNEL_MEMORY_TCP, BYTES, "memory", "kernelTCP"},
    {UPDATE_CPU_SHARE, NUMBER, "cpu", "shares"},
    {UPDATE_CPU_QUOTA, NUMBER, "cpu", "quota"},
    {UPDATE_CPU_BURST, NUMBER, "cpu", "burst"},
    {UPDATE_CPU_PERIOD, NUMBER, "cpu", "period"},
    {UPDATE_CPU_RT_RUNTIME, NUMBER, "cpu", "realtimeRuntime"},
    {UPDATE_CPU_RT_PERIOD, NUMBER, "cpu", "realtimePeriod"},
    {UPDATE_CPUSET_CPUS, LIST, "cpu", "cpus"},
    {UPDATE_CPUSET_MEMS, LIST, "cpu", "mems"},
    {UPDATE_CPU_IDLE, NUMBER, "cpu", "idle"},
    {UPDATE_PIDS_LIMIT, NUMBER, "pids", "limit"},
    {UPDATE_BLKIO_WEIGHT, NUMBER, "blockIO", "weight"},
};

/* The digits of a number of 64 bits, without sign. Return: how many, or -errno. */
static int parse_digits(const char *text, uint64_t *ret)
{
    uint64_t value = 0;
    int n = 0;

    for (; text[n] >= '0' && text[n] <= '9'; n++) {
        if (__builtin_mul_overflow(value, (uint64_t) 10, &value) ||
            __builtin_add_overflow(value, (uint64_t) (text[n] - '0'), &value))
            return -ERANGE;
    }
    *ret = value;
    return n > 0 ? n : -EINVAL;
}

int update_parse_bytes(const char *text, int64_t *ret)
{
    static const char units[] = "bkmgtp";
    uint64_t value;
    const char *unit;
    int n;

    if (strcmp(text, "-1") == 0) {
        *ret = -1;
        return 0;
    }
    n = parse_digits(text, &value);
    if (n < 0)
        return n;
    text += n;
    if (*text) {
        unit = strchr(units, *text | 0x20);
        if (!unit || text[1])
            return -EINVAL;
        for (; unit > units; unit--)
            if (__builtin_mul_overflow(value, (uint64_t) 1024, &value))
                return -ERANGE;
    }
    if (value > INT64_MAX)
        return -ERANGE;
    *ret = (int64_t) value;
    return 0;
}

static int add_value(struct text *out, enum value_kind kind, const char *value)
{
    int64_t bytes;
    uint64_t number;
    int n;

    switch (kind) {
    case LIST:
        text_add_json(out, value);
        return 0;
    case BYTES:
        n = update_parse_bytes(value, &bytes);
        if (n >= 0)
            text_printf(out, "%lld", (long long) bytes);
        return n < 0 ? n : 0;
    case NUMBER:
        /* What the field can hold is the library's to say; JSON wants no leading zeros. */
        n = parse_digits(value + (*value == '-'), &number);
        if (n >= 0 && value[n + (*value == '-')])
            n = -EINVAL;
        if (n >= 0)
            text_printf(out, "%s%llu", *value == '-' && number ? "-" : "", (unsigned long long) number);
        return n < 0 ? n : 0;
    }
    return -EINVAL;
}

int update_json(const struct args *args, struct text *out, int *ret_bad)
{
    const char *object = NULL;

    text_add(out, "{");
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        const char *value = args_value(args, places[i].option);
        int r;

        if (!value)
            continue;
        if (object && strcmp(object, places[i].object) == 0)
            text_add(out, ",");
        else
            text_printf(out, "%s\"%s\":{", object ? "}," : "", places[i].object);
        object = places[i].object;
        text_printf(out, "\"%s\":", places[i].key);
        r = add_value(out, places[i].kind, value);
        if (r < 0) {
            *ret_bad = places[i].option;
            return r;
        }
    }
    text_add(out, object ? "}}" : "}");
    return out->failed ? -ENOMEM : 0;
}
