/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cgroup/res-merge and cgroup-update: stored limits and those of an update, and what undoes a write. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cgroup/cgroup-update.h"
#include "ocispec/config.h"

static struct ocispec_resources *parse(const char *text, struct ocispec_doc **ret_doc)
{
    struct ocispec_resources *res;
    struct ocispec_error why = {0};

    cr_assert_eq(ocispec_resources_parse(text, strlen(text), NULL, &res, ret_doc, &why), 0, "%s: %s", text,
                 why.message);
    return res;
}

/* @writes: "file=value;"; @whole: JSON of what is stored next, NULL: not looked at. */
static void expect(bool v2, const char *stored, const char *change, const char *writes, const char *whole)
{
    struct ocispec_doc *stored_doc = NULL, *change_doc;
    struct ocispec_resources *old = stored ? parse(stored, &stored_doc) : NULL, *new = parse(change, &change_doc);
    struct cf_arena *arena = cf_arena_new();
    struct cf_cgroup_merged merged;
    struct cf_err err = CF_ERR_INIT;
    char text[2048] = "", *json = NULL;

    cr_assert(eq(int, cf_cgroup_merge(old, new, v2, arena, &merged, &err), 0));
    cr_assert(eq(int, cf_cgroup_res_check(NULL, NULL, merged.whole, v2, &err), 0), "%s: %s", change, err.text);
    cr_assert(eq(int, cf_cgroup_merge_writes(old, new, v2, arena, &merged, &err), 0));
    for (size_t i = 0; i < merged.n_writes; i++) {
        size_t len = strlen(text);

        (void) snprintf(text + len, sizeof(text) - len, "%s=%s;", merged.writes[i].file, merged.writes[i].value);
    }
    cr_expect_str_eq(text, writes, "%s + %s:\n%s", stored ? stored : "", change, text);
    cr_assert(eq(int, ocispec_resources_write(merged.whole, 0, &json, NULL), 0));
    if (whole)
        cr_expect_str_eq(json, whole, "%s + %s:\n%s", stored ? stored : "", change, json);
    free(json);
    cf_arena_free(arena);
    ocispec_doc_free(stored_doc);
    ocispec_doc_free(change_doc);
}

Test(update_merge, memory_v2)
{
    expect(true, NULL, "{\"memory\":{\"limit\":1000}}", "memory.max=1000;", "{\"memory\":{\"limit\":1000}}");
    /* A limit of swap alone does not change with the limit of memory. */
    expect(true, "{\"memory\":{\"limit\":1000,\"swap\":1500}}", "{\"memory\":{\"limit\":2000}}", "memory.max=2000;",
           "{\"memory\":{\"limit\":2000,\"swap\":2500}}");
    /* The sum needs the stored summand, which is not written again. */
    expect(true, "{\"memory\":{\"limit\":1000}}", "{\"memory\":{\"swap\":1600}}", "memory.swap.max=600;",
           "{\"memory\":{\"limit\":1000,\"swap\":1600}}");
    expect(true, "{\"memory\":{\"limit\":1000,\"swap\":1500}}", "{\"memory\":{\"limit\":-1}}",
           "memory.max=max;memory.swap.max=max;", "{\"memory\":{\"limit\":-1,\"swap\":-1}}");
    expect(true, "{\"memory\":{\"limit\":1000,\"swap\":-1}}", "{\"memory\":{\"limit\":1200}}", "memory.max=1200;",
           "{\"memory\":{\"limit\":1200,\"swap\":-1}}");
    expect(true, "{\"memory\":{\"limit\":1000}}",
           "{\"memory\":{\"limit\":0,\"swap\":0,\"reservation\":0,\"kernel\":5},\"cpu\":{\"shares\":0},"
           "\"blockIO\":{\"weight\":0},\"network\":{\"classID\":0}}",
           "", "{\"memory\":{\"limit\":1000},\"cpu\":{},\"blockIO\":{},\"network\":{}}");
    /* Memory limits last. */
    expect(true, NULL, "{\"memory\":{\"limit\":1000,\"swap\":1000,\"reservation\":10},\"pids\":{\"limit\":5}}",
           "memory.low=10;pids.max=5;memory.max=1000;memory.swap.max=0;", NULL);
}

Test(update_merge, memory_v1)
{
    /* Here the kernel counts the sum, and it stays. */
    expect(false, "{\"memory\":{\"limit\":1000,\"swap\":2500}}", "{\"memory\":{\"limit\":2000}}",
           "memory.limit_in_bytes=2000;", "{\"memory\":{\"limit\":2000,\"swap\":2500}}");
    expect(false, "{\"memory\":{\"limit\":1000}}", "{\"memory\":{\"swap\":1600}}", "memory.memsw.limit_in_bytes=1600;",
           NULL);
    expect(false, "{\"memory\":{\"swappiness\":10,\"disableOOMKiller\":true}}",
           "{\"memory\":{\"swappiness\":60,\"disableOOMKiller\":false}}",
           "memory.swappiness=60;memory.oom_control=0;", NULL);
}

Test(update_merge, cpu)
{
    expect(true, "{\"cpu\":{\"quota\":30000,\"period\":60000}}", "{\"cpu\":{\"quota\":20000}}", "cpu.max=20000 60000;",
           "{\"cpu\":{\"quota\":20000,\"period\":60000}}");
    expect(true, "{\"cpu\":{\"quota\":30000,\"period\":60000}}", "{\"cpu\":{\"period\":50000}}",
           "cpu.max=30000 50000;", NULL);
    expect(true, "{\"cpu\":{\"quota\":30000,\"period\":60000}}", "{\"cpu\":{\"quota\":-1}}", "cpu.max=max 60000;",
           NULL);
    expect(false, "{\"cpu\":{\"quota\":30000,\"period\":60000}}", "{\"cpu\":{\"quota\":20000}}",
           "cpu.cfs_quota_us=20000;", NULL);
    expect(false, "{\"cpu\":{\"quota\":30000,\"period\":60000}}", "{\"cpu\":{\"period\":50000}}",
           "cpu.cfs_period_us=50000;", NULL);
    expect(true, "{\"cpu\":{\"idle\":1,\"burst\":5,\"cpus\":\"0-1\"}}",
           "{\"cpu\":{\"idle\":0,\"burst\":0,\"mems\":\"0\"}}", "cpuset.mems=0;cpu.idle=0;cpu.max.burst=0;",
           "{\"cpu\":{\"burst\":0,\"cpus\":\"0-1\",\"mems\":\"0\",\"idle\":0}}");
}

Test(update_merge, lists)
{
    expect(true,
           "{\"devices\":[{\"allow\":false}],\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,"
           "\"rate\":1},{\"major\":8,\"minor\":16,\"rate\":2}]},\"unified\":{\"memory.high\":\"1\",\"a.b\":\"2\"}}",
           "{\"devices\":[{\"allow\":true}],\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":16,"
           "\"rate\":3},{\"major\":8,\"minor\":32,\"rate\":4}]},\"unified\":{\"a.b\":\"5\",\"a.c\":\"6\"}}",
           "io.max=8:16 rbps=3;io.max=8:32 rbps=4;a.b=5;a.c=6;",
           "{\"devices\":[{\"allow\":false}],\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,"
           "\"rate\":1},{\"major\":8,\"minor\":16,\"rate\":3},{\"major\":8,\"minor\":32,\"rate\":4}]},"
           "\"unified\":{\"memory.high\":\"1\",\"a.b\":\"5\",\"a.c\":\"6\"}}");
    expect(true, "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1}],\"rdma\":{\"m\":{\"hcaHandles\":1}}}",
           "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":2097152},{\"pageSize\":\"1GB\",\"limit\":0}],"
           "\"rdma\":{\"m\":{\"hcaObjects\":2},\"n\":{\"hcaObjects\":3}}}",
           "hugetlb.2MB.max=2097152;hugetlb.2MB.rsvd.max=2097152;hugetlb.1GB.max=0;hugetlb.1GB.rsvd.max=0;"
           "rdma.max=m hca_object=2;rdma.max=n hca_object=3;",
           "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":2097152},{\"pageSize\":\"1GB\",\"limit\":0}],"
           "\"rdma\":{\"m\":{\"hcaHandles\":1,\"hcaObjects\":2},\"n\":{\"hcaObjects\":3}}}");
    expect(false, "{\"network\":{\"classID\":1,\"priorities\":[{\"name\":\"lo\",\"priority\":1}]}}",
           "{\"network\":{\"priorities\":[{\"name\":\"lo\",\"priority\":2},{\"name\":\"x\",\"priority\":3}]}}",
           "net_prio.ifpriomap=lo 2;net_prio.ifpriomap=x 3;",
           "{\"network\":{\"classID\":1,\"priorities\":[{\"name\":\"lo\",\"priority\":2},{\"name\":\"x\","
           "\"priority\":3}]}}");
}

Test(update_restore, lines)
{
    static const struct {
        const char *file, *old, *written, *wanted;
    } table[] = {
        {"memory.max", "max\n", "1000", "max"},
        {"pids.max", "77\n", "max", "77"},
        {"cpu.max", "50000 100000\n", "50000 20000", "50000 100000"},
        {"cpuset.cpus", "\n", "0", "\n"},
        {"cpuset.cpus", "", "0", "\n"},
        {"io.max", "8:0 rbps=1 wbps=max riops=max wiops=max\n8:16 rbps=2 wbps=max riops=max wiops=max\n",
         "8:16 rbps=9", "8:16 rbps=2 wbps=max riops=max wiops=max"},
        {"io.max", "8:0 rbps=1 wbps=max riops=max wiops=max\n", "8:16 rbps=9",
         "8:16 rbps=max wbps=max riops=max wiops=max"},
        {"io.max", "", "8:1 rbps=9", "8:1 rbps=max wbps=max riops=max wiops=max"},
        {"io.weight", "default 100\n8:0 5\n", "200", "default 100"},
        {"io.weight", "default 100\n8:0 5\n", "default 200", "default 100"},
        {"io.weight", "default 100\n8:0 5\n", "8:0 7", "8:0 5"},
        {"io.bfq.weight", "default 100\n", "8:0 7", "8:0 default"},
        {"blkio.throttle.read_bps_device", "8:0 5\n", "8:16 7", "8:16 0"},
        {"net_prio.ifpriomap", "lo 0\neth0 4\n", "eth0 9", "eth0 4"},
        {"memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n", "0", "1"},
        {"rdma.max", "mlx hca_handle=2 hca_object=max\n", "mlx hca_handle=5", "mlx hca_handle=2 hca_object=max"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        char buf[256];

        cf_cgroup_restore_line(table[i].file, table[i].old, table[i].written, buf, sizeof(buf));
        cr_expect_str_eq(buf, table[i].wanted, "%s: %s", table[i].file, buf);
    }
}
