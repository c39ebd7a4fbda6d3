/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Subordinate ids, for the siblings in this folder and for tests. Host side. */

#include <stdbool.h>

#include "userns/userns.h"

/**
 * cf_subid_user_name() - the name of a user in a file of the form of /etc/passwd
 * @ret: NULL if the file or the user does not exist. Return: 0 or -ENOMEM.
 */
int cf_subid_user_name(const char *passwd, uint32_t uid, struct cf_arena *arena, const char **ret);

/** cf_subid_load() with the user's name known (NULL: only by number). */
int cf_subid_load_named(const char *file, uint32_t uid, const char *name, struct cf_arena *arena,
                        struct cf_subid **ret, size_t *ret_n, struct cf_err *err);

/**
 * cf_subid_bad_line() - the first line of this user that cannot be read, for messages
 * Return: its number from 1, 0: there is none.
 */
size_t cf_subid_bad_line(const char *file, uint32_t uid, const char *name);

/** Every id of [first, first + size) is in some entry. */
bool cf_subid_covers(const struct cf_subid *subids, size_t n, uint32_t first, uint32_t size);
