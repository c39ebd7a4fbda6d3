/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be a container id: it becomes a file name and a part of cgroup names. Pure. */

#include "state/state.h"

#include <errno.h>
#include <string.h>

#define ID_MAX 255

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '+' || c == '-' || c == '.';
}

static int invalid(struct cf_err *err)
{
    cf_err_set(err, COFFER_ERROR_ARGUMENT, "id-invalid", -EINVAL, "invalid container ID format");
    cf_err_hint(err, "use 1 to 255 letters, digits, `_`, `+`, `-` and `.`, no `.` in front");
    return -EINVAL;
}

int cf_id_check(const char *id, struct cf_err *err)
{
    if (!id || !id[0])
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "id-empty", -EINVAL, "container id cannot be empty");
    /* Hidden names are coffer's own files in the state directory. */
    if (id[0] == '.')
        return invalid(err);
    for (size_t i = 0; id[i]; i++)
        if (i >= ID_MAX || !is_id_char(id[i]))
            return invalid(err);
    return 0;
}
