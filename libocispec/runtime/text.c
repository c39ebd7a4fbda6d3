/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * yajl takes overlong UTF-8 forms and turns a lone surrogate into a question mark: two documents
 * that differ would read the same. So text is checked here before yajl sees it.
 */

#include "runtime/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ONES UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

size_t ocispec_text_utf8(const unsigned char *text, size_t len)
{
    unsigned char first = text[0];
    unsigned char low = 0x80, high = 0xbf; /* bounds of the second byte */
    size_t need;

    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    need = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    if (len < need || text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return need;
}

/* Four hexadecimal digits, or -1. */
static int hex4(const unsigned char *text, size_t len)
{
    int value = 0;

    if (len < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        unsigned char c = text[i];
        int digit;

        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (c | 0x20) - 'a' + 10;
        else
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Length of the escape at text[0] == '\\', 0 with *ret_why if it is refused. Syntax is yajl's work. */
static size_t escape_length(const unsigned char *text, size_t len, const char **ret_why)
{
    int value, other;

    if (len < 2)
        return len;
    if (text[1] != 'u')
        return 2;
    value = hex4(text + 2, len - 2);
    if (value == 0) {
        *ret_why = "a NUL character (`\\u0000`) is not allowed";
        return 0;
    }
    if (value < 0xd800 || value > 0xdfff)
        return 2;
    if (value <= 0xdbff && len >= 8 && text[6] == '\\' && text[7] == 'u') {
        other = hex4(text + 8, len - 8);
        if (other >= 0xdc00 && other <= 0xdfff)
            return 12;
    }
    *ret_why = "half of a surrogate pair (`\\ud800` to `\\udfff`) is not a character";
    return 0;
}

/* Whether eight bytes hold neither a backslash nor anything above 0x7f. */
static bool plain8(const unsigned char *text)
{
    uint64_t word, slashes;

    memcpy(&word, text, sizeof(word));
    slashes = word ^ (ONES * '\\');
    return (((slashes - ONES) & ~slashes) & HIGHS) == 0 && (word & HIGHS) == 0;
}

size_t ocispec_text_scan(const char *text, size_t len, const char **ret_why)
{
    const unsigned char *at = (const unsigned char *) text;
    size_t i = 0, step;

    while (i < len) {
        while (len - i >= 8 && plain8(at + i))
            i += 8;
        if (i == len)
            break;
        if (at[i] == '\\') {
            step = escape_length(at + i, len - i, ret_why);
        } else {
            step = ocispec_text_utf8(at + i, len - i);
            if (step == 0)
                *ret_why = "not valid UTF-8";
        }
        if (step == 0)
            return i;
        i += step;
    }
    return len;
}
