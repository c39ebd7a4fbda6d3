/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the limits of user namespaces mean for containers. Pure. */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "doctor/checks.h"

static const char *const ns_names[CF_DOCTOR_N_NS] = {"mnt", "pid", "net", "ipc", "uts", "cgroup", "time"};

/* Less than this and a node of many containers meets the limit. */
#define INOTIFY_FEW 128
#define KEYS_FEW 200
#define IDS_ENOUGH 65536

static void report_number(struct cf_report *report, const char *key, int64_t v)
{
    if (v != CF_SYSCTL_ABSENT)
        cf_report_uint(report, key, (uint64_t) v);
}

/* The one reason out of several that fits. */
static void explain_create(const struct cf_userns_facts *f, const struct cf_facts *caller,
                           struct cf_report *report)
{
    if (f->max_user == 0)
        cf_report_remedy(report, "the sysctl user.max_user_namespaces is 0: set it to 10000 or more");
    else if (f->unprivileged_clone == 0 && !caller->privileged)
        cf_report_remedy(report, "the sysctl kernel.unprivileged_userns_clone is 0: set it to 1");
    else if (f->create == -ENOSPC || f->create == -EUSERS)
        cf_report_remedy(report,
                         "too many of them, or 32 inside one another: see user.max_user_namespaces (%lld)",
                         (long long) f->max_user);
    else if (f->create == -EINVAL)
        cf_report_remedy(report, "the kernel was built without CONFIG_USER_NS");
    else if (f->apparmor_restrict == 1 && !caller->privileged)
        cf_report_remedy(report, "kernel.apparmor_restrict_unprivileged_userns is 1: set it to 0, or load an "
                                 "AppArmor profile with `userns,` for coffer");
    else if (strcmp(f->create_step, "map") == 0)
        cf_report_remedy(report, "the map of the own id could not be written: capabilities SETUID, SETGID or "
                                 "SETFCAP are withheld");
    else
        cf_report_remedy(report, "a seccomp filter, a security module or chroot forbids it: allow clone with "
                                 "CLONE_NEWUSER for coffer");
}

static void judge_create(const struct cf_userns_facts *f, const struct cf_facts *caller,
                         struct cf_report *report)
{
    if (f->create >= 0) {
        cf_report_add(report, "userns.create", COFFER_DOCTOR_OK, "user namespaces can be made%s",
                      caller->in_userns ? ", inside the one of this process" : "");
    } else {
        cf_report_add(report, "userns.create", COFFER_DOCTOR_PROBLEM, "user namespaces cannot be made: %s",
                      cf_errno_text(-f->create));
        explain_create(f, caller, report);
    }
    cf_report_result(report, f->create);
    cf_report_bool(report, "nested", caller->in_userns);
}

/* A container inside has at most the ids of the namespace around it. */
static void judge_ids(const struct cf_userns_facts *f, const struct cf_facts *caller,
                      struct cf_report *report)
{
    int64_t least = f->n_uids < f->n_gids ? f->n_uids : f->n_gids;

    if (!caller->in_userns || least == CF_SYSCTL_ABSENT)
        return;
    if (least >= 2 * IDS_ENOUGH) {
        cf_report_add(report, "userns.ids", COFFER_DOCTOR_OK,
                      "this user namespace has %lld uids and %lld gids", (long long) f->n_uids,
                      (long long) f->n_gids);
    } else {
        cf_report_add(report, "userns.ids", COFFER_DOCTOR_NOTE,
                      "this user namespace has only %lld uids and %lld gids", (long long) f->n_uids,
                      (long long) f->n_gids);
        cf_report_remedy(
            report,
            "containers inside share them: for one with 65536 ids of its own, map 131072 or more outside");
    }
    report_number(report, "uids", f->n_uids);
    report_number(report, "gids", f->n_gids);
}

static void judge_kinds(const struct cf_userns_facts *f, struct cf_report *report)
{
    char bad[128] = "";
    bool unknown = false;
    int first = 0;

    if (f->ns[0] == CF_NOT_TRIED)
        return;
    for (int i = 0; i < CF_DOCTOR_N_NS; i++) {
        if (f->ns[i] >= 0)
            continue;
        unknown = unknown || f->ns[i] == CF_NOT_TRIED;
        if (f->ns[i] == CF_NOT_TRIED)
            continue;
        (void) cf_str_append(bad, sizeof(bad), bad[0] ? " " : "");
        (void) cf_str_append(bad, sizeof(bad), ns_names[i]);
        if (!first)
            first = f->ns[i];
    }
    if (!bad[0] && unknown) {
        cf_report_add(report, "userns.namespaces", COFFER_DOCTOR_NOTE,
                      "making namespaces took longer than the doctor waits");
        cf_report_remedy(report, "ask again when the machine is less busy");
        return;
    }
    if (!bad[0]) {
        cf_report_add(report, "userns.namespaces", COFFER_DOCTOR_OK,
                      "namespaces of every kind can be made inside");
        return;
    }
    cf_report_add(report, "userns.namespaces", COFFER_DOCTOR_PROBLEM,
                  "these namespaces cannot be made inside: %s (%s)", bad, cf_errno_text(-first));
    if ((first == -EPERM || first == -EACCES) && f->apparmor_restrict == 1)
        cf_report_remedy(report,
                         "kernel.apparmor_restrict_unprivileged_userns is 1 and takes the capabilities away: "
                         "set it to 0, or load an AppArmor profile with `userns,` for coffer");
    else if (first == -ENOSPC)
        cf_report_remedy(report, "raise the sysctls user.max_*_namespaces");
    else
        cf_report_remedy(report, "the kernel lacks them, or a filter around this process forbids them");
    cf_report_str(report, "missing", bad);
}

static void judge_mount(const struct cf_userns_facts *f, struct cf_report *report)
{
    const struct {
        const char *id, *what, *remedy;
        int r;
    } mounts[] = {
        {"userns.tmpfs", "tmpfs", "a security module forbids mounts in user namespaces", f->tmpfs},
        {"userns.proc", "proc",
         "something covers parts of /proc here: an outer container must leave it unmasked", f->proc},
        {"userns.sysfs", "sysfs",
         "something covers parts of /sys here: bind mount /sys instead, or unmask it outside", f->sysfs},
    };

    for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
        if (mounts[i].r == CF_NOT_TRIED)
            continue;
        if (mounts[i].r >= 0) {
            cf_report_add(report, mounts[i].id, COFFER_DOCTOR_OK, "%s can be mounted in a user namespace",
                          mounts[i].what);
        } else {
            cf_report_add(report, mounts[i].id, COFFER_DOCTOR_WARNING,
                          "%s cannot be mounted in a user namespace: %s", mounts[i].what,
                          cf_errno_text(-mounts[i].r));
            cf_report_remedy(report, "%s", mounts[i].remedy);
        }
        cf_report_result(report, mounts[i].r);
    }
}

static void judge_limits(const struct cf_userns_facts *f, struct cf_report *report)
{
    char zero[128] = "";
    int64_t least = f->max_user;

    for (int i = 0; i < CF_DOCTOR_N_NS; i++) {
        if (f->max_ns[i] == CF_SYSCTL_ABSENT)
            continue;
        if (f->max_ns[i] < least)
            least = f->max_ns[i];
        if (f->max_ns[i] == 0) {
            (void) cf_str_append(zero, sizeof(zero), zero[0] ? " " : "");
            (void) cf_str_append(zero, sizeof(zero), ns_names[i]);
        }
    }
    if (f->max_user == 0 || zero[0]) {
        cf_report_add(report, "userns.limits", COFFER_DOCTOR_PROBLEM, "no namespaces allowed: %s%s%s",
                      f->max_user == 0 ? "user" : "", f->max_user == 0 && zero[0] ? " " : "", zero);
        cf_report_remedy(report, "set the sysctls user.max_*_namespaces of these kinds to 10000 or more");
    } else if (f->max_user == CF_SYSCTL_ABSENT) {
        cf_report_add(report, "userns.limits", COFFER_DOCTOR_NOTE,
                      "the limits user.max_*_namespaces cannot be read");
    } else {
        cf_report_add(report, "userns.limits", least < 1000 ? COFFER_DOCTOR_WARNING : COFFER_DOCTOR_OK,
                      "each user may have %lld namespaces of a kind", (long long) least);
        if (least < 1000)
            cf_report_remedy(
                report, "each container takes one of every kind: set user.max_*_namespaces to 10000 or more");
    }
    report_number(report, "user.max_user_namespaces", f->max_user);
    report_number(report, "user.max_mnt_namespaces", f->max_ns[CF_DOCTOR_MNT]);
    report_number(report, "user.max_net_namespaces", f->max_ns[CF_DOCTOR_NET]);
    report_number(report, "user.max_pid_namespaces", f->max_ns[CF_DOCTOR_PID]);
}

/* Switches of distributions against user namespaces of ordinary users. */
static void judge_switches(const struct cf_userns_facts *f, const struct cf_facts *caller,
                           struct cf_report *report)
{
    if (f->unprivileged_clone == 0) {
        cf_report_add(report, "userns.unprivileged",
                      caller->privileged ? COFFER_DOCTOR_NOTE : COFFER_DOCTOR_PROBLEM,
                      "kernel.unprivileged_userns_clone is 0: ordinary users cannot make user namespaces");
        cf_report_remedy(report, "for rootless containers set it to 1");
        report_number(report, "kernel.unprivileged_userns_clone", f->unprivileged_clone);
    }
    if (f->apparmor_restrict > 0) {
        bool hurts = !caller->privileged && (f->create < 0 || f->ns[CF_DOCTOR_MNT] < 0);

        cf_report_add(report, "userns.apparmor", hurts ? COFFER_DOCTOR_PROBLEM : COFFER_DOCTOR_NOTE,
                      "kernel.apparmor_restrict_unprivileged_userns is %lld: %s",
                      (long long) f->apparmor_restrict,
                      hurts ? "user namespaces of this user have no capabilities"
                            : "programs of ordinary users need a profile that allows user namespaces");
        cf_report_remedy(
            report,
            "for rootless containers set it to 0, or load an AppArmor profile with `userns,` for coffer");
        report_number(report, "kernel.apparmor_restrict_unprivileged_userns", f->apparmor_restrict);
    }
}

static void judge_keys(const struct cf_userns_facts *f, const struct cf_facts *caller,
                       struct cf_report *report)
{
    bool root = caller->uid == 0 && !caller->in_userns;
    int64_t limit = root ? f->root_max_keys : f->max_keys;

    if (f->max_keys == CF_SYSCTL_ABSENT)
        return;
    if (f->max_keys < KEYS_FEW) {
        cf_report_add(report, "limit.keys", COFFER_DOCTOR_WARNING, "each user may have only %lld keys",
                      (long long) f->max_keys);
        cf_report_remedy(report, "every container takes at least one: set kernel.keys.maxkeys to 2000 and "
                                 "kernel.keys.maxbytes to 200000");
    } else if (f->keys_used != CF_SYSCTL_ABSENT && f->keys_used * 10 >= limit * 8) {
        cf_report_add(report, "limit.keys", COFFER_DOCTOR_WARNING,
                      "%lld of the %lld keys of user %u are in use", (long long) f->keys_used,
                      (long long) limit, caller->uid);
        cf_report_remedy(report, "raise kernel.keys.%s, or create containers with --no-new-keyring",
                         root ? "root_maxkeys" : "maxkeys");
    } else {
        cf_report_add(report, "limit.keys", COFFER_DOCTOR_OK, "each user may have %lld keys, root %lld",
                      (long long) f->max_keys, (long long) f->root_max_keys);
    }
    report_number(report, "kernel.keys.maxkeys", f->max_keys);
    report_number(report, "kernel.keys.maxbytes", f->max_key_bytes);
    report_number(report, "kernel.keys.root_maxkeys", f->root_max_keys);
    report_number(report, "used", f->keys_used);
}

static void judge_inotify(const struct cf_userns_facts *f, struct cf_report *report)
{
    if (f->inotify_instances == CF_SYSCTL_ABSENT)
        return;
    cf_report_add(report, "limit.inotify",
                  f->inotify_instances < INOTIFY_FEW ? COFFER_DOCTOR_WARNING : COFFER_DOCTOR_OK,
                  "each user may have %lld inotify instances and %lld watches",
                  (long long) f->inotify_instances, (long long) f->inotify_watches);
    if (f->inotify_instances < INOTIFY_FEW)
        cf_report_remedy(report, "set fs.inotify.max_user_instances to 512 or more; containers with a range "
                                 "of ids of their own do not share it");
    report_number(report, "fs.inotify.max_user_instances", f->inotify_instances);
    report_number(report, "fs.inotify.max_user_watches", f->inotify_watches);
}

void cf_userns_judge(const struct cf_userns_facts *f, const struct cf_facts *caller, struct cf_report *report)
{
    judge_create(f, caller, report);
    judge_ids(f, caller, report);
    judge_kinds(f, report);
    judge_mount(f, report);
    judge_limits(f, report);
    judge_switches(f, caller, report);
    judge_keys(f, caller, report);
    judge_inotify(f, report);
}
