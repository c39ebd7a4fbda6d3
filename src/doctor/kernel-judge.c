/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What results of the kernel experiments mean. Pure. */

#include <errno.h>
#include <linux/seccomp.h>

#include "doctor/checks.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define KERNEL_MAJOR 5
#define KERNEL_MINOR 14

#define HIDDEN "a seccomp filter around this process hides it: allow it there, or run coffer outside"

static const char *result_text(int r)
{
    return r == CF_NOT_TRIED ? "not tried" : cf_errno_text(-r);
}

/* A feature that coffer cannot do without. */
static void require(struct cf_report *report, const char *id, int r, const char *what)
{
    if (r == CF_NOT_TRIED) {
        cf_report_add(report, id, COFFER_DOCTOR_NOTE, "%s: not tried", what);
        cf_report_remedy(report, "first mend what `kernel.clone3` and `userns.create` say");
        return;
    }
    if (r >= 0) {
        cf_report_add(report, id, COFFER_DOCTOR_OK, "%s works", what);
    } else {
        cf_report_add(report, id, COFFER_DOCTOR_PROBLEM, "%s does not work: %s", what, cf_errno_text(-r));
        cf_report_remedy(report, HIDDEN);
    }
    cf_report_result(report, r);
}

static void judge_version(const struct cf_kernel_facts *f, struct cf_report *report)
{
    bool old = f->major < KERNEL_MAJOR || (f->major == KERNEL_MAJOR && f->minor < KERNEL_MINOR);

    cf_report_add(report, "kernel.version", old ? COFFER_DOCTOR_PROBLEM : COFFER_DOCTOR_OK, "Linux %s%s",
                  f->release, old ? " is too old" : "");
    if (old)
        cf_report_remedy(report, "coffer needs Linux %d.%d or later", KERNEL_MAJOR, KERNEL_MINOR);
    cf_report_str(report, "release", f->release);
}

static void judge_idmap(const struct cf_kernel_facts *f, struct cf_report *report)
{
    if (f->idmap == CF_NOT_TRIED) {
        require(report, "kernel.idmap", f->idmap, "id-mapped mounts");
        return;
    }
    if (f->idmap >= 0) {
        cf_report_add(report, "kernel.idmap", COFFER_DOCTOR_OK, "id-mapped mounts work, also of tmpfs");
    } else if (f->idmap == -EINVAL) {
        cf_report_add(report, "kernel.idmap", COFFER_DOCTOR_NOTE, "tmpfs cannot be id-mapped");
        cf_report_remedy(report, "tmpfs needs Linux 6.3; see `path.idmap` for other file systems");
    } else {
        cf_report_add(report, "kernel.idmap", COFFER_DOCTOR_WARNING, "id-mapped mounts do not work: %s",
                      cf_errno_text(-f->idmap));
        cf_report_remedy(report, HIDDEN);
    }
    cf_report_result(report, f->idmap);
}

static void judge_tree_attr(const struct cf_kernel_facts *f, struct cf_report *report)
{
    if (f->open_tree_attr == CF_NOT_TRIED)
        return;
    if (f->open_tree_attr >= 0) {
        cf_report_add(report, "kernel.open-tree-attr", COFFER_DOCTOR_OK,
                      "open_tree_attr works: other id maps for mounts that carry one");
    } else {
        cf_report_add(report, "kernel.open-tree-attr", COFFER_DOCTOR_NOTE,
                      "open_tree_attr is not there: a mount that carries an id map keeps it");
        cf_report_remedy(report,
                         "Linux 6.15 has it; only volumes that are id-mapped on the host already need it");
    }
    cf_report_result(report, f->open_tree_attr);
}

static void judge_overlay(const struct cf_kernel_facts *f, struct cf_report *report)
{
    if (f->overlay_listed) {
        cf_report_add(report, "kernel.overlay", COFFER_DOCTOR_OK, "overlayfs is there");
    } else if (f->overlay_module) {
        cf_report_add(report, "kernel.overlay", COFFER_DOCTOR_NOTE,
                      "overlayfs is a module that is not loaded");
        cf_report_remedy(report,
                         "the first mount as root loads it; for unprivileged users: modprobe overlay");
    } else {
        cf_report_add(report, "kernel.overlay", COFFER_DOCTOR_WARNING, "overlayfs is not there");
        cf_report_remedy(report,
                         "engines that stack image layers need CONFIG_OVERLAY_FS, or another storage driver");
    }
    cf_report_bool(report, "listed", f->overlay_listed);
    cf_report_bool(report, "module", f->overlay_module);
}

static void judge_memfd(const struct cf_kernel_facts *f, struct cf_report *report)
{
    int r = f->memfd_exec < 0 ? f->memfd_exec : f->memfd_run;

    if (r >= 0 && f->memfd_noexec == 2) {
        cf_report_add(report, "kernel.memfd-exec", COFFER_DOCTOR_NOTE,
                      "executable memory files are forbidden: the installed coffer-init is used");
    } else if (r >= 0) {
        cf_report_add(report, "kernel.memfd-exec", COFFER_DOCTOR_OK,
                      "coffer-init can be executed from a memory file");
    } else {
        cf_report_add(report, "kernel.memfd-exec", COFFER_DOCTOR_PROBLEM,
                      "coffer-init cannot be executed from a memory file: %s", result_text(r));
        if (f->memfd_noexec == 2)
            cf_report_remedy(report,
                             "set the sysctl vm.memfd_noexec to 0 or 1, or install coffer completely");
        else
            cf_report_remedy(report, "a security policy (fapolicyd, IMA, SELinux) refuses it: allow memory "
                                     "files named coffer-init");
    }
    if (f->memfd_noexec >= 0)
        cf_report_uint(report, "vm.memfd_noexec", (uint64_t) f->memfd_noexec);
    cf_report_result(report, r);
}

static void judge_seccomp(const struct cf_kernel_facts *f, struct cf_report *report)
{
    bool all = f->seccomp_flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

    if (f->seccomp_filter < 0) {
        cf_report_add(report, "kernel.seccomp", COFFER_DOCTOR_PROBLEM, "seccomp filters do not work: %s",
                      result_text(f->seccomp_filter));
        cf_report_remedy(
            report, "containers with a seccomp profile cannot be made: CONFIG_SECCOMP_FILTER, or %s", HIDDEN);
    } else {
        cf_report_add(report, "kernel.seccomp", COFFER_DOCTOR_OK, "seccomp filters work%s",
                      f->seccomp_mode == 2 ? "; this process is under one itself" : "");
    }
    cf_report_result(report, f->seccomp_filter);
    cf_report_bool(report, "filtered", f->seccomp_mode == 2);
    cf_report_bool(report, "TSYNC", f->seccomp_flags & SECCOMP_FILTER_FLAG_TSYNC);
    cf_report_bool(report, "LOG", f->seccomp_flags & SECCOMP_FILTER_FLAG_LOG);
    cf_report_bool(report, "SPEC_ALLOW", f->seccomp_flags & SECCOMP_FILTER_FLAG_SPEC_ALLOW);
    cf_report_bool(report, "WAIT_KILLABLE_RECV", all);

    if (f->seccomp_notify < 0) {
        cf_report_add(report, "kernel.seccomp-notify", COFFER_DOCTOR_WARNING,
                      "seccomp user notification does not work: %s", result_text(f->seccomp_notify));
        cf_report_remedy(report, "profiles with SCMP_ACT_NOTIFY cannot be used here");
    } else {
        cf_report_add(report, "kernel.seccomp-notify", all ? COFFER_DOCTOR_OK : COFFER_DOCTOR_NOTE,
                      "seccomp user notification works%s", all ? "" : ", without WAIT_KILLABLE_RECV");
        if (!all)
            cf_report_remedy(report, "Linux 5.19 has the flag; without it signals interrupt a notified call");
    }
    cf_report_result(report, f->seccomp_notify);
}

static void judge_landlock(const struct cf_kernel_facts *f, struct cf_report *report)
{
    if (f->landlock > 0) {
        cf_report_add(report, "kernel.landlock", COFFER_DOCTOR_OK, "Landlock ABI %d", f->landlock);
        cf_report_uint(report, "abi", (uint64_t) f->landlock);
    } else {
        cf_report_add(report, "kernel.landlock", COFFER_DOCTOR_NOTE, "no Landlock; coffer does not need it");
    }
}

static void judge_bpf(const struct cf_kernel_facts *f, const struct cf_facts *caller,
                      struct cf_report *report)
{
    if (f->bpf_device == CF_NOT_TRIED || caller->cgroup_mode != CF_CGROUP_MODE_V2)
        return;
    if (f->bpf_device >= 0) {
        cf_report_add(report, "kernel.bpf-device", COFFER_DOCTOR_OK, "device rules work (BPF)");
    } else {
        cf_report_add(report, "kernel.bpf-device", COFFER_DOCTOR_PROBLEM,
                      "device rules do not work (BPF): %s", cf_errno_text(-f->bpf_device));
        cf_report_remedy(report, "CONFIG_CGROUP_BPF is missing, or CAP_BPF is withheld: device rules of a "
                                 "container cannot be enforced");
    }
    cf_report_result(report, f->bpf_device);
}

void cf_kernel_judge(const struct cf_kernel_facts *f, const struct cf_facts *caller, struct cf_report *report)
{
    judge_version(f, report);
    require(report, "kernel.openat2", f->openat2, "openat2");
    require(report, "kernel.clone3", f->clone3, "clone3");
    if (caller->cgroup_mode == CF_CGROUP_MODE_V2)
        require(report, "kernel.clone-into-cgroup", f->clone_into_cgroup, "clone3 into a control group");
    require(report, "kernel.pidfd", f->pidfd, "pidfd");
    require(report, "kernel.close-range", f->close_range, "close_range");
    require(report, "kernel.detached-mount", f->detached_mount, "mounting by descriptor (fsopen, fsmount)");
    if (f->detached_mount >= 0) {
        require(report, "kernel.mount-setattr", f->mount_setattr, "mount_setattr");
        judge_idmap(f, report);
        judge_tree_attr(f, report);
    }
    judge_overlay(f, report);
    judge_memfd(f, report);
    judge_seccomp(f, report);
    judge_landlock(f, report);
    judge_bpf(f, caller, report);
}
