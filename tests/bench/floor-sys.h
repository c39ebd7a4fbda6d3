/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the floor program has instead of a C library: raw system calls, a few string helpers, its entry.
 * Everything is static inline, so that all files of the program can include it.
 */
#ifndef FLOOR_SYS_H
#define FLOOR_SYS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long ret;

    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
#elif defined(__aarch64__)
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
                     : "memory");
    return x0;
#else
#error "the floor program has no system call code for this architecture"
#endif
}

#define L(x) ((long) (x))
#define sys1(n) sys6(L(n), 0, 0, 0, 0, 0, 0)
#define sys2(n, a) sys6(L(n), L(a), 0, 0, 0, 0, 0)
#define sys3(n, a, b) sys6(L(n), L(a), L(b), 0, 0, 0, 0)
#define sys4(n, a, b, c) sys6(L(n), L(a), L(b), L(c), 0, 0, 0)
#define sys5(n, a, b, c, d) sys6(L(n), L(a), L(b), L(c), L(d), 0, 0)
#define sys6a(n, a, b, c, d, e) sys6(L(n), L(a), L(b), L(c), L(d), L(e), 0)
#define sys7a(n, a, b, c, d, e, f) sys6(L(n), L(a), L(b), L(c), L(d), L(e), L(f))
#define SYS_PICK(_1, _2, _3, _4, _5, _6, _7, name, ...) name
/* sys(NR, args...): up to six arguments, each cast to long. */
#define sys(...) SYS_PICK(__VA_ARGS__, sys7a, sys6a, sys5, sys4, sys3, sys2, sys1, 0)(__VA_ARGS__)

static inline size_t text_length(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

static inline int text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Appends; the buffers of this program are large enough for its own fixed texts. */
static inline char *put_text(char *p, const char *s)
{
    while (*s)
        *p++ = *s++;
    *p = '\0';
    return p;
}

static inline char *put_number(char *p, uint64_t v)
{
    char digits[20];
    int n = 0;

    do {
        digits[n++] = (char) ('0' + v % 10);
        v /= 10;
    } while (v);
    while (n)
        *p++ = digits[--n];
    *p = '\0';
    return p;
}

static inline uint64_t get_number(const char **p)
{
    uint64_t v = 0;

    while (**p >= '0' && **p <= '9')
        v = v * 10 + (uint64_t) (*(*p)++ - '0');
    while (**p == ' ' || **p == '\n')
        (*p)++;
    return v;
}

/*
 * The entry of a program: `int MAIN(int argc, char **argv)` with an aligned stack. In assembler as a whole, because not
 * every compiler knows functions without a prologue on every processor.
 */
#if defined(__x86_64__)
#define FLOOR_ENTRY "_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call floor_entry\n"
#elif defined(__aarch64__)
#define FLOOR_ENTRY "_start: mov x29, #0\n mov x0, sp\n bl floor_entry\n"
#else
#error "the programs of the benchmark have no start code for this architecture"
#endif
#define FLOOR_START(MAIN)                                                                          \
    __asm__(".text\n.globl _start\n.type _start, %function\n" FLOOR_ENTRY);                         \
    __attribute__((noreturn, used)) void floor_entry(long *stack);                                 \
    void floor_entry(long *stack)                                                                  \
    {                                                                                              \
        sys(SYS_exit_group, MAIN((int) stack[0], (char **) (stack + 1)));                          \
        __builtin_unreachable();                                                                   \
    }

/* Ends the program when r is an error; `step` names the place in the message. */
static inline void need(long r, const char *step)
{
    char buf[128];
    char *p;

    if (r >= 0)
        return;
    p = put_text(buf, "floor: ");
    p = put_text(p, step);
    p = put_text(p, ": errno ");
    p = put_number(p, (uint64_t) -r);
    *p++ = '\n';
    sys(SYS_write, 2, buf, p - buf);
    sys(SYS_exit_group, 1);
    __builtin_unreachable();
}

#endif
