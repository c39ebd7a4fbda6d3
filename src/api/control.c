/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* coffer/container.h: the border of what changes a living container. */

#include "coffer/container.h"

#include "api/api.h"
#include "container/container.h"

int coffer_container_pause(coffer_container *container, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_pause(container, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_resume(coffer_container *container, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_resume(container, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_update(coffer_container *container, const struct coffer_update_options *options,
                            coffer_error **err)
{
    struct coffer_update_options o;
    struct cf_err e = CF_ERR_INIT;
    int r = cf_api_options(options, sizeof(o), &o, &e);

    if (r >= 0)
        r = cf_container_update(container, &o, &e);
    return r < 0 ? cf_api_error(&e, err) : 0;
}
