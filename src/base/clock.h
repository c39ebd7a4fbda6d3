/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Time. Host only (planners never look at the clock). */

#include <stddef.h>
#include <stdint.h>

#define CF_CLOCK_TEXT_SIZE 36

/** Milliseconds of CLOCK_MONOTONIC. */
int64_t cf_clock_monotonic_ms(void);
/** Nanoseconds of CLOCK_MONOTONIC. */
int64_t cf_clock_monotonic_ns(void);

/** "2026-01-02T03:04:05.123456789Z" of now, UTC, no locale. Return: length. */
size_t cf_clock_rfc3339_now(char buf[CF_CLOCK_TEXT_SIZE]);
/** The same of a given time; years 0 to 9999. */
size_t cf_clock_rfc3339(char buf[CF_CLOCK_TEXT_SIZE], int64_t seconds, uint32_t nanoseconds);
