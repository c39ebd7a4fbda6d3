/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The tables between the generated code and the runtime. They hold offsets and indices instead of
 * pointers: position-independent programs need no relocations for them, so the pages stay shared.
 * Their content is checked by the generator and trusted here.
 */

#include <stddef.h>
#include <stdint.h>

#include "ocispec/ocispec.h"

enum ocispec_kind {
    OCISPEC_BOOL,
    OCISPEC_I32,
    OCISPEC_U32,
    OCISPEC_I64,
    OCISPEC_U64,
    OCISPEC_U16,
    OCISPEC_STRING,
    OCISPEC_OBJECT, /* pointer to a struct; as an element: the struct itself */
    OCISPEC_ARRAY,
    OCISPEC_MAP,
};

enum {
    OCISPEC_REQUIRED = 1,
    OCISPEC_HAS_FLAG = 2, /* aux is the offset of the bool has_x */
};

struct ocispec_range {
    int64_t low;
    uint64_t high;
};

struct ocispec_field {
    uint16_t key; /* offset in the keys */
    uint8_t key_len;
    uint8_t kind;
    uint16_t offset; /* of the member in its struct */
    uint16_t aux;    /* of n_x or has_x */
    uint16_t type;   /* index of the type of the object or of the elements */
    uint8_t item;    /* kind of the elements, or the kind itself */
    uint8_t flags;
    uint8_t range; /* index, numbers only */
    uint32_t max;  /* entries of an array or map, 0: no own limit */
};

struct ocispec_type {
    uint16_t first; /* index of the first field */
    uint16_t n_fields;
    uint32_t size;
    uint64_t required; /* bit per field */
};

struct ocispec_schema {
    const char *keys;
    const struct ocispec_range *ranges;
    const struct ocispec_field *fields;
    const struct ocispec_type *types;
};

/* A map of objects: every generated <type>_map has this layout, as has struct ocispec_string_map. */
struct ocispec_any_map {
    size_t n;
    char **keys;
    void *values;
};

/** Bytes of one element of an array or map of @field, or of its value. */
static inline size_t ocispec_item_size(const struct ocispec_schema *schema, const struct ocispec_field *field)
{
    static const uint8_t sizes[] = {1, 4, 4, 8, 8, 2, sizeof(char *)};

    return field->item == OCISPEC_OBJECT ? schema->types[field->type].size : sizes[field->item];
}
