/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cgroup/res: linux.resources -> files and values. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>

#include "cgroup/res.h"
#include "host-fixture.h"

#define RESOURCES(text) "{\"ociVersion\":\"1.0.2\",\"linux\":{\"resources\":{" text "}}}"

/* The writes as one text: "file=value;". */
static void expect(const char *resources, enum cf_cgroup_mode mode, const char *wanted)
{
    struct fixture f;
    char text[2048] = "", json[2048];

    (void) snprintf(json, sizeof(json), RESOURCES("%s"), resources);
    fixture_init(&f, json);
    f.facts.cgroup_mode = mode;
    cr_assert(eq(int, cf_cgroup_plan_build(&f.in, &f.plan, CF_CGROUP_MANAGER_CGROUPFS, &f.err), 0),
              "%s", resources);
    for (size_t i = 0; i < f.plan.cgroup.n_writes; i++) {
        size_t len = strlen(text);

        (void) snprintf(text + len, sizeof(text) - len, "%s=%s;", f.plan.cgroup.writes[i].file,
                        f.plan.cgroup.writes[i].value);
    }
    cr_expect_str_eq(text, wanted, "%s: %s", resources, text);
    fixture_done(&f);
}

Test(cgroup_res, v2)
{
    expect("\"memory\":{\"limit\":1000,\"swap\":1500,\"reservation\":500}", CF_CGROUP_MODE_V2,
           "memory.max=1000;memory.swap.max=500;memory.low=500;");
    expect("\"memory\":{\"limit\":1000,\"swap\":1000}", CF_CGROUP_MODE_V2,
           "memory.max=1000;memory.swap.max=0;");
    expect("\"memory\":{\"limit\":1000,\"swap\":-1}", CF_CGROUP_MODE_V2,
           "memory.max=1000;memory.swap.max=max;");
    expect("\"memory\":{\"limit\":-1}", CF_CGROUP_MODE_V2,
           "memory.max=max;memory.swap.max=max;");
    expect("\"memory\":{\"limit\":0,\"swap\":0,\"reservation\":0,\"kernel\":0,\"swappiness\":60,"
           "\"disableOOMKiller\":false,\"useHierarchy\":true},\"cpu\":{\"shares\":0,\"quota\":0,"
           "\"period\":0,\"realtimeRuntime\":0,\"realtimePeriod\":0,\"cpus\":\"\",\"mems\":\"\"},"
           "\"blockIO\":{\"weight\":0,\"leafWeight\":0},\"network\":{\"classID\":0,"
           "\"priorities\":[]},\"hugepageLimits\":[],\"unified\":{},\"rdma\":{}",
           CF_CGROUP_MODE_V2, "");
    expect("\"pids\":{\"limit\":100}", CF_CGROUP_MODE_V2, "pids.max=100;");
    expect("\"pids\":{\"limit\":0}", CF_CGROUP_MODE_V2, "pids.max=1;");
    expect("\"pids\":{\"limit\":-1}", CF_CGROUP_MODE_V2, "pids.max=max;");
    expect("\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000,\"burst\":1000,"
           "\"cpus\":\"0-3,5\",\"mems\":\"0\",\"idle\":1}",
           CF_CGROUP_MODE_V2,
           "cpuset.cpus=0-3,5;cpuset.mems=0;cpu.weight=100;cpu.idle=1;cpu.max=50000 100000;"
           "cpu.max.burst=1000;");
    expect("\"cpu\":{\"quota\":5000}", CF_CGROUP_MODE_V2, "cpu.max=5000 100000;");
    expect("\"cpu\":{\"quota\":-1}", CF_CGROUP_MODE_V2, "cpu.max=max 100000;");
    expect("\"cpu\":{\"period\":20000}", CF_CGROUP_MODE_V2, "cpu.max=max 20000;");
}

Test(cgroup_res, v1)
{
    expect("\"memory\":{\"limit\":1000,\"swap\":1500,\"reservation\":500,\"swappiness\":0,"
           "\"disableOOMKiller\":true}",
           CF_CGROUP_MODE_V1,
           "memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=1500;"
           "memory.soft_limit_in_bytes=500;memory.swappiness=0;memory.oom_control=1;");
    expect("\"memory\":{\"limit\":-1}", CF_CGROUP_MODE_V1,
           "memory.limit_in_bytes=-1;memory.memsw.limit_in_bytes=-1;");
    expect("\"cpu\":{\"shares\":512,\"quota\":-1,\"period\":50000,\"cpus\":\"0\",\"mems\":\"0\"}",
           CF_CGROUP_MODE_V1,
           "cpuset.cpus=0;cpuset.mems=0;cpu.shares=512;cpu.cfs_period_us=50000;"
           "cpu.cfs_quota_us=-1;");
    expect("\"pids\":{\"limit\":0}", CF_CGROUP_MODE_V1, "pids.max=1;");
}

Test(cgroup_res, refused)
{
    static const struct {
        const char *resources;
        enum cf_cgroup_mode mode;
        const char *field;
        uint32_t kind;
    } cases[] = {
        {"\"memory\":{\"limit\":-2}", CF_CGROUP_MODE_V2, "memory.limit", COFFER_ERROR_CONFIG},
        {"\"memory\":{\"swap\":5}", CF_CGROUP_MODE_V2, "memory.swap", COFFER_ERROR_CONFIG},
        {"\"memory\":{\"limit\":5,\"swap\":4}", CF_CGROUP_MODE_V2, "memory.swap",
         COFFER_ERROR_CONFIG},
        {"\"memory\":{\"swappiness\":101}", CF_CGROUP_MODE_V1, "memory.swappiness",
         COFFER_ERROR_CONFIG},
        {"\"memory\":{\"swappiness\":10}", CF_CGROUP_MODE_V2, "memory.swappiness",
         COFFER_ERROR_UNSUPPORTED},
        {"\"memory\":{\"disableOOMKiller\":true}", CF_CGROUP_MODE_V2, "memory.disableOOMKiller",
         COFFER_ERROR_UNSUPPORTED},
        {"\"memory\":{\"useHierarchy\":false}", CF_CGROUP_MODE_V2, "memory.useHierarchy",
         COFFER_ERROR_UNSUPPORTED},
        {"\"cpu\":{\"period\":999}", CF_CGROUP_MODE_V2, "cpu.period", COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"quota\":5000,\"burst\":6000}", CF_CGROUP_MODE_V2, "cpu.burst",
         COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"idle\":2}", CF_CGROUP_MODE_V2, "cpu.idle", COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"cpus\":\"0-\"}", CF_CGROUP_MODE_V2, "cpu.cpus", COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"cpus\":\"3-1\"}", CF_CGROUP_MODE_V2, "cpu.cpus", COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"mems\":\"a\"}", CF_CGROUP_MODE_V2, "cpu.mems", COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"realtimeRuntime\":5}", CF_CGROUP_MODE_V2, "cpu.realtimeRuntime",
         COFFER_ERROR_UNSUPPORTED},
        {"\"pids\":{\"limit\":-2}", CF_CGROUP_MODE_V2, "pids.limit", COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"weight\":10}", CF_CGROUP_MODE_V2, "blockIO.weight",
         COFFER_ERROR_UNSUPPORTED},
        {"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0}]", CF_CGROUP_MODE_V2,
         "hugepageLimits", COFFER_ERROR_UNSUPPORTED},
        {"\"network\":{\"classID\":5}", CF_CGROUP_MODE_V2, "network.classID",
         COFFER_ERROR_UNSUPPORTED},
        {"\"unified\":{\"memory.high\":\"5\"}", CF_CGROUP_MODE_V1, "unified",
         COFFER_ERROR_UNSUPPORTED},
        {"\"devices\":[{\"allow\":true,\"type\":\"x\"}]", CF_CGROUP_MODE_V2, "devices[0].type",
         COFFER_ERROR_CONFIG},
        {"\"devices\":[{\"allow\":true,\"access\":\"x\"}]", CF_CGROUP_MODE_V2, "devices[0].access",
         COFFER_ERROR_CONFIG},
        {"\"devices\":[{\"allow\":true},{\"allow\":true,\"major\":-2}]", CF_CGROUP_MODE_V2,
         "devices[1].major", COFFER_ERROR_CONFIG},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;
        char json[1024], field[128];

        (void) snprintf(json, sizeof(json), RESOURCES("%s"), cases[i].resources);
        (void) snprintf(field, sizeof(field), "linux.resources.%s", cases[i].field);
        fixture_init(&f, json);
        f.facts.cgroup_mode = cases[i].mode;
        cr_expect_lt(cf_cgroup_plan_build(&f.in, &f.plan, CF_CGROUP_MANAGER_CGROUPFS, &f.err), 0,
                     "%s", json);
        cr_expect_str_eq(f.err.field, field, "%s: %s", json, f.err.field);
        cr_expect(eq(u32, f.err.kind, cases[i].kind), "%s", json);
        fixture_done(&f);
    }
}

Test(cgroup_res, kernel_memory_is_a_warning)
{
    struct fixture f;

    fixture_init(&f, RESOURCES("\"memory\":{\"kernel\":5,\"kernelTCP\":6}"));
    cr_assert(eq(int, cf_cgroup_plan_build(&f.in, &f.plan, CF_CGROUP_MANAGER_CGROUPFS, &f.err), 0));
    cr_assert_not_null(f.plan.warnings);
    cr_expect_not_null(f.plan.warnings->next);
    cr_expect(eq(sz, f.plan.cgroup.n_writes, 0));
    fixture_done(&f);
}

Test(cgroup_res, weight_of_shares)
{
    /* Known points of the curve that runc and crun share. */
    static const uint32_t table[][2] = {{2, 1},      {3, 2},       {10, 4},      {100, 17},
                                        {256, 35},   {512, 59},    {1000, 99},   {1024, 100},
                                        {1025, 101}, {2048, 174},  {4096, 303},  {8192, 532},
                                        {65536, 3023}, {262144, 10000}, {1000000, 10000}, {1, 1}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        cr_expect(eq(u32, cf_cgroup_weight_of_shares(table[i][0]), table[i][1]), "%u: %u",
                  table[i][0], cf_cgroup_weight_of_shares(table[i][0]));
}
