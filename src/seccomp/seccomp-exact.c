/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rules that libseccomp cannot be trusted with, compiled by ourselves in front of its program.
 *
 * libseccomp merges the rules of one system call into a tree and does not come back from a branch
 * that fails, so several rules with conditions that overlap (LE 5, LT 1; or different arguments) lose
 * some of their meaning; tests/unit/test-seccomp-build.c finds such profiles within seconds. It also
 * compares the low words alone on 32-bit architectures, and on x32, where a process has 64-bit
 * registers all the same. So a call with several rules, or where that matters, gets a block of its own:
 * its rules one after another, the first that applies decides, and without one the default action.
 * Real profiles have a handful of them.
 *
 * Pure, host side.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

#include "seccomp/seccomp-internal.h"
#include "seccomp/seccomp-names.h"

#define FAIL 255u    /* as a jump: to the end of this rule; set when that is known */
#define MAX_COMPARE 6u

struct out {
    struct sock_filter *f;
    size_t n, room;
};

static void put(struct out *o, struct sock_filter f)
{
    if (o->n < o->room)
        o->f[o->n] = f;
    o->n++;
}

static void put_load(struct out *o, uint32_t offset)
{
    put(o, (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
}

static void put_jump(struct out *o, uint16_t op, uint32_t k, unsigned int jt, unsigned int jf)
{
    put(o, (struct sock_filter) BPF_JUMP((uint16_t) (BPF_JMP | BPF_K | op), k, (uint8_t) jt, (uint8_t) jf));
}

static void put_return(struct out *o, uint32_t action)
{
    put(o, (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, action));
}

static uint32_t word_offset(uint32_t index, bool high)
{
    bool second = high == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

    return (uint32_t) (offsetof(struct seccomp_data, args) + index * sizeof(uint64_t) + (second ? 4 : 0));
}

/* Goes on behind itself when it holds, to FAIL when not. At most MAX_COMPARE instructions. */
static void put_compare(struct out *o, const struct ocispec_seccomp_arg *arg)
{
    const struct cf_seccomp_name *table, *op;
    uint32_t hi = (uint32_t) (arg->value >> 32), lo = (uint32_t) arg->value;
    size_t n;

    table = cf_seccomp_ops(&n);
    op = cf_seccomp_find(table, n, arg->op);
    put_load(o, word_offset(arg->index, true));
    switch (op ? op->value : 0) {
    case CF_SECCOMP_OP_EQ:
        put_jump(o, BPF_JEQ, hi, 0, FAIL);
        put_load(o, word_offset(arg->index, false));
        put_jump(o, BPF_JEQ, lo, 0, FAIL);
        return;
    case CF_SECCOMP_OP_NE:
        put_jump(o, BPF_JEQ, hi, 0, 2);
        put_load(o, word_offset(arg->index, false));
        put_jump(o, BPF_JEQ, lo, FAIL, 0);
        return;
    case CF_SECCOMP_OP_GT:
    case CF_SECCOMP_OP_GE:
        put_jump(o, BPF_JGT, hi, 3, 0);
        put_jump(o, BPF_JEQ, hi, 0, FAIL);
        put_load(o, word_offset(arg->index, false));
        put_jump(o, op->value == CF_SECCOMP_OP_GT ? BPF_JGT : BPF_JGE, lo, 0, FAIL);
        return;
    case CF_SECCOMP_OP_LT:
    case CF_SECCOMP_OP_LE:
        put_jump(o, BPF_JGT, hi, FAIL, 0);
        put_jump(o, BPF_JEQ, hi, 0, 2);
        put_load(o, word_offset(arg->index, false));
        put_jump(o, op->value == CF_SECCOMP_OP_LT ? BPF_JGE : BPF_JGT, lo, FAIL, 0);
        return;
    default: /* MASKED_EQ: value is the mask */
        put(o, (struct sock_filter) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, hi));
        put_jump(o, BPF_JEQ, (uint32_t) (arg->value_two >> 32), 0, FAIL);
        put_load(o, word_offset(arg->index, false));
        put(o, (struct sock_filter) BPF_STMT(BPF_ALU | BPF_AND | BPF_K, lo));
        put_jump(o, BPF_JEQ, (uint32_t) arg->value_two, 0, FAIL);
    }
}

/* All of these conditions, then the action; at most six of them, so that jumps are short. */
static void put_rule(struct out *o, const struct ocispec_seccomp_arg *args, size_t n, uint32_t action)
{
    size_t first = o->n;

    for (size_t i = 0; i < n; i++)
        put_compare(o, &args[i]);
    put_return(o, action);
    for (size_t i = first; i < o->n && i < o->room; i++) {
        if (BPF_CLASS(o->f[i].code) != BPF_JMP)
            continue;
        if (o->f[i].jt == FAIL)
            o->f[i].jt = (uint8_t) (o->n - i - 1);
        if (o->f[i].jf == FAIL)
            o->f[i].jf = (uint8_t) (o->n - i - 1);
    }
}

bool cf_seccomp_one_argument_twice(const struct ocispec_seccomp_syscall *rule)
{
    uint32_t seen = 0;

    for (size_t i = 0; i < rule->n_args; i++) {
        if (seen >> rule->args[i].index & 1)
            return true;
        seen |= 1u << rule->args[i].index;
    }
    return false;
}

static void put_rules(struct out *o, const struct cf_seccomp_exact *call, uint32_t default_action)
{
    for (size_t i = 0; i < call->n_rules; i++) {
        const struct ocispec_seccomp_syscall *rule = call->rules[i];
        uint32_t action = cf_seccomp_action(rule->action, rule->has_errno_ret, rule->errno_ret);

        if (cf_seccomp_one_argument_twice(rule)) {
            for (size_t j = 0; j < rule->n_args; j++)
                put_rule(o, &rule->args[j], 1, action);
        } else {
            put_rule(o, rule->args, rule->n_args, action);
        }
    }
    put_return(o, default_action);
}

bool cf_seccomp_needs_exact(const struct ocispec_seccomp_syscall *const *rules, size_t n, bool x32)
{
    bool plain = true;

    for (size_t i = 0; i < n; i++) {
        const struct ocispec_seccomp_syscall *rule = rules[i];

        if (cf_seccomp_one_argument_twice(rule) || (x32 && rule->n_args))
            return true;
        for (size_t j = 0; j < rule->n_args; j++)
            if (rule->args[j].value > UINT32_MAX || rule->args[j].value_two & ~rule->args[j].value)
                return true;
        plain &= rule->n_args == 0 && cf_seccomp_action(rule->action, rule->has_errno_ret, rule->errno_ret) ==
                                          cf_seccomp_action(rules[0]->action, rules[0]->has_errno_ret,
                                                            rules[0]->errno_ret);
    }
    return n > 1 && !plain;
}

size_t cf_seccomp_exact_prologue(const struct cf_seccomp_exact *calls, size_t n, uint32_t default_action,
                                 uint64_t *insns, size_t room)
{
    struct out o = {.f = (struct sock_filter *) (void *) insns, .room = room};
    size_t next, skip, block;

    for (size_t i = 0; i < n; i = next) {
        put_load(&o, offsetof(struct seccomp_data, arch));
        put_jump(&o, BPF_JEQ, calls[i].audit_arch, 1, 0);
        skip = o.n;
        put(&o, (struct sock_filter) BPF_STMT(BPF_JMP | BPF_JA, 0));
        put_load(&o, offsetof(struct seccomp_data, nr));
        for (next = i; next < n && calls[next].audit_arch == calls[i].audit_arch; next++) {
            put_jump(&o, BPF_JEQ, calls[next].nr, 1, 0);
            block = o.n;
            put(&o, (struct sock_filter) BPF_STMT(BPF_JMP | BPF_JA, 0));
            put_rules(&o, &calls[next], default_action);
            if (block < room)
                o.f[block].k = (uint32_t) (o.n - block - 1);
        }
        if (skip < room)
            o.f[skip].k = (uint32_t) (o.n - skip - 1);
    }
    return o.n;
}
