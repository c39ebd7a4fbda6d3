/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Namespaces of a process and who owns them: inode numbers of /proc/PID/ns, and the ioctls of nsfs.
 * A namespace is opened only to ask it, never entered. Host side.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>

#include "audit/audit.h"
#include "base/own.h"
#include "base/str.h"
#include "path/path.h"
#include "sys/fs.h"

#define MAX_DEPTH 33 /* the kernel nests user namespaces at most 32 deep */
#define MAP_TEXT_SIZE 16384

static const struct {
    const char *name, *file;
} kinds[CF_AUDIT_N_NS] = {
    [CF_AUDIT_USER] = {"user", "ns/user"},       [CF_AUDIT_PID] = {"pid", "ns/pid"},
    [CF_AUDIT_MOUNT] = {"mount", "ns/mnt"},      [CF_AUDIT_NETWORK] = {"network", "ns/net"},
    [CF_AUDIT_IPC] = {"ipc", "ns/ipc"},          [CF_AUDIT_UTS] = {"uts", "ns/uts"},
    [CF_AUDIT_CGROUP] = {"cgroup", "ns/cgroup"}, [CF_AUDIT_TIME] = {"time", "ns/time"},
};

const char *cf_audit_ns_name(enum cf_audit_ns_kind kind)
{
    return kinds[kind].name;
}

static int inode_of(int fd, uint64_t *ret)
{
    struct stat st = {0};
    int r = cf_sys_fstat(fd, &st);

    if (r >= 0)
        *ret = st.st_ino;
    return r;
}

/* Where the file leads is the point here: these links are the kernel's own, the directory is pinned. */
static int read_inode(int proc_fd, const char *file, uint64_t *ret)
{
    struct stat st = {0};
    int r = cf_sys_fstatat(proc_fd, file, &st, 0);

    if (r >= 0)
        *ret = st.st_ino;
    return r;
}

void cf_audit_read_own_ns(uint64_t ret[CF_AUDIT_N_NS])
{
    cf_auto_fd int proc_fd =
        cf_sys_openat(AT_FDCWD, "/proc/thread-self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

    for (size_t i = 0; i < CF_AUDIT_N_NS; i++)
        if (proc_fd < 0 || read_inode(proc_fd, kinds[i].file, &ret[i]) < 0)
            ret[i] = 0;
}

int cf_audit_read_chain(int fd, struct cf_arena *arena, struct cf_audit_chain *ret)
{
    uint64_t inodes[MAX_DEPTH];
    cf_auto_fd int above = -EBADF;
    size_t n = 0;

    *ret = (struct cf_audit_chain) {0};
    while (n < MAX_DEPTH) {
        int parent = cf_sys_ioctl(n == 0 ? fd : above, NS_GET_PARENT, 0);

        if (parent < 0)
            break; /* EPERM: the next one is above the caller's */
        cf_fd_close(&above);
        above = parent;
        if (inode_of(above, &inodes[n]) < 0)
            break;
        n++;
    }
    if (n == 0)
        return 0;
    ret->inodes = cf_arena_memdup(arena, inodes, n * sizeof(*inodes));
    if (!ret->inodes)
        return -ENOMEM;
    ret->n = n;
    return 0;
}

/* The user namespace itself: who made it, and what is above. */
static int ask_userns(int proc_fd, struct cf_arena *arena, struct cf_audit_facts *facts)
{
    cf_auto_fd int fd = cf_sys_openat(proc_fd, kinds[CF_AUDIT_USER].file, O_RDONLY | O_CLOEXEC, 0);
    uint32_t uid = 0;
    int r;

    if (fd < 0)
        return fd;
    r = inode_of(fd, &facts->ns[CF_AUDIT_USER].inode);
    if (r < 0)
        return r;
    if (cf_sys_ioctl_ptr(fd, NS_GET_OWNER_UID, &uid) >= 0) {
        facts->owner_known = true;
        facts->owner_uid = uid;
    }
    return cf_audit_read_chain(fd, arena, &facts->chain);
}

static int ask_owner(int proc_fd, enum cf_audit_ns_kind kind, struct cf_audit_ns *ns)
{
    cf_auto_fd int fd = cf_sys_openat(proc_fd, kinds[kind].file, O_RDONLY | O_CLOEXEC, 0);
    cf_auto_fd int owner_fd = -EBADF;

    if (fd < 0)
        return fd;
    owner_fd = cf_sys_ioctl(fd, NS_GET_USERNS, 0);
    if (owner_fd < 0) /* EPERM: above the caller's */
        return 0;
    return inode_of(owner_fd, &ns->owner);
}

static int read_map(int proc_fd, const char *file, struct cf_arena *arena, struct cf_idmap *ret_map,
                    struct cf_idset *ret_set)
{
    char text[MAP_TEXT_SIZE];
    long n = cf_procfs_read(proc_fd, file, text, sizeof(text));
    int r;

    if (n < 0)
        return (int) n;
    if (n == 0) /* not written yet */
        return 0;
    r = cf_idmap_parse(text, arena, ret_map);
    return r < 0 ? r : cf_idset_of_map(ret_map, arena, ret_set);
}

int cf_audit_read_ns(int proc_fd, const uint64_t own_ns[CF_AUDIT_N_NS], bool full, struct cf_arena *arena,
                     struct cf_audit_facts *facts)
{
    int r = 0;

    for (size_t i = 0; i < CF_AUDIT_N_NS && r >= 0; i++)
        r = read_inode(proc_fd, kinds[i].file, &facts->ns[i].inode);
    if (r >= 0)
        r = read_map(proc_fd, "uid_map", arena, &facts->uids, &facts->uid_set);
    if (r >= 0)
        r = read_map(proc_fd, "gid_map", arena, &facts->gids, &facts->gid_set);
    if (r < 0 || !full || facts->ns[CF_AUDIT_USER].inode == own_ns[CF_AUDIT_USER])
        return r;
    r = ask_userns(proc_fd, arena, facts);
    for (size_t i = CF_AUDIT_USER + 1; i < CF_AUDIT_N_NS && r >= 0; i++)
        if (facts->ns[i].inode != own_ns[i])
            r = ask_owner(proc_fd, (enum cf_audit_ns_kind) i, &facts->ns[i]);
    return r;
}
