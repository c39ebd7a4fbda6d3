/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mount/mount-idmap-plan: mappings of entries, options idmap and ridmap, which mounts share a map. */

#include <criterion/criterion.h>
#include <errno.h>

#include "mount/mount.h"
#include "plan-fixture.h"
#include "sys/mountfd.h"

#define USERNS                                                                                                        \
    ",\"linux\":{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}],"                                           \
    "\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":1000},"                                            \
    "{\"containerID\":1000,\"hostID\":300000,\"size\":10}],"                                                           \
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":200000,\"size\":65536}]}"
#define NO_USERNS ",\"linux\":{\"namespaces\":[{\"type\":\"mount\"}]}"
#define CONFIG(mounts, linux) "{\"ociVersion\":\"1.0.0\",\"mounts\":[" mounts "]" linux "}"
#define BIND(rest) "{\"destination\":\"/m\",\"source\":\"/s\"" rest "}"
#define OPTIONS(list) ",\"options\":[" list "]"
#define RANGE(c, h, n) "{\"containerID\":" #c ",\"hostID\":" #h ",\"size\":" #n "}"
#define UIDS(list) ",\"uidMappings\":[" list "]"
#define GIDS(list) ",\"gidMappings\":[" list "]"
#define BOTH UIDS(RANGE(0, 5000, 10)) GIDS(RANGE(0, 6000, 10))

static int plan(struct plan_test *p, const char *json)
{
    plan_test_init(p, json);
    plan_test_base(p);
    if (p->spec.config->linux->n_namespaces)
        cf_blob_header(p->plan.blob)->flags |= CF_BLOB_MOUNTNS;
    return cf_mount_plan_build(&p->in, &p->plan, &p->err);
}

static void expect_range(const struct cf_idmap *map, size_t i, uint32_t container, uint32_t host, uint32_t size)
{
    cr_assert_gt(map->n, i);
    cr_expect_eq(map->ranges[i].container_id, container);
    cr_expect_eq(map->ranges[i].host_id, host);
    cr_expect_eq(map->ranges[i].size, size);
}

Test(mount_idmap, lists_apply_without_the_option)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG(BIND(OPTIONS("\"rbind\"") BOTH), NO_USERNS)));
    cr_assert_eq(p.plan.n_idmaps, 1);
    expect_range(&p.plan.idmaps[0].uids, 0, 0, 5000, 10);
    expect_range(&p.plan.idmaps[0].gids, 0, 0, 6000, 10);
    cr_expect_not(p.plan.idmaps[0].container);
    cr_expect_str_eq(p.plan.idmaps[0].field, "mounts[0].uidMappings");
    cr_expect_eq(p.plan.sources[1].idmap, 1);
    cr_expect_not(p.plan.sources[1].idmap_recursive);
    cr_expect_str_eq(p.plan.sources[1].target, "/m");
    cr_expect_null(p.plan.sources[1].exposed, "root of the host needs no map for that");
    plan_test_done(&p);
}

Test(mount_idmap, recursive_only_with_rbind)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG(BIND(OPTIONS("\"rbind\",\"ridmap\"") BOTH) ","
                                  BIND(OPTIONS("\"bind\",\"ridmap\"") BOTH) ","
                                  BIND(OPTIONS("\"rbind\",\"idmap\"") BOTH), NO_USERNS)));
    cr_expect_eq(p.plan.n_idmaps, 1);
    cr_expect(p.plan.sources[1].idmap_recursive);
    cr_expect_not(p.plan.sources[2].idmap_recursive);
    cr_expect_not(p.plan.sources[3].idmap_recursive);
    plan_test_done(&p);
}

Test(mount_idmap, the_containers_own_map)
{
    struct plan_test p;

    /* No mapping, an empty one, and the same ranges cut otherwise. */
    EXPECT_OK(&p, plan(&p, CONFIG(BIND(OPTIONS("\"bind\",\"idmap\"")) ","
                                  BIND(OPTIONS("\"bind\",\"idmap=\"") UIDS("") GIDS("")) ","
                                  BIND(OPTIONS("\"bind\"") UIDS(RANGE(1000, 300000, 10) "," RANGE(0, 100000, 999)
                                       "," RANGE(999, 100999, 1)) GIDS(RANGE(0, 200000, 65536))) ","
                                  BIND(OPTIONS("\"bind\",\"idmap=uids=@0-0-1010;gids=@0-0-65536\"")) ","
                                  BIND(OPTIONS("\"bind\"") BOTH), USERNS)));
    cr_assert_eq(p.plan.n_idmaps, 2);
    cr_expect(p.plan.idmaps[0].container);
    for (size_t i = 1; i <= 4; i++)
        cr_expect_eq(p.plan.sources[i].idmap, 1, "source %zu", i);
    cr_expect_not(p.plan.idmaps[1].container);
    cr_expect_eq(p.plan.sources[5].idmap, 2);
    cr_expect_not_null(p.plan.sources[1].exposed);
    cr_expect_null(p.plan.sources[5].exposed, "id 5000 is not the container's");
    cr_expect_eq(plan_test_warnings(&p), 0);
    plan_test_done(&p);
}

Test(mount_idmap, nothing_is_exposed_read_only_or_without_id_0)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG(BIND(OPTIONS("\"bind\",\"idmap\",\"ro\"")) ","
                                  BIND(OPTIONS("\"rbind\",\"idmap\",\"rro\"")) ","
                                  BIND(OPTIONS("\"bind\",\"idmap=uids=1000-100000-5;gids=0-200000-1\"")), USERNS)));
    cr_expect_null(p.plan.sources[1].exposed);
    cr_expect_null(p.plan.sources[2].exposed);
    cr_expect_null(p.plan.sources[3].exposed);
    plan_test_done(&p);
}

Test(mount_idmap, option_with_ranges)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG(BIND(OPTIONS("\"bind\",\"idmap=gids=7-8-9;uids=0-1-10#@10-998-5#4000000000-77-1\"")),
                                  USERNS)));
    cr_assert_eq(p.plan.n_idmaps, 1);
    cr_assert_eq(p.plan.idmaps[0].uids.n, 4);
    expect_range(&p.plan.idmaps[0].uids, 0, 0, 1, 10);
    plan_test_done(&p);
}

Test(mount_idmap, relative_ranges_are_cut_at_the_ranges_of_the_container)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG(BIND(OPTIONS("\"bind\",\"idmap=uids=0-1-10#@10-998-5;gids=@7-8-9\"")), USERNS)));
    cr_assert_eq(p.plan.idmaps[0].uids.n, 3);
    expect_range(&p.plan.idmaps[0].uids, 0, 0, 1, 10);
    expect_range(&p.plan.idmaps[0].uids, 1, 10, 100998, 2);
    expect_range(&p.plan.idmaps[0].uids, 2, 12, 300000, 3);
    expect_range(&p.plan.idmaps[0].gids, 0, 7, 200008, 9);
    plan_test_done(&p);
}

Test(mount_idmap, new_file_systems)
{
    struct plan_test p;

#define FS(type, rest) "{\"destination\":\"/m\",\"type\":\"" type "\",\"source\":\"dev\"" rest "}"
    /* What init makes is mapped as the container is; anything else the host has to make. */
    EXPECT_OK(&p, plan(&p, CONFIG(FS("tmpfs", OPTIONS("\"idmap\",\"uid=7\"")), USERNS)));
    cr_expect_eq(p.plan.n_sources, 2); /* root, and /dev, which has no mount here */
    cr_expect_eq(p.plan.sources[1].kind, CF_SOURCE_DEV);
    (void) plan_test_dump(&p);
    EXPECT_IN(&p, "mount[0] fs target=\"/m\"");
    plan_test_done(&p);

    EXPECT_OK(&p, plan(&p, CONFIG(FS("ext4", OPTIONS("\"idmap\",\"ro\",\"noload\",\"errors=panic\"")), USERNS)));
    cr_assert_eq(p.plan.n_sources, 3);
    cr_expect_eq(p.plan.sources[1].kind, CF_SOURCE_FS);
    cr_expect_str_eq(p.plan.sources[1].fstype, "ext4");
    cr_expect_str_eq(p.plan.sources[1].path, "dev");
    cr_expect_eq(p.plan.sources[1].n_params, 3); /* ro of the file system too */
    cr_expect_str_eq(p.plan.sources[1].params[2].value, "panic");
    cr_expect(p.plan.sources[1].attr_set & MOUNT_ATTR_RDONLY);
    cr_expect(p.plan.sources[1].rec_attr_set & MOUNT_ATTR_NOSUID, "rule U5");
    cr_expect_eq(p.plan.sources[1].idmap, 1);
    (void) plan_test_dump(&p);
    EXPECT_IN(&p, "mount[0] tree target=\"/m\"");
    plan_test_done(&p);

    EXPECT_OK(&p, plan(&p, CONFIG(FS("tmpfs", OPTIONS("\"tmpcopyup\",\"ro\"") BOTH), NO_USERNS)));
    cr_assert_eq(p.plan.n_sources, 2);
    cr_expect_not(p.plan.sources[1].attr_set & MOUNT_ATTR_RDONLY, "the copy comes first");
    (void) plan_test_dump(&p);
    EXPECT_IN(&p, "mount[0] tree target=\"/m\"");
    EXPECT_IN(&p, "copyup");
    EXPECT_IN(&p, "set=rdonly");
    plan_test_done(&p);
}

struct refusal {
    const char *json, *code, *field, *text;
};

Test(mount_idmap, refusals)
{
    static const struct refusal cases[] = {
        {CONFIG(BIND(OPTIONS("\"bind\"") UIDS(RANGE(0, 1, 1))), USERNS), "mount-idmap-both", "mounts[0].gidMappings",
         "id-mapped mounts must have both uid and gid mappings specified"},
        {CONFIG(BIND(OPTIONS("\"bind\",\"idmap\"") GIDS(RANGE(0, 1, 1))), USERNS), "mount-idmap-both",
         "mounts[0].uidMappings", "id-mapped mounts must have both uid and gid mappings specified"},
        {CONFIG(BIND(OPTIONS("\"bind\",\"idmap=gids=0-1-1\"")), USERNS), "mount-idmap-both", "mounts[0].options[1]",
         "id-mapped mounts must have both uid and gid mappings specified"},
        {CONFIG(BIND(OPTIONS("\"bind\",\"idmap\"")), NO_USERNS), "mount-idmap-none", "mounts[0].options[1]",
         "or a user namespace"},
        {CONFIG(BIND(OPTIONS("\"bind\",\"idmap=uids=@0-0-1;gids=0-0-1\"")), NO_USERNS), "mount-idmap-none",
         "mounts[0].options[1]", "`uids`: `@`"},
        {CONFIG(BIND(OPTIONS("\"bind\"") UIDS(RANGE(0, 1, 1) "," RANGE(1, 1, 1)) GIDS(RANGE(0, 1, 1))), USERNS),
         "idmap-overlap", "mounts[0].uidMappings[1].hostID", "used by entry 0"},
        {CONFIG(BIND(OPTIONS("\"bind\"") UIDS(RANGE(0, 1, 1)) GIDS(RANGE(0, 4294967290, 9))), USERNS), "idmap-wrap",
         "mounts[0].gidMappings[0].hostID", "4294967294"},
        {CONFIG(BIND(OPTIONS("\"bind\"") UIDS(RANGE(0, 1, 0)) GIDS(RANGE(0, 1, 1))), USERNS), "idmap-size",
         "mounts[0].uidMappings[0].size", "must not be 0"},
        {CONFIG(BIND(OPTIONS("\"bind\",\"idmap=uids=0-1-1#0-5-1;gids=0-1-1\"")), USERNS), "idmap-overlap",
         "mounts[0].options[1]", "uids[1].containerID"},
        {CONFIG(BIND(OPTIONS("\"bind\",\"idmap=uids=@0-1005-9;gids=0-1-1\"")), USERNS), "mount-idmap-relative",
         "mounts[0].options[1]", "`uids`"},
        {CONFIG(BIND(OPTIONS("\"bind\",\"idmap=uids=@0-0-0;gids=0-1-1\"")), USERNS), "idmap-size",
         "mounts[0].options[1]", "`uids`"},
        {CONFIG(BIND(OPTIONS("\"remount\",\"idmap\"")), USERNS), "mount-idmap-remount", "mounts[0].options[1]",
         "mounted already"},
        {CONFIG(BIND(OPTIONS("\"bind\",\"idmap=uids=0-1-1;gids=0-1-1\"") BOTH), USERNS), "mount-idmap-syntax",
         "mounts[0].options[1]", "already"},
        {CONFIG("{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"" OPTIONS("\"idmap\"") "}", USERNS),
         "mount-idmap-fs", "mounts[0].type", "`proc` at `/proc`"},
        {CONFIG("{\"destination\":\"/c\",\"type\":\"cgroup\",\"source\":\"c\"" OPTIONS("\"idmap\"") "}", USERNS),
         "mount-idmap-fs", "mounts[0].type", "`cgroup` at `/c`"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plan_test p;

        EXPECT_ERROR(&p, plan(&p, cases[i].json), cases[i].field, cases[i].text);
        cr_expect_str_eq(p.err.code, cases[i].code, "case %zu: %s", i, p.err.code);
        plan_test_done(&p);
    }
}

Test(mount_idmap, syntax)
{
    static const char *const texts[] = {
        "x", "uids", "uids=", "uids=;gids=", "uids=0;gids=0-1-1", "uids=0-1;gids=0-1-1", "uids=0-1-1#;gids=0-1-1",
        "uids=0-1-1,1-2-1;gids=0-1-1", "uids=0-1-1;;gids=0-1-1", "uids=0-1-1;uids=0-1-1;gids=0-1-1",
        "uids=0-1--1;gids=0-1-1", "uids=-1-1-1;gids=0-1-1", "uids=0x0-1-1;gids=0-1-1", "uids= 0-1-1;gids=0-1-1",
        "uids=4294967296-1-1;gids=0-1-1", "uids=99999999999999999999999-1-1;gids=0-1-1", "uids=@@0-1-1;gids=0-1-1",
        "uids=0-1-1@;gids=0-1-1", "pids=0-1-1;gids=0-1-1", "uids=#0-1-1;gids=0-1-1", "uids=0-1-1-1;gids=0-1-1",
    };
    char json[1024];

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct plan_test p;

        (void) snprintf(json, sizeof(json), CONFIG(BIND(OPTIONS("\"bind\",\"idmap=%s\"")), USERNS), texts[i]);
        cr_expect_lt(plan(&p, json), 0, "%s", texts[i]);
        cr_expect_str_eq(p.err.code, "mount-idmap-syntax", "%s: %s", texts[i], p.err.code);
        cr_expect_str_eq(p.err.field, "mounts[0].options[1]", "%s", texts[i]);
        plan_test_done(&p);
    }
}

Test(mount_idmap, too_many_ranges)
{
    char json[16384] = "{\"ociVersion\":\"1.0.0\",\"mounts\":[{\"destination\":\"/m\",\"source\":\"/s\",\"options\":"
                       "[\"bind\",\"idmap=gids=0-1-1;uids=";
    size_t n = strlen(json);
    struct plan_test p;

    for (unsigned int i = 0; i < 341; i++)
        n += (size_t) snprintf(json + n, sizeof(json) - n, "%s%u-%u-1", i ? "#" : "", i * 2, i * 2 + 1);
    (void) snprintf(json + n, sizeof(json) - n, "\"]}]%s}", NO_USERNS);
    cr_expect_lt(plan(&p, json), 0);
    cr_expect_str_eq(p.err.code, "idmap-too-many");
    plan_test_done(&p);
}

Test(mount_idmap, without_privileges)
{
    struct plan_test p;

    plan_test_init(&p, CONFIG(BIND(OPTIONS("\"bind\",\"idmap\"")), USERNS));
    plan_test_base(&p);
    p.facts.cap_effective = 0;
    cf_blob_header(p.plan.blob)->flags |= CF_BLOB_MOUNTNS;
    EXPECT_ERROR(&p, cf_mount_plan_build(&p.in, &p.plan, &p.err), "mounts[0].options[1]", "CAP_SYS_ADMIN");
    cr_expect_str_eq(p.err.code, "mount-idmap-rootless");
    cr_expect_eq(p.err.kind, COFFER_ERROR_PERMISSION);
    plan_test_done(&p);

    /* A tmpfs of the container's own is as it should be anyhow. */
    plan_test_init(&p, CONFIG(FS("tmpfs", OPTIONS("\"idmap\"")), USERNS));
    plan_test_base(&p);
    p.facts.cap_effective = 0;
    cf_blob_header(p.plan.blob)->flags |= CF_BLOB_MOUNTNS;
    EXPECT_OK(&p, cf_mount_plan_build(&p.in, &p.plan, &p.err));
    plan_test_done(&p);
}
