/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Strings in fixed buffers, with truncation that cannot be overlooked. Both sides, freestanding. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Equal; NULL equals only NULL. */
bool cf_str_eq(const char *a, const char *b);
/** NULL or "". */
bool cf_str_empty(const char *s);
bool cf_str_starts_with(const char *s, const char *prefix);
bool cf_str_ends_with(const char *s, const char *suffix);
/** The rest of @s after @prefix, or NULL. */
const char *cf_str_after(const char *s, const char *prefix);
/** Index of @s in a table of @n strings, or -ENOENT. */
int cf_str_index(const char *const *table, size_t n, const char *s);

/** Length of @s, at most @max (never reads past @max bytes). */
size_t cf_str_nlen(const char *s, size_t max);

/** Copies with terminator. Return: length, or -ENAMETOOLONG (then @buf holds the cut text). */
int cf_str_copy(char *buf, size_t size, const char *s);
/** Appends to the terminated text in @buf; like cf_str_copy(). */
int cf_str_append(char *buf, size_t size, const char *s);

/**
 * cf_str_path() - a formatted path into a buffer (use with char buf[PATH_MAX])
 * Return: length, or -ENAMETOOLONG.
 */
int cf_str_path(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** "dir/name" with exactly one slash between. Return: length, or -ENAMETOOLONG. */
int cf_str_path_join(char *buf, size_t size, const char *dir, const char *name);

/**
 * cf_utf8_len() - bytes of the valid UTF-8 character at @s
 * @left: bytes available
 * Return: 1..4, or 0 if it is invalid (overlong, surrogate, above U+10FFFF, cut).
 */
size_t cf_utf8_len(const char *s, size_t left);

/**
 * cf_str_escape() - one printable line for logs and messages
 * Control characters (C0, DEL, C1), line and direction controls of Unicode and invalid UTF-8 become
 * \xNN per byte. Never cuts inside an escape or a character. Always terminates (size > 0).
 * Return: length written.
 */
size_t cf_str_escape(char *buf, size_t size, const char *s, size_t n);
