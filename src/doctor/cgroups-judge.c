/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the control groups of this node allow. Pure. */

#include <errno.h>

#include "base/str.h"
#include "doctor/checks.h"

#define PIDS_FEW 1024

/* Those that engines set for every container. */
static const char *const wanted[] = {"cpu", "memory", "pids"};

static void list_missing(const char *have, char *buf, size_t size)
{
    buf[0] = '\0';
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        if (cf_doctor_has_word(have, wanted[i]))
            continue;
        (void) cf_str_append(buf, size, buf[0] ? " " : "");
        (void) cf_str_append(buf, size, wanted[i]);
    }
}

static void judge_mode(const struct cf_cgroups_facts *f, struct cf_report *report)
{
    static const char *const names[] = {"none", "v2", "v1"};

    switch (f->mode) {
    case CF_CGROUP_MODE_V2:
        cf_report_add(report, "cgroup.mode", COFFER_DOCTOR_OK, "cgroup v2");
        break;
    case CF_CGROUP_MODE_V1:
        cf_report_add(report, "cgroup.mode", COFFER_DOCTOR_NOTE, "cgroup v1%s",
                      f->hybrid ? " with a v2 tree beside it (hybrid)" : "");
        cf_report_remedy(report, "v2 has delegation to users, one tree and exact accounting: boot with "
                                 "systemd.unified_cgroup_hierarchy=1");
        break;
    case CF_CGROUP_MODE_NONE:
        cf_report_add(report, "cgroup.mode", COFFER_DOCTOR_WARNING, "no control groups at /sys/fs/cgroup");
        cf_report_remedy(report, "mount cgroup2 there, or use --cgroup-manager disabled: no limits, and "
                                 "`kill --all` by pid namespace only");
        break;
    }
    cf_report_str(report, "mode", f->mode == CF_CGROUP_MODE_V1 && f->hybrid ? "hybrid" : names[f->mode]);
}

static void judge_controllers(const struct cf_cgroups_facts *f, struct cf_report *report)
{
    char missing[64];

    list_missing(f->available, missing, sizeof(missing));
    if (missing[0]) {
        cf_report_add(report, "cgroup.controllers", COFFER_DOCTOR_WARNING, "controllers that are missing: %s",
                      missing);
        cf_report_remedy(report, "limits on them are refused: look for cgroup_disable= on the kernel's "
                                 "command line, and into the outer container");
    } else {
        cf_report_add(report, "cgroup.controllers", COFFER_DOCTOR_OK, "controllers: %s", f->available);
    }
    cf_report_str(report, "available", f->available);
}

static void judge_delegation(const struct cf_cgroups_facts *f, const struct cf_facts *caller,
                             struct cf_report *report)
{
    bool usable = caller->privileged ? f->own_writable : f->delegated_path[0] != '\0';
    char missing[64];

    if (caller->privileged) {
        if (usable) {
            cf_report_add(report, "cgroup.delegation", COFFER_DOCTOR_OK, "control groups can be made");
        } else {
            cf_report_add(report, "cgroup.delegation", COFFER_DOCTOR_PROBLEM,
                          "control groups cannot be made: /sys/fs/cgroup is read-only");
            cf_report_remedy(report,
                             "mount it read-write in the outer container, or use --cgroup-manager disabled");
        }
        return;
    }
    if (!usable) {
        cf_report_add(report, "cgroup.delegation", COFFER_DOCTOR_WARNING,
                      "no control group is delegated to this user");
        cf_report_remedy(report, f->mode == CF_CGROUP_MODE_V2
                                     ? "containers run without limits: start them in a systemd user session, "
                                       "systemd-run --user --scope -p Delegate=yes ..."
                                     : "containers run without limits: delegation to users needs cgroup v2");
        return;
    }
    list_missing(f->delegated, missing, sizeof(missing));
    if (missing[0]) {
        cf_report_add(report, "cgroup.delegation", COFFER_DOCTOR_WARNING,
                      "delegated to this user, but without the controllers: %s", missing);
        cf_report_remedy(report,
                         "systemctl edit user@.service: [Service] Delegate=cpu cpuset io memory pids");
    } else if (f->via_manager) {
        cf_report_add(report, "cgroup.delegation", COFFER_DOCTOR_NOTE,
                      "delegated to the systemd manager of this user with: %s", f->delegated);
        cf_report_remedy(report, "this process is outside of it: use --systemd-cgroup, or start coffer by "
                                 "systemd-run --user --scope -p Delegate=yes ...");
    } else {
        cf_report_add(report, "cgroup.delegation", COFFER_DOCTOR_OK, "delegated to this user with: %s",
                      f->delegated);
    }
    cf_report_str(report, "path", f->delegated_path);
    cf_report_str(report, "controllers", f->delegated);
}

static void judge_pids(const struct cf_cgroups_facts *f, struct cf_report *report)
{
    if (f->pids_max == CF_SYSCTL_ABSENT) {
        cf_report_add(report, "cgroup.pids", COFFER_DOCTOR_OK,
                      "no limit of processes above this one; the kernel's is %lld", (long long) f->pid_max);
    } else if (f->pids_now != CF_SYSCTL_ABSENT && f->pids_now * 10 >= f->pids_max * 9) {
        cf_report_add(report, "cgroup.pids", COFFER_DOCTOR_WARNING,
                      "%lld of the %lld processes that are allowed here exist", (long long) f->pids_now,
                      (long long) f->pids_max);
        cf_report_remedy(report, "raise pids.max of the control group above (systemd: TasksMax=)");
    } else {
        cf_report_add(report, "cgroup.pids", f->pids_max < PIDS_FEW ? COFFER_DOCTOR_NOTE : COFFER_DOCTOR_OK,
                      "%lld processes are allowed in the control group of this one", (long long) f->pids_max);
        if (f->pids_max < PIDS_FEW)
            cf_report_remedy(report, "containers below it share them: raise pids.max (systemd: TasksMax=)");
    }
    if (f->pids_max != CF_SYSCTL_ABSENT)
        cf_report_uint(report, "pids.max", (uint64_t) f->pids_max);
    if (f->pid_max != CF_SYSCTL_ABSENT)
        cf_report_uint(report, "kernel.pid_max", (uint64_t) f->pid_max);
}

static void judge_systemd(const struct cf_cgroups_facts *f, struct cf_report *report)
{
    if (!f->systemd) {
        cf_report_add(report, "cgroup.systemd", COFFER_DOCTOR_NOTE, "systemd does not run here");
        cf_report_remedy(report, "use the cgroupfs manager");
    } else if (!f->systemd_socket) {
        cf_report_add(report, "cgroup.systemd", COFFER_DOCTOR_WARNING,
                      "systemd runs here, but this user's manager has no socket");
        cf_report_remedy(
            report,
            "set XDG_RUNTIME_DIR of a login session (loginctl enable-linger), or use the cgroupfs manager");
    } else {
        cf_report_add(report, "cgroup.systemd", COFFER_DOCTOR_OK, "systemd and its socket are there");
    }
    cf_report_bool(report, "systemd", f->systemd);
    cf_report_bool(report, "socket", f->systemd_socket);
}

void cf_cgroups_judge(const struct cf_cgroups_facts *f, const struct cf_facts *caller,
                      struct cf_report *report)
{
    judge_mode(f, report);
    if (f->mode != CF_CGROUP_MODE_NONE) {
        judge_controllers(f, report);
        judge_delegation(f, caller, report);
        if (f->freezer) {
            cf_report_add(report, "cgroup.freezer", COFFER_DOCTOR_OK, "containers can be paused");
        } else {
            cf_report_add(report, "cgroup.freezer", COFFER_DOCTOR_WARNING,
                          "no freezer: containers cannot be paused");
            cf_report_remedy(report, "mount the freezer hierarchy, or use cgroup v2");
        }
    }
    if (f->mode == CF_CGROUP_MODE_V2 && f->kill_file != CF_NOT_TRIED) {
        cf_report_add(report, "cgroup.kill", f->kill_file < 0 ? COFFER_DOCTOR_WARNING : COFFER_DOCTOR_OK,
                      f->kill_file < 0 ? "cgroup.kill is missing" : "cgroup.kill is there");
        if (f->kill_file < 0)
            cf_report_remedy(report, "processes are killed one by one: Linux 5.14 has it");
        cf_report_result(report, f->kill_file);
    }
    judge_pids(f, report);
    judge_systemd(f, report);
}
