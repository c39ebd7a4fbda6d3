/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* SHA-256, written from FIPS 180-4. Host side. */

#include "base/sha256.h"

#include <string.h>

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t ror(uint32_t x, unsigned int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_be32(const unsigned char *p)
{
    return (uint32_t) p[0] << 24 | (uint32_t) p[1] << 16 | (uint32_t) p[2] << 8 | p[3];
}

static void store_be32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char) (v >> 24);
    p[1] = (unsigned char) (v >> 16);
    p[2] = (unsigned char) (v >> 8);
    p[3] = (unsigned char) v;
}

static void compress(uint32_t state[8], const unsigned char block[64])
{
    uint32_t w[64], v[8];

    for (size_t i = 0; i < 16; i++)
        w[i] = load_be32(block + 4 * i);
    for (size_t i = 16; i < 64; i++) {
        uint32_t s0 = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ (w[i - 15] >> 3);
        uint32_t s1 = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ (w[i - 2] >> 10);

        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, state, sizeof(v));
    for (size_t i = 0; i < 64; i++) {
        uint32_t sum1 = ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + sum1 + choice + k[i] + w[i];
        uint32_t sum0 = ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);

        memmove(v + 1, v, 7 * sizeof(v[0]));
        v[4] += t1;
        v[0] = t1 + sum0 + majority;
    }
    for (size_t i = 0; i < 8; i++)
        state[i] += v[i];
}

void cf_sha256_init(struct cf_sha256 *ctx)
{
    static const uint32_t start[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
        0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };

    memcpy(ctx->state, start, sizeof(start));
    ctx->n_bytes = 0;
}

void cf_sha256_update(struct cf_sha256 *ctx, const void *data, size_t len)
{
    const unsigned char *p = data;

    while (len > 0) {
        size_t have = ctx->n_bytes % sizeof(ctx->block);
        size_t n = sizeof(ctx->block) - have;

        if (n > len)
            n = len;
        memcpy(ctx->block + have, p, n);
        ctx->n_bytes += n;
        p += n;
        len -= n;
        if (have + n == sizeof(ctx->block))
            compress(ctx->state, ctx->block);
    }
}

void cf_sha256_final(struct cf_sha256 *ctx, unsigned char ret[CF_SHA256_SIZE])
{
    static const unsigned char padding[64] = {0x80};
    uint64_t n_bits = ctx->n_bytes * 8;
    size_t have = ctx->n_bytes % 64;
    unsigned char length[8];

    cf_sha256_update(ctx, padding, have < 56 ? 56 - have : 120 - have);
    store_be32(length, (uint32_t) (n_bits >> 32));
    store_be32(length + 4, (uint32_t) n_bits);
    cf_sha256_update(ctx, length, sizeof(length));
    for (size_t i = 0; i < 8; i++)
        store_be32(ret + 4 * i, ctx->state[i]);
}

void cf_sha256_hex(const unsigned char digest[CF_SHA256_SIZE], char ret[CF_SHA256_HEX_SIZE])
{
    for (size_t i = 0; i < CF_SHA256_SIZE; i++) {
        ret[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        ret[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    ret[CF_SHA256_HEX_SIZE - 1] = '\0';
}

void cf_sha256_text(const void *data, size_t len, char ret[CF_SHA256_HEX_SIZE])
{
    unsigned char digest[CF_SHA256_SIZE];
    struct cf_sha256 ctx;

    cf_sha256_init(&ctx);
    cf_sha256_update(&ctx, data, len);
    cf_sha256_final(&ctx, digest);
    cf_sha256_hex(digest, ret);
}
