/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whole files. cf_io_write_all() and cf_io_read_buf() also exist in coffer-init; the rest is host
 * only, because it allocates. */

#include <stddef.h>
#include <stdint.h>

/** Writes everything, retries EINTR and short writes. Return: 0 or -errno. */
int cf_io_write_all(int fd, const void *data, size_t len);

/** Reads until end of file or until @size is full. Return: bytes, or -errno. */
long cf_io_read_buf(int fd, void *buf, size_t size);

/**
 * cf_io_read_all() - everything up to end of file
 * @limit: more bytes than this are -EFBIG
 * @ret: malloc'd, one NUL behind the data; caller frees
 * @ret_len: NULL allowed
 */
int cf_io_read_all(int fd, size_t limit, char **ret, size_t *ret_len);

/** openat(O_RDONLY|O_NONBLOCK|O_NOCTTY) of a regular file, then cf_io_read_all(). -EINVAL: no
 * regular file. */
int cf_io_read_file_at(int dirfd, const char *path, size_t limit, char **ret, size_t *ret_len);

/**
 * cf_io_replace_file_at() - a file appears with all its new content or not at all
 * @name: one component below @dirfd; a symlink there is replaced, not followed
 * @mode: exact
 * Writes `.NAME.tmp-RANDOM` and renames. No fsync: the directories concerned live in tmpfs.
 */
int cf_io_replace_file_at(int dirfd, const char *name, const void *data, size_t len,
                          uint32_t mode);

/** A sealed (no write, grow, shrink, seal), close-on-exec memfd with this content. */
int cf_io_sealed_memfd(const char *name, const void *data, size_t len, unsigned int extra_flags);

/**
 * cf_io_append_open() - a file that others' output is appended to, made (0600) if it is not there
 * The last component is never a symlink: -ELOOP. A pipe or a character device will do (a pipe that nobody reads:
 * -ENXIO), never waits. Return: close-on-exec fd for writing at the end, or -errno; -EINVAL: something else.
 */
int cf_io_append_open(const char *path);
