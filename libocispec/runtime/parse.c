/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * JSON text to structs: the events of yajl drive a stack of frames, one per open object or array.
 * Nothing recurses, here or in yajl; every limit is checked before memory is taken.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "runtime/parser.h"
#include "runtime/text.h"

#define DEFAULT_SIZE (8u * 1024u * 1024u)
#define DEFAULT_STRING (1024u * 1024u)
#define DEFAULT_VALUES (1024u * 1024u)

/* The value of the current key is complete. */
static int value_end(struct ocispec_parser *p)
{
    ocispec_top(p)->key = NULL;
    return 1;
}

static bool check_length(struct ocispec_parser *p, const char *what, size_t len)
{
    if (len <= p->limits.max_string)
        return true;
    return ocispec_report(p, -E2BIG, "%s of %zu bytes, the limit is %" PRIu32, what, len,
                          p->limits.max_string);
}

static int on_null(void *ctx)
{
    struct ocispec_parser *p = ctx;
    struct ocispec_frame *top = ocispec_top(p);
    struct ocispec_slot slot;

    if (!ocispec_slot_take(p, OCISPEC_GOT_NULL, &slot))
        return 0;
    if (slot.at && (top->mode == OCISPEC_IN_ARRAY || top->mode == OCISPEC_IN_ROOT))
        return ocispec_report_type(p, slot.field, slot.kind, OCISPEC_GOT_NULL, NULL, 0);
    if (top->mode == OCISPEC_IN_STRUCT && top->field)
        top->nulls |= UINT64_C(1) << (top->field - &p->schema->fields[top->type->first]);
    return value_end(p);
}

static int on_boolean(void *ctx, int value)
{
    enum ocispec_token token = value ? OCISPEC_GOT_TRUE : OCISPEC_GOT_FALSE;
    struct ocispec_parser *p = ctx;
    const bool flag = value != 0;
    struct ocispec_slot slot;

    if (!ocispec_slot_take(p, token, &slot))
        return 0;
    if (slot.at) {
        if (slot.kind != OCISPEC_BOOL)
            return ocispec_report_type(p, slot.field, slot.kind, token, NULL, 0);
        memcpy(slot.at, &flag, sizeof(flag));
        ocispec_slot_present(&slot);
    }
    return value_end(p);
}

static int on_number(void *ctx, const char *text, size_t len)
{
    struct ocispec_parser *p = ctx;
    struct ocispec_slot slot;

    if (!ocispec_slot_take(p, OCISPEC_GOT_NUMBER, &slot))
        return 0;
    if (slot.at && !ocispec_slot_number(p, &slot, text, len))
        return 0;
    return value_end(p);
}

static int on_string(void *ctx, const unsigned char *text, size_t len)
{
    struct ocispec_parser *p = ctx;
    struct ocispec_slot slot;
    char *copy;

    if (!ocispec_slot_take(p, OCISPEC_GOT_STRING, &slot) || !check_length(p, "a string", len))
        return 0;
    if (slot.at) {
        if (slot.kind != OCISPEC_STRING)
            return ocispec_report_type(p, slot.field, slot.kind, OCISPEC_GOT_STRING, NULL, 0);
        copy = ocispec_doc_copy(p->doc, (const char *) text, len);
        if (!copy)
            return ocispec_report_memory(p);
        ocispec_slot_pointer(&slot, copy);
    }
    return value_end(p);
}

/* Opens an object or array. The caller fills in what depends on the mode. */
static struct ocispec_frame *push(struct ocispec_parser *p, enum ocispec_mode mode)
{
    struct ocispec_frame *frame;

    if (p->depth == p->limits.max_depth) {
        ocispec_report(p, -E2BIG, "nested deeper than %" PRIu32 " levels", p->limits.max_depth);
        return NULL;
    }
    frame = &p->frames[++p->depth];
    memset(frame, 0, sizeof(*frame));
    frame->mode = mode;
    frame->keys_before = p->keys.n;
    return frame;
}

static int pop(struct ocispec_parser *p)
{
    ocispec_keys_drop(&p->keys, ocispec_top(p)->keys_before);
    p->depth--;
    p->done = p->depth == 0;
    return value_end(p);
}

static int on_start_map(void *ctx)
{
    struct ocispec_parser *p = ctx;
    struct ocispec_frame *frame;
    struct ocispec_slot slot;
    size_t size;
    char *base;

    if (!ocispec_slot_take(p, OCISPEC_GOT_OBJECT, &slot))
        return 0;
    if (!slot.at)
        return push(p, OCISPEC_IN_SKIP_OBJECT) != NULL;
    if (slot.kind != OCISPEC_OBJECT && slot.kind != OCISPEC_MAP)
        return ocispec_report_type(p, slot.field, slot.kind, OCISPEC_GOT_OBJECT, NULL, 0);
    frame = push(p, slot.kind == OCISPEC_MAP ? OCISPEC_IN_MAP : OCISPEC_IN_STRUCT);
    if (!frame)
        return 0;
    base = slot.at; /* an element is the struct itself, a member points to it */
    if (slot.base) {
        size = slot.kind == OCISPEC_MAP ? sizeof(struct ocispec_any_map)
                                        : p->schema->types[slot.field->type].size;
        base = ocispec_slot_memory(p, size);
        if (!base)
            return ocispec_report_memory(p);
        ocispec_slot_pointer(&slot, base);
    }
    frame->base = base;
    if (slot.kind == OCISPEC_MAP)
        frame->field = slot.field;
    else
        frame->type = &p->schema->types[slot.field->type];
    return 1;
}

/* The field of a key of a known object, NULL if there is none. */
static const struct ocispec_field *find_field(struct ocispec_parser *p, struct ocispec_frame *frame,
                                              const char *key, size_t len)
{
    const struct ocispec_field *first = &p->schema->fields[frame->type->first];
    uint32_t n = frame->type->n_fields;
    uint32_t at = frame->next_field;

    for (uint32_t i = 0; i < n; i++, at++) {
        if (at >= n)
            at = 0;
        if (first[at].key_len == len && memcmp(p->schema->keys + first[at].key, key, len) == 0) {
            frame->next_field = at + 1;
            return &first[at];
        }
    }
    return NULL;
}

/* A key the schema does not know, or a key of a map: it must stay where it is, and be the only one. */
static int add_key(struct ocispec_parser *p, struct ocispec_frame *frame, const char *key, size_t len)
{
    uintptr_t text = (uintptr_t) p->text, at = (uintptr_t) key;
    int r;

    /* yajl gives pointers into the text, or into a buffer that lives until the next event. */
    if (frame->mode == OCISPEC_IN_MAP || at < text || at >= text + p->len) {
        key = ocispec_doc_copy(p->doc, key, len);
        if (!key)
            return ocispec_report_memory(p);
    }
    frame->key = key;
    frame->key_len = (uint32_t) len;
    r = ocispec_keys_add(&p->keys, p->depth, key, len);
    if (r == -EEXIST)
        return ocispec_report(p, -EINVAL, "key given twice");
    if (r < 0)
        return ocispec_report_memory(p);
    return 1;
}

static int on_map_key(void *ctx, const unsigned char *text, size_t len)
{
    const char *key = (const char *) text;
    struct ocispec_parser *p = ctx;
    struct ocispec_frame *top = ocispec_top(p);
    const struct ocispec_field *field = NULL;
    uint64_t bit;

    if (!check_length(p, "a key", len))
        return 0;
    if (top->mode == OCISPEC_IN_STRUCT)
        field = top->field = find_field(p, top, key, len);
    if (!field) {
        if (top->mode == OCISPEC_IN_MAP && len == 0)
            return ocispec_report(p, -EINVAL, "an empty key is not allowed");
        return add_key(p, top, key, len);
    }
    top->key = p->schema->keys + field->key;
    top->key_len = field->key_len;
    bit = UINT64_C(1) << (field - &p->schema->fields[top->type->first]);
    if (top->seen & bit)
        return ocispec_report(p, -EINVAL, "key given twice");
    top->seen |= bit;
    return 1;
}

static int on_end_map(void *ctx)
{
    struct ocispec_parser *p = ctx;
    struct ocispec_frame *top = ocispec_top(p);
    struct ocispec_any_map map;
    const struct ocispec_field *field;
    uint64_t missing;

    if (top->mode == OCISPEC_IN_MAP) {
        map = (struct ocispec_any_map){top->n, top->names, top->items};
        memcpy(top->base, &map, sizeof(map));
    } else if (top->mode == OCISPEC_IN_STRUCT) {
        missing = top->type->required & (~top->seen | top->nulls);
        if (missing) {
            field = &p->schema->fields[top->type->first + __builtin_ctzll(missing)];
            top->key = p->schema->keys + field->key;
            top->key_len = field->key_len;
            return ocispec_report(p, -EINVAL, "required, but missing");
        }
    }
    return pop(p);
}

static int on_start_array(void *ctx)
{
    struct ocispec_parser *p = ctx;
    struct ocispec_frame *frame;
    struct ocispec_slot slot;

    if (!ocispec_slot_take(p, OCISPEC_GOT_ARRAY, &slot))
        return 0;
    if (!slot.at)
        return push(p, OCISPEC_IN_SKIP_ARRAY) != NULL;
    if (slot.kind != OCISPEC_ARRAY)
        return ocispec_report_type(p, slot.field, slot.kind, OCISPEC_GOT_ARRAY, NULL, 0);
    frame = push(p, OCISPEC_IN_ARRAY);
    if (!frame)
        return 0;
    frame->field = slot.field;
    frame->base = slot.base;
    return 1;
}

static int on_end_array(void *ctx)
{
    struct ocispec_parser *p = ctx;
    struct ocispec_frame *top = ocispec_top(p);
    size_t n = top->n;

    if (top->mode == OCISPEC_IN_ARRAY) {
        if (!top->items) /* present but empty: a pointer that is not NULL */
            top->items = ocispec_slot_memory(p, sizeof(uint64_t));
        if (!top->items)
            return ocispec_report_memory(p);
        memcpy(top->base + top->field->offset, &top->items, sizeof(top->items));
        memcpy(top->base + top->field->aux, &n, sizeof(n));
    }
    return pop(p);
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_map_key,
    .yajl_end_map = on_end_map,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end_array,
};

static struct ocispec_limits whole_limits(const struct ocispec_limits *limits)
{
    struct ocispec_limits whole = limits ? *limits : (struct ocispec_limits){0};

    if (whole.max_size == 0)
        whole.max_size = DEFAULT_SIZE;
    if (whole.max_depth == 0 || whole.max_depth > OCISPEC_MAX_DEPTH)
        whole.max_depth = OCISPEC_MAX_DEPTH;
    if (whole.max_string == 0)
        whole.max_string = DEFAULT_STRING;
    if (whole.max_values == 0)
        whole.max_values = DEFAULT_VALUES;
    return whole;
}

/* yajl refused the text: its reason without the label in front and the line break at the end. */
static void report_syntax(struct ocispec_parser *p, yajl_handle yajl)
{
    size_t offset = yajl_get_bytes_consumed(yajl);
    const char *reason;
    unsigned char *text;
    char why[128];

    if (p->done) {
        ocispec_report_text(p, offset, "text after the end of the document");
        return;
    }
    text = yajl_get_error(yajl, 0, (const unsigned char *) p->text, p->len);
    reason = text ? strstr((const char *) text, "error: ") : NULL;
    reason = reason ? reason + strlen("error: ") : "unreadable";
    if (strncmp(reason, "premature EOF", strlen("premature EOF")) == 0) {
        offset = p->len;
        reason = "the text ends too early";
    }
    snprintf(why, sizeof(why), "not valid JSON: %.*s", (int) strcspn(reason, ".\n"), reason);
    if (text)
        yajl_free_error(yajl, text);
    ocispec_report_text(p, offset, why);
}

/* Feeds the text to yajl. Only the part before the first bad byte: yajl must not decode that. */
static void run(struct ocispec_parser *p)
{
    const char *why = "";
    size_t good = ocispec_text_scan(p->text, p->len, &why);
    yajl_status status;
    yajl_handle yajl;

    yajl = yajl_alloc(&callbacks, NULL, p);
    if (!yajl) {
        ocispec_report_memory(p);
        return;
    }
    yajl_config(yajl, yajl_dont_validate_strings, 1); /* the scan was stricter */
    status = yajl_parse(yajl, (const unsigned char *) p->text, good);
    if (status == yajl_status_ok && good < p->len)
        ocispec_report_text(p, good, why);
    else if (status == yajl_status_ok)
        status = yajl_complete_parse(yajl);
    if (status == yajl_status_error)
        report_syntax(p, yajl);
    if (p->result < 0 && p->err->offset == 0)
        p->err->offset = yajl_get_bytes_consumed(yajl);
    yajl_free(yajl);
}

/* What needs no parser to be refused. */
static bool check_text(struct ocispec_parser *p)
{
    size_t i = 0;

    if (p->len > p->limits.max_size)
        return ocispec_report(p, -E2BIG, "%zu bytes, the limit is %zu", p->len, p->limits.max_size);
    while (i < p->len && strchr(" \t\r\n", p->text[i]) && p->text[i] != '\0')
        i++;
    if (i == p->len)
        return ocispec_report(p, -EINVAL, "empty");
    if (p->len >= 3 && memcmp(p->text, "\xef\xbb\xbf", 3) == 0)
        return ocispec_report(p, -EINVAL, "starts with a byte order mark");
    return true;
}

int ocispec_parse(const struct ocispec_schema *schema, unsigned root, const char *json, size_t len,
                  const struct ocispec_limits *limits, void **ret, size_t *ret_n,
                  struct ocispec_doc **ret_doc, struct ocispec_error *err)
{
    struct {
        void *value;
        size_t n;
    } whole = {NULL, 0};
    struct ocispec_parser p;

    /* Not the frames: each is cleared when it is opened. */
    memset(&p, 0, offsetof(struct ocispec_parser, keys));
    memset(&p.frames[0], 0, sizeof(p.frames[0]));
    memset(err, 0, sizeof(*err));
    p.schema = schema;
    p.err = err;
    p.text = json;
    p.len = len;
    p.limits = whole_limits(limits);
    p.frames[0].mode = OCISPEC_IN_ROOT;
    p.frames[0].field = &schema->fields[root];
    p.frames[0].base = (char *) &whole;
    if (!check_text(&p))
        return p.result;
    p.doc = ocispec_doc_sized(len * 2);
    if (!p.doc) {
        ocispec_report_memory(&p);
        return p.result;
    }
    ocispec_keys_init(&p.keys);
    run(&p);
    ocispec_keys_done(&p.keys);
    if (p.result < 0) {
        ocispec_doc_free(p.doc);
        return p.result;
    }
    *ret = whole.value;
    *ret_n = whole.n;
    *ret_doc = p.doc;
    return 0;
}
