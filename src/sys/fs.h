/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * System calls on files, directories and memory. Kernel argument order, 0 or more or -errno. Both
 * sides. On the 64 bit architectures the C library's struct stat and struct statfs are the
 * kernel's; prefer cf_sys_statx() anyway, it tells the mount id.
 */

#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "sys/syscall.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif
#ifndef CLOSE_RANGE_UNSHARE
#define CLOSE_RANGE_UNSHARE (1U << 1)
#endif
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif
#ifndef STATX_MNT_ID_UNIQUE /* kernel 6.8+ */
#define STATX_MNT_ID_UNIQUE 0x00004000U
#endif
#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif
#ifndef MFD_NOEXEC_SEAL /* kernel 6.3+ */
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* Directory entry as getdents64(2) writes it: walk by d_reclen. */
struct cf_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};

static inline int cf_sys_openat(int dirfd, const char *path, int flags, uint32_t mode)
{
    return (int) cf_syscall4(__NR_openat, dirfd, (long) path, flags, (long) mode);
}

static inline int cf_sys_openat2(int dirfd, const char *path, const struct open_how *how,
                                 size_t size)
{
    return (int) cf_syscall4(__NR_openat2, dirfd, (long) path, (long) how, (long) size);
}

static inline int cf_sys_close(int fd)
{
    return (int) cf_syscall1(__NR_close, fd);
}

static inline long cf_sys_read(int fd, void *buf, size_t count)
{
    return cf_syscall3(__NR_read, fd, (long) buf, (long) count);
}

static inline long cf_sys_write(int fd, const void *buf, size_t count)
{
    return cf_syscall3(__NR_write, fd, (long) buf, (long) count);
}

static inline long cf_sys_pread64(int fd, void *buf, size_t count, int64_t offset)
{
    return cf_syscall4(__NR_pread64, fd, (long) buf, (long) count, offset);
}

static inline long cf_sys_pwrite64(int fd, const void *buf, size_t count, int64_t offset)
{
    return cf_syscall4(__NR_pwrite64, fd, (long) buf, (long) count, offset);
}

static inline long cf_sys_readv(int fd, const struct iovec *iov, int n)
{
    return cf_syscall3(__NR_readv, fd, (long) iov, n);
}

static inline long cf_sys_writev(int fd, const struct iovec *iov, int n)
{
    return cf_syscall3(__NR_writev, fd, (long) iov, n);
}

static inline long cf_sys_lseek(int fd, int64_t offset, int whence)
{
    return cf_syscall3(__NR_lseek, fd, offset, whence);
}

static inline int cf_sys_ftruncate(int fd, int64_t length)
{
    return (int) cf_syscall2(__NR_ftruncate, fd, length);
}

static inline int cf_sys_statx(int dirfd, const char *path, int flags, unsigned int mask,
                               struct statx *ret)
{
    return (int) cf_syscall5(__NR_statx, dirfd, (long) path, flags, (long) mask, (long) ret);
}

/* newfstatat(2) */
static inline int cf_sys_fstatat(int dirfd, const char *path, struct stat *ret, int flags)
{
    return (int) cf_syscall4(__NR_newfstatat, dirfd, (long) path, (long) ret, flags);
}

static inline int cf_sys_fstat(int fd, struct stat *ret)
{
    return (int) cf_syscall2(__NR_fstat, fd, (long) ret);
}

static inline int cf_sys_statfs(const char *path, struct statfs *ret)
{
    return (int) cf_syscall2(__NR_statfs, (long) path, (long) ret);
}

static inline int cf_sys_fstatfs(int fd, struct statfs *ret)
{
    return (int) cf_syscall2(__NR_fstatfs, fd, (long) ret);
}

static inline int cf_sys_mkdirat(int dirfd, const char *path, uint32_t mode)
{
    return (int) cf_syscall3(__NR_mkdirat, dirfd, (long) path, (long) mode);
}

/* @dev as the kernel takes it: makedev() of <sys/sysmacros.h> below 20 bits of minor fits. */
static inline int cf_sys_mknodat(int dirfd, const char *path, uint32_t mode, uint32_t dev)
{
    return (int) cf_syscall4(__NR_mknodat, dirfd, (long) path, (long) mode, (long) dev);
}

/* The 32 bit device number of mknod(2). @major below 4096, @minor below 2^20. */
static inline uint32_t cf_sys_makedev(uint32_t major, uint32_t minor)
{
    return (minor & 0xffu) | ((major & 0xfffu) << 8) | ((minor & ~0xffu) << 12);
}

static inline int cf_sys_symlinkat(const char *target, int dirfd, const char *path)
{
    return (int) cf_syscall3(__NR_symlinkat, (long) target, dirfd, (long) path);
}

static inline int cf_sys_linkat(int olddirfd, const char *oldpath, int newdirfd,
                                const char *newpath, int flags)
{
    return (int) cf_syscall5(__NR_linkat, olddirfd, (long) oldpath, newdirfd, (long) newpath,
                             flags);
}

static inline int cf_sys_unlinkat(int dirfd, const char *path, int flags)
{
    return (int) cf_syscall3(__NR_unlinkat, dirfd, (long) path, flags);
}

static inline int cf_sys_renameat2(int olddirfd, const char *oldpath, int newdirfd,
                                   const char *newpath, unsigned int flags)
{
    return (int) cf_syscall5(__NR_renameat2, olddirfd, (long) oldpath, newdirfd, (long) newpath,
                             (long) flags);
}

/* Not terminated; the result is the number of bytes. */
static inline long cf_sys_readlinkat(int dirfd, const char *path, char *buf, size_t size)
{
    return cf_syscall4(__NR_readlinkat, dirfd, (long) path, (long) buf, (long) size);
}

static inline int cf_sys_fchmod(int fd, uint32_t mode)
{
    return (int) cf_syscall2(__NR_fchmod, fd, (long) mode);
}

/* Follows symlinks: the system call has no flags before 6.6. */
static inline int cf_sys_fchmodat(int dirfd, const char *path, uint32_t mode)
{
    return (int) cf_syscall3(__NR_fchmodat, dirfd, (long) path, (long) mode);
}

static inline int cf_sys_fchown(int fd, uint32_t uid, uint32_t gid)
{
    return (int) cf_syscall3(__NR_fchown, fd, (long) uid, (long) gid);
}

static inline int cf_sys_fchownat(int dirfd, const char *path, uint32_t uid, uint32_t gid,
                                  int flags)
{
    return (int) cf_syscall5(__NR_fchownat, dirfd, (long) path, (long) uid, (long) gid, flags);
}

static inline int cf_sys_faccessat2(int dirfd, const char *path, int mode, int flags)
{
    return (int) cf_syscall4(__NR_faccessat2, dirfd, (long) path, mode, flags);
}

static inline int cf_sys_utimensat(int dirfd, const char *path, const struct timespec times[2],
                                   int flags)
{
    return (int) cf_syscall4(__NR_utimensat, dirfd, (long) path, (long) times, flags);
}

static inline long cf_sys_getdents64(int fd, void *buf, size_t size)
{
    return cf_syscall3(__NR_getdents64, fd, (long) buf, (long) size);
}

static inline int cf_sys_chdir(const char *path)
{
    return (int) cf_syscall1(__NR_chdir, (long) path);
}

static inline int cf_sys_fchdir(int fd)
{
    return (int) cf_syscall1(__NR_fchdir, fd);
}

static inline int cf_sys_chroot(const char *path)
{
    return (int) cf_syscall1(__NR_chroot, (long) path);
}

/* The raw call: length with the NUL; text that does not start with '/' is outside the root. */
static inline long cf_sys_getcwd(char *buf, size_t size)
{
    return cf_syscall2(__NR_getcwd, (long) buf, (long) size);
}

static inline uint32_t cf_sys_umask(uint32_t mask)
{
    return (uint32_t) cf_syscall1(__NR_umask, (long) mask);
}

static inline int cf_sys_flock(int fd, int operation)
{
    return (int) cf_syscall2(__NR_flock, fd, operation);
}

static inline int cf_sys_fcntl(int fd, int cmd, long arg)
{
    return (int) cf_syscall3(__NR_fcntl, fd, cmd, arg);
}

static inline int cf_sys_dup3(int oldfd, int newfd, int flags)
{
    return (int) cf_syscall3(__NR_dup3, oldfd, newfd, flags);
}

static inline int cf_sys_pipe2(int fds[2], int flags)
{
    return (int) cf_syscall2(__NR_pipe2, (long) fds, flags);
}

static inline int cf_sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
    return (int) cf_syscall3(__NR_close_range, (long) first, (long) last, (long) flags);
}

/* A number as argument. */
static inline int cf_sys_ioctl(int fd, unsigned long request, long arg)
{
    return (int) cf_syscall3(__NR_ioctl, fd, (long) request, arg);
}

static inline int cf_sys_ioctl_ptr(int fd, unsigned long request, void *arg)
{
    return (int) cf_syscall3(__NR_ioctl, fd, (long) request, (long) arg);
}

static inline long cf_sys_sendfile(int out_fd, int in_fd, int64_t *offset, size_t count)
{
    return cf_syscall4(__NR_sendfile, out_fd, in_fd, (long) offset, (long) count);
}

static inline long cf_sys_copy_file_range(int in_fd, int64_t *in_off, int out_fd, int64_t *out_off,
                                          size_t count, unsigned int flags)
{
    return cf_syscall6(__NR_copy_file_range, in_fd, (long) in_off, out_fd, (long) out_off,
                       (long) count, (long) flags);
}

static inline int cf_sys_memfd_create(const char *name, unsigned int flags)
{
    return (int) cf_syscall2(__NR_memfd_create, (long) name, (long) flags);
}

/* The address, or -errno in [-4095, -1]: test with cf_sys_is_error(). */
static inline long cf_sys_mmap(void *addr, size_t length, int prot, int flags, int fd,
                               int64_t offset)
{
    return cf_syscall6(__NR_mmap, (long) addr, (long) length, prot, flags, fd, offset);
}

static inline int cf_sys_munmap(void *addr, size_t length)
{
    return (int) cf_syscall2(__NR_munmap, (long) addr, (long) length);
}

static inline int cf_sys_mprotect(void *addr, size_t length, int prot)
{
    return (int) cf_syscall3(__NR_mprotect, (long) addr, (long) length, prot);
}

static inline int cf_sys_madvise(void *addr, size_t length, int advice)
{
    return (int) cf_syscall3(__NR_madvise, (long) addr, (long) length, advice);
}

static inline int cf_sys_is_error(long r)
{
    return r < 0 && r >= -4095;
}

static inline int cf_sys_fsync(int fd)
{
    return (int) cf_syscall1(__NR_fsync, fd);
}

/* Not for symlinks; O_PATH fds are refused by the kernel (EBADF). */
static inline long cf_sys_fgetxattr(int fd, const char *name, void *value, size_t size)
{
    return cf_syscall4(__NR_fgetxattr, fd, (long) name, (long) value, (long) size);
}

static inline int cf_sys_fsetxattr(int fd, const char *name, const void *value, size_t size,
                                   int flags)
{
    return (int) cf_syscall5(__NR_fsetxattr, fd, (long) name, (long) value, (long) size, flags);
}

static inline long cf_sys_flistxattr(int fd, char *list, size_t size)
{
    return cf_syscall3(__NR_flistxattr, fd, (long) list, (long) size);
}
