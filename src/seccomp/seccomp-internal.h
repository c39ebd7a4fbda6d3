/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the files of src/seccomp and their tests. Host side. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "seccomp/seccomp.h"

/* The kernel's limit (BPF_MAXINSNS). */
#define CF_SECCOMP_MAX_INSNS 4096u
/* Compiled programs that are kept; the oldest goes first. */
#define CF_SECCOMP_CACHE_MAX 64u

#define CF_SECCOMP_X32_BIT 0x40000000u

/* Which library made a program: its file, so that an update makes the programs of the old one stale. */
struct cf_seccomp_library {
    uint64_t dev, ino, size;
    int64_t mtime_ns;
    char version[16];
    char path[200]; /* "": unknown, the version of the headers must do */
};

/* --- seccomp-build.c, or seccomp-none.c without libseccomp's headers --- */

/**
 * cf_seccomp_build() - compile a profile that cf_seccomp_check() has accepted
 * @strict: unknown system call names are errors
 * Loads libseccomp. Sets everything of *ret but the flags.
 */
int cf_seccomp_build(const struct ocispec_seccomp *profile, bool strict, struct cf_arena *arena,
                     struct cf_seccomp_program *ret, struct cf_err *err);
/** Version of the headers: major << 16 | minor << 8 | micro; 0 without. */
uint32_t cf_seccomp_headers_version(void);
/** Fills version and path; loads libseccomp. 0 or -errno. */
int cf_seccomp_library(struct cf_seccomp_library *ret);
/** libseccomp knows this name of an architecture (its own spelling). Loads it; true when that fails. */
bool cf_seccomp_library_has_arch(const char *name);

/* --- seccomp-enosys.c --- */

/* One range of numbers that came after the profile. x86-64 and x32 share an audit architecture. */
struct cf_seccomp_newest {
    uint32_t audit_arch;
    uint32_t last;  /* highest number that the profile names */
    uint32_t limit; /* highest number of this kind of call */
};

#define CF_SECCOMP_NEWEST_MAX_INSNS 7u /* per range; one more for the load in front */

/**
 * cf_seccomp_enosys_prologue() - answers ENOSYS for calls that are newer than the profile
 * @insns: room for n * CF_SECCOMP_NEWEST_MAX_INSNS + 1; ranges of one audit_arch stand together
 * Everything else goes on behind the prologue. Pure. Return: instructions written.
 */
size_t cf_seccomp_enosys_prologue(const struct cf_seccomp_newest *newest, size_t n, uint64_t *insns);

/** Does the default action call for it? Only ERRNO with EPERM. Pure. */
bool cf_seccomp_wants_enosys(uint32_t default_action);

/* --- seccomp-exact.c --- */

/* A system call that gets code of ours, on one architecture. */
struct cf_seccomp_exact {
    uint32_t audit_arch;
    uint32_t nr;
    const struct ocispec_seccomp_syscall *const *rules; /* in the order of the profile */
    size_t n_rules;
};

/** The same argument has several conditions: then they are joined by "or". */
bool cf_seccomp_one_argument_twice(const struct ocispec_seccomp_syscall *rule);

/** Are these rules of one call beyond what libseccomp compiles faithfully? @x32: that is among the architectures.
 *  Pure. */
bool cf_seccomp_needs_exact(const struct ocispec_seccomp_syscall *const *rules, size_t n, bool x32);

/**
 * cf_seccomp_exact_prologue() - decides these calls, goes on behind itself for all others
 * @insns: @room instructions; Pure. Return: instructions needed, which may be more than @room.
 */
size_t cf_seccomp_exact_prologue(const struct cf_seccomp_exact *calls, size_t n, uint32_t default_action,
                                 uint64_t *insns, size_t room);

/* --- seccomp-cache.c --- */

/** Name of a program: digest of everything its meaning depends on. Pure. */
void cf_seccomp_cache_key(const struct ocispec_seccomp *profile, bool strict,
                          unsigned char ret[CF_SHA256_SIZE]);
/** Return: 1 and the program (without flags), or 0. A file that is not right is removed. */
int cf_seccomp_cache_load(int dir_fd, const unsigned char key[CF_SHA256_SIZE], struct cf_arena *arena,
                          struct cf_seccomp_program *ret);
/** Best effort. */
void cf_seccomp_cache_store(int dir_fd, const unsigned char key[CF_SHA256_SIZE],
                            const struct cf_seccomp_program *program);
