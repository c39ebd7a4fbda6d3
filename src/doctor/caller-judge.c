/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who is asking, and what that allows. Pure. */

#include <linux/capability.h>

#include "base/str.h"
#include "doctor/checks.h"

/* What root needs beyond the three that make it privileged, and for what. */
static const struct {
    unsigned int cap;
    const char *name, *purpose;
} useful_caps[] = {
    {CAP_CHOWN, "CHOWN", "owners of devices and terminals"},
    {CAP_DAC_OVERRIDE, "DAC_OVERRIDE", "files of other users"},
    {CAP_KILL, "KILL", "signals to containers with ids of their own"},
    {CAP_SETFCAP, "SETFCAP", "mapping of the host's root"},
    {CAP_SETPCAP, "SETPCAP", "bounding sets"},
    {CAP_SYS_PTRACE, "SYS_PTRACE", "namespaces of other processes"},
    {CAP_SYS_RESOURCE, "SYS_RESOURCE", "limits above the own, and lower oom_score_adj"},
    {CAP_MKNOD, "MKNOD", "device nodes"},
    {CAP_NET_ADMIN, "NET_ADMIN", "network namespaces without user namespace"},
};

static void judge_caps(const struct cf_facts *caller, struct cf_report *report)
{
    char names[256] = "", purposes[512] = "";

    if (!caller->privileged)
        return;
    for (size_t i = 0; i < sizeof(useful_caps) / sizeof(useful_caps[0]); i++) {
        if (caller->cap_effective >> useful_caps[i].cap & 1)
            continue;
        (void) cf_str_append(names, sizeof(names), names[0] ? " " : "");
        (void) cf_str_append(names, sizeof(names), useful_caps[i].name);
        (void) cf_str_append(purposes, sizeof(purposes), purposes[0] ? "; " : "");
        (void) cf_str_append(purposes, sizeof(purposes), useful_caps[i].purpose);
    }
    if (names[0]) {
        cf_report_add(report, "caller.capabilities", COFFER_DOCTOR_NOTE,
                      "privileged, but without the capabilities %s", names);
        cf_report_remedy(report, "containers that need them are refused (%s): grant them outside", purposes);
    } else {
        cf_report_add(report, "caller.capabilities", COFFER_DOCTOR_OK,
                      "every capability that coffer uses is there");
    }
    cf_report_str(report, "missing", names);
}

void cf_caller_judge(const struct cf_facts *caller, struct cf_report *report)
{
    cf_report_add(report, "caller", COFFER_DOCTOR_OK, "user %u, %s%s", caller->euid,
                  caller->privileged ? "privileged" : "not privileged",
                  caller->in_userns ? ", in a user namespace" : "");
    cf_report_uint(report, "uid", caller->euid);
    cf_report_uint(report, "gid", caller->egid);
    cf_report_bool(report, "privileged", caller->privileged);
    cf_report_bool(report, "userns", caller->in_userns);
    cf_report_bool(report, "no_new_privs", caller->no_new_privs);
    judge_caps(caller, report);
}
