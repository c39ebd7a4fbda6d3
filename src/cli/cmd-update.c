/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer update: other limits for a container, from options or from a JSON text. */

#include <errno.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/update-json.h"

static int from_options(const struct args *args, struct text *out, struct cmd_error *err)
{
    int bad = 0, r = update_json(args, out, &bad);

    if (r == -ENOMEM)
        return cmd_fail_errno(err, r, "put the limits together");
    if (r < 0)
        return cmd_usage(err, "invalid value \"%s\" for option '--%s'", args_value(args, bad),
                         update_options_table[bad].name);
    return 0;
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    struct coffer_update_options options = COFFER_UPDATE_OPTIONS_INIT;
    const char *file = args_value(in->args, UPDATE_RESOURCES);
    struct text t = TEXT_INIT;
    struct cmd_container c;
    int r = cmd_container_open(in, &c, err);

    if (r < 0)
        return r;
    r = file ? cmd_read_file(file, &t, err) : from_options(in->args, &t, err);
    if (r == 0) {
        options.resources = t.data ? t.data : "";
        options.resources_len = t.len;
        options.l3_cache_schema = args_value(in->args, UPDATE_L3_CACHE_SCHEMA);
        options.mem_bw_schema = args_value(in->args, UPDATE_MEM_BW_SCHEMA);
        r = coffer_container_update(c.container, &options, &err->error);
    }
    text_free(&t);
    cmd_container_done(&c);
    return r;
}

const struct cmd cmd_update = {
    .name = "update",
    .usage = "[OPTIONS] ID",
    .summary = "change the limits of a container",
    .options = update_options_table,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
