/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the library tells its user while it works. Host only. No ERROR level: errors are returned.
 * One record is one line without control characters; never values of the environment.
 */

#include "base/err.h"
#include "coffer/log.h"

struct cf_log {
    coffer_log_fn fn; /* NULL: silence */
    void *userdata;
    int level;                /* COFFER_LOG_*: records above it are dropped */
    const char *container_id; /* for every record; NULL allowed, borrowed */
};

#define CF_LOG_INIT {.level = COFFER_LOG_WARNING}

/** @log NULL or without callback: nothing happens. @module: "mount", "cgroup", ... */
void cf_log(const struct cf_log *log, int level, const char *module, const char *fmt, ...)
    CF_PRINTF(4, 5);

/** True if a record of this level would go anywhere: guards expensive preparation. */
static inline int cf_log_enabled(const struct cf_log *log, int level)
{
    return log && log->fn && level <= log->level;
}
