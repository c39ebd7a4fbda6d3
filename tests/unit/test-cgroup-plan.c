/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cgroup/cgroup-plan, cgroup-locate: path, backend, place. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "cgroup/cgroup-internal.h"
#include "host-fixture.h"

#define CONFIG(lin) "{\"ociVersion\":\"1.0.2\",\"linux\":{" lin "}}"

static const char *build(struct fixture *f, const char *json, enum cf_cgroup_manager manager,
                         enum cf_cgroup_mode mode)
{
    fixture_init(f, json);
    f->facts.cgroup_mode = mode;
    return cf_cgroup_plan_build(&f->in, &f->plan, manager, &f->err) < 0 ? f->err.code : "ok";
}

Test(cgroup_plan, paths)
{
    static const struct {
        const char *json, *code, *path;
    } cases[] = {
        {"{\"ociVersion\":\"1.0.2\"}", "ok", "coffer-c1"},
        {CONFIG("\"cgroupsPath\":\"\""), "ok", "coffer-c1"},
        {CONFIG("\"cgroupsPath\":\"/a//b/./c/\""), "ok", "/a/b/c"},
        {CONFIG("\"cgroupsPath\":\"a/b\""), "ok", "a/b"},
        {CONFIG("\"cgroupsPath\":\"system.slice:x:y\""), "ok", "system.slice:x:y"},
        {CONFIG("\"cgroupsPath\":\"/\""), "cgroup-path", NULL},
        {CONFIG("\"cgroupsPath\":\"///.//\""), "cgroup-path", NULL},
        {CONFIG("\"cgroupsPath\":\".\""), "cgroup-path", NULL},
        {CONFIG("\"cgroupsPath\":\"/a/../b\""), "cgroup-path", NULL},
        {CONFIG("\"cgroupsPath\":\"..\""), "cgroup-path", NULL},
        {CONFIG("\"cgroupsPath\":\"/a\\nb\""), "cgroup-path", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        cr_expect_str_eq(build(&f, cases[i].json, CF_CGROUP_MANAGER_CGROUPFS, CF_CGROUP_MODE_V2),
                         cases[i].code, "%zu", i);
        if (cases[i].path)
            cr_expect_str_eq(f.plan.cgroup.path, cases[i].path);
        else
            cr_expect_str_eq(f.err.field, "linux.cgroupsPath");
        fixture_done(&f);
    }
}

Test(cgroup_plan, managers)
{
    const char *limited = CONFIG("\"resources\":{\"pids\":{\"limit\":10},\"devices\":"
                                 "[{\"allow\":false}]}");
    struct fixture f;

    cr_expect_str_eq(build(&f, limited, CF_CGROUP_MANAGER_SYSTEMD, CF_CGROUP_MODE_V2), "ok");
    cr_expect_str_eq(f.plan.cgroup.path, "coffer-c1.scope");
    cr_expect_str_eq(f.plan.cgroup.backend, "v2");
    cr_expect_not_null(f.plan.cgroup.systemd);
    cr_expect(eq(sz, f.plan.cgroup.n_writes, 1));
    fixture_done(&f);

    cr_expect_str_eq(build(&f, limited, CF_CGROUP_MANAGER_SYSTEMD, CF_CGROUP_MODE_NONE), "cgroup-none");
    fixture_done(&f);

    cr_expect_str_eq(build(&f, limited, CF_CGROUP_MANAGER_DISABLED, CF_CGROUP_MODE_V2), "ok");
    cr_expect_str_eq(f.plan.cgroup.backend, "none");
    cr_expect_not_null(f.plan.warnings);
    cr_expect(eq(sz, f.plan.cgroup.n_writes, 0));
    fixture_done(&f);

    cr_expect_str_eq(build(&f, limited, CF_CGROUP_MANAGER_CGROUPFS, CF_CGROUP_MODE_NONE),
                     "cgroup-none");
    fixture_done(&f);

    cr_expect_str_eq(build(&f, limited, CF_CGROUP_MANAGER_CGROUPFS, CF_CGROUP_MODE_V2), "ok");
    cr_expect_str_eq(f.plan.cgroup.backend, "v2");
    cr_expect_gt(f.plan.cgroup.n_device_program, 0);
    cr_expect(eq(sz, f.plan.cgroup.n_device_lines, 0));
    cr_expect(not(f.plan.cgroup.rootless_optional));
    fixture_done(&f);

    cr_expect_str_eq(build(&f, limited, CF_CGROUP_MANAGER_CGROUPFS, CF_CGROUP_MODE_V1), "ok");
    cr_expect_str_eq(f.plan.cgroup.backend, "v1");
    cr_expect(eq(sz, f.plan.cgroup.n_device_program, 0));
    cr_expect_gt(f.plan.cgroup.n_device_lines, 0);
    fixture_done(&f);
}

Test(cgroup_plan, rootless)
{
    struct fixture f;

    fixture_init(&f, "{\"ociVersion\":\"1.0.2\"}");
    f.facts.in_userns = true;
    cr_assert(eq(int, cf_cgroup_plan_build(&f.in, &f.plan, CF_CGROUP_MANAGER_CGROUPFS, &f.err), 0));
    cr_expect(f.plan.cgroup.rootless_optional);
    cr_expect(eq(sz, f.plan.cgroup.n_device_program, 0));
    fixture_done(&f);
}

static void locate(const char *path, const char *mounts, const char *cgroups,
                   struct cf_arena *arena, struct cf_cgroup_record *ret)
{
    const struct cf_cgroup_plan plan = {.backend = "v1", .path = path};
    struct cf_err err = CF_ERR_INIT;

    cr_assert(eq(int, cf_cgroup_locate_v1(&plan, cf_arena_strdup(arena, mounts), cgroups, arena,
                                          ret, &err),
                 0));
}

Test(cgroup_locate, hybrid)
{
    static const char mounts[] =
        "23 1 0:20 / / rw shared:1 - ext4 /dev/sda rw\n"
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:2 - cgroup cgroup rw,cpu,cpuacct\n"
        "33 31 0:30 / /sys/fs/cgroup/pids\\040x rw - cgroup cgroup rw,pids\n"
        "34 31 0:30 / /mnt/pids rw - cgroup cgroup rw,pids\n"
        "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "42 31 0:39 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
    static const char cgroups[] = "9:name=systemd:/s\n8:pids:/\n7:blkio:/b\n4:memory:/docker/x/y\n"
                                  "2:cpu,cpuacct:/c/d\n0::/u/v\n";
    static const struct {
        const char *hierarchy, *path, *controllers;
    } relative[] = {
        {"/sys/fs/cgroup/cpu,cpuacct", "/c/d/coffer-1", "cpu,cpuacct"},
        {"/sys/fs/cgroup/pids x", "/coffer-1", "pids"},
        {"/sys/fs/cgroup/systemd", "/s/coffer-1", "name=systemd"},
        {"/sys/fs/cgroup/unified", "/u/coffer-1", ""},
        {"/sys/fs/cgroup/memory", "/y/coffer-1", "memory"},
    };
    struct cf_arena *arena = cf_arena_new();
    struct cf_cgroup_record record;

    locate("coffer-1", mounts, cgroups, arena, &record);
    cr_assert(eq(sz, record.n_dirs, 5));
    for (size_t i = 0; i < 5; i++) {
        cr_expect_str_eq(record.dirs[i].hierarchy, relative[i].hierarchy);
        cr_expect_str_eq(record.dirs[i].path, relative[i].path);
        cr_expect_str_eq(record.dirs[i].controllers, relative[i].controllers);
        cr_expect(not(record.dirs[i].created));
    }
    locate("/a/b", mounts, cgroups, arena, &record);
    cr_assert(eq(sz, record.n_dirs, 5));
    for (size_t i = 0; i < 5; i++)
        cr_expect_str_eq(record.dirs[i].path, "/a/b");
    cf_arena_free(arena);
}
