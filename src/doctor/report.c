/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Findings in memory, with their measured values as JSON. Host side, no input or output. */

#include "doctor/report.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/format.h"
#include "base/json-out.h"
#include "base/own.h"
#include "doctor/try.h"

struct item {
    const char *id, *fact, *remedy;
    enum coffer_doctor_verdict verdict;
    struct cf_json *values;
    const char *values_text; /* when finished */
};

struct cf_report {
    struct cf_arena *arena;
    struct item *items;
    size_t n, cap;
    bool failed;
};

struct cf_report *cf_report_new(void)
{
    struct cf_report *report = calloc(1, sizeof(*report));

    if (!report)
        return NULL;
    report->arena = cf_arena_new();
    if (!report->arena) {
        free(report);
        return NULL;
    }
    return report;
}

void cf_report_free(struct cf_report *report)
{
    if (!report)
        return;
    for (size_t i = 0; i < report->n; i++)
        cf_json_free(report->items[i].values);
    free(report->items);
    cf_arena_free(report->arena);
    free(report);
}

/* One line that is cut when it is far too long for a person. */
CF_PRINTF(2, 0)
static const char *line(struct cf_report *report, const char *fmt, va_list args)
{
    char text[1024];
    const char *copy;

    (void) cf_vformat(text, sizeof(text), fmt, args);
    copy = cf_arena_strdup(report->arena, text);
    if (!copy)
        report->failed = true;
    return copy;
}

static struct item *last(struct cf_report *report)
{
    return report->failed || report->n == 0 ? NULL : &report->items[report->n - 1];
}

void cf_report_add(struct cf_report *report, const char *id, enum coffer_doctor_verdict verdict,
                   const char *fmt, ...)
{
    struct item item = {.id = id, .verdict = verdict, .remedy = ""};
    va_list args;

    if (report->failed)
        return;
    if (report->n == report->cap) {
        size_t cap = report->cap ? report->cap * 2 : 64;
        struct item *bigger = realloc(report->items, cap * sizeof(*bigger));

        if (!bigger) {
            report->failed = true;
            return;
        }
        report->items = bigger;
        report->cap = cap;
    }
    va_start(args, fmt);
    item.fact = line(report, fmt, args);
    va_end(args);
    item.values = cf_json_new(0);
    if (!item.fact || !item.values) {
        cf_json_free(item.values);
        report->failed = true;
        return;
    }
    cf_json_object_begin(item.values);
    report->items[report->n++] = item;
}

void cf_report_remedy(struct cf_report *report, const char *fmt, ...)
{
    struct item *item = last(report);
    va_list args;

    if (!item)
        return;
    va_start(args, fmt);
    item->remedy = line(report, fmt, args);
    va_end(args);
}

void cf_report_str(struct cf_report *report, const char *key, const char *value)
{
    struct item *item = last(report);

    if (item)
        cf_json_kv_str(item->values, key, value);
}

void cf_report_uint(struct cf_report *report, const char *key, uint64_t value)
{
    struct item *item = last(report);

    if (item)
        cf_json_kv_uint(item->values, key, value);
}

void cf_report_bool(struct cf_report *report, const char *key, bool value)
{
    struct item *item = last(report);

    if (item)
        cf_json_kv_bool(item->values, key, value);
}

void cf_report_result(struct cf_report *report, int r)
{
    cf_report_bool(report, "works", r >= 0);
    if (r >= 0 || r == CF_NOT_TRIED)
        return;
    cf_report_uint(report, "errno", (uint64_t) - (int64_t) r);
    cf_report_str(report, "error", cf_errno_text(-r));
}

bool cf_report_failed(const struct cf_report *report)
{
    return report->failed;
}

size_t cf_report_count(const struct cf_report *report)
{
    return report->n;
}

bool cf_report_get(struct cf_report *report, size_t i, struct coffer_doctor_finding *ret)
{
    struct item *item;

    if (report->failed || i >= report->n)
        return false;
    item = &report->items[i];
    if (!item->values_text) {
        cf_json_object_end(item->values);
        if (cf_json_finish(item->values, &item->values_text) < 0) {
            report->failed = true;
            return false;
        }
    }
    *ret = (struct coffer_doctor_finding){
        .size = sizeof(*ret),
        .id = item->id,
        .verdict = item->verdict,
        .fact = item->fact,
        .remedy = item->remedy,
        .values_json = item->values_text,
    };
    return true;
}

bool cf_report_find(struct cf_report *report, const char *id, size_t *at, struct coffer_doctor_finding *ret)
{
    while (*at < report->n) {
        if (strcmp(report->items[(*at)++].id, id) == 0)
            return cf_report_get(report, *at - 1, ret);
    }
    return false;
}
