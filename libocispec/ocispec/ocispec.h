/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * libocispec: JSON documents of the OCI runtime specification as C structs, and back.
 *
 * The structs come from schema files (ocispec/config.h, ocispec/state.h, ocispec/features.h). One
 * struct ocispec_doc owns all memory of one parse: strings, arrays and structs live exactly as long
 * as it does. Nothing here is global, and nothing prints.
 */

#include <stddef.h>
#include <stdint.h>

/* GNU modes of the compiler define this word as 1; here it is the name of a member. */
#undef linux

struct ocispec_doc;    /* opaque */
struct ocispec_schema; /* opaque: tables that the generator made */

/* A JSON object whose values are strings, in the order of the text. */
struct ocispec_string_map {
    size_t n;
    char **keys;
    char **values;
};

/* What a document may cost. 0 stands for the default in brackets. */
struct ocispec_limits {
    size_t max_size;     /* bytes of text [8 MiB] */
    uint32_t max_depth;  /* objects and arrays inside each other [64, which is also the most] */
    uint32_t max_string; /* bytes of one string or key [1 MiB] */
    uint32_t max_values; /* values of every kind in the whole document [1048576] */
};

/* Why a document was refused. */
struct ocispec_error {
    char path[128];    /* `mounts[3].options[0]`; "" for the document itself */
    char message[256]; /* `expected an integer from 0 to 4294967295, got -1` */
    size_t offset;     /* bytes of the text that were read */
};

enum {
    OCISPEC_COMPACT = 0,
    OCISPEC_INDENT_TAB = 1,
    OCISPEC_INDENT_2 = 2, /* spaces */
    OCISPEC_INDENT_4 = 3,
    OCISPEC_INDENT_MASK = 3,
    OCISPEC_NEWLINE = 4, /* a line break at the end */
    OCISPEC_REPLACE = 8, /* bytes that are not UTF-8 become U+FFFD instead of an error */
};

/** Releases everything that belongs to a document; NULL is allowed. */
void ocispec_doc_free(struct ocispec_doc *doc);
static inline void ocispec_doc_freep(struct ocispec_doc **doc)
{
    ocispec_doc_free(*doc);
    *doc = NULL;
}
/** An empty document, to build structs by hand. NULL: out of memory. */
struct ocispec_doc *ocispec_doc_new(void);
/** Zeroed memory of the document, aligned for any type. NULL: out of memory. Size 0 is valid. */
void *ocispec_doc_alloc(struct ocispec_doc *doc, size_t size);
/** A copy of a string in the document. NULL: out of memory. */
char *ocispec_doc_strdup(struct ocispec_doc *doc, const char *text);

/**
 * ocispec_parse() - JSON text to structs; called through the generated <prefix>_<root>_parse()
 * @limits: NULL for the defaults
 * @ret, @ret_doc: set on success only; *ret points into *ret_doc
 * @err: filled on failure, never NULL
 *
 * Unknown keys are skipped, but everything is checked: syntax, UTF-8, depth, sizes, keys given twice.
 * null is the same as an absent key.
 * Return: 0; -EINVAL: bad document; -E2BIG: beyond a limit; -ENOMEM.
 */
int ocispec_parse(const struct ocispec_schema *schema, unsigned root, const char *json, size_t len,
                  const struct ocispec_limits *limits, void **ret, size_t *ret_n,
                  struct ocispec_doc **ret_doc, struct ocispec_error *err);

/**
 * ocispec_write() - structs to JSON text; called through the generated <prefix>_<root>_write()
 * @flags: OCISPEC_INDENT_*, OCISPEC_NEWLINE, OCISPEC_REPLACE
 * @ret: NUL-terminated, released with free(); set on success only
 * @ret_len: may be NULL
 *
 * Keys appear in the order of the schema; what is absent is left out.
 * Return: 0; -EINVAL: a required string or object is NULL; -EILSEQ: a string is not UTF-8; -ENOMEM.
 */
int ocispec_write(const struct ocispec_schema *schema, unsigned root, const void *value, size_t n,
                  unsigned flags, char **ret, size_t *ret_len);
