/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether the state directory can be used, and what lies about in it. Pure. */

#include <errno.h>

#include "doctor/checks.h"

/* Return: false if there is nothing to say about its contents. */
static bool judge_directory(const struct cf_root_facts *f, struct cf_report *report)
{
    bool readable = false;

    if (f->unsafe[0]) {
        cf_report_add(report, "state.directory", COFFER_DOCTOR_PROBLEM, "%s", f->unsafe);
        cf_report_remedy(report, "give a directory with --root that only you can write to");
    } else if (f->open == -ENOENT && f->parent_writable >= 0) {
        cf_report_add(report, "state.directory", COFFER_DOCTOR_OK, "%s will be made by the first container",
                      f->root);
    } else if (f->open < 0) {
        int r = f->open == -ENOENT ? f->parent_writable : f->open;

        cf_report_add(report, "state.directory", COFFER_DOCTOR_PROBLEM, "%s cannot be %s: %s", f->root,
                      f->open == -ENOENT ? "made" : "opened", cf_errno_text(-r));
        cf_report_remedy(report, "set XDG_RUNTIME_DIR, or give a directory of your own with --root");
    } else if (f->read_only || f->parent_writable < 0) {
        cf_report_add(report, "state.directory", COFFER_DOCTOR_PROBLEM, "%s cannot be written to: %s",
                      f->root, f->read_only ? "read-only file system" : cf_errno_text(-f->parent_writable));
        cf_report_remedy(report, "give a directory on a writable file system with --root; best a tmpfs");
        readable = true;
    } else {
        cf_report_add(report, "state.directory", COFFER_DOCTOR_OK, "%s%s", f->root,
                      f->noexec ? ", on a mount with noexec, which is fine" : "");
        readable = true;
    }
    cf_report_str(report, "path", f->root);
    cf_report_bool(report, "noexec", f->noexec);
    cf_report_result(report, f->open < 0 ? f->open : f->parent_writable);
    return readable;
}

void cf_root_judge(const struct cf_root_facts *f, const struct cf_facts *caller, struct cf_report *report)
{
    (void) caller;
    if (!judge_directory(f, report))
        return;
    cf_report_add(report, "state.containers", f->cut ? COFFER_DOCTOR_NOTE : COFFER_DOCTOR_OK,
                  "%s%zu containers, %zu of them not stopped", f->cut ? "the first " : "", f->n_containers,
                  f->n_running);
    if (f->cut)
        cf_report_remedy(report, "there are more than could be looked at in time: coffer list");
    cf_report_uint(report, "containers", f->n_containers);
    cf_report_uint(report, "running", f->n_running);
    if (f->n_stopped > 0) {
        cf_report_add(report, "state.stopped", COFFER_DOCTOR_NOTE,
                      "%zu stopped containers are not deleted: %s", f->n_stopped, f->stopped);
        cf_report_remedy(report, "if no engine cares for them: coffer delete ID");
        cf_report_uint(report, "count", f->n_stopped);
    }
    if (f->n_broken > 0) {
        cf_report_add(report, "state.broken", COFFER_DOCTOR_WARNING,
                      "%zu containers have no readable record: %s", f->n_broken, f->broken);
        cf_report_remedy(report, "coffer delete --force ID");
        cf_report_uint(report, "count", f->n_broken);
    }
    if (f->n_leftovers > 0) {
        cf_report_add(report, "state.leftovers", COFFER_DOCTOR_NOTE, "%zu leftovers of interrupted commands",
                      f->n_leftovers);
        cf_report_remedy(report, "the next `coffer list` removes them");
        cf_report_uint(report, "count", f->n_leftovers);
    }
}
