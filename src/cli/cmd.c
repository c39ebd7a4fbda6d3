/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What commands have in common: failing, opening a container, printing. */

#include "cli/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/relay.h"
#include "cli/text.h"

#define TEXT_LIMIT (8u << 20)

int cmd_fail(struct cmd_error *err, const char *code, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    err->code = code;
    return -EINVAL;
}

/* Engines compare the text of an errno in lower case, as Go prints it. */
static const char *errno_text(int e, char buf[64])
{
    const char *text = strerrordesc_np(e);

    snprintf(buf, 64, "%s", text ? text : "unknown error");
    if (buf[0] >= 'A' && buf[0] <= 'Z' && !(buf[1] >= 'A' && buf[1] <= 'Z'))
        buf[0] = (char) (buf[0] - 'A' + 'a');
    return buf;
}

int cmd_fail_errno(struct cmd_error *err, int r, const char *fmt, ...)
{
    char buf[64];
    va_list args;
    size_t len;

    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", errno_text(-r, buf));
    return r;
}

int cmd_usage(struct cmd_error *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(err->text, sizeof(err->text), fmt, args);
    va_end(args);
    err->usage = true;
    return -EINVAL;
}

int cmd_runtime_new(const struct cmd_input *in, coffer_runtime **ret, struct cmd_error *err)
{
    return coffer_runtime_new(&in->runtime_options, ret, &err->error);
}

void cmd_runtime_done(coffer_runtime *runtime)
{
    if (CMD_TIDIES)
        coffer_runtime_free(runtime);
}

int cmd_container_open(const struct cmd_input *in, struct cmd_container *ret, struct cmd_error *err)
{
    int r;

    *ret = (struct cmd_container){0};
    r = cmd_runtime_new(in, &ret->runtime, err);
    if (r < 0)
        return r;
    r = coffer_container_open(ret->runtime, in->args->positional[0], &ret->container, &err->error);
    if (r < 0)
        cmd_container_done(ret);
    return r;
}

void cmd_container_done(struct cmd_container *container)
{
    if (CMD_TIDIES)
        coffer_container_close(container->container);
    cmd_runtime_done(container->runtime);
    *container = (struct cmd_container){0};
}

const struct arg_option cmd_no_options[] = {{0}};

int cmd_container_do(const struct cmd_input *in, int (*operation)(coffer_container *, coffer_error **),
                     struct cmd_error *err)
{
    struct cmd_container c;
    int r = cmd_container_open(in, &c, err);

    if (r < 0)
        return r;
    r = operation(c.container, &err->error);
    cmd_container_done(&c);
    return r;
}

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

int cmd_read_file(const char *name, struct text *out, struct cmd_error *err)
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

int cmd_print(const struct text *text, struct cmd_error *err)
{
    int r = text_write(text, STDOUT_FILENO);

    return r < 0 ? cmd_fail_errno(err, r, "write to standard output") : 0;
}

int cmd_print_json(char *json, struct cmd_error *err)
{
    struct text t = TEXT_INIT;
    int r;

    text_add(&t, json);
    text_add(&t, "\n");
    coffer_free(json);
    r = cmd_print(&t, err);
    text_free(&t);
    return r;
}

int cmd_relay_terminal(struct relay *relay, int r, int master_fd, coffer_error *error, struct cmd_error *err)
{
    if (r == -ENOTTY) { /* the usual case: it uses our streams */
        coffer_error_free(error);
        return 0;
    }
    if (r < 0) {
        err->error = error;
        return r;
    }
    r = relay_take_terminal(relay, master_fd);
    return r < 0 ? cmd_fail_errno(err, r, "set up the terminal") : 0;
}
