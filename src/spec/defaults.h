/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The config.json that `coffer spec` writes. */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct cf_spec_defaults {
    bool rootless;            /* for an ordinary user: a user namespace with the caller's ids alone */
    uint32_t uid, gid;        /* of the caller, for rootless */
    uint32_t userns_first;    /* host id of the container's root, with userns_size > 0 */
    uint32_t userns_size;     /* 0: no user namespace (unless rootless) */
    bool cgroup_namespace;    /* the host has a pure v2 tree */
    bool pids_limit;          /* the host can limit the number of processes */
};

/** Pure. Tab-indented text with a final newline; caller frees. */
int cf_spec_defaults_json(const struct cf_spec_defaults *in, char **ret, struct cf_err *err);
