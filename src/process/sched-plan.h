/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The part of the process planner that concerns the CPU and memory. Pure, host side. */

#include <stddef.h>
#include <stdint.h>

#include "plan/plan.h"

/** A word of config.json and the kernel's number for it. */
struct cf_sched_word {
    const char *name;
    int64_t value;
};

/** process.scheduler, process.ioPriority, linux.personality, linux.memoryPolicy. */
int cf_sched_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/** The modes and flags that linux.memoryPolicy may have; `features` tells them. */
const struct cf_sched_word *cf_sched_memory_modes(size_t *ret_n);
const struct cf_sched_word *cf_sched_memory_flags(size_t *ret_n);
