/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whether automatic ranges are to be had. Pure. */

#include <errno.h>

#include "doctor/checks.h"

#define BLOCKS_FEW 16

static void judge_ledger(const struct cf_ids_facts *f, struct cf_report *report)
{
    if (f->ledger == -ENOENT) {
        cf_report_add(report, "ids.ledger", COFFER_DOCTOR_OK, "no container has had host ids of its own yet");
    } else if (f->ledger < 0) {
        cf_report_add(report, "ids.ledger", COFFER_DOCTOR_PROBLEM, "%s", f->ledger_error);
        cf_report_remedy(report, "%s", f->ledger_hint[0]
                                           ? f->ledger_hint
                                           : "until it can be read, shared host ids go unnoticed and there are no "
                                             "automatic ranges: correct it, or remove it while no container with a "
                                             "user namespace runs");
        cf_report_result(report, f->ledger);
    } else {
        cf_report_add(report, "ids.ledger", f->ledger_busy ? COFFER_DOCTOR_NOTE : COFFER_DOCTOR_OK,
                      "%u containers hold %llu host ids%s", f->leases, (unsigned long long) f->leased,
                      f->ledger_busy ? "; another command had the ledger locked" : "");
        if (f->ledger_busy)
            cf_report_remedy(report, "look again; if it stays, a command that hangs has the lock");
    }
    if (f->ledger_path[0])
        cf_report_str(report, "path", f->ledger_path);
    cf_report_uint(report, "leases", f->leases);
    cf_report_uint(report, "ids", f->leased);
    if (f->ledger < 0 || !f->dead)
        return;
    cf_report_add(report, "ids.stale", COFFER_DOCTOR_NOTE,
                  "%u leases of containers that are gone", f->dead);
    cf_report_remedy(report, "none is needed: whoever wants their ids removes them");
    cf_report_uint(report, "leases", f->dead);
}

static void judge_window(const struct cf_ids_facts *f, const struct cf_facts *caller, struct cf_report *report)
{
    if (f->window < 0 || f->blocks == 0) {
        /* An ordinary user without subordinate ids: said by subid.own already. */
        cf_report_add(report, "ids.window", caller->privileged ? COFFER_DOCTOR_WARNING : COFFER_DOCTOR_NOTE,
                      "no automatic ranges: %s",
                      f->window < 0 ? f->error : "the window is smaller than one range");
        cf_report_remedy(report, "%s",
                         f->window < 0 && f->hint[0]
                             ? f->hint
                             : "give a larger `window` in ids.conf, or subordinate ids to its user");
    } else if (f->free == 0) {
        cf_report_add(report, "ids.window", COFFER_DOCTOR_WARNING,
                      "no automatic range is free: all %llu of %u ids, out of %s, are in use",
                      (unsigned long long) f->blocks, f->size, f->first);
        cf_report_remedy(report, "a larger `window` in ids.conf, or more subordinate ids; or delete containers");
    } else {
        cf_report_add(report, "ids.window", f->free < BLOCKS_FEW ? COFFER_DOCTOR_NOTE : COFFER_DOCTOR_OK,
                      "automatic ranges for %llu containers of %u ids, out of %s, %llu free",
                      (unsigned long long) f->blocks, f->size, f->first, (unsigned long long) f->free);
        if (f->free < BLOCKS_FEW)
            cf_report_remedy(report, "for more: a larger `window` in ids.conf, or more subordinate ids");
    }
    cf_report_uint(report, "ids", f->ids);
    cf_report_uint(report, "ranges", f->blocks);
    cf_report_uint(report, "free", f->free);
    cf_report_uint(report, "size", f->size);
}

void cf_ids_judge(const struct cf_ids_facts *f, const struct cf_facts *caller, struct cf_report *report)
{
    judge_ledger(f, report);
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
    judge_window(f, caller, report);
}
