/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* mount/mount-opts: the table of option words, and what lists of them mean. */

#include <criterion/criterion.h>
#include <errno.h>

#include "mount/mount-opts.h"
#include "plan-fixture.h"
#include "sys/mountfd.h"

#define MOUNTS(options) "{\"ociVersion\":\"1.0.0\",\"mounts\":[{\"destination\":\"/x\",\"options\":" options "}]}"

static int parse(struct plan_test *p, const char *json, struct cf_mount_opts *ret)
{
    plan_test_init(p, json);
    return cf_mount_opts_parse(&p->in, 0, ret, &p->err);
}

struct attr_case {
    const char *json;
    uint64_t set, clr, rec_set, rec_clr;
};

Test(mount_opts, attributes)
{
    static const struct attr_case cases[] = {
        {MOUNTS("[\"defaults\"]"), 0, 0, 0, 0},
        {MOUNTS("[\"ro\"]"), MOUNT_ATTR_RDONLY, 0, 0, 0},
        {MOUNTS("[\"ro\",\"rw\"]"), 0, MOUNT_ATTR_RDONLY, 0, 0},
        {MOUNTS("[\"rw\",\"ro\"]"), MOUNT_ATTR_RDONLY, 0, 0, 0},
        {MOUNTS("[\"nosuid\",\"nodev\",\"noexec\"]"), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, 0, 0,
         0},
        {MOUNTS("[\"nosymfollow\",\"nodiratime\"]"), MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR_NODIRATIME, 0, 0, 0},
        /* The group of access times is exclusive and always cleared as a whole. */
        {MOUNTS("[\"noatime\"]"), MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, 0},
        {MOUNTS("[\"noatime\",\"strictatime\"]"), MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, 0},
        {MOUNTS("[\"noatime\",\"atime\"]"), 0, MOUNT_ATTR__ATIME, 0, 0},
        {MOUNTS("[\"noatime\",\"relatime\"]"), 0, MOUNT_ATTR__ATIME, 0, 0},
        {MOUNTS("[\"noatime\",\"norelatime\"]"), MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME, 0, 0},
        {MOUNTS("[\"rro\"]"), 0, 0, MOUNT_ATTR_RDONLY, 0},
        {MOUNTS("[\"rro\",\"rrw\"]"), 0, 0, 0, MOUNT_ATTR_RDONLY},
        {MOUNTS("[\"rro\",\"rw\"]"), 0, MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY, 0},
        {MOUNTS("[\"rw\",\"rro\"]"), 0, 0, MOUNT_ATTR_RDONLY, 0},
        {MOUNTS("[\"rnoatime\",\"rnosymfollow\"]"), 0, 0, MOUNT_ATTR_NOATIME | MOUNT_ATTR_NOSYMFOLLOW,
         MOUNT_ATTR__ATIME},
        {MOUNTS("[\"rnosuid\",\"rnodev\",\"rnoexec\",\"rnodiratime\",\"rdev\"]"), 0, 0,
         MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NODEV},
        {MOUNTS("[\"mand\",\"nomand\",\"silent\",\"loud\",\"rsync\",\"rasync\",\"rdirsync\",\"rmand\",\"rnomand\"]"), 0,
         0, 0, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cf_mount_opts o;
        struct plan_test p;

        EXPECT_OK(&p, parse(&p, cases[i].json, &o));
        cr_expect_eq(o.attr_set, cases[i].set, "%s: set %llx", cases[i].json, (unsigned long long) o.attr_set);
        cr_expect_eq(o.attr_clr, cases[i].clr, "%s: clr %llx", cases[i].json, (unsigned long long) o.attr_clr);
        cr_expect_eq(o.rec_set, cases[i].rec_set, "%s: rec %llx", cases[i].json, (unsigned long long) o.rec_set);
        cr_expect_eq(o.rec_clr, cases[i].rec_clr, "%s: recclr %llx", cases[i].json, (unsigned long long) o.rec_clr);
        cr_expect_eq(o.n_params, 0, "%s", cases[i].json);
        plan_test_done(&p);
    }
}

Test(mount_opts, superblock_and_behaviour)
{
    struct cf_mount_opts o;
    struct plan_test p;

    EXPECT_OK(&p, parse(&p, MOUNTS("[\"sync\",\"dirsync\",\"lazytime\",\"async\",\"iversion\",\"rbind\",\"tmpcopyup\","
                                   "\"copy-symlink\",\"src-nofollow\",\"dest-nofollow\",\"remount\"]"), &o));
    cr_expect_eq(o.super_set, CF_SUPER_DIRSYNC | CF_SUPER_LAZYTIME | CF_SUPER_IVERSION);
    cr_expect_eq(o.super_clr, CF_SUPER_SYNC);
    cr_expect_eq(o.what, CF_MOUNT_OPT_BIND | CF_MOUNT_OPT_RBIND | CF_MOUNT_OPT_COPYUP | CF_MOUNT_OPT_COPY_SYMLINK |
                             CF_MOUNT_OPT_SRC_NOFOLLOW | CF_MOUNT_OPT_DEST_NOFOLLOW | CF_MOUNT_OPT_REMOUNT);
    plan_test_done(&p);
}

Test(mount_opts, propagation_keeps_its_order)
{
    struct cf_mount_opts o;
    struct plan_test p;

    EXPECT_OK(&p, parse(&p, MOUNTS("[\"rslave\",\"shared\",\"private\",\"runbindable\"]"), &o));
    cr_assert_eq(o.n_propagation, 4);
    cr_expect_eq(o.propagation[0], MS_SLAVE | MS_REC);
    cr_expect_eq(o.propagation[1], MS_SHARED);
    cr_expect_eq(o.propagation[2], MS_PRIVATE);
    cr_expect_eq(o.propagation[3], MS_UNBINDABLE | MS_REC);
    plan_test_done(&p);
}

Test(mount_opts, data)
{
    struct cf_mount_opts o;
    struct plan_test p;

    EXPECT_OK(&p, parse(&p, MOUNTS("[\"mode=1777\",\"ro\",\"size=64k,noswap\","
                                   "\"context=\\\"u:r:t:s0:c1,c2\\\"\",\"lowerdir=/a\\\\,b:/c\",\"empty=\"]"), &o));
    cr_assert_eq(o.n_params, 6);
    cr_expect_str_eq(o.params[0].key, "mode");
    cr_expect_str_eq(o.params[0].value, "1777");
    cr_expect_eq(o.params[0].option_index, 0);
    cr_expect_str_eq(o.params[1].key, "size");
    cr_expect_str_eq(o.params[2].key, "noswap");
    cr_expect_null(o.params[2].value);
    cr_expect_eq(o.params[2].option_index, 2);
    cr_expect_str_eq(o.params[3].key, "context");
    cr_expect_str_eq(o.params[3].value, "u:r:t:s0:c1,c2");
    cr_expect_str_eq(o.params[4].value, "/a\\,b:/c");
    cr_expect_str_eq(o.params[5].value, "");
    cr_expect(cf_mount_opts_has_param(&o, "mode"));
    cr_expect_not(cf_mount_opts_has_param(&o, "gid"));
    plan_test_done(&p);
}

Test(mount_opts, idmap)
{
    struct cf_mount_opts o;
    struct plan_test p;

    EXPECT_OK(&p, parse(&p, MOUNTS("[\"ro\",\"idmap\"]"), &o));
    cr_expect_eq(o.what, CF_MOUNT_OPT_IDMAP);
    cr_expect_str_eq(o.idmap, "");
    cr_expect_eq(o.idmap_option, 1);
    plan_test_done(&p);
    EXPECT_OK(&p, parse(&p, MOUNTS("[\"ridmap=uids=0-1-2;gids=0-1-2\"]"), &o));
    cr_expect_eq(o.what, CF_MOUNT_OPT_IDMAP | CF_MOUNT_OPT_RIDMAP);
    cr_expect_str_eq(o.idmap, "uids=0-1-2;gids=0-1-2");
    cr_expect_eq(o.n_params, 0);
    plan_test_done(&p);
    /* The last one wins. */
    EXPECT_OK(&p, parse(&p, MOUNTS("[\"ridmap=uids=0-1-2;gids=0-1-2\",\"rbind\",\"idmap=\"]"), &o));
    cr_expect_eq(o.what, CF_MOUNT_OPT_BIND | CF_MOUNT_OPT_RBIND | CF_MOUNT_OPT_IDMAP);
    cr_expect_str_eq(o.idmap, "");
    cr_expect_eq(o.idmap_option, 2);
    plan_test_done(&p);
    /* Not our words. */
    EXPECT_OK(&p, parse(&p, MOUNTS("[\"idmapped=1\",\"xidmap\"]"), &o));
    cr_expect_eq(o.what, 0);
    cr_expect_eq(o.n_params, 2);
    plan_test_done(&p);
}

Test(mount_opts, refusals)
{
    struct cf_mount_opts o;
    struct plan_test p;
    char json[8192];
    size_t n;

    n = (size_t) snprintf(json, sizeof(json), "{\"ociVersion\":\"1.0.0\",\"mounts\":[{\"destination\":\"/x\","
                                              "\"options\":[\"a=");
    memset(json + n, 'x', 4096);
    (void) snprintf(json + n + 4096, sizeof(json) - n - 4096, "\"]}]}");
    EXPECT_ERROR(&p, parse(&p, json, &o), "mounts[0].options[0]", "longer than one page");
    plan_test_done(&p);
}

Test(mount_opts, table)
{
    static const char *const must[] = {
        "ro", "rw", "rro", "rrw", "rnodev", "rstrictatime", "rnosymfollow", "rsymfollow", "tmpcopyup", "remount",
        "bind", "rbind", "runbindable", "iversion", "nolazytime", "copy-symlink", "idmap", "ridmap",
    };
    size_t n;
    const struct cf_mount_option *table = cf_mount_options(&n);

    for (size_t i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
        bool found = false;

        for (size_t j = 0; j < n; j++)
            found = found || (table[j].listed && strcmp(table[j].name, must[i]) == 0);
        cr_expect(found, "%s", must[i]);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = i + 1; j < n; j++)
            cr_expect_str_neq(table[i].name, table[j].name);
    }
}

Test(mount_opts, clean_path)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"/", "/"},           {"//a//b/", "/a/b"},      {"a/b", "/a/b"},   {"/a/../b", "/b"},      {"/..", "/"},
        {"/../../etc", "/etc"}, {"/a/b/../../c", "/c"}, {"/a/./b/.", "/a/b"}, {"/a/..b/...", "/a/..b/..."},
        {"/a/..", "/"},
    };
    struct plan_test p;
    const char *ret;

    plan_test_init(&p, "{\"ociVersion\":\"1.0.0\"}");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cr_assert_eq(cf_mount_clean_path(&p.in, cases[i].in, "f", &ret, &p.err), 0);
        cr_expect_str_eq(ret, cases[i].out, "%s: %s", cases[i].in, ret);
    }
    cr_expect_eq(cf_mount_clean_path(&p.in, "", "f", &ret, &p.err), -EINVAL);
    cr_expect_eq(cf_mount_clean_path(&p.in, NULL, "f", &ret, &p.err), -EINVAL);
    plan_test_done(&p);
}
