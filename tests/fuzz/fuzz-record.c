/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libFuzzer target: any bytes as state.json. What is accepted is written and read again as the same. */

#include "fuzz.h"

#include "base/arena.h"
#include "state/state-internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_arena *arena = cf_arena_new();
    char *text = fuzz_text(data, size), *once = NULL, *twice = NULL;
    size_t once_len, twice_len;
    struct cf_err err = CF_ERR_INIT;
    struct cf_record record = {0};
    int r;

    FUZZ_ASSERT(arena);
    r = cf_record_parse(text, size, "c1", arena, &record, &err);
    if (r < 0) {
        FUZZ_ASSERT(err.kind == COFFER_ERROR_STATE && err.code[0] && err.text[0]);
    } else {
        FUZZ_ASSERT(cf_record_format(&record, &once, &once_len, &err) == 0);
        FUZZ_ASSERT(cf_record_parse(once, once_len, "c1", arena, &record, &err) == 0);
        FUZZ_ASSERT(cf_record_format(&record, &twice, &twice_len, &err) == 0);
        FUZZ_ASSERT(once_len == twice_len && memcmp(once, twice, once_len) == 0);
    }
    free(once);
    free(twice);
    free(text);
    cf_arena_free(arena);
    return 0;
}
