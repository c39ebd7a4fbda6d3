/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer update: other limits for a container, from options or from a JSON text. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/update-json.h"

#define TEXT_LIMIT (8u << 20)

static int read_all(int fd, struct text *out)
{
    char buf[16384];

    for (;;) {
        ssize_t n = read(fd, buf, sizeof(buf));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return out->failed ? -ENOMEM : 0;
        text_addn(out, buf, (size_t) n);
        if (out->len > TEXT_LIMIT)
            return -EFBIG;
    }
}

static int read_resources(const char *name, struct text *out, struct cmd_error *err)
{
    bool is_stdin = strcmp(name, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY), r;

    if (fd < 0)
        return cmd_fail_errno(err, -errno, "open `%s`", name);
    r = read_all(fd, out);
    if (!is_stdin)
        close(fd);
    return r < 0 ? cmd_fail_errno(err, r, "read %s%s%s", is_stdin ? "" : "`", is_stdin ? "standard input" : name,
                                  is_stdin ? "" : "`")
                 : 0;
}

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
    r = file ? read_resources(file, &t, err) : from_options(in->args, &t, err);
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
