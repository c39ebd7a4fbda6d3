/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For the files of state/ and their tests only. */

#include "state/state.h"

#define CF_STORE_TMP_PREFIX ".tmp-"
#define CF_STORE_DEAD_PREFIX ".dead-"
#define CF_STORE_NAME_SIZE 32 /* a prefix, 16 hex digits */

struct cf_store {
    int dir_fd;
};

struct cf_entry {
    struct cf_store *store; /* borrowed: lives longer */
    int dir_fd; /* the lock is on it */
    enum cf_lock lock;
    bool no_gate; /* the record says that there never was a start.sock */
    char id[256];
};

/** "<prefix>0123456789abcdef", not guessable. Return: 0 or -errno. */
int cf_store_random_name(char buf[CF_STORE_NAME_SIZE], const char *prefix);

/**
 * cf_store_remove_tree() - remove <name> below a directory with everything in it
 * What is already gone is no error. Return: 0 or -errno.
 */
int cf_store_remove_tree(int dir_fd, const char *name);
/** The same for a directory that is open as @fd already. @no_gate: most likely without start.sock. */
int cf_store_remove_open(int dir_fd, const char *name, int fd, bool no_gate);

/** Removes .tmp-* or .dead-* @name unless somebody holds its lock. */
void cf_store_sweep_one(struct cf_store *store, const char *name);

/**
 * cf_lock_take() - lock a container's directory, change the lock, or unlock
 * @timeout_ms: 0: -EWOULDBLOCK at once when it is taken; otherwise -ETIMEDOUT after that time
 * Return: 0 or -errno.
 */
int cf_lock_take(int dir_fd, enum cf_lock lock, int timeout_ms);

/** The text of state.json, malloc'd. Pure. */
int cf_record_format(const struct cf_record *record, char **ret, size_t *ret_len, struct cf_err *err);
/**
 * cf_record_parse() - text of state.json to a record
 * @id: the name of the directory it was found in; another one inside is an error
 * Pure. -EBADMSG, kind STATE, for everything that is wrong with the text.
 */
int cf_record_parse(const char *text, size_t len, const char *id, struct cf_arena *arena,
                    struct cf_record *ret, struct cf_err *err);

/** Start time in the text of /proc/PID/stat, which is changed. Pure. Return: 0, -ESRCH for a zombie, -EBADMSG. */
int cf_proc_parse_stat(char *text, uint64_t *ret);
