/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which block of a window is free: a bitmap of blocks. For ledger.c and tests. */

#include "userns/ledger.h"

struct ledger_pick {
    const struct cf_ledger_window *window;
    uint64_t stride;        /* size, rounded up to a power of two */
    uint32_t *n_blocks;     /* of each range of the window */
    unsigned char *taken;   /* one bit for a block, all ranges of the window in a row */
    uint64_t total;
};

/** Return: 0, -ENOMEM. */
int ledger_pick_begin(struct ledger_pick *pick, const struct cf_ledger_window *window);
void ledger_pick_take(struct ledger_pick *pick, const struct cf_idset *ids);
/** The lowest free block of the first range that has one; releases @pick. Return: 0, -ENOSPC. */
int ledger_pick_end(struct ledger_pick *pick, struct cf_subid *ret);
