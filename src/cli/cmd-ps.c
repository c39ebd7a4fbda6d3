/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer ps: the processes of a container, as rows of ps(1) or as JSON. */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/capture.h"
#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/text.h"

enum { OPTION_FORMAT };

static const struct arg_option options[] = {
    [OPTION_FORMAT] = {"format", 'f', ARG_VALUE, false, "FORMAT", "table (default) or json"},
    {0},
};

#define BLANKS " \t"

struct pids {
    int *v; /* ascending; NULL if n is 0 */
    size_t n;
};

static int compare_ints(const void *a, const void *b)
{
    int x = *(const int *) a, y = *(const int *) b;

    return (x > y) - (x < y);
}

static bool has_pid(const struct pids *pids, int pid)
{
    return pids->n > 0 && bsearch(&pid, pids->v, pids->n, sizeof(pid), compare_ints);
}

static int print_json(const struct pids *pids, struct cmd_error *err)
{
    struct text t = TEXT_INIT;
    int r;

    text_add(&t, "[");
    for (size_t i = 0; i < pids->n; i++)
        text_printf(&t, "%s%d", i ? "," : "", pids->v[i]);
    text_add(&t, "]\n");
    r = cmd_print(&t, err);
    text_free(&t);
    return r;
}

/* Word number @index of a line: its length, 0 if there are not so many. */
static size_t word_at(const char *line, size_t index, const char **ret)
{
    for (;; index--) {
        size_t len;

        line += strspn(line, BLANKS);
        len = strcspn(line, BLANKS);
        if (index == 0 || len == 0) {
            *ret = line;
            return len;
        }
        line += len;
    }
}

static int find_pid_column(const char *header)
{
    const char *word;
    size_t len;

    for (int i = 0; (len = word_at(header, (size_t) i, &word)) > 0; i++)
        if (len == 3 && memcmp(word, "PID", 3) == 0)
            return i;
    return -ENOENT;
}

static int pid_of_row(const char *row, int column)
{
    const char *word;
    size_t len = word_at(row, (size_t) column, &word);
    int pid = 0;

    if (len == 0)
        return -EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (word[i] < '0' || word[i] > '9' || pid > (INT_MAX - 9) / 10)
            return -EINVAL;
        pid = pid * 10 + (word[i] - '0');
    }
    return pid;
}

/* A process was listed before ps ran and after: its pid cannot have become somebody else's in between. */
static int select_rows(char *output, const struct pids *before, const struct pids *after, struct text *ret)
{
    char *line = output, *next;
    int column = -ENOENT;

    for (; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        if (line == output) {
            column = find_pid_column(line);
            if (column < 0)
                return column;
        } else {
            int pid = pid_of_row(line, column);

            if (!has_pid(before, pid) || !has_pid(after, pid))
                continue;
        }
        text_add_plain(ret, line); /* names of processes are the container's choice */
        text_add(ret, "\n");
    }
    return column < 0 ? column : 0;
}

static int run_ps(const struct cmd_input *in, struct capture *ret, struct cmd_error *err)
{
    static const char *const default_argv[] = {"ps", "-ef", NULL};
    int n = in->args->n_positional - 1, r;
    const char **argv;

    if (n == 0)
        return capture_run(default_argv, ret, err);
    argv = calloc((size_t) n + 2, sizeof(*argv));
    if (!argv)
        return cmd_fail(err, "out-of-memory", "out of memory");
    argv[0] = "ps";
    for (int i = 0; i < n; i++)
        argv[i + 1] = in->args->positional[i + 1];
    r = capture_run(argv, ret, err);
    free(argv);
    return r;
}

static int print_table(const struct cmd_input *in, coffer_container *container, const struct pids *before,
                       struct cmd_error *err)
{
    struct capture output = CAPTURE_INIT;
    struct pids after = {0};
    struct text t = TEXT_INIT;
    int r;

    r = run_ps(in, &output, err);
    if (r >= 0)
        r = coffer_container_pids(container, &after.v, &after.n, &err->error);
    if (r >= 0 && select_rows(output.data, before, &after, &t) < 0)
        r = cmd_fail(err, "ps-output", "couldn't find PID field in ps output");
    if (r >= 0)
        r = cmd_print(&t, err);
    text_free(&t);
    coffer_free(after.v);
    capture_free(&output);
    return r;
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    const char *format = args_value(in->args, OPTION_FORMAT);
    bool json = format && strcmp(format, "json") == 0;
    struct cmd_container c;
    struct pids pids = {0};
    int r;

    r = cmd_container_open(in, &c, err);
    if (r < 0)
        return r;
    if (format && !json && strcmp(format, "table") != 0)
        r = cmd_fail(err, "usage", "invalid format option");
    if (r >= 0)
        r = coffer_container_pids(c.container, &pids.v, &pids.n, &err->error);
    if (r >= 0)
        r = json ? print_json(&pids, err) : print_table(in, c.container, &pids, err);
    coffer_free(pids.v);
    cmd_container_done(&c);
    return r < 0 ? r : 0;
}

const struct cmd cmd_ps = {
    .name = "ps",
    .usage = "[--format FORMAT] ID [PS-OPTIONS...]",
    .summary = "list the processes of a container",
    .options = options,
    .min_args = 1,
    .max_args = INT_MAX,
    .flags = CMD_STOPS_AT_ID | CMD_EXECS_NOTHING,
    .run = run,
};
