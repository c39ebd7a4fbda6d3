/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ledger's file. For its siblings and tests only. Numbers are those of the machine: the file
 * does not survive a boot.
 *
 *   0                     header: magic, version, boot id, checksum; written once
 *   LEDGER_COUNT_AT       how many slots were ever used, and its complement
 *   LEDGER_INDEX_AT       one struct ledger_slot each: all that a search has to read
 *   LEDGER_DETAIL_AT      one block each: names and ranges; the file is sparse
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "userns/ledger.h"

#define LEDGER_NAME "ledger"
#define LEDGER_MAGIC "coffer-ids"
#define LEDGER_VERSION 1
#define LEDGER_COUNT_AT 128
#define LEDGER_INDEX_AT 4096
#define LEDGER_MAX_SLOTS 65536
#define LEDGER_SLOT_SIZE 128
#define LEDGER_DETAIL_AT (LEDGER_INDEX_AT + LEDGER_MAX_SLOTS * LEDGER_SLOT_SIZE)
#define LEDGER_DETAIL_SIZE 12288
#define LEDGER_INLINE 4

struct ledger_header {
    char magic[16];
    uint32_t version;
    uint32_t slot_size;
    char boot_id[40];
    uint64_t hash; /* of what is before */
};

/* A slot whose hash does not fit was being written by somebody who was killed: it is free, because
 * reserve and bind come before the first use of the ids, and release after the last. */
struct ledger_slot {
    uint64_t hash; /* of what follows; 0: free */
    uint64_t serial;
    uint64_t entry_ino; /* 0: reserved only */
    int64_t entry_btime;
    uint64_t share; /* hash of the share name, 0: none */
    uint16_t kind;
    uint16_t n_uids, n_gids; /* above LEDGER_INLINE: the only range here is the hull */
    uint16_t unused;
    uint64_t reserved[2];
    struct cf_subid uids[LEDGER_INLINE], gids[LEDGER_INLINE];
};

struct cf_ledger {
    int fd;
    uint32_t n_slots;
    uint64_t mntns; /* of this process; 0: not looked up yet */
    char boot_id[CF_LEDGER_BOOT_ID_SIZE + 3];
    char path[256]; /* of the directory, for errors; cut if longer */
};

/** Takes the lock, makes the file valid for this boot, reads the number of slots. Undone by ledger_unlock(). */
int ledger_lock(struct cf_ledger *ledger, struct cf_err *err);
void ledger_unlock(struct cf_ledger *ledger);

/** Checksum of 8-byte words; never 0. */
uint64_t ledger_hash(const void *data, size_t size);

/** Slots from @first on, as many as there are and fit: *@ret_n. */
#define LEDGER_CHUNK 128
int ledger_read_slots(struct cf_ledger *ledger, uint32_t first, struct ledger_slot ret[LEDGER_CHUNK], uint32_t *ret_n,
                      struct cf_err *err);
/** NULL: the slot becomes free. Enlarges the number of slots when needed. */
int ledger_write_slot(struct cf_ledger *ledger, uint32_t slot, struct ledger_slot *content, struct cf_err *err);
/** Is it in use (hash fits)? */
int ledger_slot_valid(const struct ledger_slot *slot);

int ledger_write_detail(struct cf_ledger *ledger, const struct cf_lease *lease, struct cf_err *err);
/** Names and ranges of the lease in a slot. -EBADMSG: they do not belong to @content. */
int ledger_read_detail(struct cf_ledger *ledger, uint32_t slot, const struct ledger_slot *content,
                       struct cf_arena *arena, struct cf_lease *ret);

/** Does the container of the lease exist? ledger.c. */
bool ledger_is_alive(struct cf_ledger *ledger, const struct cf_lease *lease, struct cf_arena *arena);

/** A kernel lock on the slot, held by this handle: the reservation's sign of life. */
int ledger_hold(struct cf_ledger *ledger, uint32_t slot);
void ledger_unhold(struct cf_ledger *ledger, uint32_t slot);
/** Does another handle hold it? */
int ledger_is_held(struct cf_ledger *ledger, uint32_t slot);
