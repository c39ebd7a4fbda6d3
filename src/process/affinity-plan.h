/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* process.execCPUAffinity: lists of CPUs to masks. Pure, host side. */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plan/plan.h"

#define CF_AFFINITY_WORDS 128 /* 8192 CPUs, the most that a kernel can be built for */

/**
 * cf_affinity_parse() - "0-3,7" to a mask
 * @field: for the error
 * Return: number of words that are needed, 0 for an empty or absent list, or -EINVAL.
 */
int cf_affinity_parse(const char *list, uint64_t words[CF_AFFINITY_WORDS], const char *field, struct cf_err *err);

/** The final mask of a process that enters a container; what comes before is the host's work. */
int cf_affinity_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);
