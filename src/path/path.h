/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one resolver. Everything inside a rootfs, in procfs and below our own state directories that
 * can be touched by somebody hostile goes through here: openat2 from a pinned directory fd, the
 * result kept as an fd, the type checked through that fd. Both sides, freestanding, numbers only.
 *
 * `resolve_extra` is 0 or RESOLVE_NO_SYMLINKS (API mounts: a symlink anywhere is -ELOOP),
 * RESOLVE_NO_XDEV. All results are O_CLOEXEC. Nothing here follows a magic link.
 */

#include <linux/limits.h> /* PATH_MAX, also freestanding */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sys/fs.h"

#define CF_PROC_SUPER_MAGIC 0x9fa0
#define CF_PATH_NAME_MAX 256
/* openat2 says EAGAIN when somebody renames or mounts at the wrong moment. */
#define CF_PATH_MAX_RETRIES 128

/* ---- clean.c: text only ---- */

/** True if @path begins with '/'. NULL and "" are not absolute. */
bool cf_path_is_absolute(const char *path);

/**
 * cf_path_component_ok() - may this text of config.json become a file name? (one component)
 * Not empty, not "." or "..", no '/', printable ASCII only, at most 255 bytes.
 */
bool cf_path_component_ok(const char *name);

/**
 * cf_path_clean() - lexical cleaning: repeated and trailing slashes and "." components go away
 * @out: may not overlap @in
 *
 * ".." is kept, because what it means depends on symlinks: only the kernel may resolve it. The
 * result of an absolute path is absolute ("/" at least); of a relative one at least ".".
 * Return: length, -EINVAL for NULL or "", -ENAMETOOLONG (path above PATH_MAX - 1, component above
 * 255 bytes, or @size too small).
 */
int cf_path_clean(const char *in, char *out, size_t size);

/** True if some component is "..". */
bool cf_path_has_dotdot(const char *path);

/** True if the clean path @path is @dir or below it. Text only; both cleaned and absolute. */
bool cf_path_is_below(const char *path, const char *dir);

/* ---- inroot.c: inside a rootfs ---- */

/**
 * cf_inroot_open() - openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | @resolve_extra)
 * @path: absolute or relative, means the same: from the root
 * @oflags: open flags; O_CLOEXEC is added. No O_CREAT here: -EINVAL.
 * Opening a FIFO or a device without O_PATH has effects: open O_PATH first, check, then
 * cf_reopen().
 * Return: fd or -errno; -EAGAIN after 128 tries against a renaming adversary.
 */
int cf_inroot_open(int root_fd, const char *path, int oflags, uint64_t resolve_extra);

/**
 * cf_inroot_mkdirs() - open a directory inside the root, making what is missing
 * @mode: of new directories (exact: umask does not matter)
 * @ret_fd: O_PATH directory
 *
 * Existing symlinks are followed inside the root, also dangling ones (what they name is made),
 * unless RESOLVE_NO_SYMLINKS. New components are made one by one below a verified parent fd and
 * must be directories when opened again without following.
 * Return: number of directories made (0: all existed), -ENOTDIR, -ELOOP, -EROFS, ...
 */
int cf_inroot_mkdirs(int root_fd, const char *path, uint32_t mode, uint64_t resolve_extra,
                     int *ret_fd);

/**
 * cf_inroot_mkfile() - open what is at @path, making an empty regular file if nothing is there
 * @mode: of a new file; missing parents are made with 0755
 * @ret_fd: O_PATH fd, never a symlink
 * @ret_type: S_IFMT bits of what is there; NULL allowed
 *
 * An existing file of any type, also a directory, is returned untouched and unopened (O_PATH).
 * Return: 1 made, 0 existed, or -errno.
 */
int cf_inroot_mkfile(int root_fd, const char *path, uint32_t mode, uint64_t resolve_extra,
                     int *ret_fd, uint32_t *ret_type);

/**
 * cf_inroot_parent() - directory of the last component, and that component
 * @mkdirs: make missing parents with 0755
 * @resolve_extra: for the parent; the last component is not looked at
 * Return: 0; -EINVAL if the last component is empty, "." or ".."; -ENAMETOOLONG.
 */
int cf_inroot_parent(int root_fd, const char *path, bool mkdirs, uint64_t resolve_extra,
                     int *ret_parent_fd, char ret_name[CF_PATH_NAME_MAX]);

/**
 * cf_inroot_symlink() - make a symlink, missing parents with 0755
 * Return: 1 made, 0 when a symlink with the same text is already there, -EEXIST for anything else.
 */
int cf_inroot_symlink(int root_fd, const char *path, const char *target, uint64_t resolve_extra);

/**
 * cf_inroot_readlink() - text of the symlink at @path (the last component is not followed)
 * Return: length, terminated; -EINVAL if it is no symlink, -ENAMETOOLONG if @size is too small.
 */
int cf_inroot_readlink(int root_fd, const char *path, char *buf, size_t size);

/** File type (S_IFMT bits) behind any fd, also O_PATH, or -errno. */
int cf_fd_type(int fd);

/* ---- procfs.c ---- */

/**
 * cf_procfs_open() - a private, never attached procfs of the pid namespace we are in
 * @subset_pid: only process directories (no /proc/sys, nothing global)
 * Return: mount fd (use it as directory fd), or -errno: -EPERM where fsopen is not permitted.
 */
int cf_procfs_open(bool subset_pid);

/**
 * cf_procfs_open_host() - the visible /proc, checked (O_PATH directory). Host side.
 * Not a private one: closing a mount that was never attached costs a grace period, and everything
 * is opened with cf_procfs_open_at(), which nothing mounted over it can deceive.
 */
int cf_procfs_open_host(void);

/** 0 if @fd is the root of a procfs (magic, inode 1), -ENOTSUP if not, or -errno. */
int cf_procfs_check(int fd);

/**
 * cf_procfs_open_at() - open a regular file of exactly this procfs
 * @relpath: relative, without "self" as symlink target outside: "self/attr/exec", "sys/net/..."
 * @oflags: O_RDONLY, O_WRONLY, O_RDWR; O_NOFOLLOW and O_CLOEXEC are added
 * No mount is crossed, no magic link followed; the result is a regular file of the same mount.
 * Return: fd, or -errno; -EXDEV when something is mounted over it.
 */
int cf_procfs_open_at(int proc_fd, const char *relpath, int oflags);

/** Opens, checks and writes with one write(2); a short write is -EIO. Return: 0 or -errno. */
int cf_procfs_write(int proc_fd, const char *relpath, const void *data, size_t len);

/** Reads at most @size - 1 bytes and terminates. Return: length, or -errno. */
long cf_procfs_read(int proc_fd, const char *relpath, char *buf, size_t size);

/* ---- reopen.c ---- */

/**
 * cf_reopen() - open the inode behind an (O_PATH) fd with other flags
 * @proc_fd: a procfs from cf_procfs_open(); -1: the visible /proc, checked to be a procfs
 * @oflags: without O_NOFOLLOW and O_CREAT; O_CLOEXEC is added
 * Directories are opened without procfs. Return: fd or -errno.
 */
int cf_reopen(int proc_fd, int fd, int oflags);

/**
 * cf_inroot_open_regular() - open a file of the rootfs for reading, only if it is a regular file
 * Never blocks on a FIFO and has no effect on devices. Return: fd, -EINVAL for another type.
 */
int cf_inroot_open_regular(int root_fd, const char *path, int proc_fd);

/* ---- rmtree.c: host side, our own directories ---- */

#define CF_RMTREE_MAX_DEPTH 32

/**
 * cf_rmtree_at() - remove a file or a whole directory
 * @name: one component
 * Follows no symlink, crosses no mount (-EXDEV), goes CF_RMTREE_MAX_DEPTH deep (-ELOOP).
 * Return: 0, also when it does not exist; or the first -errno (the rest is removed all the same).
 */
int cf_rmtree_at(int dirfd, const char *name);
