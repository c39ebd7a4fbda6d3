/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Numbers from and to text. The whole string must be the number: no spaces, no '+', no locale, and
 * for signed ones at most one '-'. Both sides, freestanding.
 *
 * Base is 10 or 8. In base 10 leading zeros are accepted; users who need the canonical form check
 * it with cf_num_is_canonical(). Return: 0, -EINVAL for text that is no number, -ERANGE.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int cf_num_parse_u64_base(const char *s, unsigned int base, uint64_t min, uint64_t max,
                          uint64_t *ret);
int cf_num_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
int cf_num_parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
int cf_num_parse_u32(const char *s, uint32_t min, uint32_t max, uint32_t *ret);
int cf_num_parse_i32(const char *s, int32_t min, int32_t max, int32_t *ret);
/** Base 8, for modes: "0755", "1777". */
int cf_num_parse_octal(const char *s, uint32_t max, uint32_t *ret);

/** Digits only, no leading zero (but "0"), as ids must be written. */
bool cf_num_is_canonical(const char *s);

#define CF_NUM_SIZE 24
/** Decimal text. Return: length. */
size_t cf_num_format(char buf[CF_NUM_SIZE], uint64_t value);
size_t cf_num_format_i64(char buf[CF_NUM_SIZE], int64_t value);
