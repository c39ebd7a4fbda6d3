/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All checks in order: probe, judge. A probe that fails is a finding; only memory can run out. Host side. */

#include "doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/own.h"
#include "doctor/checks.h"

#define SUBID_FILE_LIMIT (4u << 20)
#define ACCOUNT_FILE_LIMIT (16u << 20)
/* For all paths: then no further one is tried. */
#define PATHS_LIMIT_MS 400

static bool subids_elsewhere(void)
{
    cf_auto_free char *text = NULL;

    if (cf_io_read_file_at(AT_FDCWD, "/etc/nsswitch.conf", 1u << 20, &text, NULL) < 0)
        return false;
    for (const char *p = text; p; p = strchr(p, '\n')) {
        p += strspn(p, "\n \t");
        if (strncmp(p, "subid:", 6) == 0)
            return true;
    }
    return false;
}

static void check_subids(const struct cf_facts *caller, struct cf_report *report)
{
    cf_auto_free char *subuid = NULL, *subgid = NULL, *passwd = NULL, *group = NULL;
    struct cf_subid_facts f = {.uid = caller->uid, .elsewhere = subids_elsewhere()};

    f.subuid_error = cf_io_read_file_at(AT_FDCWD, "/etc/subuid", SUBID_FILE_LIMIT, &subuid, NULL);
    f.subgid_error = cf_io_read_file_at(AT_FDCWD, "/etc/subgid", SUBID_FILE_LIMIT, &subgid, NULL);
    (void) cf_io_read_file_at(AT_FDCWD, "/etc/passwd", ACCOUNT_FILE_LIMIT, &passwd, NULL);
    (void) cf_io_read_file_at(AT_FDCWD, "/etc/group", ACCOUNT_FILE_LIMIT, &group, NULL);
    f.subuid = subuid;
    f.subgid = subgid;
    f.passwd = passwd;
    f.group = group;
    cf_subids_judge(&f, caller, report);
}

static void check_paths(const struct coffer_doctor_options *options, const struct cf_facts *caller,
                        int userns_fd, struct cf_report *report)
{
    int64_t end = cf_clock_monotonic_ms() + PATHS_LIMIT_MS;

    for (size_t i = 0; i < options->n_paths; i++) {
        struct cf_path_facts f;

        if (cf_clock_monotonic_ms() >= end) {
            cf_report_add(report, "path.open", COFFER_DOCTOR_WARNING, "%s: not examined, the time is over",
                          options->paths[i]);
            cf_report_remedy(report, "give fewer paths at once");
            cf_report_str(report, "path", options->paths[i]);
            continue;
        }
        cf_path_probe(&f, options->paths[i], caller, userns_fd);
        cf_path_judge(&f, options->paths[i], caller, report);
    }
}

static int check_root(const struct coffer_doctor_options *options, const struct cf_facts *caller,
                      struct cf_report *report)
{
    struct cf_root_facts f;
    int r;

    if (!options->root)
        return 0;
    r = cf_root_probe(&f, options->root);
    if (r >= 0)
        cf_root_judge(&f, caller, report);
    return r;
}

/* The caller's ids and rights: without /proc nothing is known, and the doctor says only that. */
static int learn_caller(struct cf_facts *caller, struct cf_report *report)
{
    struct cf_err err = CF_ERR_INIT;
    char text[256];
    int r = cf_facts_probe(caller, &err);

    if (r >= 0) {
        cf_caller_judge(caller, report);
        return 0;
    }
    (void) cf_err_print(&err, text, sizeof(text));
    cf_report_add(report, "caller", COFFER_DOCTOR_PROBLEM, "%s", text);
    cf_report_remedy(report, "coffer needs /proc: mount -t proc proc /proc");
    return r;
}

static int examine(const struct coffer_doctor_options *options, struct cf_report *report)
{
    cf_auto_fd int userns_fd = -EBADF;
    struct cf_kernel_facts kernel;
    struct cf_userns_facts userns;
    struct cf_program_facts programs;
    struct cf_cgroups_facts cgroups;
    struct cf_node_facts node;
    struct cf_ids_facts ids;
    struct cf_facts caller;

    if (learn_caller(&caller, report) < 0)
        return 0;
    cf_userns_probe(&userns, &caller, &userns_fd);
    cf_kernel_probe(&kernel, &caller, userns_fd);
    cf_kernel_judge(&kernel, &caller, report);
    cf_userns_judge(&userns, &caller, report);
    check_subids(&caller, report);
    if (cf_ids_probe(&ids, &caller, options) < 0)
        return -ENOMEM;
    cf_ids_judge(&ids, &caller, report);
    cf_programs_probe(&programs, &caller);
    cf_programs_judge(&programs, &caller, report);
    cf_cgroups_probe(&cgroups, &caller, options->runtime_dir);
    cf_cgroups_judge(&cgroups, &caller, report);
    cf_node_probe(&node, &caller, options->runtime_dir);
    cf_node_judge(&node, &caller, report);
    check_paths(options, &caller, userns_fd, report);
    return check_root(options, &caller, report);
}

int cf_doctor_run(const struct coffer_doctor_options *options, struct cf_report **ret, struct cf_err *err)
{
    cf_auto(cf_report_freep) struct cf_report *report = cf_report_new();

    if (!report || examine(options, report) < 0 || cf_report_failed(report))
        return cf_err_oom(err);
    *ret = cf_steal_ptr(&report);
    return 0;
}
