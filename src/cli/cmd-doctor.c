/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer doctor: what this node can do and what is wrong, as a table or as JSON. */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/text.h"

enum { OPTION_FORMAT, OPTION_FAIL_ON };

static const struct arg_option options[] = {
    [OPTION_FORMAT] = {"format", 'f', ARG_VALUE, false, "FORMAT", "table (default) or json"},
    [OPTION_FAIL_ON] = {"fail-on", 0, ARG_VALUE, false, "VERDICT",
                        "exit status 1 from this one on: warning or problem (default)"},
    {0},
};

#define DEFAULT_PATH "/var/lib" /* where engines keep images and volumes */
#define N_VERDICTS (COFFER_DOCTOR_PROBLEM + 1)
#define VERDICT_WIDTH 9
#define ID_WIDTH 25

struct listing {
    struct text out;
    bool json;
    size_t count[N_VERDICTS];
};

static void add_row(struct text *out, const struct coffer_doctor_finding *finding)
{
    const char *verdict = coffer_doctor_verdict_name(finding->verdict);
    size_t width = strlen(finding->id);

    text_add(out, verdict);
    text_pad(out, VERDICT_WIDTH - strlen(verdict));
    text_add(out, finding->id);
    text_pad(out, width < ID_WIDTH ? ID_WIDTH - width : 1);
    text_add_plain(out, finding->fact);
    text_add(out, "\n");
    if (!finding->remedy[0])
        return;
    text_pad(out, VERDICT_WIDTH + ID_WIDTH);
    text_add(out, "-> ");
    text_add_plain(out, finding->remedy);
    text_add(out, "\n");
}

static void add_json(struct text *out, const struct coffer_doctor_finding *finding)
{
    text_add(out, out->len > 1 ? ",\n " : "");
    text_add(out, "{\"id\":");
    text_add_json(out, finding->id);
    text_add(out, ",\"verdict\":");
    text_add_json(out, coffer_doctor_verdict_name(finding->verdict));
    text_add(out, ",\"fact\":");
    text_add_json(out, finding->fact);
    text_add(out, ",\"remedy\":");
    text_add_json(out, finding->remedy);
    text_add(out, ",\"values\":");
    text_add(out, finding->values_json);
    text_add(out, "}");
}

static int each(void *userdata, const struct coffer_doctor_finding *finding)
{
    struct listing *listing = userdata;

    if (finding->verdict < N_VERDICTS)
        listing->count[finding->verdict]++;
    if (listing->json)
        add_json(&listing->out, finding);
    else
        add_row(&listing->out, finding);
    return 0;
}

static void add_count(struct text *out, size_t n, const char *one, const char *many)
{
    text_printf(out, "%zu %s", n, n == 1 ? one : many);
}

static void add_summary(struct listing *listing)
{
    struct text *out = &listing->out;

    text_add(out, "\n");
    add_count(out, listing->count[COFFER_DOCTOR_PROBLEM], "problem, ", "problems, ");
    add_count(out, listing->count[COFFER_DOCTOR_WARNING], "warning, ", "warnings, ");
    add_count(out, listing->count[COFFER_DOCTOR_NOTE], "note, ", "notes, ");
    add_count(out, listing->count[COFFER_DOCTOR_OK], "ok\n", "ok\n");
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    static const char *const default_paths[] = {DEFAULT_PATH};
    const char *format = args_value(in->args, OPTION_FORMAT), *fail_on = args_value(in->args, OPTION_FAIL_ON);
    const char *runtime_dir = getenv("XDG_RUNTIME_DIR");
    struct coffer_doctor_options o = COFFER_DOCTOR_OPTIONS_INIT;
    struct listing listing = {.out = TEXT_INIT};
    bool failed;
    int r;

    if (format && strcmp(format, "json") == 0)
        listing.json = true;
    else if (format && strcmp(format, "table") != 0)
        return cmd_fail(err, "usage", "invalid format option");
    if (fail_on && strcmp(fail_on, "warning") != 0 && strcmp(fail_on, "problem") != 0)
        return cmd_fail(err, "usage", "invalid value \"%s\" for option '--fail-on'", fail_on);

    o.root = in->runtime_options.root;
    o.runtime_dir = runtime_dir && runtime_dir[0] == '/' ? runtime_dir : NULL;
    o.id_config = in->runtime_options.id_config;
    o.id_ledger = in->runtime_options.id_ledger;
    o.paths = in->args->n_positional ? (const char *const *) in->args->positional : default_paths;
    o.n_paths = in->args->n_positional ? (size_t) in->args->n_positional : 1;
    if (listing.json)
        text_add(&listing.out, "[");
    r = coffer_doctor(&o, each, &listing, &err->error);
    if (r >= 0) {
        if (listing.json)
            text_add(&listing.out, "]\n");
        else
            add_summary(&listing);
        r = cmd_print(&listing.out, err);
    }
    text_free(&listing.out);
    failed = listing.count[COFFER_DOCTOR_PROBLEM] > 0 ||
             (fail_on && strcmp(fail_on, "warning") == 0 && listing.count[COFFER_DOCTOR_WARNING] > 0);
    return r < 0 ? r : failed;
}

const struct cmd cmd_doctor = {
    .name = "doctor",
    .usage = "[OPTIONS] [PATH...]",
    .summary = "tell what this node can do and what is wrong",
    .options = options,
    .max_args = INT_MAX,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
