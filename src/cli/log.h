/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * --log, --log-format, --log-level: where errors and records of the library go, and how a line
 * looks. Engines parse these lines: one record is one line, the error comes last, and without being
 * asked for more there is nothing but that error.
 */

#include <stdbool.h>

#include "coffer/error.h"
#include "coffer/log.h"

enum log_level {
    LOG_LEVEL_ERROR = 0,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_AUTO, /* warning if standard error is a terminal, else error; looked up when needed */
};

struct log {
    int fd; /* -1: no --log */
    enum log_target { LOG_TARGET_FILE = 0, LOG_TARGET_JOURNALD, LOG_TARGET_SYSLOG } target;
    const char *ident; /* journald and syslog */
    bool json;
    enum log_level level;
};

#define LOG_INIT                                                                                             \
    {                                                                                                        \
        .fd = -1                                                                                             \
    }

/** What goes into an error record besides the message. */
struct log_fields {
    const char *code, *step, *field, *hint; /* "" or NULL: left out */
    int sys_errno;
};

/**
 * log_open() - `PATH`, `file:PATH`, `journald:ID`, `syslog:ID`
 * A path is opened for appending, never truncated; no symlink, and a file, FIFO or socket only.
 * Return: 0 or -errno.
 */
int log_open(struct log *log, const char *target);
void log_close(struct log *log);

/** The one error of a failed command: to --log as a record and bare to standard error; without
 * --log one line in the chosen format on standard error. */
void log_error(const struct log *log, const char *message, const struct log_fields *fields);

/** The same, but on standard error always bare, with @line behind it: wrong use of the command. */
void log_usage_error(const struct log *log, const char *message, const char *line);

/** A warning of the command itself. */
void log_warning(const struct log *log, const char *message);

/** For coffer_runtime_options: @userdata is the struct log. */
void log_library(void *userdata, const struct coffer_log_record *record);
/** The same: would a record of this level (COFFER_LOG_*) be shown? */
int log_library_wanted(void *userdata, int level);
