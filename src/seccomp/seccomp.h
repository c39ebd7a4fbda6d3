/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Seccomp: profile -> program, cached on disk. libseccomp is loaded only on a cache miss. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "spec/spec.h"

struct seccomp_data; /* linux/seccomp.h */

struct cf_seccomp_program {
    const uint64_t *insns; /* struct sock_filter */
    size_t n;
    uint32_t flags; /* SECCOMP_FILTER_FLAG_* */
    uint32_t n_unknown; /* names of the profile that libseccomp did not know: skipped */
};

/** Cross-field rules of linux.seccomp beyond cf_spec_check(); called by cf_seccomp_prepare(). Pure. */
int cf_seccomp_check(const struct ocispec_seccomp *profile, struct cf_err *err);

/**
 * cf_seccomp_prepare() - the program for a profile
 * @cache_dir_fd: directory for compiled programs, or -1 for none
 * Cache key: SHA-256 over a canonical form of profile, architecture, library version, format number. A damaged
 * cache file is removed and rebuilt, never an error.
 * Errors: UNSUPPORTED (built without, library missing), CONFIG with field.
 */
int cf_seccomp_prepare(const struct ocispec_seccomp *profile, int cache_dir_fd, struct cf_arena *arena,
                       struct cf_seccomp_program *ret, struct cf_err *err);

/**
 * cf_seccomp_prepare_config() - the same for linux.seccomp of a whole config.json, with its annotations
 * `run.oci.seccomp_fail_unknown_syscall` (present and not `0`): an unknown system call name is an error.
 * Without linux.seccomp: n = 0.
 */
int cf_seccomp_prepare_config(const struct ocispec_config *config, int cache_dir_fd, struct cf_arena *arena,
                              struct cf_seccomp_program *ret, struct cf_err *err);

/* Who gets the notifications of a profile with SCMP_ACT_NOTIFY. Strings are borrowed from the configuration. */
struct cf_seccomp_listener {
    const char *path;     /* of its socket; NULL: the profile notifies nobody */
    const char *metadata; /* NULL: none */
    const char *field;    /* which says so; NULL: the environment */
};

/** Has the profile a rule with SCMP_ACT_NOTIFY? Then the filter is installed with NEW_LISTENER. Pure. */
bool cf_seccomp_notifies(const struct ocispec_seccomp *profile);

/**
 * cf_seccomp_listener_plan() - who gets the listener of linux.seccomp, and may the profile have one
 * @no_new_privs: of the process that gets the filter: then it is installed last
 * @fallback: RUN_OCI_SECCOMP_RECEIVER; NULL: not set
 * linux.seccomp.listenerPath counts first, then the annotation run.oci.seccomp.receiver, then @fallback. A rule
 * that would stop calls which coffer-init makes itself once the filter is there is refused. Pure.
 */
int cf_seccomp_listener_plan(const struct ocispec_config *config, bool no_new_privs, const char *fallback,
                             struct cf_seccomp_listener *ret, struct cf_err *err);

/** Is there a socket at all? For a container whose listener is only needed at start. */
int cf_seccomp_listener_look(const struct cf_seccomp_listener *listener, struct cf_err *err);
/** Return: a connected socket, or negative errno with err. */
int cf_seccomp_listener_connect(const struct cf_seccomp_listener *listener, struct cf_err *err);
/** Sends @fd with @state, the container process state as JSON. */
int cf_seccomp_listener_send(const struct cf_seccomp_listener *listener, int sock, int fd, const char *state,
                             struct cf_err *err);

/** What the kernel would answer for one call: SECCOMP_RET_* with data. A program that the kernel would not take
 *  answers SECCOMP_RET_KILL_PROCESS. Pure. */
uint32_t cf_seccomp_run(const struct cf_seccomp_program *program, const struct seccomp_data *data);

/** Pure: would the program let through the calls that init makes after installing it? NULL, or the name of the first
 *  call it refuses (a warning). @no_new_privs: then it is installed last, and only execve follows. */
const char *cf_seccomp_check_gate(const struct cf_seccomp_program *program, uint32_t audit_arch,
                                  bool no_new_privs);

/** AUDIT_ARCH_* of this build. */
uint32_t cf_seccomp_native_arch(void);

/** Version of libseccomp for --version and features, loaded on demand: "2.5.4", or NULL. */
const char *cf_seccomp_library_version(char *buf, size_t size);
/** Is it compiled in? */
int cf_seccomp_enabled(void);
