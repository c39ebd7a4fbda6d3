/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cgroup/cgroup-write, limits: which file gets what, and the sentence when it cannot. Plain files stand for a cgroup. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/cgroup-internal.h"
#include "cgroup/res.h"

static char dir[64];
static int dir_fd;

static void begin(void)
{
    (void) snprintf(dir, sizeof(dir), "/tmp/cgroup-write.XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(dir_fd, 0);
}

static void end(void)
{
    static const char *const files[] = {"memory.max", "io.max", "io.weight", "cpuset.cpus", "pids.max"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        (void) unlinkat(dir_fd, files[i], 0);
    close(dir_fd);
    cr_expect_eq(rmdir(dir), 0);
}

TestSuite(cgroup_write, .init = begin, .fini = end);

static void make(const char *name)
{
    int fd = openat(dir_fd, name, O_CREAT | O_WRONLY, 0600);

    cr_assert_geq(fd, 0);
    close(fd);
}

static const char *text_of(const char *name, char buf[128])
{
    int fd = openat(dir_fd, name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, 127);

    cr_assert_geq(n, 0);
    close(fd);
    buf[n] = '\0';
    return buf;
}

Test(cgroup_write, files)
{
    const struct cf_cgroup_write
        plain = {"memory", "memory.max", "1000", "f", NULL, NULL, 0},
        weight = {"io", "io.bfq.weight", "500", "f", "io.weight", "4950", 0},
        lines = {"io", "io.max", "8:0 rbps=1\n8:16 rbps=2\n", "f", NULL, NULL, CF_CGWRITE_LINES},
        empty = {"cpuset", "cpuset.cpus", "\n", "f", NULL, NULL, CF_CGWRITE_LINES | CF_CGWRITE_ALWAYS};
    char buf[128];

    make("memory.max");
    make("io.weight");
    make("io.max");
    make("cpuset.cpus");
    cr_expect(eq(int, cf_cgroup_write_one(dir_fd, &plain), 0));
    cr_expect_str_eq(text_of("memory.max", buf), "1000");
    cr_expect(eq(int, cf_cgroup_write_one(dir_fd, &weight), 0));
    cr_expect_str_eq(text_of("io.weight", buf), "4950");
    cr_expect(eq(int, cf_cgroup_write_one(dir_fd, &lines), 0));
    cr_expect_str_eq(text_of("io.max", buf), "8:0 rbps=18:16 rbps=2");
    cr_expect(eq(int, cf_cgroup_write_one(dir_fd, &empty), 0));
    cr_expect_str_eq(text_of("cpuset.cpus", buf), "\n");
}

Test(cgroup_write, missing_files)
{
    static const struct {
        struct cf_cgroup_write write;
        int r;
    } cases[] = {
        {{"memory", "memory.swap.max", "max", "f", NULL, NULL, 0}, 0},
        {{"memory", "memory.swap.max", "5", "f", NULL, NULL, 0}, -ENOENT},
        {{"hugetlb", "hugetlb.2MB.rsvd.max", "5", "f", NULL, NULL, CF_CGWRITE_IF_THERE}, 0},
        {{"hugetlb", "hugetlb.2MB.max", "5", "f", NULL, NULL, 0}, -ENOENT},
        {{"memory", "memory.high", "max", "f", NULL, NULL, CF_CGWRITE_ALWAYS}, -ENOENT},
        {{"io", "io.bfq.weight", "500", "f", "io.weight", "4950", 0}, -ENOENT},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        cr_expect_eq(cf_cgroup_write_one(dir_fd, &cases[i].write), cases[i].r, "%zu", i);
}

Test(cgroup_write, names_do_not_leave_the_directory)
{
    const struct cf_cgroup_write write = {"memory", "../x", "5", "f", NULL, NULL, 0};

    cr_expect_lt(cf_cgroup_write_one(dir_fd, &write), 0);
}

Test(cgroup_write, defaults_of_a_new_cgroup_are_not_written)
{
    const struct cf_cgroup_write writes[] = {
        {"memory", "memory.max", "max", "f", NULL, NULL, 0},
        {"pids", "pids.max", "max", "f", NULL, NULL, CF_CGWRITE_ALWAYS},
    };
    const struct cf_cgroup_plan plan = {.writes = writes, .n_writes = 2};
    struct cf_err err = CF_ERR_INIT;
    char buf[128];

    make("memory.max");
    make("pids.max");
    cr_expect(eq(int, cf_cgroup_write_limits_v2(&plan, dir_fd, true, &err), 0));
    cr_expect_str_eq(text_of("memory.max", buf), "");
    cr_expect_str_eq(text_of("pids.max", buf), "max");
    cr_expect(eq(int, cf_cgroup_write_limits_v2(&plan, dir_fd, false, &err), 0));
    cr_expect_str_eq(text_of("memory.max", buf), "max");
}

Test(cgroup_write, sentences)
{
    static const struct {
        struct cf_cgroup_write write;
        int r;
        const char *code, *part;
    } cases[] = {
        {{"io", "io.max", "8:99 rbps=1", "linux.resources.x[1]", NULL, NULL, 0}, -ENODEV, "resources-device",
         "linux.resources.x[1]: `8:99` is no whole block device"},
        {{"net_prio", "net_prio.ifpriomap", "eth9 1", "linux.resources.x[1]", NULL, NULL, 0}, -ENODEV,
         "resources-device", "`eth9` is no network interface"},
        {{"rdma", "rdma.max", "mlx hca_handle=1", "linux.resources.x[1]", NULL, NULL, 0}, -ENODEV,
         "resources-device", "`mlx` is no RDMA device"},
        {{"io", "io.bfq.weight", "5", "linux.resources.x[1]", "io.weight", "5", 0}, -ENOENT,
         "cgroup-file-missing", "no file `io.bfq.weight` and none `io.weight` (controller `io`)"},
        {{"", "cgroup.nothing", "5", "linux.resources.x[1]", NULL, NULL, 0}, -ENOENT, "cgroup-file-missing",
         "the cgroup has no file `cgroup.nothing`"},
        {{"cpuset", "cpuset.cpus", "99", "linux.resources.x[1]", NULL, NULL, 0}, -EINVAL, "",
         "write `99` to `cpuset.cpus` of the cgroup (CPUs and memory nodes must exist"},
        {{"io", "io.bfq.weight", "8:0 5", "linux.resources.x[1]", NULL, NULL, 0}, -EOPNOTSUPP, "",
         "I/O scheduler `bfq`"},
        {{"memory", "memory.limit_in_bytes", "5", "linux.resources.x[1]", NULL, NULL, 0}, -EBUSY,
         "cgroup-memory-limit", "unable to set memory limit to 5 (current usage: ?, peak usage: ?)"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cf_err err = CF_ERR_INIT;
        char text[1024];

        cr_expect_lt(cf_cgroup_write_failed(&cases[i].write, dir_fd, cases[i].r, &err), 0, "%zu", i);
        (void) cf_err_print(&err, text, sizeof(text));
        if (*cases[i].code)
            cr_expect_str_eq(err.code, cases[i].code, "%zu: %s", i, err.code);
        cr_expect_not_null(strstr(text, cases[i].part), "%zu: %s", i, text);
        cr_expect_str_eq(err.field, "linux.resources.x[1]");
    }
}
