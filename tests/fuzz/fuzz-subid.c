/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: files and texts about ids, chosen by the first byte: /etc/subuid, the ledger's ids.conf, the
 * mapping of a mount option, `auto:SIZE`, /etc/passwd of the host. Ranges that are accepted do not wrap.
 */

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "userns/id-config.h"
#include "userns/idmap.h"
#include "userns/subid.h"

static void check_ranges(const struct cf_subid *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        FUZZ_ASSERT(ranges[i].count > 0 && (uint64_t) ranges[i].first + ranges[i].count <= UINT64_C(1) << 32);
}

static void from_file(const char *text, size_t size, bool passwd, struct cf_arena *arena)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_subid *ranges = NULL;
    const char *name = NULL;
    char path[64];
    size_t n = 0;
    int fd = memfd_create("ids", MFD_CLOEXEC);

    FUZZ_ASSERT(fd >= 0 && write(fd, text, size) == (ssize_t) size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (passwd)
        (void) cf_subid_user_name(path, 1000, arena, &name);
    else if (cf_subid_load_named(path, 1000, "ada", arena, &ranges, &n, &err) >= 0)
        check_ranges(ranges, n);
    else
        FUZZ_ASSERT(err.code[0] && err.text[0]);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_ids_config config = {0};
    struct cf_err err = CF_ERR_INIT;
    struct cf_idmap map = {0};
    uint32_t length = 0;
    char *text;

    FUZZ_ASSERT(arena);
    text = fuzz_text(size ? data + 1 : data, size ? size - 1 : 0);
    switch (size ? data[0] % 5 : 0) {
    case 0:
        from_file(text, strlen(text), false, arena);
        break;
    case 1:
        from_file(text, strlen(text), true, arena);
        break;
    case 2:
        if (cf_ids_config_parse(text, "ids.conf", arena, &config, &err) >= 0)
            check_ranges(config.windows, config.n_windows);
        else
            FUZZ_ASSERT(err.code[0] && err.text[0]);
        break;
    case 3:
        if (cf_idmap_parse(text, arena, &map) >= 0)
            (void) cf_idmap_check(&map, "map", &err);
        break;
    default:
        if (cf_ids_parse_auto(text, 65536, &length) >= 0)
            FUZZ_ASSERT(length > 0);
    }
    free(text);
    cf_arena_free(arena);
    return 0;
}
