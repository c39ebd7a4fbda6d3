/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tables of the words of linux.seccomp (runtime-spec: config-linux.md, "Seccomp"). Host side. */

#include "seccomp/seccomp-names.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/elf-em.h>
#include <linux/seccomp.h>
#include <string.h>

#include "seccomp/seccomp.h"
#include "sys/task.h"

static const struct cf_seccomp_name actions[] = {
    {"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, NULL},
    {"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, NULL},
    {"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, NULL},
    {"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, NULL},
    {"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, NULL},
    {"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, NULL},
    {"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, NULL},
    {"SCMP_ACT_LOG", SECCOMP_RET_LOG, NULL},
    {"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, NULL},
};

static const struct cf_seccomp_name ops[] = {
    {"SCMP_CMP_NE", CF_SECCOMP_OP_NE, NULL}, {"SCMP_CMP_LT", CF_SECCOMP_OP_LT, NULL},
    {"SCMP_CMP_LE", CF_SECCOMP_OP_LE, NULL}, {"SCMP_CMP_EQ", CF_SECCOMP_OP_EQ, NULL},
    {"SCMP_CMP_GE", CF_SECCOMP_OP_GE, NULL}, {"SCMP_CMP_GT", CF_SECCOMP_OP_GT, NULL},
    {"SCMP_CMP_MASKED_EQ", CF_SECCOMP_OP_MASKED_EQ, NULL},
};

static const struct cf_seccomp_name archs[] = {
    {"SCMP_ARCH_X86", 0, "x86"},
    {"SCMP_ARCH_X86_64", 0, "x86_64"},
    {"SCMP_ARCH_X32", 0, "x32"},
    {"SCMP_ARCH_ARM", 0, "arm"},
    {"SCMP_ARCH_AARCH64", 0, "aarch64"},
    {"SCMP_ARCH_MIPS", 0, "mips"},
    {"SCMP_ARCH_MIPS64", 0, "mips64"},
    {"SCMP_ARCH_MIPS64N32", 0, "mips64n32"},
    {"SCMP_ARCH_MIPSEL", 0, "mipsel"},
    {"SCMP_ARCH_MIPSEL64", 0, "mipsel64"},
    {"SCMP_ARCH_MIPSEL64N32", 0, "mipsel64n32"},
    {"SCMP_ARCH_PPC", 0, "ppc"},
    {"SCMP_ARCH_PPC64", 0, "ppc64"},
    {"SCMP_ARCH_PPC64LE", 0, "ppc64le"},
    {"SCMP_ARCH_S390", 0, "s390"},
    {"SCMP_ARCH_S390X", 0, "s390x"},
    {"SCMP_ARCH_PARISC", 0, "parisc"},
    {"SCMP_ARCH_PARISC64", 0, "parisc64"},
    {"SCMP_ARCH_RISCV64", 0, "riscv64"},
    {"SCMP_ARCH_LOONGARCH64", 0, "loongarch64"},
    {"SCMP_ARCH_M68K", 0, "m68k"},
    {"SCMP_ARCH_SH", 0, "sh"},
    {"SCMP_ARCH_SHEB", 0, "sheb"},
};

static const struct cf_seccomp_name flags[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC, NULL},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG, NULL},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW, NULL},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, NULL},
};

#define TABLE_SIZE(table) (sizeof(table) / sizeof((table)[0]))

const struct cf_seccomp_name *cf_seccomp_actions(size_t *ret_n)
{
    *ret_n = TABLE_SIZE(actions);
    return actions;
}

const struct cf_seccomp_name *cf_seccomp_ops(size_t *ret_n)
{
    *ret_n = TABLE_SIZE(ops);
    return ops;
}

const struct cf_seccomp_name *cf_seccomp_archs(size_t *ret_n)
{
    *ret_n = TABLE_SIZE(archs);
    return archs;
}

const struct cf_seccomp_name *cf_seccomp_flags(size_t *ret_n)
{
    *ret_n = TABLE_SIZE(flags);
    return flags;
}

const struct cf_seccomp_name *cf_seccomp_find(const struct cf_seccomp_name *table, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

uint32_t cf_seccomp_action(const char *name, bool has_errno, uint32_t errno_ret)
{
    const struct cf_seccomp_name *action = cf_seccomp_find(actions, TABLE_SIZE(actions), name);

    if (!action)
        return SECCOMP_RET_KILL_PROCESS;
    if (action->value == SECCOMP_RET_ERRNO || action->value == SECCOMP_RET_TRACE)
        return action->value | ((has_errno ? errno_ret : EPERM) & SECCOMP_RET_DATA);
    return action->value;
}

bool cf_seccomp_flag_available(uint32_t flag)
{
    /* It qualifies a listener and is refused alone. */
    if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
        flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
    /* Flags are looked at before the missing program is. */
    return cf_sys_seccomp(SECCOMP_SET_MODE_FILTER, flag, NULL) == -EFAULT;
}

uint32_t cf_seccomp_native_arch(void)
{
#if defined(__x86_64__)
    return AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
    return AUDIT_ARCH_AARCH64;
#elif defined(__riscv) && __riscv_xlen == 64
    return AUDIT_ARCH_RISCV64;
#elif defined(__s390x__)
    return AUDIT_ARCH_S390X;
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
    return AUDIT_ARCH_PPC64LE;
#else
    return 0;
#endif
}
