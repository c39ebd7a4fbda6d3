/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The arena behind struct ocispec_doc: what the parser needs beyond the public functions. */

#include <stdbool.h>
#include <stddef.h>

#include "ocispec/ocispec.h"

/** A document whose first piece of memory fits about @size bytes. NULL: out of memory. */
struct ocispec_doc *ocispec_doc_sized(size_t size);
/** Memory that is not zeroed and aligned to @align (a power of two, at most that of max_align_t). */
void *ocispec_doc_raw(struct ocispec_doc *doc, size_t size, size_t align);
/** A NUL-terminated copy of @len bytes. NULL: out of memory. */
char *ocispec_doc_copy(struct ocispec_doc *doc, const char *text, size_t len);
/**
 * More room for an array: in place if it was the last allocation, else a copy (the old one is left).
 * The new part is not zeroed. NULL: out of memory.
 */
void *ocispec_doc_grow(struct ocispec_doc *doc, void *old, size_t old_size, size_t new_size);
