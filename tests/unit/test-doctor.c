/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* doctor: results of probes to findings, for everything but user namespaces and the files of subordinate ids. */

#include "doctor-fixture.h"

#include <linux/capability.h>
#include <sys/stat.h>

#include "coffer/coffer.h"

DOCTOR_SUITE(doctor);

/* ---- kernel ---- */

static struct cf_kernel_facts good_kernel(void)
{
    return (struct cf_kernel_facts){.release = "6.12.1",
                                    .major = 6,
                                    .minor = 12,
                                    .overlay_listed = true,
                                    .seccomp_flags = ~0u,
                                    .landlock = 5};
}

Test(doctor, kernel_good)
{
    const struct cf_kernel_facts f = good_kernel();
    struct coffer_doctor_finding finding;

    cf_kernel_judge(&f, &host_root, report);
    for (size_t i = 0; i < cf_report_count(report); i++) {
        cr_assert(cf_report_get(report, i, &finding));
        cr_expect_eq(finding.verdict, COFFER_DOCTOR_OK, "%s: %s", finding.id, finding.fact);
    }
    cr_expect_eq(count(report, "kernel.clone-into-cgroup"), 1);
    cr_expect_str_eq(nth(report, "kernel.openat2", 0).values_json, "{\"works\":true}");
}

Test(doctor, kernel_old)
{
    struct cf_kernel_facts f = good_kernel();

    f.major = 5;
    f.minor = 13;
    cf_kernel_judge(&f, &host_root, report);
    expect_finding(report, "kernel.version", COFFER_DOCTOR_PROBLEM, "too old", "5.14");
}

Test(doctor, kernel_limits)
{
    struct cf_kernel_facts f = good_kernel();

    f.minor = 1;
    f.openat2 = -ENOSYS;
    f.idmap = -EINVAL;
    f.open_tree_attr = -ENOSYS;
    f.overlay_listed = false;
    f.overlay_module = true;
    f.seccomp_flags = 0;
    f.landlock = -EOPNOTSUPP;
    f.bpf_device = -EPERM;
    cf_kernel_judge(&f, &host_root, report);
    expect_finding(report, "kernel.openat2", COFFER_DOCTOR_PROBLEM,
                   "openat2 does not work: ", "seccomp filter");
    expect_text(nth(report, "kernel.openat2", 0).values_json, "\"works\":false,\"errno\":38");
    expect_finding(report, "kernel.idmap", COFFER_DOCTOR_NOTE, "tmpfs cannot be id-mapped", "6.3");
    expect_finding(report, "kernel.open-tree-attr", COFFER_DOCTOR_NOTE, "not there", "6.15");
    expect_finding(report, "kernel.overlay", COFFER_DOCTOR_NOTE, "not loaded", "modprobe");
    expect_finding(report, "kernel.seccomp-notify", COFFER_DOCTOR_NOTE, "WAIT_KILLABLE_RECV", "5.19");
    expect_finding(report, "kernel.landlock", COFFER_DOCTOR_NOTE, "no Landlock", NULL);
    expect_finding(report, "kernel.bpf-device", COFFER_DOCTOR_PROBLEM, "BPF", "CONFIG_CGROUP_BPF");
}

Test(doctor, kernel_mounts_not_tried)
{
    struct cf_kernel_facts f = good_kernel();

    f.detached_mount = f.mount_setattr = f.idmap = f.open_tree_attr = CF_NOT_TRIED;
    f.bpf_device = CF_NOT_TRIED;
    cf_kernel_judge(&f, &host_user, report);
    expect_finding(report, "kernel.detached-mount", COFFER_DOCTOR_NOTE, "not tried", "userns.create");
    cr_expect_eq(count(report, "kernel.idmap"), 0);
    cr_expect_eq(count(report, "kernel.bpf-device"), 0);
}

Test(doctor, kernel_memfd)
{
    struct cf_kernel_facts f = good_kernel();

    f.memfd_exec = -EACCES;
    f.memfd_run = CF_NOT_TRIED;
    f.memfd_noexec = 2;
    cf_kernel_judge(&f, &host_user, report);
    expect_finding(report, "kernel.memfd-exec", COFFER_DOCTOR_PROBLEM, "permission denied",
                   "vm.memfd_noexec");
}

Test(doctor, kernel_memfd_refused_by_policy)
{
    struct cf_kernel_facts f = good_kernel();

    f.memfd_run = -EPERM;
    cf_kernel_judge(&f, &host_root, report);
    expect_finding(report, "kernel.memfd-exec", COFFER_DOCTOR_PROBLEM, "operation not permitted",
                   "security policy");
}

/* ---- automatic ranges ---- */

Test(doctor, ids)
{
    struct cf_ids_facts f = {
        .policy = "warn", .size = 65536, .ids = 147128320, .blocks = 2245, .free = 2240,
        .first = "2000224256-2147352575"};

    cf_ids_judge(&f, &host_root, report);
    f.blocks = f.free = 1;
    cf_ids_judge(&f, &host_root, report);
    f.window = -ENOENT;
    (void) strcpy(f.error, "no window");
    (void) strcpy(f.hint, "make one");
    cf_ids_judge(&f, &host_root, report);
    cf_ids_judge(&f, &host_user, report);
    cr_expect_eq(nth(report, "ids.window", 0).verdict, COFFER_DOCTOR_OK);
    expect_text(nth(report, "ids.window", 0).fact, "2245 containers of 65536 ids, out of 2000224256");
    cr_expect_eq(nth(report, "ids.window", 1).verdict, COFFER_DOCTOR_NOTE);
    cr_expect_eq(nth(report, "ids.window", 2).verdict, COFFER_DOCTOR_WARNING);
    cr_expect_str_eq(nth(report, "ids.window", 2).remedy, "make one");
    cr_expect_eq(nth(report, "ids.window", 3).verdict, COFFER_DOCTOR_NOTE);
    f.config = -EINVAL;
    cf_ids_judge(&f, &host_user, report);
    cr_expect_eq(nth(report, "ids.config", 4).verdict, COFFER_DOCTOR_PROBLEM);
    cr_expect_eq(count(report, "ids.window"), 4);
}

/* ---- programs ---- */

static struct cf_program_facts good_programs(void)
{
    const struct cf_helper_facts helper = {"/usr/bin/newuidmap", 0, S_IFREG | 04755, false, false};

    return (struct cf_program_facts){
        .helper = {helper, helper},
        .criu = "/usr/sbin/criu",
        .seccomp_built = true,
        .systemd_built = true,
        .seccomp_version = "2.6.0",
        .apparmor = true,
        .apparmor_built = true,
        .lsm = "capability,apparmor",
    };
}

Test(doctor, programs_good)
{
    const struct cf_program_facts f = good_programs();

    cf_programs_judge(&f, &host_user, report);
    expect_finding(report, "helper.newuidmap", COFFER_DOCTOR_OK, "setuid root", NULL);
    expect_finding(report, "lsm.active", COFFER_DOCTOR_OK, "AppArmor is active; modules: capability,apparmor",
                   NULL);
    expect_finding(report, "library.seccomp", COFFER_DOCTOR_OK, "2.6.0", NULL);
}

Test(doctor, helpers)
{
    static const struct {
        struct cf_helper_facts f;
        enum coffer_doctor_verdict verdict;
        const char *fact;
    } cases[] = {
        {{"", 0, 0, false, false}, COFFER_DOCTOR_WARNING, "not installed"},
        {{"/b/n", 1000, S_IFREG | 04755, false, false}, COFFER_DOCTOR_PROBLEM, "not a file of root"},
        {{"/b/n", 0, S_IFREG | 04775, false, false}, COFFER_DOCTOR_PROBLEM, "nobody else can write"},
        {{"/b/n", 0, S_IFDIR | 04755, false, false}, COFFER_DOCTOR_PROBLEM, "not a file of root"},
        {{"/b/n", 0, S_IFREG | 0755, false, false}, COFFER_DOCTOR_WARNING, "neither the setuid bit"},
        {{"/b/n", 0, S_IFREG | 04755, false, true}, COFFER_DOCTOR_WARNING, "nosuid"},
        {{"/b/n", 0, S_IFREG | 0755, true, false}, COFFER_DOCTOR_OK, "with its capability"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cf_program_facts f = good_programs();

        f.helper[0] = cases[i].f;
        cf_programs_judge(&f, &host_user, report);
        cr_expect_eq(nth(report, "helper.newuidmap", i).verdict, (uint32_t) cases[i].verdict, "case %zu", i);
        expect_text(nth(report, "helper.newuidmap", i).fact, cases[i].fact);
    }
}

Test(doctor, helpers_without_effect)
{
    const struct cf_program_facts f = good_programs();
    struct cf_facts caller = host_user;

    caller.no_new_privs = true;
    cf_programs_judge(&f, &caller, report);
    expect_finding(report, "helper.newgidmap", COFFER_DOCTOR_WARNING, "no_new_privs", "outside");
}

/* In a container: as root the helper has no rights in the user's namespace, with its capability the user has. */
Test(doctor, helpers_in_a_container)
{
    struct cf_program_facts f = good_programs();
    struct cf_facts caller = host_user;

    caller.cap_bounding &= ~(UINT64_C(1) << CAP_SYS_ADMIN);
    f.helper[1].mode = S_IFREG | 0755;
    f.helper[1].has_caps = true;
    cf_programs_judge(&f, &caller, report);
    expect_finding(report, "helper.newuidmap", COFFER_DOCTOR_WARNING, "CAP_SYS_ADMIN is not in the bounding set",
                   "setcap cap_setuid=ep /usr/bin/newuidmap");
    cr_expect_eq(nth(report, "helper.newgidmap", 0).verdict, (uint32_t) COFFER_DOCTOR_OK);
}

Test(doctor, nsresourced)
{
    struct cf_program_facts f = good_programs();

    cf_programs_judge(&f, &host_user, report);
    cr_expect_eq(count(report, "helper.nsresourced"), 0);
    f.nsresourced = true;
    cf_programs_judge(&f, &host_user, report);
    expect_finding(report, "helper.nsresourced", COFFER_DOCTOR_NOTE, "does not use it", "/etc/subuid");
}

Test(doctor, libraries_missing)
{
    struct cf_program_facts f = {
        .seccomp_built = true, .systemd_library = -ENOENT, .systemd_built = true, .selinux = true};

    cf_programs_judge(&f, &host_root, report);
    expect_finding(report, "library.seccomp", COFFER_DOCTOR_PROBLEM, "cannot be loaded",
                   "install libseccomp");
    expect_finding(report, "library.systemd", COFFER_DOCTOR_NOTE, "cannot be loaded",
                   "systemd cgroup manager");
    expect_finding(report, "lsm.active", COFFER_DOCTOR_WARNING, "SELinux is active", "-Dselinux");
    expect_finding(report, "program.criu", COFFER_DOCTOR_NOTE, "not installed", "checkpoints");
    expect_finding(report, "helper.newuidmap", COFFER_DOCTOR_NOTE, "not installed", "uidmap");
}

/* ---- control groups ---- */

static struct cf_cgroups_facts good_cgroups(void)
{
    return (struct cf_cgroups_facts){
        .mode = CF_CGROUP_MODE_V2,
        .available = "cpuset cpu io memory hugetlb pids rdma misc",
        .delegated_path = "/user.slice/user-1000.slice/user@1000.service",
        .delegated = "cpu memory pids",
        .own_writable = true,
        .freezer = true,
        .pids_max = CF_SYSCTL_ABSENT,
        .pids_now = CF_SYSCTL_ABSENT,
        .pid_max = 4194304,
        .systemd = true,
        .systemd_socket = true,
    };
}

Test(doctor, cgroups_good)
{
    const struct cf_cgroups_facts f = good_cgroups();
    struct coffer_doctor_finding finding;

    cf_cgroups_judge(&f, &host_user, report);
    for (size_t i = 0; i < cf_report_count(report); i++) {
        cr_assert(cf_report_get(report, i, &finding));
        cr_expect_eq(finding.verdict, COFFER_DOCTOR_OK, "%s: %s", finding.id, finding.fact);
    }
    expect_finding(report, "cgroup.delegation", COFFER_DOCTOR_OK,
                   "delegated to this user with: cpu memory pids", NULL);
}

Test(doctor, cgroups_of_the_manager)
{
    struct cf_cgroups_facts f = good_cgroups();

    f.via_manager = true;
    cf_cgroups_judge(&f, &host_user, report);
    expect_finding(report, "cgroup.delegation", COFFER_DOCTOR_NOTE, "systemd manager of this user",
                   "--systemd-cgroup");
}

Test(doctor, cgroups_bad)
{
    struct cf_cgroups_facts f = good_cgroups();

    (void) strcpy(f.available, "cpuset io memory");
    (void) strcpy(f.delegated, "memory pids");
    f.pids_max = 100;
    f.pids_now = 95;
    f.kill_file = -ENOENT;
    f.systemd_socket = false;
    cf_cgroups_judge(&f, &host_user, report);
    expect_finding(report, "cgroup.controllers", COFFER_DOCTOR_WARNING, "missing: cpu pids",
                   "cgroup_disable");
    expect_finding(report, "cgroup.delegation", COFFER_DOCTOR_WARNING, "without the controllers: cpu",
                   "Delegate=");
    expect_finding(report, "cgroup.pids", COFFER_DOCTOR_WARNING, "95 of the 100", "TasksMax");
    expect_finding(report, "cgroup.kill", COFFER_DOCTOR_WARNING, "missing", "5.14");
    expect_finding(report, "cgroup.systemd", COFFER_DOCTOR_WARNING, "no socket", "XDG_RUNTIME_DIR");
}

Test(doctor, cgroups_v1_and_none)
{
    struct cf_cgroups_facts f = {.mode = CF_CGROUP_MODE_V1,
                                 .hybrid = true,
                                 .available = "cpu memory pids",
                                 .pids_max = CF_SYSCTL_ABSENT};

    cf_cgroups_judge(&f, &host_root, report);
    expect_finding(report, "cgroup.mode", COFFER_DOCTOR_NOTE, "hybrid", "unified_cgroup_hierarchy");
    expect_finding(report, "cgroup.delegation", COFFER_DOCTOR_PROBLEM, "read-only", "disabled");
    expect_finding(report, "cgroup.freezer", COFFER_DOCTOR_WARNING, "cannot be paused", "freezer");
    cr_expect_eq(count(report, "cgroup.kill"), 0);
    f.mode = CF_CGROUP_MODE_NONE;
    cf_cgroups_judge(&f, &host_root, report);
    cr_expect_eq(nth(report, "cgroup.mode", 1).verdict, COFFER_DOCTOR_WARNING);
}

Test(doctor, cgroups_of_a_user)
{
    static char path[PATH_MAX];

    cr_expect(cf_cgroups_user_manager("/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope", 1000,
                                      path));
    cr_expect_str_eq(path, "/user.slice/user-1000.slice/user@1000.service");
    cr_expect(cf_cgroups_user_manager("/user@5.service", 5, path));
    cr_expect_not(cf_cgroups_user_manager("/user@1000.service/x", 100, path));
    cr_expect_not(cf_cgroups_user_manager("/user@1000.service.d/x", 1000, path));
    cr_expect_not(cf_cgroups_user_manager("/system.slice/ssh.service", 1000, path));
    cr_expect(cf_doctor_has_word("cpu memory pids", "pids"));
    cr_expect(cf_doctor_has_word("cpu,cpuacct", "cpuacct"));
    cr_expect_not(cf_doctor_has_word("cpuset memory", "cpu"));
}

/* ---- paths ---- */

Test(doctor, path_results)
{
    static const struct {
        struct cf_path_facts f;
        const struct cf_facts *caller;
        enum coffer_doctor_verdict verdict;
        const char *fact, *remedy;
    } cases[] = {
        {{.fstype = "ext4", .idmap_step = "idmap"},
         &host_root,
         COFFER_DOCTOR_OK,
         "/p: ext4 can be id-mapped",
         ""},
        {{.fstype = "overlay", .idmap = -EINVAL, .idmap_step = "idmap"},
         &host_root,
         COFFER_DOCTOR_WARNING,
         "/p: overlay cannot be id-mapped",
         "layers"},
        {{.fstype = "nfs4", .idmap = -EINVAL, .idmap_step = "idmap"},
         &host_root,
         COFFER_DOCTOR_WARNING,
         "nfs4 cannot",
         "chown"},
        {{.fstype = "xfs", .idmap = -EPERM, .idmap_step = "idmap"},
         &host_root,
         COFFER_DOCTOR_WARNING,
         "carries an id map already",
         "6.15"},
        {{.fstype = "xfs", .idmap = -EPERM, .idmap_step = "idmap"},
         &host_user,
         COFFER_DOCTOR_NOTE,
         "by this user",
         "root"},
        {{.fstype = "xfs", .idmap = -ENOSYS, .idmap_step = "clone"},
         &host_root,
         COFFER_DOCTOR_WARNING,
         "(clone)",
         "filter"},
        {{.fstype = "fuse.sshfs", .idmap = CF_NOT_TRIED, .idmap_step = "clone"},
         &host_root,
         COFFER_DOCTOR_WARNING,
         "no answer",
         "server of fuse.sshfs"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct coffer_doctor_finding f;

        cf_path_judge(&cases[i].f, "/p", cases[i].caller, report);
        f = nth(report, "path.idmap", i);
        cr_expect_eq(f.verdict, (uint32_t) cases[i].verdict, "case %zu", i);
        expect_text(f.fact, cases[i].fact);
        expect_text(f.remedy, cases[i].remedy);
    }
}

Test(doctor, path_mounts)
{
    struct cf_path_facts f = {.fstype = "xfs", .idmap_step = "idmap", .noexec = true};

    cf_path_judge(&f, "/p", &host_root, report);
    f.noexec = false;
    f.nosuid = f.nodev = true;
    cf_path_judge(&f, "/p", &host_root, report);
    f.open = -ENOENT;
    cf_path_judge(&f, "/q", &host_root, report);
    f.open = -ETIMEDOUT;
    cf_path_judge(&f, "/r", &host_root, report);
    cr_expect_eq(nth(report, "path.mount", 0).verdict, COFFER_DOCTOR_WARNING);
    expect_text(nth(report, "path.mount", 0).fact, "noexec");
    cr_expect_eq(nth(report, "path.mount", 1).verdict, COFFER_DOCTOR_NOTE);
    expect_text(nth(report, "path.mount", 1).fact, "has nosuid nodev");
    cr_expect_eq(nth(report, "path.open", 0).verdict, COFFER_DOCTOR_PROBLEM);
    expect_text(nth(report, "path.open", 1).fact, "/r: no answer in time");
    cr_expect_eq(count(report, "path.idmap"), 2);
}

static const char mountinfo[] = "22 27 0:21 / /proc rw,relatime - proc proc rw,hidepid=invisible\n"
                                "27 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
                                "127 27 0:50 / /var/lib/x rw - overlay overlay rw,lowerdir=/a:/b\n"
                                "128 27 0:51 / /srv/proc rw - proc proc rw,hidepid=1\n";

Test(doctor, mountinfo)
{
    char type[32];

    cr_expect(cf_path_fstype(mountinfo, 27, type, sizeof(type)));
    cr_expect_str_eq(type, "ext4");
    cr_expect(cf_path_fstype(mountinfo, 127, type, sizeof(type)));
    cr_expect_str_eq(type, "overlay");
    cr_expect_not(cf_path_fstype(mountinfo, 12, type, sizeof(type)));
    cr_expect_not(cf_path_fstype("12 no dash here\n13 1 - x y", 12, type, sizeof(type)));
    cr_expect_eq(cf_node_hidepid(mountinfo), 2);
    cr_expect_eq(cf_node_hidepid("22 27 0:21 / /proc rw - proc proc rw,hidepid=4,gid=5\n"), 4);
    cr_expect_eq(cf_node_hidepid("22 27 0:21 / /proc rw - proc proc rw,hidepid=off\n"), 0);
    cr_expect_eq(cf_node_hidepid("22 27 0:21 / /proc rw - proc proc rw\n"), 0);
}

/* ---- node, caller ---- */

static struct cf_node_facts good_node(void)
{
    return (struct cf_node_facts){.null_mode = S_IFCHR | 0666,
                                  .null_major = 1,
                                  .null_minor = 3,
                                  .proc = true,
                                  .sys = true,
                                  .rootless = true,
                                  .runtime_dir = "/run/user/1000",
                                  .runtime_uid = 1000,
                                  .runtime_mode = 0700};
}

Test(doctor, node)
{
    struct cf_node_facts f = good_node();

    cf_node_judge(&f, &host_user, report);
    expect_finding(report, "node.dev-null", COFFER_DOCTOR_OK, "/dev/null", NULL);
    expect_finding(report, "node.proc", COFFER_DOCTOR_OK, "/proc", NULL);
    expect_finding(report, "user.runtime-dir", COFFER_DOCTOR_OK, "/run/user/1000", NULL);
}

Test(doctor, node_null)
{
    static const struct {
        uint32_t mode, uid, minor;
        int stat;
        const char *fact;
    } cases[] = {{S_IFREG | 0644, 0, 3, 0, "is not the null device"},
                 {S_IFCHR | 0666, 0, 5, 0, "is not the null device"},
                 {S_IFCHR | 0600, 0, 3, 0, "mode 0600"},
                 {S_IFCHR | 0666, 12, 3, 0, "belongs to 12:0"},
                 {0, 0, 3, -ENOENT, "no such file"}};

    for (size_t i = 0; i < 5; i++) {
        struct cf_node_facts f = good_node();

        f.null_mode = cases[i].mode;
        f.null_uid = cases[i].uid;
        f.null_minor = cases[i].minor;
        f.null_stat = cases[i].stat;
        cf_node_judge(&f, &host_root, report);
        cr_expect_eq(nth(report, "node.dev-null", i).verdict, COFFER_DOCTOR_PROBLEM, "case %zu", i);
        expect_text(nth(report, "node.dev-null", i).fact, cases[i].fact);
    }
}

Test(doctor, node_bad)
{
    struct cf_node_facts f = good_node();

    f.hidepid = 2;
    f.sys = false;
    f.runtime_uid = 0;
    cf_node_judge(&f, &host_user, report);
    expect_finding(report, "node.proc", COFFER_DOCTOR_NOTE, "hidepid=2", "their own processes");
    expect_finding(report, "node.sys", COFFER_DOCTOR_WARNING, "not mounted", "sysfs");
    expect_finding(report, "user.runtime-dir", COFFER_DOCTOR_PROBLEM, "another user", "0700");
    f.runtime_dir = NULL;
    cf_node_judge(&f, &host_user, report);
    cr_expect_eq(nth(report, "user.runtime-dir", 1).verdict, COFFER_DOCTOR_WARNING);
}

Test(doctor, caller)
{
    struct cf_facts caller = host_root;

    caller.cap_effective &= ~(1ULL << 24); /* SYS_RESOURCE */
    cf_caller_judge(&caller, report);
    expect_finding(report, "caller", COFFER_DOCTOR_OK, "user 0, privileged", NULL);
    expect_finding(report, "caller.capabilities", COFFER_DOCTOR_NOTE, "SYS_RESOURCE", "limits above the own");
}

/* ---- state directory ---- */

Test(doctor, state)
{
    struct cf_root_facts f = {.root = "/run/coffer",
                              .n_containers = 4,
                              .n_running = 1,
                              .n_stopped = 2,
                              .n_broken = 1,
                              .n_leftovers = 3,
                              .stopped = "a b",
                              .broken = "c",
                              .noexec = true};

    cf_root_judge(&f, &host_root, report);
    expect_finding(report, "state.directory", COFFER_DOCTOR_OK, "noexec, which is fine", NULL);
    expect_finding(report, "state.stopped", COFFER_DOCTOR_NOTE, "2 stopped containers are not deleted: a b",
                   "coffer delete");
    expect_finding(report, "state.broken", COFFER_DOCTOR_WARNING, "no readable record: c", "--force");
    expect_finding(report, "state.leftovers", COFFER_DOCTOR_NOTE, "3 leftovers", "coffer list");
}

Test(doctor, state_unusable)
{
    struct cf_root_facts f = {
        .root = "/r", .open = -EPERM, .unsafe = "state directory `/r` belongs to another user"};

    cf_root_judge(&f, &host_root, report);
    f.unsafe[0] = '\0';
    f.open = -ENOENT;
    f.parent_writable = -EACCES;
    cf_root_judge(&f, &host_root, report);
    f.parent_writable = 0;
    cf_root_judge(&f, &host_root, report);
    f.open = 0;
    f.read_only = true;
    cf_root_judge(&f, &host_root, report);
    cr_expect_eq(nth(report, "state.directory", 0).verdict, COFFER_DOCTOR_PROBLEM);
    expect_text(nth(report, "state.directory", 1).fact, "/r cannot be made: permission denied");
    cr_expect_eq(nth(report, "state.directory", 2).verdict, COFFER_DOCTOR_OK);
    expect_text(nth(report, "state.directory", 3).fact, "read-only");
    cr_expect_eq(count(report, "state.containers"), 1);
}

/* ---- the public function ---- */

static int stop_at_3(void *userdata, const struct coffer_doctor_finding *finding)
{
    int *n = userdata;

    cr_expect_eq(finding->size, sizeof(*finding));
    cr_expect_eq(finding->values_json[0], '{');
    return ++*n == 3 ? 77 : 0;
}

static int take_all(void *userdata, const struct coffer_doctor_finding *finding)
{
    cr_expect_str_neq(coffer_doctor_verdict_name(finding->verdict), "unknown");
    cr_expect(finding->verdict == COFFER_DOCTOR_OK || finding->remedy[0] ||
                  strcmp(finding->id, "kernel.landlock") == 0 || strcmp(finding->id, "userns.limits") == 0,
              "%s has no remedy", finding->id);
    ++*(int *) userdata;
    return 0;
}

Test(doctor, public)
{
    struct coffer_doctor_options options = COFFER_DOCTOR_OPTIONS_INIT;
    const char *const paths[] = {"/", "/no/such/path"};
    coffer_error *err = NULL;
    int n = 0;

    cr_expect_eq(coffer_doctor(NULL, stop_at_3, &n, &err), 77);
    cr_expect_eq(n, 3);
    n = 0;
    options.paths = paths;
    options.n_paths = 2;
    cr_expect_eq(coffer_doctor(&options, take_all, &n, &err), 0);
    cr_expect_gt(n, 30);
    options.root = "relative";
    cr_expect_eq(coffer_doctor(&options, take_all, &n, &err), -EINVAL);
    cr_expect_str_eq(coffer_error_code(err), "root-relative");
    coffer_error_free(err);
    cr_expect_str_eq(coffer_doctor_verdict_name(9), "unknown");
}
