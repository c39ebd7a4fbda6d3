/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The planners of capabilities and LSM labels. */

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>

#include "plan-fixture.h"
#include "security/security.h"

#define PROCESS(rest) "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"x\"]" rest "}}"
#define BIT(cap) (UINT64_C(1) << (cap))

static int build(struct plan_test *p)
{
    plan_test_base(p);
    return cf_caps_plan_build(&p->in, &p->plan, &p->err);
}

static const struct cf_blob_caps *caps_of(struct plan_test *p)
{
    return &cf_blob_header(p->plan.blob)->caps;
}

Test(caps, table_is_that_of_the_header)
{
    cr_expect_eq(cf_cap_number("CAP_CHOWN"), CAP_CHOWN);
    cr_expect_eq(cf_cap_number("CAP_SYS_ADMIN"), CAP_SYS_ADMIN);
    cr_expect_eq(cf_cap_number("CAP_CHECKPOINT_RESTORE"), 40);
    cr_expect_eq(cf_cap_number("cap_chown"), -1);
    cr_expect_eq(cf_cap_number("CAP_NONSENSE"), -1);
    cr_expect_geq(40, CAP_LAST_CAP);
    for (unsigned int i = 0; i <= CAP_LAST_CAP; i++) {
        cr_assert_not_null(cf_cap_name(i));
        cr_expect_eq(cf_cap_number(cf_cap_name(i)), (int) i);
    }
    cr_expect_null(cf_cap_name(CAP_LAST_CAP + 1));
}

Test(caps, sets)
{
    struct plan_test p;

    plan_test_init(&p, PROCESS(",\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\",\"CAP_BPF\"],"
                               "\"permitted\":[\"CAP_CHOWN\",\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],"
                               "\"inheritable\":[\"CAP_KILL\",\"CAP_SETUID\"],\"ambient\":[\"CAP_KILL\",\"CAP_CHOWN\"]}"));
    EXPECT_OK(&p, build(&p));
    cr_expect_eq(caps_of(&p)->bounding, BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(39));
    cr_expect_eq(caps_of(&p)->permitted, BIT(CAP_CHOWN) | BIT(CAP_KILL));
    cr_expect_eq(caps_of(&p)->effective, BIT(CAP_KILL));
    cr_expect_eq(caps_of(&p)->inheritable, BIT(CAP_KILL));
    cr_expect_eq(caps_of(&p)->ambient, BIT(CAP_KILL));
    cr_expect_eq(caps_of(&p)->last_cap, 40);
    cr_expect_eq(plan_test_warnings(&p), 2); /* SETUID inheritable, CHOWN ambient */
    plan_test_done(&p);
}

Test(caps, unknown_and_unavailable)
{
    static const char json[] = PROCESS(",\"capabilities\":{\"bounding\":[\"CAP_NEW\",\"CAP_SYS_ADMIN\",\"CAP_BPF\"],"
                                       "\"permitted\":[\"CAP_NEW\",\"CAP_SYS_ADMIN\"],"
                                       "\"effective\":[\"CAP_SYS_ADMIN\"]}");
    struct plan_test p;

    plan_test_init(&p, json);
    p.facts.last_cap = 38;
    p.facts.cap_bounding &= ~BIT(CAP_SYS_ADMIN);
    EXPECT_OK(&p, build(&p));
    cr_expect_eq(caps_of(&p)->bounding, 0);
    cr_expect_eq(caps_of(&p)->effective, 0);
    cr_expect_eq(plan_test_warnings(&p), 3); /* each name once */
    cr_expect_str_eq(p.plan.warnings->text,
                     "process.capabilities.bounding: unknown capability `CAP_NEW` is left out");
    plan_test_done(&p);
}

/* Inside a user namespace of its own a container may have what the caller lacks. */
Test(caps, user_namespace)
{
    struct plan_test p;

    plan_test_init(&p, "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"capabilities\":{"
                       "\"bounding\":[\"CAP_SYS_ADMIN\"]}},\"linux\":{\"namespaces\":[{\"type\":\"user\"}],"
                       "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
                       "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}]}}");
    p.facts.cap_bounding = 0;
    EXPECT_OK(&p, build(&p));
    cr_expect_eq(caps_of(&p)->bounding, BIT(CAP_SYS_ADMIN));
    cr_expect_eq(plan_test_warnings(&p), 0);
    plan_test_done(&p);
}

Test(caps, effective_outside_permitted)
{
    struct plan_test p;

    plan_test_init(&p, PROCESS(",\"capabilities\":{\"permitted\":[\"CAP_CHOWN\"],\"effective\":[\"CAP_KILL\"]}"));
    EXPECT_ERROR(&p, build(&p), "process.capabilities.effective", "`CAP_KILL` is not among the permitted ones");
    plan_test_done(&p);
}

Test(caps, absent_means_none)
{
    struct plan_test p;

    plan_test_init(&p, PROCESS(""));
    EXPECT_OK(&p, build(&p));
    cr_expect(cf_blob_header(p.plan.blob)->flags & CF_BLOB_NO_CAPABILITIES);
    cr_expect_eq(caps_of(&p)->bounding, 0);
    cr_expect_eq(plan_test_warnings(&p), 1);
    plan_test_done(&p);
}

/* ---- labels ---- */

static int labels(struct plan_test *p)
{
    plan_test_base(p);
    return cf_lsm_plan_build(&p->in, &p->plan, &p->err);
}

static const char *text_of(struct plan_test *p, bool attr)
{
    struct cf_blob blob;
    const void *data;
    size_t size;

    cr_assert_eq(cf_blob_finish(p->plan.blob, &data, &size, &p->err), 0);
    cr_assert_eq(cf_blob_check(data, size, &blob), 0);
    return cf_blob_str(&blob, attr ? blob.h->exec_attr : blob.h->exec_label);
}

Test(lsm, apparmor)
{
    struct plan_test p;

    plan_test_init(&p, PROCESS(",\"apparmorProfile\":\"docker-default\""));
    p.facts.apparmor = true;
    EXPECT_OK(&p, labels(&p));
    cr_expect_str_eq(text_of(&p, false), "exec docker-default");
    cr_expect_str_eq(text_of(&p, true), "attr/apparmor/exec");
    plan_test_done(&p);

    plan_test_init(&p, PROCESS(",\"apparmorProfile\":\"docker-default\""));
    EXPECT_ERROR(&p, labels(&p), "process.apparmorProfile", "apparmor failed to apply profile: ");
    cr_expect_eq(p.err.kind, COFFER_ERROR_UNSUPPORTED);
    plan_test_done(&p);

    plan_test_init(&p, PROCESS(",\"apparmorProfile\":\"unconfined\""));
    EXPECT_OK(&p, labels(&p));
    cr_expect_null(text_of(&p, false));
    plan_test_done(&p);

    plan_test_init(&p, PROCESS(",\"apparmorProfile\":\"a\\nchangeprofile b\""));
    p.facts.apparmor = true;
    EXPECT_ERROR(&p, labels(&p), "process.apparmorProfile", "control characters");
    plan_test_done(&p);
}

Test(lsm, selinux)
{
    struct plan_test p;

    plan_test_init(&p, PROCESS(",\"selinuxLabel\":\"u:r:t:s0\""));
    p.facts.selinux = true;
    EXPECT_OK(&p, labels(&p));
    cr_expect_str_eq(text_of(&p, false), "u:r:t:s0");
    cr_expect_str_eq(text_of(&p, true), "attr/exec");
    cr_expect_neq(cf_blob_header(p.plan.blob)->key_label, 0);
    plan_test_done(&p);

    plan_test_init(&p, PROCESS(",\"selinuxLabel\":\"u:r:t:s0\""));
    EXPECT_ERROR(&p, labels(&p), "process.selinuxLabel",
                 "selinux label is specified in config, but selinux is disabled or not supported");
    plan_test_done(&p);
}
