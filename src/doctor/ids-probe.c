/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where automatic ranges would come from: ids.conf and the window. Read-only, host side. */

#include <errno.h>

#include "base/own.h"
#include "base/str.h"
#include "doctor/checks.h"
#include "userns/id-config.h"

static void take_error(struct cf_ids_facts *f, const struct cf_err *err)
{
    (void) cf_err_print(err, f->error, sizeof(f->error));
    (void) cf_str_copy(f->hint, sizeof(f->hint), err->hint);
}

/* Blocks start at multiples of their rounded size, counted from the start of the range. */
static uint64_t count_blocks(uint32_t count, uint32_t size)
{
    uint64_t step = 1;

    while (step < size)
        step *= 2;
    return count / step + (count % step >= size);
}

int cf_ids_probe(struct cf_ids_facts *ret, const struct cf_facts *caller, const char *config_path)
{
    static const char *const policies[] = {[CF_IDS_DEFAULT] = "warn",
                                           [CF_IDS_OFF] = "off",
                                           [CF_IDS_WARN] = "warn",
                                           [CF_IDS_ENFORCE] = "enforce"};
    const struct cf_ids_caller who = {caller->euid, caller->privileged, caller->in_userns};
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_ids_config config;
    struct cf_idset window;

    *ret = (struct cf_ids_facts){.window = CF_NOT_TRIED, .policy = policies[CF_IDS_DEFAULT]};
    if (!arena)
        return -ENOMEM;
    ret->config = cf_ids_config_load(config_path ? config_path : CF_IDS_CONF, arena, &config, &err);
    if (ret->config < 0) {
        take_error(ret, &err);
        return ret->config == -ENOMEM ? -ENOMEM : 0;
    }
    ret->policy = policies[config.policy];
    ret->size = config.size;
    ret->window = cf_ids_window(&config, &who, arena, &window, &err);
    if (ret->window < 0) {
        take_error(ret, &err);
        return ret->window == -ENOMEM ? -ENOMEM : 0;
    }
    for (size_t i = 0; i < window.n; i++) {
        ret->ids += window.ranges[i].count;
        ret->blocks += count_blocks(window.ranges[i].count, config.size);
    }
    if (window.n > 0)
        (void) cf_subid_text(ret->first, &window.ranges[0]);
    return 0;
}
