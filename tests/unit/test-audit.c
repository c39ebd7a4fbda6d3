/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* audit/: texts of the kernel, also as a container may spoil them; facts and what is thought of them; whois. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "audit/audit.h"
#include "base/str.h"

static struct cf_arena *arena;

static void setup(void)
{
    arena = cf_arena_new();
}

static void teardown(void)
{
    cf_arena_free(arena);
}

TestSuite(audit, .init = setup, .fini = teardown);

#define BIT(cap) (UINT64_C(1) << (cap))

static char *text_of(const char *s)
{
    return cf_arena_strdup(arena, s);
}

static const char status_text[] = "Name:\tsleep\nUmask:\t0022\nState:\tS (sleeping)\n"
                                  "Uid:\t100000\t100007\t100000\t100000\nGid:\t100000\t100008\t100000\t100000\n"
                                  "CapInh:\t0000000000000000\nCapPrm:\t0000000000000421\nCapEff:\t0000000000000420\n"
                                  "CapBnd:\t000001ffffffffff\nCapAmb:\t0000000000000001\nNoNewPrivs:\t1\n"
                                  "Seccomp:\t2\nSeccomp_filters:\t3\n";

Test(audit, status)
{
    struct cf_audit_proc proc = {0};

    cr_assert(eq(int, cf_audit_parse_status(text_of(status_text), &proc), 0));
    cr_expect(eq(u32, proc.uid, 100007));
    cr_expect(eq(u32, proc.gid, 100008));
    cr_expect(eq(u64, proc.permitted, 0x421));
    cr_expect(eq(u64, proc.effective, 0x420));
    cr_expect(eq(u64, proc.bounding, UINT64_C(0x1ffffffffff)));
    cr_expect(eq(u64, proc.ambient, 1));
    cr_expect(eq(u32, proc.seccomp, 2));
    cr_expect(eq(u32, proc.seccomp_filters, 3));
    cr_expect(proc.no_new_privs);
}

Test(audit, status_that_makes_no_sense)
{
    static const char *const texts[] = {
        "",
        "Name:\tx\n",
        "Uid:\t1\nGid:\t1\t1\t1\t1\nCapEff:\t0\nCapPrm:\t0\nCapBnd:\t0\nCapAmb:\t0\n",
        "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nCapEff:\tzz\nCapPrm:\t0\nCapBnd:\t0\nCapAmb:\t0\n",
        "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nCapEff:\t00000000000000000\nCapPrm:\t0\nCapBnd:\t0\nCapAmb:\t0\n",
        "Uid:\t1\t99999999999\t1\t1\nGid:\t1\t1\t1\t1\nCapEff:\t0\nCapPrm:\t0\nCapBnd:\t0\nCapAmb:\t0\n",
        "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nCapEff:\t0\nCapPrm:\t0\nCapBnd:\t0\n",
        "Uid:\t1\t1\t1\t1\nGid:\t1\t1\t1\t1\nCapEff:\t0\nCapPrm:\t0\nCapBnd:\t0\nCapAmb:\t0\nNoNewPrivs:\t7\n",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct cf_audit_proc proc = {0};

        cr_expect(eq(int, cf_audit_parse_status(text_of(texts[i]), &proc), -EBADMSG), "text %zu", i);
    }
}

Test(audit, a_process_name_is_no_field)
{
    struct cf_audit_proc proc = {0};
    char *text = cf_arena_printf(arena, "Name:\tx\\nUid:\t0\t0\n%s", strchr(status_text, '\n') + 1);

    cr_assert(eq(int, cf_audit_parse_status(text, &proc), 0));
    cr_expect(eq(u32, proc.uid, 100007));
}

static const char mounts_text[] =
    "500 400 0:50 / / ro,relatime master:7 - overlay overlay rw,lowerdir=/a\n"
    "501 500 0:51 / /proc rw,nosuid - proc proc rw\n"
    "502 501 0:51 /sys /proc/sys ro,nosuid - proc proc rw\n"
    "503 500 254:0 /srv/my\\040data /data rw,nosuid,idmapped shared:12 master:3 propagate_from:2 - ext4 /dev/vda rw\n"
    "504 500 254:0 /etc /host rw - ext4 /dev/vda ro,errors=continue\n"
    "garbage\n"
    "505 500 254:0 /short\n"
    "x 500 254:0 / /x rw - ext4 /dev/vda rw\n"
    "506 501 0:6 /null /proc/kcore rw - devtmpfs dev rw\n"
    "507 500 0:60 / /only-pids rw - proc proc rw,subset=pid";

static struct cf_audit_mounts mounts_of(const char *text)
{
    struct cf_audit_mounts mounts;

    cr_assert(eq(int, cf_audit_parse_mounts(text_of(text), arena, &mounts), 0));
    return mounts;
}

Test(audit, mountinfo)
{
    struct cf_audit_mounts mounts = mounts_of(mounts_text);
    const struct cf_audit_mount *m = mounts.items;

    cr_assert(eq(sz, mounts.n, 7));
    cr_expect(not(mounts.cut));
    cr_expect(m[0].readonly);
    cr_expect(eq(u32, m[0].master, 7));
    cr_expect(eq(u32, m[0].shared, 0));
    cr_expect(not(m[1].readonly));
    cr_expect(eq(str, (char *) m[3].root, "/srv/my data"));
    cr_expect(eq(str, (char *) m[3].point, "/data"));
    cr_expect(eq(str, (char *) m[3].fstype, "ext4"));
    cr_expect(eq(u32, m[3].major, 254));
    cr_expect(eq(u32, m[3].shared, 12));
    cr_expect(m[3].idmapped && m[3].nosuid);
    cr_expect(m[4].readonly, "its file system is");
    cr_expect(m[6].subset_pid);
}

Test(audit, too_many_mounts_are_cut)
{
    enum { LINES = 9000 };
    static const char line[] = "1 1 0:1 / /m rw - tmpfs t rw\n";
    char *text = cf_arena_alloc(arena, LINES * (sizeof(line) - 1) + 1);
    struct cf_audit_mounts mounts;

    for (size_t i = 0; i < LINES; i++)
        memcpy(text + i * (sizeof(line) - 1), line, sizeof(line) - 1);
    cr_assert(eq(int, cf_audit_parse_mounts(text, arena, &mounts), 0));
    cr_expect(mounts.cut);
    cr_expect(lt(sz, mounts.n, LINES));
}

Test(audit, mount_at)
{
    struct cf_audit_mounts mounts = mounts_of(mounts_text);
    static const struct {
        const char *path;
        uint32_t id;
    } rows[] = {{"/", 500}, {"/proc", 501}, {"/proc/sys", 502}, {"/proc/sysrq-trigger", 501}, {"/proc/sys/kernel", 502},
                {"/proc/kcore", 506}, {"/database", 500}, {"/data/x", 503}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct cf_audit_mount *m = cf_audit_mount_at(&mounts, rows[i].path);

        cr_assert(m != NULL);
        cr_expect(eq(u32, m->id, rows[i].id), "%s", rows[i].path);
    }
}

static const char host_mounts_text[] = "20 1 254:0 / / rw - ext4 /dev/vda rw\n"
                                       "21 20 254:1 /@home /home rw,nosuid - btrfs /dev/vdb rw\n"
                                       "22 20 0:22 / /sys rw shared:9 - sysfs sysfs rw\n"
                                       "23 20 254:0 /srv/a /mnt/a rw,nosuid - ext4 /dev/vda rw\n";

Test(audit, host_path)
{
    struct cf_audit_mounts host = mounts_of(host_mounts_text);
    static const struct {
        uint32_t major, minor;
        const char *root, *want;
    } rows[] = {
        {254, 0, "/etc", "/etc"},         {254, 0, "/", "/"},           {254, 1, "/@home/u", "/home/u"},
        {254, 1, "/@home", "/home"},      {254, 1, "/@other", NULL},    {0, 99, "/", NULL},
        {254, 0, "/srv/a/b", "/mnt/a/b"}, {254, 0, "/srv/ab", "/srv/ab"}, {0, 22, "/", "/sys"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cf_audit_mount m = {.major = rows[i].major, .minor = rows[i].minor, .root = rows[i].root, .point = "/x"};
        const struct cf_audit_mount *through;
        const char *path = cf_audit_host_path(&host, &m, arena, &through);

        cr_expect(cf_str_eq(path, rows[i].want), "row %zu: %s", i, path ? path : "(none)");
    }
}

/* ---- judging ---- */

static struct cf_idrange web_range = {0, 100000, 65536}, db_range = {0, 165536, 65536};
static struct cf_subid web_ids = {100000, 65536}, db_ids = {165536, 65536};

/* Two good neighbours; the numbers of namespaces are 100 + kind on the host, 200 and 300 + kind in them. */
static struct cf_audit_facts good(const char *id, uint64_t first_ns, struct cf_idrange *range, struct cf_subid *ids)
{
    struct cf_audit_facts f = {
        .id = id, .pid = (int) first_ns, .full = true, .owner_known = true, .owner_uid = range->host_id,
        .uids = {range, 1}, .gids = {range, 1}, .uid_set = {ids, 1}, .gid_set = {ids, 1},
        .proc = {.uid = range->host_id, .gid = range->host_id, .effective = BIT(CAP_KILL), .permitted = BIT(CAP_KILL),
                 .bounding = BIT(CAP_KILL), .seccomp = 2, .seccomp_filters = 1, .no_new_privs = true, .dumpable = true,
                 .label = "coffer (enforce)"},
        .cgroup = {.there = true, .pids_known = true, .pids_limited = true, .memory_known = true, .memory_limited = true},
        .n_processes = 1,
    };

    for (size_t i = 0; i < CF_AUDIT_N_NS; i++)
        f.ns[i] = (struct cf_audit_ns) {.inode = first_ns + i, .owner = first_ns};
    f.ns[CF_AUDIT_TIME].inode = 100 + CF_AUDIT_TIME;
    f.mounts = mounts_of("500 400 0:50 / / ro - overlay overlay rw\n501 500 0:51 / /proc ro - proc proc rw\n");
    return f;
}

static struct cf_audit_facts pair[2];
static struct cf_audit_scene scene;

static void scene_setup(void)
{
    setup();
    pair[0] = good("db", 300, &db_range, &db_ids);
    pair[1] = good("web", 200, &web_range, &web_ids);
    scene = (struct cf_audit_scene) {.containers = pair, .n = 2};
    for (size_t i = 0; i < CF_AUDIT_N_NS; i++)
        scene.host.ns[i] = 100 + i;
    scene.host.mounts = mounts_of(host_mounts_text);
    scene.host.apparmor = true;
    scene.host.ptrace_scope = 1;
    scene.host.state_root = "/run/coffer";
}

TestSuite(audit_judge, .init = scene_setup, .fini = teardown);

static struct cf_audit_report judge_web(void)
{
    struct cf_audit_report report;
    struct cf_err err = CF_ERR_INIT;

    cr_assert(eq(int, cf_audit_judge(&scene, 1, arena, &report, &err), 0));
    return report;
}

static enum coffer_audit_level worst(const struct cf_audit_report *report)
{
    enum coffer_audit_level level = COFFER_AUDIT_OK;

    for (size_t i = 0; i < report->n; i++)
        if (report->findings[i].level > level)
            level = report->findings[i].level;
    return level;
}

/* There is exactly this, at this level, with this in its reason. */
static void expect_finding(const char *check, enum coffer_audit_level level, const char *part)
{
    struct cf_audit_report report = judge_web();

    for (size_t i = 0; i < report.n; i++)
        if (strcmp(report.findings[i].check, check) == 0 && report.findings[i].level == level &&
            strstr(report.findings[i].reason, part))
            return;
    for (size_t i = 0; i < report.n; i++)
        cr_log_error("%d %s %s", (int) report.findings[i].level, report.findings[i].check, report.findings[i].reason);
    cr_fatal("no finding `%s` of %s at level %d", part, check, (int) level);
}

Test(audit_judge, a_good_container_has_no_findings)
{
    static const char *const checks[] = {"user-namespace", "id-ranges",   "namespaces",    "capabilities", "no-new-privs",
                                         "seccomp",        "lsm",         "sysctls",       "masked-paths", "cgroup",
                                         "mounts",         "setuid-files", "devices",      "processes",    "oom"};
    struct cf_audit_report report = judge_web();

    cr_expect(eq(int, (int) worst(&report), COFFER_AUDIT_OK));
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        cr_expect(not(cf_audit_clean(&report, checks[i])), "%s", checks[i]);
    cr_expect(eq(sz, report.n, sizeof(checks) / sizeof(checks[0])));
}

Test(audit_judge, user_namespace)
{
    static struct cf_idrange root_range = {65534, 0, 1};

    pair[1].owner_uid = 0;
    expect_finding("user-namespace", COFFER_AUDIT_NOTE, "made by host uid 0");
    pair[1].creator = 1000;
    expect_finding("user-namespace", COFFER_AUDIT_OK, "its own");
    pair[1].uids.ranges = &root_range;
    expect_finding("user-namespace", COFFER_AUDIT_PROBLEM, "host uid 0 is its uid 65534");
    pair[1].ns[CF_AUDIT_USER].inode = 100;
    expect_finding("user-namespace", COFFER_AUDIT_PROBLEM, "the host's");
    expect_finding("id-ranges", COFFER_AUDIT_NOTE, "no map");
}

Test(audit_judge, ids_of_neighbours)
{
    static struct cf_subid last = {165535, 2};
    struct cf_audit_foreign foreign = {.ns = {.inode = 900, .pid = 42, .comm = "slirp", .gids = {&last, 1}}};
    static const uint64_t ours[] = {200, 100};

    pair[0].uid_set.ranges = &last;
    expect_finding("id-ranges", COFFER_AUDIT_PROBLEM, "host uid 165535 is also in the map of container `db`");
    pair[0].gone = true;
    expect_finding("id-ranges", COFFER_AUDIT_OK, "100000-165535");
    scene.host.foreign = &foreign;
    scene.host.n_foreign = 1;
    expect_finding("id-ranges", COFFER_AUDIT_PROBLEM,
                   "gid 165535 is also in the map of the user namespace of process 42 (`slirp`)");
    /* One that the container made itself. */
    foreign.chain = (struct cf_audit_chain) {ours, 2};
    expect_finding("id-ranges", COFFER_AUDIT_OK, "nobody else's");
    /* The same one is shared on purpose. */
    pair[0].gone = false;
    pair[0].ns[CF_AUDIT_USER].inode = 200;
    expect_finding("namespaces", COFFER_AUDIT_NOTE, "container `db` has the same user");
    expect_finding("id-ranges", COFFER_AUDIT_OK, "nobody else's");
}

Test(audit_judge, ids_of_accounts)
{
    struct cf_hostid items[] = {
        {.name = "root", .whole = {0, 1}, .ids = {0, 1}},
        {.name = "me", .whole = {1000, 1}, .ids = {1000, 1}},
        {.name = "big", .whole = {100001, 1}, .ids = {100001, 1}},
        {.name = "staff", .gid = true, .whole = {100002, 1}, .ids = {100002, 1}},
        {.name = "box", .subid = true, .whole = {90000, 100000}, .ids = {90000, 100000}},
        {.name = "cut", .subid = true, .gid = true, .whole = {160000, 65536}, .ids = {160000, 65536}},
    };

    scene.host.ids = (struct cf_hostids) {.items = items, .n = sizeof(items) / sizeof(items[0])};
    expect_finding("id-ranges", COFFER_AUDIT_WARNING, "uids of host accounts: `big` (100001)");
    expect_finding("id-ranges", COFFER_AUDIT_WARNING, "gids of host groups: `staff` (100002)");
    expect_finding("id-ranges", COFFER_AUDIT_WARNING, "cuts into the subordinate ids of `cut`");
    expect_finding("id-ranges", COFFER_AUDIT_NOTE, "within the subordinate ids of `box`");
    /* The account that made it, and what is promised to that account. */
    pair[1].creator = 1000;
    for (size_t i = 2; i < scene.host.ids.n; i++)
        items[i].name = "me";
    expect_finding("id-ranges", COFFER_AUDIT_OK, "nobody else's");
}

Test(audit_judge, namespaces)
{
    pair[1].ns[CF_AUDIT_PID] = (struct cf_audit_ns) {.inode = 100 + CF_AUDIT_PID};
    pair[1].ns[CF_AUDIT_NETWORK] = (struct cf_audit_ns) {.inode = 100 + CF_AUDIT_NETWORK};
    pair[1].ns[CF_AUDIT_UTS] = (struct cf_audit_ns) {.inode = 100 + CF_AUDIT_UTS};
    pair[1].ns[CF_AUDIT_IPC].owner = 777;
    pair[1].ns[CF_AUDIT_CGROUP].owner = 100;
    expect_finding("namespaces", COFFER_AUDIT_PROBLEM, "the pid namespace is the host's");
    expect_finding("namespaces", COFFER_AUDIT_WARNING, "the network namespace is the host's");
    expect_finding("namespaces", COFFER_AUDIT_NOTE, "the uts namespace is the host's");
    expect_finding("namespaces", COFFER_AUDIT_WARNING, "the ipc namespace belongs to another user namespace (user:[777])");
    expect_finding("namespaces", COFFER_AUDIT_NOTE, "the cgroup namespace belongs to a user namespace above");
    pair[0].ns[CF_AUDIT_MOUNT].inode = 200 + CF_AUDIT_MOUNT;
    expect_finding("namespaces", COFFER_AUDIT_NOTE, "container `db` has the same mount");
}

Test(audit_judge, privileges)
{
    pair[1].proc.effective |= BIT(CAP_SYS_ADMIN);
    pair[1].proc.bounding |= BIT(CAP_SYS_ADMIN) | BIT(CAP_BPF);
    pair[1].proc.no_new_privs = false;
    pair[1].proc.label = "unconfined";
    expect_finding("capabilities", COFFER_AUDIT_OK, "in its user namespace only");
    expect_finding("no-new-privs", COFFER_AUDIT_NOTE, "not set");
    expect_finding("lsm", COFFER_AUDIT_NOTE, "not confined");
    pair[1].ns[CF_AUDIT_USER].inode = 100;
    expect_finding("capabilities", COFFER_AUDIT_PROBLEM, "over the host: CAP_SYS_ADMIN");
    expect_finding("capabilities", COFFER_AUDIT_WARNING, "CAP_BPF");
    expect_finding("no-new-privs", COFFER_AUDIT_WARNING, "not set");
    expect_finding("lsm", COFFER_AUDIT_WARNING, "not confined");
    pair[1].proc.seccomp = 0;
    expect_finding("seccomp", COFFER_AUDIT_WARNING, "no filter");
    pair[1].waiting = true;
    expect_finding("capabilities", COFFER_AUDIT_NOTE, "not known before start");
    scene.host.apparmor = false;
    pair[1].waiting = false;
    expect_finding("lsm", COFFER_AUDIT_NOTE, "neither");
}

Test(audit_judge, mounts_of_the_host)
{
    pair[1].mounts = mounts_of("1 0 254:0 /var/c/rootfs / rw - ext4 /dev/vda rw\n"
                               "2 1 254:0 /etc /host rw - ext4 /dev/vda rw\n"
                               "3 1 254:0 /var /v ro - ext4 /dev/vda rw\n"
                               "4 1 254:0 /run/docker.sock /d.sock ro - ext4 /dev/vda rw\n"
                               "5 1 254:0 /srv/data /data rw,idmapped,nosuid - ext4 /dev/vda rw\n"
                               "6 1 254:0 /srv/a/x /quiet rw,idmapped - ext4 /dev/vda rw\n"
                               "7 1 0:22 / /sys ro shared:9 - sysfs sysfs rw\n");
    expect_finding("mounts", COFFER_AUDIT_WARNING, "`/host` is the host's `/etc`, writable");
    expect_finding("mounts", COFFER_AUDIT_NOTE, "`/v` is the host's `/var`, read-only");
    expect_finding("mounts", COFFER_AUDIT_PROBLEM, "`/d.sock` is the host's `/run/docker.sock`");
    expect_finding("mounts", COFFER_AUDIT_WARNING, "`/sys` appears on the host too");
    expect_finding("setuid-files", COFFER_AUDIT_WARNING, "`/data` is id-mapped and writable");
    pair[1].ns[CF_AUDIT_USER].inode = 100;
    expect_finding("mounts", COFFER_AUDIT_PROBLEM, "`/host` is the host's `/etc`, writable");
    pair[1].mounts = mounts_of("1 0 254:0 / / rw - ext4 /dev/vda rw\n");
    expect_finding("mounts", COFFER_AUDIT_PROBLEM, "its root is the host's root");
    pair[1].mounts = mounts_of("1 0 254:0 /run /r ro - ext4 /dev/vda rw\n");
    pair[1].mounts.cut = true;
    expect_finding("mounts", COFFER_AUDIT_WARNING, "only the first 1");
}

Test(audit_judge, sensitive_places)
{
    static const struct {
        const char *root, *options;
        bool sensitive;
    } rows[] = {
        {"/", "ro", true},           {"/etc/ssl", "ro", true},     {"/etcetera", "rw", false},
        {"/root/.ssh", "ro", true},  {"/var", "rw", true},         {"/var/lib/app", "rw", false},
        {"/usr", "ro", true},        {"/usr/share/doc", "ro", false}, {"/run", "rw", true},
        {"/run/app", "rw", false},   {"/run/coffer/c1", "ro", true},  {"/srv/x", "rw", false},
        {"/boot/efi", "ro", true},   {"/home", "rw", true},        {"/home/u/data", "rw", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct cf_audit_report report;

        pair[1].mounts = mounts_of(cf_arena_printf(arena, "1 0 0:50 / / ro - overlay o rw\n2 1 254:0 %s /x %s - ext4 d rw\n",
                                                   rows[i].root, rows[i].options));
        report = judge_web();
        cr_expect(eq(int, worst(&report) > COFFER_AUDIT_OK, rows[i].sensitive), "%s %s", rows[i].root, rows[i].options);
    }
}

Test(audit_judge, a_volume_on_a_nosuid_mount_is_fine)
{
    pair[1].mounts = mounts_of("1 0 0:50 / / ro - overlay o rw\n6 1 254:0 /srv/a/x /quiet rw,idmapped - ext4 /dev/vda rw\n");
    expect_finding("setuid-files", COFFER_AUDIT_OK, "no writable");
    expect_finding("mounts", COFFER_AUDIT_OK, "2, of which 1 from the host");
}

Test(audit_judge, kernel_paths)
{
    scene.host.masked_exists[0] = true; /* kcore */
    scene.host.lever_exists[0] = scene.host.lever_exists[1] = true;
    pair[1].mounts = mounts_of("1 0 0:50 / / ro - overlay o rw\n2 1 0:51 / /proc rw - proc proc rw\n");
    expect_finding("sysctls", COFFER_AUDIT_NOTE, "/proc/sys is writable");
    expect_finding("masked-paths", COFFER_AUDIT_NOTE, "/proc/kcore");
    pair[1].ns[CF_AUDIT_USER].inode = 100;
    expect_finding("sysctls", COFFER_AUDIT_PROBLEM, "/proc/sys is writable");
    expect_finding("sysctls", COFFER_AUDIT_PROBLEM, "/proc/sysrq-trigger is writable");
    expect_finding("masked-paths", COFFER_AUDIT_WARNING, "/proc/kcore");
    pair[1].mounts = mounts_of("1 0 0:50 / / ro - overlay o rw\n2 1 0:51 / /proc rw - proc proc rw\n"
                               "3 2 0:51 /sys /proc/sys ro - proc proc rw\n4 2 0:6 /null /proc/kcore rw - devtmpfs d rw\n"
                               "5 2 0:51 /sysrq-trigger /proc/sysrq-trigger ro - proc proc rw\n");
    expect_finding("masked-paths", COFFER_AUDIT_OK, "is masked");
    expect_finding("sysctls", COFFER_AUDIT_WARNING, "/proc/irq is writable");
}

Test(audit_judge, cgroups)
{
    pair[1].mounts = mounts_of("1 0 0:50 / / ro - overlay o rw\n2 1 0:40 / /c2 rw - cgroup2 c rw\n3 1 0:41 / /c1 rw - cgroup c rw\n");
    pair[1].cgroup = (struct cf_audit_cgroup) {.there = true, .owner_uid = 100000, .pids_known = true, .memory_known = true};
    expect_finding("cgroup", COFFER_AUDIT_NOTE, "`/c2` is writable: the cgroup is delegated");
    expect_finding("cgroup", COFFER_AUDIT_NOTE, "`/c1` is a writable cgroup v1");
    expect_finding("cgroup", COFFER_AUDIT_WARNING, "no limit of processes");
    expect_finding("cgroup", COFFER_AUDIT_NOTE, "no limit of memory");
    pair[1].ns[CF_AUDIT_USER].inode = 100;
    expect_finding("cgroup", COFFER_AUDIT_PROBLEM, "release agent");
    pair[1].cgroup.there = false;
    expect_finding("cgroup", COFFER_AUDIT_WARNING, "no control group");
}

Test(audit_judge, devices_processes_and_the_rest)
{
    const struct cf_audit_device devices[] = {{"/dev/null", false, 1, 3}, {"/dev/pts/0", false, 136, 0},
                                              {"/dev/sda", true, 8, 0},   {"/dev/mem", false, 1, 1},
                                              {"/dev/fuse", false, 10, 229}};
    const struct cf_audit_stranger strangers[] = {{77, false, 0}};

    pair[1].devices = devices;
    pair[1].n_devices = 2;
    expect_finding("devices", COFFER_AUDIT_OK, "default");
    pair[1].n_devices = 5;
    expect_finding("devices", COFFER_AUDIT_WARNING, "`/dev/sda` is a block device (8:0)");
    expect_finding("devices", COFFER_AUDIT_WARNING, "`/dev/mem`");
    expect_finding("devices", COFFER_AUDIT_NOTE, "`/dev/fuse` is a device (10:229)");
    pair[1].strangers = strangers;
    pair[1].n_strangers = 1;
    expect_finding("processes", COFFER_AUDIT_PROBLEM, "process 77 in its control group has the host's uid 0");
    pair[1].proc.oom_score_adj = -999;
    expect_finding("oom", COFFER_AUDIT_WARNING, "-999");
    pair[1].unread = "mounts";
    pair[1].unread_error = -EACCES;
    expect_finding("facts", COFFER_AUDIT_WARNING, "its mounts could not be read, so judge with care: permission denied");
}

/* ---- whois ---- */

struct answers {
    struct coffer_id_owner owner[8];
    int n;
};

static int take_answer(void *userdata, const struct coffer_id_owner *owner)
{
    struct answers *a = userdata;

    a->owner[a->n++] = *owner;
    return 0;
}

static struct answers ask(enum coffer_id_kind kind, uint32_t id)
{
    struct answers a = {.n = 0};
    int stop = 0, n = cf_audit_whois(&scene, kind, id, take_answer, &a, &stop);

    cr_assert(eq(int, n, a.n));
    return a;
}

Test(audit_judge, whois)
{
    static struct cf_subid others = {300000, 10};
    struct cf_audit_foreign foreign = {.ns = {.inode = 900, .pid = 42, .comm = "slirp", .uids = {&others, 1}}};
    struct cf_hostid items[] = {
        {.name = "me", .whole = {1000, 1}},
        {.name = "staff", .gid = true, .whole = {1000, 1}},
        {.name = "me", .subid = true, .whole = {300000, 65536}},
    };
    struct answers a;

    scene.host.ids = (struct cf_hostids) {.items = items, .n = 3};
    scene.host.foreign = &foreign;
    scene.host.n_foreign = 1;
    a = ask(COFFER_ID_UID, 165535);
    cr_assert(eq(int, a.n, 1));
    cr_expect(eq(str, (char *) a.owner[0].name, "web"));
    cr_expect(eq(u32, a.owner[0].id_inside, 65535));
    cr_expect(eq(str, (char *) a.owner[0].mapping, "own"));
    a = ask(COFFER_ID_GID, 165536);
    cr_expect(eq(str, (char *) a.owner[0].name, "db"));
    cr_expect(eq(u32, a.owner[0].id_inside, 0));
    a = ask(COFFER_ID_UID, 1000);
    cr_assert(eq(int, a.n, 1));
    cr_expect(eq(int, a.owner[0].kind, COFFER_ID_OWNER_ACCOUNT));
    a = ask(COFFER_ID_GID, 1000);
    cr_expect(eq(int, a.owner[0].kind, COFFER_ID_OWNER_GROUP));
    a = ask(COFFER_ID_UID, 300009);
    cr_assert(eq(int, a.n, 2));
    cr_expect(eq(int, a.owner[0].kind, COFFER_ID_OWNER_SUBORDINATE));
    cr_expect(eq(int, a.owner[1].kind, COFFER_ID_OWNER_NAMESPACE));
    cr_expect(eq(int, a.owner[1].pid, 42));
    cr_expect(eq(int, ask(COFFER_ID_UID, 300010).n, 1));
    cr_expect(eq(int, ask(COFFER_ID_UID, 4000000000u).n, 0));
    pair[0].ns[CF_AUDIT_USER].inode = 200;
    cr_expect(eq(str, (char *) ask(COFFER_ID_UID, 100000).owner[0].mapping, "shared"));
    /* Without a map: the ids of the process, and whose they are. */
    pair[0].ns[CF_AUDIT_USER].inode = 100;
    pair[0].proc.uid = 1000;
    a = ask(COFFER_ID_UID, 1000);
    cr_assert(eq(int, a.n, 2));
    cr_expect(eq(str, (char *) a.owner[0].mapping, "none"));
    cr_expect(eq(u32, a.owner[0].count, 0));
}
