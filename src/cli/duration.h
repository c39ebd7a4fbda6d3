/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lengths of time as Go programs write them. Pure. */

#include <stdint.h>

/**
 * duration_parse() - "5s", "500ms", "1m30s", "1.5h", "-3us", "0"
 * A number without a unit is only good if it is 0. Units: ns, us (also with a micro sign), ms, s, m, h.
 * Return: 0, -EINVAL, -ERANGE beyond 292 years.
 */
int duration_parse(const char *text, int64_t *ret_ns);
