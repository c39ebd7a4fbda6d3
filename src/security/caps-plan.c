/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * process.capabilities: five sets of names to five masks. Pure, host side.
 *
 * What the kernel does not know or the caller does not have is left out with a warning, as the
 * runtime-spec demands; sets that contradict each other are an error, because the kernel would only
 * say "operation not permitted" in the middle of the start.
 */

#include "security/security.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>

#include "base/str.h"
#include "plan/input.h"

/* By number, as in <linux/capability.h>. */
static const char *const cap_names[] = {
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};

#define N_CAPS (sizeof(cap_names) / sizeof(cap_names[0]))

int cf_cap_number(const char *name)
{
    int r = cf_str_index(cap_names, N_CAPS, name);

    return r < 0 ? -1 : r;
}

const char *cf_cap_name(unsigned cap)
{
    return cap < N_CAPS ? cap_names[cap] : NULL;
}

struct caps_build {
    const struct cf_plan_input *in;
    struct cf_plan *plan;
    uint64_t available; /* the kernel knows it and the caller can give it */
    uint64_t warned;
};

struct cap_set {
    const char *name;
    char *const *words;
    size_t n;
    uint64_t *ret;
};

static bool listed_before(const struct cap_set *sets, size_t set, size_t index)
{
    for (size_t i = 0; i <= set; i++) {
        for (size_t j = 0; j < sets[i].n && !(i == set && j == index); j++) {
            if (strcmp(sets[i].words[j], sets[set].words[index]) == 0)
                return true;
        }
    }
    return false;
}

static void take_set(struct caps_build *b, const struct cap_set *sets, size_t set)
{
    for (size_t i = 0; i < sets[set].n; i++) {
        const char *word = sets[set].words[i];
        int cap = cf_cap_number(word);
        uint64_t bit;

        if (cap < 0) {
            if (!listed_before(sets, set, i))
                cf_plan_warn(b->in, b->plan, "process.capabilities.%s: unknown capability `%s` is left out",
                             sets[set].name, word);
            continue;
        }
        bit = UINT64_C(1) << cap;
        if (b->available & bit) {
            *sets[set].ret |= bit;
        } else if (!(b->warned & bit)) {
            b->warned |= bit;
            cf_plan_warn(b->in, b->plan, "process.capabilities.%s: `%s` is left out: %s", sets[set].name, word,
                         (uint32_t) cap > b->in->facts->last_cap ? "this kernel does not have it"
                                                                 : "the caller does not have it");
        }
    }
}

/* Bits of *@set outside @limit go, with one warning each. */
static void limit_set(struct caps_build *b, const char *name, const char *why, uint64_t *set, uint64_t limit)
{
    for (unsigned int cap = 0; cap < N_CAPS; cap++) {
        if (*set & ~limit & (UINT64_C(1) << cap))
            cf_plan_warn(b->in, b->plan, "process.capabilities.%s: `%s` is left out: it is not %s", name,
                         cap_names[cap], why);
    }
    *set &= limit;
}

int cf_caps_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_process *process = in->spec->config->process;
    const struct ocispec_capabilities *c = process ? process->capabilities : NULL;
    uint64_t known = in->facts->last_cap >= 63 ? UINT64_MAX : (UINT64_C(1) << (in->facts->last_cap + 1)) - 1;
    struct cf_blob_caps caps = {.last_cap = in->facts->last_cap};
    struct caps_build b = {.in = in, .plan = plan, .available = known};

    cf_blob_header(plan->blob)->caps = caps;
    if (!process)
        return 0;
    if (!c) {
        cf_plan_warn(in, plan, "process.capabilities is absent: the process gets no capabilities");
        cf_plan_set_flag(plan, CF_BLOB_NO_CAPABILITIES);
        return 0;
    }
    /* Inside a user namespace of its own the container can have all. */
    if (plan->userns.mode == CF_USERNS_NONE)
        b.available &= in->facts->cap_bounding;

    const struct cap_set sets[] = {
        {"bounding", c->bounding, c->n_bounding, &caps.bounding},
        {"permitted", c->permitted, c->n_permitted, &caps.permitted},
        {"effective", c->effective, c->n_effective, &caps.effective},
        {"inheritable", c->inheritable, c->n_inheritable, &caps.inheritable},
        {"ambient", c->ambient, c->n_ambient, &caps.ambient},
    };

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        take_set(&b, sets, i);
    for (unsigned int cap = 0; cap < N_CAPS; cap++) {
        if (caps.effective & ~caps.permitted & (UINT64_C(1) << cap))
            return cf_err_config(err, "caps-effective", "process.capabilities.effective",
                                 "`%s` is not among the permitted ones", cap_names[cap]);
    }
    limit_set(&b, "inheritable", "among the bounding ones", &caps.inheritable, caps.bounding);
    limit_set(&b, "ambient", "among the permitted and inheritable ones", &caps.ambient,
              caps.permitted & caps.inheritable);
    cf_blob_header(plan->blob)->caps = caps;
    return 0;
}
