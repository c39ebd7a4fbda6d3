/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Numbers from and to text. Both sides; no locale, no errno. */

#include "base/num.h"

#include <errno.h>

#include "base/format.h"

int cf_num_parse_u64_base(const char *s, unsigned int base, uint64_t min, uint64_t max,
                          uint64_t *ret)
{
    uint64_t v = 0;
    int range = 0;

    if (!s || *s == '\0')
        return -EINVAL;
    for (; *s; s++) {
        unsigned int digit = (unsigned int) (unsigned char) *s - '0';

        if (digit >= base)
            return -EINVAL;
        /* Go on after an overflow: "999...9x" is no number at all. */
        if (__builtin_mul_overflow(v, (uint64_t) base, &v) ||
            __builtin_add_overflow(v, (uint64_t) digit, &v))
            range = 1;
    }
    if (range || v < min || v > max)
        return -ERANGE;
    *ret = v;
    return 0;
}

int cf_num_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
    return cf_num_parse_u64_base(s, 10, min, max, ret);
}

int cf_num_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
    const uint64_t lowest = UINT64_C(1) << 63; /* magnitude of INT64_MIN */
    uint64_t v;
    int64_t out;
    int negative, r;

    if (!s)
        return -EINVAL;
    negative = *s == '-';
    r = cf_num_parse_u64_base(s + negative, 10, 0, negative ? lowest : lowest - 1, &v);
    if (r < 0)
        return r;
    if (negative)
        out = v == lowest ? INT64_MIN : -(int64_t) v;
    else
        out = (int64_t) v;
    if (out < min || out > max)
        return -ERANGE;
    *ret = out;
    return 0;
}

int cf_num_parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *ret)
{
    uint64_t v;
    int r;

    r = cf_num_parse_u64_base(s, 10, min, max, &v);
    if (r < 0)
        return r;
    *ret = (uint32_t) v;
    return 0;
}

int cf_num_parse_i32(const char *s, int32_t min, int32_t max, int32_t *ret)
{
    int64_t v;
    int r;

    r = cf_num_parse_i64(s, min, max, &v);
    if (r < 0)
        return r;
    *ret = (int32_t) v;
    return 0;
}

int cf_num_parse_octal(const char *s, uint32_t max, uint32_t *ret)
{
    uint64_t v;
    int r;

    r = cf_num_parse_u64_base(s, 8, 0, max, &v);
    if (r < 0)
        return r;
    *ret = (uint32_t) v;
    return 0;
}

bool cf_num_is_canonical(const char *s)
{
    if (!s || *s == '\0')
        return false;
    if (s[0] == '0')
        return s[1] == '\0';
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
    }
    return true;
}

size_t cf_num_format(char buf[CF_NUM_SIZE], uint64_t value)
{
    return cf_format(buf, CF_NUM_SIZE, "%llu", (unsigned long long) value);
}

size_t cf_num_format_i64(char buf[CF_NUM_SIZE], int64_t value)
{
    return cf_format(buf, CF_NUM_SIZE, "%lld", (long long) value);
}
