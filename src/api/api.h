/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The thin border between the public API and the operations: arguments are checked, internal
 * errors become coffer_error objects. Nothing else happens here.
 */

#include <stddef.h>

#include "base/err.h"
#include "coffer/error.h"

/** Stores a copy of @from in *ret (if not NULL). Return: from->ret. */
int cf_api_error(const struct cf_err *from, coffer_error **ret);

/**
 * cf_api_options() - take an options struct of an older or newer caller
 * @size_known: sizeof our struct; @ret is zeroed, then filled with what the caller's holds
 * A larger struct is accepted when its unknown tail is zero. Return: 0, -EINVAL, -E2BIG.
 */
int cf_api_options(const void *options, size_t size_known, void *ret, struct cf_err *err);
