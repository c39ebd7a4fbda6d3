/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The commands of the command line. To add one:
 *
 *   1. write cmd-<name>.c: a table of options, a run function, `const struct cmd cmd_<name>`;
 *      it parses, fills an options struct, calls one function of the library, prints: 60-150 lines
 *   2. declare it in cmd-table.c and put it in the list there, in the order of --help
 *   3. add the file to meson.build, a section to the man page; contrib/completion/generate.py COFFER
 *   4. add tests/cli/<feature>.bats
 *
 * A command uses only the public headers of the library.
 */

#include <stdbool.h>

#include "cli/args.h"
#include "cli/log.h"
#include "coffer/coffer.h"

/* Why a command failed: an error of the library, or a text of its own. */
struct cmd_error {
    coffer_error *error; /* owned */
    char text[1024];     /* if error is NULL */
    const char *code;    /* stable identifier of text, NULL: none */
    bool usage;          /* wrong use: a line that points to --help follows */
};

/* What every command gets. */
struct cmd_input {
    const struct cmd *cmd;
    const struct args *args; /* parsed after cmd->options */
    struct log *log;
    struct coffer_runtime_options runtime_options; /* from the global options */
    bool root_is_default;                          /* no --root */
    unsigned int listen_fds;   /* sockets from fd 3 on for the process; 0 unless they are ours */
    unsigned int preserve_fds; /* so many fds after those */
};

#define CMD_KEEPS_FDS 1u     /* has --preserve-fds and takes over LISTEN_FDS */
#define CMD_STOPS_AT_ID 2u   /* everything after the id is positional */
#define CMD_LOG_OPTIONAL 8u  /* cleans up: goes on when the directory of --log is gone already */
#define CMD_NO_LISTEN 16u    /* CMD_KEEPS_FDS without LISTEN_FDS */
#define CMD_FAILS_WITH_255 32u /* exit status of a failure, to be told from the process's own */
#define CMD_EXECS_NOTHING 4u /* starts no process: inherited fds need no care */

struct cmd {
    const char *name;
    const char *usage;   /* after the name: "[OPTIONS] ID" */
    const char *summary; /* one line, no final period */
    const struct arg_option *options;
    int min_args, max_args;
    unsigned int flags;     /* CMD_* */
    int preserve_fds_index; /* CMD_KEEPS_FDS: of the option in the table */
    /* Return: exit status, or a negative errno with *err filled. */
    int (*run)(const struct cmd_input *in, struct cmd_error *err);
};

/** All commands, in the order of --help; the last is NULL. */
extern const struct cmd *const cmd_table[];
const struct cmd *cmd_find(const char *name);

/** An error text of the command line itself. Return: -EINVAL. */
int cmd_fail(struct cmd_error *err, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** The same with the errno of a failed call behind it. Return: @r. */
int cmd_fail_errno(struct cmd_error *err, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
struct relay;
/**
 * cmd_relay_terminal() - what was got from coffer_*_take_console() goes to the relay
 * @r, @master_fd, @error: its answer; all are taken over. -ENOTTY: there is no terminal, which is no error.
 */
int cmd_relay_terminal(struct relay *relay, int r, int master_fd, coffer_error *error, struct cmd_error *err);
/** Wrong use of the command. Return: -EINVAL. */
int cmd_usage(struct cmd_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What the end of the process gives back anyway is given back before only where a leak checker looks. */
#if defined(__SANITIZE_ADDRESS__)
#define CMD_TIDIES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(leak_sanitizer)
#define CMD_TIDIES 1
#endif
#endif
#ifndef CMD_TIDIES
#define CMD_TIDIES 0
#endif

/** The runtime handle of the global options. */
int cmd_runtime_new(const struct cmd_input *in, coffer_runtime **ret, struct cmd_error *err);
/** At the end of a command: see CMD_TIDIES. */
void cmd_runtime_done(coffer_runtime *runtime);
/** Runtime and container of the first positional. Released by cmd_container_done(). */
struct cmd_container {
    coffer_runtime *runtime;
    coffer_container *container;
};
int cmd_container_open(const struct cmd_input *in, struct cmd_container *ret, struct cmd_error *err);
void cmd_container_done(struct cmd_container *container);
/** The whole of a command without options that does one thing with that container. */
int cmd_container_do(const struct cmd_input *in, int (*operation)(coffer_container *, coffer_error **),
                     struct cmd_error *err);
extern const struct arg_option cmd_no_options[];

/** Everything to standard output. Return: 0 or negative with *err filled. */
struct text;
int cmd_print(const struct text *text, struct cmd_error *err);
/** A file for a command to work on, `-`: standard input. */
int cmd_read_file(const char *name, struct text *out, struct cmd_error *err);
/** @json of the library with a line break behind it; takes it. */
int cmd_print_json(char *json, struct cmd_error *err);

/* cmd-create.c, for run too: both know the union of the options. */
enum {
    CREATE_BUNDLE,
    CREATE_CONFIG,
    CREATE_CONSOLE_SOCKET,
    CREATE_PID_FILE,
    CREATE_PIDFD_SOCKET,
    CREATE_NO_PIVOT,
    CREATE_NO_NEW_KEYRING,
    CREATE_PRESERVE_FDS,
    CREATE_USERNS,
    CREATE_PRESET,
    CREATE_DETACH,
    CREATE_KEEP,
    CREATE_NO_SUBREAPER,
};
extern const struct arg_option create_options_table[];
void cmd_create_options(const struct cmd_input *in, struct coffer_create_options *ret);
