/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor: /etc/subuid and /etc/subgid. */

#include "doctor-fixture.h"

#include <stdio.h>
#include <stdlib.h>

static const char passwd[] =
    "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"
    "bob:x:1001:1001::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\nldap:x:150007:9::/:\n";
static const char group[] = "root:x:0:\nalice:x:1000:\nbuilders:x:400100:\n";

static struct cf_report *judge(const char *subuid, const char *subgid, const struct cf_facts *caller)
{
    const struct cf_subid_facts f = {
        .subuid = subuid,
        .subgid = subgid,
        .subuid_error = -ENOENT,
        .subgid_error = -ENOENT,
        .passwd = passwd,
        .group = group,
        .uid = caller->uid,
    };
    struct cf_report *report = cf_report_new();

    cr_assert(report != NULL);
    cf_subids_judge(&f, caller, report);
    cr_assert_not(cf_report_failed(report));
    return report;
}

Test(doctor_subid, fine)
{
    struct cf_report *r =
        judge("alice:200000:65536\nbob:265536:65536\n", "alice:200000:65536\n1001:265536:65536", &host_user);

    cr_expect_eq(count(r, "subid.overlap"), 0);
    cr_expect_eq(count(r, "subid.accounts"), 0);
    cr_expect_eq(count(r, "subid.syntax"), 0);
    cr_expect_eq(count(r, "subid.size"), 0);
    expect_text(nth(r, "subid.file", 0).fact, "/etc/subuid: 2 ranges of 2 users");
    cr_expect_str_eq(nth(r, "subid.file", 1).values_json, "{\"ranges\":2,\"users\":2,\"unknown\":0}");
    cr_expect_eq(count(r, "subid.own"), 2);
    cr_expect_eq(nth(r, "subid.own", 0).verdict, COFFER_DOCTOR_OK);
    cf_report_free(r);
}

Test(doctor_subid, overlap_of_users)
{
    struct cf_report *r = judge("alice:200000:65536\n# comment\nbob:210000:65536\n", NULL, &host_root);

    expect_finding(r, "subid.overlap", COFFER_DOCTOR_PROBLEM,
                   "/etc/subuid:1 and /etc/subuid:3: alice and bob both have uids 210000 to 265535",
                   "range of its own");
    expect_text(nth(r, "subid.overlap", 0).values_json, "\"first\":210000,\"count\":55536");
    cr_expect_eq(count(r, "subid.own"), 0); /* root needs none */
    cf_report_free(r);
}

/* A long range hides behind shorter ones that come before the one it overlaps. */
Test(doctor_subid, overlap_reaches_far)
{
    struct cf_report *r = judge("bob:900000:10\nalice:200000:800000\nalice:200010:1\n", NULL, &host_root);

    cr_expect_eq(count(r, "subid.overlap"), 2);
    cr_expect_eq(nth(r, "subid.overlap", 0).verdict, COFFER_DOCTOR_NOTE); /* alice twice */
    cr_expect_eq(nth(r, "subid.overlap", 1).verdict, COFFER_DOCTOR_PROBLEM);
    cf_report_free(r);
}

Test(doctor_subid, name_and_number_are_one_user)
{
    struct cf_report *r = judge("alice:200000:65536\n1000:200000:65536\n", NULL, &host_root);

    expect_finding(r, "subid.overlap", COFFER_DOCTOR_NOTE, "alice and 1000", "one entry is enough");
    cf_report_free(r);
}

Test(doctor_subid, accounts)
{
    struct cf_report *r = judge("alice:100000:65536\nbob:0:70000\n", "alice:400000:65536\n", &host_root);

    cr_expect_eq(count(r, "subid.accounts"), 3);
    expect_text(nth(r, "subid.accounts", 0).fact, "/etc/subuid:2: the range of bob has 4 users");
    expect_text(nth(r, "subid.accounts", 0).fact, "the first is root (0)");
    expect_text(nth(r, "subid.accounts", 1).fact, "the first is ldap (150007)");
    expect_text(nth(r, "subid.accounts", 2).fact, "/etc/subgid:1: the range of alice has 1 groups");
    cr_expect_eq(nth(r, "subid.accounts", 1).verdict, COFFER_DOCTOR_PROBLEM);
    cf_report_free(r);
}

Test(doctor_subid, malformed)
{
    static const char *const bad[] = {"alice",
                                      "alice:1",
                                      ":1:2",
                                      "alice:x:2",
                                      "alice:-1:2",
                                      "alice:1:0",
                                      "alice:1:y",
                                      "alice:1:2:3",
                                      "alice:4294967295:1",
                                      "alice:4294967290:6",
                                      "alice:4294967296:1",
                                      "alice: 1:2",
                                      "alice:1:99999999999999999999999999"};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[128];
        struct cf_report *r;

        (void) snprintf(text, sizeof(text), "bob:200000:65536\n\n%s\n", bad[i]);
        r = judge(text, NULL, &host_root);
        expect_finding(r, "subid.syntax", COFFER_DOCTOR_WARNING, "/etc/subuid:3: ", "skip the line");
        expect_text(nth(r, "subid.file", 0).fact, "1 ranges of 1 users");
        cf_report_free(r);
    }
}

Test(doctor_subid, many_are_summed_up)
{
    char text[1024] = "";
    struct cf_report *r;

    for (int i = 0; i < 20; i++)
        (void) snprintf(text + strlen(text), sizeof(text) - strlen(text), "line %d\n", i);
    r = judge(text, NULL, &host_root);
    cr_expect_eq(count(r, "subid.syntax"), 6);
    expect_text(nth(r, "subid.syntax", 5).fact, "15 more of this kind");
    cf_report_free(r);
}

Test(doctor_subid, own_range)
{
    struct cf_report *r = judge("bob:100000:65536\nalice:200000:1000\n", NULL, &host_user);

    cr_expect_eq(count(r, "subid.own"), 2);
    expect_text(nth(r, "subid.own", 0).fact, "user 1000 has only 1000 subordinate uids");
    expect_text(nth(r, "subid.own", 0).remedy, "usermod --add-subuids 201000-266535 alice");
    expect_text(nth(r, "subid.own", 1).fact, "user 1000 has 0 subordinate gids");
    expect_text(nth(r, "subid.own", 1).remedy, "usermod --add-subgids 100000-165535 alice");
    expect_text(nth(r, "subid.file", 1).fact, "there is no /etc/subgid");
    cf_report_free(r);
}

Test(doctor_subid, sizes_and_strangers)
{
    struct cf_report *r =
        judge("bob:200000:30000\nbob:300000:40000\nghost:400000:65536\nmini:500000:1\n", NULL, &host_root);

    expect_finding(r, "subid.size", COFFER_DOCTOR_NOTE, "mini has 1 uids only", "65536");
    expect_text(nth(r, "subid.file", 0).fact, "4 ranges of 3 users, some of whom are not in /etc/passwd");
    cf_report_free(r);
}

Test(doctor_subid, unreadable)
{
    const struct cf_subid_facts f = {
        .subuid_error = -EFBIG, .subgid_error = -EACCES, .elsewhere = true, .uid = 1000};
    struct cf_report *r = cf_report_new();

    cf_subids_judge(&f, &host_user, r);
    cr_expect_eq(nth(r, "subid.file", 0).verdict, COFFER_DOCTOR_PROBLEM);
    expect_text(nth(r, "subid.file", 0).remedy, "larger than any sensible list");
    expect_text(nth(r, "subid.file", 1).fact, "permission denied");
    expect_finding(r, "subid.elsewhere", COFFER_DOCTOR_NOTE, "nsswitch.conf", "newuidmap");
    cr_expect_eq(count(r, "subid.own"), 0);
    cf_report_free(r);
}

/* 200,000 lines that all overlap, against as many accounts: sorted, not compared in pairs. */
Test(doctor_subid, large, .timeout = 20)
{
    const size_t n = 200000;
    char *text = malloc(n * 32), *p = text;
    struct cf_subid_facts f = {.subgid_error = -ENOENT};
    struct cf_report *r = cf_report_new();

    cr_assert(text && r);
    for (size_t i = 0; i < n; i++)
        p += snprintf(p, 32, "u%zu:%zu:65536\n", i, 100000 + i);
    f.subuid = text;
    f.passwd = text;
    cf_subids_judge(&f, &host_root, r);
    cr_expect_eq(count(r, "subid.overlap"), 6);
    free(text);
    cf_report_free(r);
}
