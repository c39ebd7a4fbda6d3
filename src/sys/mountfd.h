/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The mount system calls by fd (kernel 5.2+, mount_setattr 5.12+). Both sides. Never include
 * <sys/mount.h> beside this: it conflicts with <linux/mount.h>, the only source of MS_*,
 * MOUNT_ATTR_* and struct mount_attr here. umount2's MNT_* come from below.
 */

#include <fcntl.h>
#include <linux/mount.h>
#include <stddef.h>

#include "sys/syscall.h"

#ifndef MOUNT_ATTR_NOSYMFOLLOW /* kernel 5.14+ */
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MOVE_MOUNT_SET_GROUP /* kernel 5.15+ */
#define MOVE_MOUNT_SET_GROUP 0x00000100
#endif
#ifndef MOVE_MOUNT_BENEATH /* kernel 6.5+ */
#define MOVE_MOUNT_BENEATH 0x00000200
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef AT_NO_AUTOMOUNT
#define AT_NO_AUTOMOUNT 0x800
#endif
#ifndef MNT_FORCE
#define MNT_FORCE 1
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif
#ifndef MNT_EXPIRE
#define MNT_EXPIRE 4
#endif
#ifndef UMOUNT_NOFOLLOW
#define UMOUNT_NOFOLLOW 8
#endif
#ifndef __NR_open_tree_attr /* kernel 6.15+; one number on every architecture that we have */
#define __NR_open_tree_attr 467
#endif
#ifndef __NR_statmount /* kernel 6.8+; likewise */
#define __NR_statmount 457
#define __NR_listmount 458
#endif
#ifndef STATX_MNT_ID_UNIQUE /* kernel 6.8+ */
#define STATX_MNT_ID_UNIQUE 0x4000
#endif
#ifndef FSCONFIG_CMD_CREATE_EXCL_NR /* kernel 6.6+; an enumerator, so by number */
#define FSCONFIG_CMD_CREATE_EXCL_NR 8
#endif

static inline int cf_sys_open_tree(int dirfd, const char *path, unsigned int flags)
{
    return (int) cf_syscall3(__NR_open_tree, dirfd, (long) path, (long) flags);
}

static inline int cf_sys_open_tree_attr(int dirfd, const char *path, unsigned int flags,
                                        const struct mount_attr *attr, size_t size)
{
    return (int) cf_syscall5(__NR_open_tree_attr, dirfd, (long) path, (long) flags, (long) attr,
                             (long) size);
}

static inline int cf_sys_fsopen(const char *fstype, unsigned int flags)
{
    return (int) cf_syscall2(__NR_fsopen, (long) fstype, (long) flags);
}

static inline int cf_sys_fsconfig(int fs_fd, unsigned int cmd, const char *key, const void *value,
                                  int aux)
{
    return (int) cf_syscall5(__NR_fsconfig, fs_fd, (long) cmd, (long) key, (long) value, aux);
}

static inline int cf_sys_fsconfig_set_flag(int fs_fd, const char *key)
{
    return cf_sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0);
}

static inline int cf_sys_fsconfig_set_string(int fs_fd, const char *key, const char *value)
{
    return cf_sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0);
}

static inline int cf_sys_fsconfig_set_fd(int fs_fd, const char *key, int fd)
{
    return cf_sys_fsconfig(fs_fd, FSCONFIG_SET_FD, key, NULL, fd);
}

static inline int cf_sys_fsconfig_create(int fs_fd)
{
    return cf_sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static inline int cf_sys_fsconfig_reconfigure(int fs_fd)
{
    return cf_sys_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static inline int cf_sys_fsmount(int fs_fd, unsigned int flags, unsigned int attr)
{
    return (int) cf_syscall3(__NR_fsmount, fs_fd, (long) flags, (long) attr);
}

static inline int cf_sys_fspick(int dirfd, const char *path, unsigned int flags)
{
    return (int) cf_syscall3(__NR_fspick, dirfd, (long) path, (long) flags);
}

static inline int cf_sys_move_mount(int from_fd, const char *from_path, int to_fd,
                                    const char *to_path, unsigned int flags)
{
    return (int) cf_syscall5(__NR_move_mount, from_fd, (long) from_path, to_fd, (long) to_path,
                             (long) flags);
}

static inline int cf_sys_mount_setattr(int dirfd, const char *path, unsigned int flags,
                                       const struct mount_attr *attr, size_t size)
{
    return (int) cf_syscall5(__NR_mount_setattr, dirfd, (long) path, (long) flags, (long) attr,
                             (long) size);
}

/* The old mount(2): only where no fd call exists (MS_MOVE of "/", propagation of old trees). */
static inline int cf_sys_mount(const char *source, const char *target, const char *fstype,
                               unsigned long flags, const void *data)
{
    return (int) cf_syscall5(__NR_mount, (long) source, (long) target, (long) fstype, (long) flags,
                             (long) data);
}

static inline int cf_sys_umount2(const char *target, int flags)
{
    return (int) cf_syscall2(__NR_umount2, (long) target, flags);
}

static inline int cf_sys_pivot_root(const char *new_root, const char *put_old)
{
    return (int) cf_syscall2(__NR_pivot_root, (long) new_root, (long) put_old);
}

/* What statmount(2) and listmount(2) are asked with: the kernel's struct mnt_id_req, first version. */
struct cf_mount_request {
    uint32_t size, spare;
    uint64_t mnt_id; /* of STATX_MNT_ID_UNIQUE */
    uint64_t param;  /* statmount: CF_STATMOUNT_*; listmount: the last id that is known */
};

#define CF_STATMOUNT_ROOT 0x08u
#define CF_STATMOUNT_POINT 0x10u
#define CF_STATMOUNT_OPTIONS 0x80u /* kernel 6.11+ */

/* The kernel's struct statmount; texts are offsets in str. */
struct cf_statmount {
    uint32_t size, options;
    uint64_t mask;
    uint32_t sb_dev_major, sb_dev_minor;
    uint64_t sb_magic;
    uint32_t sb_flags, fs_type;
    uint64_t mnt_id, mnt_parent_id;
    uint32_t mnt_id_old, mnt_parent_id_old;
    uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
    uint32_t root, point;
    uint64_t spare[50];
    char str[];
};

static inline int cf_sys_statmount(const struct cf_mount_request *request, struct cf_statmount *ret, size_t size)
{
    return (int) cf_syscall4(__NR_statmount, (long) request, (long) ret, (long) size, 0);
}

static inline long cf_sys_listmount(const struct cf_mount_request *request, uint64_t *ids, size_t n)
{
    return cf_syscall4(__NR_listmount, (long) request, (long) ids, (long) n, 0);
}
