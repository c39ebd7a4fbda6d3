/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a path is good for. Pure. */

#include <errno.h>
#include <string.h>

#include "doctor/checks.h"

static void judge_mount(const struct cf_path_facts *f, const char *path, struct cf_report *report)
{
    if (f->noexec) {
        cf_report_add(report, "path.mount", COFFER_DOCTOR_WARNING,
                      "%s: the mount has noexec%s: no program in it can be executed", path,
                      f->nosuid ? " and nosuid" : "");
        cf_report_remedy(report, "fine for volumes; root file systems need a mount without noexec");
    } else if (f->nosuid || f->read_only) {
        cf_report_add(report, "path.mount", COFFER_DOCTOR_NOTE, "%s: the mount has%s%s%s", path,
                      f->read_only ? " ro" : "", f->nosuid ? " nosuid" : "", f->nodev ? " nodev" : "");
        cf_report_remedy(
            report, "%s",
            f->nosuid ? "setuid programs and file capabilities have no effect in root file systems there"
                      : "layers and volumes there cannot be written to");
    } else {
        cf_report_add(report, "path.mount", COFFER_DOCTOR_OK, "%s: on %s, programs can be executed", path,
                      f->fstype[0] ? f->fstype : "a file system");
    }
    cf_report_str(report, "path", path);
    cf_report_str(report, "type", f->fstype);
    cf_report_bool(report, "ro", f->read_only);
    cf_report_bool(report, "nosuid", f->nosuid);
    cf_report_bool(report, "nodev", f->nodev);
    cf_report_bool(report, "noexec", f->noexec);
}

static void judge_idmap(const struct cf_path_facts *f, const char *path, const struct cf_facts *caller,
                        struct cf_report *report)
{
    const char *type = f->fstype[0] ? f->fstype : "this file system";

    if (f->idmap == CF_NOT_TRIED) {
        cf_report_add(report, "path.idmap", COFFER_DOCTOR_WARNING,
                      "%s: an id-mapped mount gave no answer in time", path);
        cf_report_remedy(report, "look whether the server of %s is alive", type);
    } else if (f->idmap >= 0) {
        cf_report_add(report, "path.idmap", COFFER_DOCTOR_OK, "%s: %s can be id-mapped", path, type);
    } else if (!caller->privileged || (caller->in_userns && f->idmap == -EPERM)) {
        cf_report_add(report, "path.idmap", COFFER_DOCTOR_NOTE, "%s: %s cannot be id-mapped by this user: %s",
                      path, type, cf_errno_text(-f->idmap));
        cf_report_remedy(report, "only who mounted the file system may, which is root of the host: chown the "
                                 "files to the range, or run this as root there");
    } else if (f->idmap == -EINVAL && strcmp(f->idmap_step, "idmap") == 0) {
        cf_report_add(report, "path.idmap", COFFER_DOCTOR_WARNING,
                      "%s: %s cannot be id-mapped on this kernel", path, type);
        cf_report_remedy(
            report,
            strcmp(type, "overlay") == 0
                ? "overlay mounts cannot, but their layers can: name the directory of the layers, or chown "
                  "the files to the range"
                : "chown the files to the range of the container, or keep them on ext4, xfs, btrfs or tmpfs");
    } else if (f->idmap == -EPERM && strcmp(f->idmap_step, "idmap") == 0) {
        cf_report_add(report, "path.idmap", COFFER_DOCTOR_WARNING,
                      "%s: %s belongs to another user namespace, or carries an id map already", path, type);
        cf_report_remedy(
            report,
            "name the directory where it was mounted first; another map for a mapped mount needs Linux 6.15");
    } else {
        cf_report_add(report, "path.idmap", COFFER_DOCTOR_WARNING, "%s: %s cannot be id-mapped here: %s (%s)",
                      path, type, cf_errno_text(-f->idmap), f->idmap_step);
        cf_report_remedy(report, "look for a filter or a security module around this process");
    }
    cf_report_str(report, "path", path);
    cf_report_str(report, "type", f->fstype);
    if (f->idmap != CF_NOT_TRIED)
        cf_report_result(report, f->idmap);
}

void cf_path_judge(const struct cf_path_facts *f, const char *path, const struct cf_facts *caller,
                   struct cf_report *report)
{
    if (f->open < 0) {
        bool hangs = f->open == -ETIMEDOUT;

        cf_report_add(report, "path.open", COFFER_DOCTOR_PROBLEM, "%s: %s", path,
                      hangs ? "no answer in time" : cf_errno_text(-f->open));
        cf_report_remedy(report, hangs ? "look whether the server of this file system is alive"
                                       : "give a path that exists and that this user can reach");
        cf_report_str(report, "path", path);
        cf_report_result(report, f->open);
        return;
    }
    judge_mount(f, path, report);
    judge_idmap(f, path, caller, report);
}
