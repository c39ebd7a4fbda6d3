/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Little things that several planners ask of the parsed bundle. Pure, host side. */

#include <string.h>

#include "plan/plan.h"

/** The `linux` object, NULL if absent. */
static inline const struct ocispec_linux *cf_plan_linux(const struct cf_plan_input *in)
{
    return in->spec->config->linux;
}

/** Value of an annotation, NULL if absent. */
static inline const char *cf_plan_annotation(const struct cf_plan_input *in, const char *key)
{
    const struct ocispec_string_map *map = in->spec->config->annotations;

    for (size_t i = 0; map && i < map->n; i++) {
        if (strcmp(map->keys[i], key) == 0)
            return map->values[i];
    }
    return NULL;
}

static inline void cf_plan_set_flag(struct cf_plan *plan, uint32_t flag)
{
    cf_blob_header(plan->blob)->flags |= flag;
}

static inline bool cf_plan_has_flag(struct cf_plan *plan, uint32_t flag)
{
    return cf_blob_header(plan->blob)->flags & flag;
}
