/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Where automatic ranges would come from: ids.conf, the window, and the ledger of those that are taken. Read-only,
 * host side. */

#include <errno.h>

#include "base/own.h"
#include "base/format.h"
#include "base/str.h"
#include "coffer/coffer.h"
#include "doctor/checks.h"
#include "state/state.h"
#include "userns/id-config.h"
#include "userns/ledger.h"

#define BLOCKS_COMPARED 4096

static void take_error(struct cf_ids_facts *f, const struct cf_err *err)
{
    (void) cf_err_print(err, f->error, sizeof(f->error));
    (void) cf_str_copy(f->hint, sizeof(f->hint), err->hint);
}

static bool is_leased(const struct cf_ledger_survey *survey, const struct cf_subid *block)
{
    const struct cf_idset one = {.ranges = block, .n = 1};

    for (size_t i = 0; i < survey->n_leases; i++)
        if (cf_idset_overlap(&survey->leases[i].uids, &one, NULL) >= 0 ||
            cf_idset_overlap(&survey->leases[i].gids, &one, NULL) >= 0)
            return true;
    return false;
}

/* Blocks start at multiples of their rounded size, counted from the start of the range. */
static void count_blocks(struct cf_ids_facts *f, const struct cf_subid *range, const struct cf_ledger_survey *survey)
{
    uint64_t step = 1, blocks;

    while (step < f->size)
        step *= 2;
    blocks = range->count / step + (range->count % step >= f->size);
    f->blocks += blocks;
    f->free += blocks;
    /* Up to a bound: a window of blocks of one id has millions. */
    for (uint64_t i = 0; i < blocks && i < BLOCKS_COMPARED; i++) {
        const struct cf_subid block = {.first = range->first + (uint32_t) (i * step), .count = f->size};

        f->free -= is_leased(survey, &block);
    }
}

/* As create-ids.c chooses it. */
static int choose_ledger(struct cf_ids_facts *f, const struct cf_facts *caller, const struct coffer_doctor_options *o)
{
    if (o->id_ledger)
        return cf_str_copy(f->ledger_path, sizeof(f->ledger_path), o->id_ledger);
    if (caller->euid == 0 && !caller->in_userns)
        return cf_str_copy(f->ledger_path, sizeof(f->ledger_path), "/run/coffer/.ids");
    if (o->runtime_dir)
        return cf_str_path(f->ledger_path, sizeof(f->ledger_path), "%s/coffer/.ids", o->runtime_dir);
    return o->root ? cf_str_path(f->ledger_path, sizeof(f->ledger_path), "%s/.ids", o->root) : -ENOENT;
}

static void survey_ledger(struct cf_ids_facts *f, const struct cf_facts *caller, const struct coffer_doctor_options *o,
                          struct cf_arena *arena, struct cf_ledger_survey *survey)
{
    char boot_id[CF_LEDGER_BOOT_ID_SIZE] = "";
    struct cf_store *dir = NULL;
    struct cf_err err = CF_ERR_INIT;

    f->ledger = choose_ledger(f, caller, o);
    if (f->ledger < 0)
        return;
    (void) cf_boot_id(boot_id);
    f->ledger = cf_store_open(f->ledger_path, false, false, &dir, &err);
    if (f->ledger >= 0)
        f->ledger = cf_ledger_survey(cf_store_dir_fd(dir), f->ledger_path, boot_id, arena, survey, &err);
    cf_store_free(dir);
    if (f->ledger < 0) {
        (void) cf_err_print(&err, f->ledger_error, sizeof(f->ledger_error));
        (void) cf_str_copy(f->ledger_hint, sizeof(f->ledger_hint), err.hint);
        return;
    }
    f->ledger = 0;
    f->ledger_busy = survey->busy;
    f->leases = (uint32_t) survey->n_leases;
    f->dead = survey->n_dead + survey->n_torn;
    for (size_t i = 0; i < survey->n_leases; i++)
        for (size_t k = 0; k < survey->leases[i].uids.n; k++)
            f->leased += survey->leases[i].uids.ranges[k].count;
}

int cf_ids_probe(struct cf_ids_facts *ret, const struct cf_facts *caller, const struct coffer_doctor_options *options)
{
    static const char *const policies[] = {[CF_IDS_DEFAULT] = "warn",
                                           [CF_IDS_OFF] = "off",
                                           [CF_IDS_WARN] = "warn",
                                           [CF_IDS_ENFORCE] = "enforce"};
    const struct cf_ids_caller who = {caller->euid, caller->privileged, caller->in_userns};
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_ids_config config;
    struct cf_ledger_survey survey = {0};
    struct cf_idset window;

    *ret = (struct cf_ids_facts){.window = CF_NOT_TRIED, .policy = policies[CF_IDS_DEFAULT]};
    if (!arena)
        return -ENOMEM;
    survey_ledger(ret, caller, options, arena, &survey);
    ret->config = cf_ids_config_load(options->id_config ? options->id_config : CF_IDS_CONF, arena, &config, &err);
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
        count_blocks(ret, &window.ranges[i], &survey);
    }
    if (window.n > 0)
        (void) cf_subid_text(ret->first, &window.ranges[0]);
    return 0;
}
