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

Test(cgroup_res, cpu_details)
{
    /* An idle cgroup takes no weight: what is undone comes first, what is done last. */
    expect("\"cpu\":{\"shares\":1024,\"idle\":0,\"burst\":0}", CF_CGROUP_MODE_V2,
           "cpu.idle=0;cpu.weight=100;cpu.max.burst=0;");
    expect("\"cpu\":{\"shares\":1024,\"idle\":1}", CF_CGROUP_MODE_V1,
           "cpu.shares=1024;cpu.idle=1;");
    expect("\"cpu\":{\"quota\":20000,\"burst\":5000,\"realtimePeriod\":1000000,"
           "\"realtimeRuntime\":5000}",
           CF_CGROUP_MODE_V1,
           "cpu.cfs_quota_us=20000;cpu.cfs_burst_us=5000;cpu.rt_period_us=1000000;"
           "cpu.rt_runtime_us=5000;");
    expect("\"memory\":{\"reservation\":-1,\"useHierarchy\":true,\"checkBeforeUpdate\":true}",
           CF_CGROUP_MODE_V2, "memory.low=max;");
}

Test(cgroup_res, block_io_v1)
{
    expect("\"blockIO\":{\"weight\":10,\"leafWeight\":1000,\"weightDevice\":[{\"major\":8,"
           "\"minor\":16,\"weight\":500,\"leafWeight\":300},{\"major\":8,\"minor\":0,"
           "\"weight\":20,\"leafWeight\":0}]}",
           CF_CGROUP_MODE_V1,
           "blkio.bfq.weight=10;blkio.leaf_weight=1000;blkio.bfq.weight_device=8:16 500;"
           "blkio.leaf_weight_device=8:16 300;blkio.bfq.weight_device=8:0 20;");
    expect("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600}],"
           "\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":18446744073709551615}],"
           "\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":4294967297}],"
           "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":16,\"rate\":0}]}",
           CF_CGROUP_MODE_V1,
           "blkio.throttle.read_bps_device=8:0 600;"
           "blkio.throttle.write_bps_device=8:0 18446744073709551615;"
           "blkio.throttle.read_iops_device=8:0 4294967295;"
           "blkio.throttle.write_iops_device=8:16 0;");
}

Test(cgroup_res, block_io_v2)
{
    expect("\"blockIO\":{\"weight\":500,\"leafWeight\":0,\"weightDevice\":[{\"major\":8,"
           "\"minor\":16,\"weight\":1000}]}",
           CF_CGROUP_MODE_V2, "io.bfq.weight=500;io.bfq.weight=8:16 1000;");
    /* One line for each device, in the order in which devices are met; the last rate counts. */
    expect("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":600},"
           "{\"major\":8,\"minor\":0,\"rate\":700}],"
           "\"throttleWriteBpsDevice\":[{\"major\":254,\"minor\":0,\"rate\":0}],"
           "\"throttleReadIOPSDevice\":[{\"major\":254,\"minor\":0,\"rate\":30}],"
           "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":40}]}",
           CF_CGROUP_MODE_V2, "io.max=8:0 rbps=700 wiops=40;io.max=254:0 wbps=max riops=30;");
}

Test(cgroup_res, io_weights)
{
    cr_expect(eq(u32, cf_cgroup_io_weight_of(10), 1));
    cr_expect(eq(u32, cf_cgroup_io_weight_of(100), 910));
    cr_expect(eq(u32, cf_cgroup_io_weight_of(500), 4950));
    cr_expect(eq(u32, cf_cgroup_io_weight_of(1000), 10000));
}

Test(cgroup_res, hugepages_network_rdma)
{
    expect("\"hugepageLimits\":[{\"pageSize\":\"64KB\",\"limit\":0},{\"pageSize\":\"1GB\","
           "\"limit\":18446744073709551615}]",
           CF_CGROUP_MODE_V2,
           "hugetlb.64KB.max=0;hugetlb.64KB.rsvd.max=0;hugetlb.1GB.max=18446744073709551615;"
           "hugetlb.1GB.rsvd.max=18446744073709551615;");
    expect("\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":209715200}]", CF_CGROUP_MODE_V1,
           "hugetlb.2MB.limit_in_bytes=209715200;hugetlb.2MB.rsvd.limit_in_bytes=209715200;");
    expect("\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"eth0\",\"priority\":"
           "500},{\"name\":\"lo\",\"priority\":0}]}",
           CF_CGROUP_MODE_V1,
           "net_cls.classid=1048577;net_prio.ifpriomap=eth0 500;net_prio.ifpriomap=lo 0;");
    expect("\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000},\"rxe3\":"
           "{\"hcaObjects\":0}}",
           CF_CGROUP_MODE_V2, "rdma.max=mlx5_1 hca_handle=3 hca_object=10000;"
                              "rdma.max=rxe3 hca_object=0;");
}

Test(cgroup_res, unified)
{
    /* By name, after the others; a file that others would write too is written once. */
    expect("\"memory\":{\"limit\":1000,\"swap\":1000},\"pids\":{\"limit\":5},"
           "\"unified\":{\"pids.max\":\"7\",\"memory.high\":\"800\",\"cpuset.cpus\":\"\","
           "\"cgroup.max.depth\":\"3\"}",
           CF_CGROUP_MODE_V2,
           "memory.max=1000;memory.swap.max=0;cgroup.max.depth=3;cpuset.cpus=\n;memory.high=800;"
           "pids.max=7;");
    /* Lines of other devices stay. */
    expect("\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":6}]},"
           "\"unified\":{\"io.max\":\"259:0 rbps=2\\n253:0 wiops=120\"}",
           CF_CGROUP_MODE_V2, "io.max=8:0 rbps=6;io.max=259:0 rbps=2\n253:0 wiops=120;");
}

Test(cgroup_res, controllers_and_flags)
{
    struct fixture f;
    const struct cf_cgroup_write *writes;

    fixture_init(&f, RESOURCES("\"blockIO\":{\"weight\":500},\"hugepageLimits\":[{\"pageSize\":"
                               "\"2MB\",\"limit\":1}],\"unified\":{\"cgroup.max.depth\":\"3\","
                               "\"misc.max\":\"res_a max\",\"pids.max\":\"max\"}"));
    cr_assert(eq(int, cf_cgroup_plan_build(&f.in, &f.plan, CF_CGROUP_MANAGER_CGROUPFS, &f.err), 0));
    cr_assert(eq(sz, f.plan.cgroup.n_writes, 6));
    writes = f.plan.cgroup.writes;
    cr_expect_str_eq(writes[0].controller, "io");
    cr_expect_str_eq(writes[0].else_file, "io.weight");
    cr_expect_str_eq(writes[0].else_value, "4950");
    cr_expect_str_eq(writes[1].controller, "hugetlb");
    cr_expect_str_eq(writes[1].field, "linux.resources.hugepageLimits[0]");
    cr_expect(eq(u32, writes[1].flags, 0));
    cr_expect(eq(u32, writes[2].flags, CF_CGWRITE_IF_THERE));
    cr_expect_str_eq(writes[3].controller, "");
    cr_expect_str_eq(writes[4].controller, "misc");
    cr_expect_str_eq(writes[4].field, "linux.resources.unified.misc.max");
    cr_expect_str_eq(writes[5].controller, "pids");
    cr_expect(eq(u32, writes[5].flags, CF_CGWRITE_LINES | CF_CGWRITE_ALWAYS));
    fixture_done(&f);
}

Test(cgroup_res, defaults)
{
    static const struct {
        const char *file, *value;
        uint32_t flags;
        bool is_default;
    } cases[] = {
        {"memory.max", "max", 0, true},          {"memory.max", "max", CF_CGWRITE_ALWAYS, false},
        {"memory.max", "0", 0, false},           {"memory.low", "max", 0, false},
        {"memory.limit_in_bytes", "-1", 0, true}, {"cpu.rt_runtime_us", "-1", 0, false},
        {"cpu.max", "max 100000", 0, true},      {"cpu.max", "max 50000", 0, false},
        {"cpu.idle", "0", 0, true},              {"cpu.idle", "1", 0, false},
        {"cpu.max.burst", "0", 0, true},         {"cpu.cfs_burst_us", "0", 0, true},
        {"io.max", "8:0 rbps=max", 0, true},     {"io.max", "8:0 rbps=max wbps=1", 0, false},
        {"hugetlb.2MB.max", "0", 0, false},      {"pids.max", "1", 0, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cf_cgroup_write write = {
            .file = cases[i].file, .value = cases[i].value, .flags = cases[i].flags};

        cr_expect_eq(cf_cgroup_write_is_default(&write), cases[i].is_default, "%s=%s",
                     write.file, write.value);
    }
}

/* What an update has: part of an object, no plan. */
Test(cgroup_res, partial_object_without_a_plan)
{
    struct ocispec_memory memory = {.has_kernel = true, .kernel = 5};
    struct ocispec_block_io io = {.has_weight = true, .weight = 5};
    struct ocispec_resources res = {.memory = &memory};
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, cf_cgroup_res_check(NULL, NULL, &res, true, &err), 0));
    res.block_io = &io;
    cr_expect_lt(cf_cgroup_res_check(NULL, NULL, &res, true, &err), 0);
    cr_expect_str_eq(err.field, "linux.resources.blockIO.weight");
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
        {"\"cpu\":{\"realtimePeriod\":5}", CF_CGROUP_MODE_V2, "cpu.realtimePeriod",
         COFFER_ERROR_UNSUPPORTED},
        {"\"cpu\":{\"realtimeRuntime\":-2}", CF_CGROUP_MODE_V1, "cpu.realtimeRuntime",
         COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"realtimePeriod\":10,\"realtimeRuntime\":11}", CF_CGROUP_MODE_V1,
         "cpu.realtimeRuntime", COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"realtimePeriod\":4294967296}", CF_CGROUP_MODE_V1, "cpu.realtimePeriod",
         COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"cpus\":\"9-3\"}", CF_CGROUP_MODE_V1, "cpu.cpus", COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"cpus\":\"1,,2\"}", CF_CGROUP_MODE_V1, "cpu.cpus", COFFER_ERROR_CONFIG},
        {"\"cpu\":{\"mems\":\"70000\"}", CF_CGROUP_MODE_V2, "cpu.mems", COFFER_ERROR_CONFIG},
        {"\"pids\":{\"limit\":-2}", CF_CGROUP_MODE_V2, "pids.limit", COFFER_ERROR_CONFIG},
        {"\"pids\":{\"limit\":4194305}", CF_CGROUP_MODE_V2, "pids.limit", COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"weight\":9}", CF_CGROUP_MODE_V2, "blockIO.weight", COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"weight\":1001}", CF_CGROUP_MODE_V1, "blockIO.weight",
         COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"leafWeight\":5}", CF_CGROUP_MODE_V1, "blockIO.leafWeight",
         COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"leafWeight\":500}", CF_CGROUP_MODE_V2, "blockIO.leafWeight",
         COFFER_ERROR_UNSUPPORTED},
        {"\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":10},"
         "{\"major\":8,\"minor\":0}]}",
         CF_CGROUP_MODE_V2, "blockIO.weightDevice[1].weight", COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":0}]}",
         CF_CGROUP_MODE_V1, "blockIO.weightDevice[0].weight", COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"leafWeight\":1}]}",
         CF_CGROUP_MODE_V1, "blockIO.weightDevice[0].leafWeight", COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"leafWeight\":100}]}",
         CF_CGROUP_MODE_V2, "blockIO.weightDevice[0].leafWeight", COFFER_ERROR_UNSUPPORTED},
        {"\"blockIO\":{\"weightDevice\":[{\"major\":-1,\"minor\":0,\"weight\":10}]}",
         CF_CGROUP_MODE_V2, "blockIO.weightDevice[0].major", COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":-1,\"rate\":1}]}",
         CF_CGROUP_MODE_V2, "blockIO.throttleReadBpsDevice[0].minor", COFFER_ERROR_CONFIG},
        {"\"blockIO\":{\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":1},"
         "{\"major\":4096,\"minor\":1,\"rate\":1}]}",
         CF_CGROUP_MODE_V1, "blockIO.throttleWriteIOPSDevice[1].major", COFFER_ERROR_CONFIG},
        {"\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":0},{\"pageSize\":\"2mb\","
         "\"limit\":0}]",
         CF_CGROUP_MODE_V2, "hugepageLimits[1].pageSize", COFFER_ERROR_CONFIG},
        {"\"hugepageLimits\":[{\"pageSize\":\"2MB/../../x\",\"limit\":0}]", CF_CGROUP_MODE_V1,
         "hugepageLimits[0].pageSize", COFFER_ERROR_CONFIG},
        {"\"hugepageLimits\":[{\"pageSize\":\"../2MB\",\"limit\":0}]", CF_CGROUP_MODE_V2,
         "hugepageLimits[0].pageSize", COFFER_ERROR_CONFIG},
        {"\"hugepageLimits\":[{\"pageSize\":\"\",\"limit\":0}]", CF_CGROUP_MODE_V2,
         "hugepageLimits[0].pageSize", COFFER_ERROR_CONFIG},
        {"\"hugepageLimits\":[{\"pageSize\":\"2\",\"limit\":0}]", CF_CGROUP_MODE_V2,
         "hugepageLimits[0].pageSize", COFFER_ERROR_CONFIG},
        {"\"hugepageLimits\":[{\"pageSize\":\"02MB\",\"limit\":0}]", CF_CGROUP_MODE_V2,
         "hugepageLimits[0].pageSize", COFFER_ERROR_CONFIG},
        {"\"network\":{\"classID\":5}", CF_CGROUP_MODE_V2, "network.classID",
         COFFER_ERROR_UNSUPPORTED},
        {"\"network\":{\"priorities\":[{\"name\":\"eth0\",\"priority\":1}]}", CF_CGROUP_MODE_V2,
         "network.priorities", COFFER_ERROR_UNSUPPORTED},
        {"\"network\":{\"priorities\":[{\"name\":\"eth0\",\"priority\":1},{\"name\":"
         "\"a b\",\"priority\":1}]}",
         CF_CGROUP_MODE_V1, "network.priorities[1].name", COFFER_ERROR_CONFIG},
        {"\"network\":{\"priorities\":[{\"name\":\"e\\n1\",\"priority\":1}]}",
         CF_CGROUP_MODE_V1, "network.priorities[0].name", COFFER_ERROR_CONFIG},
        {"\"network\":{\"priorities\":[{\"name\":\"\",\"priority\":1}]}", CF_CGROUP_MODE_V1,
         "network.priorities[0].name", COFFER_ERROR_CONFIG},
        {"\"network\":{\"priorities\":[{\"name\":\"sixteen-letters-\",\"priority\":1}]}",
         CF_CGROUP_MODE_V1, "network.priorities[0].name", COFFER_ERROR_CONFIG},
        {"\"rdma\":{\"mlx\":{}}", CF_CGROUP_MODE_V2, "rdma.mlx", COFFER_ERROR_CONFIG},
        {"\"rdma\":{\"a/b\":{\"hcaHandles\":1}}", CF_CGROUP_MODE_V1, "rdma.a/b",
         COFFER_ERROR_CONFIG},
        {"\"rdma\":{\"a hca_object=9\":{\"hcaHandles\":1}}", CF_CGROUP_MODE_V2,
         "rdma.a hca_object=9", COFFER_ERROR_CONFIG},
        {"\"unified\":{\"memory.high\":\"5\"}", CF_CGROUP_MODE_V1, "unified",
         COFFER_ERROR_UNSUPPORTED},
        {"\"unified\":{\"../memory.high\":\"5\"}", CF_CGROUP_MODE_V2, "unified.../memory.high",
         COFFER_ERROR_CONFIG},
        {"\"unified\":{\"sub/memory.high\":\"5\"}", CF_CGROUP_MODE_V2, "unified.sub/memory.high",
         COFFER_ERROR_CONFIG},
        {"\"unified\":{\"..\":\"5\"}", CF_CGROUP_MODE_V2, "unified...", COFFER_ERROR_CONFIG},
        {"\"unified\":{\"memory\":\"5\"}", CF_CGROUP_MODE_V2, "unified.memory",
         COFFER_ERROR_CONFIG},
        {"\"unified\":{\".memory\":\"5\"}", CF_CGROUP_MODE_V2, "unified..memory",
         COFFER_ERROR_CONFIG},
        {"\"unified\":{\"cgroup.procs\":\"1\"}", CF_CGROUP_MODE_V2, "unified.cgroup.procs",
         COFFER_ERROR_CONFIG},
        {"\"unified\":{\"cgroup.threads\":\"1\"}", CF_CGROUP_MODE_V2, "unified.cgroup.threads",
         COFFER_ERROR_CONFIG},
        {"\"unified\":{\"cgroup.kill\":\"1\"}", CF_CGROUP_MODE_V2, "unified.cgroup.kill",
         COFFER_ERROR_CONFIG},
        {"\"unified\":{\"cgroup.freeze\":\"1\"}", CF_CGROUP_MODE_V2, "unified.cgroup.freeze",
         COFFER_ERROR_CONFIG},
        {"\"unified\":{\"cgroup.type\":\"threaded\"}", CF_CGROUP_MODE_V2, "unified.cgroup.type",
         COFFER_ERROR_CONFIG},
        {"\"unified\":{\"cgroup.subtree_control\":\"+cpu\"}", CF_CGROUP_MODE_V2,
         "unified.cgroup.subtree_control", COFFER_ERROR_CONFIG},
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
    if (f.plan.cgroup.n_writes == 0) /* v2 */
        cr_expect_not_null(f.plan.warnings->next);
    else
        cr_expect_null(f.plan.warnings->next);
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
