/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Parts of cf_spec_check(), also for a process object that comes alone. All pure. */

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "ocispec/config.h"

/** Entries are NAME=VALUE with a name. @field: "process.env". */
int cf_spec_check_env(char *const *env, size_t n, const char *field, struct cf_err *err);

/** What must be there and be absolute. NULL is fine. */
int cf_spec_check_process(const struct ocispec_process *process, struct cf_err *err);

/** process.execCPUAffinity: lists of CPUs; NULL is fine. */
int cf_spec_check_affinity(const struct ocispec_cpu_affinity *affinity, struct cf_err *err);

/** Is a namespace of this type (spec word) listed at all; with a path? */
bool cf_spec_has_namespace(const struct ocispec_config *config, const char *type, bool *ret_joined);

/** linux.*, hostname, mounts: what belongs together. */
int cf_spec_check_linux(const struct ocispec_config *config, struct cf_err *err);
