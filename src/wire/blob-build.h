/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Builds a plan blob. Host only. Memory failure is sticky: keep writing, cf_blob_finish() reports.
 * Equal strings are stored once.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/blob.h"

struct cf_blob_builder; /* opaque */

struct cf_blob_builder *cf_blob_builder_new(void);
void cf_blob_builder_free(struct cf_blob_builder *b);
static inline void cf_blob_builder_freep(struct cf_blob_builder **b)
{
    cf_blob_builder_free(*b);
    *b = NULL;
}

/** The header being built; the pointer is valid until the next add. Never keep it. */
struct cf_blob_header *cf_blob_header(struct cf_blob_builder *b);

/** NULL gives 0. "" is a valid string with an offset of its own. */
cf_str cf_blob_add_str(struct cf_blob_builder *b, const char *s);
cf_str cf_blob_printf(struct cf_blob_builder *b, const char *fmt, ...) CF_PRINTF(2, 3);
/** Copies n records of @size bytes, 8-aligned. n = 0 gives {0, 0}. */
struct cf_ref cf_blob_add_array(struct cf_blob_builder *b, const void *records, size_t n, size_t size);
/** An array of cf_str from n C strings. */
struct cf_ref cf_blob_add_strv(struct cf_blob_builder *b, char *const *strings, size_t n);

/** Reserves the next fd index (header.n_fds). The host must send its fds in this order. */
int32_t cf_blob_add_fd(struct cf_blob_builder *b);

/**
 * cf_blob_finish() - the finished, checked blob
 * @ret_data: owned by the builder
 * Return: 0, -ENOMEM, -E2BIG above CF_BLOB_MAX_SIZE.
 */
int cf_blob_finish(struct cf_blob_builder *b, const void **ret_data, size_t *ret_size, struct cf_err *err);

/** Text of a blob for people and tests, one line per fact, stable order. Caller frees. NULL: no memory. */
char *cf_blob_dump(const struct cf_blob *blob);
