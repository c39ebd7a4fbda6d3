/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who listens to SCMP_ACT_NOTIFY, and which calls a profile may be notified of (runtime-spec:
 * config-linux.md, "Seccomp").
 *
 * coffer-init works under the filter itself, between seccomp(2) and execve(2). A call of its own that is
 * notified of stops it before anybody holds the listener, and nobody could ever answer; or it hands to the
 * listener what was never meant as the container's doing. Such a rule is refused with its place. With
 * no_new_privs the filter is installed last, and only three calls are left.
 *
 * Pure, host side.
 */

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include "base/format.h"
#include "base/str.h"
#include "seccomp/seccomp-names.h"
#include "seccomp/seccomp.h"

#define RECEIVER "run.oci.seccomp.receiver"
#define ANY UINT32_MAX

struct own_call {
    const char *name;
    uint32_t value; /* of argument @index; ANY: nothing is known */
    uint32_t index;
};

/* From the installation on, in any case. Other runtimes cannot have `write` notified of, so nobody's profile
 * means it. */
static const struct own_call last_calls[] = {
    {"sendmsg", ANY, 0}, {"recvmsg", ANY, 0}, {"execve", ANY, 0}, {"write", ANY, 0},
};

/* Without no_new_privs: before the listener is handed on, and at the gate (see seccomp-run.c). */
static const struct own_call early_calls[] = {
    {"prctl", PR_SET_KEEPCAPS, 0}, {"prctl", PR_SET_DUMPABLE, 0}, {"prctl", PR_CAP_AMBIENT, 0},
    {"setgroups", ANY, 0}, {"getgroups", ANY, 0}, {"setresgid", ANY, 0}, {"setresuid", ANY, 0},
    {"getresuid", ANY, 0}, {"getresgid", ANY, 0}, {"capset", ANY, 0}, {"capget", ANY, 0},
    {"chdir", ANY, 0}, {"getcwd", ANY, 0}, {"umask", ANY, 0}, {"openat", ANY, 0},
    {"openat2", ANY, 0}, {"faccessat2", ANY, 0}, {"fstat", ANY, 0}, {"fstatfs", ANY, 0},
    {"newfstatat", ANY, 0}, {"statx", ANY, 0}, {"read", ANY, 0}, {"close", ANY, 0},
    {"close_range", ANY, 0}, {"signalfd4", ANY, 0}, {"madvise", ANY, 0}, {"ppoll", ANY, 0},
    {"accept4", ANY, 0}, {"fcntl", ANY, 0}, {"wait4", ANY, 0}, {"pipe2", ANY, 0}, {"clone", ANY, 0},
    {"setsid", ANY, 0}, {"dup3", ANY, 0}, {"prlimit64", ANY, 0}, {"rt_sigaction", ANY, 0},
    {"rt_sigprocmask", ANY, 0}, {"mmap", ANY, 0}, {"ioctl", TIOCSCTTY, 1},
};

enum match { NEVER, PERHAPS, ALWAYS };

static bool holds(const struct ocispec_seccomp_arg *arg, uint64_t value)
{
    const struct cf_seccomp_name *table, *op;
    size_t n;

    table = cf_seccomp_ops(&n);
    op = cf_seccomp_find(table, n, arg->op);
    switch (op ? op->value : 0) {
    case CF_SECCOMP_OP_NE: return value != arg->value;
    case CF_SECCOMP_OP_LT: return value < arg->value;
    case CF_SECCOMP_OP_LE: return value <= arg->value;
    case CF_SECCOMP_OP_EQ: return value == arg->value;
    case CF_SECCOMP_OP_GE: return value >= arg->value;
    case CF_SECCOMP_OP_GT: return value > arg->value;
    default: return (value & arg->value) == arg->value_two;
    }
}

/* Conditions of one rule are and-ed, but or-ed where they are about the same argument. */
static enum match match_args(const struct ocispec_seccomp_syscall *rule, const struct own_call *call)
{
    bool twice = false, any = false, all = true;

    for (size_t i = 0; i < rule->n_args; i++)
        for (size_t j = 0; j < i; j++)
            twice |= rule->args[i].index == rule->args[j].index;
    for (size_t i = 0; i < rule->n_args; i++) {
        bool known = call->value != ANY && rule->args[i].index == call->index;
        bool possible = !known || holds(&rule->args[i], call->value);

        any |= possible;
        all &= possible;
    }
    if (rule->n_args == 0)
        return ALWAYS;
    return (twice ? any : all) ? PERHAPS : NEVER;
}

static bool names(const struct ocispec_seccomp_syscall *rule, const char *name)
{
    for (size_t i = 0; i < rule->n_names; i++)
        if (strcmp(rule->names[i], name) == 0)
            return true;
    return false;
}

/* The first rule that applies decides; one with the default action does nothing. */
static int check_call(const struct ocispec_seccomp *profile, const struct own_call *call, struct cf_err *err)
{
    for (size_t i = 0; i < profile->n_syscalls; i++) {
        const struct ocispec_seccomp_syscall *rule = &profile->syscalls[i];
        enum match match;
        char field[64];
        int r;

        if (!names(rule, call->name) || strcmp(rule->action, profile->default_action) == 0)
            continue;
        match = match_args(rule, call);
        if (match != NEVER && cf_seccomp_action(rule->action, false, 0) == SECCOMP_RET_USER_NOTIF) {
            (void) cf_format(field, sizeof(field), "linux.seccomp.syscalls[%zu]", i);
            r = cf_err_config(err, "seccomp-notify-call", field,
                              "`SCMP_ACT_NOTIFY` for `%s` would stop container init itself, before the listener can "
                              "answer", call->name);
            cf_err_hint(err, "allow the call%s", match == PERHAPS ? ", or narrow the conditions" : "");
            return r;
        }
        if (match == ALWAYS)
            return 0;
    }
    return 0;
}

static int check_calls(const struct ocispec_seccomp *profile, const struct own_call *calls, size_t n,
                       struct cf_err *err)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++)
        r = check_call(profile, &calls[i], err);
    return r;
}

static const char *annotation(const struct ocispec_config *config, const char *key)
{
    const struct ocispec_string_map *map = config->annotations;

    for (size_t i = 0; map && i < map->n; i++)
        if (strcmp(map->keys[i], key) == 0)
            return map->values[i];
    return NULL;
}

static int find_listener(const struct ocispec_config *config, const char *fallback, struct cf_seccomp_listener *ret,
                         struct cf_err *err)
{
    const struct ocispec_seccomp *profile = config->linux->seccomp;

    ret->path = profile->listener_path;
    ret->field = "linux.seccomp.listenerPath";
    if (cf_str_empty(ret->path)) {
        ret->path = annotation(config, RECEIVER);
        ret->field = "annotations[\"" RECEIVER "\"]";
    }
    if (cf_str_empty(ret->path)) {
        ret->path = fallback;
        ret->field = NULL;
    }
    if (cf_str_empty(ret->path))
        return cf_err_config(err, "seccomp-listener", "linux.seccomp.listenerPath",
                             "must be set, because a rule has the action `SCMP_ACT_NOTIFY`");
    if (ret->path[0] != '/')
        return cf_err_config(err, "seccomp-listener", ret->field ? ret->field : "RUN_OCI_SECCOMP_RECEIVER",
                             "`%s` is not an absolute path", ret->path);
    ret->metadata = cf_str_empty(profile->listener_metadata) ? NULL : profile->listener_metadata;
    return 0;
}

int cf_seccomp_listener_plan(const struct ocispec_config *config, bool no_new_privs, const char *fallback,
                             struct cf_seccomp_listener *ret, struct cf_err *err)
{
    const struct ocispec_seccomp *profile = config->linux ? config->linux->seccomp : NULL;
    int r;

    *ret = (struct cf_seccomp_listener){0};
    if (!profile || !cf_seccomp_notifies(profile))
        return 0;
    r = check_calls(profile, last_calls, sizeof(last_calls) / sizeof(last_calls[0]), err);
    if (r >= 0 && !no_new_privs) {
        r = check_calls(profile, early_calls, sizeof(early_calls) / sizeof(early_calls[0]), err);
        if (r < 0)
            cf_err_hint(err, "allow the call, or set process.noNewPrivileges: then the filter is installed last");
    }
    return r < 0 ? r : find_listener(config, fallback, ret, err);
}
