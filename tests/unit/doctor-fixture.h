/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Faked facts in, findings out. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <string.h>

#include "doctor/checks.h"

static const struct cf_facts host_root = {
    .cap_effective = ~0ULL, .cap_bounding = ~0ULL, .privileged = true, .cgroup_mode = CF_CGROUP_MODE_V2};
static const struct cf_facts host_user = {
    .uid = 1000, .euid = 1000, .gid = 1000, .egid = 1000, .cap_bounding = ~0ULL, .cgroup_mode = CF_CGROUP_MODE_V2};

/* The n-th finding of a check, from 0 on. */
static inline struct coffer_doctor_finding nth(struct cf_report *report, const char *id, size_t n)
{
    struct coffer_doctor_finding f = {0};
    size_t at = 0;

    for (size_t i = 0; i <= n; i++)
        cr_assert(cf_report_find(report, id, &at, &f), "no finding %zu of %s", i, id);
    return f;
}

static inline size_t count(struct cf_report *report, const char *id)
{
    struct coffer_doctor_finding f;
    size_t at = 0, n = 0;

    while (cf_report_find(report, id, &at, &f))
        n++;
    return n;
}

static inline void expect_text(const char *where, const char *text)
{
    cr_expect(strstr(where, text) != NULL, "`%s` is not in `%s`", text, where);
}

/* The only finding of a check: its verdict, a part of the fact, a part of the remedy (NULL: there is none).
 */
static inline void expect_finding(struct cf_report *report, const char *id,
                                  enum coffer_doctor_verdict verdict, const char *fact, const char *remedy)
{
    struct coffer_doctor_finding f = nth(report, id, 0);

    cr_expect_eq(count(report, id), 1, "%zu findings of %s", count(report, id), id);
    cr_expect_eq(f.verdict, (uint32_t) verdict, "%s has verdict %u: %s", id, f.verdict, f.fact);
    expect_text(f.fact, fact);
    if (remedy)
        expect_text(f.remedy, remedy);
    else
        cr_expect_str_eq(f.remedy, "");
}

/* A suite whose tests each find a report of their own in `report`, which must be whole in the end. */
#define DOCTOR_SUITE(NAME)                                                                         \
    static struct cf_report *report;                                                               \
    static void report_begin(void)                                                                 \
    {                                                                                              \
        report = cf_report_new();                                                                  \
        cr_assert(report != NULL);                                                                 \
    }                                                                                              \
    static void report_end(void)                                                                   \
    {                                                                                              \
        cr_expect_not(cf_report_failed(report));                                                   \
        cf_report_free(report);                                                                    \
    }                                                                                              \
    TestSuite(NAME, .init = report_begin, .fini = report_end)
