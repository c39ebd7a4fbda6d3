/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Profiles as structs, compiled for this machine and run in our interpreter. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "seccomp/seccomp-internal.h"
#include "seccomp/seccomp-names.h"

/* What the structs of documents want, although nobody writes to it. */
#define TEXT(s) ((char *) (uintptr_t) (s))

#define X32 CF_SECCOMP_X32_BIT

static inline void need_library(void)
{
    char version[16];

    if (!cf_seccomp_enabled() || !cf_seccomp_library_version(version, sizeof(version)))
        cr_skip_test("no libseccomp");
    if (cf_seccomp_native_arch() != AUDIT_ARCH_X86_64)
        cr_skip_test("numbers of x86-64");
}

static inline struct cf_seccomp_program compile(const struct ocispec_seccomp *profile, struct cf_arena *arena)
{
    struct cf_seccomp_program program = {0};
    struct cf_err err = CF_ERR_INIT;
    int r = cf_seccomp_prepare(profile, -1, arena, &program, &err);

    cr_assert(eq(int, r, 0), "%s", err.text);
    cr_assert(ge(sz, program.n, 1));
    return program;
}

static inline uint32_t ask(const struct cf_seccomp_program *program, uint32_t arch, uint32_t nr, const uint64_t *args)
{
    struct seccomp_data data = {.nr = (int) nr, .arch = arch};

    if (args)
        memcpy(data.args, args, sizeof(data.args));
    return cf_seccomp_run(program, &data);
}

static inline struct ocispec_seccomp_syscall simple_rule(char **names, size_t n, const char *action)
{
    return (struct ocispec_seccomp_syscall){
        .names = names, .n_names = n, .action = TEXT(action)};
}
