/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Log records to the user's callback. Host side. Text is cut and escaped, never split. */

#include "base/log.h"

#include <stdarg.h>
#include <string.h>

#include "base/format.h"
#include "base/str.h"

#define TEXT_SIZE 2048

void cf_log(const struct cf_log *log, int level, const char *module, const char *fmt, ...)
{
    char raw[TEXT_SIZE], text[TEXT_SIZE];
    struct coffer_log_record record = {.size = sizeof(record), .level = level, .text = text};
    va_list args;

    if (!cf_log_enabled(log, level))
        return;
    va_start(args, fmt);
    (void) cf_vformat(raw, sizeof(raw), fmt, args);
    va_end(args);
    (void) cf_str_escape(text, sizeof(text), raw, strlen(raw));
    record.module = module ? module : "";
    record.container_id = log->container_id ? log->container_id : "";
    log->fn(log->userdata, &record);
}
