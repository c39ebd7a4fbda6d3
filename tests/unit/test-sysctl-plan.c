/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The planner of sysctls and host names. */

#include <criterion/criterion.h>
#include <errno.h>

#include "net/net.h"
#include "plan-fixture.h"

#define ALL                                                                                                \
    "\"namespaces\":[{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"user\"}],"   \
    "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"                                    \
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}]"
#define CONFIG(linux, rest) "{\"ociVersion\":\"1.0.0\",\"linux\":{" linux "}" rest "}"

static int plan(struct plan_test *p, const char *json)
{
    plan_test_init(p, json);
    return plan_test_run(p, cf_sysctl_plan_build);
}

Test(sysctl_plan, accepted)
{
    static const struct {
        const char *key, *path;
    } cases[] = {
        {"net.ipv4.ip_forward", "net/ipv4/ip_forward"},
        {"net/ipv4/ip_forward", "net/ipv4/ip_forward"},
        {"net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"},
        {"net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"},
        {"kernel.shmmax", "kernel/shmmax"}, {"kernel.shmall", "kernel/shmall"}, {"kernel.shmmni", "kernel/shmmni"},
        {"kernel.shm_rmid_forced", "kernel/shm_rmid_forced"}, {"kernel.sem", "kernel/sem"},
        {"kernel.msgmax", "kernel/msgmax"}, {"kernel.msgmnb", "kernel/msgmnb"}, {"kernel.msgmni", "kernel/msgmni"},
        {"fs.mqueue.msg_max", "fs/mqueue/msg_max"}, {"kernel.domainname", "kernel/domainname"},
        {"user.max_user_namespaces", "user/max_user_namespaces"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char json[1024], line[256];

        (void) snprintf(json, sizeof(json), CONFIG(ALL ",\"sysctl\":{\"%s\":\"1 2\"}", ""), cases[i].key);
        (void) snprintf(line, sizeof(line), "] path=\"%s\" value=\"1 2\" key=\"%s\"\n", cases[i].path,
                        cases[i].key);
        EXPECT_OK(&p, plan(&p, json));
        EXPECT_IN(&p, line);
        plan_test_done(&p);
    }
}

Test(sysctl_plan, refused)
{
    static const struct {
        const char *key, *value, *text;
    } bad[] = {
        {"kernel.panic", "1", "is not in a separate kernel namespace"},
        {"vm.swappiness", "1", "is not in a separate kernel namespace"},
        {"fs.file-max", "1", "is not in a separate kernel namespace"},
        {"network.x", "1", "is not in a separate kernel namespace"},
        {"kernel.shmmaxx", "1", "is not in a separate kernel namespace"},
        {"net", "1", "is not in a separate kernel namespace"},
        {"kernel.hostname", "x", "is set with the key hostname"},
        {"net/../kernel/panic", "1", "is not a valid key"},
        {"net//x", "1", "is not a valid key"},
        {"net.", "1", "is not a valid key"},
        {"/net/x", "1", "is not a valid key"},
        {"net.ipv4.x", "1\\n2", "line break"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[1024], text[256];

        (void) snprintf(json, sizeof(json), CONFIG(ALL ",\"sysctl\":{\"%s\":\"%s\"}", ""), bad[i].key, bad[i].value);
        (void) snprintf(text, sizeof(text), "linux.sysctl.%s", bad[i].key);
        EXPECT_ERROR(&p, plan(&p, json), text, bad[i].text);
        (void) snprintf(text, sizeof(text), "sysctl \"%s\" ", bad[i].key);
        cr_expect_not_null(strstr(p.err.text, text));
        plan_test_done(&p);
    }
}

Test(sysctl_plan, needs_the_namespace)
{
    static const char *const keys[] = {"net.x", "kernel.sem", "fs.mqueue.x", "kernel.domainname", "user.x"};
    struct plan_test p;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char json[256], field[64];

        (void) snprintf(json, sizeof(json), CONFIG("\"sysctl\":{\"%s\":\"1\"}", ""), keys[i]);
        (void) snprintf(field, sizeof(field), "linux.sysctl.%s", keys[i]);
        EXPECT_ERROR(&p, plan(&p, json), field, "is not in a separate kernel namespace");
        plan_test_done(&p);
    }
    /* A joined one is fine here; the opener looks whether it is the runtime's own. */
    EXPECT_OK(&p, plan(&p, CONFIG("\"namespaces\":[{\"type\":\"network\",\"path\":\"/n\"}],"
                                  "\"sysctl\":{\"net.x\":\"1\"}", "")));
    cr_expect_neq(p.plan.ns.private_types, 0);
    plan_test_done(&p);
}

Test(sysctl_plan, names)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG("\"namespaces\":[{\"type\":\"uts\"}]",
                                  ",\"hostname\":\"h\",\"domainname\":\"d\"")));
    EXPECT_IN(&p, "hostname \"h\"\ndomainname \"d\"\n");
    plan_test_done(&p);
    EXPECT_ERROR(&p, plan(&p, CONFIG("", ",\"hostname\":\"h\"")), "hostname", "without a private UTS namespace");
    plan_test_done(&p);
    EXPECT_ERROR(&p, plan(&p, CONFIG("\"namespaces\":[{\"type\":\"uts\"}]", ",\"domainname\":"
        "\"12345678901234567890123456789012345678901234567890123456789012345\"")), "domainname", "longer than 64");
    plan_test_done(&p);
}

/* Joined namespaces that a new user namespace has no rights in: the host writes, where it can. */
Test(sysctl_plan, joined_with_a_new_user_namespace)
{
    static const char json[] = CONFIG(
        "\"namespaces\":[{\"type\":\"network\",\"path\":\"/n\"},{\"type\":\"uts\",\"path\":\"/u\"},{\"type\":\"ipc\"},"
        "{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
        "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
        "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\",\"kernel.msgmax\":\"2\"}", "");
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, json));
    cr_assert_eq(p.plan.n_host_sysctls, 1);
    cr_expect_str_eq(p.plan.host_sysctls[0].path, "net/ipv4/ip_forward");
    cr_expect_eq(p.plan.host_sysctls[0].ns, CLONE_NEWNET);
    EXPECT_NOT_IN(&p, "ip_forward");
    EXPECT_IN(&p, "path=\"kernel/msgmax\" value=\"2\"");
    plan_test_done(&p);
    for (int unprivileged = 0; unprivileged < 2; unprivileged++) {
        plan_test_init(&p, json);
        p.facts.in_userns = !unprivileged;
        if (unprivileged)
            p.facts.cap_effective = 0;
        plan_test_base(&p);
        EXPECT_ERROR(&p, cf_sysctl_plan_build(&p.in, &p.plan, &p.err), "linux.sysctl.net.ipv4.ip_forward",
                     "belongs to another user namespace");
        cr_expect_str_eq(p.err.code, "sysctl-foreign");
        plan_test_done(&p);
    }
    EXPECT_ERROR(&p, plan(&p, CONFIG("\"namespaces\":[{\"type\":\"uts\",\"path\":\"/u\"},{\"type\":\"user\"}],"
                                     "\"uidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}],"
                                     "\"gidMappings\":[{\"containerID\":0,\"hostID\":1000,\"size\":1}]",
                                     ",\"hostname\":\"x\"")),
                 "hostname", "belongs to another user namespace");
    plan_test_done(&p);
}
