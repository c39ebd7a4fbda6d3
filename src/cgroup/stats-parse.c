/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Texts of cgroup files -> numbers. Pure. A kernel that is newer than we are may write more lines, keys and
 * columns: what is not known is passed over, never an error.
 */

#include "cgroup/stats.h"

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "base/str.h"

#define MAX_LIST 65536

uint64_t cf_stats_mul(uint64_t a, uint64_t b)
{
    uint64_t v;

    return __builtin_mul_overflow(a, b, &v) ? UINT64_MAX : v;
}

uint64_t cf_stats_add(uint64_t a, uint64_t b)
{
    uint64_t v;

    return __builtin_add_overflow(a, b, &v) ? UINT64_MAX : v;
}

/* Next line of *at, terminated; NULL at the end. */
static char *next_line(char **at)
{
    char *line = *at, *end;

    if (!line || !*line)
        return NULL;
    end = strchr(line, '\n');
    if (end)
        *end++ = '\0';
    *at = end;
    return line;
}

/* Next word of *at, terminated; NULL at the end. */
static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " \t\n"), *end;

    if (!*word) {
        *at = word;
        return NULL;
    }
    end = word + strcspn(word, " \t\n");
    if (*end)
        *end++ = '\0';
    *at = end;
    return word;
}

static size_t count(const char *text, char c)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == c;
    return n;
}

static int parse_number(const char *s, uint64_t *ret)
{
    return cf_num_parse_u64(s, 0, UINT64_MAX, ret);
}

int cf_stats_parse_u64(char *text, uint64_t *ret)
{
    size_t len = strlen(text);

    if (len > 0 && text[len - 1] == '\n')
        text[len - 1] = '\0';
    if (strcmp(text, "max") == 0) {
        *ret = CF_STATS_UNLIMITED;
        return 0;
    }
    return parse_number(text, ret);
}

/* "3" or "0-3" */
static int parse_range(char *item, uint32_t *ret_first, uint32_t *ret_last)
{
    char *dash = strchr(item, '-');
    int r;

    if (dash)
        *dash++ = '\0';
    r = cf_num_parse_u32(item, 0, UINT16_MAX, ret_first);
    if (r < 0)
        return r;
    *ret_last = *ret_first;
    return dash ? cf_num_parse_u32(dash, *ret_first, UINT16_MAX, ret_last) : 0;
}

int cf_stats_parse_list(char *text, struct cf_arena *arena, struct cf_stats_u16s *ret)
{
    size_t cap = 64;
    struct cf_stats_u16s list = {.v = cf_arena_calloc(arena, cap, sizeof(uint16_t))};

    if (!list.v)
        return -ENOMEM;
    text[strcspn(text, "\n")] = '\0';
    for (char *item = text, *next; item && *item; item = next) {
        uint32_t first, last;

        next = strchr(item, ',');
        if (next)
            *next++ = '\0';
        if (parse_range(item, &first, &last) < 0 || list.n + (last - first) >= MAX_LIST)
            return -EINVAL;
        for (uint32_t v = first; v <= last; v++) {
            if (list.n == cap) {
                uint16_t *bigger = cf_arena_calloc(arena, cap * 2, sizeof(uint16_t));

                if (!bigger)
                    return -ENOMEM;
                memcpy(bigger, list.v, list.n * sizeof(uint16_t));
                list.v = bigger;
                cap *= 2;
            }
            list.v[list.n++] = (uint16_t) v;
        }
    }
    *ret = list;
    return 0;
}

int cf_stats_parse_numbers(char *text, struct cf_arena *arena, struct cf_stats_u64s *ret)
{
    struct cf_stats_u64s list = {
        .v = cf_arena_calloc(arena, count(text, ' ') + count(text, '\n') + 1, sizeof(uint64_t))};
    char *at = text, *word;

    if (!list.v)
        return -ENOMEM;
    while ((word = next_word(&at)) && parse_number(word, &list.v[list.n]) == 0)
        list.n++;
    *ret = list;
    return 0;
}

int cf_stats_parse_usage_all(char *text, struct cf_arena *arena, struct cf_stats_u64s *ret_user,
                             struct cf_stats_u64s *ret_kernel)
{
    size_t max = count(text, '\n') + 1;
    struct cf_stats_u64s user = {.v = cf_arena_calloc(arena, max, sizeof(uint64_t))};
    struct cf_stats_u64s kernel = {.v = cf_arena_calloc(arena, max, sizeof(uint64_t))};
    char *at = text, *line = next_line(&at), *word;
    unsigned int user_column = 0, kernel_column = 0, column = 0;

    if (!user.v || !kernel.v)
        return -ENOMEM;
    /* The columns are named, since their order is nobody's promise. */
    for (char *p = line; p && (word = next_word(&p)); column++) {
        if (strcmp(word, "user") == 0)
            user_column = column;
        else if (strcmp(word, "system") == 0)
            kernel_column = column;
    }
    if (user_column == 0 || kernel_column == 0)
        return 0;
    while ((line = next_line(&at))) {
        uint64_t values[2] = {0, 0};
        unsigned int found = 0;
        char *p = line;

        for (column = 0; (word = next_word(&p)); column++) {
            if (column == user_column)
                found += parse_number(word, &values[0]) == 0;
            else if (column == kernel_column)
                found += parse_number(word, &values[1]) == 0;
        }
        if (found != 2)
            continue;
        user.v[user.n++] = values[0];
        kernel.v[kernel.n++] = values[1];
    }
    *ret_user = user;
    *ret_kernel = kernel;
    return 0;
}

int cf_stats_parse_pairs(char *text, struct cf_arena *arena, struct cf_stats_pairs *ret)
{
    struct cf_stats_pairs pairs = {.v = cf_arena_calloc(arena, count(text, '\n') + 1, sizeof(*pairs.v))};
    char *at = cf_arena_strdup(arena, text), *line;

    if (!pairs.v || !at)
        return -ENOMEM;
    while ((line = next_line(&at))) {
        char *value = strchr(line, ' ');

        if (!value || value == line)
            continue;
        *value++ = '\0';
        if (parse_number(value, &pairs.v[pairs.n].value) < 0)
            continue;
        pairs.v[pairs.n++].key = line;
    }
    *ret = pairs;
    return 0;
}

uint64_t cf_stats_pair(const struct cf_stats_pairs *pairs, const char *key)
{
    for (size_t i = 0; i < pairs->n; i++) {
        if (strcmp(pairs->v[i].key, key) == 0)
            return pairs->v[i].value;
    }
    return 0;
}

/* "12.34" -> 1234: the kernel writes two places. */
static int parse_hundredths(char *s, uint32_t *ret)
{
    char *point = strchr(s, '.');
    uint32_t whole, part = 0;
    int r;

    if (point)
        *point++ = '\0';
    r = cf_num_parse_u32(s, 0, UINT32_MAX / 100 - 1, &whole);
    if (r >= 0 && point)
        r = strlen(point) == 2 ? cf_num_parse_u32(point, 0, 99, &part) : -EINVAL;
    if (r < 0)
        return r;
    *ret = whole * 100 + part;
    return 0;
}

static int parse_psi_line(char *at, struct cf_stats_psi_line *ret)
{
    struct cf_stats_psi_line line = {0};
    char *word;

    while ((word = next_word(&at))) {
        char *value = strchr(word, '=');
        int r = 0;

        if (!value)
            continue;
        *value++ = '\0';
        if (strcmp(word, "avg10") == 0)
            r = parse_hundredths(value, &line.avg10);
        else if (strcmp(word, "avg60") == 0)
            r = parse_hundredths(value, &line.avg60);
        else if (strcmp(word, "avg300") == 0)
            r = parse_hundredths(value, &line.avg300);
        else if (strcmp(word, "total") == 0)
            r = parse_number(value, &line.total);
        if (r < 0)
            return r;
    }
    *ret = line;
    return 0;
}

void cf_stats_parse_psi(char *text, struct cf_stats_psi *ret)
{
    char *at = text, *line;

    while ((line = next_line(&at))) {
        char *rest = line, *word = next_word(&rest);

        if (!word)
            continue;
        if (strcmp(word, "some") == 0 && parse_psi_line(rest, &ret->some) == 0)
            ret->there = true;
        else if (strcmp(word, "full") == 0 && parse_psi_line(rest, &ret->full) == 0)
            ret->there = true;
    }
}

static int parse_device(char *word, uint64_t *ret_major, uint64_t *ret_minor)
{
    char *colon = strchr(word, ':');
    int r;

    if (!colon)
        return -EINVAL;
    *colon++ = '\0';
    r = parse_number(word, ret_major);
    return r < 0 ? r : parse_number(colon, ret_minor);
}

static int add_io(struct cf_stats_ios *list, struct cf_arena *arena, const struct cf_stats_io *io)
{
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        struct cf_stats_io *bigger = cf_arena_calloc(arena, cap, sizeof(*bigger));

        if (!bigger)
            return -ENOMEM;
        if (list->n > 0)
            memcpy(bigger, list->v, list->n * sizeof(*bigger));
        list->v = bigger;
        list->cap = cap;
    }
    list->v[list->n++] = *io;
    return 0;
}

/* Names of our own: the text they come from does not last. */
static const char *op_name(const char *word)
{
    static const char *const names[] = {"Read", "Write", "Sync", "Async", "Discard", "Total"};
    int i = cf_str_index(names, sizeof(names) / sizeof(names[0]), word);

    return i < 0 ? NULL : names[i];
}

int cf_stats_parse_blkio(char *text, struct cf_arena *arena, struct cf_stats_ios *ret)
{
    char *at = text, *line;

    while ((line = next_line(&at))) {
        struct cf_stats_io io = {.op = ""};
        char *rest = line, *device = next_word(&rest), *a = next_word(&rest), *b = next_word(&rest);
        int r;

        if (!device || !a || parse_device(device, &io.major, &io.minor) < 0)
            continue; /* "Total 0" is the sum of all devices */
        if (b)
            io.op = op_name(a);
        if (!io.op || parse_number(b ? b : a, &io.value) < 0)
            continue;
        r = add_io(ret, arena, &io);
        if (r < 0)
            return r;
    }
    return 0;
}

int cf_stats_parse_io_stat(char *text, struct cf_arena *arena, struct cf_stats_ios *ret_bytes,
                           struct cf_stats_ios *ret_requests)
{
    char *at = text, *line;

    while ((line = next_line(&at))) {
        struct cf_stats_io io = {0};
        char *rest = line, *word = next_word(&rest);

        if (!word || parse_device(word, &io.major, &io.minor) < 0)
            continue;
        while ((word = next_word(&rest))) {
            char *value = strchr(word, '=');
            struct cf_stats_ios *list;
            int r;

            if (!value)
                continue;
            *value++ = '\0';
            if (strcmp(word, "rbytes") == 0 || strcmp(word, "wbytes") == 0)
                list = ret_bytes;
            else if (strcmp(word, "rios") == 0 || strcmp(word, "wios") == 0)
                list = ret_requests;
            else
                continue;
            io.op = *word == 'r' ? "Read" : "Write";
            if (parse_number(value, &io.value) < 0)
                continue;
            r = add_io(list, arena, &io);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

int cf_stats_parse_hugepages(const char *name, char ret[16])
{
    const char *number = cf_str_after(name, "hugepages-");
    char text[CF_NUM_SIZE];
    uint64_t kb;

    if (!number || !cf_str_ends_with(number, "kB") || strlen(number) >= sizeof(text))
        return -EINVAL;
    (void) cf_str_copy(text, sizeof(text), number);
    text[strlen(text) - 2] = '\0';
    if (cf_num_parse_u64(text, 1, UINT32_MAX, &kb) < 0)
        return -EINVAL;
    if (kb >= 1024 * 1024)
        (void) cf_format(ret, 16, "%lluGB", (unsigned long long) (kb / (1024 * 1024)));
    else if (kb >= 1024)
        (void) cf_format(ret, 16, "%lluMB", (unsigned long long) (kb / 1024));
    else
        (void) cf_format(ret, 16, "%lluKB", (unsigned long long) kb);
    return 0;
}
