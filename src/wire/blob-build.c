/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The builder of plan blobs. Host side. Strings and arrays are appended to one growing piece of
 * memory behind room for the header, which is kept apart until cf_blob_finish(): so a pointer to it
 * stays valid. Strings are looked up in an open hash table of their offsets.
 */

#include "wire/blob-build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"

#define FIRST_SIZE ((size_t) 8192)

struct cf_blob_builder {
    struct cf_blob_header header;
    int error; /* sticky, negative */
    unsigned char *data;
    size_t len, size;
    uint32_t *table; /* offsets of strings, 0: free */
    size_t table_size; /* power of two */
    size_t n_strings;
};

struct cf_blob_builder *cf_blob_builder_new(void)
{
    struct cf_blob_builder *b = calloc(1, sizeof(*b));

    if (!b)
        return NULL;
    b->data = calloc(1, FIRST_SIZE);
    if (!b->data) {
        free(b);
        return NULL;
    }
    b->size = FIRST_SIZE;
    b->len = sizeof(struct cf_blob_header);
    b->header = (struct cf_blob_header){
        .root_fd = CF_NO_FD,
        .gate_fd = CF_NO_FD,
        .null_fd = CF_NO_FD,
        .dev_fd = CF_NO_FD,
        .proc_fd = CF_NO_FD,
        .umask = 0022,
        .ioprio = -1,
        .personality = UINT32_MAX,
        .mempolicy_mode = -1,
    };
    return b;
}

void cf_blob_builder_free(struct cf_blob_builder *b)
{
    if (!b)
        return;
    free(b->data);
    free(b->table);
    free(b);
}

struct cf_blob_header *cf_blob_header(struct cf_blob_builder *b)
{
    return &b->header;
}

static void fail(struct cf_blob_builder *b, int error)
{
    if (b->error == 0)
        b->error = error;
}

/* Makes room for n bytes at an offset of this alignment; what is skipped is zero. 0: failed. */
static size_t reserve(struct cf_blob_builder *b, size_t n, size_t alignment)
{
    size_t at = (b->len + alignment - 1) & ~(alignment - 1);
    size_t size = b->size;
    unsigned char *bigger;

    if (b->error)
        return 0;
    /* Some bytes less than the limit: the end is padded and terminated. */
    if (n > CF_BLOB_MAX_SIZE - 16 || at > CF_BLOB_MAX_SIZE - 16 - n) {
        fail(b, -E2BIG);
        return 0;
    }
    while (size < at + n)
        size *= 2;
    if (size != b->size) {
        bigger = realloc(b->data, size);
        if (!bigger) {
            fail(b, -ENOMEM);
            return 0;
        }
        memset(bigger + b->size, 0, size - b->size);
        b->data = bigger;
        b->size = size;
    }
    b->len = at + n;
    return at;
}

static uint32_t hash(const char *s)
{
    uint32_t h = UINT32_C(2166136261); /* FNV-1a */

    for (; *s; s++)
        h = (h ^ (unsigned char) *s) * UINT32_C(16777619);
    return h;
}

/* The slot of this string: its offset, or 0 where it belongs. */
static uint32_t *find_slot(struct cf_blob_builder *b, const char *s)
{
    size_t i = hash(s) & (b->table_size - 1);

    while (b->table[i] && strcmp((const char *) b->data + b->table[i], s) != 0)
        i = (i + 1) & (b->table_size - 1);
    return &b->table[i];
}

static int grow_table(struct cf_blob_builder *b)
{
    uint32_t *old = b->table;
    size_t old_size = b->table_size;

    if (b->n_strings * 2 < b->table_size)
        return 0;
    b->table = calloc(old_size ? old_size * 2 : 256, sizeof(*b->table));
    if (!b->table) {
        b->table = old;
        return -ENOMEM;
    }
    b->table_size = old_size ? old_size * 2 : 256;
    for (size_t i = 0; i < old_size; i++) {
        if (old[i])
            *find_slot(b, (const char *) b->data + old[i]) = old[i];
    }
    free(old);
    return 0;
}

cf_str cf_blob_add_str(struct cf_blob_builder *b, const char *s)
{
    uint32_t *slot;
    size_t n, at;

    if (!s || b->error)
        return 0;
    if (grow_table(b) < 0) {
        fail(b, -ENOMEM);
        return 0;
    }
    slot = find_slot(b, s);
    if (*slot)
        return *slot;
    n = strlen(s) + 1;
    at = reserve(b, n, 1);
    if (at == 0)
        return 0;
    memcpy(b->data + at, s, n);
    *slot = (uint32_t) at;
    b->n_strings++;
    return (cf_str) at;
}

cf_str cf_blob_printf(struct cf_blob_builder *b, const char *fmt, ...)
{
    cf_auto_free char *text = NULL;
    va_list args;
    size_t n;

    va_start(args, fmt);
    n = cf_vformat(NULL, 0, fmt, args);
    va_end(args);
    text = malloc(n + 1);
    if (!text) {
        fail(b, -ENOMEM);
        return 0;
    }
    va_start(args, fmt);
    (void) cf_vformat(text, n + 1, fmt, args);
    va_end(args);
    return cf_blob_add_str(b, text);
}

struct cf_ref cf_blob_add_array(struct cf_blob_builder *b, const void *records, size_t n, size_t size)
{
    struct cf_ref none = {0, 0};
    size_t total, at;

    if (n == 0)
        return none;
    if (n > UINT32_MAX || __builtin_mul_overflow(n, size, &total)) {
        fail(b, -E2BIG);
        return none;
    }
    at = reserve(b, total, 8);
    if (at == 0)
        return none;
    memcpy(b->data + at, records, total);
    return (struct cf_ref){.off = (uint32_t) at, .count = (uint32_t) n};
}

struct cf_ref cf_blob_add_strv(struct cf_blob_builder *b, char *const *strings, size_t n)
{
    cf_auto_free cf_str *offsets = NULL;

    if (n == 0)
        return (struct cf_ref){0, 0};
    offsets = calloc(n, sizeof(*offsets));
    if (!offsets) {
        fail(b, -ENOMEM);
        return (struct cf_ref){0, 0};
    }
    for (size_t i = 0; i < n; i++)
        offsets[i] = cf_blob_add_str(b, strings[i]);
    return cf_blob_add_array(b, offsets, n, sizeof(*offsets));
}

int32_t cf_blob_add_fd(struct cf_blob_builder *b)
{
    if (b->header.n_fds >= CF_MAX_FDS) {
        fail(b, -E2BIG);
        return CF_NO_FD;
    }
    return (int32_t) b->header.n_fds++;
}

int cf_blob_finish(struct cf_blob_builder *b, const void **ret_data, size_t *ret_size, struct cf_err *err)
{
    struct cf_blob checked;
    size_t len = b->len;

    /* At least one NUL at the end: the checker relies on it. */
    (void) reserve(b, 1, 1);
    (void) reserve(b, 0, 8);
    if (b->error == -ENOMEM)
        return cf_err_oom(err);
    if (b->error)
        return cf_err_set(err, COFFER_ERROR_CONFIG, "plan-too-big", b->error,
                          "the plan of this container needs more than %u MiB or %u descriptors",
                          CF_BLOB_MAX_SIZE >> 20, (unsigned int) CF_MAX_FDS);

    b->header.magic = CF_BLOB_MAGIC;
    b->header.version = CF_BLOB_VERSION;
    b->header.size = (uint32_t) b->len;
    memcpy(b->data, &b->header, sizeof(b->header));
    if (cf_blob_check(b->data, b->len, &checked) < 0)
        return cf_err_set(err, COFFER_ERROR_BUG, "plan-blob", -EBADMSG,
                          "the plan blob does not pass its own check");
    *ret_data = b->data;
    *ret_size = b->len;
    b->len = len; /* finishing twice gives the same */
    return 0;
}
