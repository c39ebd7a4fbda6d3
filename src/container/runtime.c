/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What belongs to a runtime handle: the state root, opened when first needed. Host side. */

#include "container/container.h"

#include <errno.h>

int cf_runtime_store(struct coffer_runtime *runtime, bool create, struct cf_store **ret, struct cf_err *err)
{
    int r;

    if (!runtime->store) {
        r = cf_store_open(runtime->root, create, runtime->root_sticky, &runtime->store, err);
        if (r == -ENOENT && !create) {
            /* No root, no container: the message callers look for. */
            cf_err_clear(err);
            return cf_err_set(err, COFFER_ERROR_NOT_FOUND, "id-unknown", -ENOENT,
                              "container does not exist");
        }
        if (r < 0) {
            cf_err_step(err, "state");
            return r;
        }
    }
    *ret = runtime->store;
    return 0;
}
