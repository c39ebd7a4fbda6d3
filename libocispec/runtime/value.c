/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where values go: members of structs, elements of growing arrays, entries of maps; and numbers. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "runtime/parser.h"

#define STRUCT_ALIGN _Alignof(uint64_t)

void *ocispec_slot_memory(struct ocispec_parser *p, size_t size)
{
    void *at = ocispec_doc_raw(p->doc, size, STRUCT_ALIGN);

    return at ? memset(at, 0, size) : NULL;
}

void ocispec_slot_pointer(const struct ocispec_slot *slot, const void *pointer)
{
    memcpy(slot->at, &pointer, sizeof(pointer));
}

void ocispec_slot_present(const struct ocispec_slot *slot)
{
    const bool yes = true;

    if (slot->base && slot->field->flags & OCISPEC_HAS_FLAG)
        memcpy(slot->base + slot->field->aux, &yes, sizeof(yes));
}

/* Room for one more entry of an array or map. */
static bool make_room(struct ocispec_parser *p, struct ocispec_frame *frame, size_t item_size)
{
    uint32_t cap = frame->cap ? frame->cap * 2 : 8;
    char *items;
    char **names;

    items = ocispec_doc_grow(p->doc, frame->items, frame->cap * item_size, cap * item_size);
    if (!items)
        return ocispec_report_memory(p);
    frame->items = items;
    if (frame->mode == OCISPEC_IN_MAP) {
        names = ocispec_doc_grow(p->doc, frame->names, frame->cap * sizeof(*names), cap * sizeof(*names));
        if (!names)
            return ocispec_report_memory(p);
        frame->names = names;
    }
    frame->cap = cap;
    return true;
}

static bool take_entry(struct ocispec_parser *p, struct ocispec_frame *frame, struct ocispec_slot *ret)
{
    size_t item_size = ocispec_item_size(p->schema, frame->field);
    uint32_t max = frame->field->max;
    bool map = frame->mode == OCISPEC_IN_MAP;

    if (max && frame->n == max) {
        p->depth--; /* the path of the array, not of the entry */
        return ocispec_report(p, -E2BIG, "more than %" PRIu32 " entries", max);
    }
    if (frame->n == frame->cap && !make_room(p, frame, item_size))
        return false;
    ret->field = frame->field;
    ret->kind = frame->field->item;
    ret->base = NULL;
    ret->at = frame->items + frame->n * item_size;
    if (ret->kind == OCISPEC_OBJECT)
        memset(ret->at, 0, item_size);
    if (map)
        memcpy(&frame->names[frame->n], &frame->key, sizeof(frame->key));
    frame->n++;
    return true;
}

bool ocispec_slot_take(struct ocispec_parser *p, enum ocispec_token token, struct ocispec_slot *ret)
{
    struct ocispec_frame *frame = ocispec_top(p);

    ret->at = NULL;
    if (p->n_values++ == p->limits.max_values) {
        if (frame->mode == OCISPEC_IN_ARRAY || frame->mode == OCISPEC_IN_SKIP_ARRAY)
            frame->n++; /* the path of this element, not of the one before */
        return ocispec_report(p, -E2BIG, "more than %" PRIu32 " values in the document",
                              p->limits.max_values);
    }
    switch (frame->mode) {
    case OCISPEC_IN_ROOT:
    case OCISPEC_IN_STRUCT:
        if (!frame->field)
            return true;
        ret->field = frame->field;
        ret->kind = frame->field->kind;
        ret->base = frame->base;
        ret->at = frame->base + frame->field->offset;
        return true;
    case OCISPEC_IN_MAP:
        if (token == OCISPEC_GOT_NULL)
            return true;
        return take_entry(p, frame, ret);
    case OCISPEC_IN_ARRAY:
        return take_entry(p, frame, ret);
    case OCISPEC_IN_SKIP_ARRAY:
        frame->n++;
        return true;
    case OCISPEC_IN_SKIP_OBJECT:
        break;
    }
    return true;
}

/* Decimal digits after an optional sign. False: not an integer, or its size is beyond 64 bits. */
static bool read_integer(const char *text, size_t len, bool *ret_negative, uint64_t *ret_size)
{
    uint64_t size = 0;
    size_t i = 0;

    *ret_negative = text[0] == '-';
    i = *ret_negative;
    for (; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (__builtin_mul_overflow(size, 10, &size) ||
            __builtin_add_overflow(size, (uint64_t) (text[i] - '0'), &size))
            return false;
    }
    *ret_size = size;
    return true;
}

bool ocispec_slot_number(struct ocispec_parser *p, const struct ocispec_slot *slot, const char *text,
                         size_t len)
{
    const struct ocispec_range *range = &p->schema->ranges[slot->field->range];
    uint64_t size, bits;
    bool negative, fits;

    if (slot->kind < OCISPEC_I32 || slot->kind > OCISPEC_U16)
        goto refuse;
    fits = read_integer(text, len, &negative, &size);
    if (fits && negative && size > 0) /* size - 1 has the range of int64_t where size may not */
        fits = range->low < 0 && size - 1 <= (uint64_t) - (range->low + 1);
    else if (fits)
        fits = size <= range->high && (range->low <= 0 || size >= (uint64_t) range->low);
    if (!fits)
        goto refuse;
    bits = negative ? -size : size;
    switch (slot->kind) {
    case OCISPEC_I32:
    case OCISPEC_U32:
        memcpy(slot->at, &(uint32_t){(uint32_t) bits}, sizeof(uint32_t));
        break;
    case OCISPEC_U16:
        memcpy(slot->at, &(uint16_t){(uint16_t) bits}, sizeof(uint16_t));
        break;
    default:
        memcpy(slot->at, &bits, sizeof(bits));
    }
    ocispec_slot_present(slot);
    return true;

refuse:
    return ocispec_report_type(p, slot->field, slot->kind, OCISPEC_GOT_NUMBER, text, len);
}
