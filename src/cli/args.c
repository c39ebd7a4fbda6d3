/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See args.h. Pure; compiled into the command and its unit test. */

#include "cli/args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parser {
    const struct arg_option *options;
    int argc;
    char *const *argv;
    int next; /* first entry of argv that was not used */
    struct args *args;
    size_t cap_hits;
    char *error;
    size_t error_size;
};

int args_parse_bool(const char *word)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcmp(word, yes[i]) == 0)
            return 1;
        if (strcmp(word, no[i]) == 0)
            return 0;
    }
    return -EINVAL;
}

static int add_hit(struct parser *p, int index, bool on, const char *value)
{
    struct args *args = p->args;

    if (args->n_hits == p->cap_hits) {
        size_t cap = p->cap_hits ? p->cap_hits * 2 : 8;
        struct arg_hit *hits = realloc(args->hits, cap * sizeof(*hits));

        if (!hits)
            return -ENOMEM;
        args->hits = hits;
        p->cap_hits = cap;
    }
    args->hits[args->n_hits++] = (struct arg_hit){.index = index, .on = on, .value = value};
    return 0;
}

/* What is given as @shown, for example "--bundle" or "-b". @value: after `=`, or NULL. */
static int take(struct parser *p, int index, const char *shown, int shown_len, const char *value)
{
    if (p->options[index].kind == ARG_FLAG) {
        int on = value ? args_parse_bool(value) : 1;

        if (on < 0) {
            snprintf(p->error, p->error_size, "invalid boolean value \"%s\" for option '%.*s'", value,
                     shown_len, shown);
            return -EINVAL;
        }
        return add_hit(p, index, on, NULL);
    }
    if (!value) {
        if (p->next >= p->argc) {
            snprintf(p->error, p->error_size, "option '%.*s' requires an argument", shown_len, shown);
            return -EINVAL;
        }
        value = p->argv[p->next++];
    }
    return add_hit(p, index, false, value);
}

static int find_long(const struct parser *p, const char *name, size_t len)
{
    for (int i = 0; p->options[i].kind; i++) {
        const char *known = p->options[i].name;

        if (known && strlen(known) == len && memcmp(known, name, len) == 0)
            return i;
    }
    return -ENOENT;
}

static int find_letter(const struct parser *p, char letter)
{
    for (int i = 0; p->options[i].kind; i++)
        if (p->options[i].letter == letter)
            return i;
    return -ENOENT;
}

static bool is_help_name(const char *name, size_t len)
{
    return (len == 4 && memcmp(name, "help", 4) == 0) || (len == 5 && memcmp(name, "usage", 5) == 0);
}

static int unknown(struct parser *p, const char *shown, int len)
{
    snprintf(p->error, p->error_size, "unknown option '%.*s'", len, shown);
    return -EINVAL;
}

/* @dashes: 1 or 2. Return: 1 if it was a long option, 0 if there is none of that name, or -errno. */
static int parse_long(struct parser *p, const char *arg, int dashes)
{
    const char *name = arg + dashes;
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    int index = find_long(p, name, len), r;

    if (index < 0) {
        if (!is_help_name(name, len) || value)
            return 0;
        p->args->help = true;
        return 1;
    }
    r = take(p, index, arg, (int) len + dashes, value);
    return r < 0 ? r : 1;
}

static int parse_letters(struct parser *p, const char *arg)
{
    for (const char *c = arg + 1; *c; c++) {
        const char shown[2] = {'-', *c};
        const char *value = NULL;
        int index = find_letter(p, *c), r;

        if (index < 0 && (*c == 'h' || *c == '?')) {
            p->args->help = true;
            continue;
        }
        if (index < 0)
            return c == arg + 1 ? unknown(p, arg, (int) strlen(arg)) : unknown(p, shown, 2);
        if (c[1] == '=')
            value = c + 2;
        else if (c[1] && p->options[index].kind == ARG_VALUE)
            value = c + 1;
        r = take(p, index, shown, 2, value);
        if (r < 0 || value)
            return r;
    }
    return 0;
}

static int parse_one(struct parser *p, const char *arg)
{
    int r;

    if (arg[1] == '-') {
        r = parse_long(p, arg, 2);
        return r == 0 ? unknown(p, arg, (int) strcspn(arg, "=")) : r;
    }
    r = arg[2] ? parse_long(p, arg, 1) : 0;
    return r == 0 ? parse_letters(p, arg) : r;
}

int args_parse(const struct arg_option *options, int argc, char *const *argv, unsigned int flags,
               struct args *ret, char *error, size_t error_size)
{
    struct parser p = {
        .options = options,
        .argc = argc,
        .argv = argv,
        .args = ret,
        .error = error,
        .error_size = error_size,
    };
    bool only_positional = false;
    int r;

    *ret = (struct args){0};
    ret->positional = calloc((size_t) argc + 1, sizeof(*ret->positional));
    if (!ret->positional)
        return -ENOMEM;
    while (p.next < argc) {
        char *arg = argv[p.next++];

        if (only_positional || arg[0] != '-' || !arg[1]) {
            ret->positional[ret->n_positional++] = arg;
            if (flags & ARGS_STOP)
                only_positional = true;
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            only_positional = true;
            continue;
        }
        r = parse_one(&p, arg);
        if (r < 0)
            return r;
        if (ret->help)
            return 0;
    }
    return 0;
}

void args_free(struct args *args)
{
    free(args->hits);
    free(args->positional);
    *args = (struct args){0};
}

static const struct arg_hit *last_hit(const struct args *args, int index)
{
    for (size_t i = args->n_hits; i > 0; i--)
        if (args->hits[i - 1].index == index)
            return &args->hits[i - 1];
    return NULL;
}

bool args_flag(const struct args *args, int index)
{
    const struct arg_hit *hit = last_hit(args, index);

    return hit && hit->on;
}

const char *args_value(const struct args *args, int index)
{
    const struct arg_hit *hit = last_hit(args, index);

    return hit ? hit->value : NULL;
}

const char *args_next(const struct args *args, int index, size_t *pos)
{
    while (*pos < args->n_hits) {
        const struct arg_hit *hit = &args->hits[(*pos)++];

        if (hit->index == index)
            return hit->value;
    }
    return NULL;
}
