/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COFFER_LOG_H
#define COFFER_LOG_H

/*
 * Log records of libcoffer. The library prints nothing itself and never logs an error it returns.
 */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Levels; a higher value is chattier. New values may be added. */
enum coffer_log_level {
    COFFER_LOG_WARNING = 1, /**< it worked, but */
    COFFER_LOG_INFO = 2,    /**< steps of the life of a container */
    COFFER_LOG_DEBUG = 3,   /**< plans and details */
};

/** One record. The strings are valid during the callback only. */
struct coffer_log_record {
    size_t size;              /**< of this struct; newer libraries may append members */
    int level;                /**< enum coffer_log_level */
    const char *container_id; /**< "" if the record is not about one container */
    const char *module;       /**< part of the library: `mount`, `cgroup`... */
    const char *text;         /**< one line, no control characters, no final newline */
};

/** Called on the thread that called into the library. It must not call the library. */
typedef void (*coffer_log_fn)(void *userdata, const struct coffer_log_record *record);

#ifdef __cplusplus
}
#endif

#endif
