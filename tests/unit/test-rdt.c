/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cgroup/rdt: which group of resctrl, what is written to it, and whose it is; against a tree that looks like it. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "cgroup/rdt.h"
#include "container/watch.h"
#include "ocispec/config.h"

struct tree {
    char path[64];
    struct cf_rdt rdt;
    struct cf_arena *arena;
    struct cf_err err;
};

static void put(int dir_fd, const char *name, const char *text)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    cr_assert(fd >= 0, "%s", name);
    cr_assert(eq(long, write(fd, text, strlen(text)), (long) strlen(text)));
    close(fd);
}

static const char *get(struct tree *t, const char *name)
{
    static char text[4096];
    int fd = openat(t->rdt.fd, name, O_RDONLY | O_CLOEXEC);
    long n;

    if (fd < 0)
        return "missing";
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

/* As the kernel: a new group has its files at once. */
static int make_group(int dir_fd, const char *name)
{
    int fd;

    if (mkdirat(dir_fd, name, 0755) < 0)
        return -errno;
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put(fd, "tasks", "");
    put(fd, "schemata", "");
    mkdirat(fd, "mon_groups", 0755);
    close(fd);
    return 0;
}

static void setup_tree(struct tree *t)
{
    int fd;

    memset(t, 0, sizeof(*t));
    strcpy(t->path, "/tmp/coffer-rdt-XXXXXX");
    cr_assert_not_null(mkdtemp(t->path));
    fd = open(t->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    t->rdt = (struct cf_rdt){.fd = fd, .make = make_group};
    t->arena = cf_arena_new();
    put(fd, "tasks", "");
    put(fd, "schemata", "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n");
    mkdirat(fd, "mon_groups", 0755);
    mkdirat(fd, "info", 0755);
    put(fd, "info/last_cmd_status", "mask f000 is out of range\n");
    mkdirat(fd, "info/L3", 0755);
    put(fd, "info/L3/cbm_mask", "7ff\n");
    put(fd, "info/L3/min_cbm_bits", "1\n");
    put(fd, "info/L3/num_closids", "16\n");
    mkdirat(fd, "info/MB", 0755);
    put(fd, "info/MB/min_bandwidth", "10\n");
}

static void drop_tree(struct tree *t)
{
    char command[128];

    cf_rdt_close(&t->rdt);
    cf_arena_free(t->arena);
    snprintf(command, sizeof(command), "rm -rf %s", t->path);
    cr_assert(eq(int, system(command), 0));
}

static struct cf_rdt_record record_of(const struct cf_rdt_plan *plan, bool created)
{
    return (struct cf_rdt_record){.root = "/sys/fs/resctrl", .group = plan->group, .monitor = plan->monitor, .created = created};
}

static int plan_of(struct ocispec_intel_rdt *rdt, struct cf_rdt_plan *plan, struct cf_err *err)
{
    const struct ocispec_linux linux_ = {.intel_rdt = rdt};

    memset(err, 0, sizeof(*err));
    return cf_rdt_plan_build(&linux_, "c1", plan, err);
}

Test(rdt, plans)
{
    char *lines[] = {"L2:0=f"}, *broken[] = {"a\nb"};
    struct ocispec_intel_rdt rdt = {0};
    struct cf_rdt_plan plan;
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, plan_of(NULL, &plan, &err), 0));
    cr_expect(not(plan.wanted));
    cr_expect(eq(int, plan_of(&rdt, &plan, &err), 0));
    cr_expect(plan.wanted && plan.own && !plan.must_exist);
    cr_expect_str_eq(plan.group, "c1");
    cr_expect_null(plan.monitor);
    rdt = (struct ocispec_intel_rdt){.clos_id = "gold", .enable_monitoring = true};
    cr_expect(eq(int, plan_of(&rdt, &plan, &err), 0));
    cr_expect(plan.must_exist && !plan.own);
    cr_expect_str_eq(plan.monitor, "c1");
    rdt = (struct ocispec_intel_rdt){.clos_id = "/", .schemata = lines, .n_schemata = 1};
    cr_expect(eq(int, plan_of(&rdt, &plan, &err), 0));
    cr_expect(not(plan.own || plan.must_exist));
    for (size_t i = 0; i < 7; i++) {
        rdt = (struct ocispec_intel_rdt){.clos_id = (char *[]){".", "..", "a/b", "info", "mon_groups", "", "/x"}[i]};
        cr_expect(eq(int, plan_of(&rdt, &plan, &err), -EINVAL));
        cr_expect_str_eq(err.code, "rdt-closid");
        cr_expect_str_eq(err.field, "linux.intelRdt.closID");
    }
    rdt = (struct ocispec_intel_rdt){.mem_bw_schema = "L3:0=1"};
    cr_expect(eq(int, plan_of(&rdt, &plan, &err), -EINVAL));
    cr_expect_str_eq(err.field, "linux.intelRdt.memBwSchema");
    rdt = (struct ocispec_intel_rdt){.l3_cache_schema = "L3:0=1\nMB:0=1"};
    cr_expect(eq(int, plan_of(&rdt, &plan, &err), -EINVAL));
    cr_expect_str_eq(err.field, "linux.intelRdt.l3CacheSchema");
    rdt = (struct ocispec_intel_rdt){.schemata = broken, .n_schemata = 1};
    cr_expect(eq(int, plan_of(&rdt, &plan, &err), -EINVAL));
    cr_expect_str_eq(err.field, "linux.intelRdt.schemata");
}

Test(rdt, same_schema)
{
    const char *have = "    L3:0=7ff;1=0f0\n    MB:0= 20;1= 70\n";

    cr_expect(cf_rdt_same_schema(have, "L3:0=7ff;1=f0"));
    cr_expect(cf_rdt_same_schema(have, "L3:1=0xF0"));
    cr_expect(cf_rdt_same_schema(have, "MB: 1=70 ; 0=20"));
    cr_expect(not(cf_rdt_same_schema(have, "L3:0=7fe")));
    cr_expect(not(cf_rdt_same_schema(have, "L3:2=7ff")));
    cr_expect(not(cf_rdt_same_schema(have, "L2:0=f")));
    cr_expect(not(cf_rdt_same_schema(have, "L3")));
    cr_expect(not(cf_rdt_same_schema(have, "L3:0=7ff;nonsense")));
    cr_expect(not(cf_rdt_same_schema("", "L3:0=7ff")));
}

Test(rdt, mount_point)
{
    struct cf_arena *arena = cf_arena_new();

    cr_expect_str_eq(cf_rdt_find_mount("22 1 0:1 / /proc rw - proc proc rw\n"
                                       "30 1 0:5 / /sys/fs/res\\040ctrl rw,nosuid shared:3 - resctrl resctrl rw\n", arena),
                     "/sys/fs/res ctrl");
    cr_expect_null(cf_rdt_find_mount("30 1 0:5 / /mnt/resctrl rw - tmpfs resctrl rw\n", arena));
    cr_expect_null(cf_rdt_find_mount("", arena));
    cf_arena_free(arena);
}

Test(rdt, a_class_of_its_own)
{
    char *lines[] = {"L2:0=f;1=f"};
    struct ocispec_intel_rdt rdt = {.l3_cache_schema = "L3:0=7f0", .mem_bw_schema = "MB:0=20", .schemata = lines,
                                    .n_schemata = 1, .enable_monitoring = true};
    struct cf_rdt_record record;
    struct cf_rdt_stats stats;
    struct cf_rdt_plan plan;
    struct tree t;
    char *json;

    setup_tree(&t);
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, true);
    cr_assert(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), 0), "%s", t.err.text);
    /* The last of three writes; their order has a test of its own. */
    cr_expect_str_eq(get(&t, "c1/schemata"), "L2:0=f;1=f\n");
    cr_assert(eq(int, cf_rdt_enter(&t.rdt, &record, 4711, &t.err), 0), "%s", t.err.text);
    cr_expect_str_eq(get(&t, "c1/tasks"), "4711");
    cr_expect_str_eq(get(&t, "c1/mon_groups/c1/tasks"), "4711");
    cr_expect_str_eq(get(&t, "tasks"), "");
    cr_expect_str_eq(get(&t, "schemata"), "    L3:0=7ff;1=7ff\n    MB:0=100;1=100\n", "the root's is nobody's business");

    cr_assert(eq(int, cf_rdt_stats_read(&t.rdt, &record, t.arena, &stats, &t.err), 0));
    cr_expect_str_eq(stats.cbm_mask, "7ff");
    cr_expect(eq(u64, stats.l3_closids, 16));
    cr_expect_str_eq(stats.l3_root, "L3:0=7ff;1=7ff");
    cr_expect(eq(sz, stats.n_schemata, 1));
    json = cf_stats_json(&(struct cf_cgroup_stats){0}, &stats);
    cr_expect_not_null(strstr(json, "\"l3_cache_info\":{\"cbm_mask\":\"7ff\",\"min_cbm_bits\":1,\"num_closids\":16}"));
    cr_expect_not_null(strstr(json, "\"mem_bw_info\":{\"min_bandwidth\":10}"));
    cr_expect_not_null(strstr(json, "\"schemata\":[\"L2:0=f;1=f\"]"));
    free(json);

    cr_assert(eq(int, cf_rdt_update(&t.rdt, &record, "L3:0=1", NULL, &t.err), 0));
    cr_expect_str_eq(get(&t, "c1/schemata"), "L3:0=1\n1=f\n", "the first bytes of a plain file");
    drop_tree(&t);
}

Test(rdt, order_of_writes)
{
    char *lines[] = {"X:0=0000003"};
    struct ocispec_intel_rdt rdt = {.l3_cache_schema = "L3:0=111111111111", .mem_bw_schema = "MB:0=222222222", .schemata = lines, .n_schemata = 1};
    struct cf_rdt_plan plan;
    struct cf_rdt_record record;
    struct tree t;

    setup_tree(&t);
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, true);
    cr_assert(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), 0));
    /* Each write starts at the beginning of a plain file and is shorter than the one before: what sticks out is its end. */
    cr_expect_str_eq(get(&t, "c1/schemata"), "X:0=0000003\n22\n11\n");
    drop_tree(&t);
}

Test(rdt, classes_of_others)
{
    struct ocispec_intel_rdt rdt = {.clos_id = "gold", .l3_cache_schema = "L3:0=f"};
    struct cf_rdt_plan plan;
    struct cf_rdt_record record;
    struct tree t;
    int group;

    setup_tree(&t);
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, false);
    cr_assert(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), 0), "made, because there is a schema");
    cr_expect_str_eq(get(&t, "gold/schemata"), "L3:0=f\n");
    cr_assert(eq(int, cf_rdt_remove(&t.rdt, &record, &t.err), 0));
    cr_expect_str_eq(get(&t, "gold/schemata"), "L3:0=f\n", "a named class stays");

    cr_expect(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), 0), "and agrees");
    group = openat(t.rdt.fd, "gold", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put(group, "schemata", "L3:0=3\n");
    close(group);
    memset(&t.err, 0, sizeof(t.err));
    cr_expect(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), -EINVAL));
    cr_expect_str_eq(t.err.code, "rdt-differs");
    cr_expect_str_eq(t.err.field, "linux.intelRdt.l3CacheSchema");
    cr_expect_str_eq(get(&t, "gold/schemata"), "L3:0=3\n", "nothing is written to it");

    rdt = (struct ocispec_intel_rdt){.clos_id = "silver"};
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, false);
    cr_expect(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), -EINVAL));
    cr_expect_str_eq(t.err.code, "rdt-closid");
    cr_expect_str_eq(get(&t, "silver/tasks"), "missing");

    rdt = (struct ocispec_intel_rdt){.clos_id = "/"};
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, false);
    cr_assert(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), 0));
    cr_assert(eq(int, cf_rdt_enter(&t.rdt, &record, 12, &t.err), 0));
    cr_expect_str_eq(get(&t, "tasks"), "12");
    cr_expect(eq(int, cf_rdt_remove(&t.rdt, &record, &t.err), 0));
    drop_tree(&t);
}

Test(rdt, without_schemas_nothing_is_written)
{
    struct ocispec_intel_rdt rdt = {.clos_id = "gold"};
    struct cf_rdt_plan plan;
    struct cf_rdt_record record;
    struct tree t;
    int group;

    setup_tree(&t);
    cr_assert(eq(int, make_group(t.rdt.fd, "gold"), 0));
    group = openat(t.rdt.fd, "gold", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put(group, "schemata", "L3:0=3\n");
    close(group);
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, false);
    cr_assert(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), 0), "%s", t.err.text);
    cr_assert(eq(int, cf_rdt_enter(&t.rdt, &record, 5, &t.err), 0));
    cr_expect_str_eq(get(&t, "gold/tasks"), "5");
    cr_expect_str_eq(get(&t, "gold/schemata"), "L3:0=3\n");

    rdt = (struct ocispec_intel_rdt){0};
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, true);
    cr_assert(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), 0), "%s", t.err.text);
    cr_expect_str_eq(get(&t, "c1/schemata"), "");
    drop_tree(&t);
}

/* Plain directories go when they are empty: what the kernel does with files in them is left out. */
Test(rdt, a_class_and_its_group_are_removed)
{
    struct cf_rdt_record record = {.root = "/sys/fs/resctrl", .group = "c1", .monitor = "c1"};
    struct tree t;

    setup_tree(&t);
    cr_assert(eq(int, mkdirat(t.rdt.fd, "c1", 0755), 0));
    cr_assert(eq(int, mkdirat(t.rdt.fd, "c1/mon_groups", 0755), 0));
    cr_assert(eq(int, mkdirat(t.rdt.fd, "c1/mon_groups/c1", 0755), 0));
    cr_expect(eq(int, cf_rdt_remove(&t.rdt, &record, &t.err), 0));
    cr_expect(eq(int, faccessat(t.rdt.fd, "c1/mon_groups/c1", F_OK, 0), -1), "the group is the container's");
    cr_expect(eq(int, faccessat(t.rdt.fd, "c1/mon_groups", F_OK, 0), 0), "the class is not");
    cr_assert(eq(int, unlinkat(t.rdt.fd, "c1/mon_groups", AT_REMOVEDIR), 0));
    record.created = true;
    record.monitor = NULL;
    cr_expect(eq(int, cf_rdt_remove(&t.rdt, &record, &t.err), 0));
    cr_expect(eq(int, faccessat(t.rdt.fd, "c1", F_OK, 0), -1));
    cr_expect(eq(int, cf_rdt_remove(&t.rdt, &record, &t.err), 0), "once more is no error");
    drop_tree(&t);
}

Test(rdt, what_the_processor_lacks)
{
    struct ocispec_intel_rdt rdt = {.mem_bw_schema = "MB:0=10"};
    struct cf_rdt_plan plan;
    struct cf_rdt_record record;
    struct tree t;

    setup_tree(&t);
    cr_assert(eq(int, unlinkat(t.rdt.fd, "info/MB/min_bandwidth", 0), 0));
    cr_assert(eq(int, unlinkat(t.rdt.fd, "info/MB", AT_REMOVEDIR), 0));
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, true);
    cr_expect(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), -EOPNOTSUPP));
    cr_expect_not_null(strstr(t.err.text, "intelRdt.memBwSchema is specified in config, but Intel RDT/MBA is not enabled"));
    cr_expect_str_eq(get(&t, "c1/tasks"), "missing");

    rdt = (struct ocispec_intel_rdt){.enable_monitoring = true};
    cr_assert(eq(int, unlinkat(t.rdt.fd, "mon_groups", AT_REMOVEDIR), 0));
    rdt.clos_id = "/";
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, false);
    memset(&t.err, 0, sizeof(t.err));
    cr_expect(eq(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), -ENOENT));
    cr_expect_str_eq(t.err.field, "linux.intelRdt.enableMonitoring");
    cr_expect_str_eq(t.err.hint, "this processor cannot monitor");
    drop_tree(&t);
}

Test(rdt, no_link_is_followed)
{
    struct ocispec_intel_rdt rdt = {.clos_id = "link"};
    struct cf_rdt_plan plan;
    struct cf_rdt_record record;
    struct tree t;

    setup_tree(&t);
    cr_assert(eq(int, symlinkat("/etc", t.rdt.fd, "link"), 0));
    cr_assert(eq(int, plan_of(&rdt, &plan, &t.err), 0));
    record = record_of(&plan, false);
    cr_expect(lt(int, cf_rdt_create(&t.rdt, &plan, &record, &t.err), 0));
    drop_tree(&t);
}

Test(rdt, a_directory_that_is_no_resctrl)
{
    const struct cf_rdt_record record = {.root = "/tmp", .group = "c1", .created = true};
    struct cf_rdt rdt;
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, cf_rdt_open(&record, &rdt, &err), -EOPNOTSUPP));
    cr_expect_str_eq(err.code, "rdt-none");
}
