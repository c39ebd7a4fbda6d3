/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* coffer/runtime.h: the border. */

#include "coffer/runtime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/own.h"
#include "container/container.h"
#include "container/explain.h"

/* NULL stays NULL. */
static int copy_string(const char *from, char **ret)
{
    *ret = from ? strdup(from) : NULL;
    return from && !*ret ? -ENOMEM : 0;
}

static int runtime_new(const struct coffer_runtime_options *options, coffer_runtime **ret, struct cf_err *err)
{
    struct coffer_runtime_options o;
    coffer_runtime *runtime;
    int r;

    r = cf_api_options(options, sizeof(o), &o, err);
    if (r < 0)
        return r;
    if (!o.root || o.root[0] != '/' || o.root[strspn(o.root, "/")] == '\0')
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "root-path", -EINVAL,
                          "the state directory must be an absolute path other than `/`");
    if (o.cgroup_manager > COFFER_CGROUP_MANAGER_DISABLED)
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "cgroup-manager", -EINVAL,
                          "unknown cgroup manager specified");
    if (o.id_policy > COFFER_ID_POLICY_ENFORCE)
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "id-policy", -EINVAL, "unknown id policy specified");
    if (o.id_ledger && o.id_ledger[0] != '/')
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "id-ledger-path", -EINVAL,
                          "the directory of the id ledger must be an absolute path");
    runtime = calloc(1, sizeof(*runtime));
    if (!runtime)
        return cf_err_oom(err);
    if (copy_string(o.root, &runtime->root) < 0 || copy_string(o.bus_address, &runtime->bus_address) < 0 ||
        copy_string(o.runtime_dir, &runtime->runtime_dir) < 0 || copy_string(o.id_ledger, &runtime->id_ledger) < 0 ||
        copy_string(o.id_config, &runtime->id_config) < 0 ||
        copy_string(o.seccomp_receiver, &runtime->seccomp_receiver) < 0 ||
        copy_string(o.notify_socket, &runtime->notify_socket) < 0) {
        coffer_runtime_free(runtime);
        return cf_err_oom(err);
    }
    runtime->id_policy = o.id_policy;
    runtime->log_wanted = o.log_wanted;
    runtime->root_sticky = o.flags & COFFER_RUNTIME_ROOT_STICKY;
    runtime->cgroup_manager = (enum cf_cgroup_manager) o.cgroup_manager;
    runtime->rootless = o.rootless;
    runtime->log.fn = o.log;
    runtime->log.userdata = o.log_userdata;
    runtime->log.level = o.log_level ? o.log_level : COFFER_LOG_WARNING;
    *ret = runtime;
    return 0;
}

int coffer_runtime_new(const struct coffer_runtime_options *options, coffer_runtime **ret, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = runtime_new(options, ret, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

void coffer_runtime_free(coffer_runtime *runtime)
{
    if (!runtime)
        return;
    cf_store_free(runtime->store);
    free(runtime->root);
    free(runtime->bus_address);
    free(runtime->runtime_dir);
    free(runtime->id_ledger);
    free(runtime->id_config);
    free(runtime->seccomp_receiver);
    free(runtime->notify_socket);
    free(runtime);
}

int coffer_runtime_list(coffer_runtime *runtime,
                        int (*each)(void *userdata, const struct coffer_container_info *info), void *userdata,
                        coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_list(runtime, each, userdata, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_plan_explain(coffer_runtime *runtime, const char *bundle, char **ret_text, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_plan_explain(runtime, bundle, ret_text, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}
