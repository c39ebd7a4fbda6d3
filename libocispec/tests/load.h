/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the test files of libocispec share: test data, and building long documents. */

#include <stddef.h>

#include "ocispec/config.h"
#include "ocispec/features.h"
#include "ocispec/state.h"

/** Reads a file of tests/data, NUL-terminated; ends the test if it cannot. free() it. */
char *test_load(const char *name, size_t *ret_len);

/** Repeats @middle @n times, with @between in the gaps, inside @head and @tail. free() it. */
char *test_repeat(const char *head, const char *middle, const char *between, size_t n, const char *tail);

/** Parses a config and releases it. Return: that of ocispec_config_parse(). */
int test_try(const char *text, size_t len, const struct ocispec_limits *limits, struct ocispec_error *err);
