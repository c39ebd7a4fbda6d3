/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * seccomp: what libseccomp makes of a profile means what the profile says. The compiled program runs in our
 * interpreter and is compared with the profile itself, evaluated by hand: at the edges of 32 and 64 bits, and
 * for random profiles.
 */

#include <errno.h>
#include <stdio.h>

#include "seccomp-fixture.h"

/* Numbers that x86-64 and x32 share. */
static const struct call {
    const char *name;
    uint32_t x86_64, x86;
} calls[] = {
    {"read", 0, 3},        {"close", 3, 6},          {"dup", 32, 41},      {"getpid", 39, 20},
    {"kill", 62, 37},      {"uname", 63, 122},       {"mkdir", 83, 39},    {"personality", 135, 136},
    {"prctl", 157, 172},   {"openat", 257, 295},     {"clone3", 435, 435}, {"faccessat2", 439, 439},
};
#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

static uint64_t random_state = 20260101;

static uint64_t random_u64(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t) (random_u64() >> 20) % n;
}

/* --- one comparison --- */

static bool holds(const struct ocispec_seccomp_arg *arg, uint64_t v)
{
    const char *op = arg->op + strlen("SCMP_CMP_");

    if (strcmp(op, "MASKED_EQ") == 0)
        return (v & arg->value) == arg->value_two;
    if (strcmp(op, "NE") == 0)
        return v != arg->value;
    if (strcmp(op, "EQ") == 0)
        return v == arg->value;
    if (strcmp(op, "LT") == 0)
        return v < arg->value;
    if (strcmp(op, "LE") == 0)
        return v <= arg->value;
    if (strcmp(op, "GE") == 0)
        return v >= arg->value;
    return v > arg->value;
}

static char *const op_names[] = {TEXT("SCMP_CMP_NE"), TEXT("SCMP_CMP_LT"), TEXT("SCMP_CMP_LE"),
                                 TEXT("SCMP_CMP_EQ"), TEXT("SCMP_CMP_GE"), TEXT("SCMP_CMP_GT"),
                                 TEXT("SCMP_CMP_MASKED_EQ")};

static const uint64_t edges[] = {
    0, 1, 2, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0x100000000, 0x100000001,
    0x180000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffff00000000, 0xfffffffffffffffe,
    0xffffffffffffffff,
};
#define N_EDGES (sizeof(edges) / sizeof(edges[0]))

Test(seccomp_model, comparisons_at_the_edges, .timeout = 60)
{
    char *names[] = {TEXT("personality")};

    need_library();
    for (size_t o = 0; o < 7; o++) {
        for (size_t d = 0; d < N_EDGES; d++) {
            struct cf_arena *arena = cf_arena_new();
            struct ocispec_seccomp_arg arg = {.index = (uint32_t) (d % 6), .op = op_names[o], .value = edges[d]};
            struct ocispec_seccomp_syscall rule = {
                .names = names, .n_names = 1, .action = TEXT("SCMP_ACT_TRAP"), .args = &arg, .n_args = 1};
            struct ocispec_seccomp profile = {
                .default_action = TEXT("SCMP_ACT_ALLOW"), .syscalls = &rule, .n_syscalls = 1};
            struct cf_seccomp_program program;

            if (o == 6)
                arg.value_two = edges[(d * 7) % N_EDGES] & arg.value;
            program = compile(&profile, arena);
            for (size_t v = 0; v < 3 * N_EDGES; v++) {
                uint64_t args[6] = {0};
                uint64_t value = edges[v / 3] + (uint64_t) (v % 3) - 1;

                args[arg.index] = value;
                cr_expect(eq(u32, ask(&program, AUDIT_ARCH_X86_64, 135, args),
                             holds(&arg, value) ? SECCOMP_RET_TRAP : SECCOMP_RET_ALLOW),
                          "%#llx %s %#llx", (unsigned long long) value, arg.op, (unsigned long long) arg.value);
            }
            cf_arena_free(arena);
        }
    }
}

/* --- whole profiles --- */

static bool rule_applies(const struct ocispec_seccomp_syscall *rule, const uint64_t *args)
{
    uint32_t seen = 0;
    bool twice = false, all = true, any = rule->n_args == 0;

    for (size_t i = 0; i < rule->n_args; i++) {
        bool yes = holds(&rule->args[i], args[rule->args[i].index]);

        twice |= seen >> rule->args[i].index & 1;
        seen |= 1u << rule->args[i].index;
        all &= yes;
        any |= yes;
    }
    return twice ? any : all;
}

static bool has_arch(const struct ocispec_seccomp *profile, const char *name)
{
    for (size_t i = 0; i < profile->n_architectures; i++)
        if (strcmp(profile->architectures[i], name) == 0)
            return true;
    return false;
}

static uint32_t number(const char *name, uint32_t arch)
{
    for (size_t i = 0; i < N_CALLS; i++)
        if (strcmp(calls[i].name, name) == 0)
            return arch == AUDIT_ARCH_I386 ? calls[i].x86 : calls[i].x86_64;
    return UINT32_MAX;
}

/* The profile as its text says it: the first rule that applies; those with the default action do nothing. */
static uint32_t model(const struct ocispec_seccomp *profile, uint32_t arch, uint32_t nr, const uint64_t *args)
{
    uint32_t standard = cf_seccomp_action(profile->default_action, profile->has_default_errno_ret,
                                          profile->default_errno_ret);
    uint32_t plain = arch == AUDIT_ARCH_X86_64 ? nr & ~X32 : nr, last = 0, action;

    if (arch != AUDIT_ARCH_X86_64 && (arch != AUDIT_ARCH_I386 || !has_arch(profile, "SCMP_ARCH_X86")))
        return SECCOMP_RET_KILL_PROCESS;
    if (arch == AUDIT_ARCH_X86_64 && nr & X32 && !has_arch(profile, "SCMP_ARCH_X32"))
        return SECCOMP_RET_KILL_PROCESS;
    for (size_t i = 0; i < profile->n_syscalls; i++) {
        const struct ocispec_seccomp_syscall *rule = &profile->syscalls[i];

        for (size_t j = 0; j < rule->n_names; j++) {
            uint32_t its = number(rule->names[j], arch);

            last = its > last ? its : last;
            action = cf_seccomp_action(rule->action, rule->has_errno_ret, rule->errno_ret);
            if (its == plain && action != standard && rule_applies(rule, args))
                return action;
        }
    }
    if (standard == (SECCOMP_RET_ERRNO | EPERM) && profile->n_syscalls && plain > last)
        return SECCOMP_RET_ERRNO | ENOSYS;
    return standard;
}

struct random_profile {
    struct ocispec_seccomp profile;
    struct ocispec_seccomp_syscall rules[N_CALLS * 3];
    struct ocispec_seccomp_arg args[N_CALLS * 3][3];
    char *names[N_CALLS * 3][1];
    char *archs[4];
};

static uint64_t random_value(void)
{
    return below(3) ? edges[below(N_EDGES)] : random_u64() >> below(64);
}

static void random_action(char **ret, bool *ret_has, uint32_t *ret_errno)
{
    static char *const words[] = {TEXT("SCMP_ACT_ALLOW"),        TEXT("SCMP_ACT_ERRNO"),
                                  TEXT("SCMP_ACT_TRAP"),         TEXT("SCMP_ACT_LOG"),
                                  TEXT("SCMP_ACT_KILL_PROCESS"), TEXT("SCMP_ACT_KILL"),
                                  TEXT("SCMP_ACT_TRACE")};
    uint32_t i = below(7);

    *ret = words[i];
    *ret_has = (i == 1 || i == 6) && below(2);
    *ret_errno = *ret_has ? below(200) : 0;
}

static void random_args(struct random_profile *p, size_t at)
{
    struct ocispec_seccomp_syscall *rule = &p->rules[at];

    rule->args = p->args[at];
    rule->n_args = below(4);
    for (size_t i = 0; i < rule->n_args; i++) {
        struct ocispec_seccomp_arg *arg = &rule->args[i];

        *arg = (struct ocispec_seccomp_arg){.index = below(6), .op = op_names[below(7)], .value = random_value()};
        if (arg->op == op_names[6])
            arg->value_two = random_value() & (below(8) ? arg->value : UINT64_MAX);
    }
}

static void random_profile(struct random_profile *p)
{
    static char *const archs[] = {TEXT("SCMP_ARCH_X86_64"), TEXT("SCMP_ARCH_X86"), TEXT("SCMP_ARCH_X32"),
                                  TEXT("SCMP_ARCH_AARCH64")};

    memset(p, 0, sizeof(*p));
    for (size_t i = 0; i < 4; i++)
        if (below(2))
            p->archs[p->profile.n_architectures++] = archs[i];
    p->profile.architectures = p->archs;
    random_action(&p->profile.default_action, &p->profile.has_default_errno_ret, &p->profile.default_errno_ret);
    p->profile.syscalls = p->rules;
    for (size_t c = 0; c < N_CALLS; c++) {
        size_t first = p->profile.n_syscalls, n = below(4);
        char *action;
        bool has;
        uint32_t number_of_errno;

        random_action(&action, &has, &number_of_errno);
        for (size_t i = 0; i < n; i++) {
            if (below(3) == 0)
                random_action(&action, &has, &number_of_errno);
            p->names[first + i][0] = TEXT(calls[c].name);
            p->rules[first + i] = (struct ocispec_seccomp_syscall){.names = p->names[first + i],
                                                                   .n_names = 1,
                                                                   .action = action,
                                                                   .has_errno_ret = has,
                                                                   .errno_ret = number_of_errno};
            random_args(p, first + i);
        }
        p->profile.n_syscalls += n;
    }
}

static void dump(const struct ocispec_seccomp *profile, const char *name)
{
    (void) fprintf(stderr, "default %s, %zu architectures\n", profile->default_action, profile->n_architectures);
    for (size_t i = 0; i < profile->n_syscalls; i++) {
        const struct ocispec_seccomp_syscall *rule = &profile->syscalls[i];

        if (strcmp(rule->names[0], name) != 0)
            continue;
        (void) fprintf(stderr, "  %s %s %u", name, rule->action, rule->errno_ret);
        for (size_t j = 0; j < rule->n_args; j++)
            (void) fprintf(stderr, ", arg %u %s %#llx %#llx", rule->args[j].index, rule->args[j].op,
                           (unsigned long long) rule->args[j].value, (unsigned long long) rule->args[j].value_two);
        (void) fprintf(stderr, "\n");
    }
}

static uint32_t random_number(uint32_t arch)
{
    const struct call *call = &calls[below(N_CALLS)];
    uint32_t nr = arch == AUDIT_ARCH_I386 ? call->x86 : call->x86_64;

    if (below(8) == 0)
        nr = below(600);
    return arch == AUDIT_ARCH_X86_64 && below(4) == 0 ? nr | X32 : nr;
}

/* Values that the rules compare with, and their neighbours. */
static void random_call_args(const struct random_profile *p, uint64_t *args, bool narrow)
{
    for (size_t i = 0; i < 6; i++)
        args[i] = random_value();
    if (p->profile.n_syscalls) {
        const struct ocispec_seccomp_syscall *rule = &p->rules[below((uint32_t) p->profile.n_syscalls)];

        for (size_t i = 0; i < rule->n_args; i++)
            args[rule->args[i].index] = (below(2) ? rule->args[i].value_two : rule->args[i].value) + below(3) - 1;
    }
    for (size_t i = 0; narrow && i < 6; i++)
        args[i] &= UINT32_MAX;
}

Test(seccomp_model, random_profiles_mean_what_they_say, .timeout = 110)
{
    static const uint32_t audit_archs[] = {AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64, AUDIT_ARCH_X86_64, AUDIT_ARCH_I386,
                                           AUDIT_ARCH_I386, AUDIT_ARCH_RISCV64};
    unsigned int wrong = 0;

    need_library();
    for (unsigned int round = 0; round < 400 && wrong < 5; round++) {
        struct cf_arena *arena = cf_arena_new();
        struct random_profile p;
        struct cf_seccomp_program program;

        random_profile(&p);
        program = compile(&p.profile, arena);
        for (unsigned int i = 0; i < 2000 && wrong < 5; i++) {
            uint32_t arch = audit_archs[below(6)], nr = random_number(arch);
            uint64_t args[6];
            uint32_t got, want;

            random_call_args(&p, args, arch == AUDIT_ARCH_I386);
            got = ask(&program, arch, nr, args);
            want = model(&p.profile, arch, nr, args);
            if (got == want)
                continue;
            wrong++;
            for (size_t c = 0; c < N_CALLS; c++)
                if (number(calls[c].name, arch) == (arch == AUDIT_ARCH_X86_64 ? nr & ~X32 : nr))
                    dump(&p.profile, calls[c].name);
            cr_expect(eq(u32, got, want), "profile %u, arch %#x, call %#x, %#llx %#llx %#llx %#llx %#llx %#llx", round,
                      arch, nr, (unsigned long long) args[0], (unsigned long long) args[1],
                      (unsigned long long) args[2], (unsigned long long) args[3], (unsigned long long) args[4],
                      (unsigned long long) args[5]);
        }
        cf_arena_free(arena);
    }
}
