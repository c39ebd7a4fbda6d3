/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Error texts: where in the document, what was expected, what was there. Only runs on failure. */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/parser.h"

#define KEY_SHOWN 48u    /* bytes of one key in a path */
#define NUMBER_SHOWN 40u /* bytes of a number in a message */

/* A string in a buffer of fixed size: what does not fit ends in "...". */
struct out {
    char *text;
    size_t size, used;
};

static void put(struct out *out, const char *text, size_t len)
{
    if (out->used + len < out->size) {
        memcpy(out->text + out->used, text, len);
        out->used += len;
    } else if (out->size > 3 && out->used < out->size) {
        out->used = out->used > out->size - 4 ? out->size - 4 : out->used;
        memcpy(out->text + out->used, "...", 3);
        out->used = out->size; /* nothing more */
        out->text[out->size - 1] = '\0';
        return;
    }
    if (out->used < out->size)
        out->text[out->used] = '\0';
}

static void put_text(struct out *out, const char *text)
{
    put(out, text, strlen(text));
}

/* Keys come from the document: nothing but printable ASCII gets into a message. */
static void put_key(struct out *out, const char *key, size_t len)
{
    bool plain = len > 0 && len <= KEY_SHOWN;
    char code[8];

    for (size_t i = 0; plain && i < len; i++)
        plain = (key[i] >= 'a' && key[i] <= 'z') || (key[i] >= 'A' && key[i] <= 'Z') ||
                (key[i] >= '0' && key[i] <= '9') || key[i] == '_' || key[i] == '-';
    if (plain) {
        if (out->used)
            put_text(out, ".");
        put(out, key, len);
        return;
    }
    put_text(out, "[\"");
    for (size_t i = 0; i < len && i < KEY_SHOWN; i++) {
        unsigned char c = (unsigned char) key[i];

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            put(out, key + i, 1);
        } else {
            snprintf(code, sizeof(code), "\\x%02x", c);
            put_text(out, code);
        }
    }
    put_text(out, len > KEY_SHOWN ? "...\"]" : "\"]");
}

static void put_path(struct ocispec_parser *p, struct out *out)
{
    char index[24];

    out->text[0] = '\0';
    for (uint32_t i = 1; i <= p->depth; i++) {
        const struct ocispec_frame *frame = &p->frames[i];

        if (frame->mode == OCISPEC_IN_ARRAY || frame->mode == OCISPEC_IN_SKIP_ARRAY) {
            if (frame->n == 0)
                break;
            snprintf(index, sizeof(index), "[%" PRIu32 "]", frame->n - 1);
            put_text(out, index);
        } else if (frame->key) {
            put_key(out, frame->key, frame->key_len);
        }
    }
}

bool ocispec_report(struct ocispec_parser *p, int result, const char *fmt, ...)
{
    struct out out = {.text = p->err->path, .size = sizeof(p->err->path)};
    va_list args;

    if (p->result < 0)
        return false;
    p->result = result;
    put_path(p, &out);
    va_start(args, fmt);
    vsnprintf(p->err->message, sizeof(p->err->message), fmt, args);
    va_end(args);
    return false;
}

bool ocispec_report_memory(struct ocispec_parser *p)
{
    return ocispec_report(p, -ENOMEM, "out of memory");
}

bool ocispec_report_type(struct ocispec_parser *p, const struct ocispec_field *field, uint8_t kind,
                         enum ocispec_token token, const char *text, size_t len)
{
    static const char *const got[] = {"null", "true", "false", "", "a string", "an object", "an array"};
    const struct ocispec_range *range = &p->schema->ranges[field->range];
    char expected[80], number[NUMBER_SHOWN + 4] = "";

    switch (kind) {
    case OCISPEC_BOOL:
        strcpy(expected, "true or false");
        break;
    case OCISPEC_STRING:
        strcpy(expected, "a string");
        break;
    case OCISPEC_ARRAY:
        strcpy(expected, "an array");
        break;
    case OCISPEC_OBJECT:
    case OCISPEC_MAP:
        strcpy(expected, "an object");
        break;
    default:
        snprintf(expected, sizeof(expected), "an integer from %" PRId64 " to %" PRIu64, range->low,
                 range->high);
    }
    if (token == OCISPEC_GOT_NUMBER)
        snprintf(number, sizeof(number), "%.*s%s", (int) (len > NUMBER_SHOWN ? NUMBER_SHOWN : len), text,
                 len > NUMBER_SHOWN ? "..." : "");
    return ocispec_report(p, -EINVAL, "expected %s, got %s", expected,
                          token == OCISPEC_GOT_NUMBER ? number : got[token]);
}

bool ocispec_report_text(struct ocispec_parser *p, size_t offset, const char *why)
{
    struct ocispec_frame *top = ocispec_top(p);
    size_t line = 1, column = 1;

    if (p->result < 0)
        return false;
    if (top->mode == OCISPEC_IN_ARRAY || top->mode == OCISPEC_IN_SKIP_ARRAY)
        top->n++; /* the element that is being read has not been announced yet */
    for (size_t i = 0; i < offset && i < p->len; i++) {
        column = p->text[i] == '\n' ? 1 : column + 1;
        line += p->text[i] == '\n';
    }
    p->err->offset = offset;
    return ocispec_report(p, -EINVAL, "%s (line %zu, column %zu)", why, line, column);
}
