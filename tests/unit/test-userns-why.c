/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which setting forbids namespaces: every reason with settings that this machine does not have. */

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "sys/task.h"
#include "userns/userns-why.h"

/* As on a host that forbids nothing. */
static struct cf_userns_why any(uint64_t flags)
{
    struct cf_userns_why why = {.flags = flags, .unprivileged_clone = CF_WHY_ABSENT, .apparmor_restrict = CF_WHY_ABSENT};

    for (int i = 0; i < CF_WHY_KINDS; i++)
        why.max[i] = 1000;
    return why;
}

enum { OFF_USER = 1, OFF_NET = 2, NESTED = 4, ROOT = 8, CLONE_0 = 16, CLONE_1 = 32, APPARMOR_0 = 64, APPARMOR_1 = 128 };

static struct cf_userns_why with(uint64_t flags, unsigned int settings)
{
    struct cf_userns_why why = any(flags);

    if (settings & OFF_USER)
        why.max[0] = 0;
    if (settings & OFF_NET)
        why.max[3] = 0;
    if (settings & (CLONE_0 | CLONE_1))
        why.unprivileged_clone = !!(settings & CLONE_1);
    if (settings & (APPARMOR_0 | APPARMOR_1))
        why.apparmor_restrict = !!(settings & APPARMOR_1);
    why.in_userns = settings & NESTED;
    why.privileged = settings & ROOT;
    return why;
}

struct why_case {
    uint64_t flags;
    unsigned int settings;
    int r;
    const char *code, *text, *hint;
};

static void judge(const struct why_case *c, size_t index)
{
    const struct cf_userns_why why = with(c->flags, c->settings);
    struct cf_err err = CF_ERR_INIT;
    char text[512];

    cr_assert_eq(cf_userns_why_judge(&why, c->r, "clone", &err), c->r);
    (void) cf_err_print(&err, text, sizeof(text));
    cr_expect_str_eq(err.code, c->code, "case %zu: %s", index, err.code);
    cr_expect_not_null(strstr(text, c->text), "case %zu: %s", index, text);
    cr_expect_not_null(strstr(err.hint, c->hint), "case %zu: %s", index, err.hint);
}

Test(userns_why, clone)
{
    const uint64_t user = CLONE_NEWUSER, both = CLONE_NEWUSER | CLONE_NEWNET;
    const struct why_case cases[] = {
        {user, OFF_USER, -ENOSPC, "userns-limit", "`user.max_user_namespaces` is 0",
         "sysctl -w user.max_user_namespaces="},
        {user, OFF_USER | NESTED, -ENOSPC, "userns-limit", "`user.max_user_namespaces` is 0",
         "org.coffer.userns.nested"},
        {both, OFF_NET, -ENOSPC, "userns-limit", "`user.max_net_namespaces` is 0",
         "user.max_net_namespaces="},
        {both, OFF_NET | NESTED, -ENOSPC, "userns-limit", "`user.max_net_namespaces` is 0",
         "the container around it the sysctl user.max_net_namespaces"},
        /* A kind that was not asked for is not the reason. */
        {user, OFF_NET, -ENOSPC, "system-call", "no space left", "32 deep"},
        {user, 0, -EUSERS, "system-call", "too many users", "32 deep"},
        {user, CLONE_0, -EPERM, "userns-forbidden",
         "`kernel.unprivileged_userns_clone` is 0", "sysctl -w kernel.unprivileged_userns_clone=1"},
        {user, CLONE_1 | APPARMOR_1, -EPERM, "userns-forbidden",
         "`kernel.apparmor_restrict_unprivileged_userns` is 1", "userns,"},
        {user, APPARMOR_1, -EACCES, "userns-forbidden",
         "`kernel.apparmor_restrict_unprivileged_userns` is 1", "set it to 0"},
        /* Root is not meant by either. */
        {user, ROOT | CLONE_0 | APPARMOR_1, -EPERM, "system-call",
         "operation not permitted", "seccomp"},
        {user, CLONE_1 | APPARMOR_0, -EPERM, "system-call",
         "operation not permitted", "seccomp"},
        {user, 0, -EINVAL, "system-call", "invalid argument", "CONFIG_USER_NS"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        judge(&cases[i], i);
}

Test(userns_why, no_hint_where_nothing_is_known)
{
    const struct cf_userns_why why = with(CLONE_NEWNET, CLONE_0 | APPARMOR_1);
    struct cf_err err = CF_ERR_INIT;

    cr_assert_eq(cf_userns_why_judge(&why, -EPERM, "clone", &err), -EPERM);
    cr_expect_str_eq(err.code, "system-call");
    cr_expect_str_empty(err.hint);
}

static const char *late(const struct cf_userns_why *why, int r, struct cf_err *err)
{
    cf_err_clear(err);
    (void) cf_err_sys(err, r, "mount");
    cf_userns_why_late_judge(why, err);
    return err->hint;
}

Test(userns_why, late)
{
    struct cf_userns_why why = with(CLONE_NEWUSER | CLONE_NEWPID, APPARMOR_1);
    struct cf_err err = CF_ERR_INIT;

    cr_expect_not_null(strstr(late(&why, -EPERM, &err), "apparmor_restrict_unprivileged_userns is 1"));
    why.apparmor_restrict = 0;
    cr_expect_str_empty(late(&why, -EPERM, &err));
    why.apparmor_restrict = 1;
    why.privileged = true;
    cr_expect_str_empty(late(&why, -EPERM, &err));
    why.max[2] = 0;
    cr_expect_str_eq(late(&why, -ENOSPC, &err), "the sysctl user.max_pid_namespaces is 0");
    why.max[2] = 1;
    cr_expect_not_null(strstr(late(&why, -ENOSPC, &err), "32 deep"));
}
