/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the container side share among themselves and with their unit tests. The
 * contract with other parts is init.h. Freestanding; no allocation.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/num.h"
#include "init/init.h"

/* ---- main.c ---- */

/**
 * cf_init_main() - the whole life of init, from arguments to execve
 * @argv: { name, decimal number of the wire's fd }
 * Ends the process: by execve, or with status 1 after the error was reported.
 */
__attribute__((noreturn)) void cf_init_main(int argc, char **argv, const unsigned long *auxv);

/** Closes everything that was needed to build the container, once: early under a seccomp filter
 *  that comes early, else right before READY. */
int cf_init_drop_construction(struct cf_init *in, struct cf_err *err);

/* ---- gate.c ---- */

/** Pure: does this signal with its default action end a process? */
bool cf_gate_child_ends(int signo);

/* ---- process/home-child.c ---- */

/* A line of /etc/passwd is taken byte by byte: nothing is ever held but the one field we want. */
struct cf_passwd_scan {
    uint32_t uid;        /* wanted */
    char *home;
    size_t size;
    size_t used;
    size_t line_bytes;
    uint64_t number;     /* third field so far */
    unsigned int field;  /* 0-based */
    unsigned int digits; /* of the third field */
    bool bad;            /* this line is no entry */
    bool found;
};

/** Starts to look for @uid; the home directory goes to @home. */
void cf_passwd_scan_begin(struct cf_passwd_scan *scan, uint32_t uid, char *home, size_t size);
/** Return: 1 when found (terminated text in home), 0: more is needed. */
int cf_passwd_scan_feed(struct cf_passwd_scan *scan, const char *data, size_t len);
/** End of file counts as end of line. Return: 1 found, 0 not. */
int cf_passwd_scan_end(struct cf_passwd_scan *scan);

/** Home directory of the process's uid by the container's /etc/passwd, "/" when that tells none.
 *  Before the pivot or after: needs root_fd. Never fails. */
void cf_home_child_find(struct cf_init *in, char *home, size_t size);

/* ---- process/rlimit-child.c ---- */

/** All limits except those that could stop ourselves (files, memory, stack): of these only the
 *  hard limit is raised where it must be, while we may. */
int cf_rlimit_child_early(struct cf_init *in, struct cf_err *err);
/** The exact values of the rest. Needs no privilege. */
int cf_rlimit_child_final(struct cf_init *in, struct cf_err *err);

/* ---- process/exec-child.c ---- */

/**
 * cf_exec_child_search() - find the program @name
 * @path_env: value of PATH, NULL: none in the environment
 * @out: path for execve; relative to the working directory if @name or the entry of PATH is
 */
int cf_exec_child_search(const char *name, const char *path_env, char *out, size_t size,
                         struct cf_err *err);

/* ---- process/exec-run-child.c ---- */

/** Makes in->argv and in->envp (with HOME if asked for). */
int cf_exec_child_prepare(struct cf_init *in, struct cf_err *err);
/** Pointers to the strings of @strings behind @first (NULL: nothing), NULL-terminated; anonymous
 *  memory. Return: NULL when out of memory. */
const char **cf_exec_child_vector(const struct cf_blob *blob, const char *first,
                                  struct cf_ref strings);
/** Closes every fd from @first on except those of @keep (@n: a few; -1 and lower ones do not
 *  matter). Return: 0 or -errno. */
int cf_exec_child_close(int first, const int *keep, unsigned int n);
/** Signals as a new program expects them: nothing ignored, nothing blocked. */
void cf_exec_child_signals(const struct cf_init *in);

/* ---- hook/hook-child.c ---- */

/** The state text around the pid as three pieces. Return: total length. */
size_t cf_hook_child_state(struct iovec iov[3], char pid_text[CF_NUM_SIZE], const char *head,
                           int pid, const char *tail);

/* ---- security/caps-child.c ---- */

/** Pure: capabilities to take out of the bounding set. */
uint64_t cf_caps_child_unwanted(const struct cf_blob_header *h);
/** Pure: one set as it will be asked for: nothing beyond what the kernel knows, empty with
 *  CF_BLOB_NO_CAPABILITIES. */
uint64_t cf_caps_child_wanted(const struct cf_blob_header *h, uint64_t set);

/* ---- security/lsm-child.c ---- */

/** Label of the keyring that will be made next, if the blob has one. */
int cf_lsm_child_set_key(struct cf_init *in, struct cf_err *err);
