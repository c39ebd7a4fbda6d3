/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the node is as containers take it for granted. Pure. */

#include <sys/stat.h>

#include "doctor/checks.h"

static void judge_null(const struct cf_node_facts *f, const struct cf_facts *caller, struct cf_report *report)
{
    if (f->null_stat < 0 || !S_ISCHR(f->null_mode) || f->null_major != 1 || f->null_minor != 3) {
        cf_report_add(report, "node.dev-null", COFFER_DOCTOR_PROBLEM, "/dev/null is not the null device%s%s",
                      f->null_stat < 0 ? ": " : "", f->null_stat < 0 ? cf_errno_text(-f->null_stat) : "");
        cf_report_remedy(
            report, "some program has replaced it; as root: rm -f /dev/null && mknod -m 666 /dev/null c 1 3");
    } else if ((f->null_mode & 07777) != 0666 || ((f->null_uid || f->null_gid) && !caller->in_userns)) {
        cf_report_add(report, "node.dev-null", COFFER_DOCTOR_PROBLEM,
                      "/dev/null has mode %04o and belongs to %u:%u", f->null_mode & 07777, f->null_uid,
                      f->null_gid);
        cf_report_remedy(
            report, "containers and services cannot rely on it: chmod 666 /dev/null; chown 0:0 /dev/null");
    } else {
        cf_report_add(report, "node.dev-null", COFFER_DOCTOR_OK, "/dev/null is what it should be");
    }
    cf_report_uint(report, "mode", f->null_mode & 07777);
    cf_report_uint(report, "uid", f->null_uid);
    cf_report_uint(report, "gid", f->null_gid);
}

static void judge_proc(const struct cf_node_facts *f, struct cf_report *report)
{
    if (!f->proc) {
        cf_report_add(report, "node.proc", COFFER_DOCTOR_PROBLEM, "/proc is not mounted");
        cf_report_remedy(report, "coffer cannot work without it: mount -t proc proc /proc");
    } else if (f->hidepid) {
        cf_report_add(report, "node.proc", COFFER_DOCTOR_NOTE, "/proc is mounted with hidepid=%d",
                      f->hidepid);
        cf_report_remedy(report, "ordinary users see their own processes only, so overlaps with other users' "
                                 "namespaces are not found for them");
    } else {
        cf_report_add(report, "node.proc", COFFER_DOCTOR_OK, "/proc is mounted");
    }
    cf_report_uint(report, "hidepid", (uint64_t) f->hidepid);
    if (f->sys) {
        cf_report_add(report, "node.sys", COFFER_DOCTOR_OK, "/sys is mounted");
    } else {
        cf_report_add(report, "node.sys", COFFER_DOCTOR_WARNING, "/sys is not mounted");
        cf_report_remedy(report,
                         "containers that share the host's network bind mount it: mount -t sysfs sysfs /sys");
    }
}

static void judge_runtime_dir(const struct cf_node_facts *f, const struct cf_facts *caller,
                              struct cf_report *report)
{
    if (!f->rootless)
        return;
    if (!f->runtime_dir) {
        cf_report_add(report, "user.runtime-dir", COFFER_DOCTOR_WARNING, "XDG_RUNTIME_DIR is not set");
        cf_report_remedy(report, "log in with a session (loginctl enable-linger), set it to a directory of "
                                 "your own, or give --root");
        return;
    }
    if (f->runtime_stat < 0 || f->runtime_uid != caller->euid || (f->runtime_mode & 022)) {
        cf_report_add(report, "user.runtime-dir", COFFER_DOCTOR_PROBLEM, "XDG_RUNTIME_DIR=%s %s",
                      f->runtime_dir,
                      f->runtime_stat < 0              ? cf_errno_text(-f->runtime_stat)
                      : f->runtime_uid != caller->euid ? "belongs to another user"
                                                       : "can be written to by others");
        cf_report_remedy(
            report,
            "it must be a directory of this user with mode 0700; su and sudo keep that of another user");
    } else {
        cf_report_add(report, "user.runtime-dir", COFFER_DOCTOR_OK, "XDG_RUNTIME_DIR=%s", f->runtime_dir);
    }
    cf_report_str(report, "path", f->runtime_dir);
    cf_report_result(report, f->runtime_stat);
}

void cf_node_judge(const struct cf_node_facts *f, const struct cf_facts *caller, struct cf_report *report)
{
    judge_null(f, caller, report);
    judge_proc(f, report);
    judge_runtime_dir(f, caller, report);
}
