/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* SHA-256 (FIPS 180-4), for cache keys and names. No allocation. */

#include <stddef.h>
#include <stdint.h>

#define CF_SHA256_SIZE 32
#define CF_SHA256_HEX_SIZE 65

struct cf_sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    unsigned char block[64];
};

void cf_sha256_init(struct cf_sha256 *ctx);
void cf_sha256_update(struct cf_sha256 *ctx, const void *data, size_t len);
/** The context is used up. */
void cf_sha256_final(struct cf_sha256 *ctx, unsigned char ret[CF_SHA256_SIZE]);
/** Lower case, terminated. */
void cf_sha256_hex(const unsigned char digest[CF_SHA256_SIZE], char ret[CF_SHA256_HEX_SIZE]);
/** Of one piece of memory, as text. */
void cf_sha256_text(const void *data, size_t len, char ret[CF_SHA256_HEX_SIZE]);
