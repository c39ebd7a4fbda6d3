/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Resource limits. Raising a hard limit needs privileges, so that is done before they go; but some
 * limits would hit init itself (a NOFILE of 4, an AS of one page), so those get their exact values
 * last, when only lowering is left, which everybody may. Container side, freestanding.
 */

#include <errno.h>
#include <sys/resource.h>

#include "init/init-internal.h"
#include "sys/task.h"

/* So many files are enough for what init still does, if the plan has few. */
#define ENOUGH_FILES 512

static bool is_late(const struct cf_init *in, const struct cf_blob_rlimit *limit)
{
    uint32_t resource = limit->resource;

    if (resource == RLIMIT_NOFILE)
        return limit->soft < ENOUGH_FILES || in->blob.h->n_fds > ENOUGH_FILES / 4;
    return resource == RLIMIT_AS || resource == RLIMIT_DATA ||
           resource == RLIMIT_STACK;
}

static int set_limit(const struct cf_blob_rlimit *limit, uint64_t soft, uint32_t index,
                     struct cf_err *err)
{
    struct rlimit value = {.rlim_cur = soft, .rlim_max = limit->hard};
    int r = cf_sys_prlimit64(0, (int) limit->resource, &value, NULL);

    if (r < 0) {
        (void) cf_err_sys(err, r, "process.rlimits[%u]: set resource limit %u", index,
                          limit->resource);
        cf_err_field(err, "process.rlimits[%u]", index);
        if (r == -EPERM)
            cf_err_hint(err, "a hard limit above the caller's needs CAP_SYS_RESOURCE on the host");
    }
    return r;
}

int cf_rlimit_child_early(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_rlimit *limits = cf_blob_at(&in->blob, in->blob.h->rlimits);

    for (uint32_t i = 0; i < in->blob.h->rlimits.count; i++) {
        struct rlimit now = {0, 0};
        int r = 0;

        if (!is_late(in, &limits[i])) {
            r = set_limit(&limits[i], limits[i].soft, i, err);
        } else {
            r = cf_sys_prlimit64(0, (int) limits[i].resource, NULL, &now);
            if (r < 0)
                return cf_err_sys(err, r, "read resource limit %u", limits[i].resource);
            if (now.rlim_max < limits[i].hard)
                r = set_limit(&limits[i], limits[i].hard, i, err);
        }
        if (r < 0)
            return r;
    }
    return 0;
}

int cf_rlimit_child_final(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_rlimit *limits = cf_blob_at(&in->blob, in->blob.h->rlimits);

    for (uint32_t i = 0; i < in->blob.h->rlimits.count; i++) {
        int r = is_late(in, &limits[i]) ? set_limit(&limits[i], limits[i].soft, i, err) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}
