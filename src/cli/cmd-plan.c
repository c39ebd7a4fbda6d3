/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer plan: what create would do with a bundle; nothing is changed. */

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/text.h"

enum { OPTION_BUNDLE };

static const struct arg_option options[] = {
    [OPTION_BUNDLE] = {"bundle", 'b', ARG_VALUE, false, "DIR",
                       "directory with config.json (default: working directory)"},
    {0},
};

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    const char *bundle = args_value(in->args, OPTION_BUNDLE);
    struct text t = TEXT_INIT;
    coffer_runtime *runtime;
    char *plan;
    int r;

    if (in->args->n_positional > 0)
        bundle = in->args->positional[0];
    r = cmd_runtime_new(in, &runtime, err);
    if (r < 0)
        return r;
    r = coffer_plan_explain(runtime, bundle ? bundle : ".", &plan, &err->error);
    coffer_runtime_free(runtime);
    if (r < 0)
        return r;
    text_add(&t, plan);
    coffer_free(plan);
    if (t.len > 0 && t.data[t.len - 1] != '\n')
        text_add(&t, "\n");
    r = cmd_print(&t, err);
    text_free(&t);
    return r;
}

const struct cmd cmd_plan = {
    .name = "plan",
    .usage = "[--bundle DIR | BUNDLE]",
    .summary = "show what create would do with a bundle (dry run)",
    .options = options,
    .max_args = 1,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
