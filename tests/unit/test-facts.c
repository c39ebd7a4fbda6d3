/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The readers of procfs texts, and one look at the machine the tests run on. */

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "facts/facts.h"

static const char status_text[] = "Name:\tx\nUmask:\t0022\nUid:\t1000\t1001\t1002\t1003\nGid:\t5\t6\t7\t8\n"
                                  "FDSize:\t64\nGroups:\t1 2 3 \nSigQ:\t0/1\nSigIgn:\t0000000000001000\n"
                                  "CapInh:\t0000000000000001\nCapPrm:\t0000000000200003\n"
                                  "CapEff:\t00000000002000c0\nCapBnd:\t000001ffffffffff\n"
                                  "CapAmb:\t0000000000000002\nNoNewPrivs:\t1\nSeccomp:\t0\n";

Test(facts, status)
{
    struct cf_facts f = {0};

    cr_assert_eq(cf_facts_parse_status(status_text, &f), 0);
    cr_expect_eq(f.uid, 1000);
    cr_expect_eq(f.euid, 1001);
    cr_expect_eq(f.gid, 5);
    cr_expect_eq(f.egid, 6);
    cr_expect_eq(f.n_groups, 3);
    cr_expect_eq(f.signals_ignored, 0x1000);
    cr_expect_eq(f.cap_inheritable, 1);
    cr_expect_eq(f.cap_permitted, 0x200003);
    cr_expect_eq(f.cap_effective, 0x2000c0);
    cr_expect_eq(f.cap_bounding, UINT64_C(0x1ffffffffff));
    cr_expect_eq(f.cap_ambient, 2);
    cr_expect(f.no_new_privs);
    cr_expect(f.privileged); /* SYS_ADMIN, SETGID, SETUID */
}

Test(facts, status_damaged)
{
    struct cf_facts f = {0};

    cr_expect_eq(cf_facts_parse_status("", &f), -EBADMSG);
    cr_expect_eq(cf_facts_parse_status("Uid:\tx\n", &f), -EBADMSG);
    cr_expect_eq(cf_facts_parse_status("Uid:\t99999999999\t0\n", &f), -EBADMSG);
    cr_expect_eq(cf_facts_parse_status("CapEff:\t00000000000000001\n", &f), -EBADMSG);
    cr_expect_eq(cf_facts_parse_status(status_text + 40, &f), -EBADMSG);
}

Test(facts, mountinfo)
{
    static const char text[] =
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "31 22 0:28 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs ro,mode=755\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 master:2 - cgroup cgroup rw,cpu,cpuacct\n"
        "33 31 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/x,name=systemd\n"
        "34 31 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
        "35 31 0:32 / /sys/fs/cgroup/deep/er rw - cgroup cgroup rw,pids\n"
        "36 31 0:33 / /sys/fs/cgroup/none rw - cgroup cgroup rw\n"
        "37 31 0:34 / /sys/fs/cgroup/bpf rw - bpf bpf rw\n"
        "garbage\n\n38 31 - \n";
    struct cf_facts f = {0};

    cf_facts_parse_mountinfo(text, &f);
    cr_assert_eq(f.n_hierarchies, 3);
    cr_expect_str_eq(f.hierarchies[0].dir, "cpu,cpuacct");
    cr_expect_str_eq(f.hierarchies[0].controllers, "cpu,cpuacct");
    cr_expect_str_eq(f.hierarchies[1].dir, "systemd");
    cr_expect_str_eq(f.hierarchies[1].controllers, "name=systemd");
    cr_expect_str_eq(f.hierarchies[2].dir, "unified");
    cr_expect_str_eq(f.hierarchies[2].controllers, "");
}

Test(facts, probe)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_facts f;

    cr_assert_eq(cf_facts_probe(&f, &err), 0, "%s", err.text);
    cr_expect_eq(f.uid, getuid());
    cr_expect_eq(f.euid, geteuid());
    cr_expect_eq(f.egid, getegid());
    cr_expect_geq(f.last_cap, 38);
    cr_expect_lt(f.last_cap, 64);
    cr_expect_not(f.lsm_probed);
    cf_facts_probe_lsm(&f);
    cr_expect(f.lsm_probed);
}
