/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* userns: ids.conf, requests, windows' parts, owners of ids on the host, sets of ids. */

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "userns/host-ids.h"
#include "userns/host-namespaces.h"
#include "userns/id-config.h"

static struct cf_arena *arena;
static struct cf_err err;

static void begin(void)
{
    arena = cf_arena_new();
    err = (struct cf_err) CF_ERR_INIT;
}

static void end(void)
{
    cf_arena_free(arena);
}

TestSuite(id_config, .init = begin, .fini = end);

static int parse(const char *text, struct cf_ids_config *ret)
{
    char copy[1024];

    snprintf(copy, sizeof(copy), "%s", text);
    return cf_ids_config_parse(copy, "/x/ids.conf", arena, ret, &err);
}

Test(id_config, defaults)
{
    struct cf_ids_config config;

    cr_assert_eq(parse("", &config), 0);
    cr_expect_eq(config.policy, CF_IDS_WARN);
    cr_expect_eq(config.size, 65536);
    cr_expect_eq(config.n_windows, 0);
    cr_expect_null(config.user);
    cr_expect_str_eq(config.trusted[0], "root");
    cr_assert_eq(cf_ids_config_load("/no/such/file", arena, &config, &err), 0);
    /* The built-in window: aligned, behind the others, below 2^31. */
    cr_expect_eq(CF_IDS_WINDOW_FIRST % 65536, 0);
    cr_expect_eq(CF_IDS_WINDOW_COUNT % 65536, 0);
    cr_expect_gt(CF_IDS_WINDOW_FIRST, 2000200000u);
    cr_expect_eq(CF_IDS_WINDOW_FIRST + CF_IDS_WINDOW_COUNT, 2147352576u);
}

Test(id_config, keys)
{
    struct cf_ids_config config;

    cr_assert_eq(parse("# c\n\n policy=enforce \r\nwindow = 5:10\nwindow=100:1\nsize =4096\nuser= bob\ntrusted =\ta  b\n",
                       &config), 0, "%s", err.text);
    cr_expect_eq(config.policy, CF_IDS_ENFORCE);
    cr_expect_eq(config.n_windows, 2);
    cr_expect_eq(config.windows[0].count, 10);
    cr_expect_eq(config.windows[1].first, 100);
    cr_expect_eq(config.size, 4096);
    cr_expect_str_eq(config.user, "bob");
    cr_expect_str_eq(config.trusted[0], "a");
    cr_expect_str_eq(config.trusted[1], "b");
    cr_expect_str_eq(config.trusted[2], "bob");
    cr_expect_null(config.trusted[3]);
}

Test(id_config, mistakes)
{
    static const char *const texts[] = {"policy =", "policy = Warn", "window = 1", "window = a:1", "window = 1:0",
                                        "window = 2147483648:1", "window = 4294967295:1", "size = 0", "size = 1k",
                                        "size = 4294967295", "x = 1", "= 1", "policy", "window = 1:1:1"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct cf_ids_config config;
        char text[128];

        err = (struct cf_err) CF_ERR_INIT;
        snprintf(text, sizeof(text), "\n%s\n", texts[i]);
        cr_expect_eq(parse(text, &config), -EINVAL, "%s", texts[i]);
        cr_expect_str_eq(err.code, "ids-conf");
        cr_expect_not_null(strstr(err.text, "/x/ids.conf:2:"), "%s", err.text);
    }
}

Test(id_config, request)
{
    uint32_t size;

    cr_expect_eq(cf_ids_parse_auto("auto", 7, &size), 0);
    cr_expect_eq(size, 7);
    cr_expect_eq(cf_ids_parse_auto("auto:1", 7, &size), 0);
    cr_expect_eq(size, 1);
    cr_expect_eq(cf_ids_parse_auto("auto:2147483647", 7, &size), 0);
    cr_expect_eq(cf_ids_parse_auto("auto:2147483648", 7, &size), -EINVAL);
    cr_expect_eq(cf_ids_parse_auto("auto:0", 7, &size), -EINVAL);
    cr_expect_eq(cf_ids_parse_auto("auto:", 7, &size), -EINVAL);
    cr_expect_eq(cf_ids_parse_auto("autos", 7, &size), -EINVAL);
    cr_expect_eq(cf_ids_parse_auto("", 7, &size), -EINVAL);
}

static struct cf_idset set_of(const struct cf_subid *ranges, size_t n)
{
    return (struct cf_idset) {.ranges = ranges, .n = n};
}

Test(id_config, sets)
{
    const struct cf_subid a[] = {{100, 100}, {1000, 10}, {0, 1}}, b[] = {{150, 10}, {190, 20}, {1000, 10}, {5, 5}};
    struct cf_idset left = set_of(a, 3), right = set_of(b, 4), rest;
    struct cf_subid common;
    uint64_t total = 0;

    cr_expect_eq(cf_idset_overlap(&left, &right, &common), 0);
    cr_expect_eq(common.first, 150);
    cr_expect_eq(common.count, 10);
    cr_assert_eq(cf_idset_subtract(&left, &right, arena, &rest), 0);
    for (size_t i = 0; i < rest.n; i++)
        total += rest.ranges[i].count;
    cr_expect_eq(total, 50 + 30 + 1);
    cr_expect_eq(cf_idset_overlap(&rest, &right, NULL), -1);
    cr_assert_eq(cf_idset_subtract(&rest, &left, arena, &rest), 0);
    cr_expect_eq(rest.n, 0);
}

Test(id_config, set_ends)
{
    const struct cf_subid top[] = {{4294967290u, 5}}, all[] = {{0, 4294967295u}};
    struct cf_idset a = set_of(top, 1), b = set_of(all, 1), rest;
    char text[CF_SUBID_TEXT_SIZE];

    cr_assert_eq(cf_idset_subtract(&b, &a, arena, &rest), 0);
    cr_assert_eq(rest.n, 1);
    cr_expect_eq(rest.ranges[0].count, 4294967290u);
    cr_expect_str_eq(cf_subid_text(text, &top[0]), "4294967290-4294967294");
    cr_expect_eq(cf_idset_overlap(&a, &b, NULL), 0);
}

static char *file_of(const char *text)
{
    char *path = cf_arena_strdup(arena, "/tmp/coffer-ids-XXXXXX");
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
    close(fd);
    return path;
}

Test(id_config, owners)
{
    const struct cf_subid range[] = {{1000, 10}};
    const char *const trusted[] = {"good", NULL};
    struct cf_hostids_query query = {.uids = set_of(range, 1), .gids = set_of(range, 1), .trusted = trusted};
    struct cf_hostids_files files = {
        .passwd = file_of("root:x:0:0::/:\nalice:x:1005:1::/:\n+nis\n\n#x:x:1001:1\nbob:x:1:1009::/:\nbad\nbad2\n"),
        .group = file_of("users:x:1000:\nabove:x:1010:"),
        .subuid = file_of("good:1000:10\neve:900:200\neve:5:5\neve:1:2:3\neve:4294967295:1\n"),
        .subgid = "/no/such/file",
    };
    struct cf_hostids found;

    cr_assert_eq(cf_hostids_find(&files, &query, arena, &found, &err), 0);
    cr_assert_eq(found.n, 4);
    cr_expect_str_eq(found.items[0].name, "alice");
    cr_expect(!found.items[0].gid);
    cr_expect_str_eq(found.items[1].name, "bob");
    cr_expect(found.items[1].gid);
    cr_expect_str_eq(found.items[2].name, "users");
    cr_expect_str_eq(found.items[3].name, "eve");
    cr_expect(found.items[3].subid);
    cr_expect_eq(found.items[3].ids.first, 1000);
    cr_expect_eq(found.items[3].whole.first, 900);
    cr_assert_eq(found.n_bad, 2);
    cr_expect_eq(found.bad[0].line, 7);
    cr_expect_str_eq(found.bad[1].file, files.subuid);
    cr_expect_eq(found.bad[1].line, 4);
    unlink(files.passwd);
    unlink(files.group);
    /* Larger than anybody's: not read to its end. */
    cr_assert_eq(truncate(files.subuid, 100 << 20), 0);
    cr_assert_eq(cf_hostids_find(&files, &query, arena, &found, &err), 0);
    cr_expect_eq(found.n, 0);
    cr_assert_eq(found.n_bad, 1);
    cr_expect_eq(found.bad[0].error, -EFBIG);
    unlink(files.subuid);
}

Test(id_config, own_namespace_is_not_found)
{
    const struct cf_subid all[] = {{0, 4294967295u}};
    struct cf_hostns_query query = {.uids = set_of(all, 1), .gids = set_of(all, 1)};
    struct cf_hostns *found;
    size_t n = 0;

    cr_assert_eq(cf_hostns_find(&query, arena, &found, &n, &err), 0, "%s", err.text);
    for (size_t i = 0; i < n; i++) {
        cr_expect_neq(found[i].pid, getpid());
        cr_expect_gt(found[i].uids.n + found[i].gids.n, 0);
    }
}
