/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * State of one parse, shared by parse.c (events of yajl), value.c (where values go) and report.c
 * (error texts). It lies on the stack of ocispec_parse(): the depth limit bounds it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/doc.h"
#include "runtime/keys.h"
#include "runtime/schema.h"

#define OCISPEC_MAX_DEPTH 64u

enum ocispec_mode {
    OCISPEC_IN_ROOT,   /* around the document: its field is the root */
    OCISPEC_IN_STRUCT, /* an object the schema knows */
    OCISPEC_IN_MAP,
    OCISPEC_IN_ARRAY,
    OCISPEC_IN_SKIP_OBJECT, /* below an unknown key: only checked */
    OCISPEC_IN_SKIP_ARRAY,
};

/* One open object or array. */
struct ocispec_frame {
    enum ocispec_mode mode;
    uint32_t key_len;
    uint32_t keys_before; /* entries of the key set that belong to outer objects */
    uint32_t next_field;  /* struct: where to look first, writers keep the order of the schema */
    uint32_t n, cap;      /* array, map: entries (the one being read included), and room for them */
    const char *key;      /* of the value being read; NULL: none */
    const struct ocispec_type *type;   /* struct */
    const struct ocispec_field *field; /* struct: of the key, NULL: unknown; array, map: its own */
    char *base;                        /* struct: itself; array, map: the struct it belongs to */
    uint64_t seen, nulls;              /* struct: bit per field */
    char *items;                       /* array, map */
    char **names;                      /* map */
};

struct ocispec_parser {
    const struct ocispec_schema *schema;
    struct ocispec_doc *doc;
    struct ocispec_error *err;
    int result; /* of the first error */
    bool done;  /* the document was read to its end */
    const char *text;
    size_t len;
    struct ocispec_limits limits; /* no zeros in it */
    uint32_t n_values;
    uint32_t depth; /* open objects and arrays; index of the innermost frame */
    struct ocispec_keys keys;
    struct ocispec_frame frames[OCISPEC_MAX_DEPTH + 1];
};

/* What stands in the text, for "got ..." in messages. */
enum ocispec_token {
    OCISPEC_GOT_NULL,
    OCISPEC_GOT_TRUE,
    OCISPEC_GOT_FALSE,
    OCISPEC_GOT_NUMBER,
    OCISPEC_GOT_STRING,
    OCISPEC_GOT_OBJECT,
    OCISPEC_GOT_ARRAY,
};

/* Where a value goes. at: NULL if it is only checked. */
struct ocispec_slot {
    const struct ocispec_field *field;
    char *base; /* struct of the field, NULL for an element */
    char *at;
    uint8_t kind;
};

static inline struct ocispec_frame *ocispec_top(struct ocispec_parser *p)
{
    return &p->frames[p->depth];
}

/** ocispec_slot_take() - counts a value and finds its place. False: an error was reported. */
bool ocispec_slot_take(struct ocispec_parser *p, enum ocispec_token token, struct ocispec_slot *ret);
/** Stores a number token. False: an error was reported. */
bool ocispec_slot_number(struct ocispec_parser *p, const struct ocispec_slot *slot, const char *text,
                         size_t len);
/** Stores a pointer; has_x is not touched. */
void ocispec_slot_pointer(const struct ocispec_slot *slot, const void *pointer);
/** Sets has_x, if the field has one. */
void ocispec_slot_present(const struct ocispec_slot *slot);
/** Zeroed memory for a struct. */
void *ocispec_slot_memory(struct ocispec_parser *p, size_t size);

/** Fills the error with the current path, unless there is one. Always false. */
bool ocispec_report(struct ocispec_parser *p, int result, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** "expected ..., got ...". @text is the number token. Always false. */
bool ocispec_report_type(struct ocispec_parser *p, const struct ocispec_field *field, uint8_t kind,
                         enum ocispec_token token, const char *text, size_t len);
/** "out of memory". Always false. */
bool ocispec_report_memory(struct ocispec_parser *p);
/** For errors found in the raw text at @offset: the path is that of the value that would come next. */
bool ocispec_report_text(struct ocispec_parser *p, size_t offset, const char *why);
