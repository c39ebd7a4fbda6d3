/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Options of the command line, in every form that callers use:
 *
 *     --opt VALUE  --opt=VALUE  -opt VALUE  -opt=VALUE (known long names only)
 *     -o VALUE  -o=VALUE  -oVALUE  -abo VALUE (a cluster of flags, the last may take a value)
 *     --flag  --flag=true (the words of Go's bool parser)  --  options after positionals
 *
 * Pure: nothing is printed and nothing is read but argv.
 */

#include <stdbool.h>
#include <stddef.h>

enum arg_kind { ARG_FLAG = 1, ARG_VALUE };

struct arg_option {
    const char *name;  /* without dashes; NULL: only a letter */
    char letter;       /* 0: none */
    char kind;         /* enum arg_kind; 0 ends a table */
    bool hidden;       /* not in --help */
    const char *value; /* ARG_VALUE: what --help calls it, "FILE" */
    const char *help;  /* one line, no final period */
};

/* One option as given. */
struct arg_hit {
    int index;         /* in the table */
    bool on;           /* ARG_FLAG */
    const char *value; /* ARG_VALUE */
};

struct args {
    struct arg_hit *hits; /* in the order of the command line */
    size_t n_hits;
    char **positional;
    int n_positional;
    bool help; /* --help was given: nothing else counts */
};

/* The first positional ends the options. */
#define ARGS_STOP 1u

/**
 * args_parse() - options and positionals of @argv, which has @argc entries (the command itself not)
 * @ret: to be released with args_free(), also on failure
 * @error: the message of a failure
 * Return: 0; -EINVAL for a usage error; -ENOMEM.
 */
int args_parse(const struct arg_option *options, int argc, char *const *argv, unsigned int flags,
               struct args *ret, char *error, size_t error_size);
void args_free(struct args *args);

/** The last one given wins. */
bool args_flag(const struct args *args, int index);
/** NULL: not given. */
const char *args_value(const struct args *args, int index);
/** Every value of a repeated option: *pos starts at 0. NULL: no more. */
const char *args_next(const struct args *args, int index, size_t *pos);

/** 1 t T TRUE true True and the opposites. Return: 1, 0, or -EINVAL. */
int args_parse_bool(const char *word);
