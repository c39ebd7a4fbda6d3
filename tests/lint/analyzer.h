/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Put before every source that clang-tidy reads, never into a build: what functions of other files
 * promise, which the analyzer cannot see. Without it, it follows paths on which an error is none.
 */

#include <errno.h>

#include "base/err.h"
#include "base/str.h"
#include "wire/blob.h"

/* No inline function: the analyzer looks only a few calls deep. */
#define cf_lint_negative(call)                                                                     \
    ({                                                                                             \
        int lint_r = (call);                                                                       \
        if (lint_r >= 0)                                                                           \
            __builtin_unreachable();                                                               \
        lint_r;                                                                                    \
    })

#define cf_err_set(...) cf_lint_negative(cf_err_set(__VA_ARGS__))
#define cf_err_sys(...) cf_lint_negative(cf_err_sys(__VA_ARGS__))
#define cf_err_config(...) cf_lint_negative(cf_err_config(__VA_ARGS__))
#define cf_err_oom(...) cf_lint_negative(cf_err_oom(__VA_ARGS__))
#define cf_err_in(...) cf_lint_negative(cf_err_in(__VA_ARGS__))
#define cf_str_empty(s) (!(s) || !*(s))
/* A blob that passed has a header. */
#define cf_blob_check(data, size, blob)                                                            \
    ({                                                                                             \
        int lint_r = cf_blob_check(data, size, blob);                                              \
        if (lint_r >= 0 && !(blob)->h)                                                             \
            __builtin_unreachable();                                                               \
        lint_r;                                                                                    \
    })
