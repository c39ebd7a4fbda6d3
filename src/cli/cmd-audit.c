/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer audit: how isolated running containers are, as a table or as JSON; with a status for scripts. */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/text.h"

enum { OPTION_FAIL_ON, OPTION_FORMAT };

static const struct arg_option options[] = {
    [OPTION_FAIL_ON] = {"fail-on", 0, ARG_VALUE, false, "LEVEL",
                        "exit with 1 if a verdict is note, warning or problem, or worse"},
    [OPTION_FORMAT] = {"format", 'f', ARG_VALUE, false, "FORMAT", "table (default) or json"},
    {0},
};

static const char *const level_names[] = {"ok", "note", "warning", "problem"};
#define N_LEVELS ((int) (sizeof(level_names) / sizeof(level_names[0])))

#define LEVEL_WIDTH 9
#define CHECK_WIDTH 16

struct listing {
    struct text out;
    struct text body; /* findings of the container that is being listed */
    char *id;         /* its id, NULL: none yet */
    int pid, worst, worst_of_all;
    bool json;
};

static const char *level_name(int level)
{
    return level_names[level < 0 ? 0 : level < N_LEVELS ? level : N_LEVELS - 1];
}

/* The head is written last: it tells the worst finding. */
static void end_container(struct listing *l)
{
    if (!l->id)
        return;
    if (l->json) {
        text_add(&l->out, l->out.len > 1 ? ",{\"id\":" : "{\"id\":");
        text_add_json(&l->out, l->id);
        text_printf(&l->out, ",\"pid\":%d,\"verdict\":\"%s\",\"findings\":[", l->pid, level_name(l->worst));
    } else {
        text_add(&l->out, l->out.len > 0 ? "\n" : "");
        text_add_plain(&l->out, l->id);
        text_printf(&l->out, " (pid %d): %s\n", l->pid, level_name(l->worst));
    }
    if (l->body.failed)
        l->out.failed = true;
    else if (l->body.len > 0)
        text_addn(&l->out, l->body.data, l->body.len);
    if (l->json)
        text_add(&l->out, "]}");
    text_free(&l->body);
    l->body = (struct text) TEXT_INIT;
    free(l->id);
    l->id = NULL;
}

static void add_cell(struct text *t, const char *s, size_t width)
{
    size_t have = strlen(s);

    text_add(t, s);
    text_pad(t, have < width ? width - have : 1);
}

static int each(void *userdata, const struct coffer_audit_finding *finding)
{
    struct listing *l = userdata;

    if (!l->id || strcmp(l->id, finding->container_id) != 0) {
        end_container(l);
        l->id = strdup(finding->container_id);
        if (!l->id) {
            l->out.failed = true;
            return 1;
        }
        l->pid = finding->pid;
        l->worst = 0;
    }
    if (finding->level > l->worst)
        l->worst = finding->level;
    if (finding->level > l->worst_of_all)
        l->worst_of_all = finding->level;
    if (l->json) {
        text_printf(&l->body, "%s{\"level\":\"%s\",\"check\":", l->body.len ? "," : "", level_name(finding->level));
        text_add_json(&l->body, finding->check);
        text_add(&l->body, ",\"reason\":");
        text_add_json(&l->body, finding->reason);
        text_add(&l->body, "}");
        return 0;
    }
    text_add(&l->body, "  ");
    add_cell(&l->body, level_name(finding->level), LEVEL_WIDTH);
    add_cell(&l->body, finding->check, CHECK_WIDTH);
    text_add_plain(&l->body, finding->reason);
    text_add(&l->body, "\n");
    return 0;
}

static int collect(const struct cmd_input *in, struct listing *listing, struct cmd_error *err)
{
    size_t n = (size_t) in->args->n_positional;
    coffer_runtime *runtime = NULL;
    int r = cmd_runtime_new(in, &runtime, err);

    if (r >= 0)
        r = coffer_audit(runtime, (const char *const *) in->args->positional, n, each, listing, &err->error);
    cmd_runtime_done(runtime);
    /* A default root that nobody made yet is an empty one. */
    if (r == -ENOENT && n == 0 && coffer_error_kind_of(err->error) == COFFER_ERROR_NOT_FOUND) {
        coffer_error_free(err->error);
        err->error = NULL;
        return in->root_is_default
                   ? 0
                   : cmd_fail_errno(err, -ENOENT, "open state directory `%s`", in->runtime_options.root);
    }
    end_container(listing);
    return r;
}

static int parse_level(const char *text, int *ret, struct cmd_error *err)
{
    *ret = N_LEVELS;
    if (!text)
        return 0;
    for (int i = 1; i < N_LEVELS; i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *ret = i;
            return 0;
        }
    }
    return cmd_usage(err, "--fail-on: `%s` is none of note, warning, problem", text);
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    const char *format = args_value(in->args, OPTION_FORMAT);
    struct listing listing = {.json = format && strcmp(format, "json") == 0};
    int fail_on, r;

    if (format && !listing.json && strcmp(format, "table") != 0)
        return cmd_fail(err, "usage", "invalid format option");
    r = parse_level(args_value(in->args, OPTION_FAIL_ON), &fail_on, err);
    if (r < 0)
        return r;
    if (listing.json)
        text_add(&listing.out, "[");
    r = collect(in, &listing, err);
    if (r >= 0) {
        if (listing.json)
            text_add(&listing.out, "]\n");
        r = cmd_print(&listing.out, err);
    }
    text_free(&listing.out);
    text_free(&listing.body);
    free(listing.id);
    return r < 0 ? r : listing.worst_of_all >= fail_on;
}

const struct cmd cmd_audit = {
    .name = "audit",
    .usage = "[OPTIONS] [ID...]",
    .summary = "judge how isolated running containers are",
    .options = options,
    .max_args = INT_MAX,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
