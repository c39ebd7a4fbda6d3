/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* cgroup/cgroup-delegate-plan: which child, when it changes its owner, and to whom. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "host-fixture.h"
#include "sys/task.h"

#define NOTED(annotations) "{\"ociVersion\":\"1.0.2\",\"annotations\":{" annotations "}}"
#define DELEGATE(value) "\"run.oci.delegate-cgroup\":\"" value "\""
#define SUBGROUP(value) "\"run.oci.systemd.subgroup\":\"" value "\""

static const char *plan(struct fixture *f, const char *json, enum cf_cgroup_manager manager,
                        enum cf_cgroup_mode mode)
{
    fixture_init(f, json);
    f->facts.cgroup_mode = mode;
    f->plan.cgroup.manager = manager;
    return cf_cgroup_delegate_plan(&f->in, &f->plan, &f->err) < 0 ? f->err.code : "ok";
}

Test(cgroup_delegate, names)
{
    static const struct {
        const char *json, *code, *subgroup;
        enum cf_cgroup_manager manager;
    } cases[] = {
        {NOTED(""), "ok", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("payload")), "ok", "payload", CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("payload")), "ok", "payload", CF_CGROUP_MANAGER_SYSTEMD},
        {NOTED(DELEGATE("payload")), "ok", NULL, CF_CGROUP_MANAGER_DISABLED},
        {NOTED(DELEGATE("...")), "cgroup-delegate", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("a b-c_d.e")), "ok", "a b-c_d.e", CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("memory")), "ok", "memory", CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("memory.max")), "cgroup-delegate", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("cgroup.procs")), "cgroup-delegate", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("")), "cgroup-delegate", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("a/b")), "cgroup-delegate", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("..")), "cgroup-delegate", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("a\\u007f")), "cgroup-delegate", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(SUBGROUP("container")), "ok", "container", CF_CGROUP_MANAGER_SYSTEMD},
        {NOTED(SUBGROUP("container")), "ok", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(SUBGROUP("")), "ok", NULL, CF_CGROUP_MANAGER_SYSTEMD},
        {NOTED(SUBGROUP("a/b")), "cgroup-delegate", NULL, CF_CGROUP_MANAGER_CGROUPFS},
        {NOTED(DELEGATE("x") "," SUBGROUP("x")), "ok", "x", CF_CGROUP_MANAGER_SYSTEMD},
        {NOTED(DELEGATE("x") "," SUBGROUP("y")), "cgroup-delegate", NULL, CF_CGROUP_MANAGER_SYSTEMD},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        cr_expect_str_eq(plan(&f, cases[i].json, cases[i].manager, CF_CGROUP_MODE_V2), cases[i].code, "%zu", i);
        if (cases[i].subgroup)
            cr_expect_str_eq(f.plan.cgroup.subgroup, cases[i].subgroup, "%zu", i);
        else
            cr_expect_null(f.plan.cgroup.subgroup, "%zu", i);
        if (strcmp(cases[i].code, "ok") != 0)
            cr_expect(cf_str_starts_with(f.err.field, "annotations[\"run.oci."), "%zu: %s", i, f.err.field);
        fixture_done(&f);
    }
}

Test(cgroup_delegate, other_hosts)
{
    struct fixture f;

    cr_expect_str_eq(plan(&f, NOTED(DELEGATE("x")), CF_CGROUP_MANAGER_CGROUPFS, CF_CGROUP_MODE_V1), "cgroup-delegate");
    cr_expect(eq(u32, f.err.kind, COFFER_ERROR_UNSUPPORTED));
    cr_expect_str_eq(f.err.field, "annotations[\"run.oci.delegate-cgroup\"]");
    fixture_done(&f);
    cr_expect_str_eq(plan(&f, NOTED(DELEGATE("x")), CF_CGROUP_MANAGER_CGROUPFS, CF_CGROUP_MODE_NONE),
                     "cgroup-delegate");
    fixture_done(&f);
    cr_expect_str_eq(plan(&f, NOTED(SUBGROUP("x")), CF_CGROUP_MANAGER_SYSTEMD, CF_CGROUP_MODE_V1), "ok");
    cr_expect_null(f.plan.cgroup.subgroup);
    fixture_done(&f);
}

Test(cgroup_delegate, owner)
{
    static const struct {
        const char *backend;
        uint64_t new_flags;
        enum cf_userns_mode mode;
        bool delegate;
    } cases[] = {
        {"v2", CLONE_NEWCGROUP, CF_USERNS_NEW, true},
        {"v2", CLONE_NEWCGROUP | CLONE_NEWNS, CF_USERNS_JOIN, true},
        {"v2", CLONE_NEWCGROUP, CF_USERNS_NONE, false},
        {"v2", CLONE_NEWNS, CF_USERNS_NEW, false},
        {"v1", CLONE_NEWCGROUP, CF_USERNS_NEW, false},
        {"none", CLONE_NEWCGROUP, CF_USERNS_NEW, false},
    };
    struct cf_idrange uids[] = {{0, 100000, 1000}}, gids[] = {{0, 200000, 1000}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cf_plan p = {
            .cgroup = {.backend = cases[i].backend},
            .ns = {.new_flags = cases[i].new_flags},
            .userns = {.mode = cases[i].mode, .uids = {uids, 1}, .gids = {gids, 1}},
        };

        cf_cgroup_delegate_mount(&p);
        cr_expect_eq(p.cgroup.delegate, cases[i].delegate, "%zu", i);
        cr_expect_eq(p.cgroup.owner_uid, cases[i].delegate ? 100000 : 0, "%zu", i);
        cr_expect_eq(p.cgroup.owner_gid, cases[i].delegate ? 200000 : 0, "%zu", i);
    }
}

/* A root that is not mapped owns nothing. */
Test(cgroup_delegate, no_root)
{
    struct cf_idrange ids[] = {{1, 100000, 1000}};
    struct cf_plan p = {
        .cgroup = {.backend = "v2"},
        .ns = {.new_flags = CLONE_NEWCGROUP},
        .userns = {.mode = CF_USERNS_JOIN, .uids = {ids, 1}, .gids = {ids, 1}},
    };

    cf_cgroup_delegate_mount(&p);
    cr_expect(not(p.cgroup.delegate));
}
