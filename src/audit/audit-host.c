/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What containers are compared with: accounts, other user namespaces, mounts, security modules. Host side. */

#include <errno.h>
#include <string.h>

#include "audit/audit.h"
#include "base/format.h"
#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "path/path.h"
#include "sys/fs.h"

const char *const cf_audit_masked[CF_AUDIT_N_MASKED] = {
    "/proc/kcore",       "/proc/keys",        "/proc/timer_list",   "/proc/timer_stats",
    "/proc/sched_debug", "/proc/latency_stats", "/proc/interrupts", "/proc/scsi",
    "/proc/acpi",        "/proc/asound",      "/sys/firmware",      "/sys/devices/virtual/powercap",
};

const char *const cf_audit_levers[CF_AUDIT_N_LEVERS] = {"/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"};

static const struct cf_subid all_ids = {.first = 0, .count = UINT32_MAX};

/* Opened by pid, so what is opened is compared with what the walk saw. */
static int chain_of(int proc_fd, const struct cf_hostns *ns, struct cf_arena *arena, struct cf_audit_chain *ret)
{
    char path[CF_NUM_SIZE + 8];
    cf_auto_fd int fd = -EBADF;
    struct stat st = {0};

    *ret = (struct cf_audit_chain) {0};
    (void) cf_format(path, sizeof(path), "%d/ns/user", ns->pid);
    fd = cf_sys_openat(proc_fd, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0 || cf_sys_fstat(fd, &st) < 0 || st.st_ino != ns->inode)
        return 0;
    return cf_audit_read_chain(fd, arena, ret);
}

static bool is_of_container(const struct cf_audit_facts *containers, size_t n, uint64_t inode)
{
    for (size_t i = 0; i < n; i++)
        if (containers[i].ns[CF_AUDIT_USER].inode == inode)
            return true;
    return false;
}

int cf_audit_read_ids(const struct cf_audit_facts *containers, size_t n, struct cf_arena *arena,
                      struct cf_audit_host *ret, struct cf_err *err)
{
    const struct cf_idset everything = {.ranges = &all_ids, .n = 1};
    const struct cf_hostids_query ids_query = {.uids = everything, .gids = everything};
    const struct cf_hostns_query ns_query = {.uids = everything, .gids = everything};
    cf_auto_fd int proc_fd = cf_procfs_open_host();
    struct cf_audit_foreign *foreign;
    struct cf_hostns *found = NULL;
    size_t n_found = 0;
    int r;

    r = cf_hostids_find(&cf_hostids_etc, &ids_query, arena, &ret->ids, err);
    if (r >= 0)
        r = cf_hostns_find(&ns_query, arena, &found, &n_found, err);
    if (r < 0)
        return r;
    foreign = cf_arena_calloc(arena, n_found, sizeof(*foreign));
    if (!foreign)
        return cf_err_oom(err);
    ret->foreign = foreign;
    for (size_t i = 0; i < n_found; i++) {
        /* Nothing is known of a namespace that the kernel does not name: it may be the container's own. */
        if (found[i].inode == 0 || is_of_container(containers, n, found[i].inode))
            continue;
        foreign[ret->n_foreign].ns = found[i];
        if (proc_fd >= 0 && chain_of(proc_fd, &found[i], arena, &foreign[ret->n_foreign].chain) < 0)
            return cf_err_oom(err);
        ret->n_foreign++;
    }
    return 0;
}

/* A small file; "" when there is none. */
static void read_word(const char *path, char *buf, size_t size)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    long n = fd >= 0 ? cf_io_read_buf(fd, buf, size - 1) : 0;

    buf[n > 0 ? n : 0] = '\0';
}

int cf_audit_read_host(struct cf_arena *arena, struct cf_audit_host *ret, struct cf_err *err)
{
    cf_auto_fd int proc_fd = cf_procfs_open_host();
    struct stat st = {0};
    char text[1024];
    uint32_t scope;
    int r = proc_fd;

    if (r >= 0)
        r = cf_audit_read_mounts(proc_fd, "thread-self/mountinfo", arena, &ret->mounts);
    if (r < 0)
        return r == -ENOMEM ? cf_err_oom(err) : cf_err_sys(err, r, "read `/proc/self/mountinfo`");
    for (size_t i = 0; i < CF_AUDIT_N_MASKED; i++)
        ret->masked_exists[i] = cf_sys_fstatat(AT_FDCWD, cf_audit_masked[i], &st, AT_SYMLINK_NOFOLLOW) >= 0;
    for (size_t i = 0; i < CF_AUDIT_N_LEVERS; i++)
        ret->lever_exists[i] = cf_sys_fstatat(AT_FDCWD, cf_audit_levers[i], &st, AT_SYMLINK_NOFOLLOW) >= 0;
    read_word("/sys/module/apparmor/parameters/enabled", text, sizeof(text));
    ret->apparmor = text[0] == 'Y';
    read_word("/proc/filesystems", text, sizeof(text));
    ret->selinux = strstr(text, "\tselinuxfs\n") != NULL;
    read_word("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text));
    text[strcspn(text, "\n")] = '\0';
    ret->ptrace_scope = cf_num_parse_u32(text, 0, 9, &scope) < 0 ? -1 : (int) scope;
    return 0;
}
