/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer list: all containers of the state directory, as a table, as ids, or as JSON. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/text.h"

enum { OPTION_FORMAT, OPTION_QUIET };

static const struct arg_option options[] = {
    [OPTION_FORMAT] = {"format", 'f', ARG_VALUE, false, "FORMAT", "table (default) or json"},
    [OPTION_QUIET] = {"quiet", 'q', ARG_FLAG, false, NULL, "ids only"},
    {0},
};

enum { COLUMN_ID, COLUMN_PID, COLUMN_STATUS, COLUMN_BUNDLE, COLUMN_CREATED, COLUMN_OWNER, N_COLUMNS };
#define COLUMN_MIN_WIDTH 12
#define COLUMN_GAP 3

struct rows {
    char *(*cells)[N_COLUMNS];
    size_t n, cap;
};

struct listing {
    struct text out; /* ids or JSON */
    struct rows rows;
    enum { LIST_TABLE, LIST_QUIET, LIST_JSON } form;
};

static void rows_free(struct rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        for (size_t j = 0; j < N_COLUMNS; j++)
            free(rows->cells[i][j]);
    free(rows->cells);
}

/* A printable copy. */
static char *cell_text(const char *s)
{
    struct text t = TEXT_INIT;

    text_add(&t, "");
    text_add_plain(&t, s);
    if (t.failed) {
        text_free(&t);
        return NULL;
    }
    return t.data;
}

static int rows_add(struct rows *rows, const char *const cells[N_COLUMNS])
{
    if (rows->n == rows->cap) {
        size_t cap = rows->cap ? rows->cap * 2 : 16;
        char *(*bigger)[N_COLUMNS] = realloc(rows->cells, cap * sizeof(*bigger));

        if (!bigger)
            return -1;
        rows->cells = bigger;
        rows->cap = cap;
    }
    memset(rows->cells[rows->n], 0, sizeof(rows->cells[rows->n]));
    rows->n++;
    for (size_t i = 0; i < N_COLUMNS; i++) {
        rows->cells[rows->n - 1][i] = cell_text(cells[i]);
        if (!rows->cells[rows->n - 1][i])
            return -1;
    }
    return 0;
}

static void rows_print(const struct rows *rows, struct text *out)
{
    size_t width[N_COLUMNS];

    for (size_t j = 0; j < N_COLUMNS; j++) {
        width[j] = COLUMN_MIN_WIDTH;
        for (size_t i = 0; i < rows->n; i++) {
            size_t w = text_width(rows->cells[i][j]) + COLUMN_GAP;

            if (w > width[j])
                width[j] = w;
        }
    }
    for (size_t i = 0; i < rows->n; i++) {
        for (size_t j = 0; j < N_COLUMNS; j++) {
            const char *cell = rows->cells[i][j];

            text_add(out, cell);
            if (j + 1 < N_COLUMNS)
                text_pad(out, width[j] - text_width(cell));
        }
        text_add(out, "\n");
    }
}

static void add_json(struct text *out, const struct coffer_container_info *info)
{
    if (out->len > 1)
        text_add(out, ",");
    text_add(out, "{\"ociVersion\":");
    text_add_json(out, coffer_spec_version());
    text_add(out, ",\"id\":");
    text_add_json(out, info->id);
    text_printf(out, ",\"pid\":%d,\"status\":", info->pid);
    text_add_json(out, info->status);
    text_add(out, ",\"bundle\":");
    text_add_json(out, info->bundle);
    text_add(out, ",\"rootfs\":");
    text_add_json(out, info->rootfs);
    text_add(out, ",\"created\":");
    text_add_json(out, info->created);
    if (info->annotations_json) {
        text_add(out, ",\"annotations\":");
        text_add(out, info->annotations_json);
    }
    text_add(out, ",\"owner\":");
    text_add_json(out, info->owner);
    text_add(out, "}");
}

static int each(void *userdata, const struct coffer_container_info *info)
{
    struct listing *listing = userdata;
    char pid[16];

    switch (listing->form) {
    case LIST_QUIET:
        text_add(&listing->out, info->id);
        text_add(&listing->out, "\n");
        return 0;
    case LIST_JSON:
        add_json(&listing->out, info);
        return 0;
    case LIST_TABLE:
        break;
    }
    snprintf(pid, sizeof(pid), "%d", info->pid);
    if (rows_add(&listing->rows, (const char *const[N_COLUMNS]){
                                     [COLUMN_ID] = info->id,
                                     [COLUMN_PID] = pid,
                                     [COLUMN_STATUS] = info->status,
                                     [COLUMN_BUNDLE] = info->bundle,
                                     [COLUMN_CREATED] = info->created,
                                     [COLUMN_OWNER] = info->owner,
                                 }) < 0)
        listing->out.failed = true;
    return 0;
}

static int collect(const struct cmd_input *in, struct listing *listing, struct cmd_error *err)
{
    coffer_runtime *runtime = NULL;
    int r = cmd_runtime_new(in, &runtime, err);

    if (r >= 0)
        r = coffer_runtime_list(runtime, each, listing, &err->error);
    coffer_runtime_free(runtime);
    if (r < 0 && coffer_error_kind_of(err->error) == COFFER_ERROR_NOT_FOUND) {
        coffer_error_free(err->error);
        err->error = NULL;
        /* A default root that nobody made yet is an empty one. */
        return in->root_is_default
                   ? 1
                   : cmd_fail_errno(err, -ENOENT, "open state directory `%s`", in->runtime_options.root);
    }
    return r;
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    const char *format = args_value(in->args, OPTION_FORMAT);
    struct listing listing = {.form = LIST_TABLE};
    int r;

    if (format && strcmp(format, "json") == 0)
        listing.form = LIST_JSON;
    else if (format && strcmp(format, "table") != 0)
        return cmd_fail(err, "usage", "invalid format option");
    if (args_flag(in->args, OPTION_QUIET))
        listing.form = LIST_QUIET;
    if (listing.form == LIST_JSON)
        text_add(&listing.out, "[");
    if (listing.form == LIST_TABLE &&
        rows_add(&listing.rows,
                 (const char *const[N_COLUMNS]){"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}) < 0)
        listing.out.failed = true;

    r = collect(in, &listing, err);
    if (r == 0 || (r > 0 && listing.form == LIST_JSON)) {
        if (listing.form == LIST_TABLE)
            rows_print(&listing.rows, &listing.out);
        if (listing.form == LIST_JSON)
            text_add(&listing.out, "]\n");
        r = cmd_print(&listing.out, err);
    } else if (r > 0) {
        r = 0; /* no state directory: prints nothing */
    }
    rows_free(&listing.rows);
    text_free(&listing.out);
    return r;
}

const struct cmd cmd_list = {
    .name = "list",
    .usage = "[OPTIONS]",
    .summary = "list containers",
    .options = options,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
