/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Scheduler, I/O priority, personality and memory policy: words to the kernel's numbers. Pure, host
 * side.
 */

#include "process/sched-plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <string.h>

#include "base/str.h"
#include "plan/input.h"

#define MAX_NODES 1024 /* MAX_NUMNODES of every configuration */
#define NODE_WORDS (MAX_NODES / 64)
#define IOPRIO_SHIFT 13

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif
#ifndef SCHED_ISO
#define SCHED_ISO 4
#endif

static const struct cf_sched_word policies[] = {
    {"SCHED_OTHER", SCHED_OTHER}, {"SCHED_FIFO", SCHED_FIFO}, {"SCHED_RR", SCHED_RR},
    {"SCHED_BATCH", SCHED_BATCH}, {"SCHED_ISO", SCHED_ISO},   {"SCHED_IDLE", SCHED_IDLE},
    {"SCHED_DEADLINE", SCHED_DEADLINE},
};

static const struct cf_sched_word sched_flags[] = {
    {"SCHED_FLAG_RESET_ON_FORK", 0x01}, {"SCHED_FLAG_RECLAIM", 0x02},        {"SCHED_FLAG_DL_OVERRUN", 0x04},
    {"SCHED_FLAG_KEEP_POLICY", 0x08},   {"SCHED_FLAG_KEEP_PARAMS", 0x10},    {"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
};

static const struct cf_sched_word io_classes[] = {
    {"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3},
};

static const struct cf_sched_word personalities[] = {{"LINUX", 0x0000}, {"LINUX32", 0x0008}};

/* By number: the newer ones are not in every header. */
static const struct cf_sched_word memory_modes[] = {
    {"MPOL_DEFAULT", 0}, {"MPOL_PREFERRED", 1},      {"MPOL_BIND", 2},
    {"MPOL_INTERLEAVE", 3}, {"MPOL_LOCAL", 4},       {"MPOL_PREFERRED_MANY", 5},
    {"MPOL_WEIGHTED_INTERLEAVE", 6},
};

static const struct cf_sched_word memory_flags[] = {
    {"MPOL_F_STATIC_NODES", 1 << 15}, {"MPOL_F_RELATIVE_NODES", 1 << 14}, {"MPOL_F_NUMA_BALANCING", 1 << 13},
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define FIND(table, name) find_word((table), COUNT(table), (name))

const struct cf_sched_word *cf_sched_memory_modes(size_t *ret_n)
{
    *ret_n = COUNT(memory_modes);
    return memory_modes;
}

const struct cf_sched_word *cf_sched_memory_flags(size_t *ret_n)
{
    *ret_n = COUNT(memory_flags);
    return memory_flags;
}

/* The value, or -1. */
static int64_t find_word(const struct cf_sched_word *table, size_t n, const char *name)
{
    for (size_t i = 0; name && i < n; i++) {
        if (strcmp(table[i].name, name) == 0)
            return table[i].value;
    }
    return -1;
}

static int plan_scheduler(const struct ocispec_scheduler *s, struct cf_blob_sched *ret, struct cf_err *err)
{
    int64_t policy = FIND(policies, s->policy), flag;

    if (cf_str_empty(s->policy))
        return cf_err_config(err, "sched-policy", "process.scheduler.policy", "scheduler policy is required");
    if (policy < 0)
        return cf_err_config(err, "sched-policy", "process.scheduler.policy", "invalid scheduler policy: %s", s->policy);
    if (policy == SCHED_ISO)
        return cf_err_config(err, "sched-policy", "process.scheduler.policy", "Linux has no SCHED_ISO");
    if (s->nice < -20 || s->nice > 19)
        return cf_err_config(err, "sched-nice", "process.scheduler.nice", "invalid scheduler.nice: %d", s->nice);
    if (s->priority && policy != SCHED_FIFO && policy != SCHED_RR)
        return cf_err_config(err, "sched-priority", "process.scheduler.priority",
                             "scheduler.priority can only be specified for SCHED_FIFO or SCHED_RR policy");
    if (s->priority < 0 || s->priority > 99)
        return cf_err_config(err, "sched-priority", "process.scheduler.priority", "%d is outside 1 to 99", s->priority);
    if ((s->runtime || s->deadline || s->period) && policy != SCHED_DEADLINE)
        return cf_err_config(err, "sched-deadline", "process.scheduler",
                             "scheduler runtime/deadline/period can only be specified for SCHED_DEADLINE policy");
    ret->set = 1;
    ret->policy = (uint32_t) policy;
    ret->nice = s->nice;
    ret->priority = (uint32_t) s->priority;
    ret->runtime = s->runtime;
    ret->deadline = s->deadline;
    ret->period = s->period;
    for (size_t i = 0; i < s->n_flags; i++) {
        flag = FIND(sched_flags, s->flags[i]);
        if (flag < 0)
            return cf_err_config(err, "sched-flag", "process.scheduler.flags", "invalid scheduler flag: %s", s->flags[i]);
        ret->flags |= (uint64_t) flag;
    }
    return 0;
}

static int plan_io_priority(const struct ocispec_io_priority *io, int32_t *ret, struct cf_err *err)
{
    int64_t class = FIND(io_classes, io->class);

    if (class < 0)
        return cf_err_config(err, "ioprio-class", "process.ioPriority.class", "invalid ioPriority.Class: %s",
                             io->class ? io->class : "");
    if (io->priority < 0 || io->priority > 7)
        return cf_err_config(err, "ioprio-priority", "process.ioPriority.priority", "invalid ioPriority.Priority: %d",
                             io->priority);
    *ret = (int32_t) (class << IOPRIO_SHIFT | io->priority);
    return 0;
}

/* One number of a list; moves *@s behind it. Return: it, or -EINVAL. */
static int list_number(const char **s)
{
    int n = 0;

    if (**s < '0' || **s > '9')
        return -EINVAL;
    for (; **s >= '0' && **s <= '9'; (*s)++) {
        n = n * 10 + (**s - '0');
        if (n >= MAX_NODES)
            return -EINVAL;
    }
    return n;
}

/* "0-3,7" */
static int parse_nodes(const char *s, uint64_t *words)
{
    for (;;) {
        int first = list_number(&s), last = first;

        if (first < 0)
            return -EINVAL;
        if (*s == '-') {
            s++;
            last = list_number(&s);
            if (last < first)
                return -EINVAL;
        }
        for (int i = first; i <= last; i++)
            words[i / 64] |= UINT64_C(1) << (i % 64);
        if (*s == '\0')
            return 0;
        if (*s++ != ',')
            return -EINVAL;
    }
}

static int plan_memory(const struct ocispec_memory_policy *m, struct cf_plan *plan, struct cf_err *err)
{
    int64_t mode = FIND(memory_modes, m->mode), flags = 0, flag;
    uint64_t words[NODE_WORDS] = {0};
    bool nodes = !cf_str_empty(m->nodes);
    size_t n = 0;
    struct cf_ref ref;

    if (mode < 0)
        return cf_err_config(err, "mempolicy-mode", "linux.memoryPolicy.mode", "invalid memory policy mode: %s",
                             m->mode ? m->mode : "");
    if (nodes && (strcmp(m->mode, "MPOL_DEFAULT") == 0 || strcmp(m->mode, "MPOL_LOCAL") == 0))
        return cf_err_config(err, "mempolicy-nodes", "linux.memoryPolicy.nodes", "mode %s takes no nodes", m->mode);
    if (!nodes && mode > 1 && strcmp(m->mode, "MPOL_LOCAL") != 0)
        return cf_err_config(err, "mempolicy-nodes", "linux.memoryPolicy.nodes", "mode %s needs nodes", m->mode);
    if (nodes && parse_nodes(m->nodes, words) < 0)
        return cf_err_config(err, "mempolicy-nodes", "linux.memoryPolicy.nodes", "`%s` is not a list of nodes", m->nodes);
    for (size_t i = 0; i < m->n_flags; i++) {
        flag = FIND(memory_flags, m->flags[i]);
        if (flag < 0)
            return cf_err_config(err, "mempolicy-flag", "linux.memoryPolicy.flags", "invalid memory policy flag: %s",
                                 m->flags[i]);
        flags |= flag;
    }
    if ((flags & (1 << 15)) && (flags & (1 << 14)))
        return cf_err_config(err, "mempolicy-flag", "linux.memoryPolicy.flags",
                             "MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other");
    for (size_t i = 0; i < NODE_WORDS; i++)
        n = words[i] ? i + 1 : n;
    ref = cf_blob_add_array(plan->blob, words, n, sizeof(words[0]));
    cf_blob_header(plan->blob)->mempolicy_nodes = ref;
    cf_blob_header(plan->blob)->mempolicy_mode = (int32_t) (mode | flags);
    return 0;
}

/*
 * Above what the caller has itself it takes CAP_SYS_NICE in the initial user namespace: init of a container with a
 * user namespace has no use of its own. And a process that is yet to clone itself may not be able to any more
 * (SCHED_DEADLINE), or would lose it (SCHED_FLAG_RESET_ON_FORK).
 */
static bool is_for_the_host(const struct cf_plan_input *in, const struct cf_blob_header *h)
{
    return (h->sched.set || h->ioprio != -1) && !in->facts->in_userns &&
           (in->facts->cap_effective & (UINT64_C(1) << CAP_SYS_NICE)) &&
           (h->flags & (CF_BLOB_USERNS | CF_BLOB_EXEC | CF_BLOB_PIDNS_JOINED));
}

int cf_sched_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_process *p = in->spec->config->process;
    const struct ocispec_linux *l = cf_plan_linux(in);
    struct cf_blob_header *h = cf_blob_header(plan->blob);
    int r = 0;

    h->ioprio = -1;
    h->personality = UINT32_MAX;
    h->mempolicy_mode = -1;
    if (p && p->scheduler)
        r = plan_scheduler(p->scheduler, &h->sched, err);
    if (r >= 0 && p && p->io_priority)
        r = plan_io_priority(p->io_priority, &h->ioprio, err);
    if (r >= 0 && is_for_the_host(in, h))
        h->flags |= CF_BLOB_HOST_SCHED;
    if (r >= 0 && l && l->personality) {
        int64_t domain = FIND(personalities, l->personality->domain);

        if (domain < 0)
            return cf_err_config(err, "personality-domain", "linux.personality.domain", "invalid personality domain %s",
                                 l->personality->domain ? l->personality->domain : "");
        if (l->personality->n_flags)
            return cf_err_config(err, "personality-flags", "linux.personality.flags", "no flag is defined");
        h->personality = (uint32_t) domain;
    }
    if (r >= 0 && l && l->memory_policy)
        r = plan_memory(l->memory_policy, plan, err);
    return r;
}
