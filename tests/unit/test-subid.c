/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* userns/subid: files of subordinate ids. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "userns/subid.h"

static char path[] = "/tmp/coffer-subid-XXXXXX";

static void write_file(const char *text)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert(eq(long, write(fd, text, strlen(text)), (long) strlen(text)));
    (void) close(fd);
}

Test(subid, load)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_subid *ids = NULL;
    size_t n = 9;

    write_file("alice:100000:65536\n"
               "# comment\n"
               "1000:300000:10\n"
               "alice:bad:1\n"
               "alice:1:2:3\n"
               "alice:400000:0\n"
               "alice\n\n"
               "bob:200000:65536\n"
               "10000:1:1\n"
               "8:4294967290:100\n"
               "alice:165536:5");
    cr_assert(eq(int, cf_subid_load_named(path, 1000, "alice", arena, &ids, &n, &err), 0));
    cr_assert(eq(sz, n, 3));
    cr_expect(eq(u32, ids[0].first, 100000));
    cr_expect(eq(u32, ids[1].first, 300000));
    cr_expect(eq(u32, ids[2].count, 5));
    cr_expect(cf_subid_covers(ids, n, 100000, 65541));
    cr_expect(not(cf_subid_covers(ids, n, 100000, 65542)));
    cr_expect(not(cf_subid_covers(ids, n, 99999, 2)));
    cr_expect(cf_subid_covers(ids, n, 300009, 1));
    cr_expect(not(cf_subid_covers(ids, n, 300009, 2)));
    cr_expect(not(cf_subid_covers(ids, n, 300000, UINT32_MAX)));
    cr_expect(eq(sz, cf_subid_bad_line(path, 1000, "alice"), 4));
    cr_expect(eq(sz, cf_subid_bad_line(path, 1000, NULL), 0));
    cr_expect(eq(sz, cf_subid_bad_line(path, 7, "bob"), 0));
    cr_expect(eq(sz, cf_subid_bad_line(path, 8, NULL), 11));
    cr_assert(eq(int, cf_subid_load_named(path, 1000, NULL, arena, &ids, &n, &err), 0));
    cr_expect(eq(sz, n, 1));
    cr_assert(eq(int, cf_subid_load_named(path, 7, "al", arena, &ids, &n, &err), 0));
    cr_expect(eq(sz, n, 0));
    (void) unlink(path);
    cr_expect(eq(sz, cf_subid_bad_line(path, 7, NULL), 0));
    cr_assert(eq(int, cf_subid_load_named(path, 7, "al", arena, &ids, &n, &err), 0));
    cr_expect(eq(sz, n, 0));
    cf_arena_free(arena);
}

Test(subid, user_name)
{
    struct cf_arena *arena = cf_arena_new();
    const char *name = NULL;

    write_file("root:x:0:0:root:/root:/bin/sh\n:x:5:5::/:\nalice:x:1000:1000::/:\n");
    cr_assert(eq(int, cf_subid_user_name(path, 1000, arena, &name), 0));
    cr_expect_str_eq(name, "alice");
    cr_assert(eq(int, cf_subid_user_name(path, 5, arena, &name), 0));
    cr_expect_null(name);
    cr_assert(eq(int, cf_subid_user_name(path, 1001, arena, &name), 0));
    cr_expect_null(name);
    (void) unlink(path);
    cf_arena_free(arena);
}
