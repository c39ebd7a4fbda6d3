/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The options of `coffer update`, and how they become the JSON of linux.resources. Pure. */

#include <stdint.h>

#include "cli/args.h"
#include "cli/text.h"

enum update_option {
    UPDATE_RESOURCES,
    UPDATE_BLKIO_WEIGHT,
    UPDATE_CPU_PERIOD,
    UPDATE_CPU_QUOTA,
    UPDATE_CPU_BURST,
    UPDATE_CPU_SHARE,
    UPDATE_CPU_RT_PERIOD,
    UPDATE_CPU_RT_RUNTIME,
    UPDATE_CPU_IDLE,
    UPDATE_CPUSET_CPUS,
    UPDATE_CPUSET_MEMS,
    UPDATE_MEMORY,
    UPDATE_MEMORY_RESERVATION,
    UPDATE_MEMORY_SWAP,
    UPDATE_KERNEL_MEMORY,
    UPDATE_KERNEL_MEMORY_TCP,
    UPDATE_PIDS_LIMIT,
    UPDATE_L3_CACHE_SCHEMA,
    UPDATE_MEM_BW_SCHEMA,
};

extern const struct arg_option update_options_table[];

/**
 * update_json() - options as given to one JSON object, without those of Intel RDT
 * @ret_bad: index of the option whose value is no good, on failure
 * Return: 0, -EINVAL, -ENOMEM.
 */
int update_json(const struct args *args, struct text *out, int *ret_bad);

/** "512m": a whole number and one of b k m g t p in any case (1024 each), or -1. Return: 0, -EINVAL, -ERANGE. */
int update_parse_bytes(const char *text, int64_t *ret);
