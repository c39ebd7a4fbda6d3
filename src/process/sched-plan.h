/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The part of the process planner that concerns the CPU and memory. Pure, host side. */

#include "plan/plan.h"

/** process.scheduler, process.ioPriority, linux.personality, linux.memoryPolicy. */
int cf_sched_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);
