/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The budgets inside a new user namespace: user.max_*_namespaces, which the kernel sets to "no
 * limit" there. They are written before linux.sysctl, which therefore overrides them. Pure, host
 * side.
 *
 * A user namespace hands everybody in it the kernel's privileged interfaces (mounts, netfilter, ...),
 * whatever the container itself was given. So a container without CAP_SYS_ADMIN makes none, unless
 * its configuration says how many.
 */

#include "net/net.h"

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "plan/input.h"

#define NESTED "org.coffer.userns.nested"

/* Of each kind, for each user of the container; a service manager or an engine inside needs hundreds. */
#define ENOUGH "1024"

static const char *const kinds[CF_BUDGET_COUNT] = {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup", "time"};

static bool lists_sys_admin(char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(words[i], "CAP_SYS_ADMIN") == 0)
            return true;
    }
    return false;
}

/* How many user namespaces may be made inside. */
static int nested(const struct cf_plan_input *in, const char **ret, struct cf_err *err)
{
    const struct ocispec_process *p = in->spec->config->process;
    const char *asked = cf_plan_annotation(in, NESTED);
    uint32_t number;

    *ret = p && p->capabilities && lists_sys_admin(p->capabilities->bounding, p->capabilities->n_bounding) ? ENOUGH : "0";
    if (!asked)
        return 0;
    if (cf_num_parse_u32(asked, 0, INT32_MAX, &number) < 0) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "userns-nested", -EINVAL,
                          "annotation `%s`: `%s` is not a number of user namespaces", NESTED, asked);
        cf_err_field(err, "annotations.%s", NESTED);
        return -EINVAL;
    }
    *ret = asked;
    return 0;
}

int cf_budget_plan_defaults(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_blob_sysctl *list,
                            struct cf_err *err)
{
    const char *users = "";
    int r;

    if (plan->userns.mode != CF_USERNS_NEW)
        return 0;
    r = nested(in, &users, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < CF_BUDGET_COUNT; i++) {
        list[i].path = cf_blob_printf(plan->blob, "user/max_%s_namespaces", kinds[i]);
        list[i].value = cf_blob_add_str(plan->blob, i == 0 ? users : ENOUGH);
        list[i].key = 0;
    }
    return CF_BUDGET_COUNT;
}
