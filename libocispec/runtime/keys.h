/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The keys of all objects that are open at the moment, except those the schema knows: finds a key
 * that is given twice in one object. Works as a stack: closing an object drops its keys. The hash is
 * keyed with random bytes, so nobody can write a document that makes it slow.
 */

#include <stddef.h>
#include <stdint.h>

struct ocispec_key {
    const char *text; /* stays where it is while its object is open */
    uint32_t len;
    uint32_t depth; /* which open object */
    uint32_t hash;
    uint32_t next; /* index + 1 of the next entry of the same bucket */
};

struct ocispec_keys {
    struct ocispec_key *entries;
    uint32_t *buckets; /* index + 1 of the newest entry */
    uint32_t n, cap;   /* as many buckets as entries have room */
    uint64_t seed[2];
    struct ocispec_key first_entries[32];
    uint32_t first_buckets[32];
};

/** Prepares a set; nothing to free if nothing was added. */
void ocispec_keys_init(struct ocispec_keys *keys);
/** Frees the memory of a set. */
void ocispec_keys_done(struct ocispec_keys *keys);
/** Adds a key of the innermost open object. Return: 0; -EEXIST: that object has it; -ENOMEM. */
int ocispec_keys_add(struct ocispec_keys *keys, uint32_t depth, const char *text, size_t len);
/** Drops all keys but the oldest @n: an object was closed. */
void ocispec_keys_drop(struct ocispec_keys *keys, uint32_t n);
