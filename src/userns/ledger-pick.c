/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Picks the lowest free block of a window. Blocks begin at multiples of the size (rounded up to a
 * power of two) from the start of each range of the window, so what is asked for at different times
 * in the same size never cuts the window into useless pieces. Pure. Host side.
 */

#include "userns/ledger-pick.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"

/* 512 KiB of bits. More blocks than that are not looked at. */
#define MAX_BLOCKS (UINT64_C(1) << 22)

int ledger_pick_begin(struct ledger_pick *pick, const struct cf_ledger_window *window)
{
    *pick = (struct ledger_pick) {.window = window, .stride = 1};
    while (pick->stride < window->size)
        pick->stride *= 2;
    pick->n_blocks = calloc(window->from.n ? window->from.n : 1, sizeof(*pick->n_blocks));
    if (!pick->n_blocks)
        return -ENOMEM;
    for (size_t i = 0; i < window->from.n; i++) {
        uint64_t count = window->from.ranges[i].count, n;

        if (count < window->size)
            continue;
        n = (count - window->size) / pick->stride + 1; /* the last one may be cut after size */
        if (n > MAX_BLOCKS - pick->total)
            n = MAX_BLOCKS - pick->total;
        pick->n_blocks[i] = (uint32_t) n;
        pick->total += n;
    }
    pick->taken = calloc(1, pick->total / 8 + 1);
    if (!pick->taken) {
        free(pick->n_blocks);
        return -ENOMEM;
    }
    ledger_pick_take(pick, &window->avoid);
    return 0;
}

static void take_blocks(struct ledger_pick *pick, uint64_t base, const struct cf_subid *from, uint64_t n_blocks,
                        const struct cf_subid *ids)
{
    uint64_t end = (uint64_t) ids->first + ids->count, first, last;

    if (n_blocks == 0 || end <= from->first)
        return;
    first = ids->first > from->first ? (ids->first - from->first) / pick->stride : 0;
    last = (end - 1 - from->first) / pick->stride;
    if (last >= n_blocks)
        last = n_blocks - 1;
    for (uint64_t k = first; k <= last; k++)
        pick->taken[(base + k) / 8] |= (unsigned char) (1u << (base + k) % 8);
}

void ledger_pick_take(struct ledger_pick *pick, const struct cf_idset *ids)
{
    uint64_t base = 0;

    for (size_t i = 0; i < pick->window->from.n; i++) {
        for (size_t k = 0; k < ids->n; k++)
            take_blocks(pick, base, &pick->window->from.ranges[i], pick->n_blocks[i], &ids->ranges[k]);
        base += pick->n_blocks[i];
    }
}

static int find_free(const struct ledger_pick *pick, struct cf_subid *ret)
{
    uint64_t base = 0;

    for (size_t i = 0; i < pick->window->from.n; i++) {
        for (uint64_t k = 0; k < pick->n_blocks[i]; k++) {
            if (pick->taken[(base + k) / 8] & 1u << (base + k) % 8)
                continue;
            *ret = (struct cf_subid) {
                .first = (uint32_t) (pick->window->from.ranges[i].first + k * pick->stride),
                .count = pick->window->size,
            };
            return 0;
        }
        base += pick->n_blocks[i];
    }
    return -ENOSPC;
}

int ledger_pick_end(struct ledger_pick *pick, struct cf_subid *ret)
{
    int r = find_free(pick, ret);

    free(pick->n_blocks);
    free(pick->taken);
    return r;
}
