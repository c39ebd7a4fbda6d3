/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* coffer/audit.h: the border. */

#include "coffer/audit.h"

#include <errno.h>

#include "api/api.h"
#include "container/audit.h"

int coffer_audit(coffer_runtime *runtime, const char *const *ids, size_t n_ids,
                 int (*each)(void *userdata, const struct coffer_audit_finding *finding), void *userdata,
                 coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_runtime_audit(runtime, ids, n_ids, each, userdata, &e);

    return r < 0 && e.kind != COFFER_ERROR_NONE ? cf_api_error(&e, err) : r;
}

int coffer_whois(coffer_runtime *runtime, uint32_t id_kind, uint32_t id,
                 int (*each)(void *userdata, const struct coffer_id_owner *owner), void *userdata, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_runtime_whois(runtime, id_kind, id, each, userdata, &e);

    return r < 0 && e.kind != COFFER_ERROR_NONE ? cf_api_error(&e, err) : r;
}
