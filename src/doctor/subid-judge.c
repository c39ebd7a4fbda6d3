/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * /etc/subuid and /etc/subgid as a whole: what newuidmap(1) skips without a word is named with file and line,
 * and who shares ids with whom. Pure: the texts are given. Everything is sorted first, so that a file of
 * a hundred thousand lines is no trouble.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/own.h"
#include "doctor/checks.h"

#define EACH_MAX 5 /* findings of one kind */
#define ENOUGH 65536u
#define FIRST_FREE 100000u

struct word {
    const char *s;
    size_t n;
};

struct account {
    struct word name;
    uint32_t id;
};

struct range {
    struct word owner;
    uint32_t line, first, count;
    int64_t uid; /* of the owner, -1 unknown */
};

struct table {
    const char *file;     /* "/etc/subuid" */
    const char *what;     /* "uids" */
    struct range *ranges; /* in order of the first id */
    size_t n;
    struct account *users; /* of passwd, in order of the name */
    size_t n_users;
    struct account *ids; /* of passwd or group, in order of the id */
    size_t n_ids;
};

static uint64_t range_end(const struct range *r)
{
    return (uint64_t) r->first + r->count;
}

/* Cuts the next field off a line. Return: false when there is none. */
static bool next_field(const char **p, const char *end, struct word *ret)
{
    const char *colon;

    if (!*p)
        return false;
    colon = memchr(*p, ':', (size_t) (end - *p));
    *ret = (struct word){*p, (size_t) ((colon ? colon : end) - *p)};
    *p = colon ? colon + 1 : NULL;
    return true;
}

static bool word_u32(struct word w, uint32_t *ret)
{
    char text[CF_NUM_SIZE];

    if (w.n == 0 || w.n >= sizeof(text))
        return false;
    memcpy(text, w.s, w.n);
    text[w.n] = '\0';
    return cf_num_parse_u32(text, 0, UINT32_MAX, ret) == 0;
}

static int compare_words(struct word a, struct word b)
{
    int r = memcmp(a.s, b.s, a.n < b.n ? a.n : b.n);

    return r ? r : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *a, const void *b)
{
    return compare_words(((const struct account *) a)->name, ((const struct account *) b)->name);
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = ((const struct account *) a)->id, y = ((const struct account *) b)->id;

    return (x > y) - (x < y);
}

static int by_first(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    if (x->first != y->first)
        return x->first > y->first ? 1 : -1;
    return (x->line > y->line) - (x->line < y->line);
}

static int by_owner(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    if (x->uid != y->uid)
        return x->uid > y->uid ? 1 : -1;
    return x->uid >= 0 ? 0 : compare_words(x->owner, y->owner);
}

static size_t count_lines(const char *text)
{
    size_t n = 1;

    for (const char *p = text; (p = strchr(p, '\n')); p++)
        n++;
    return n;
}

/* name:x:ID:... of passwd and group. NULL: no memory. */
static struct account *load_accounts(const char *text, int (*order)(const void *, const void *),
                                     size_t *ret_n)
{
    struct account *list;
    size_t n = 0;

    if (!text)
        text = "";
    list = calloc(count_lines(text), sizeof(*list));
    for (const char *line = text; list && *line;) {
        const char *end = line + strcspn(line, "\n"), *p = line;
        struct word skipped, id;

        if (next_field(&p, end, &list[n].name) && next_field(&p, end, &skipped) && next_field(&p, end, &id) &&
            list[n].name.n > 0 && word_u32(id, &list[n].id))
            n++;
        line = end + (*end == '\n');
    }
    if (list && n > 1)
        qsort(list, n, sizeof(*list), order);
    *ret_n = n;
    return list;
}

static int64_t owner_uid(const struct table *t, struct word owner)
{
    const struct account key = {.name = owner};
    const struct account *found =
        t->n_users ? bsearch(&key, t->users, t->n_users, sizeof(*t->users), by_name) : NULL;
    uint32_t uid;

    if (found)
        return found->id;
    return word_u32(owner, &uid) ? (int64_t) uid : -1;
}

/* What is wrong with a line, NULL: nothing. */
static const char *parse_range(const char *line, const char *end, struct range *ret)
{
    struct word first, count;
    const char *p = line;

    if (!next_field(&p, end, &ret->owner) || ret->owner.n == 0)
        return "no user";
    if (!next_field(&p, end, &first) || !next_field(&p, end, &count) || p)
        return "not of the form USER:FIRST:COUNT";
    if (!word_u32(first, &ret->first) || ret->first == UINT32_MAX)
        return "the first id is no number of 32 bits";
    if (!word_u32(count, &ret->count))
        return "the count is no number of 32 bits";
    if (ret->count == 0)
        return "the count is 0";
    if (range_end(ret) > UINT32_MAX)
        return "the range ends beyond the last id";
    return NULL;
}

static void more(struct cf_report *report, const char *id, enum coffer_doctor_verdict verdict,
                 const char *file, size_t n)
{
    if (n > EACH_MAX) {
        cf_report_add(report, id, verdict, "%s: %zu more of this kind", file, n - EACH_MAX);
        cf_report_uint(report, "more", n - EACH_MAX);
    }
}

/* Return: false, no memory. */
static bool load_ranges(struct table *t, const char *text, struct cf_report *report)
{
    uint32_t number = 0;
    size_t bad = 0;

    t->ranges = calloc(count_lines(text), sizeof(*t->ranges));
    if (!t->ranges)
        return false;
    for (const char *line = text; *line;) {
        const char *end = line + strcspn(line, "\n"), *why;
        struct range *r = &t->ranges[t->n];

        number++;
        if (end > line && *line != '#') {
            why = parse_range(line, end, r);
            r->line = number;
            if (!why) {
                r->uid = owner_uid(t, r->owner);
                t->n++;
            } else if (++bad <= EACH_MAX) {
                cf_report_add(report, "subid.syntax", COFFER_DOCTOR_WARNING, "%s:%u: %s", t->file, number,
                              why);
                cf_report_remedy(report, "newuidmap and newgidmap skip the line: correct or remove it");
                cf_report_str(report, "file", t->file);
                cf_report_uint(report, "line", number);
            }
        }
        line = end + (*end == '\n');
    }
    more(report, "subid.syntax", COFFER_DOCTOR_WARNING, t->file, bad);
    if (t->n > 1)
        qsort(t->ranges, t->n, sizeof(*t->ranges), by_first);
    return true;
}

static bool same_owner(const struct range *a, const struct range *b)
{
    return a->uid >= 0 || b->uid >= 0 ? a->uid == b->uid : compare_words(a->owner, b->owner) == 0;
}

/* In order of the first id, whoever overlaps anybody before overlaps the one that reaches furthest. */
static void judge_overlaps(const struct table *t, struct cf_report *report)
{
    const struct range *far = t->ranges;
    size_t shared = 0, twice = 0;

    for (size_t i = 1; i < t->n; i++) {
        const struct range *r = &t->ranges[i];
        uint64_t end = range_end(far) < range_end(r) ? range_end(far) : range_end(r);

        if (r->first < range_end(far)) {
            bool same = same_owner(r, far);
            enum coffer_doctor_verdict verdict = same ? COFFER_DOCTOR_NOTE : COFFER_DOCTOR_PROBLEM;

            if ((same ? ++twice : ++shared) <= EACH_MAX) {
                cf_report_add(report, "subid.overlap", verdict,
                              "%s:%u and %s:%u: %.*s and %.*s both have %s %u to %llu", t->file, far->line,
                              t->file, r->line, (int) far->owner.n, far->owner.s, (int) r->owner.n,
                              r->owner.s, t->what, r->first, (unsigned long long) (end - 1));
                cf_report_remedy(report, same ? "one entry is enough"
                                              : "containers of one user reach those of the other: give one "
                                                "of them a range of its own");
                cf_report_str(report, "file", t->file);
                cf_report_uint(report, "first", r->first);
                cf_report_uint(report, "count", end - r->first);
            }
        }
        if (range_end(r) > range_end(far))
            far = r;
    }
    more(report, "subid.overlap", COFFER_DOCTOR_PROBLEM, t->file, shared);
    more(report, "subid.overlap", COFFER_DOCTOR_NOTE, t->file, twice);
}

/* Index of the first account whose id is not below. */
static size_t first_account(const struct table *t, uint64_t id)
{
    size_t low = 0, high = t->n_ids;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t->ids[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void judge_accounts(const struct table *t, struct cf_report *report)
{
    size_t found = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct range *r = &t->ranges[i];
        size_t at = first_account(t, r->first), n = first_account(t, range_end(r)) - at;

        if (n == 0 || ++found > EACH_MAX)
            continue;
        cf_report_add(report, "subid.accounts", COFFER_DOCTOR_PROBLEM,
                      "%s:%u: the range of %.*s has %zu %s of this host in it, the first is %.*s (%u)",
                      t->file, r->line, (int) r->owner.n, r->owner.s, n,
                      t->what[0] == 'u' ? "users" : "groups", (int) t->ids[at].name.n, t->ids[at].name.s,
                      t->ids[at].id);
        cf_report_remedy(report,
                         "a container of this range owns what they own: move the range, or the accounts");
        cf_report_str(report, "file", t->file);
        cf_report_uint(report, "line", r->line);
        cf_report_uint(report, "id", t->ids[at].id);
        cf_report_uint(report, "accounts", n);
    }
    more(report, "subid.accounts", COFFER_DOCTOR_PROBLEM, t->file, found);
}

/* Sums by owner; also the caller's. Sorts the ranges anew. */
static uint64_t judge_sizes(struct table *t, uint32_t uid, struct cf_report *report)
{
    size_t small = 0, owners = 0, unknown = 0;
    uint64_t own = 0;

    if (t->n > 1)
        qsort(t->ranges, t->n, sizeof(*t->ranges), by_owner);
    for (size_t i = 0, next; i < t->n; i = next) {
        const struct range *r = &t->ranges[i];
        uint64_t sum = 0;

        for (next = i; next < t->n && by_owner(r, &t->ranges[next]) == 0; next++)
            sum += t->ranges[next].count;
        owners++;
        unknown += r->uid < 0;
        if (r->uid == uid) {
            own = sum;
            continue; /* said by subid.own */
        }
        if (sum >= ENOUGH || ++small > EACH_MAX)
            continue;
        cf_report_add(report, "subid.size", COFFER_DOCTOR_NOTE, "%s: %.*s has %llu %s only", t->file,
                      (int) r->owner.n, r->owner.s, (unsigned long long) sum, t->what);
        cf_report_remedy(report, "images use ids up to 65535: 65536 are enough for one container");
        cf_report_str(report, "file", t->file);
        cf_report_uint(report, "count", sum);
    }
    more(report, "subid.size", COFFER_DOCTOR_NOTE, t->file, small);
    cf_report_add(report, "subid.file", unknown ? COFFER_DOCTOR_NOTE : COFFER_DOCTOR_OK,
                  "%s: %zu ranges of %zu users%s", t->file, t->n, owners,
                  unknown ? ", some of whom are not in /etc/passwd" : "");
    if (unknown)
        cf_report_remedy(report, "nothing, if they come from a directory service; else remove their lines");
    cf_report_uint(report, "ranges", t->n);
    cf_report_uint(report, "users", owners);
    cf_report_uint(report, "unknown", unknown);
    return own;
}

static void judge_own(const struct table *t, uint64_t own, uint64_t free_id, const struct cf_subid_facts *f,
                      struct cf_report *report)
{
    const struct account *me = NULL;

    for (size_t i = 0; i < t->n_users && !me; i++) {
        if (t->users[i].id == f->uid)
            me = &t->users[i];
    }
    if (own >= ENOUGH) {
        cf_report_add(report, "subid.own", COFFER_DOCTOR_OK, "user %u has %llu subordinate %s", f->uid,
                      (unsigned long long) own, t->what);
    } else {
        cf_report_add(report, "subid.own", COFFER_DOCTOR_WARNING, "user %u has %s%llu subordinate %s in %s",
                      f->uid, own ? "only " : "", (unsigned long long) own, t->what, t->file);
        if (free_id + ENOUGH <= INT32_MAX && me)
            cf_report_remedy(report,
                             "for containers with more than one id: usermod --add-sub%s %llu-%llu %.*s",
                             t->what, (unsigned long long) free_id,
                             (unsigned long long) (free_id + ENOUGH - 1), (int) me->name.n, me->name.s);
        else
            cf_report_remedy(report, "for containers with more than one id add a line USER:FIRST:65536");
    }
    cf_report_uint(report, "count", own);
}

static void judge_file(struct table *t, const char *text, int error, const struct cf_subid_facts *f,
                       const struct cf_facts *caller, struct cf_report *report)
{
    uint64_t own = 0, free_id = FIRST_FREE;

    if (!text && error != -ENOENT) {
        cf_report_add(report, "subid.file", COFFER_DOCTOR_PROBLEM, "%s cannot be read: %s", t->file,
                      cf_errno_text(-error));
        cf_report_remedy(report, error == -EFBIG ? "it is larger than any sensible list: look what wrote it"
                                                 : "make it a regular file of root that everybody can read");
        cf_report_result(report, error);
        return;
    }
    if (text) {
        if (!load_ranges(t, text, report))
            return;
        judge_overlaps(t, report);
        judge_accounts(t, report);
        for (size_t i = 0; i < t->n; i++) {
            if (range_end(&t->ranges[i]) > free_id)
                free_id = range_end(&t->ranges[i]);
        }
        own = judge_sizes(t, f->uid, report);
    } else {
        cf_report_add(report, "subid.file", COFFER_DOCTOR_NOTE, "there is no %s", t->file);
        cf_report_remedy(report, "only rootless containers with more than one id need it");
    }
    if (!caller->privileged && !f->elsewhere)
        judge_own(t, own, free_id, f, report);
}

void cf_subids_judge(const struct cf_subid_facts *f, const struct cf_facts *caller, struct cf_report *report)
{
    struct table uids = {.file = "/etc/subuid", .what = "uids"};
    struct table gids = {.file = "/etc/subgid", .what = "gids"};

    if (f->elsewhere) {
        cf_report_add(report, "subid.elsewhere", COFFER_DOCTOR_NOTE,
                      "/etc/nsswitch.conf takes subordinate ids from elsewhere");
        cf_report_remedy(report, "only newuidmap knows them: check there that ranges do not overlap");
    }
    uids.users = load_accounts(f->passwd, by_name, &uids.n_users);
    uids.ids = load_accounts(f->passwd, by_id, &uids.n_ids);
    gids.ids = load_accounts(f->group, by_id, &gids.n_ids);
    gids.users = uids.users;
    gids.n_users = uids.n_users;
    if (uids.users && uids.ids && gids.ids) {
        judge_file(&uids, f->subuid, f->subuid_error, f, caller, report);
        judge_file(&gids, f->subgid, f->subgid_error, f, caller, report);
    }
    free(uids.users);
    free(uids.ids);
    free(gids.ids);
    free(uids.ranges);
    free(gids.ranges);
}
