/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* userns/idmap-plan: mode, maps, writers, owner. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>

#include "host-fixture.h"

#define USER(extra)                                                                                \
    "\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":1,\"gid\":2" extra "}},"
#define CONFIG(user, lin) "{\"ociVersion\":\"1.0.2\"," user "\"linux\":{" lin "}}"
#define NS_NEW "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"user\"}]"
#define NS_JOIN "\"namespaces\":[{\"type\":\"user\",\"path\":\"/proc/5/ns/user\"}]"
#define MAPS(uids, gids) ",\"uidMappings\":[" uids "],\"gidMappings\":[" gids "]"
#define RANGE(c, h, s) "{\"containerID\":" #c ",\"hostID\":" #h ",\"size\":" #s "}"
#define USUAL MAPS(RANGE(0, 100000, 65536), RANGE(0, 200000, 65536))

static const char *build(struct fixture *f, const char *json, const struct cf_facts *facts)
{
    fixture_init(f, json);
    if (facts)
        f->facts = *facts;
    return cf_userns_plan_build(&f->in, &f->plan, &f->err) < 0 ? f->err.code : "ok";
}

Test(userns_plan, none)
{
    struct fixture f;
    uint32_t id = 0;

    cr_expect_str_eq(build(&f, CONFIG(USER(""), "\"namespaces\":[{\"type\":\"pid\"}]"), NULL),
                     "ok");
    cr_expect(eq(int, f.plan.userns.mode, CF_USERNS_NONE));
    cr_expect(eq(int, cf_userns_uid_to_host(&f.plan.userns, 77, &id), 0));
    cr_expect(eq(u32, id, 77));
    fixture_done(&f);
    cr_expect_str_eq(build(&f, "{\"ociVersion\":\"1.0.2\"}", NULL), "ok");
    fixture_done(&f);
}

Test(userns_plan, none_with_maps)
{
    struct fixture f;
    char text[1024];

    cr_expect_str_eq(build(&f, CONFIG(USER(""), "\"namespaces\":[]" USUAL), NULL),
                     "idmap-no-userns");
    (void) cf_err_print(&f.err, text, sizeof(text));
    cr_expect_not_null(strstr(text, "user namespace mappings specified, but user namespace isn't "
                                    "enabled in the config"));
    fixture_done(&f);
}

Test(userns_plan, rootless_needs_userns)
{
    struct fixture f;
    const struct cf_facts facts = {.uid = 1000, .euid = 1000};

    cr_expect_str_eq(build(&f, CONFIG("", "\"namespaces\":[]"), &facts), "rootless-no-userns");
    fixture_done(&f);
}

Test(userns_plan, privileged)
{
    struct fixture f;
    uint32_t id = 0;

    cr_assert_str_eq(build(&f, CONFIG(USER(",\"additionalGids\":[0,65535]"), NS_NEW USUAL), NULL),
                     "ok");
    cr_expect(eq(int, f.plan.userns.mode, CF_USERNS_NEW));
    cr_expect(eq(int, f.plan.userns.uid_writer, CF_IDMAP_DIRECT));
    cr_expect(eq(int, f.plan.userns.gid_writer, CF_IDMAP_DIRECT));
    cr_expect(not(f.plan.userns.deny_setgroups));
    cr_expect(f.plan.userns.switch_owner);
    cr_expect(eq(u32, f.plan.userns.owner_uid, 100000));
    cr_expect(eq(u32, f.plan.userns.owner_gid, 200000));
    cr_expect(eq(int, cf_userns_gid_to_host(&f.plan.userns, 10, &id), 0));
    cr_expect(eq(u32, id, 200010));
    cr_expect(eq(int, cf_userns_uid_to_host(&f.plan.userns, 65536, &id), -EOVERFLOW));
    cr_expect_null(f.plan.warnings);
    fixture_done(&f);
}

Test(userns_plan, host_root_is_a_warning)
{
    struct fixture f;

    cr_expect_str_eq(build(&f,
                           CONFIG(USER(""), NS_NEW MAPS(RANGE(0, 0, 10), RANGE(0, 1000, 10))),
                           NULL),
                     "ok");
    cr_assert_not_null(f.plan.warnings);
    cr_expect_not_null(strstr(f.plan.warnings->text, "linux.uidMappings"));
    cr_expect_null(f.plan.warnings->next);
    fixture_done(&f);
}

Test(userns_plan, refuses)
{
    static const struct {
        const char *json, *code, *field;
    } cases[] = {
        {CONFIG(USER(""), NS_NEW), "idmap-empty", "linux.uidMappings"},
        {CONFIG(USER(""), NS_NEW MAPS(RANGE(0, 1, 9), "")), "idmap-empty", "linux.gidMappings"},
        {CONFIG(USER(""), NS_NEW MAPS(RANGE(1, 1, 9), RANGE(0, 1, 9))), "idmap-uncovered",
         "linux.uidMappings"},
        {CONFIG(USER(""), NS_NEW MAPS(RANGE(0, 1, 9), RANGE(1, 1, 9))), "idmap-uncovered",
         "linux.gidMappings"},
        {CONFIG(USER(""), NS_NEW MAPS(RANGE(0, 1, 1), RANGE(0, 1, 9))), "idmap-uncovered",
         "process.user.uid"},
        {CONFIG(USER(""), NS_NEW MAPS(RANGE(0, 1, 9), RANGE(0, 1, 2))), "idmap-uncovered",
         "process.user.gid"},
        {CONFIG(USER(",\"additionalGids\":[3,9]"), NS_NEW MAPS(RANGE(0, 1, 9), RANGE(0, 1, 9))),
         "idmap-uncovered", "process.user.additionalGids[1]"},
        {CONFIG(USER(""), NS_NEW MAPS(RANGE(0, 1, 9), RANGE(0, 1, 9)) ",\"devices\":[{\"path\":"
                                 "\"/dev/x\",\"type\":\"p\",\"uid\":9}]"),
         "idmap-uncovered", "linux.devices[0].uid"},
        {CONFIG(USER(""), NS_NEW MAPS(RANGE(0, 1, 9), RANGE(0, 1, 9)) ",\"devices\":[{\"path\":"
                                 "\"/dev/x\",\"type\":\"p\",\"gid\":4294967295}]"),
         "idmap-uncovered", "linux.devices[0].gid"},
        {CONFIG(USER(""), NS_NEW MAPS(RANGE(0, 1, 9) "," RANGE(8, 100, 9), RANGE(0, 1, 9))),
         "idmap-overlap", "linux.uidMappings[1].containerID"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fixture f;

        cr_expect_str_eq(build(&f, cases[i].json, NULL), cases[i].code, "%zu: %s", i, f.err.code);
        cr_expect_str_eq(f.err.field, cases[i].field, "%zu: %s", i, f.err.field);
        fixture_done(&f);
    }
}

Test(userns_plan, join)
{
    struct fixture f;

    cr_expect_str_eq(build(&f, CONFIG(USER(""), NS_JOIN), NULL), "ok");
    cr_expect(eq(int, f.plan.userns.mode, CF_USERNS_JOIN));
    cr_expect(eq(sz, f.plan.userns.uids.n, 0));
    cr_expect(not(f.plan.userns.switch_owner));
    fixture_done(&f);
    cr_expect_str_eq(build(&f, CONFIG(USER(""), NS_JOIN USUAL), NULL), "ok");
    cr_expect(eq(sz, f.plan.userns.uids.n, 1));
    fixture_done(&f);
}

Test(userns_plan, rootless_own_id)
{
    struct fixture f;
    const struct cf_facts facts = {.uid = 1000, .euid = 1000, .gid = 1001, .egid = 1001};
    const char *json = CONFIG("", NS_NEW MAPS(RANGE(0, 1000, 1), RANGE(0, 1001, 1)));

    cr_expect_str_eq(build(&f, json, &facts), "ok");
    cr_expect(eq(int, f.plan.userns.uid_writer, CF_IDMAP_DIRECT));
    cr_expect(eq(int, f.plan.userns.gid_writer, CF_IDMAP_DIRECT));
    cr_expect(f.plan.userns.deny_setgroups);
    cr_expect(not(f.plan.userns.switch_owner));
    fixture_done(&f);
    cr_expect_str_eq(
        build(&f,
              CONFIG("\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0,"
                     "\"additionalGids\":[0]}},",
                     NS_NEW MAPS(RANGE(0, 1000, 1), RANGE(0, 1001, 1))),
              &facts),
        "setgroups-denied");
    fixture_done(&f);
}

Test(userns_plan, rootless_helpers)
{
    struct fixture f;
    struct cf_facts facts = {.uid = 1000, .euid = 1000, .gid = 1001, .egid = 1001};
    const char *json = CONFIG(
        USER(""), NS_NEW MAPS(RANGE(0, 1000, 1) "," RANGE(1, 100000, 65536),
                              RANGE(0, 1001, 1) "," RANGE(1, 100000, 65536)));

    cr_expect_str_eq(build(&f, json, &facts), "ok");
    cr_expect(eq(int, f.plan.userns.uid_writer, CF_IDMAP_HELPER));
    cr_expect(eq(int, f.plan.userns.gid_writer, CF_IDMAP_HELPER));
    cr_expect(not(f.plan.userns.deny_setgroups));
    fixture_done(&f);
    facts.no_new_privs = true;
    cr_expect_str_eq(build(&f, json, &facts), "idmap-helper-nnp");
    fixture_done(&f);
}
