/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* coffer/features.h: versions, the template of `coffer spec`, the features document. */

#include "coffer/features.h"

#include <errno.h>
#include <stdlib.h>

#include "api/api.h"
#include "cgroup/cgroup.h"
#include "config.h"
#include "container/features.h"
#include "facts/facts.h"
#include "spec/defaults.h"

const char *coffer_version(void)
{
    return COFFER_VERSION;
}

const char *coffer_commit(void)
{
    return COFFER_COMMIT;
}

const char *coffer_spec_version(void)
{
    return "1.3.0";
}

void coffer_free(void *p)
{
    free(p);
}

int coffer_features_json(char **ret_json, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_features_json(ret_json, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_spec_json(uint32_t flags, uint32_t userns_first, uint32_t userns_size, char **ret_json,
                     coffer_error **err)
{
    struct cf_spec_defaults defaults = {
        .rootless = flags & COFFER_SPEC_ROOTLESS,
        .userns_first = userns_first,
        .userns_size = userns_size,
    };
    struct cf_err e = CF_ERR_INIT;
    struct cf_facts facts = {0};
    int r;

    r = cf_facts_probe(&facts, &e);
    if (r >= 0) {
        defaults.uid = facts.euid;
        defaults.gid = facts.egid;
        defaults.cgroup_namespace = facts.cgroup_mode == CF_CGROUP_MODE_V2;
        defaults.pids_limit = cf_cgroup_has_controller(&facts, "pids");
        r = cf_spec_defaults_json(&defaults, ret_json, &e);
    }
    return r < 0 ? cf_api_error(&e, err) : 0;
}
