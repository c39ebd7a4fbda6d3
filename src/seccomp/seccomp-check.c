/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rules for linux.seccomp that need neither libseccomp nor the kernel (runtime-spec: config-linux.md,
 * "Seccomp"). A profile that is wrong must not become a filter that is weaker than it looks. Pure.
 */

#include <errno.h>
#include <linux/seccomp.h>

#include "base/format.h"
#include "seccomp/seccomp-names.h"
#include "seccomp/seccomp.h"

#define FIELD_SIZE 96
#define MAX_ERRNO 4095 /* the kernel's own; larger values would be cut to it */
#define MAX_ARG 5

/* @errno_field: for the complaint about the value, which belongs to @action alone. */
static int check_action(const char *action, bool has_errno, uint32_t errno_ret, const char *field,
                        const char *errno_field, struct cf_err *err)
{
    const struct cf_seccomp_name *table, *entry;
    size_t n;

    table = cf_seccomp_actions(&n);
    entry = action ? cf_seccomp_find(table, n, action) : NULL;
    if (!entry)
        return cf_err_config(err, "seccomp-action", field, "unknown action `%s`", action ? action : "");
    if (!has_errno)
        return 0;
    if (entry->value != SECCOMP_RET_ERRNO && entry->value != SECCOMP_RET_TRACE)
        return cf_err_config(err, "seccomp-errno", errno_field, "`%s` takes no errno", action);
    if (errno_ret > MAX_ERRNO)
        return cf_err_config(err, "seccomp-errno", errno_field, "expected a number from 0 to %d, got %u", MAX_ERRNO,
                             errno_ret);
    return 0;
}

static bool is_notify(const char *action)
{
    return cf_seccomp_action(action, false, 0) == SECCOMP_RET_USER_NOTIF;
}

static int check_default(const struct ocispec_seccomp *profile, struct cf_err *err)
{
    static const char field[] = "linux.seccomp.defaultAction";
    int r;

    if (!profile->default_action || !profile->default_action[0])
        return cf_err_config(err, "seccomp-action", field, "must be set");
    r = check_action(profile->default_action, profile->has_default_errno_ret, profile->default_errno_ret, field,
                     "linux.seccomp.defaultErrnoRet", err);
    if (r < 0)
        return r;
    /* It would stop the very call that hands the listener over. */
    if (is_notify(profile->default_action)) {
        r = cf_err_config(err, "seccomp-notify", field,
                          "`SCMP_ACT_NOTIFY` cannot be the default action: it would stop the call that hands the "
                          "listener over");
        cf_err_hint(err, "name the system calls to be notified of in linux.seccomp.syscalls");
        return r;
    }
    return 0;
}

static int check_words(char *const *words, size_t n, const struct cf_seccomp_name *table, size_t n_table,
                       const char *field, const char *what, struct cf_err *err)
{
    char path[FIELD_SIZE];

    for (size_t i = 0; i < n; i++) {
        if (cf_seccomp_find(table, n_table, words[i]))
            continue;
        (void) cf_format(path, sizeof(path), "linux.seccomp.%s[%zu]", field, i);
        return cf_err_config(err, "seccomp-word", path, "unknown %s `%s`", what, words[i]);
    }
    return 0;
}

static int check_arg(const struct ocispec_seccomp_arg *arg, size_t i, size_t j, struct cf_err *err)
{
    const struct cf_seccomp_name *table;
    char path[FIELD_SIZE];
    size_t n;

    if (arg->index > MAX_ARG) {
        (void) cf_format(path, sizeof(path), "linux.seccomp.syscalls[%zu].args[%zu].index", i, j);
        return cf_err_config(err, "seccomp-index", path, "a system call has arguments 0 to %d, got %u", MAX_ARG,
                             arg->index);
    }
    table = cf_seccomp_ops(&n);
    if (!arg->op || !cf_seccomp_find(table, n, arg->op)) {
        (void) cf_format(path, sizeof(path), "linux.seccomp.syscalls[%zu].args[%zu].op", i, j);
        return cf_err_config(err, "seccomp-op", path, "unknown operator `%s`", arg->op ? arg->op : "");
    }
    return 0;
}

static int check_rule(const struct ocispec_seccomp_syscall *rule, size_t i, struct cf_err *err)
{
    char path[FIELD_SIZE], errno_path[FIELD_SIZE];
    int r;

    (void) cf_format(path, sizeof(path), "linux.seccomp.syscalls[%zu].names", i);
    if (rule->n_names == 0)
        return cf_err_config(err, "seccomp-names", path, "must name at least one system call");
    for (size_t j = 0; j < rule->n_names; j++) {
        if (rule->names[j][0])
            continue;
        (void) cf_format(path, sizeof(path), "linux.seccomp.syscalls[%zu].names[%zu]", i, j);
        return cf_err_config(err, "seccomp-names", path, "must not be empty");
    }
    (void) cf_format(path, sizeof(path), "linux.seccomp.syscalls[%zu].action", i);
    (void) cf_format(errno_path, sizeof(errno_path), "linux.seccomp.syscalls[%zu].errnoRet", i);
    r = check_action(rule->action, rule->has_errno_ret, rule->errno_ret, path, errno_path, err);
    if (r < 0)
        return r;
    for (size_t j = 0; j < rule->n_args; j++) {
        r = check_arg(&rule->args[j], i, j, err);
        if (r < 0)
            return r;
    }
    return 0;
}

bool cf_seccomp_notifies(const struct ocispec_seccomp *profile)
{
    for (size_t i = 0; i < profile->n_syscalls; i++)
        if (profile->syscalls[i].action && is_notify(profile->syscalls[i].action))
            return true;
    return false;
}

int cf_seccomp_check(const struct ocispec_seccomp *profile, struct cf_err *err)
{
    const struct cf_seccomp_name *table;
    size_t n;
    int r;

    r = check_default(profile, err);
    if (r < 0)
        return r;
    table = cf_seccomp_archs(&n);
    r = check_words(profile->architectures, profile->n_architectures, table, n, "architectures", "architecture", err);
    if (r < 0)
        return r;
    table = cf_seccomp_flags(&n);
    r = check_words(profile->flags, profile->n_flags, table, n, "flags", "flag", err);
    for (size_t i = 0; r >= 0 && i < profile->n_syscalls; i++)
        r = check_rule(&profile->syscalls[i], i, err);
    if (r < 0)
        return r;
    if (profile->listener_metadata && profile->listener_metadata[0] &&
        (!profile->listener_path || !profile->listener_path[0]))
        return cf_err_config(err, "seccomp-listener", "linux.seccomp.listenerMetadata",
                             "must not be set without listenerPath");
    return 0;
}
