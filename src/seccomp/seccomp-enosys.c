/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * System calls that are newer than the profile. C libraries try a new call first and fall back when
 * it does not exist (ENOSYS); EPERM, the usual default of a profile, looks like a decision to them and
 * they give up. So a call with a number above all that the profile names, and which its author thus
 * could not know, does not exist. It stays forbidden either way.
 *
 * Only where the default is ERRNO with EPERM: any other default action was chosen on purpose.
 * Pure, host side.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>

#include "seccomp/seccomp-internal.h"

static size_t put(uint64_t *insns, size_t at, struct sock_filter f)
{
    memcpy(&insns[at], &f, sizeof(f));
    return at + 1;
}

bool cf_seccomp_wants_enosys(uint32_t default_action)
{
    return default_action == (SECCOMP_RET_ERRNO | EPERM);
}

size_t cf_seccomp_enosys_prologue(const struct cf_seccomp_newest *newest, size_t n, uint64_t *insns)
{
    const uint32_t arch_offset = offsetof(struct seccomp_data, arch);
    const uint32_t nr_offset = offsetof(struct seccomp_data, nr);
    size_t total = n ? 1 : 0, at = 0, next;

    for (size_t i = 0; i < n; i = next) {
        for (next = i + 1; next < n && newest[next].audit_arch == newest[i].audit_arch;)
            next++;
        total += 3 + 3 * (next - i);
    }
    if (!n)
        return 0;

    at = put(insns, at, (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arch_offset));
    for (size_t i = 0; i < n; i = next) {
        for (next = i + 1; next < n && newest[next].audit_arch == newest[i].audit_arch;)
            next++;
        at = put(insns, at,
                 (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, newest[i].audit_arch, 0,
                                               (uint8_t) (2 + 3 * (next - i))));
        at = put(insns, at, (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, nr_offset));
        for (size_t j = i; j < next; j++) {
            at = put(insns, at,
                     (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest[j].last, 0, 2));
            at = put(insns, at,
                     (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest[j].limit, 1, 0));
            at = put(insns, at,
                     (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
        }
        /* The program behind us loads what it needs itself. */
        at = put(insns, at,
                 (struct sock_filter) BPF_STMT(BPF_JMP | BPF_JA, (uint32_t) (total - at - 1)));
    }
    return at;
}
