/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The process object: arguments, environment, user, limits, terminal. Scheduling and memory policy
 * are in sched-plan.c. Pure, host side.
 */

#include "process/process.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

#include "base/format.h"
#include "base/str.h"
#include "path/path.h"
#include "plan/input.h"
#include "process/sched-plan.h"

#define MAX_GROUPS 65536
#define MAX_CONSOLE 65535

struct rlimit_word {
    const char *name;
    uint32_t resource;
};

static const struct rlimit_word rlimit_words[] = {
    {"RLIMIT_AS", RLIMIT_AS},           {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},         {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},     {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}, {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},       {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},     {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},   {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING}, {"RLIMIT_STACK", RLIMIT_STACK},
};

static int plan_args(const struct ocispec_process *p, struct cf_plan *plan, struct cf_err *err)
{
    struct cf_ref args;
    cf_str cwd;

    if (p->n_args == 0)
        return cf_err_config(err, "args-empty", "process.args", "args must not be empty");
    if (!cf_path_is_absolute(p->cwd))
        return cf_err_config(err, "cwd-relative", "process.cwd", "Cwd must be an absolute path");
    args = cf_blob_add_strv(plan->blob, p->args, p->n_args);
    cwd = cf_blob_add_str(plan->blob, p->cwd);
    cf_blob_header(plan->blob)->args = args;
    cf_blob_header(plan->blob)->cwd = cwd;
    return 0;
}

/* ---- environment ---- */

static bool env_has(const struct ocispec_process *p, const char *name)
{
    size_t n = strlen(name);

    for (size_t i = 0; i < p->n_env; i++) {
        if (strncmp(p->env[i], name, n) == 0 && p->env[i][n] == '=')
            return true;
    }
    return false;
}

/*
 * Engines append what a user overrides. Of several entries with one name the last one counts, at the place of the
 * first; a program that asks would find the first. @list: the entries. Return: how many are left, or -ENOMEM.
 */
static ssize_t last_of_each_name(const struct cf_plan_input *in, const char **list, size_t n)
{
    size_t mask = 15, kept = 0;
    uint32_t *slots;

    while (mask < 2 * n)
        mask = 2 * mask + 1;
    slots = cf_arena_calloc(in->arena, mask + 1, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        size_t name = strcspn(list[i], "=") + 1, at;
        uint64_t hash = UINT64_C(14695981039346656037);

        for (size_t k = 0; k < name; k++)
            hash = (hash ^ (unsigned char) list[i][k]) * UINT64_C(1099511628211);
        at = (size_t) (hash ^ (hash >> 32)) & mask;
        while (slots[at] && strncmp(list[slots[at] - 1], list[i], name) != 0)
            at = (at + 1) & mask;
        if (!slots[at]) {
            list[kept++] = list[i];
            slots[at] = (uint32_t) kept;
        } else {
            list[slots[at] - 1] = list[i];
        }
    }
    return (ssize_t) kept;
}

/* What the runtime adds; the configuration wins. Return: number of entries written to @out. */
static size_t added_env(const struct cf_plan_input *in, const struct ocispec_process *p, struct cf_plan *plan,
                        cf_str *out)
{
    const struct cf_plan_options *o = in->options;
    size_t n = 0;

    if (o->listen_fds && !env_has(p, "LISTEN_FDS")) {
        out[n++] = cf_blob_printf(plan->blob, "LISTEN_FDS=%u", o->listen_fds);
        if (!env_has(p, "LISTEN_PID"))
            out[n++] = cf_blob_add_str(plan->blob, "LISTEN_PID=1");
        if (o->listen_fdnames && !env_has(p, "LISTEN_FDNAMES"))
            out[n++] = cf_blob_printf(plan->blob, "LISTEN_FDNAMES=%s", o->listen_fdnames);
    }
    if (o->notify_dir)
        out[n++] = cf_blob_add_str(plan->blob, "NOTIFY_SOCKET=" CF_NOTIFY_TARGET "/notify.sock");
    return n;
}

static int plan_env(const struct cf_plan_input *in, const struct ocispec_process *p, struct cf_plan *plan,
                    struct cf_err *err)
{
    cf_str *list = cf_arena_calloc(in->arena, p->n_env + 5, sizeof(*list));
    const char **given = cf_arena_calloc(in->arena, p->n_env + 1, sizeof(*given));
    bool home = false;
    struct cf_ref env;
    ssize_t n_given;
    size_t n = 0;

    if (!list || !given)
        return cf_err_oom(err);
    for (size_t i = 0; i < p->n_env; i++) {
        const char *equals = strchr(p->env[i], '=');

        if (!equals || equals == p->env[i]) {
            const char *field = cf_arena_printf(in->arena, "process.env[%zu]", i);

            /* Never the text itself: it may be a secret. */
            return field ? cf_err_config(err, "env-syntax", field, "expected NAME=VALUE") : cf_err_oom(err);
        }
        given[i] = p->env[i];
    }
    n_given = last_of_each_name(in, given, p->n_env);
    if (n_given < 0)
        return cf_err_oom(err);
    for (ssize_t i = 0; i < n_given; i++) {
        if (strcmp(given[i], "HOME=") == 0)
            continue; /* as if it were absent */
        if (cf_str_starts_with(given[i], "HOME="))
            home = true;
        list[n++] = cf_blob_add_str(plan->blob, given[i]);
    }
    n += added_env(in, p, plan, list + n);
    env = cf_blob_add_array(plan->blob, list, n, sizeof(*list));
    cf_blob_header(plan->blob)->env = env;
    if (!home)
        cf_plan_set_flag(plan, CF_BLOB_SET_HOME);
    return 0;
}

/* ---- user ---- */

static bool may_set_groups(const struct cf_plan_input *in, const struct cf_plan *plan)
{
    if (plan->userns.mode != CF_USERNS_NONE)
        return !plan->userns.deny_setgroups;
    return in->facts->cap_effective & (UINT64_C(1) << CAP_SETGID);
}

static int unmapped(const char *field, const char *text, uint32_t id, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "user-unmapped", -EINVAL, "cannot %s %u in user namespace", text, id);
    cf_err_field(err, "%s", field);
    return -EINVAL;
}

static int plan_user(const struct cf_plan_input *in, const struct ocispec_process *p, struct cf_plan *plan,
                     struct cf_err *err)
{
    static const struct ocispec_user root = {0};
    const struct ocispec_user *user = p->user ? p->user : &root;
    const char *keep = cf_plan_annotation(in, "run.oci.keep_original_groups");
    struct cf_ref groups = {0, 0};
    uint32_t host;

    /* UINT32_MAX means "unchanged" to the kernel, so the process would stay root (rule R31). */
    if (user->uid == CF_ID_NONE || cf_userns_uid_to_host(&plan->userns, user->uid, &host) < 0)
        return unmapped("process.user.uid", "setuid to unmapped uid", user->uid, err);
    if (user->gid == CF_ID_NONE || cf_userns_gid_to_host(&plan->userns, user->gid, &host) < 0)
        return unmapped("process.user.gid", "setgid to unmapped gid", user->gid, err);
    if (user->has_umask && user->umask > 0777)
        return cf_err_config(err, "umask", "process.user.umask", "%u is above 0777", user->umask);
    if (user->n_additional_gids > MAX_GROUPS)
        return cf_err_config(err, "groups-too-many", "process.user.additionalGids", "more than %d groups", MAX_GROUPS);
    for (size_t i = 0; i < user->n_additional_gids; i++) {
        uint32_t gid = user->additional_gids[i];

        if (gid == CF_ID_NONE || cf_userns_gid_to_host(&plan->userns, gid, &host) < 0) {
            char field[64];

            (void) cf_format(field, sizeof(field), "process.user.additionalGids[%zu]", i);
            return unmapped(field, "set unmapped additional gid", gid, err);
        }
    }

    if (may_set_groups(in, plan)) {
        /* From none to none there is nothing to set. */
        if (user->n_additional_gids || in->facts->n_groups)
            cf_plan_set_flag(plan, CF_BLOB_SETGROUPS);
        else
            cf_blob_header(plan->blob)->flags &= ~CF_BLOB_SETGROUPS;
    } else {
        cf_blob_header(plan->blob)->flags &= ~CF_BLOB_SETGROUPS;
        if (user->n_additional_gids)
            return cf_err_config(err, "groups-rootless", "process.user.additionalGids",
                                 "cannot set any additional groups in a rootless container");
    }
    if (keep && strcmp(keep, "0") != 0)
        cf_plan_set_flag(plan, CF_BLOB_KEEP_GROUPS);
    groups = cf_blob_add_array(plan->blob, user->additional_gids, user->n_additional_gids, sizeof(uint32_t));
    cf_blob_header(plan->blob)->uid = user->uid;
    cf_blob_header(plan->blob)->gid = user->gid;
    cf_blob_header(plan->blob)->umask = user->has_umask ? user->umask : 0022;
    cf_blob_header(plan->blob)->groups = groups;
    return 0;
}

/* ---- limits ---- */

static int rlimit_error(size_t index, const char *code, const char *text, const char *type, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, code, -EINVAL, "`%s`: %s", type, text);
    cf_err_field(err, "process.rlimits[%zu]", index);
    return -EINVAL;
}

static int plan_rlimits(const struct cf_plan_input *in, const struct ocispec_process *p, struct cf_plan *plan,
                        struct cf_err *err)
{
    struct cf_blob_rlimit *list = cf_arena_calloc(in->arena, p->n_rlimits, sizeof(*list));
    uint64_t seen = 0;
    struct cf_ref ref;

    if (!list)
        return cf_err_oom(err);
    for (size_t i = 0; i < p->n_rlimits; i++) {
        const struct ocispec_rlimit *limit = &p->rlimits[i];
        const struct rlimit_word *word = NULL;

        for (size_t j = 0; j < sizeof(rlimit_words) / sizeof(rlimit_words[0]); j++) {
            if (strcmp(rlimit_words[j].name, limit->type) == 0)
                word = &rlimit_words[j];
        }
        if (!word)
            return rlimit_error(i, "rlimit-unknown", "unknown limit", limit->type, err);
        if (seen & (UINT64_C(1) << word->resource))
            return rlimit_error(i, "rlimit-twice", "the same limit twice", limit->type, err);
        if (limit->soft > limit->hard)
            return rlimit_error(i, "rlimit-order", "soft is above hard", limit->type, err);
        seen |= UINT64_C(1) << word->resource;
        list[i] = (struct cf_blob_rlimit) {.resource = word->resource, .soft = limit->soft, .hard = limit->hard};
    }
    ref = cf_blob_add_array(plan->blob, list, p->n_rlimits, sizeof(*list));
    cf_blob_header(plan->blob)->rlimits = ref;
    return 0;
}

static int plan_terminal(const struct ocispec_process *p, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_console_size *size = p->console_size;

    plan->terminal = p->terminal;
    if (!p->terminal)
        return 0;
    cf_plan_set_flag(plan, CF_BLOB_TERMINAL);
    if (!size)
        return 0;
    if (size->width > MAX_CONSOLE || size->height > MAX_CONSOLE)
        return cf_err_config(err, "console-size", "process.consoleSize", "width and height are at most %d", MAX_CONSOLE);
    cf_blob_header(plan->blob)->console_width = (uint32_t) size->width;
    cf_blob_header(plan->blob)->console_height = (uint32_t) size->height;
    return 0;
}

int cf_process_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_process *p = in->spec->config->process;
    cf_str keyring = 0;
    int r;

    if (!in->options->no_new_keyring) {
        keyring = cf_blob_printf(plan->blob, "_ses.%s", in->id);
        cf_plan_set_flag(plan, CF_BLOB_NEW_KEYRING);
    }
    cf_blob_header(plan->blob)->keyring_name = keyring;
    cf_blob_header(plan->blob)->preserve_fds = in->options->preserve_fds;
    /* linux.personality and linux.memoryPolicy are about the process, too. */
    r = cf_sched_plan_build(in, plan, err);
    if (r < 0 || !p)
        return r;

    cf_plan_set_flag(plan, CF_BLOB_HAS_PROCESS);
    if (p->no_new_privileges)
        cf_plan_set_flag(plan, CF_BLOB_NO_NEW_PRIVS);
    r = plan_args(p, plan, err);
    if (r >= 0)
        r = plan_env(in, p, plan, err);
    if (r >= 0)
        r = plan_user(in, p, plan, err);
    if (r >= 0)
        r = plan_rlimits(in, p, plan, err);
    if (r >= 0)
        r = plan_terminal(p, plan, err);
    if (r < 0)
        return r;
    if (p->has_oom_score_adj) {
        if (p->oom_score_adj < -1000 || p->oom_score_adj > 1000)
            return cf_err_config(err, "oom-score-adj", "process.oomScoreAdj", "%d is outside -1000 to 1000",
                                 p->oom_score_adj);
        plan->has_oom_score_adj = true;
        plan->oom_score_adj = p->oom_score_adj;
    }
    return 0;
}
