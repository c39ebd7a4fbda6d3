/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * seccomp: what libseccomp makes of a profile means what the profile says, and the cache. The compiled
 * program runs in our interpreter and is compared with the profile itself, evaluated by hand: at the
 * edges of 32 and 64 bits, and for random profiles.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/own.h"
#include "seccomp/seccomp-internal.h"
#include "seccomp/seccomp-names.h"
#include "sys/task.h"

/* What the structs of documents want, although nobody writes to it. */
#define TEXT(s) ((char *) (uintptr_t) (s))

#define X32 CF_SECCOMP_X32_BIT

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

static void need_library(void)
{
    char version[16];

    if (!cf_seccomp_enabled() || !cf_seccomp_library_version(version, sizeof(version)))
        cr_skip_test("no libseccomp");
    if (cf_seccomp_native_arch() != AUDIT_ARCH_X86_64)
        cr_skip_test("numbers of x86-64");
}

static struct cf_seccomp_program compile(const struct ocispec_seccomp *profile, struct cf_arena *arena)
{
    struct cf_seccomp_program program = {0};
    struct cf_err err = CF_ERR_INIT;
    int r = cf_seccomp_prepare(profile, -1, arena, &program, &err);

    cr_assert(eq(int, r, 0), "%s", err.text);
    cr_assert(ge(sz, program.n, 1));
    return program;
}

static uint32_t ask(const struct cf_seccomp_program *program, uint32_t arch, uint32_t nr, const uint64_t *args)
{
    struct seccomp_data data = {.nr = (int) nr, .arch = arch};

    if (args)
        memcpy(data.args, args, sizeof(data.args));
    return cf_seccomp_run(program, &data);
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

Test(seccomp_build, comparisons_at_the_edges, .timeout = 60)
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

Test(seccomp_build, random_profiles_mean_what_they_say, .timeout = 110)
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

/* --- details --- */

static struct ocispec_seccomp_syscall simple_rule(char **names, size_t n, const char *action)
{
    return (struct ocispec_seccomp_syscall){
        .names = names, .n_names = n, .action = TEXT(action)};
}

Test(seccomp_build, foreign_architecture_kills_the_process)
{
    struct ocispec_seccomp profile = {.default_action = TEXT("SCMP_ACT_ALLOW")};
    struct cf_arena *arena = cf_arena_new();
    struct cf_seccomp_program program;

    need_library();
    program = compile(&profile, arena);
    cr_expect(eq(u32, ask(&program, AUDIT_ARCH_X86_64, 5, NULL), SECCOMP_RET_ALLOW));
    cr_expect(eq(u32, ask(&program, AUDIT_ARCH_I386, 5, NULL), SECCOMP_RET_KILL_PROCESS));
    cr_expect(eq(u32, ask(&program, AUDIT_ARCH_X86_64, X32 + 5, NULL), SECCOMP_RET_KILL_PROCESS));
    cf_arena_free(arena);
}

Test(seccomp_build, architectures_that_cannot_be_here_are_no_error)
{
    char *archs[] = {TEXT("SCMP_ARCH_S390X"), TEXT("SCMP_ARCH_LOONGARCH64"), TEXT("SCMP_ARCH_SHEB"),
                     TEXT("SCMP_ARCH_X86_64"), TEXT("SCMP_ARCH_X86_64")};
    struct ocispec_seccomp profile = {
        .default_action = TEXT("SCMP_ACT_ALLOW"), .architectures = archs, .n_architectures = 5};
    struct cf_arena *arena = cf_arena_new();

    need_library();
    (void) compile(&profile, arena);
    cf_arena_free(arena);
}

Test(seccomp_build, unknown_names)
{
    char *names[] = {TEXT("no_such_call"), TEXT("socketcall"), TEXT("getpid"), TEXT("getpid")};
    struct ocispec_seccomp_syscall rule = simple_rule(names, 4, "SCMP_ACT_KILL");
    struct ocispec_seccomp profile = {
        .default_action = TEXT("SCMP_ACT_ALLOW"), .syscalls = &rule, .n_syscalls = 1};
    char *key = TEXT("run.oci.seccomp_fail_unknown_syscall"), *value = TEXT("1");
    struct ocispec_string_map annotations = {.n = 1, .keys = &key, .values = &value};
    struct ocispec_linux linux_part = {.seccomp = &profile};
    struct ocispec_config config = {.linux = &linux_part, .annotations = &annotations};
    struct cf_arena *arena = cf_arena_new();
    struct cf_seccomp_program program = {0};
    struct cf_err err = CF_ERR_INIT;

    need_library();
    program = compile(&profile, arena);
    cr_expect(eq(u32, program.n_unknown, 1));
    cr_expect(eq(u32, ask(&program, AUDIT_ARCH_X86_64, 39, NULL), SECCOMP_RET_KILL_THREAD));

    cr_expect(eq(int, cf_seccomp_prepare_config(&config, -1, arena, &program, &err), -EINVAL));
    cr_expect(eq(str, err.field, TEXT("linux.seccomp.syscalls[0].names[0]")));
    value = TEXT("0");
    cf_err_clear(&err);
    cr_expect(eq(int, cf_seccomp_prepare_config(&config, -1, arena, &program, &err), 0));
    linux_part.seccomp = NULL;
    cr_expect(eq(int, cf_seccomp_prepare_config(&config, -1, arena, &program, &err), 0));
    cr_expect(eq(sz, program.n, 0));
    cf_arena_free(arena);
}

Test(seccomp_build, flags)
{
    static const struct {
        const char *flag;
        uint32_t want;
    } rows[] = {
        {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
        {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
        {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    };
    struct ocispec_seccomp profile = {.default_action = TEXT("SCMP_ACT_ALLOW")};
    struct cf_arena *arena = cf_arena_new();
    char *flag = NULL;

    need_library();
    cr_expect(eq(u32, compile(&profile, arena).flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW));
    profile.flags = &flag;
    cr_expect(eq(u32, compile(&profile, arena).flags, 0));
    profile.n_flags = 1;
    for (size_t i = 0; i < 3; i++) {
        flag = TEXT(rows[i].flag);
        cr_expect(eq(u32, compile(&profile, arena).flags, rows[i].want), "%s", flag);
    }
    flag = TEXT("SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
    if (cf_seccomp_flag_available(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV))
        cr_expect(eq(u32, compile(&profile, arena).flags, 0));
    cf_arena_free(arena);
}

Test(seccomp_build, the_kernel_takes_it)
{
    char *names[] = {TEXT("getppid")};
    struct ocispec_seccomp_syscall rule = simple_rule(names, 1, "SCMP_ACT_ERRNO");
    struct ocispec_seccomp profile = {
        .default_action = TEXT("SCMP_ACT_ALLOW"), .syscalls = &rule, .n_syscalls = 1};
    struct cf_arena *arena = cf_arena_new();
    struct cf_seccomp_program program;
    int status = 0;
    pid_t pid;

    need_library();
    rule.has_errno_ret = true;
    rule.errno_ret = 77;
    program = compile(&profile, arena);
    pid = fork();
    if (pid == 0) {
        struct {
            unsigned short len;
            const void *filter;
        } prog = {(unsigned short) program.n, program.insns};

        (void) cf_sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        if (cf_sys_seccomp(SECCOMP_SET_MODE_FILTER, program.flags, &prog) < 0)
            cf_sys_exit_group(1);
        cf_sys_exit_group(cf_sys_getppid() == -77 ? 0 : 2);
    }
    cr_assert(eq(int, waitpid(pid, &status, 0), pid));
    cr_expect(eq(int, status, 0));
    cf_arena_free(arena);
}

Test(seccomp_build, wrong_profile_is_refused_before_all)
{
    struct ocispec_seccomp profile = {.default_action = TEXT("SCMP_ACT_MAYBE")};
    struct cf_arena *arena = cf_arena_new();
    struct cf_seccomp_program program;
    struct cf_err err = CF_ERR_INIT;

    cr_expect(eq(int, cf_seccomp_prepare(&profile, -1, arena, &program, &err), -EINVAL));
    cr_expect(eq(str, err.field, TEXT("linux.seccomp.defaultAction")));
    cf_arena_free(arena);
}

/* --- cache --- */

struct cache {
    char dir[64];
    char name[CF_SHA256_HEX_SIZE];
    unsigned char key[CF_SHA256_SIZE];
    int fd;
    char *names[1];
    struct ocispec_seccomp_syscall rule;
    struct ocispec_seccomp profile;
    struct cf_arena *arena;
};

static void cache_open(struct cache *c)
{
    need_library();
    memset(c, 0, sizeof(*c));
    (void) snprintf(c->dir, sizeof(c->dir), "/tmp/coffer-test-seccomp-XXXXXX");
    cr_assert(mkdtemp(c->dir) != NULL);
    c->fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(ge(int, c->fd, 0));
    c->names[0] = TEXT("getpid");
    c->rule = simple_rule(c->names, 1, "SCMP_ACT_TRAP");
    c->profile = (struct ocispec_seccomp){
        .default_action = TEXT("SCMP_ACT_ALLOW"), .syscalls = &c->rule, .n_syscalls = 1};
    c->arena = cf_arena_new();
    cf_seccomp_cache_key(&c->profile, false, c->key);
    cf_sha256_hex(c->key, c->name);
}

static struct cf_seccomp_program cache_prepare(struct cache *c)
{
    struct cf_seccomp_program program = {0};
    struct cf_err err = CF_ERR_INIT;

    cr_assert(eq(int, cf_seccomp_prepare(&c->profile, c->fd, c->arena, &program, &err), 0), "%s", err.text);
    cr_expect(eq(u32, ask(&program, AUDIT_ARCH_X86_64, 39, NULL), SECCOMP_RET_TRAP));
    cr_expect(eq(u32, program.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW));
    return program;
}

static int cache_is_hit(struct cache *c)
{
    struct cf_seccomp_program program;

    return cf_seccomp_cache_load(c->fd, c->key, c->arena, &program);
}

static void cache_close(struct cache *c)
{
    char command[128];

    close(c->fd);
    cf_arena_free(c->arena);
    (void) snprintf(command, sizeof(command), "rm -rf -- '%s'", c->dir);
    cr_expect(eq(int, system(command), 0));
}

Test(seccomp_cache, second_time_is_a_hit)
{
    struct cf_seccomp_program first, second;
    struct cache c;
    struct stat st;

    cache_open(&c);
    cr_expect(eq(int, cache_is_hit(&c), 0));
    first = cache_prepare(&c);
    cr_assert(eq(int, fstatat(c.fd, c.name, &st, 0), 0));
    cr_expect(eq(u32, st.st_mode & 07777, 0600));
    cr_expect(eq(int, cache_is_hit(&c), 1));
    second = cache_prepare(&c);
    cr_assert(eq(sz, first.n, second.n));
    cr_expect(eq(int, memcmp(first.insns, second.insns, first.n * sizeof(uint64_t)), 0));
    cache_close(&c);
}

Test(seccomp_cache, key_depends_on_every_part)
{
    unsigned char key[CF_SHA256_SIZE];
    struct ocispec_seccomp_arg arg = {.index = 1, .op = op_names[3], .value = 1};
    char *arch = TEXT("SCMP_ARCH_X86");
    struct cache c;

    cache_open(&c);
#define DIFFERS(change, back)                                                                      \
    do {                                                                                           \
        change;                                                                                    \
        cf_seccomp_cache_key(&c.profile, false, key);                                              \
        cr_expect(ne(int, memcmp(key, c.key, sizeof(key)), 0), #change);                           \
        back;                                                                                      \
        cf_seccomp_cache_key(&c.profile, false, key);                                              \
        cr_expect(eq(int, memcmp(key, c.key, sizeof(key)), 0), #back);                             \
    } while (0)
    DIFFERS(c.names[0] = TEXT("getuid"), c.names[0] = TEXT("getpid"));
    DIFFERS(c.rule.action = TEXT("SCMP_ACT_LOG"), c.rule.action = TEXT("SCMP_ACT_TRAP"));
    DIFFERS(c.profile.n_syscalls = 0, c.profile.n_syscalls = 1);
    DIFFERS(c.profile.default_action = TEXT("SCMP_ACT_LOG"), c.profile.default_action = TEXT("SCMP_ACT_ALLOW"));
    DIFFERS((c.profile.architectures = &arch, c.profile.n_architectures = 1), c.profile.n_architectures = 0);
    DIFFERS((c.rule.args = &arg, c.rule.n_args = 1), c.rule.n_args = 0);
#undef DIFFERS
    cf_seccomp_cache_key(&c.profile, true, key);
    cr_expect(ne(int, memcmp(key, c.key, sizeof(key)), 0));
    /* Said in other words: KILL is KILL_THREAD, and flags do not belong to the program. */
    c.rule.action = TEXT("SCMP_ACT_KILL");
    cf_seccomp_cache_key(&c.profile, false, c.key);
    c.rule.action = TEXT("SCMP_ACT_KILL_THREAD");
    c.profile.flags = c.names;
    cf_seccomp_cache_key(&c.profile, false, key);
    cr_expect(eq(int, memcmp(key, c.key, sizeof(key)), 0));
    cache_close(&c);
}

/* Every byte matters; what is wrong goes away and comes back right. */
Test(seccomp_cache, damage_is_repaired)
{
    struct cache c;
    struct stat st;

    cache_open(&c);
    (void) cache_prepare(&c);
    cr_assert(eq(int, fstatat(c.fd, c.name, &st, 0), 0));
    for (off_t at = 0; at < st.st_size; at += 5) {
        cf_auto_fd int fd = openat(c.fd, c.name, O_RDWR | O_CLOEXEC);
        unsigned char byte;

        cr_assert(eq(int, (int) pread(fd, &byte, 1, at), 1));
        byte ^= 0x10;
        cr_assert(eq(int, (int) pwrite(fd, &byte, 1, at), 1));
        cr_expect(eq(int, cache_is_hit(&c), 0), "byte %ld", (long) at);
        cr_expect(ne(int, faccessat(c.fd, c.name, F_OK, 0), 0));
        (void) cache_prepare(&c);
        cr_expect(eq(int, cache_is_hit(&c), 1));
    }
    cache_close(&c);
}

Test(seccomp_cache, wrong_sizes_are_repaired)
{
    static const off_t sizes[] = {0, 1, 100, 400, 1 << 20};
    struct cache c;

    cache_open(&c);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        cf_auto_fd int fd = -EBADF;

        (void) cache_prepare(&c);
        fd = openat(c.fd, c.name, O_RDWR | O_CLOEXEC);
        cr_assert(eq(int, ftruncate(fd, sizes[i]), 0));
        cr_expect(eq(int, cache_is_hit(&c), 0), "size %ld", (long) sizes[i]);
    }
    (void) cache_prepare(&c);
    cr_expect(eq(int, cache_is_hit(&c), 1));
    cache_close(&c);
}

Test(seccomp_cache, links_fifos_and_foreign_modes)
{
    struct cache c;
    struct stat st;

    cache_open(&c);
    (void) cache_prepare(&c);

    cr_assert(eq(int, renameat(c.fd, c.name, c.fd, "elsewhere"), 0));
    cr_assert(eq(int, symlinkat("elsewhere", c.fd, c.name), 0));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    (void) cache_prepare(&c);
    cr_assert(eq(int, fstatat(c.fd, c.name, &st, AT_SYMLINK_NOFOLLOW), 0));
    cr_expect(eq(u32, st.st_mode & S_IFMT, S_IFREG));

    cr_assert(eq(int, fchmodat(c.fd, c.name, 0620, 0), 0));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    (void) cache_prepare(&c);
    cr_assert(eq(int, fchmodat(c.fd, c.name, 0602, 0), 0));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    (void) cache_prepare(&c);
    if (geteuid() == 0) {
        cr_assert(eq(int, fchownat(c.fd, c.name, 12345, 0, 0), 0));
        cr_expect(eq(int, cache_is_hit(&c), 0));
    }
    (void) unlinkat(c.fd, c.name, 0);

    cr_assert(eq(int, mkfifoat(c.fd, c.name, 0600), 0));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    (void) cache_prepare(&c);
    (void) unlinkat(c.fd, c.name, 0);

    /* A directory stays; the cache is of no use then, and nobody is stopped. */
    cr_assert(eq(int, mkdirat(c.fd, c.name, 0700), 0));
    (void) cache_prepare(&c);
    cr_expect(eq(int, cache_is_hit(&c), 0));
    cache_close(&c);
}

Test(seccomp_cache, the_file_of_another_profile_is_no_hit)
{
    char other[CF_SHA256_HEX_SIZE];
    unsigned char key[CF_SHA256_SIZE];
    struct cache c;

    cache_open(&c);
    (void) cache_prepare(&c);
    c.rule.action = TEXT("SCMP_ACT_LOG");
    cf_seccomp_cache_key(&c.profile, false, key);
    cf_sha256_hex(key, other);
    cr_assert(eq(int, renameat(c.fd, c.name, c.fd, other), 0));
    memcpy(c.key, key, sizeof(key));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    cache_close(&c);
}

Test(seccomp_cache, is_bounded, .timeout = 60)
{
    struct cache c;
    char command[128];
    char text[32];
    FILE *p;

    cache_open(&c);
    c.rule.has_errno_ret = true;
    c.rule.action = TEXT("SCMP_ACT_ERRNO");
    for (uint32_t i = 0; i < CF_SECCOMP_CACHE_MAX + 20; i++) {
        struct cf_seccomp_program program;
        struct cf_err err = CF_ERR_INIT;

        c.rule.errno_ret = i;
        cr_assert(eq(int, cf_seccomp_prepare(&c.profile, c.fd, c.arena, &program, &err), 0));
    }
    (void) snprintf(command, sizeof(command), "ls -A '%s' | wc -l", c.dir);
    p = popen(command, "r");
    cr_assert(p && fgets(text, sizeof(text), p));
    pclose(p);
    cr_expect(eq(int, atoi(text), (int) CF_SECCOMP_CACHE_MAX));
    /* The newest is there. */
    cf_seccomp_cache_key(&c.profile, false, c.key);
    cr_expect(eq(int, cache_is_hit(&c), 1));
    cache_close(&c);
}

Test(seccomp_cache, read_only_directory_is_no_error)
{
    struct cache c;

    cache_open(&c);
    close(c.fd);
    c.fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void) cache_prepare(&c);
    cache_close(&c);
}
