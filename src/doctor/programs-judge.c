/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What programs, libraries and security modules mean for containers. Pure. */

#include <errno.h>
#include <linux/capability.h>
#include <sys/stat.h>

#include "doctor/checks.h"

static void judge_helper(const struct cf_helper_facts *f, unsigned int kind, const struct cf_facts *caller,
                         struct cf_report *report)
{
    static const char *const ids[] = {"helper.newuidmap", "helper.newgidmap"};
    static const char *const names[] = {"newuidmap", "newgidmap"};
    /* A privileged caller writes maps itself. */
    enum coffer_doctor_verdict bad = caller->privileged ? COFFER_DOCTOR_NOTE : COFFER_DOCTOR_WARNING;
    bool setuid = f->mode & S_ISUID;

    if (!f->path[0]) {
        cf_report_add(report, ids[kind], bad, "%s is not installed", names[kind]);
        cf_report_remedy(report,
                         "rootless containers with more than one id need it: install uidmap or shadow-utils");
        return;
    }
    if (!S_ISREG(f->mode) || f->uid != 0 || (f->mode & (S_IWGRP | S_IWOTH))) {
        /* Root of a user namespace cannot tell whose file it is. */
        cf_report_add(report, ids[kind], caller->in_userns ? bad : COFFER_DOCTOR_PROBLEM,
                      "%s is not a file of root that nobody else can write", f->path);
        cf_report_remedy(report, caller->in_userns
                                     ? "here it cannot be trusted: rootless containers get one id"
                                     : "whoever can change it gets every id: reinstall it");
    } else if (!setuid && !f->has_caps) {
        cf_report_add(report, ids[kind], bad, "%s has neither the setuid bit nor its capability", f->path);
        cf_report_remedy(report, "reinstall it, or: setcap cap_set%cid+ep %s", kind == 0 ? 'u' : 'g',
                         f->path);
    } else if (f->nosuid) {
        cf_report_add(report, ids[kind], bad, "%s is on a mount with nosuid, where it has no privileges",
                      f->path);
        cf_report_remedy(report, "mount its file system without nosuid");
    } else if (caller->no_new_privs && !caller->privileged) {
        cf_report_add(report, ids[kind], bad, "%s gets no privileges: this process has no_new_privs",
                      f->path);
        cf_report_remedy(report, "run coffer outside of whatever sets no_new_privs");
    } else if (!f->has_caps && !(caller->cap_bounding & (UINT64_C(1) << CAP_SYS_ADMIN))) {
        /* As root it has no rights in the user's new namespace, other than what the bounding set leaves. */
        cf_report_add(report, ids[kind], bad, "%s is setuid root, and CAP_SYS_ADMIN is not in the bounding set", f->path);
        cf_report_remedy(report, "give it a file capability instead: setcap cap_set%cid=ep %s", kind == 0 ? 'u' : 'g',
                         f->path);
    } else {
        cf_report_add(report, ids[kind], COFFER_DOCTOR_OK, "%s, %s", f->path,
                      setuid ? "setuid root" : "with its capability");
    }
    cf_report_str(report, "path", f->path);
    cf_report_uint(report, "owner", f->uid);
    cf_report_bool(report, "setuid", setuid);
    cf_report_bool(report, "capability", f->has_caps);
}

/* Where it runs it gives ranges to users without a line in /etc/subuid. */
static void judge_nsresourced(const struct cf_program_facts *f, struct cf_report *report)
{
    if (!f->nsresourced)
        return;
    cf_report_add(report, "helper.nsresourced", COFFER_DOCTOR_NOTE, "systemd-nsresourced is there, and coffer does not use it");
    cf_report_remedy(report, "give users subordinate ids in /etc/subuid and /etc/subgid: usermod --add-subuids, "
                             "--add-subgids");
}

static void judge_libraries(const struct cf_program_facts *f, struct cf_report *report)
{
    if (f->seccomp_version[0]) {
        cf_report_add(report, "library.seccomp", COFFER_DOCTOR_OK, "libseccomp %s", f->seccomp_version);
        cf_report_str(report, "version", f->seccomp_version);
    } else {
        cf_report_add(report, "library.seccomp", COFFER_DOCTOR_PROBLEM,
                      f->seccomp_built ? "libseccomp cannot be loaded"
                                       : "coffer was built without libseccomp");
        cf_report_remedy(
            report, f->seccomp_built
                        ? "install libseccomp 2: containers with a seccomp profile are refused"
                        : "rebuild with -Dlibseccomp=enabled: containers with a seccomp profile are refused");
    }
    if (f->systemd_built && f->systemd_library >= 0) {
        cf_report_add(report, "library.systemd", COFFER_DOCTOR_OK, "libsystemd can be loaded");
    } else {
        cf_report_add(report, "library.systemd", COFFER_DOCTOR_NOTE,
                      f->systemd_built ? "libsystemd cannot be loaded"
                                       : "coffer was built without libsystemd");
        cf_report_remedy(report, "only the systemd cgroup manager needs it");
    }
    if (f->criu[0]) {
        cf_report_add(report, "program.criu", COFFER_DOCTOR_OK, "%s", f->criu);
        cf_report_str(report, "path", f->criu);
    } else {
        cf_report_add(report, "program.criu", COFFER_DOCTOR_NOTE, "criu is not installed");
        cf_report_remedy(report, "only checkpoints need it");
    }
}

static void judge_lsm(const struct cf_program_facts *f, struct cf_report *report)
{
    bool unbuilt_apparmor = f->apparmor && !f->apparmor_built,
         unbuilt_selinux = f->selinux && !f->selinux_built;

    if (unbuilt_apparmor || unbuilt_selinux) {
        cf_report_add(report, "lsm.active", COFFER_DOCTOR_WARNING,
                      "%s is active and coffer was built without it",
                      unbuilt_apparmor ? "AppArmor" : "SELinux");
        cf_report_remedy(report, "rebuild with -D%s=auto: containers that ask for a label are refused",
                         unbuilt_apparmor ? "apparmor" : "selinux");
    } else if (f->apparmor || f->selinux) {
        cf_report_add(report, "lsm.active", COFFER_DOCTOR_OK, "%s%s%s is active%s%s",
                      f->apparmor ? "AppArmor" : "", f->apparmor && f->selinux ? " and " : "",
                      f->selinux ? "SELinux" : "", f->lsm[0] ? "; modules: " : "", f->lsm);
    } else {
        cf_report_add(report, "lsm.active", COFFER_DOCTOR_NOTE, "neither AppArmor nor SELinux is active%s%s",
                      f->lsm[0] ? "; modules: " : "", f->lsm);
        cf_report_remedy(
            report, "labels of configurations are refused; a user namespace per container matters the more");
    }
    cf_report_bool(report, "apparmor", f->apparmor);
    cf_report_bool(report, "selinux", f->selinux);
    cf_report_str(report, "modules", f->lsm);
}

void cf_programs_judge(const struct cf_program_facts *f, const struct cf_facts *caller,
                       struct cf_report *report)
{
    for (unsigned int i = 0; i < 2; i++)
        judge_helper(&f->helper[i], i, caller, report);
    judge_nsresourced(f, report);
    judge_lsm(f, report);
    judge_libraries(f, report);
}
