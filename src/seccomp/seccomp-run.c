/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An interpreter for seccomp programs (classic BPF over struct seccomp_data), for the question what a
 * program says about calls that we are going to make ourselves, and for tests of what libseccomp made.
 * It takes what the kernel takes (kernel: seccomp_check_filter()); the rest counts as a kill. Pure.
 */

#include <asm/unistd.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>

#include "seccomp/seccomp.h"

#define INVALID SECCOMP_RET_KILL_PROCESS

struct machine {
    uint32_t a, x, mem[BPF_MEMWORDS];
};

/* Return: false for what the kernel refuses. */
static bool run_alu(struct machine *m, const struct sock_filter *f)
{
    uint32_t v = BPF_SRC(f->code) == BPF_X ? m->x : f->k;

    switch (BPF_OP(f->code)) {
    case BPF_ADD:
        m->a += v;
        return true;
    case BPF_SUB:
        m->a -= v;
        return true;
    case BPF_MUL:
        m->a *= v;
        return true;
    case BPF_DIV:
        if (v == 0)
            return false;
        m->a /= v;
        return true;
    case BPF_AND:
        m->a &= v;
        return true;
    case BPF_OR:
        m->a |= v;
        return true;
    case BPF_XOR:
        m->a ^= v;
        return true;
    case BPF_LSH:
        m->a = v < 32 ? m->a << v : 0;
        return true;
    case BPF_RSH:
        m->a = v < 32 ? m->a >> v : 0;
        return true;
    case BPF_NEG:
        m->a = -m->a;
        return true;
    default:
        return false;
    }
}

static bool run_load(struct machine *m, const struct sock_filter *f, const struct seccomp_data *data)
{
    switch (f->code) {
    case BPF_LD | BPF_W | BPF_ABS:
        if (f->k & 3 || f->k >= sizeof(*data))
            return false;
        memcpy(&m->a, (const char *) data + f->k, sizeof(m->a));
        return true;
    case BPF_LD | BPF_IMM:
        m->a = f->k;
        return true;
    case BPF_LDX | BPF_IMM:
        m->x = f->k;
        return true;
    case BPF_LD | BPF_W | BPF_LEN:
        m->a = sizeof(*data);
        return true;
    case BPF_LDX | BPF_W | BPF_LEN:
        m->x = sizeof(*data);
        return true;
    default:
        break;
    }
    if (f->k >= BPF_MEMWORDS)
        return false;
    if (f->code == (BPF_LD | BPF_MEM))
        m->a = m->mem[f->k];
    else if (f->code == (BPF_LDX | BPF_MEM))
        m->x = m->mem[f->k];
    else if (f->code == BPF_ST)
        m->mem[f->k] = m->a;
    else if (f->code == BPF_STX)
        m->mem[f->k] = m->x;
    else
        return false;
    return true;
}

/* Return: how many instructions to skip, or SIZE_MAX. */
static size_t run_jump(const struct machine *m, const struct sock_filter *f)
{
    uint32_t v = BPF_SRC(f->code) == BPF_X ? m->x : f->k;

    switch (BPF_OP(f->code)) {
    case BPF_JA:
        return f->k;
    case BPF_JEQ:
        return m->a == v ? f->jt : f->jf;
    case BPF_JGT:
        return m->a > v ? f->jt : f->jf;
    case BPF_JGE:
        return m->a >= v ? f->jt : f->jf;
    case BPF_JSET:
        return m->a & v ? f->jt : f->jf;
    default:
        return SIZE_MAX;
    }
}

uint32_t cf_seccomp_run(const struct cf_seccomp_program *program, const struct seccomp_data *data)
{
    struct machine m = {0};

    /* Jumps lead forward only, so this ends. */
    for (size_t pc = 0; pc < program->n; pc++) {
        struct sock_filter f;
        bool ok = true;
        size_t skip;

        memcpy(&f, &program->insns[pc], sizeof(f));
        switch (BPF_CLASS(f.code)) {
        case BPF_LD:
        case BPF_LDX:
        case BPF_ST:
        case BPF_STX:
            ok = run_load(&m, &f, data);
            break;
        case BPF_ALU:
            ok = run_alu(&m, &f);
            break;
        case BPF_JMP:
            skip = run_jump(&m, &f);
            ok = skip < program->n;
            pc += ok ? skip : 0;
            break;
        case BPF_RET:
            return BPF_RVAL(f.code) == BPF_A ? m.a : f.k;
        case BPF_MISC:
            if (BPF_MISCOP(f.code) == BPF_TAX)
                m.x = m.a;
            else
                m.a = m.x;
            break;
        default:
            ok = false;
        }
        if (!ok)
            return INVALID;
    }
    return INVALID;
}

/* What init calls once the filter is there, in this order (init/lockdown.c, process/exec-child.c,
 * init/main.c, init/gate.c, process/exec-run-child.c). Calls for which it has another way are left
 * out: openat2, faccessat2. */
static const struct gate_call {
    const char *name;
    int nr;
    uint64_t args[2];
} early_calls[] = {
    {"prctl", __NR_prctl, {PR_SET_KEEPCAPS, 1}},
    {"setgroups", __NR_setgroups, {0}},
    {"getgroups", __NR_getgroups, {0}},
    {"setresgid", __NR_setresgid, {0}},
    {"setresuid", __NR_setresuid, {0}},
    {"getresuid", __NR_getresuid, {0}},
    {"getresgid", __NR_getresgid, {0}},
    {"capset", __NR_capset, {0}},
    {"capget", __NR_capget, {0}},
    {"chdir", __NR_chdir, {0}},
    {"getcwd", __NR_getcwd, {0}},
    {"umask", __NR_umask, {0}},
    {"openat", __NR_openat, {0}},
    {"fstat", __NR_fstat, {0}},
    {"fstatfs", __NR_fstatfs, {0}},
    {"close_range", __NR_close_range, {0}},
    {"sendmsg", __NR_sendmsg, {0}},
    {"recvmsg", __NR_recvmsg, {0}},
    {"close", __NR_close, {0}},
    {"signalfd4", __NR_signalfd4, {0}},
    {"ppoll", __NR_ppoll, {0}},
    {"accept4", __NR_accept4, {0}},
    {"fcntl", __NR_fcntl, {0}},
    {"prlimit64", __NR_prlimit64, {0}},
    {"rt_sigaction", __NR_rt_sigaction, {0}},
    {"rt_sigprocmask", __NR_rt_sigprocmask, {0}},
};
static const struct gate_call last_calls[] = {
    {"execve", __NR_execve, {0}},
};

static const char *first_refused(const struct cf_seccomp_program *program, uint32_t audit_arch,
                                 const struct gate_call *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct seccomp_data data = {.nr = calls[i].nr,
                                    .arch = audit_arch,
                                    .args = {calls[i].args[0], calls[i].args[1]}};
        uint32_t action = cf_seccomp_run(program, &data) & SECCOMP_RET_ACTION_FULL;

        if (action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG)
            return calls[i].name;
    }
    return NULL;
}

const char *cf_seccomp_check_gate(const struct cf_seccomp_program *program, uint32_t audit_arch,
                                  bool no_new_privs)
{
    const char *name = NULL;

    if (program->n == 0)
        return NULL;
    if (!no_new_privs)
        name = first_refused(program, audit_arch, early_calls, sizeof(early_calls) / sizeof(early_calls[0]));
    if (!name)
        name = first_refused(program, audit_arch, last_calls, sizeof(last_calls) / sizeof(last_calls[0]));
    return name;
}
