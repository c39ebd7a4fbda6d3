/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The file of `coffer mounts`. Host side, pure. */

#include "spec/spec.h"

/**
 * cf_mounts_json_load() - an array of mounts as a configuration that has nothing else
 * @bundle: for relative sources
 * Errors name the place as in config.json: `mounts[0].destination`. Code: mounts-syntax.
 */
int cf_mounts_json_load(const char *bundle, const char *json, size_t len, struct cf_spec **ret, struct cf_err *err);
