/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* /etc/coffer/ids.conf, the request for an automatic range, and the window it is picked from. Host side. */

#include "userns/idset.h"

#define CF_IDS_CONF "/etc/coffer/ids.conf"
#define CF_IDS_SIZE 65536u
/* Behind everything that hands out ids by convention; docs/userns.md tells whose ranges these are. */
#define CF_IDS_WINDOW_FIRST 2000224256u
#define CF_IDS_WINDOW_COUNT 147128320u

enum cf_id_policy { CF_IDS_DEFAULT = 0, CF_IDS_OFF, CF_IDS_WARN, CF_IDS_ENFORCE };

#define CF_IDS_MAX_WINDOWS 16
#define CF_IDS_MAX_TRUSTED 16

struct cf_ids_config {
    const char *path;         /* of the file, for errors */
    enum cf_id_policy policy; /* never CF_IDS_DEFAULT after loading */
    struct cf_subid windows[CF_IDS_MAX_WINDOWS];
    size_t n_windows;
    uint32_t size;            /* of an automatic range when none is given */
    const char *user;         /* whose subordinate ids to use; NULL: `coffer`, else `containers` */
    const char *trusted[CF_IDS_MAX_TRUSTED + 2]; /* users whose subordinate ids are meant for containers */
};

/** Reads the file; a missing one gives the defaults. Code: ids-conf, with file and line. */
int cf_ids_config_load(const char *path, struct cf_arena *arena, struct cf_ids_config *ret, struct cf_err *err);
/** The same from text. Pure; changes @text. */
int cf_ids_config_parse(char *text, const char *path, struct cf_arena *arena, struct cf_ids_config *ret,
                        struct cf_err *err);

/** "off", "warn", "enforce", or CF_IDS_DEFAULT for anything else. */
enum cf_id_policy cf_ids_policy_of(const char *word);

/** "auto" or "auto:SIZE". Return: 0 with the size (@size_default without one), -EINVAL. */
int cf_ids_parse_auto(const char *text, uint32_t size_default, uint32_t *ret_size);

/* Who asks for a window. */
struct cf_ids_caller {
    uint32_t euid;
    bool privileged;
    bool in_userns;
};

/**
 * cf_ids_window() - the ranges from which automatic ones are picked
 * The windows of the configuration; else the ids that /etc/subuid and /etc/subgid have in common for
 * the dedicated user (privileged) or for the caller; else, privileged, the built-in window. Inside
 * a user namespace only what it maps. Codes: id-window-none, and those of cf_subid_load().
 */
int cf_ids_window(const struct cf_ids_config *config, const struct cf_ids_caller *caller, struct cf_arena *arena,
                  struct cf_idset *ret, struct cf_err *err);
