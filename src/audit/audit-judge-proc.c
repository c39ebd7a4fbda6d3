/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Capabilities, no_new_privs, seccomp and the label of the first process. Pure. */

#include <linux/capability.h>
#include <string.h>

#include "audit/audit.h"
#include "base/str.h"
#include "security/security.h"

#define LIST_SIZE 512
#define BIT(cap) (UINT64_C(1) << (cap))

/* Over the host, each of these leads to full control of it or to its data. In a user namespace they rule only that. */
static const uint64_t dangerous =
    BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_MODULE) |
    BIT(CAP_SYS_RAWIO) | BIT(CAP_SYS_PTRACE) | BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_BOOT) | BIT(CAP_SYS_TIME) |
    BIT(CAP_MAC_OVERRIDE) | BIT(CAP_MAC_ADMIN) | BIT(CAP_SYSLOG) | BIT(CAP_PERFMON) | BIT(CAP_BPF) |
    BIT(CAP_CHECKPOINT_RESTORE);

static const char *names_of(uint64_t caps, char buf[LIST_SIZE])
{
    buf[0] = '\0';
    for (unsigned cap = 0; cap < 64; cap++) {
        const char *name = caps & BIT(cap) ? cf_cap_name(cap) : NULL;

        if (!name)
            continue;
        if (buf[0])
            (void) cf_str_append(buf, LIST_SIZE, ", ");
        (void) cf_str_append(buf, LIST_SIZE, name);
    }
    return buf;
}

static void judge_caps(struct cf_audit_report *report)
{
    const struct cf_audit_proc *proc = &report->facts->proc;
    uint64_t held = proc->effective | proc->permitted | proc->ambient;
    int n_held = __builtin_popcountll(held), n_bounding = __builtin_popcountll(proc->bounding);
    char names[LIST_SIZE];
    const char *check = "capabilities";

    if (report->own_userns) {
        cf_audit_add(report, COFFER_AUDIT_OK, check, "%d, at most %d; they count in its user namespace only", n_held,
                     n_bounding);
        return;
    }
    if (held & dangerous)
        cf_audit_add(report, COFFER_AUDIT_PROBLEM, check, "over the host: %s", names_of(held & dangerous, names));
    if (proc->bounding & dangerous & ~held)
        cf_audit_add(report, COFFER_AUDIT_WARNING, check, "a setuid program can gain over the host: %s",
                     names_of(proc->bounding & dangerous & ~held, names));
    if (cf_audit_clean(report, check))
        cf_audit_add(report, COFFER_AUDIT_OK, check, "%d, at most %d, over the host; none of the dangerous ones", n_held,
                     n_bounding);
}

static void judge_filters(struct cf_audit_report *report)
{
    const struct cf_audit_proc *proc = &report->facts->proc;

    if (proc->no_new_privs)
        cf_audit_add(report, COFFER_AUDIT_OK, "no-new-privs", "set: no program gives more privileges");
    else
        cf_audit_add(report, cf_audit_by_userns(report, COFFER_AUDIT_NOTE, COFFER_AUDIT_WARNING), "no-new-privs",
                     "not set: setuid programs and file capabilities work");
    if (proc->seccomp == 0)
        cf_audit_add(report, COFFER_AUDIT_WARNING, "seccomp", "no filter: every system call reaches the kernel");
    else if (proc->seccomp == 1)
        cf_audit_add(report, COFFER_AUDIT_OK, "seccomp", "strict mode");
    else
        cf_audit_add(report, COFFER_AUDIT_OK, "seccomp", "%u filter%s", proc->seccomp_filters,
                     proc->seccomp_filters == 1 ? "" : "s");
}

static void judge_label(struct cf_audit_report *report)
{
    const struct cf_audit_host *host = &report->scene->host;
    const char *label = report->facts->proc.label;
    enum coffer_audit_level worse = cf_audit_by_userns(report, COFFER_AUDIT_NOTE, COFFER_AUDIT_WARNING);

    if (!host->apparmor && !host->selinux)
        cf_audit_add(report, COFFER_AUDIT_NOTE, "lsm", "neither AppArmor nor SELinux is active on this host");
    else if (!*label)
        cf_audit_add(report, worse, "lsm", "no label");
    else if (strstr(label, "unconfined") || strstr(label, ":spc_t:"))
        cf_audit_add(report, worse, "lsm", "`%s`: not confined", label);
    else if (cf_str_ends_with(label, "(complain)"))
        cf_audit_add(report, worse, "lsm", "`%s`: it only complains", label);
    else
        cf_audit_add(report, COFFER_AUDIT_OK, "lsm", "`%s`", label);
}

void cf_audit_judge_proc(struct cf_audit_report *report)
{
    static const char *const checks[] = {"capabilities", "no-new-privs", "seccomp", "lsm"};

    if (!report->facts->waiting) {
        judge_caps(report);
        judge_filters(report);
        judge_label(report);
        return;
    }
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        cf_audit_add(report, COFFER_AUDIT_NOTE, checks[i], "not known before start");
}
