/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Checks of raw text that the JSON library does not make or makes too loosely. */

#include <stddef.h>

/**
 * ocispec_text_scan() - the first byte of a JSON text that must not be there
 * @ret_why: set if there is one: what is wrong with it
 *
 * Looks at UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF), at escaped surrogates
 * without their other half, and at the escaped NUL. Syntax is not looked at.
 * Return: its offset, or @len if all is well.
 */
size_t ocispec_text_scan(const char *text, size_t len, const char **ret_why);

/** Length of the UTF-8 sequence at @text, 0 if it is not one. @len is at least 1. */
size_t ocispec_text_utf8(const unsigned char *text, size_t len);
