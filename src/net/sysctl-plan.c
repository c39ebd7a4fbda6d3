/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.sysctl, hostname, domainname. Pure, host side.
 *
 * Only keys that belong to a namespace of the container's own are accepted (rule R9); anything else
 * would change the host. A namespace that is joined counts as its own: whether it is not in truth
 * the runtime's is checked when it is opened (cf_ns_host_open()).
 */

#include "net/net.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "base/str.h"
#include "path/path.h"
#include "plan/input.h"
#include "sys/task.h"

#define MAX_NAME 64 /* __NEW_UTS_LEN */

struct sysctl_rule {
    const char *path; /* ends in '/': everything below */
    int type;
};

static const struct sysctl_rule sysctl_rules[] = {
    {"net/", CLONE_NEWNET},
    {"user/", CLONE_NEWUSER},
    {"fs/mqueue/", CLONE_NEWIPC},
    {"kernel/msgmax", CLONE_NEWIPC},
    {"kernel/msgmnb", CLONE_NEWIPC},
    {"kernel/msgmni", CLONE_NEWIPC},
    {"kernel/sem", CLONE_NEWIPC},
    {"kernel/shmall", CLONE_NEWIPC},
    {"kernel/shmmax", CLONE_NEWIPC},
    {"kernel/shmmni", CLONE_NEWIPC},
    {"kernel/shm_rmid_forced", CLONE_NEWIPC},
    {"kernel/domainname", CLONE_NEWUTS},
};

static int sysctl_error(const char *key, const char *code, const char *text, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, code, -EINVAL, "sysctl \"%s\" %s", key, text);
    cf_err_field(err, "linux.sysctl.%s", key);
    return -EINVAL;
}

/*
 * As sysctl(8) reads keys: the separator is whichever of '.' and '/' comes first, and the other one
 * is then part of a name ("net.ipv4.conf.eth0/1.forwarding" has the interface "eth0.1").
 */
static int key_path(const struct cf_plan_input *in, const char *key, const char **ret, struct cf_err *err)
{
    char *path = cf_arena_strdup(in->arena, key), *part, *end;
    size_t first = strcspn(key, "./");

    if (!path)
        return cf_err_oom(err);
    if (key[first] == '.') {
        for (char *p = path; *p; p++)
            *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
    }
    for (part = path; part; part = end ? end + 1 : NULL) {
        bool ok;

        end = strchr(part, '/');
        if (end)
            *end = '\0';
        ok = cf_path_component_ok(part);
        if (end)
            *end = '/';
        if (!ok)
            return sysctl_error(key, "sysctl-key", "is not a valid key", err);
    }
    *ret = path;
    return 0;
}

static int owner_of(const char *path)
{
    for (size_t i = 0; i < sizeof(sysctl_rules) / sizeof(sysctl_rules[0]); i++) {
        const char *rule = sysctl_rules[i].path;

        if (cf_str_ends_with(rule, "/") ? cf_str_starts_with(path, rule) : strcmp(path, rule) == 0)
            return sysctl_rules[i].type;
    }
    return 0;
}

/* Who is root of a new user namespace is nobody in what was there before. */
static bool is_foreign(const struct cf_plan *plan, int type)
{
    return plan->userns.mode == CF_USERNS_NEW && !(plan->ns.new_flags & (uint64_t) type);
}

/* Beyond the first user namespace nobody knows who owns it. */
static bool host_may(const struct cf_plan_input *in)
{
    return (in->facts->cap_effective & (UINT64_C(1) << CAP_SYS_ADMIN)) && !in->facts->in_userns;
}

static int plan_names(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_config *config = in->spec->config;
    const struct {
        const char *field, *value;
    } names[] = {{"hostname", config->hostname}, {"domainname", config->domainname}};
    cf_str text[2] = {0, 0};

    for (unsigned int i = 0; i < 2; i++) {
        if (cf_str_empty(names[i].value))
            continue;
        if (!(plan->ns.listed & CLONE_NEWUTS))
            return cf_err_config(err, "needs-uts", names[i].field,
                                 "unable to set %s without a private UTS namespace", names[i].field);
        if (is_foreign(plan, CLONE_NEWUTS)) {
            (void) cf_err_config(err, "uts-foreign", names[i].field,
                                 "the uts namespace that is joined belongs to another user namespace");
            cf_err_hint(err, "leave it out, or join that user namespace too");
            return err->ret;
        }
        if (strlen(names[i].value) > MAX_NAME)
            return cf_err_config(err, "uts-too-long", names[i].field, "it is longer than %d bytes", MAX_NAME);
        text[i] = cf_blob_add_str(plan->blob, names[i].value);
    }
    cf_blob_header(plan->blob)->hostname = text[0];
    cf_blob_header(plan->blob)->domainname = text[1];
    return 0;
}

/* Return: 1 if @ret was filled, 0 if the host writes it. */
static int plan_one(const struct cf_plan_input *in, struct cf_plan *plan, const char *key, const char *value,
                    struct cf_blob_sysctl *ret, struct cf_err *err)
{
    const char *path = "";
    int type, r;

    r = key_path(in, key, &path, err);
    if (r < 0)
        return r;
    if (strcmp(path, "kernel/hostname") == 0)
        return sysctl_error(key, "sysctl-hostname", "is set with the key hostname of config.json", err);
    type = owner_of(path);
    if (!type || !(plan->ns.listed & (uint64_t) type))
        return sysctl_error(key, "sysctl-not-namespaced", "is not in a separate kernel namespace", err);
    if (strpbrk(value, "\r\n"))
        return sysctl_error(key, "sysctl-value", "has a line break in its value", err);
    if (is_foreign(plan, type) && host_may(in)) {
        plan->host_sysctls[plan->n_host_sysctls++] =
            (struct cf_host_sysctl) {.key = key, .path = path, .value = value, .ns = type};
        return 0;
    }
    if (is_foreign(plan, type)) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "sysctl-foreign", -EINVAL,
                          "sysctl \"%s\": the %s namespace that is joined belongs to another user namespace", key,
                          cf_ns_name_of(type));
        cf_err_field(err, "linux.sysctl.%s", key);
        cf_err_hint(err, "set it where that namespace was made, or join its user namespace too");
        return -EINVAL;
    }
    ret->path = cf_blob_add_str(plan->blob, path);
    ret->value = cf_blob_add_str(plan->blob, value);
    ret->key = cf_blob_add_str(plan->blob, key);
    return 1;
}

int cf_sysctl_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_linux *l = cf_plan_linux(in);
    const struct ocispec_string_map *map = l ? l->sysctl : NULL;
    struct cf_blob_sysctl defaults[CF_BUDGET_COUNT], *list, *first;
    size_t n = map ? map->n : 0, n_list = 0;
    struct cf_ref ref;
    int r;

    r = plan_names(in, plan, err);
    if (r >= 0)
        r = cf_budget_plan_defaults(in, plan, defaults, err);
    if (r < 0)
        return r;
    if (r == 0 && n == 0)
        return 0;
    first = cf_arena_calloc(in->arena, CF_BUDGET_COUNT + n, sizeof(*first));
    if (!first)
        return cf_err_oom(err);
    list = first + CF_BUDGET_COUNT;
    first = list;
    plan->host_sysctls = cf_arena_calloc(in->arena, n + 1, sizeof(*plan->host_sysctls));
    if (!plan->host_sysctls)
        return cf_err_oom(err);
    for (size_t i = 0; i < n; i++) {
        int q = plan_one(in, plan, map->keys[i], map->values[i], &list[n_list], err);

        if (q < 0)
            return q;
        n_list += (size_t) q;
    }
    n = n_list;
    /* Defaults come first, those that the configuration leaves. Equal strings of the blob are one. */
    while (r-- > 0) {
        bool set = false;

        for (size_t i = 0; i < n && !set; i++)
            set = list[i].path == defaults[r].path;
        if (!set)
            *--first = defaults[r];
    }
    ref = cf_blob_add_array(plan->blob, first, (size_t) (list - first) + n, sizeof(*first));
    cf_blob_header(plan->blob)->sysctls = ref;
    return 0;
}
