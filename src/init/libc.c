/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The few memory and string functions that compilers call and our code uses, for the image without
 * a C library. Only in coffer-init. The empty assembly in the loops keeps the compiler from
 * recognising memcpy in memcpy and calling itself.
 */

#include <stdint.h>
#include <string.h>

#define KEEP_LOOP(p) __asm__ volatile("" : "+r"(p)::"memory")

void *memcpy(void *restrict dest, const void *restrict src, size_t n)
{
#if defined(__x86_64__)
    void *d = dest;

    __asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n)::"memory");
#else
    unsigned char *d = dest;
    const unsigned char *s = src;

    for (; n >= 8 && (((uintptr_t) d | (uintptr_t) s) & 7) == 0; n -= 8, d += 8, s += 8) {
        uint64_t word;

        __builtin_memcpy(&word, __builtin_assume_aligned(s, 8), 8);
        __builtin_memcpy(__builtin_assume_aligned(d, 8), &word, 8);
        KEEP_LOOP(d);
    }
    for (; n > 0; n--) {
        *d++ = *s++;
        KEEP_LOOP(d);
    }
#endif
    return dest;
}

void *memmove(void *dest, const void *src, size_t n)
{
    unsigned char *d = dest;
    const unsigned char *s = src;

    /* Unsigned: also true when dest is below src. */
    if ((uintptr_t) dest - (uintptr_t) src >= n)
        return memcpy(dest, src, n);
    while (n > 0) {
        n--;
        d[n] = s[n];
        KEEP_LOOP(d);
    }
    return dest;
}

void *memset(void *dest, int c, size_t n)
{
#if defined(__x86_64__)
    void *d = dest;

    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
#else
    unsigned char *d = dest;

    for (; n > 0; n--) {
        *d++ = (unsigned char) c;
        KEEP_LOOP(d);
    }
#endif
    return dest;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;

    for (; n > 0; n--, x++, y++) {
        if (*x != *y)
            return *x < *y ? -1 : 1;
    }
    return 0;
}

size_t strlen(const char *s)
{
    const char *p = s;

    while (*p) {
        p++;
        KEEP_LOOP(p);
    }
    return (size_t) (p - s);
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n > 0; n--, a++, b++) {
        unsigned char x = (unsigned char) *a, y = (unsigned char) *b;

        if (x != y)
            return x < y ? -1 : 1;
        if (x == 0)
            break;
    }
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, SIZE_MAX);
}

char *strrchr(const char *s, int c)
{
    const char *found = NULL;

    for (;; s++) {
        if (*s == (char) c)
            found = s;
        if (*s == '\0')
            break;
    }
    return (char *) (uintptr_t) found;
}

char *strchr(const char *s, int c)
{
    for (; *s != (char) c; s++) {
        if (*s == '\0')
            return NULL;
    }
    return (char *) (uintptr_t) s;
}
