/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* coffer whois: which container, account, subordinate range or user namespace has a host id. */

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/cmds.h"
#include "cli/text.h"

enum { OPTION_FORMAT, OPTION_GID };

static const struct arg_option options[] = {
    [OPTION_FORMAT] = {"format", 'f', ARG_VALUE, false, "FORMAT", "table (default) or json"},
    [OPTION_GID] = {"gid", 'g', ARG_FLAG, false, NULL, "the id is a gid"},
    {0},
};

struct answer {
    struct text out;
    bool json, gid;
    uint32_t id;
};

static const char *kind_name(int kind)
{
    switch (kind) {
    case COFFER_ID_OWNER_CONTAINER:
        return "container";
    case COFFER_ID_OWNER_ACCOUNT:
        return "account";
    case COFFER_ID_OWNER_GROUP:
        return "group";
    case COFFER_ID_OWNER_SUBORDINATE:
        return "subordinate";
    default:
        return "namespace";
    }
}

static void add_json(struct answer *a, const struct coffer_id_owner *owner)
{
    struct text *t = &a->out;

    text_printf(t, "%s{\"kind\":\"%s\",\"name\":", t->len > 1 ? "," : "", kind_name(owner->kind));
    text_add_json(t, owner->name);
    if (owner->kind == COFFER_ID_OWNER_CONTAINER)
        text_printf(t, ",\"mapping\":\"%s\",\"idInside\":%u", owner->mapping, owner->id_inside);
    if (owner->pid)
        text_printf(t, ",\"pid\":%d", owner->pid);
    if (owner->count) {
        text_printf(t, ",\"range\":{\"hostID\":%u,\"size\":%u", owner->first, owner->count);
        if (owner->kind == COFFER_ID_OWNER_CONTAINER)
            text_printf(t, ",\"containerID\":%u", owner->first_inside);
        text_add(t, "}");
    }
    text_add(t, "}");
}

static void add_range(struct text *t, uint32_t first, uint32_t count)
{
    if (count == 1)
        text_printf(t, "%u", first);
    else
        text_printf(t, "%u-%u", first, first + (count - 1));
}

static void add_line(struct answer *a, const struct coffer_id_owner *owner)
{
    const char *word = a->gid ? "gid" : "uid";
    struct text *t = &a->out;

    switch (owner->kind) {
    case COFFER_ID_OWNER_CONTAINER:
        text_add(t, "container ");
        text_add_plain(t, owner->name);
        text_printf(t, ": %s %u inside, pid %d, ", word, owner->id_inside, owner->pid);
        if (!owner->count) {
            text_add(t, "no user namespace of its own\n");
            return;
        }
        text_printf(t, "%s user namespace, ", owner->mapping);
        add_range(t, owner->first_inside, owner->count);
        text_add(t, " is ");
        add_range(t, owner->first, owner->count);
        text_add(t, " on the host\n");
        return;
    case COFFER_ID_OWNER_SUBORDINATE:
        text_printf(t, "subordinate %s of ", word);
        text_add_plain(t, owner->name);
        text_add(t, ", who has ");
        add_range(t, owner->first, owner->count);
        text_add(t, "\n");
        return;
    case COFFER_ID_OWNER_NAMESPACE:
        text_printf(t, "user namespace of process %d (", owner->pid);
        text_add_plain(t, owner->name);
        text_add(t, "), which maps ");
        add_range(t, owner->first, owner->count);
        text_add(t, "\n");
        return;
    default:
        text_printf(t, "%s ", kind_name(owner->kind));
        text_add_plain(t, owner->name);
        text_add(t, "\n");
    }
}

static int each(void *userdata, const struct coffer_id_owner *owner)
{
    struct answer *a = userdata;

    if (a->json)
        add_json(a, owner);
    else
        add_line(a, owner);
    return 0;
}

static int parse_id(const char *text, uint32_t *ret)
{
    uint64_t value = 0;

    if (!*text)
        return -EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || value > UINT32_MAX)
            return -EINVAL;
        value = value * 10 + (uint64_t) (*text - '0');
    }
    if (value >= UINT32_MAX) /* (uid_t) -1 is no id */
        return -EINVAL;
    *ret = (uint32_t) value;
    return 0;
}

static int run(const struct cmd_input *in, struct cmd_error *err)
{
    const char *format = args_value(in->args, OPTION_FORMAT);
    struct answer a = {.json = format && strcmp(format, "json") == 0, .gid = args_flag(in->args, OPTION_GID)};
    coffer_runtime *runtime = NULL;
    int n, r;

    if (format && !a.json && strcmp(format, "table") != 0)
        return cmd_fail(err, "usage", "invalid format option");
    if (parse_id(in->args->positional[0], &a.id) < 0)
        return cmd_usage(err, "`%s` is no id: a number below 4294967295", in->args->positional[0]);
    n = cmd_runtime_new(in, &runtime, err);
    if (a.json)
        text_add(&a.out, "[");
    if (n >= 0)
        n = coffer_whois(runtime, a.gid ? COFFER_ID_GID : COFFER_ID_UID, a.id, each, &a, &err->error);
    cmd_runtime_done(runtime);
    r = n;
    if (n >= 0) {
        if (a.json)
            text_add(&a.out, "]\n");
        else if (n == 0)
            text_printf(&a.out, "nobody has %s %u\n", a.gid ? "gid" : "uid", a.id);
        r = cmd_print(&a.out, err);
    }
    text_free(&a.out);
    return r < 0 ? r : n == 0;
}

const struct cmd cmd_whois = {
    .name = "whois",
    .usage = "[OPTIONS] UID",
    .summary = "tell who has a host id",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_EXECS_NOTHING,
    .run = run,
};
