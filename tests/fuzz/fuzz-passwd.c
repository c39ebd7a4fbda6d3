/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: the container's /etc/passwd. The first two bytes are the wanted id, the third the size of the
 * pieces it is read in: in whatever pieces, the answer is the same, terminated, and without a line break.
 */

#include "fuzz.h"

#include "init/init-internal.h"

static int scan(const char *text, size_t size, uint32_t uid, size_t piece, char *home, size_t home_size)
{
    struct cf_passwd_scan s;

    memset(home, 'x', home_size);
    cf_passwd_scan_begin(&s, uid, home, home_size);
    for (size_t at = 0; at < size; at += piece)
        if (cf_passwd_scan_feed(&s, text + at, size - at < piece ? size - at : piece))
            return 1;
    return cf_passwd_scan_end(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text, whole[64], pieces[64];
    uint32_t uid;
    size_t piece;
    int found;

    if (size < 3)
        return 0;
    uid = (uint32_t) (data[0] | data[1] << 8);
    piece = data[2] ? data[2] : 1;
    text = fuzz_text(data + 3, size - 3);
    found = scan(text, size - 3, uid, size, whole, sizeof(whole));
    FUZZ_ASSERT(found == scan(text, size - 3, uid, piece, pieces, sizeof(pieces)));
    if (found) {
        FUZZ_ASSERT(memchr(whole, '\0', sizeof(whole)) && strcmp(whole, pieces) == 0);
        FUZZ_ASSERT(!strchr(whole, '\n') && !strchr(whole, ':'));
    }
    free(text);
    return 0;
}
