/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See duration.h. All in integers: a length of time comes out exactly as it was written. */

#include "cli/duration.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct unit {
    const char *name;
    uint64_t ns;
} units[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000}, /* U+00B5 */
    {"\xce\xbcs", 1000}, /* U+03BC */
    {"ms", 1000000},
    {"s", UINT64_C(1000000000)},
    {"m", UINT64_C(60000000000)},
    {"h", UINT64_C(3600000000000)},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What stands between two numbers. */
static const struct unit *take_unit(const char **at)
{
    size_t len = 0;

    while ((*at)[len] && (*at)[len] != '.' && !is_digit((*at)[len]))
        len++;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].name) == len && memcmp(*at, units[i].name, len) == 0) {
            *at += len;
            return &units[i];
        }
    }
    return NULL;
}

/* One number with its unit. */
static int take_part(const char **at, uint64_t *ret)
{
    const char *p = *at, *fraction = NULL;
    const struct unit *unit;
    uint64_t whole = 0, v, pow = 10;

    for (; is_digit(*p); p++) {
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t) (*p - '0'), &whole))
            return -ERANGE;
    }
    if (*p == '.') {
        fraction = p + 1;
        for (p++; is_digit(*p); p++)
            ;
        if (fraction == *at + 1 && fraction == p) /* "." */
            return -EINVAL;
    } else if (p == *at) {
        return -EINVAL;
    }
    unit = take_unit(&p);
    if (!unit)
        return -EINVAL;
    if (__builtin_mul_overflow(whole, unit->ns, &v))
        return -ERANGE;
    /* Digits that are worth less than a nanosecond count for nothing. */
    for (; fraction && is_digit(*fraction) && pow <= unit->ns * 10; fraction++, pow *= 10) {
        if (__builtin_add_overflow(v, (uint64_t) (*fraction - '0') * unit->ns / pow, &v))
            return -ERANGE;
    }
    *at = p;
    *ret = v;
    return 0;
}

int duration_parse(const char *text, int64_t *ret_ns)
{
    bool negative = *text == '-';
    uint64_t sum = 0;

    if (*text == '-' || *text == '+')
        text++;
    if (!*text)
        return -EINVAL;
    if (strcmp(text, "0") == 0) {
        *ret_ns = 0;
        return 0;
    }
    while (*text) {
        uint64_t part;
        int r = take_part(&text, &part);

        if (r < 0)
            return r;
        if (__builtin_add_overflow(sum, part, &sum) || sum > INT64_MAX)
            return -ERANGE;
    }
    *ret_ns = negative ? -(int64_t) sum : (int64_t) sum;
    return 0;
}
