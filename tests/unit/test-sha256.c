/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* base/sha256 against the examples of FIPS 180-4, base/clock against known times. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/sha256.h"

Test(sha256, examples)
{
    char hex[CF_SHA256_HEX_SIZE];

    cf_sha256_text("", 0, hex);
    cr_expect_str_eq(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    cf_sha256_text("abc", 3, hex);
    cr_expect_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cf_sha256_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    cr_expect_str_eq(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

Test(sha256, million_in_odd_pieces)
{
    unsigned char digest[CF_SHA256_SIZE], piece[997];
    char hex[CF_SHA256_HEX_SIZE];
    struct cf_sha256 ctx;
    size_t left = 1000000;

    memset(piece, 'a', sizeof(piece));
    cf_sha256_init(&ctx);
    for (size_t n = 1; left > 0; n = n % sizeof(piece) + 1) {
        size_t k = n < left ? n : left;

        cf_sha256_update(&ctx, piece, k);
        left -= k;
    }
    cf_sha256_final(&ctx, digest);
    cf_sha256_hex(digest, hex);
    cr_expect_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

Test(clock, rfc3339)
{
    static const struct {
        int64_t seconds;
        uint32_t ns;
        const char *want;
    } rows[] = {
        {0, 0, "1970-01-01T00:00:00.000000000Z"},
        {951782400, 5, "2000-02-29T00:00:00.000000005Z"},
        {1709251199, 999999999, "2024-02-29T23:59:59.999999999Z"},
        {1709251200, 0, "2024-03-01T00:00:00.000000000Z"},
        {4107542399, 0, "2100-02-28T23:59:59.000000000Z"},
        {4107542400, 0, "2100-03-01T00:00:00.000000000Z"},
        {-1, 0, "1969-12-31T23:59:59.000000000Z"},
    };
    char buf[CF_CLOCK_TEXT_SIZE];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect(eq(sz, cf_clock_rfc3339(buf, rows[i].seconds, rows[i].ns), 30));
        cr_expect_str_eq(buf, rows[i].want);
    }
    cr_expect(eq(sz, cf_clock_rfc3339_now(buf), 30));
    cr_expect(gt(i64, cf_clock_monotonic_ns(), 0));
}
