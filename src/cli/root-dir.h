/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which state directory: it must come out the same for every call about one container. */

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct root_dir {
    char path[PATH_MAX];
    bool is_default;  /* no --root */
    bool sticky;      /* a new one gets the sticky bit: it lies below $XDG_RUNTIME_DIR */
    const char *note; /* why it is this one, for errors about it: " (XDG_RUNTIME_DIR is not set)"; NULL: nothing to say */
};

/**
 * root_dir_choose() - from --root (NULL: not given), the ids of the caller and the environment
 * @error: message of a failure
 * Return: 0 or -errno.
 */
int root_dir_choose(const char *option, struct root_dir *ret, char *error, size_t error_size);

#define ROOT_DIR_SLASH_TEXT "Option --root argument should not be set to /"
/** Does the path lead to `/`, through symlinks too? */
bool root_dir_is_slash(const char *path);

/** Is the caller in a user namespace that does not map the whole range of ids to itself? */
bool root_dir_in_user_namespace(void);

/** An absolute path without `.`, `..` and doubled slashes, by its text only. Pure.
 *  Return: 0, -ENAMETOOLONG. */
int root_dir_clean(const char *cwd, const char *path, char ret[PATH_MAX]);
