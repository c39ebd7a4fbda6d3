/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options of an overlay mount as the kernel shows them, and lines of mountinfo. */

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mount/mountinfo.h"
#include "mount/overlay.h"

static struct cf_arena *arena;

static void make_arena(void)
{
    arena = cf_arena_new();
}

static void free_arena(void)
{
    cf_arena_free(arena);
}

TestSuite(overlay_options, .init = make_arena, .fini = free_arena);

static struct cf_overlay_options parsed(const char *text)
{
    struct cf_overlay_options o;
    const char *bad = "";

    cr_assert_eq(cf_overlay_options_parse(text, arena, &o, &bad), 0, "%s: %s", text, bad);
    return o;
}

static int failed(const char *text, const char *expected_bad)
{
    struct cf_overlay_options o;
    const char *bad = "";
    int r = cf_overlay_options_parse(text, arena, &o, &bad);

    cr_assert_str_eq(bad, expected_bad, "%s", text);
    return r;
}

Test(overlay_options, of_an_engine)
{
    struct cf_overlay_options o = parsed("rw,lowerdir=/l/2:/l/1,upperdir=/c/diff,workdir=/c/work,index=off");

    cr_assert_eq(o.n_lower, 2);
    cr_assert_eq(o.n_data, 0);
    cr_assert_str_eq(o.lower[0], "/l/2");
    cr_assert_str_eq(o.lower[1], "/l/1");
    cr_assert_str_eq(o.upper, "/c/diff");
    cr_assert_str_eq(o.work, "/c/work");
    cr_assert_eq(o.n_params, 1);
    cr_assert_str_eq(o.params[0].key, "index");
    cr_assert_str_eq(o.params[0].value, "off");
    cr_assert(!o.readonly);
}

Test(overlay_options, layers_one_by_one)
{
    struct cf_overlay_options o = parsed("ro,lowerdir+=/a:b,lowerdir+=/c\\134d,datadir+=/data,seclabel,userxattr");

    cr_assert(o.readonly);
    cr_assert_eq(o.n_lower, 3);
    cr_assert_eq(o.n_data, 1);
    cr_assert_str_eq(o.lower[0], "/a:b", "no colon separates here");
    cr_assert_str_eq(o.lower[1], "/c\\d", "and no backslash protects");
    cr_assert_str_eq(o.lower[2], "/data");
    cr_assert_null(o.upper);
    cr_assert_eq(o.n_params, 1);
    cr_assert_str_eq(o.params[0].key, "userxattr");
    cr_assert_null(o.params[0].value);
}

Test(overlay_options, quoting)
{
    /* a:b, c\d, e,f, g h, i=j; the kernel adds octal escapes to those of the list. */
    struct cf_overlay_options o =
        parsed("lowerdir=/a\\134:b:/c\\134\\134d:/e\\134\\054f:/g\\040h:/i\\075j,upperdir=/u\\134:\\134\\134,workdir=w");

    cr_assert_eq(o.n_lower, 5);
    cr_assert_str_eq(o.lower[0], "/a:b");
    cr_assert_str_eq(o.lower[1], "/c\\d");
    cr_assert_str_eq(o.lower[2], "/e,f");
    cr_assert_str_eq(o.lower[3], "/g h");
    cr_assert_str_eq(o.lower[4], "/i=j");
    cr_assert_str_eq(o.upper, "/u:\\");
    cr_assert_str_eq(o.work, "w");
}

Test(overlay_options, contexts_have_commas)
{
    struct cf_overlay_options o = parsed("rw,context=\"system_u:object_r:t:s0:c1,c2\",lowerdir=/l");

    cr_assert_eq(o.n_params, 1);
    cr_assert_str_eq(o.params[0].key, "context");
    cr_assert_str_eq(o.params[0].value, "system_u:object_r:t:s0:c1,c2");
    cr_assert_str_eq(o.lower[0], "/l");
}

Test(overlay_options, data_layers)
{
    struct cf_overlay_options o = parsed("lowerdir=/a:/b::/d1::/d2,metacopy=on");

    cr_assert_eq(o.n_lower, 4);
    cr_assert_eq(o.n_data, 2);
    cr_assert_str_eq(o.lower[1], "/b");
    cr_assert_str_eq(o.lower[3], "/d2");
}

Test(overlay_options, refused)
{
    cr_assert_eq(failed("lowerdir=/l,future_feature=on", "future_feature"), -EOPNOTSUPP);
    cr_assert_eq(failed("lowerdir=/l,lowerdir", "lowerdir"), -EOPNOTSUPP);
    cr_assert_eq(failed("rw,index=off", ""), -EINVAL);
    cr_assert_eq(failed("", ""), -EINVAL);
    cr_assert_eq(failed("lowerdir=", ""), -EINVAL);
    cr_assert_eq(failed("lowerdir=/a:", ""), -EINVAL);
    cr_assert_eq(failed("lowerdir=:/a", ""), -EINVAL);
    cr_assert_eq(failed("lowerdir=/a,lowerdir=/b", ""), -EINVAL);
    cr_assert_eq(failed("lowerdir=/a::/d:/b", ""), -EINVAL);
    cr_assert_eq(failed("datadir+=/d", ""), -EINVAL);
    cr_assert_eq(failed("lowerdir=/a,upperdir=/u", ""), -EINVAL);
    cr_assert_eq(failed("lowerdir=/a,workdir=/w", ""), -EINVAL);
    cr_assert_eq(failed("lowerdir=/a,upperdir=,workdir=/w", ""), -EINVAL);
    cr_assert_eq(failed("context=\"open,lowerdir=/a", ""), -EINVAL);
    cr_assert_eq(failed("lowerdir=/a\\134", ""), 0);
}

Test(overlay_options, as_many_as_the_kernel_takes)
{
    char text[8192] = "lowerdir=";

    for (int i = 0; i < CF_OVERLAY_MAX_LAYERS; i++)
        strcat(text, i ? ":/layer" : "/layer");
    cr_assert_eq(parsed(text).n_lower, CF_OVERLAY_MAX_LAYERS);
    strcat(text, ":/layer");
    cr_assert_eq(failed(text, ""), -EINVAL);
}

Test(overlay_options, mountinfo)
{
    char text[] = "36 35 98:0 /a\\040b /mnt\\134x rw,noatime master:1 - overlay over\\040lay rw,lowerdir=/l\\054m\n"
                  "malformed line\n"
                  "37 36 0:5 / /y rw - tmpfs none\n"
                  "38 36 0:5 / /cut";
    char *rest = text;
    struct cf_mountinfo line;

    cr_assert(cf_mountinfo_next(&rest, &line));
    cr_assert_eq(line.id, 36);
    cr_assert_eq(line.parent, 35);
    cr_assert_str_eq(line.root, "/a b");
    cr_assert_str_eq(line.point, "/mnt\\x");
    cr_assert_str_eq(line.options, "rw,noatime");
    cr_assert_str_eq(line.fstype, "overlay");
    cr_assert_str_eq(line.super, "rw,lowerdir=/l\\054m", "its quoting is the file system's");
    cr_assert(cf_mountinfo_next(&rest, &line));
    cr_assert_null(line.point);
    cr_assert(cf_mountinfo_next(&rest, &line));
    cr_assert_eq(line.id, 37);
    cr_assert_str_eq(line.super, "");
    cr_assert(!cf_mountinfo_next(&rest, &line));
}
