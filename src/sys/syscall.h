/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The raw system call: arguments in kernel order, result as the kernel returns it (0 or more, or
 * a negative errno). No errno variable, so the same code runs hosted, between clone3 and execve
 * of a copied process, and in the freestanding coffer-init. Everything else composes the typed
 * wrappers of the themed headers beside this one; nobody calls syscall(2).
 *
 * All pointers are the caller's responsibility; the wrappers add no meaning of their own.
 */

#include <asm/unistd.h>
#include <stdint.h>

#if defined(__clang_analyzer__)

/* The analyzer does not look into assembly: a function it cannot see may write through its arguments. */
long cf_syscall0(long nr);
long cf_syscall1(long nr, long a);
long cf_syscall2(long nr, long a, long b);
long cf_syscall3(long nr, long a, long b, long c);
long cf_syscall4(long nr, long a, long b, long c, long d);
long cf_syscall5(long nr, long a, long b, long c, long d, long e);
long cf_syscall6(long nr, long a, long b, long c, long d, long e, long f);

#elif defined(__x86_64__)

static inline long cf_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}

static inline long cf_syscall4(long nr, long a, long b, long c, long d)
{
    register long r10 __asm__("r10") = d;
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "rcx", "r11", "memory");
    return ret;
}

static inline long cf_syscall5(long nr, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return ret;
}

static inline long cf_syscall3(long nr, long a, long b, long c)
{
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return ret;
}

static inline long cf_syscall2(long nr, long a, long b)
{
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b)
                     : "rcx", "r11", "memory");
    return ret;
}

static inline long cf_syscall1(long nr, long a)
{
    long ret;

    __asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a) : "rcx", "r11", "memory");
    return ret;
}

static inline long cf_syscall0(long nr)
{
    long ret;

    __asm__ volatile("syscall" : "=a"(ret) : "a"(nr) : "rcx", "r11", "memory");
    return ret;
}

#elif defined(__aarch64__)

static inline long cf_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;

    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory", "cc");
    return x0;
}

static inline long cf_syscall5(long nr, long a, long b, long c, long d, long e)
{
    return cf_syscall6(nr, a, b, c, d, e, 0);
}

static inline long cf_syscall4(long nr, long a, long b, long c, long d)
{
    return cf_syscall6(nr, a, b, c, d, 0, 0);
}

static inline long cf_syscall3(long nr, long a, long b, long c)
{
    return cf_syscall6(nr, a, b, c, 0, 0, 0);
}

static inline long cf_syscall2(long nr, long a, long b)
{
    return cf_syscall6(nr, a, b, 0, 0, 0, 0);
}

static inline long cf_syscall1(long nr, long a)
{
    return cf_syscall6(nr, a, 0, 0, 0, 0, 0);
}

static inline long cf_syscall0(long nr)
{
    return cf_syscall6(nr, 0, 0, 0, 0, 0, 0);
}

#else /* any other 64 bit architecture: the C library, its errno turned around and restored */

#include <errno.h>
#include <unistd.h>

static inline long cf_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long ret = syscall(nr, a, b, c, d, e, f);

    if (ret == -1) {
        ret = -errno;
        errno = saved;
    }
    return ret;
}

#define cf_syscall5(nr, a, b, c, d, e) cf_syscall6(nr, a, b, c, d, e, 0)
#define cf_syscall4(nr, a, b, c, d) cf_syscall6(nr, a, b, c, d, 0, 0)
#define cf_syscall3(nr, a, b, c) cf_syscall6(nr, a, b, c, 0, 0, 0)
#define cf_syscall2(nr, a, b) cf_syscall6(nr, a, b, 0, 0, 0, 0)
#define cf_syscall1(nr, a) cf_syscall6(nr, a, 0, 0, 0, 0, 0)
#define cf_syscall0(nr) cf_syscall6(nr, 0, 0, 0, 0, 0, 0)

#endif

#if !defined(__LP64__)
#error "coffer supports 64 bit Linux only"
#endif
