/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The list of findings that the judging functions of this folder write. Host side. Out of memory is sticky:
 * write on, cf_report_failed() tells.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "coffer/doctor.h"

struct cf_report; /* opaque */

/** NULL: no memory. */
struct cf_report *cf_report_new(void);
/** NULL allowed. */
void cf_report_free(struct cf_report *report);
static inline void cf_report_freep(struct cf_report **report)
{
    cf_report_free(*report);
    *report = NULL;
}

/** A new finding; the other functions are about the last one. @id: a literal. */
void cf_report_add(struct cf_report *report, const char *id, enum coffer_doctor_verdict verdict,
                   const char *fmt, ...) CF_PRINTF(4, 5);
/** What to do about it. */
void cf_report_remedy(struct cf_report *report, const char *fmt, ...) CF_PRINTF(2, 3);
/* What was measured. @key: a literal. */
void cf_report_str(struct cf_report *report, const char *key, const char *value);
void cf_report_uint(struct cf_report *report, const char *key, uint64_t value);
void cf_report_bool(struct cf_report *report, const char *key, bool value);
/** 0: true; a negative errno: false, and `errno` with its text. */
void cf_report_result(struct cf_report *report, int r);

bool cf_report_failed(const struct cf_report *report);
size_t cf_report_count(const struct cf_report *report);
/** Strings belong to the report. False: no memory, or no such finding. */
bool cf_report_get(struct cf_report *report, size_t i, struct coffer_doctor_finding *ret);
/** The first finding of this id, from *@at on, which moves behind it. For tests. */
bool cf_report_find(struct cf_report *report, const char *id, size_t *at, struct coffer_doctor_finding *ret);
