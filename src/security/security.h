/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Capabilities and LSM labels: planners. */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plan/plan.h"

/** process.capabilities -> header.caps; unknown or unavailable names are warnings, effective outside permitted an error. */
int cf_caps_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);
/** apparmorProfile, selinuxLabel -> header.exec_label...; fails closed when the LSM is not there. */
int cf_lsm_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/** "CAP_CHOWN" -> 0; -1 unknown. */
int cf_cap_number(const char *name);
/** NULL beyond the table. */
const char *cf_cap_name(unsigned cap);
