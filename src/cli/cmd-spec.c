/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer spec: writes an example config.json. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/text.h"

enum { OPTION_BUNDLE, OPTION_FILE, OPTION_ROOTLESS, OPTION_USERNS };

#define USERNS_DEFAULT_SIZE 65536u

static const struct arg_option options[] = {
    [OPTION_BUNDLE] = {"bundle", 'b', ARG_VALUE, false, "DIR",
                       "where to write it (default: working directory)"},
    [OPTION_FILE] = {"file", 'f', ARG_VALUE, false, "FILE", "another name for config.json"},
    [OPTION_ROOTLESS] = {"rootless", 0, ARG_FLAG, false, NULL,
                         "for a user without privileges: container root is the caller"},
    [OPTION_USERNS] = {"userns", 0, ARG_VALUE, false, "FIRST[:SIZE]",
                       "with a user namespace of these host ids (size: 65536)"},
    {0},
};

static int parse_id(const char *text, char end, const char **ret_rest, uint32_t *ret)
{
    uint64_t value = 0;
    const char *c = text;

    for (; *c >= '0' && *c <= '9'; c++) {
        value = value * 10 + (uint64_t) (*c - '0');
        if (value > UINT32_MAX - 1)
            return -EINVAL;
    }
    if (c == text || (*c && *c != end))
        return -EINVAL;
    *ret = (uint32_t) value;
    *ret_rest = *c ? c + 1 : NULL;
    return 0;
}

static int parse_userns(const char *text, uint32_t *ret_first, uint32_t *ret_size)
{
    const char *rest;

    if (parse_id(text, ':', &rest, ret_first) < 0)
        return -EINVAL;
    *ret_size = USERNS_DEFAULT_SIZE;
    if (rest && (parse_id(rest, '\0', &rest, ret_size) < 0 || *ret_size == 0))
        return -EINVAL;
    return *ret_size > UINT32_MAX - *ret_first ? -EINVAL : 0;
}

static int write_new(const char *dir, const char *name, const struct text *text, struct cmd_error *err)
{
    int dir_fd = AT_FDCWD, fd, r;

    if (dir) {
        dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (dir_fd < 0)
            return cmd_fail_errno(err, -errno, "open bundle `%s`", dir);
    }
    fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    r = fd < 0 ? -errno : 0;
    if (dir)
        close(dir_fd);
    if (r == -EEXIST)
        return cmd_fail(err, "spec-exists", "File %s exists. Remove it first", name);
    if (r < 0)
        return cmd_fail_errno(err, r, "make `%s`", name);
    r = text_write(text, fd);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    return r < 0 ? cmd_fail_errno(err, r, "write `%s`", name) : 0;
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    const char *userns = args_value(in->args, OPTION_USERNS);
    const char *name = args_value(in->args, OPTION_FILE);
    uint32_t flags = 0, first = 0, size = 0;
    struct text t = TEXT_INIT;
    char *json;
    int r;

    if (args_flag(in->args, OPTION_ROOTLESS))
        flags |= COFFER_SPEC_ROOTLESS;
    if (userns && parse_userns(userns, &first, &size) < 0)
        return cmd_usage(err, "invalid value \"%s\" for option '--userns'", userns);
    r = coffer_spec_json(flags, first, size, &json, &err->error);
    if (r < 0)
        return r;
    text_add(&t, json);
    coffer_free(json);
    r = write_new(args_value(in->args, OPTION_BUNDLE), name ? name : "config.json", &t, err);
    text_free(&t);
    return r;
}

const struct cmd cmd_spec = {
    .name = "spec",
    .usage = "[OPTIONS]",
    .summary = "write an example config.json",
    .options = options,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
