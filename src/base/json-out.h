/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Writes JSON text into memory. Host only. Out of memory is sticky: write on, cf_json_finish()
 * reports. Commas, colons, indentation and escaping are done here; strings that are not valid
 * UTF-8 come out with U+FFFD for every wrong byte.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cf_json; /* opaque */

/** @indent: spaces per level, 0: everything on one line without blanks. NULL: no memory. */
struct cf_json *cf_json_new(unsigned int indent);
void cf_json_free(struct cf_json *j);
static inline void cf_json_freep(struct cf_json **j)
{
    cf_json_free(*j);
    *j = NULL;
}

void cf_json_object_begin(struct cf_json *j);
void cf_json_object_end(struct cf_json *j);
void cf_json_array_begin(struct cf_json *j);
void cf_json_array_end(struct cf_json *j);
/** Key of the next value. */
void cf_json_key(struct cf_json *j, const char *key);

/** NULL writes null. */
void cf_json_str(struct cf_json *j, const char *s);
void cf_json_strn(struct cf_json *j, const char *s, size_t n);
void cf_json_printf(struct cf_json *j, const char *fmt, ...) CF_PRINTF(2, 3);
void cf_json_int(struct cf_json *j, int64_t v);
void cf_json_uint(struct cf_json *j, uint64_t v);
void cf_json_bool(struct cf_json *j, bool v);
void cf_json_null(struct cf_json *j);
/** Text that already is one JSON value. */
void cf_json_raw(struct cf_json *j, const char *text);

/* Key and value in one call. */
void cf_json_kv_str(struct cf_json *j, const char *key, const char *s);
void cf_json_kv_int(struct cf_json *j, const char *key, int64_t v);
void cf_json_kv_uint(struct cf_json *j, const char *key, uint64_t v);
void cf_json_kv_bool(struct cf_json *j, const char *key, bool v);
/** An array of strings; NULL entries end nothing, n counts. */
void cf_json_kv_strv(struct cf_json *j, const char *key, const char *const *v, size_t n);

/**
 * cf_json_finish() - the text, without final newline
 * @ret: owned by @j, terminated
 * Return: length, -ENOMEM, -EINVAL if begin and end do not match.
 */
long cf_json_finish(struct cf_json *j, const char **ret);
