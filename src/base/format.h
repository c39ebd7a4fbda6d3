/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A small, allocation-free formatter for both sides: %s %.*s %c %d %i %u %x %o %% with the length
 * modifiers l, ll, z and the flags '0' and a width. Nothing else. Compiled freestanding too.
 */

#include <stdarg.h>
#include <stddef.h>

/** Like snprintf(3): always terminates (size > 0), returns the length the whole text would have. */
size_t cf_format(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t cf_vformat(char *buf, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
