/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Keys of the open objects: see keys.h. The hash is SipHash-1-3 (Aumasson, Bernstein). */

#include "runtime/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#define FIRST_CAP 32u

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static uint32_t hash(const uint64_t seed[2], const char *text, size_t len)
{
    uint64_t v[4] = {seed[0] ^ UINT64_C(0x736f6d6570736575), seed[1] ^ UINT64_C(0x646f72616e646f6d),
                     seed[0] ^ UINT64_C(0x6c7967656e657261), seed[1] ^ UINT64_C(0x7465646279746573)};
    uint64_t word;
    size_t i;

    for (i = 0; len - i >= 8; i += 8) {
        memcpy(&word, text + i, sizeof(word));
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    word = 0;
    memcpy(&word, text + i, len - i);
    word ^= (uint64_t) len << 56;
    v[3] ^= word;
    sip_round(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    for (i = 0; i < 3; i++)
        sip_round(v);
    word = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (uint32_t) (word ^ word >> 32);
}

void ocispec_keys_init(struct ocispec_keys *keys)
{
    const void *bytes = (const void *) getauxval(AT_RANDOM);

    keys->entries = keys->first_entries;
    keys->buckets = keys->first_buckets;
    keys->n = 0;
    keys->cap = FIRST_CAP;
    memset(keys->first_buckets, 0, sizeof(keys->first_buckets));
    keys->seed[0] = keys->seed[1] = 0;
    if (bytes)
        memcpy(keys->seed, bytes, sizeof(keys->seed));
}

void ocispec_keys_done(struct ocispec_keys *keys)
{
    if (keys->entries != keys->first_entries) {
        free(keys->entries);
        free(keys->buckets);
    }
}

/* Links an entry as the newest of its bucket. Entries are linked in order and unlinked in reverse. */
static void link_entry(struct ocispec_keys *keys, uint32_t index)
{
    uint32_t *bucket = &keys->buckets[keys->entries[index].hash & (keys->cap - 1)];

    keys->entries[index].next = *bucket;
    *bucket = index + 1;
}

static int double_room(struct ocispec_keys *keys)
{
    uint32_t cap = keys->cap * 2;
    struct ocispec_key *entries;
    uint32_t *buckets;

    if (cap > UINT32_C(1) << 30)
        return -ENOMEM;
    entries = malloc(cap * sizeof(*entries));
    buckets = calloc(cap, sizeof(*buckets));
    if (!entries || !buckets) {
        free(entries);
        free(buckets);
        return -ENOMEM;
    }
    memcpy(entries, keys->entries, keys->n * sizeof(*entries));
    ocispec_keys_done(keys);
    keys->entries = entries;
    keys->buckets = buckets;
    keys->cap = cap;
    for (uint32_t i = 0; i < keys->n; i++)
        link_entry(keys, i);
    return 0;
}

int ocispec_keys_add(struct ocispec_keys *keys, uint32_t depth, const char *text, size_t len)
{
    uint32_t value = hash(keys->seed, text, len);
    uint32_t i = keys->buckets[value & (keys->cap - 1)];
    int r;

    for (; i; i = keys->entries[i - 1].next) {
        const struct ocispec_key *key = &keys->entries[i - 1];

        if (key->hash == value && key->depth == depth && key->len == len && memcmp(key->text, text, len) == 0)
            return -EEXIST;
    }
    if (keys->n == keys->cap) {
        r = double_room(keys);
        if (r < 0)
            return r;
    }
    keys->entries[keys->n] =
        (struct ocispec_key){.text = text, .len = (uint32_t) len, .depth = depth, .hash = value};
    link_entry(keys, keys->n++);
    return 0;
}

void ocispec_keys_drop(struct ocispec_keys *keys, uint32_t n)
{
    while (keys->n > n) {
        const struct ocispec_key *key = &keys->entries[--keys->n];

        keys->buckets[key->hash & (keys->cap - 1)] = key->next;
    }
}
