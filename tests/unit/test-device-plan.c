/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The planner of device nodes and links. */

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include "mount/mount.h"
#include "plan-fixture.h"

#define NS "\"namespaces\":[{\"type\":\"mount\"}]"
#define USERNS                                                                                             \
    "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}],"                                           \
    "\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":1000}],"                               \
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":1000}]"
#define CONFIG(linux, mounts)                                                                              \
    "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\"},\"mounts\":[" mounts "],\"linux\":{" linux "}}"
#define FUSE "{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229}"
#define PROC "{\"destination\":\"/proc\",\"type\":\"proc\"}"

static int build(struct plan_test *p)
{
    int r;

    cr_assert_eq(cf_ns_plan_build(&p->in, &p->plan, &p->err), 0, "%s", p->err.text);
    r = cf_userns_plan_build(&p->in, &p->plan, &p->err);
    if (r >= 0)
        r = cf_mount_plan_build(&p->in, &p->plan, &p->err);
    if (r >= 0)
        r = cf_device_plan_build(&p->in, &p->plan, &p->err);
    if (r >= 0)
        (void) plan_test_dump(p);
    return r;
}

static int plan(struct plan_test *p, const char *json)
{
    plan_test_init(p, json);
    return build(p);
}

Test(device_plan, defaults)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG(NS, PROC)));
    EXPECT_IN(&p, "device[0] mknod path=\"/dev/null\" mode=020666 dev=1:3 owner=0:0\n"
                  "device[1] mknod path=\"/dev/zero\" mode=020666 dev=1:5 owner=0:0\n"
                  "device[2] mknod path=\"/dev/full\" mode=020666 dev=1:7 owner=0:0\n"
                  "device[3] mknod path=\"/dev/random\" mode=020666 dev=1:8 owner=0:0\n"
                  "device[4] mknod path=\"/dev/urandom\" mode=020666 dev=1:9 owner=0:0\n"
                  "device[5] mknod path=\"/dev/tty\" mode=020666 dev=5:0 owner=0:0\n");
    EXPECT_IN(&p, "link[0] path=\"/dev/fd\" target=\"/proc/self/fd\"\n");
    EXPECT_IN(&p, "link[4] path=\"/dev/core\" target=\"/proc/kcore\"\n");
    EXPECT_IN(&p, "link[5] path=\"/dev/ptmx\" target=\"pts/ptmx\"\n");
    plan_test_done(&p);

    EXPECT_OK(&p, plan(&p, CONFIG(NS, "")));
    EXPECT_NOT_IN(&p, "/proc/self/fd");
    EXPECT_IN(&p, "link[0] path=\"/dev/ptmx\"");
    plan_test_done(&p);
}

Test(device_plan, configured)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG(NS ",\"devices\":["
        "{\"path\":\"/dev/fuse\",\"type\":\"u\",\"major\":10,\"minor\":229,\"fileMode\":384,\"uid\":5,\"gid\":6},"
        "{\"path\":\"/dev//x/../pipe\",\"type\":\"p\"},"
        "{\"path\":\"/dev/sda\",\"type\":\"b\",\"major\":8,\"minor\":0,\"fileMode\":24992},"
        "{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":292},"
        "{\"path\":\"/dev/fuse\",\"type\":\"c\",\"major\":10,\"minor\":229}]", PROC)));
    EXPECT_IN(&p, "device[0] mknod path=\"/dev/fuse\" mode=020600 dev=10:229 owner=5:6 config=0\n"
                  "device[1] mknod path=\"/dev/pipe\" mode=010666 dev=0:0 owner=0:0 config=1\n"
                  "device[2] mknod path=\"/dev/sda\" mode=060640 dev=8:0 owner=0:0 config=2\n"
                  "device[3] mknod path=\"/dev/null\" mode=020444 dev=1:3 owner=0:0 config=3\n"
                  "device[4] mknod path=\"/dev/zero\"");
    plan_test_done(&p);
}

#define DEV "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\"]}"

Test(device_plan, user_namespace)
{
    const struct cf_source *dev;
    struct plan_test p;

    /* All of them in the tmpfs that the host makes. */
    EXPECT_OK(&p, plan(&p, CONFIG(USERNS ",\"devices\":[{\"path\":\"/dev/net/tun\",\"type\":\"c\",\"major\":10,"
                                         "\"minor\":200,\"fileMode\":384,\"uid\":5,\"gid\":6},"
                                         "{\"path\":\"/dev/p\",\"type\":\"p\"}]", DEV)));
    EXPECT_IN(&p, "device[0] made path=\"/dev/net/tun\" mode=020600 dev=10:200 owner=5:6 config=0\n"
                  "device[1] mknod path=\"/dev/p\"");
    EXPECT_IN(&p, "device[2] made path=\"/dev/null\" mode=020666 dev=1:3 owner=0:0\n");
    EXPECT_NOT_IN(&p, "own-dev");
    cr_assert_eq(p.plan.n_sources, 2);
    dev = &p.plan.sources[1];
    cr_expect_eq(dev->kind, CF_SOURCE_DEV);
    cr_expect_eq(dev->root_uid, 100000);
    cr_assert_eq(dev->n_params, 4);
    cr_expect_str_eq(dev->params[0].key, "mode");
    cr_expect_str_eq(dev->params[2].value, "100000");
    cr_assert_eq(dev->n_nodes, 7);
    cr_expect_str_eq(dev->nodes[0].name, "net/tun");
    cr_expect_eq(dev->nodes[0].mode, S_IFCHR | 0600);
    cr_expect_eq(dev->nodes[0].uid, 100005);
    cr_expect_eq(dev->nodes[0].gid, 100006);
    cr_expect_str_eq(dev->nodes[1].name, "null");
    cr_expect_eq(dev->nodes[1].uid, 100000);
    plan_test_done(&p);

    /* The same without a mount at /dev. */
    EXPECT_OK(&p, plan(&p, CONFIG(USERNS, "")));
    EXPECT_IN(&p, "own-dev");
    EXPECT_IN(&p, "dev=1\n");
    EXPECT_IN(&p, "device[0] made path=\"/dev/null\"");
    cr_expect_eq(p.plan.sources[1].n_nodes, 6);
    plan_test_done(&p);
}

Test(device_plan, user_namespace_one_by_one)
{
    /* What the host cannot do as init would: the nodes are cloned from a private tmpfs. */
    static const char *const options[] = {
        "\"nosuid\"", "\"mode=755\",\"ro\"", "\"mode=755\",\"uid=5\"", "\"mode=755\",\"tmpcopyup\"", "\"mode=755\",\"shared\"",
        "\"mode=755\",\"nodev\"", "\"mode=755\",\"huge=always\"",
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        char json[1024];

        (void) snprintf(json, sizeof(json),
                        CONFIG(USERNS, "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"options\":[%s]}"), options[i]);
        EXPECT_OK(&p, plan(&p, json));
        EXPECT_IN(&p, "device[0] tree path=\"/dev/null\" mode=020666 dev=1:3 owner=0:0 fd=1\n");
        cr_expect_eq(p.plan.sources[1].kind, CF_SOURCE_DEVICE);
        cr_expect_eq(p.plan.sources[1].n_nodes, 1);
        plan_test_done(&p);
    }
    EXPECT_OK(&p, plan(&p, CONFIG(USERNS, DEV ",{\"destination\":\"/dev/\",\"options\":[\"remount\",\"size=1m\"]}")));
    EXPECT_IN(&p, "device[0] tree path=\"/dev/null\"");
    plan_test_done(&p);

    /* Onto, and below, what is mounted; outside /dev. */
    EXPECT_OK(&p, plan(&p, CONFIG(USERNS ",\"devices\":[" FUSE ",{\"path\":\"/dev/x/y\",\"type\":\"c\",\"major\":10,"
                                         "\"minor\":1},{\"path\":\"/opt/z\",\"type\":\"b\",\"major\":8,\"minor\":1}]",
                                  DEV ",{\"destination\":\"/dev/fuse\",\"source\":\"/dev/fuse\",\"options\":[\"bind\"]},"
                                      "{\"destination\":\"/dev/x\",\"type\":\"tmpfs\"}")));
    EXPECT_IN(&p, "device[0] tree path=\"/dev/fuse\"");
    EXPECT_IN(&p, "device[1] tree path=\"/dev/x/y\"");
    EXPECT_IN(&p, "device[2] tree path=\"/opt/z\"");
    EXPECT_IN(&p, "device[3] made path=\"/dev/null\"");
    plan_test_done(&p);
}

Test(device_plan, user_namespace_without_mknod)
{
    struct plan_test p;

    plan_test_init(&p, CONFIG(USERNS ",\"devices\":[" FUSE "]", DEV));
    p.facts.cap_effective &= ~(UINT64_C(1) << CAP_MKNOD);
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "device[0] tree path=\"/dev/fuse\" source=\"/dev/fuse\" mode=020666 dev=10:229 owner=0:0 fd=1");
    cr_expect_eq(p.plan.sources[1].kind, CF_SOURCE_DEVICE);
    cr_expect_eq(p.plan.sources[1].n_nodes, 0);
    cr_expect_eq(p.plan.sources[1].device_mode, S_IFCHR);
    cr_expect_eq(p.plan.sources[1].device_major, 10);
    cr_expect_eq(p.plan.sources[1].device_minor, 229);
    cr_expect_str_eq(p.plan.sources[1].field, "linux.devices[0].path");
    plan_test_done(&p);

    plan_test_init(&p, CONFIG(USERNS, ""));
    p.facts.cap_effective = 0;
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "device[0] bind path=\"/dev/null\" source=\"/dev/null\" mode=020666 dev=1:3 owner=0:0\n");
    plan_test_done(&p);

    /* The runtime itself lives in one: mknod(2) is refused there, too. */
    plan_test_init(&p, CONFIG(NS, ""));
    p.facts.in_userns = true;
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "device[0] tree path=\"/dev/null\"");
    plan_test_done(&p);
}

Test(device_plan, bound_dev_is_left_alone)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG(NS ",\"maskedPaths\":[\"/proc/kcore\"],\"devices\":[" FUSE
                                     ",{\"path\":\"/opt/x\",\"type\":\"p\"}]",
                                  "{\"destination\":\"/dev\",\"source\":\"/dev\",\"options\":[\"rbind\"]}," PROC)));
    EXPECT_IN(&p, "device[0] mknod path=\"/opt/x\"");
    EXPECT_NOT_IN(&p, "device[1]");
    EXPECT_NOT_IN(&p, "link[0]");
    EXPECT_NOT_IN(&p, "own-dev");
    EXPECT_IN(&p, "null=2\n");
    cr_expect_eq(p.plan.sources[2].kind, CF_SOURCE_DEVICE);
    cr_expect_eq(plan_test_warnings(&p), 1);
    plan_test_done(&p);
}

Test(device_plan, a_long_name_is_told_with_its_place)
{
    struct plan_test p;
    char json[1024];

    (void) snprintf(json, sizeof(json), CONFIG(NS ",\"devices\":[" FUSE ",{\"path\":\"/dev/%0256d\",\"type\":\"p\"}]", ""), 1);
    EXPECT_ERROR(&p, plan(&p, json), "linux.devices[1].path", "too long");
    plan_test_done(&p);
}

Test(device_plan, errors)
{
    static const struct {
        const char *device, *member, *text;
    } bad[] = {
        {"{\"path\":\"dev/x\",\"type\":\"p\"}", "path", "expected an absolute path"},
        {"{\"path\":\"/\",\"type\":\"p\"}", "path", "root of the container"},
        {"{\"path\":\"/proc/x\",\"type\":\"p\"}", "path", "below /proc"},
        {"{\"path\":\"/dev/x\",\"type\":\"x\"}", "type", "expected one of c, u, b, p"},
        {"{\"path\":\"/dev/x\",\"type\":\"cc\",\"major\":1,\"minor\":1}", "type", "expected one of c, u, b, p"},
        {"{\"path\":\"/dev/x\",\"type\":\"c\",\"minor\":1}", "major", "required"},
        {"{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1}", "minor", "required"},
        {"{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":-1,\"minor\":1}", "major", "0 to 4095"},
        {"{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1,\"minor\":1048576}", "minor", "0 to 1048575"},
        {"{\"path\":\"/dev/x\",\"type\":\"p\",\"fileMode\":2048}", "fileMode", "permission bits"},
        {"{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":24992}", "fileMode", "permission bits"},
        {"{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":5}", "path", "must be the null device"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[1024], field[64];

        (void) snprintf(json, sizeof(json), CONFIG(NS ",\"devices\":[%s]", ""), bad[i].device);
        (void) snprintf(field, sizeof(field), "linux.devices[0].%s", bad[i].member);
        EXPECT_ERROR(&p, plan(&p, json), field, bad[i].text);
        plan_test_done(&p);
    }
    EXPECT_ERROR(&p, plan(&p, CONFIG(NS ",\"devices\":[" FUSE ",{\"path\":\"/dev/fuse\",\"type\":\"p\"}]", "")),
                 "linux.devices[1].path", "another device");
    plan_test_done(&p);
    EXPECT_ERROR(&p, plan(&p, CONFIG(USERNS ",\"devices\":[{\"path\":\"/dev/x\",\"type\":\"p\",\"gid\":1000}]", "")),
                 "linux.devices[0].gid", "not mapped");
    plan_test_done(&p);
    EXPECT_ERROR(&p, plan(&p, CONFIG(NS ",\"devices\":[{\"path\":\"/dev/x\",\"type\":\"p\",\"uid\":4294967295}]", "")),
                 "linux.devices[0].uid", "not mapped");
    plan_test_done(&p);
    EXPECT_ERROR(&p, plan(&p, CONFIG("\"devices\":[" FUSE "]", "")), "linux.devices",
                 "without a private MNT namespace");
    plan_test_done(&p);
}
