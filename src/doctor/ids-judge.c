/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether automatic ranges are to be had. Pure. */

#include "doctor/checks.h"

#define BLOCKS_FEW 16

void cf_ids_judge(const struct cf_ids_facts *f, const struct cf_facts *caller, struct cf_report *report)
{
    if (f->config < 0) {
        cf_report_add(report, "ids.config", COFFER_DOCTOR_PROBLEM, "%s", f->error);
        cf_report_remedy(
            report, "%s",
            f->hint[0] ? f->hint
                       : "correct the file: containers with a user namespace of their own cannot be made");
        cf_report_result(report, f->config);
        return;
    }
    cf_report_add(report, "ids.config", COFFER_DOCTOR_OK, "policy about shared host ids: %s", f->policy);
    cf_report_str(report, "policy", f->policy);
    if (f->window < 0 || f->blocks == 0) {
        /* An ordinary user without subordinate ids: said by subid.own already. */
        cf_report_add(report, "ids.window", caller->privileged ? COFFER_DOCTOR_WARNING : COFFER_DOCTOR_NOTE,
                      "no automatic ranges: %s",
                      f->window < 0 ? f->error : "the window is smaller than one range");
        cf_report_remedy(report, "%s",
                         f->window < 0 && f->hint[0]
                             ? f->hint
                             : "give a larger `window` in ids.conf, or subordinate ids to its user");
    } else {
        cf_report_add(report, "ids.window", f->blocks < BLOCKS_FEW ? COFFER_DOCTOR_NOTE : COFFER_DOCTOR_OK,
                      "automatic ranges for %llu containers of %u ids, out of %s",
                      (unsigned long long) f->blocks, f->size, f->first);
        if (f->blocks < BLOCKS_FEW)
            cf_report_remedy(report, "for more: a larger `window` in ids.conf, or more subordinate ids");
    }
    cf_report_uint(report, "ids", f->ids);
    cf_report_uint(report, "ranges", f->blocks);
    cf_report_uint(report, "size", f->size);
}
