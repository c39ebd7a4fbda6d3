/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* See exec-plan.h. */

#include "process/exec-plan.h"

#include <errno.h>
#include <string.h>

#include "path/path.h"

static size_t count(const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

/* The parser's lists are not const, but nobody writes to them. */
static char **unconst(const char *const *list)
{
    union {
        const char *const *in;
        char **out;
    } cast = {.in = list};

    return cast.out;
}

static void inherit_confinement(struct ocispec_process *p, const struct ocispec_process *from)
{
    if (!p->capabilities)
        p->capabilities = from->capabilities;
    if (!p->n_rlimits) {
        p->rlimits = from->rlimits;
        p->n_rlimits = from->n_rlimits;
    }
    if (!p->has_no_new_privileges) {
        p->has_no_new_privileges = from->has_no_new_privileges;
        p->no_new_privileges = from->no_new_privileges;
    }
    if (!p->apparmor_profile)
        p->apparmor_profile = from->apparmor_profile;
    if (!p->selinux_label)
        p->selinux_label = from->selinux_label;
    if (!p->has_oom_score_adj) {
        p->has_oom_score_adj = from->has_oom_score_adj;
        p->oom_score_adj = from->oom_score_adj;
    }
    if (!p->scheduler)
        p->scheduler = from->scheduler;
    if (!p->io_priority)
        p->io_priority = from->io_priority;
    if (!p->exec_cpu_affinity)
        p->exec_cpu_affinity = from->exec_cpu_affinity;
}

/* ---- environment ---- */

static bool same_name(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");

    return n == strcspn(b, "=") && memcmp(a, b, n) == 0;
}

/* Who reads the environment takes the first of a name: the earlier ones must go. */
static int merge_env(struct ocispec_process *p, const char *const *more, struct cf_arena *arena, struct cf_err *err)
{
    size_t n_more = count(more), n = 0;
    char **env;

    if (n_more == 0)
        return 0;
    env = cf_arena_calloc(arena, p->n_env + n_more, sizeof(*env));
    if (!env)
        return cf_err_oom(err);
    for (size_t i = 0; i < p->n_env; i++) {
        bool replaced = false;

        for (size_t k = 0; k < n_more && !replaced; k++)
            replaced = same_name(p->env[i], more[k]);
        if (!replaced)
            env[n++] = p->env[i];
    }
    for (size_t k = 0; k < n_more; k++) {
        bool replaced = false;

        /* Never the text itself in a message: it may be a secret. */
        if (more[k][0] == '=' || !strchr(more[k], '='))
            return cf_err_set(err, COFFER_ERROR_ARGUMENT, "env-syntax", -EINVAL,
                              "environment variable %zu: expected NAME=VALUE", k + 1);
        for (size_t later = k + 1; later < n_more && !replaced; later++)
            replaced = same_name(more[k], more[later]);
        if (!replaced)
            env[n++] = unconst(more)[k];
    }
    p->env = env;
    p->n_env = n;
    return 0;
}

/* ---- user ---- */

static int set_user(const struct coffer_exec_options *o, struct ocispec_process *p, struct cf_arena *arena,
                    struct cf_err *err)
{
    struct ocispec_user *user = cf_arena_alloc(arena, sizeof(*user));
    uint32_t *gids;
    size_t n;

    if (!user)
        return cf_err_oom(err);
    if (p->user)
        *user = *p->user;
    if (o->flags & COFFER_EXEC_UID)
        user->uid = o->uid;
    if (o->flags & COFFER_EXEC_GID)
        user->gid = o->gid;
    p->user = user;
    if (o->n_additional_gids == 0)
        return 0;
    n = user->n_additional_gids;
    gids = cf_arena_calloc(arena, n + o->n_additional_gids, sizeof(*gids));
    if (!gids)
        return cf_err_oom(err);
    if (n)
        memcpy(gids, user->additional_gids, n * sizeof(*gids));
    memcpy(gids + n, o->additional_gids, o->n_additional_gids * sizeof(*gids));
    user->additional_gids = gids;
    user->n_additional_gids = n + o->n_additional_gids;
    return 0;
}

/* ---- capabilities ---- */

static int add_words(char ***list, size_t *n, const char *const *more, struct cf_arena *arena, struct cf_err *err)
{
    size_t n_more = count(more), used = *n;
    char **words = cf_arena_calloc(arena, used + n_more, sizeof(*words));

    if (!words)
        return cf_err_oom(err);
    if (used)
        memcpy(words, *list, used * sizeof(*words));
    memcpy(words + used, more, n_more * sizeof(*words));
    *list = words;
    *n = used + n_more;
    return 0;
}

/* Never to the inheritable set, from which a file's own inheritable bits would make more than was asked for (R26). */
static int add_caps(const char *const *more, struct ocispec_process *p, struct cf_arena *arena, struct cf_err *err)
{
    struct ocispec_capabilities *caps;
    int r;

    if (count(more) == 0)
        return 0;
    caps = cf_arena_alloc(arena, sizeof(*caps));
    if (!caps)
        return cf_err_oom(err);
    if (p->capabilities)
        *caps = *p->capabilities;
    r = add_words(&caps->bounding, &caps->n_bounding, more, arena, err);
    if (r >= 0)
        r = add_words(&caps->effective, &caps->n_effective, more, arena, err);
    if (r >= 0)
        r = add_words(&caps->permitted, &caps->n_permitted, more, arena, err);
    p->capabilities = caps;
    for (size_t k = 0; r >= 0 && more[k]; k++) {
        const char *const one[] = {more[k], NULL};

        for (size_t i = 0; i < caps->n_inheritable; i++) {
            if (strcmp(caps->inheritable[i], more[k]) != 0)
                continue;
            r = add_words(&caps->ambient, &caps->n_ambient, one, arena, err);
            break;
        }
    }
    return r;
}

static char *dup_or(struct cf_arena *arena, const char *text, char *otherwise, struct cf_err *err)
{
    char *copy;

    if (!text)
        return otherwise;
    copy = cf_arena_strdup(arena, text);
    if (!copy)
        (void) cf_err_oom(err);
    return copy;
}

static int from_args(const struct coffer_exec_options *o, struct ocispec_process *p, struct cf_arena *arena,
                     struct cf_err *err)
{
    static char root_dir[] = "/";
    int r;

    if (o->cwd && !cf_path_is_absolute(o->cwd))
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "cwd-relative", -EINVAL, "Cwd must be an absolute path");
    p->args = unconst(o->args);
    p->n_args = count(o->args);
    p->has_terminal = true;
    p->terminal = o->flags & COFFER_EXEC_TTY;
    p->cwd = dup_or(arena, o->cwd, p->cwd ? p->cwd : root_dir, err);
    p->apparmor_profile = dup_or(arena, o->apparmor_profile, p->apparmor_profile, err);
    p->selinux_label = dup_or(arena, o->selinux_label, p->selinux_label, err);
    if (err->kind != COFFER_ERROR_NONE)
        return err->ret;
    if (o->flags & COFFER_EXEC_NO_NEW_PRIVS)
        p->has_no_new_privileges = p->no_new_privileges = true;
    r = merge_env(p, o->env, arena, err);
    if (r >= 0)
        r = set_user(o, p, arena, err);
    return r < 0 ? r : add_caps(o->caps, p, arena, err);
}

int cf_exec_plan_process(const struct coffer_exec_options *options, const struct ocispec_process *file,
                         const struct ocispec_config *config, struct cf_arena *arena, struct ocispec_process **ret,
                         struct cf_err *err)
{
    struct ocispec_process *p = cf_arena_alloc(arena, sizeof(*p));
    int r = 0;

    if (!p)
        return cf_err_oom(err);
    if (file) {
        *p = *file;
        if (config->process)
            inherit_confinement(p, config->process);
    } else {
        if (config->process)
            *p = *config->process;
        r = from_args(options, p, arena, err);
    }
    if (r < 0)
        return r;
    if (p->n_args == 0)
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "args-empty", -EINVAL, "exec args cannot be empty");
    /* Engines make 127 of these words. */
    if (!p->args[0][0])
        return cf_err_config(err, "args-empty", "process.args[0]", "exec: \"\": executable file not found in $PATH");
    *ret = p;
    return 0;
}
