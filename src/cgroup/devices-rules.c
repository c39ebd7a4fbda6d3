/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.resources.devices -> a device policy: the config's rules, then the devices every container
 * needs, without rules that later ones supersede. Pure, host side. Without any rule the answer is
 * no (rule R28).
 */

#include <errno.h>
#include <string.h>

#include "cgroup/res.h"

/* Appended after the config's rules, as the spec's default devices must work in any case. */
static const struct cf_device_rule default_rules[] = {
    {true, 'c', CF_DEVNUM_ALL, CF_DEVNUM_ALL, CF_DEVACC_MKNOD},
    {true, 'b', CF_DEVNUM_ALL, CF_DEVNUM_ALL, CF_DEVACC_MKNOD},
    {true, 'c', 1, 3, CF_DEVACC_ANY},               /* /dev/null */
    {true, 'c', 1, 5, CF_DEVACC_ANY},               /* /dev/zero */
    {true, 'c', 1, 7, CF_DEVACC_ANY},               /* /dev/full */
    {true, 'c', 1, 8, CF_DEVACC_ANY},               /* /dev/random */
    {true, 'c', 1, 9, CF_DEVACC_ANY},               /* /dev/urandom */
    {true, 'c', 5, 0, CF_DEVACC_ANY},               /* /dev/tty */
    {true, 'c', 5, 2, CF_DEVACC_ANY},               /* /dev/ptmx */
    {true, 'c', 136, CF_DEVNUM_ALL, CF_DEVACC_ANY}, /* /dev/pts */
    {true, 'c', 10, 200, CF_DEVACC_ANY},            /* /dev/net/tun */
};

#define N_DEFAULT_RULES (sizeof(default_rules) / sizeof(default_rules[0]))

static int rule_error(struct cf_err *err, size_t i, const char *member, const char *text)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "device-rule", -EINVAL,
                      "linux.resources.devices[%zu].%s: %s", i, member, text);
    cf_err_field(err, "linux.resources.devices[%zu].%s", i, member);
    return -EINVAL;
}

static int take_number(bool has, int64_t v, size_t i, const char *member, int64_t *ret,
                       struct cf_err *err)
{
    if (has && (v < -1 || v > (int64_t) UINT32_MAX))
        return rule_error(err, i, member, "must be -1 (all) or a device number");
    *ret = has ? v : CF_DEVNUM_ALL;
    return 0;
}

static int take_access(const char *access, size_t i, uint32_t *ret, struct cf_err *err)
{
    uint32_t bits = 0;

    if (!access) {
        *ret = CF_DEVACC_ANY;
        return 0;
    }
    for (const char *p = access; *p; p++) {
        if (*p == 'r')
            bits |= CF_DEVACC_READ;
        else if (*p == 'w')
            bits |= CF_DEVACC_WRITE;
        else if (*p == 'm')
            bits |= CF_DEVACC_MKNOD;
        else
            return rule_error(err, i, "access", "only the letters r, w and m have a meaning");
    }
    if (bits == 0)
        return rule_error(err, i, "access", "cannot be empty; leave it out for all access");
    *ret = bits;
    return 0;
}

static int take_rule(const struct ocispec_device_rule *from, size_t i, struct cf_device_rule *ret,
                     struct cf_err *err)
{
    const char *type = from->type ? from->type : "a";
    int r;

    if (strcmp(type, "a") != 0 && strcmp(type, "b") != 0 && strcmp(type, "c") != 0)
        return rule_error(err, i, "type", "invalid cgroup device type");
    ret->allow = from->allow;
    ret->type = type[0];
    r = take_number(from->has_major, from->major, i, "major", &ret->major, err);
    if (r < 0)
        return r;
    r = take_number(from->has_minor, from->minor, i, "minor", &ret->minor, err);
    if (r < 0)
        return r;
    return take_access(from->access, i, &ret->access, err);
}

static bool is_for_everything(const struct cf_device_rule *rule)
{
    return rule->type == 'a' && rule->major == CF_DEVNUM_ALL && rule->minor == CF_DEVNUM_ALL &&
           rule->access == CF_DEVACC_ANY;
}

/* Every request bit that @a would decide, @b decides too. */
static bool covers(const struct cf_device_rule *b, const struct cf_device_rule *a)
{
    return (b->type == 'a' || b->type == a->type) &&
           (b->major == CF_DEVNUM_ALL || b->major == a->major) &&
           (b->minor == CF_DEVNUM_ALL || b->minor == a->minor) && (a->access & ~b->access) == 0;
}

/* Drops what can have no effect: the program runs at every open of a device. */
static void prune(struct cf_device_policy *policy)
{
    struct cf_device_rule *rules = policy->rules;
    size_t n = 0;

    for (size_t i = 0; i < policy->n; i++) {
        bool superseded = false;

        for (size_t j = i + 1; j < policy->n && !superseded; j++)
            superseded = covers(&rules[j], &rules[i]);
        /* What the default says anyway needs no rule as long as no other rule came before. */
        if (superseded || (n == 0 && rules[i].allow == policy->default_allow))
            continue;
        rules[n++] = rules[i];
    }
    policy->n = n;
}

int cf_cgroup_devices_build(const struct ocispec_resources *res, struct cf_arena *arena,
                            struct cf_device_policy *ret, struct cf_err *err)
{
    size_t n_config = res ? res->n_devices : 0;
    struct cf_device_policy policy = {.default_allow = false};

    policy.rules = cf_arena_calloc(arena, n_config + N_DEFAULT_RULES, sizeof(*policy.rules));
    if (!policy.rules)
        return cf_err_oom(err);
    for (size_t i = 0; i < n_config; i++) {
        struct cf_device_rule rule;
        int r = take_rule(&res->devices[i], i, &rule, err);

        if (r < 0)
            return r;
        if (is_for_everything(&rule)) {
            policy.default_allow = rule.allow;
            policy.n = 0;
            continue;
        }
        policy.rules[policy.n++] = rule;
    }
    for (size_t i = 0; i < N_DEFAULT_RULES; i++)
        policy.rules[policy.n++] = default_rules[i];
    prune(&policy);
    *ret = policy;
    return 0;
}
