/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lines of /proc/self/mountinfo, for what has no system call of its own. Host side, no allocation. */

#include <stdbool.h>
#include <stdint.h>

#define CF_MOUNTINFO_LIMIT (64u << 20)

/* One line; the texts are in the caller's buffer. */
struct cf_mountinfo {
    uint64_t id, parent;
    char *root, *point; /* unescaped; NULL: the line was malformed, and all else is 0 */
    char *options;      /* of the mount */
    char *fstype;
    char *super; /* options of the file system, escaped; "": none */
};

/** \040 and the like become what they stand for, in place. */
void cf_mountinfo_unescape(char *s);

/** Cuts the first line off *text, which is changed. Return: false: there is no line left. */
bool cf_mountinfo_next(char **text, struct cf_mountinfo *ret);
