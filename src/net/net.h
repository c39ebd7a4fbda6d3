/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* sysctl, host name, loopback: planners. */

#include "base/err.h"
#include "plan/plan.h"

/** linux.sysctl -> blob; which namespace owns a key (rule R9). hostname and domainname too. */
int cf_sysctl_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);
