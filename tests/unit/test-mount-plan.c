/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The planners of root and mounts: from JSON to blob and sources. */

#include <criterion/criterion.h>
#include <errno.h>
#include <linux/capability.h>

#include "mount/mount.h"
#include "plan-fixture.h"
#include "sys/mountfd.h"

#define NS "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"network\"}]"
#define USERNS                                                                                             \
    "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"},{\"type\":\"pid\"},{\"type\":\"ipc\"},"     \
    "{\"type\":\"network\"}],\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"      \
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":1000}]"
#define CONFIG(linux, rest) "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\"},\"linux\":{" linux "}" rest "}"
#define MOUNTS(linux, mounts) CONFIG(linux, ",\"mounts\":[" mounts "]")

static int build(struct plan_test *p)
{
    return plan_test_run(p, cf_mount_plan_build);
}

static int plan(struct plan_test *p, const char *json)
{
    plan_test_init(p, json);
    return build(p);
}

Test(mount_plan, usual_mounts)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, MOUNTS(NS,
        "{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
        "{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
        "\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
        "{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
        "\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"gid=5\"]},"
        "{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\",\"options\":[\"nosuid\",\"mode=1777\"]},"
        "{\"destination\":\"/tmp\",\"type\":\"tmpfs\",\"options\":[\"ro\",\"tmpcopyup\"]}")));
    EXPECT_IN(&p, "mount[0] fs target=\"/proc\" source=\"proc\" fstype=\"proc\" flags=api-fs,is-proc config=0\n");
    EXPECT_IN(&p, "mount[1] fs target=\"/dev\" source=\"tmpfs\" fstype=\"tmpfs\" flags=api-fs,is-dev "
                  "set=nosuid,strictatime config=1\n"
                  "mount[1].param[0] mode=\"755\"\nmount[1].param[1] size=\"65536k\"\n");
    EXPECT_IN(&p, "flags=api-fs,is-pts set=nosuid,noexec config=2\nmount[2].param[0] newinstance\n");
    EXPECT_IN(&p, "mount[3] fs target=\"/dev/shm\" source=\"shm\" fstype=\"tmpfs\" flags=api-fs "
                  "set=nosuid,nosymfollow config=3\n");
    EXPECT_IN(&p, "mount[4] fs target=\"/tmp\" source=\"tmpfs\" fstype=\"tmpfs\" flags=copyup,tmpfs-mode set=rdonly");
    EXPECT_IN(&p, "host-propagation make=slave,recursive\n");
    EXPECT_NOT_IN(&p, "own-dev");
    EXPECT_NOT_IN(&p, "root-propagation");
    EXPECT_IN(&p, "root=0 ");
    EXPECT_IN(&p, "root \"/bundle/rootfs\"\n");
    cr_assert_eq(p.plan.n_sources, 1);
    cr_expect_eq(p.plan.sources[0].kind, CF_SOURCE_ROOT);
    cr_expect(p.plan.sources[0].clone && p.plan.sources[0].recursive);
    cr_assert_eq(p.plan.sources[0].n_propagation, 1);
    cr_expect_eq(p.plan.sources[0].propagation[0], MS_PRIVATE | MS_REC);
    plan_test_done(&p);
}

Test(mount_plan, bind_opened_by_the_host)
{
    const struct cf_source *s;
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, MOUNTS(NS,
        "{\"destination\":\"/a\",\"source\":\"/srv/a\",\"options\":[\"rbind\",\"ro\",\"rprivate\"]},"
        "{\"destination\":\"/b\",\"source\":\"data/b\",\"options\":[\"bind\",\"src-nofollow\",\"dest-nofollow\"]}")));
    EXPECT_IN(&p, "mount[0] tree target=\"/a\" source=\"/srv/a\" fd=1 flags=recursive config=0\n");
    EXPECT_IN(&p, "mount[1] tree target=\"/b\" source=\"/bundle/data/b\" fd=2 flags=src-nofollow,dest-nofollow");
    EXPECT_IN(&p, "own-dev");
    s = &p.plan.sources[1];
    cr_expect_eq(s->kind, CF_SOURCE_BIND);
    cr_expect_str_eq(s->path, "/srv/a");
    cr_expect_str_eq(s->field, "mounts[0].source");
    cr_expect(s->recursive && !s->nofollow);
    cr_expect_eq(s->attr_set, MOUNT_ATTR_RDONLY);
    cr_expect_eq(s->rec_attr_set, 0);
    cr_expect_eq(s->dir_attr_set, 0);
    cr_expect_eq(s->blob_mount, 0);
    cr_assert_eq(s->n_propagation, 2);
    cr_expect_eq(s->propagation[0], MS_SLAVE | MS_REC);
    cr_expect_eq(s->propagation[1], MS_PRIVATE | MS_REC);
    s = &p.plan.sources[2];
    cr_expect_str_eq(s->path, "/bundle/data/b");
    cr_expect(!s->recursive && s->nofollow);
    cr_expect_eq(s->blob_mount, 1);
    plan_test_done(&p);
}

Test(mount_plan, bind_opened_by_init)
{
    struct plan_test p;

    plan_test_init(&p, MOUNTS(USERNS,
        "{\"destination\":\"/a\",\"source\":\"/srv/a\",\"options\":[\"rbind\",\"ro\",\"rw\"]},"
        "{\"destination\":\"/b\",\"source\":\"/srv/b\",\"options\":[\"bind\",\"suid\",\"copy-symlink\"]}"));
    p.facts.cap_effective = 0;
    p.facts.privileged = false;
    p.facts.uid = p.facts.euid = 1000;
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "root=-1 ");
    EXPECT_IN(&p, "mount[0] bind target=\"/a\" source=\"/srv/a\" flags=recursive clear=rdonly rec-set=nosuid config=0\n"
                  "mount[0].propagation[0] make=slave,recursive\n");
    EXPECT_IN(&p, "mount[1] bind target=\"/b\" source=\"/srv/b\" clear=nosuid config=1\n");
    cr_assert_eq(p.plan.n_sources, 1); /* only a look at the link */
    cr_expect(p.plan.sources[0].probe && p.plan.sources[0].copy_symlink);
    cr_expect_eq(p.plan.sources[0].blob_mount, 1);
    plan_test_done(&p);
}

/* Rule U5: nothing of a volume gives rights inside, unless asked for; a single device stays usable. */
Test(mount_plan, userns_binds_lose_suid_and_devices)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, MOUNTS(USERNS,
        "{\"destination\":\"/a\",\"source\":\"/a\",\"options\":[\"bind\"]},"
        "{\"destination\":\"/b\",\"source\":\"/b\",\"options\":[\"bind\",\"suid\",\"dev\"]},"
        "{\"destination\":\"/c\",\"source\":\"/c\",\"options\":[\"bind\",\"nodev\",\"shared\"]}")));
    cr_expect_eq(p.plan.sources[1].rec_attr_set, MOUNT_ATTR_NOSUID);
    cr_expect_eq(p.plan.sources[1].dir_attr_set, MOUNT_ATTR_NODEV);
    cr_expect_eq(p.plan.sources[2].rec_attr_set, 0);
    cr_expect_eq(p.plan.sources[2].dir_attr_set, 0);
    cr_expect_eq(p.plan.sources[3].attr_set, MOUNT_ATTR_NODEV);
    /* Shared, but never with the host. */
    cr_assert_eq(p.plan.sources[3].n_propagation, 2);
    cr_expect_eq(p.plan.sources[3].propagation[0], MS_SLAVE | MS_REC);
    cr_expect_eq(p.plan.sources[3].propagation[1], MS_SHARED);
    plan_test_done(&p);
}

struct propagation_case {
    const char *word, *host, *root;
    uint32_t clone; /* first propagation of a bind, 0: left */
};

Test(mount_plan, rootfs_propagation)
{
    static const struct propagation_case cases[] = {
        {"shared", "slave,recursive", "shared\n", 0},
        {"rshared", "slave,recursive", "shared\n", 0},
        {"slave", "slave,recursive", "slave\n", MS_SLAVE | MS_REC},
        {"rslave", "slave,recursive", "slave\n", MS_SLAVE | MS_REC},
        {"private", "private,recursive", "private\n", MS_PRIVATE | MS_REC},
        {"rprivate", "private,recursive", "private\n", MS_PRIVATE | MS_REC},
        {"unbindable", "private,recursive", "unbindable\n", MS_PRIVATE | MS_REC},
        {"runbindable", "private,recursive", "unbindable,recursive\n", MS_PRIVATE | MS_REC},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char json[1024], line[128];
        const struct cf_source *s;
        struct plan_test p;

        (void) snprintf(json, sizeof(json),
                        MOUNTS(NS ",\"rootfsPropagation\":\"%s\"",
                               "{\"destination\":\"/a\",\"source\":\"/a\",\"options\":[\"bind\"]}"), cases[i].word);
        EXPECT_OK(&p, plan(&p, json));
        (void) snprintf(line, sizeof(line), "host-propagation make=%s\nroot-propagation make=%s", cases[i].host,
                        cases[i].root);
        EXPECT_IN(&p, line);
        s = &p.plan.sources[1];
        cr_expect_eq(s->n_propagation, cases[i].clone != 0, "%s", cases[i].word);
        if (s->n_propagation)
            cr_expect_eq(s->propagation[0], cases[i].clone, "%s", cases[i].word);
        plan_test_done(&p);
    }
}

Test(mount_plan, rootfs_propagation_errors)
{
    struct plan_test p;

    EXPECT_ERROR(&p, plan(&p, CONFIG(NS ",\"rootfsPropagation\":\"both\"", "")), "linux.rootfsPropagation",
                 "rootfsPropagation=both is not supported");
    plan_test_done(&p);

    plan_test_init(&p, CONFIG(NS ",\"rootfsPropagation\":\"rprivate\"", ""));
    p.options.no_pivot = true;
    EXPECT_ERROR(&p, build(&p), "linux.rootfsPropagation",
                 "rootfsPropagation of [r]private is not safe without pivot_root");
    plan_test_done(&p);
}

/* In a user namespace no host peer is left, whatever the root is. */
Test(mount_plan, userns_never_leaves_a_peer)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, MOUNTS(USERNS ",\"rootfsPropagation\":\"rshared\"",
                                  "{\"destination\":\"/a\",\"source\":\"/a\",\"options\":[\"bind\"]}")));
    cr_assert_eq(p.plan.sources[1].n_propagation, 1);
    cr_expect_eq(p.plan.sources[1].propagation[0], MS_SLAVE | MS_REC);
    plan_test_done(&p);
}

Test(mount_plan, destinations)
{
    static const struct {
        const char *mount, *field, *text;
    } bad[] = {
        {"{\"destination\":\"/\",\"type\":\"tmpfs\"}", "mounts[0].destination", "root of the container"},
        {"{\"destination\":\"/x/..\",\"type\":\"tmpfs\"}", "mounts[0].destination", "root of the container"},
        {"{\"destination\":\"\",\"type\":\"tmpfs\"}", "mounts[0].destination", "empty"},
        {"{\"destination\":\"/proc\",\"type\":\"tmpfs\"}", "mounts[0].destination", "inside /proc"},
        {"{\"destination\":\"/x/../proc/self\",\"type\":\"tmpfs\"}", "mounts[0].destination", "inside /proc"},
        {"{\"destination\":\"/proc/sys\",\"type\":\"proc\"}", "mounts[0].destination", "inside /proc"},
        {"{\"destination\":\"/proc\",\"source\":\"/srv\",\"options\":[\"bind\"]}", "mounts[0].destination",
         "inside /proc"},
        {"{\"destination\":\"/proc/self/attr\",\"source\":\"/srv\",\"options\":[\"rbind\"]}", "mounts[0].destination",
         "inside /proc"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[1024];

        (void) snprintf(json, sizeof(json), MOUNTS(NS, "%s"), bad[i].mount);
        EXPECT_ERROR(&p, plan(&p, json), bad[i].field, bad[i].text);
        plan_test_done(&p);
    }
    EXPECT_OK(&p, plan(&p, MOUNTS(NS, "{\"destination\":\"x/y\",\"type\":\"tmpfs\"},"
        "{\"destination\":\"/proc/meminfo\",\"source\":\"/srv/m\",\"options\":[\"bind\"]},"
        "{\"destination\":\"/proc\",\"source\":\"/proc\",\"options\":[\"rbind\"]}")));
    EXPECT_IN(&p, "target=\"/x/y\"");
    EXPECT_NOT_IN(&p, "is-proc"); /* it shows another pid namespace */
    cr_expect_eq(plan_test_warnings(&p), 1);
    plan_test_done(&p);
}

Test(mount_plan, errors)
{
    static const struct {
        const char *mount, *field, *text;
    } bad[] = {
        {"{\"destination\":\"/a\",\"source\":\"/a\",\"options\":[\"bind\",\"size=1\"]}", "mounts[0].options[1]",
         "bind mounts cannot have any filesystem-specific options applied"},
        {"{\"destination\":\"/a\",\"options\":[\"bind\"]}", "mounts[0].source", "needs a source"},
        {"{\"destination\":\"/a\"}", "mounts[0].type", "needs a type"},
        {"{\"destination\":\"/a\",\"type\":\"tmpfs\",\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]}",
         "mounts[0].gidMappings", "id-mapped mounts must have both"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char json[1024];

        (void) snprintf(json, sizeof(json), MOUNTS(NS, "%s"), bad[i].mount);
        EXPECT_ERROR(&p, plan(&p, json), bad[i].field, bad[i].text);
        plan_test_done(&p);
    }
}

/* "bind" as a type without the option is a file system that no kernel has: it says so itself. */
Test(mount_plan, type_bind_is_no_bind)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, MOUNTS(NS, "{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/a\"}")));
    EXPECT_IN(&p, "mount[0] fs target=\"/a\" source=\"/a\" fstype=\"bind\"");
    plan_test_done(&p);
}

Test(mount_plan, no_mount_namespace)
{
    static const struct {
        const char *json, *field;
    } bad[] = {
        {MOUNTS("", "{\"destination\":\"/a\",\"type\":\"tmpfs\"}"), "mounts"},
        {CONFIG("\"maskedPaths\":[\"/proc/kcore\"]", ""), "linux.maskedPaths"},
        {CONFIG("\"readonlyPaths\":[\"/proc/sys\"]", ""), "linux.readonlyPaths"},
        {"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true}}", "root.readonly"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        EXPECT_ERROR(&p, plan(&p, bad[i].json), bad[i].field, "without a private MNT namespace");
        plan_test_done(&p);
    }
    EXPECT_OK(&p, plan(&p, CONFIG("", "")));
    EXPECT_NOT_IN(&p, "own-dev");
    cr_assert_eq(p.plan.n_sources, 1);
    cr_expect_not(p.plan.sources[0].clone);
    plan_test_done(&p);
}

/* What shows a namespace that the container's user namespace does not own: by the host, as a bind mount, or not. */
Test(mount_plan, userns_file_systems)
{
    static const char ids[] = "\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
                              "\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}]";
    enum { BY_INIT, BY_HOST, BOUND, REFUSED };
    static const struct {
        const char *type, *ns, *needs;
        bool nested, rootless;
        int expected;
    } cases[] = {
        {"sysfs", ",{\"type\":\"network\"}", NULL, false, false, BY_INIT},
        {"sysfs", "", NULL, false, false, BY_HOST},
        {"sysfs", ",{\"type\":\"network\",\"path\":\"/x\"}", NULL, false, false, BY_HOST},
        {"sysfs", ",{\"type\":\"network\",\"path\":\"/x\"}", NULL, true, false, BY_HOST},
        {"sysfs", "", NULL, true, false, BOUND},
        {"sysfs", "", NULL, false, true, BOUND},
        {"mqueue", "", NULL, false, false, BY_HOST},
        {"mqueue", ",{\"type\":\"ipc\",\"path\":\"/x\"}", NULL, false, false, BY_HOST},
        {"mqueue", "", "ipc", true, false, REFUSED},
        {"mqueue", "", "ipc", false, true, REFUSED},
        {"proc", "", "pid", false, false, REFUSED},
        {"proc", ",{\"type\":\"pid\",\"path\":\"/x\"}", "pid", false, false, REFUSED},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cf_source *last;
        char json[1024];
        int r;

        (void) snprintf(json, sizeof(json),
                        MOUNTS("\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"user\"}%s],%s",
                               "{\"destination\":\"%s\",\"type\":\"%s\"}"),
                        cases[i].ns, ids, strcmp(cases[i].type, "proc") == 0 ? "/proc" : "/x", cases[i].type);
        plan_test_init(&p, json);
        p.facts.in_userns = cases[i].nested;
        if (cases[i].rootless) {
            p.facts.cap_effective = 0;
            p.facts.privileged = false;
        }
        plan_test_base(&p);
        r = cf_mount_plan_build(&p.in, &p.plan, &p.err);
        if (cases[i].expected == REFUSED) {
            cr_assert_eq(r, -EINVAL, "case %zu", i);
            cr_expect_not_null(strstr(p.err.text, cases[i].needs));
            cr_expect_str_eq(p.err.code, "mount-userns");
            plan_test_done(&p);
            continue;
        }
        cr_assert_eq(r, 0, "case %zu: %s", i, p.err.text);
        cr_assert_geq(p.plan.n_mounts, 1);
        last = p.plan.n_sources ? &p.plan.sources[p.plan.mounts[0].fd < 0 ? 0 : p.plan.mounts[0].fd] : NULL;
        switch (cases[i].expected) {
        case BY_INIT:
            cr_expect_eq(p.plan.mounts[0].kind, CF_MOUNT_FS, "case %zu", i);
            break;
        case BY_HOST:
            cr_assert_eq(p.plan.mounts[0].kind, CF_MOUNT_TREE, "case %zu", i);
            cr_expect_eq(last->kind, CF_SOURCE_FS, "case %zu", i);
            cr_expect_str_eq(last->fstype, cases[i].type);
            cr_expect_eq(!!(last->attr_set & MOUNT_ATTR_RDONLY), strcmp(cases[i].type, "sysfs") == 0, "case %zu", i);
            break;
        default:
            if (cases[i].rootless) {
                cr_expect_eq(p.plan.mounts[0].kind, CF_MOUNT_BIND, "case %zu", i);
                cr_expect(p.plan.mounts[0].rec_attr_set & MOUNT_ATTR_RDONLY, "case %zu", i);
            } else {
                cr_assert_eq(p.plan.mounts[0].kind, CF_MOUNT_TREE, "case %zu", i);
                cr_expect_str_eq(last->path, "/sys");
                cr_expect(last->recursive && (last->rec_attr_set & MOUNT_ATTR_RDONLY), "case %zu", i);
            }
        }
        plan_test_done(&p);
    }
    EXPECT_ERROR(&p, plan(&p, MOUNTS(USERNS, "{\"destination\":\"/dev/pts\",\"type\":\"devpts\","
                                             "\"options\":[\"ro\",\"gid=5000\"]}")),
                 "mounts[0].options[1]", "`gid=5000` is not mapped by linux.gidMappings");
    plan_test_done(&p);
}

Test(mount_plan, superblock_options)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, MOUNTS(NS,
        "{\"destination\":\"/d\",\"type\":\"ext4\",\"source\":\"/dev/sda1\","
        "\"options\":[\"ro\",\"sync\",\"lazytime\",\"iversion\",\"data=ordered\"]},"
        "{\"destination\":\"/d\",\"type\":\"none\",\"options\":[\"remount\",\"bind\",\"rw\",\"size=1\"]},"
        "{\"destination\":\"/d\",\"type\":\"none\",\"options\":[\"remount\",\"nolazytime\",\"ro\",\"rnosuid\"]}")));
    EXPECT_IN(&p, "set=rdonly config=0\nmount[0].param[0] ro\nmount[0].param[1] sync\nmount[0].param[2] lazytime\n"
                  "mount[0].param[3] i_version\nmount[0].param[4] data=\"ordered\"\n");
    EXPECT_IN(&p, "mount[1] remount target=\"/d\" clear=rdonly config=1\nmount[2]");
    EXPECT_IN(&p, "mount[2] remount target=\"/d\" set=rdonly rec-set=nosuid config=2\nmount[2].param[0] nolazytime\n");
    plan_test_done(&p);
}

Test(mount_plan, labels)
{
    struct plan_test p;

    plan_test_init(&p, MOUNTS(NS ",\"mountLabel\":\"u:r:t:s0:c1,c2\"",
        "{\"destination\":\"/t\",\"type\":\"tmpfs\"},{\"destination\":\"/proc\",\"type\":\"proc\"},"
        "{\"destination\":\"/u\",\"type\":\"tmpfs\",\"options\":[\"context=mine\"]}"));
    p.facts.selinux = true;
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "mount[0].param[0] context=\"u:r:t:s0:c1,c2\"\nmount[1]");
    EXPECT_IN(&p, "mount[2].param[0] context=\"mine\"\n");
    EXPECT_NOT_IN(&p, "mount[1].param");
    EXPECT_NOT_IN(&p, "mount[2].param[1]");
    plan_test_done(&p);

    EXPECT_OK(&p, plan(&p, CONFIG(NS ",\"mountLabel\":\"x\"", "")));
    cr_expect_eq(plan_test_warnings(&p), 1);
    plan_test_done(&p);
}

#define CGROUP_MOUNT                                                                                       \
    "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","                      \
    "\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]}"

Test(mount_plan, cgroup_v2)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, MOUNTS("\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"cgroup\"}]", CGROUP_MOUNT)));
    EXPECT_IN(&p, "mount[0] fs target=\"/sys/fs/cgroup\" source=\"cgroup\" fstype=\"cgroup2\" flags=api-fs "
                  "set=rdonly,nosuid,nodev,noexec,nosymfollow config=0\n");
    plan_test_done(&p);

    EXPECT_OK(&p, plan(&p, MOUNTS(NS, CGROUP_MOUNT)));
    EXPECT_IN(&p, "mount[0] tree target=\"/sys/fs/cgroup\" source=\"cgroup\" fd=1 flags=api-fs config=0\n");
    cr_expect_eq(p.plan.sources[1].kind, CF_SOURCE_CGROUP);
    cr_expect_null(p.plan.sources[1].path);
    cr_expect(p.plan.sources[1].attr_set & MOUNT_ATTR_RDONLY);
    plan_test_done(&p);

    plan_test_init(&p, MOUNTS(NS, CGROUP_MOUNT));
    p.facts.cap_effective = 0;
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "mount[0] bind target=\"/sys/fs/cgroup\" source=\"/sys/fs/cgroup\" flags=recursive,api-fs "
                  "rec-set=rdonly,nosuid,nodev,noexec config=0\n");
    plan_test_done(&p);
}

#define CGROUP_WRITABLE(where)                                                                             \
    "{\"destination\":\"" where "\",\"type\":\"cgroup\",\"source\":\"cgroup\",\"options\":[\"nosuid\"]}"
#define MAPPED                                                                                             \
    "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"cgroup\"},{\"type\":\"user\"}],"                   \
    "\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":100}],"                               \
    "\"gidMappings\":[{\"containerID\":0,\"hostID\":200000,\"size\":100}]"

/* A writable mount of the own tree at the usual place hands the cgroup over; without a namespace it is not writable. */
Test(mount_plan, cgroup_v2_writable)
{
    static const struct {
        const char *json;
        bool delegate;
    } cases[] = {
        {MOUNTS(MAPPED, CGROUP_WRITABLE("/sys/fs/cgroup")), true},
        {MOUNTS(MAPPED, CGROUP_WRITABLE("/sys/../sys/fs/cgroup/.")), true},
        {MOUNTS(MAPPED, CGROUP_WRITABLE("/mnt")), false},
        {MOUNTS(MAPPED, CGROUP_MOUNT), false},
        {MOUNTS("\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"cgroup\"}]", CGROUP_WRITABLE("/sys/fs/cgroup")), false},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        plan_test_init(&p, cases[i].json);
        p.plan.cgroup.backend = "v2";
        EXPECT_OK(&p, build(&p));
        cr_expect_eq(p.plan.cgroup.delegate, cases[i].delegate, "%zu", i);
        cr_expect_eq(p.plan.cgroup.owner_uid, cases[i].delegate ? 100000 : 0, "%zu", i);
        cr_expect_eq(p.plan.cgroup.owner_gid, cases[i].delegate ? 200000 : 0, "%zu", i);
        plan_test_done(&p);
    }
    plan_test_init(&p, MOUNTS(NS, CGROUP_WRITABLE("/sys/fs/cgroup")));
    p.plan.cgroup.backend = "v2";
    p.plan.warnings_tail = &p.plan.warnings;
    EXPECT_OK(&p, build(&p));
    cr_expect_eq(p.plan.sources[1].kind, CF_SOURCE_CGROUP);
    cr_expect(p.plan.sources[1].attr_set & MOUNT_ATTR_RDONLY);
    cr_expect_eq(plan_test_warnings(&p), 1);
    cr_expect_eq(p.plan.cgroup.delegate, false);
    plan_test_done(&p);
}

Test(mount_plan, cgroup_v1)
{
    struct plan_test p;

    plan_test_init(&p, MOUNTS(NS, CGROUP_MOUNT));
    p.facts.cgroup_mode = CF_CGROUP_MODE_V1;
    p.facts.n_hierarchies = 3;
    p.facts.hierarchies[0] = (struct cf_facts_hierarchy) {"cpu,cpuacct", "cpu,cpuacct"};
    p.facts.hierarchies[1] = (struct cf_facts_hierarchy) {"systemd", "name=systemd"};
    p.facts.hierarchies[2] = (struct cf_facts_hierarchy) {"unified", ""};
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "mount[0] fs target=\"/sys/fs/cgroup\" source=\"tmpfs\" fstype=\"tmpfs\" flags=api-fs "
                  "set=nosuid,nodev,noexec config=0\nmount[0].param[0] mode=\"755\"\n");
    EXPECT_IN(&p, "mount[1] tree target=\"/sys/fs/cgroup/cpu,cpuacct\" source=\"cgroup\" fd=1 config=0\n");
    EXPECT_IN(&p, "mount[3] tree target=\"/sys/fs/cgroup/unified\"");
    EXPECT_IN(&p, "mount[4] bind target=\"/sys/fs/cgroup/cpu\" source=\"cpu,cpuacct\" flags=copy-symlink config=0\n");
    EXPECT_IN(&p, "mount[5] bind target=\"/sys/fs/cgroup/cpuacct\" source=\"cpu,cpuacct\" flags=copy-symlink");
    EXPECT_IN(&p, "mount[6] remount target=\"/sys/fs/cgroup\" set=rdonly config=0\n");
    cr_expect_str_eq(p.plan.sources[1].path, "cpu");
    cr_expect_str_eq(p.plan.sources[2].path, "name=systemd");
    cr_expect_null(p.plan.sources[3].path);
    cr_expect_str_eq(p.plan.sources[3].fallback, "/sys/fs/cgroup/unified");
    cr_expect(p.plan.sources[1].attr_set & MOUNT_ATTR_RDONLY);
    plan_test_done(&p);

    plan_test_init(&p, MOUNTS(NS, CGROUP_MOUNT));
    p.facts.cgroup_mode = CF_CGROUP_MODE_NONE;
    EXPECT_ERROR(&p, build(&p), "mounts[0].type", "needs a cgroup file system");
    plan_test_done(&p);
}

Test(mount_plan, masks_hooks_and_flags)
{
    struct plan_test p;
    char json[1024];

    EXPECT_OK(&p, plan(&p,
        "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"rootfs\",\"readonly\":true},"
        "\"hooks\":{\"createRuntime\":[{\"path\":\"/bin/true\"}]},"
        "\"linux\":{" NS ",\"maskedPaths\":[\"/proc//kcore\",\"/sys/firmware/\"],\"readonlyPaths\":[\"/proc/sys\"]}}"));
    EXPECT_IN(&p, "masked[0] \"/proc/kcore\"\nmasked[1] \"/sys/firmware\"\nreadonly[0] \"/proc/sys\"\n");
    EXPECT_IN(&p, "readonly-root");
    EXPECT_IN(&p, "root-by-path");
    EXPECT_IN(&p, "loopback");
    plan_test_done(&p);
    EXPECT_ERROR(&p, plan(&p, CONFIG(NS ",\"maskedPaths\":[\"/a\",\"b\"]", "")), "linux.maskedPaths[1]",
                 "not an absolute path");
    plan_test_done(&p);
    (void) snprintf(json, sizeof(json), CONFIG(NS ",\"readonlyPaths\":[\"/a\",\"/%0256d\"]", ""), 1);
    EXPECT_ERROR(&p, plan(&p, json), "linux.readonlyPaths[1]", "too long");
    plan_test_done(&p);
}

/* ---- in a container that runs ---- */

static int plan_added(struct plan_test *p, const char *mounts)
{
    char json[1024];

    (void) snprintf(json, sizeof(json), "{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"},\"mounts\":[%s]}", mounts);
    plan_test_init(p, json);
    plan_test_base(p);
    return cf_mount_plan_added(&p->in, &p->plan, &p->err);
}

Test(mount_plan, added_mounts)
{
    static const struct {
        const char *mount, *code; /* NULL: fine */
    } rows[] = {
        {"{\"destination\":\"/x\",\"source\":\"/y\",\"options\":[\"rbind\",\"ro\"]}", NULL},
        {"{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"size=1m\"]}", NULL},
        {"{\"destination\":\"/x\",\"type\":\"proc\",\"source\":\"/y\",\"options\":[\"bind\"]}", NULL},
        {"{\"destination\":\"/x\",\"type\":\"proc\"}", "mount-add-type"},
        {"{\"destination\":\"/x\",\"type\":\"sysfs\"}", "mount-add-type"},
        {"{\"destination\":\"/x\",\"type\":\"cgroup2\"}", "mount-add-type"},
        {"{\"destination\":\"/x\",\"type\":\"tmpfs\",\"options\":[\"tmpcopyup\"]}", "mount-add-option"},
        {"{\"destination\":\"/x\",\"options\":[\"remount\",\"ro\"]}", "mount-add-option"},
        {"{\"destination\":\"/x\",\"source\":\"/y\",\"options\":[\"bind\",\"copy-symlink\"]}", "mount-add-option"},
        {"{\"destination\":\"/proc/1\",\"type\":\"tmpfs\"}", "mount-proc"},
        {"{\"destination\":\"/\",\"type\":\"tmpfs\"}", "mount-root"},
        {"{\"destination\":\"/x\"}", "mount-type-missing"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_test p;
        int r = plan_added(&p, rows[i].mount);

        cr_expect_eq(r, rows[i].code ? -EINVAL : 0, "%s: %s", rows[i].mount, p.err.text);
        cr_expect(strcmp(p.err.code, rows[i].code ? rows[i].code : "") == 0, "%s: %s", rows[i].mount, p.err.code);
        plan_test_done(&p);
    }
}
