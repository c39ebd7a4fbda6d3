/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A device policy as an eBPF program for BPF_CGROUP_DEVICE. Pure, host side; nothing but forward
 * jumps, no memory access but the context. The rules are tried from the last to the first; r3
 * holds the access bits that no rule has decided yet, so that `rw` can be allowed by two rules.
 *
 *   r2 = context.access_type & 0xffff   (1 block, 2 character)
 *   r3 = context.access_type >> 16      (1 mknod, 2 read, 4 write)
 *   r4 = context.major, r5 = context.minor
 *
 * Source: kernel, include/uapi/linux/bpf.h, struct bpf_cgroup_dev_ctx.
 */

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "cgroup/res.h"

#define PROLOGUE 6   /* instructions before the rules */
#define PER_RULE 6   /* at most */
#define EPILOGUE 4   /* two exits */
#define MAX_RULES 4096 /* jump offsets have 16 bits */

struct code {
    struct bpf_insn *insns;
    size_t n;
    size_t *to_deny; /* jumps whose target is the common refusal, the others go to the permission */
    size_t n_deny;
    size_t *to_allow;
    size_t n_allow;
};

static void emit(struct code *c, uint8_t op, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
    c->insns[c->n++] = (struct bpf_insn) {
        .code = op, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm,
    };
}

static void emit_prologue(struct code *c)
{
    emit(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
         offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
    emit(c, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
    emit(c, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
    emit(c, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
    emit(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1,
         offsetof(struct bpf_cgroup_dev_ctx, major), 0);
    emit(c, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1,
         offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

static int32_t kernel_access(uint32_t access)
{
    return (access & CF_DEVACC_READ ? BPF_DEVCG_ACC_READ : 0) |
           (access & CF_DEVACC_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
           (access & CF_DEVACC_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

static void emit_rule(struct code *c, const struct cf_device_rule *rule)
{
    const uint8_t jne = BPF_JMP32 | BPF_JNE | BPF_K;
    const int32_t access = kernel_access(rule->access);
    size_t start = c->n, decided;

    if (rule->type != 'a')
        emit(c, jne, BPF_REG_2, 0, 0, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    if (rule->major != CF_DEVNUM_ALL)
        emit(c, jne, BPF_REG_4, 0, 0, (int32_t) (uint32_t) rule->major);
    if (rule->minor != CF_DEVNUM_ALL)
        emit(c, jne, BPF_REG_5, 0, 0, (int32_t) (uint32_t) rule->minor);
    decided = c->n;
    if (!rule->allow) {
        c->to_deny[c->n_deny++] = c->n;
        emit(c, BPF_JMP32 | BPF_JSET | BPF_K, BPF_REG_3, 0, 0, access);
    } else if (rule->access == CF_DEVACC_ANY) {
        c->to_allow[c->n_allow++] = c->n;
        emit(c, BPF_JMP | BPF_JA, 0, 0, 0, 0);
    } else {
        emit(c, BPF_ALU | BPF_AND | BPF_K, BPF_REG_3, 0, 0, ~access & 7);
        c->to_allow[c->n_allow++] = c->n;
        emit(c, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_3, 0, 0, 0);
    }
    /* No match: on to the next rule. */
    for (size_t i = start; i < decided; i++)
        c->insns[i].off = (int16_t) (c->n - i - 1);
}

static void emit_end(struct code *c, bool default_allow)
{
    size_t first = c->n, second;

    /* The default falls through into its own exit. */
    emit(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, default_allow);
    emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    second = c->n;
    emit(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, !default_allow);
    emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    for (size_t i = 0; i < c->n_deny; i++) {
        size_t at = c->to_deny[i];

        c->insns[at].off = (int16_t) ((default_allow ? second : first) - at - 1);
    }
    for (size_t i = 0; i < c->n_allow; i++) {
        size_t at = c->to_allow[i];

        c->insns[at].off = (int16_t) ((default_allow ? first : second) - at - 1);
    }
    /* The verifier refuses instructions that nothing can reach. */
    if ((default_allow ? c->n_deny : c->n_allow) == 0)
        c->n = second;
}

int cf_cgroup_devices_program(const struct cf_device_policy *policy, struct cf_arena *arena,
                              const uint64_t **ret, size_t *ret_n, struct cf_err *err)
{
    struct code c = {0};
    size_t max = PROLOGUE + policy->n * PER_RULE + EPILOGUE;
    uint64_t *words;

    *ret = NULL;
    *ret_n = 0;
    if (policy->n == 0 && policy->default_allow)
        return 0;
    if (policy->n > MAX_RULES)
        return cf_err_config(err, "device-rule", "linux.resources.devices",
                             "%zu rules, at most %d fit into one program", policy->n, MAX_RULES);
    c.insns = cf_arena_calloc(arena, max, sizeof(*c.insns));
    c.to_deny = cf_arena_calloc(arena, policy->n + 1, sizeof(*c.to_deny));
    c.to_allow = cf_arena_calloc(arena, policy->n + 1, sizeof(*c.to_allow));
    if (!c.insns || !c.to_deny || !c.to_allow)
        return cf_err_oom(err);
    emit_prologue(&c);
    /* No rule is for everything: such a one became the default (devices-rules.c). */
    for (size_t i = policy->n; i > 0; i--)
        emit_rule(&c, &policy->rules[i - 1]);
    emit_end(&c, policy->default_allow);
    words = cf_arena_calloc(arena, c.n, sizeof(*words));
    if (!words)
        return cf_err_oom(err);
    memcpy(words, c.insns, c.n * sizeof(*words));
    *ret = words;
    *ret_n = c.n;
    return 0;
}
