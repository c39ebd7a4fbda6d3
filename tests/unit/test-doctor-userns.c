/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor: what was found out about user namespaces and their limits, to findings. */

#include "doctor-fixture.h"

#include <linux/capability.h>
#include <sys/stat.h>

#include "coffer/coffer.h"

DOCTOR_SUITE(doctor_userns);

/* ---- user namespaces ---- */

static struct cf_userns_facts good_userns(void)
{
    struct cf_userns_facts f = {
        .create_step = "create",
        .n_uids = 4294967295,
        .n_gids = 4294967295,
        .max_user = 30000,
        .unprivileged_clone = CF_SYSCTL_ABSENT,
        .apparmor_restrict = CF_SYSCTL_ABSENT,
        .max_keys = 200,
        .root_max_keys = 1000000,
        .max_key_bytes = 20000,
        .keys_used = 3,
        .inotify_instances = 128,
        .inotify_watches = 100000,
    };

    for (int i = 0; i < CF_DOCTOR_N_NS; i++)
        f.max_ns[i] = 30000;
    return f;
}

/* A failed creation with nothing tried inside. */
static struct cf_userns_facts no_userns(int error)
{
    struct cf_userns_facts f = good_userns();

    f.create = error;
    for (int i = 0; i < CF_DOCTOR_N_NS; i++)
        f.ns[i] = CF_NOT_TRIED;
    f.tmpfs = f.proc = f.sysfs = CF_NOT_TRIED;
    return f;
}

Test(doctor_userns, userns_good)
{
    const struct cf_userns_facts f = good_userns();
    struct coffer_doctor_finding finding;

    cf_userns_judge(&f, &host_user, report);
    cr_expect_eq(cf_report_count(report), 8);
    for (size_t i = 0; i < cf_report_count(report); i++) {
        cr_assert(cf_report_get(report, i, &finding));
        cr_expect_eq(finding.verdict, COFFER_DOCTOR_OK, "%s: %s", finding.id, finding.fact);
    }
}

Test(doctor_userns, userns_max_is_0)
{
    struct cf_userns_facts f = no_userns(-ENOSPC);

    f.max_user = 0;
    cf_userns_judge(&f, &host_root, report);
    expect_finding(report, "userns.create", COFFER_DOCTOR_PROBLEM, "cannot be made",
                   "user.max_user_namespaces is 0: set it to 10000");
    expect_finding(report, "userns.limits", COFFER_DOCTOR_PROBLEM, "no namespaces allowed: user",
                   "user.max_*");
    cr_expect_eq(count(report, "userns.namespaces"), 0);
}

Test(doctor_userns, userns_debian_switch)
{
    struct cf_userns_facts f = no_userns(-EPERM);

    f.unprivileged_clone = 0;
    cf_userns_judge(&f, &host_user, report);
    expect_finding(report, "userns.create", COFFER_DOCTOR_PROBLEM, "cannot be made",
                   "kernel.unprivileged_userns_clone is 0");
    expect_finding(report, "userns.unprivileged", COFFER_DOCTOR_PROBLEM, "ordinary users", "set it to 1");
}

Test(doctor_userns, userns_debian_switch_is_a_note_for_root)
{
    struct cf_userns_facts f = good_userns();

    f.unprivileged_clone = 0;
    cf_userns_judge(&f, &host_root, report);
    expect_finding(report, "userns.unprivileged", COFFER_DOCTOR_NOTE, "ordinary users", "rootless");
}

Test(doctor_userns, userns_apparmor)
{
    struct cf_userns_facts f = good_userns();

    f.apparmor_restrict = 1;
    for (int i = 0; i < CF_DOCTOR_N_NS; i++)
        f.ns[i] = -EPERM;
    f.tmpfs = f.proc = f.sysfs = CF_NOT_TRIED;
    cf_userns_judge(&f, &host_user, report);
    expect_finding(report, "userns.apparmor", COFFER_DOCTOR_PROBLEM, "no capabilities", "profile");
    expect_finding(report, "userns.namespaces", COFFER_DOCTOR_PROBLEM, "mnt pid net ipc uts cgroup time",
                   "kernel.apparmor_restrict_unprivileged_userns is 1");
}

Test(doctor_userns, userns_apparmor_with_a_profile)
{
    struct cf_userns_facts f = good_userns();

    f.apparmor_restrict = 1;
    cf_userns_judge(&f, &host_user, report);
    expect_finding(report, "userns.apparmor", COFFER_DOCTOR_NOTE, "need a profile", "profile");
}

Test(doctor_userns, userns_other_reasons)
{
    static const struct {
        int error;
        const char *step, *remedy;
    } cases[] = {{-EINVAL, "create", "CONFIG_USER_NS"},
                 {-EPERM, "create", "seccomp filter"},
                 {-EPERM, "map", "SETFCAP"},
                 {-ENOSPC, "create", "(30000)"}};

    for (size_t i = 0; i < 4; i++) {
        struct cf_userns_facts f = no_userns(cases[i].error);

        f.create_step = cases[i].step;
        cf_userns_judge(&f, &host_user, report);
        expect_text(nth(report, "userns.create", i).remedy, cases[i].remedy);
    }
}

Test(doctor_userns, userns_partly)
{
    struct cf_userns_facts f = good_userns();
    struct cf_facts nested = host_root;

    nested.in_userns = true;
    f.ns[CF_DOCTOR_TIME] = -EINVAL;
    f.proc = -EPERM;
    f.n_uids = f.n_gids = 65536;
    f.max_ns[CF_DOCTOR_NET] = 10;
    f.max_keys = 100;
    f.inotify_instances = 64;
    cf_userns_judge(&f, &nested, report);
    expect_finding(report, "userns.namespaces", COFFER_DOCTOR_PROBLEM, "inside: time (invalid argument)",
                   "kernel lacks");
    expect_finding(report, "userns.proc", COFFER_DOCTOR_WARNING, "proc cannot be mounted", "unmasked");
    expect_finding(report, "userns.ids", COFFER_DOCTOR_NOTE, "only 65536 uids", "131072");
    expect_finding(report, "userns.limits", COFFER_DOCTOR_WARNING, "10 namespaces", "10000");
    expect_finding(report, "limit.keys", COFFER_DOCTOR_WARNING, "100 keys", "kernel.keys.maxkeys");
    expect_finding(report, "limit.inotify", COFFER_DOCTOR_WARNING, "64 inotify", "max_user_instances");
}

Test(doctor_userns, userns_no_answer)
{
    struct cf_userns_facts f = good_userns();

    f.ns[CF_DOCTOR_NET] = f.ns[CF_DOCTOR_UTS] = f.tmpfs = CF_NOT_TRIED;
    cf_userns_judge(&f, &host_root, report);
    expect_finding(report, "userns.namespaces", COFFER_DOCTOR_NOTE, "longer than the doctor waits",
                   "ask again");
    cr_expect_eq(count(report, "userns.tmpfs"), 0);
}

Test(doctor_userns, keys_nearly_used_up)
{
    struct cf_userns_facts f = good_userns();

    f.keys_used = 160;
    cf_userns_judge(&f, &host_user, report);
    expect_finding(report, "limit.keys", COFFER_DOCTOR_WARNING, "160 of the 200 keys of user 1000",
                   "maxkeys");
}

Test(doctor_userns, procfs_texts)
{
    static const char users[] =
        "    0:     4 3/3 2/1000000 35/25000000\n 1000:     7 7/7 160/200 900/20000\n65534: x\n";

    cr_expect_eq(cf_userns_parse_key_users(users, 0), 2);
    cr_expect_eq(cf_userns_parse_key_users(users, 1000), 160);
    cr_expect_eq(cf_userns_parse_key_users(users, 100), CF_SYSCTL_ABSENT);
    cr_expect_eq(cf_userns_parse_key_users(users, 65534), CF_SYSCTL_ABSENT);
    cr_expect_eq(cf_userns_parse_key_users("", 0), CF_SYSCTL_ABSENT);
    cr_expect_eq(cf_userns_count_ids("         0       1000          1\n         1     100000      65536\n"),
                 65537);
    cr_expect_eq(cf_userns_count_ids("         0          0 4294967295\n"), 4294967295);
    cr_expect_eq(cf_userns_count_ids(""), 0);
    cr_expect_eq(cf_userns_count_ids("nonsense"), 0);
}
