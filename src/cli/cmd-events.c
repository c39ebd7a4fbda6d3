/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer events: what a container uses, and word of OOM, one JSON object a line until it has ended. */

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/duration.h"
#include "cli/text.h"

enum { OPTION_INTERVAL, OPTION_STATS };

#define DEFAULT_INTERVAL_MS 5000
#define NS_PER_MS 1000000
#define READER_GONE 1 /* ends the watch without an error */

static const struct arg_option options[] = {
    [OPTION_INTERVAL] = {"interval", 0, ARG_VALUE, false, "DURATION",
                         "time between two statistics (default: 5s)"},
    [OPTION_STATS] = {"stats", 0, ARG_FLAG, false, NULL, "print the statistics once and end"},
    {0},
};

/* One line in one write(2), so that a reader sees it at once and whole. */
static int print_event(const char *type, const char *id, const char *data)
{
    struct text t = TEXT_INIT;
    int r;

    text_add(&t, "{\"type\":");
    text_add_json(&t, type);
    text_add(&t, ",\"id\":");
    text_add_json(&t, id);
    if (data) {
        text_add(&t, ",\"data\":");
        text_add(&t, data);
    }
    text_add(&t, "}\n");
    r = text_write(&t, STDOUT_FILENO);
    text_free(&t);
    return r == -EPIPE ? READER_GONE : r;
}

static int each_event(void *userdata, const struct coffer_event *event)
{
    switch (event->type) {
    case COFFER_EVENT_STATS:
        return print_event("stats", event->container_id, event->data_json);
    case COFFER_EVENT_OOM:
        return print_event("oom", event->container_id, NULL);
    default: /* of a newer library */
        return 0;
    }
}

static int print_once(const struct cmd_input *in, coffer_container *container, struct cmd_error *err)
{
    char *json = NULL;
    int r = coffer_container_stats_json(container, &json, &err->error);

    if (r < 0)
        return r;
    r = print_event("stats", in->args->positional[0], json);
    coffer_free(json);
    return r < 0 ? cmd_fail_errno(err, r, "write to standard output") : 0;
}

static int parse_interval(const struct cmd_input *in, uint32_t *ret_ms, struct cmd_error *err)
{
    const char *text = args_value(in->args, OPTION_INTERVAL);
    int64_t ns, ms;

    *ret_ms = DEFAULT_INTERVAL_MS;
    if (!text)
        return 0;
    if (duration_parse(text, &ns) < 0)
        return cmd_usage(err, "invalid value \"%s\" for option '--interval'", text);
    if (ns <= 0)
        return cmd_fail(err, "interval", "duration interval must be greater than 0");
    ms = ns / NS_PER_MS + (ns % NS_PER_MS != 0);
    *ret_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t) ms;
    return 0;
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    struct cmd_container c;
    uint32_t interval_ms;
    int r;

    /* A reader that went away is an error of write(2), not our death. */
    (void) signal(SIGPIPE, SIG_IGN);
    r = cmd_container_open(in, &c, err);
    if (r < 0)
        return r;
    r = parse_interval(in, &interval_ms, err);
    if (r == 0 && args_flag(in->args, OPTION_STATS)) {
        r = print_once(in, c.container, err);
    } else if (r == 0) {
        r = coffer_container_watch(c.container, interval_ms, each_event, NULL, &err->error);
        if (r < 0 && !err->error)
            r = cmd_fail_errno(err, r, "write to standard output");
    }
    cmd_container_done(&c);
    return r < 0 ? r : 0;
}

const struct cmd cmd_events = {
    .name = "events",
    .usage = "[OPTIONS] ID",
    .summary = "print a container's statistics and OOM events",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
