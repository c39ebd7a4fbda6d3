/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A process goes on in a clone of itself, and ends. The clone shares its memory, so nothing is copied, and it goes on
 * upon the same stack, which the one that ends never touches again: hence assembly from the one call to the other.
 * Container side.
 */

#include <stdint.h>

#include "sys/task.h"

/**
 * cf_sys_clone_away() - clone(2) with CLONE_VM and CLONE_PARENT_SETTID; returns in the clone, the caller exits with 0
 * @flags: CLONE_* in addition
 * @ret_pid: number of the clone as the caller sees it: the clone itself may be in another pid namespace
 * Return: 0 in the clone; or -errno, in the caller.
 *
 * Signals have to be blocked: a handler would run on the stack that is not ours any more.
 */
#if defined(__clang_analyzer__)
int cf_sys_clone_away(unsigned long flags, int32_t *ret_pid);
#elif defined(__x86_64__)
static inline int cf_sys_clone_away(unsigned long flags, int32_t *ret_pid)
{
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;
    unsigned long rdi = flags | CLONE_VM | CLONE_PARENT_SETTID;
    long ret = __NR_clone;

    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jle 1f\n\t"
                     "xor %%edi, %%edi\n\t"
                     "mov %[exit], %%eax\n\t"
                     "syscall\n\t"
                     "hlt\n"
                     "1:"
                     : "+a"(ret), "+D"(rdi)
                     : "S"(0L), "d"(ret_pid), "r"(r10), "r"(r8), [exit] "i"(__NR_exit_group)
                     : "rcx", "r11", "memory", "cc");
    return (int) ret;
}
#elif defined(__aarch64__)
static inline int cf_sys_clone_away(unsigned long flags, int32_t *ret_pid)
{
    register long x8 __asm__("x8") = __NR_clone;
    register long x0 __asm__("x0") = (long) (flags | CLONE_VM | CLONE_PARENT_SETTID);
    register long x1 __asm__("x1") = 0;
    register long x2 __asm__("x2") = (long) ret_pid;
    register long x3 __asm__("x3") = 0;
    register long x4 __asm__("x4") = 0;

    __asm__ volatile("svc #0\n\t"
                     "cmp x0, #0\n\t"
                     "b.le 1f\n\t"
                     "mov x0, #0\n\t"
                     "mov x8, %[exit]\n\t"
                     "svc #0\n\t"
                     "brk #0\n"
                     "1:"
                     : "+r"(x0), "+r"(x8)
                     : "r"(x1), "r"(x2), "r"(x3), "r"(x4), [exit] "i"(__NR_exit_group)
                     : "memory", "cc");
    return (int) x0;
}
#else
#error "no cf_sys_clone_away() for this architecture: see src/init/meson.build"
#endif
