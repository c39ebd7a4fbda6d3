/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* seccomp: what a compiled profile refuses, ignores and asks the kernel for. */

#include <errno.h>
#include <linux/filter.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seccomp-fixture.h"
#include "sys/task.h"

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
