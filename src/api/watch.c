/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* coffer/container.h, the part that looks on: the border. */

#include <errno.h>

#include "api/api.h"
#include "coffer/container.h"
#include "container/watch.h"

int coffer_container_pids(coffer_container *container, int **ret_pids, size_t *ret_n, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_pids(container, ret_pids, ret_n, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_stats_json(coffer_container *container, char **ret_json, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_stats_json(container, ret_json, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_watch(coffer_container *container, uint32_t interval_ms,
                           int (*each)(void *userdata, const struct coffer_event *event), void *userdata,
                           coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_watch(container, interval_ms, each, userdata, &e);

    /* A number of the callback's own comes without an error. */
    return e.kind != COFFER_ERROR_NONE ? cf_api_error(&e, err) : r;
}
