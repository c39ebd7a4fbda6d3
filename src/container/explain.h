/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "container/container.h"

/** The plan of a bundle as text, one line per fact. Caller frees *ret. */
int cf_plan_explain(struct coffer_runtime *runtime, const char *bundle, char **ret, struct cf_err *err);
