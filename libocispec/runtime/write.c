/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Structs to JSON text. Recursion follows the schema, and a schema type never contains itself, so
 * the depth has a bound that no document can move.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/schema.h"
#include "runtime/text.h"

struct writer {
    const struct ocispec_schema *schema;
    unsigned flags;
    unsigned depth;
    int result; /* of the first error; nothing is written after it */
    char *text;
    size_t used, size;
};

static void put(struct writer *w, const char *text, size_t len)
{
    size_t size;
    char *bigger;

    if (w->result < 0)
        return;
    if (w->size - w->used <= len) {
        size = w->size * 2 > w->used + len + 1 ? w->size * 2 : w->used + len + 512;
        bigger = realloc(w->text, size);
        if (!bigger) {
            w->result = -ENOMEM;
            return;
        }
        w->text = bigger;
        w->size = size;
    }
    memcpy(w->text + w->used, text, len);
    w->used += len;
}

static void put_line(struct writer *w)
{
    static const char *const units[] = {"", "\t", "  ", "    "};
    const char *unit = units[w->flags & OCISPEC_INDENT_MASK];

    if (!*unit)
        return;
    put(w, "\n", 1);
    for (unsigned i = 0; i < w->depth; i++)
        put(w, unit, strlen(unit));
}

static void put_escape(struct writer *w, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char code[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};

    for (size_t i = 0; i + 1 < sizeof(names) - 1; i += 2) {
        if ((unsigned char) names[i] == c) {
            code[1] = names[i + 1];
            put(w, code, 2);
            return;
        }
    }
    put(w, code, sizeof(code));
}

static void put_string(struct writer *w, const char *text)
{
    size_t len = strlen(text);
    size_t start = 0, i = 0, step;

    put(w, "\"", 1);
    while (i < len) {
        unsigned char c = (unsigned char) text[i];

        step = ocispec_text_utf8((const unsigned char *) text + i, len - i);
        if (step > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            i += step;
            continue;
        }
        put(w, text + start, i - start);
        if (step > 0)
            put_escape(w, c);
        else if (w->flags & OCISPEC_REPLACE)
            put(w, "\xef\xbf\xbd", 3);
        else if (w->result == 0)
            w->result = -EILSEQ;
        start = ++i;
    }
    put(w, text + start, len - start);
    put(w, "\"", 1);
}

static void put_number(struct writer *w, bool negative, uint64_t size)
{
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char) ('0' + size % 10);
        size /= 10;
    } while (size);
    if (negative)
        digits[--at] = '-';
    put(w, digits + at, sizeof(digits) - at);
}

static const char *load_pointer(const char *at)
{
    const char *pointer;

    memcpy(&pointer, at, sizeof(pointer));
    return pointer;
}

static size_t load_size(const char *at)
{
    size_t size;

    memcpy(&size, at, sizeof(size));
    return size;
}

static void put_scalar(struct writer *w, uint8_t kind, const char *at)
{
    int64_t number = 0;
    int32_t number32;
    uint32_t unsigned32;
    uint16_t unsigned16;
    bool flag;

    switch (kind) {
    case OCISPEC_BOOL:
        memcpy(&flag, at, sizeof(flag));
        put(w, flag ? "true" : "false", flag ? 4 : 5);
        return;
    case OCISPEC_I32:
        memcpy(&number32, at, sizeof(number32));
        number = number32;
        break;
    case OCISPEC_U32:
        memcpy(&unsigned32, at, sizeof(unsigned32));
        number = unsigned32;
        break;
    case OCISPEC_U16:
        memcpy(&unsigned16, at, sizeof(unsigned16));
        number = unsigned16;
        break;
    default: /* the 64-bit kinds differ only in how the sign bit is read */
        memcpy(&number, at, sizeof(number));
    }
    if (number < 0 && kind != OCISPEC_U64)
        put_number(w, true, -(uint64_t) number);
    else
        put_number(w, false, (uint64_t) number);
}

static void put_struct(struct writer *w, const struct ocispec_type *type, const char *base);

/* A value that is not an array or map: @at is where an element lies or where a member is. */
static void put_item(struct writer *w, const struct ocispec_field *field, const char *at, bool member)
{
    if (field->item == OCISPEC_OBJECT) {
        at = member ? load_pointer(at) : at;
        put_struct(w, &w->schema->types[field->type], at);
    } else if (field->item == OCISPEC_STRING) {
        at = load_pointer(at);
        if (at)
            put_string(w, at);
        else if (w->result == 0)
            w->result = -EINVAL;
    } else {
        put_scalar(w, field->item, at);
    }
}

static void put_open(struct writer *w, const char *bracket)
{
    put(w, bracket, 1);
    w->depth++;
}

static void put_close(struct writer *w, const char *bracket, bool empty)
{
    w->depth--;
    if (!empty)
        put_line(w);
    put(w, bracket, 1);
}

/* What goes before an entry of anything: a comma unless it is the first, and a new line. */
static void put_separator(struct writer *w, bool first)
{
    if (!first)
        put(w, ",", 1);
    put_line(w);
}

static void put_colon(struct writer *w)
{
    bool indent = w->flags & OCISPEC_INDENT_MASK;

    put(w, ": ", indent ? 2 : 1);
}

static void put_array(struct writer *w, const struct ocispec_field *field, const char *items, size_t n)
{
    size_t item_size = ocispec_item_size(w->schema, field);

    put_open(w, "[");
    for (size_t i = 0; i < n && w->result == 0; i++) {
        put_separator(w, i == 0);
        put_item(w, field, items + i * item_size, false);
    }
    put_close(w, "]", n == 0);
}

static void put_map(struct writer *w, const struct ocispec_field *field, const char *at)
{
    size_t item_size = ocispec_item_size(w->schema, field);
    struct ocispec_any_map map;

    memcpy(&map, at, sizeof(map));
    put_open(w, "{");
    for (size_t i = 0; i < map.n && w->result == 0; i++) {
        put_separator(w, i == 0);
        put_string(w, map.keys[i]);
        put_colon(w);
        put_item(w, field, (const char *) map.values + i * item_size, false);
    }
    put_close(w, "}", map.n == 0);
}

/* Whether a member is to be written. */
static bool present(const struct ocispec_field *field, const char *base)
{
    bool has;

    if (field->flags & OCISPEC_REQUIRED)
        return true;
    if (field->flags & OCISPEC_HAS_FLAG) {
        memcpy(&has, base + field->aux, sizeof(has));
        return has;
    }
    return load_pointer(base + field->offset) != NULL;
}

static void put_member(struct writer *w, const struct ocispec_field *field, const char *base)
{
    const char *at = base + field->offset;
    bool pointer = field->kind == OCISPEC_OBJECT || field->kind == OCISPEC_MAP;

    if (pointer && !load_pointer(at)) { /* required, but not there */
        w->result = w->result < 0 ? w->result : -EINVAL;
        return;
    }
    if (field->kind == OCISPEC_ARRAY)
        put_array(w, field, load_pointer(at), load_size(base + field->aux));
    else if (field->kind == OCISPEC_MAP)
        put_map(w, field, load_pointer(at));
    else
        put_item(w, field, at, true);
}

static void put_struct(struct writer *w, const struct ocispec_type *type, const char *base)
{
    const struct ocispec_field *field = &w->schema->fields[type->first];
    bool first = true;

    put_open(w, "{");
    for (uint32_t i = 0; i < type->n_fields && w->result == 0; i++, field++) {
        if (!present(field, base))
            continue;
        put_separator(w, first);
        first = false;
        put(w, "\"", 1);
        put(w, w->schema->keys + field->key, field->key_len);
        put(w, "\"", 1);
        put_colon(w);
        put_member(w, field, base);
    }
    put_close(w, "}", first);
}

int ocispec_write(const struct ocispec_schema *schema, unsigned root, const void *value, size_t n,
                  unsigned flags, char **ret, size_t *ret_len)
{
    const struct ocispec_field *field = &schema->fields[root];
    struct writer w = {.schema = schema, .flags = flags};

    if (field->kind == OCISPEC_ARRAY)
        put_array(&w, field, value, n);
    else if (value)
        put_struct(&w, &schema->types[field->type], value);
    else
        w.result = -EINVAL;
    if (flags & OCISPEC_NEWLINE)
        put(&w, "\n", 1);
    put(&w, "", 1); /* the NUL */
    if (w.result < 0) {
        free(w.text);
        return w.result;
    }
    *ret = w.text;
    if (ret_len)
        *ret_len = w.used - 1;
    return 0;
}
