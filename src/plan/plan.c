/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What all planners share: the list of sources that the host opens, mappings, and warnings. Pure, host side,
 * memory from the plan's arena.
 */

#include "plan/plan.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/format.h"
#include "base/io.h"

#define FIRST_SOURCES 16
#define WARNING_SIZE 512

int cf_plan_add_source(const struct cf_plan_input *in, struct cf_plan *plan, const struct cf_source *source,
                       struct cf_err *err)
{
    struct cf_source *sources;
    int32_t fd;

    if (plan->n_sources == plan->cap_sources) {
        size_t cap = plan->cap_sources ? plan->cap_sources * 2 : FIRST_SOURCES;

        sources = cf_arena_calloc(in->arena, cap, sizeof(*sources));
        if (!sources)
            return cf_err_oom(err);
        if (plan->n_sources)
            memcpy(sources, plan->sources, plan->n_sources * sizeof(*sources));
        plan->sources = sources;
        plan->cap_sources = cap;
    }
    fd = cf_blob_add_fd(plan->blob);
    if (fd < 0)
        return cf_err_set(err, COFFER_ERROR_CONFIG, "plan-too-many-sources", -E2BIG,
                          "the container needs more than %d descriptors", CF_MAX_FDS);
    if ((size_t) fd != plan->n_sources)
        return cf_err_set(err, COFFER_ERROR_BUG, "plan-source-order", -EINVAL,
                          "descriptor %d was reserved past the list of sources", fd);
    plan->sources[plan->n_sources++] = *source;
    return fd;
}

static bool equal_maps(const struct cf_idmap *uids_a, const struct cf_idmap *gids_a, const struct cf_idmap *uids_b,
                       const struct cf_idmap *gids_b)
{
    return cf_idmap_equal(uids_a, uids_b) && cf_idmap_equal(gids_a, gids_b);
}

int cf_plan_add_idmap(const struct cf_plan_input *in, struct cf_plan *plan, const struct cf_idmap *uids,
                      const struct cf_idmap *gids, const char *field, struct cf_err *err)
{
    const struct cf_userns_plan *userns = &plan->userns;
    struct cf_plan_idmap *list;
    size_t n = plan->n_idmaps;

    for (size_t i = 0; i < n; i++) {
        if (equal_maps(uids, gids, &plan->idmaps[i].uids, &plan->idmaps[i].gids))
            return (int) i + 1;
    }
    list = cf_arena_calloc(in->arena, n + 1, sizeof(*list));
    if (!list)
        return cf_err_oom(err);
    if (n)
        memcpy(list, plan->idmaps, n * sizeof(*list));
    list[n] = (struct cf_plan_idmap) {
        .uids = *uids,
        .gids = *gids,
        .container = userns->mode != CF_USERNS_NONE && equal_maps(uids, gids, &userns->uids, &userns->gids),
        .field = field,
    };
    plan->idmaps = list;
    return (int) ++plan->n_idmaps;
}

void cf_plan_warn(const struct cf_plan_input *in, struct cf_plan *plan, const char *fmt, ...)
{
    char text[WARNING_SIZE];
    struct cf_warning *warning;
    va_list args;

    va_start(args, fmt);
    (void) cf_vformat(text, sizeof(text), fmt, args);
    va_end(args);

    warning = cf_arena_alloc(in->arena, sizeof(*warning));
    if (!warning)
        return;
    warning->text = cf_arena_strdup(in->arena, text);
    if (!warning->text)
        return;
    if (!plan->warnings_tail)
        plan->warnings_tail = &plan->warnings;
    *plan->warnings_tail = warning;
    plan->warnings_tail = &warning->next;
}

int cf_plan_output_open(const char *path, const char *field, struct cf_err *err)
{
    int fd = cf_io_append_open(path);

    if (fd >= 0)
        return fd;
    (void) cf_err_config(err, "hook-output", field, "open `%s` for the output of hooks", path);
    cf_err_errno(err, fd);
    if (fd == -ELOOP)
        cf_err_hint(err, "a symbolic link is not followed: name the file itself");
    else if (fd == -EINVAL)
        cf_err_hint(err, "use a regular file, a pipe or a character device");
    return fd;
}
