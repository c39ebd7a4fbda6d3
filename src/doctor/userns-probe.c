/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* User namespaces by making one, and everything else inside it; the limits from /proc/sys. Host side. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/format.h"
#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "doctor/checks.h"
#include "sys/fs.h"
#include "sys/mountfd.h"
#include "sys/task.h"

#define INSIDE_TIMEOUT_MS 400 /* network namespaces wait for each other */

struct inside {
    int ns[CF_DOCTOR_N_NS];
    int tmpfs, proc, sysfs;
};

static int try_mount(const char *fstype)
{
    int fs = cf_sys_fsopen(fstype, FSOPEN_CLOEXEC), r, fd;

    if (fs < 0)
        return fs;
    r = cf_sys_fsconfig_create(fs);
    fd = r < 0
             ? r
             : cf_sys_fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    (void) cf_sys_close(fs);
    if (fd >= 0)
        (void) cf_sys_close(fd);
    return fd < 0 ? fd : 0;
}

/* A procfs is that of the pid namespace of its maker, which must have a first process. */
static void try_proc(struct inside *ret)
{
    int pid = cf_sys_fork(0, NULL);

    if (pid == 0) {
        ret->proc = try_mount("proc");
        cf_sys_exit_group(0);
    }
    if (pid < 0)
        ret->proc = pid;
    else
        (void) cf_sys_wait4(pid, NULL, 0, NULL);
}

/* As root of the new namespace. */
static void inside_child(void *shared, const void *arg)
{
    static const unsigned long flags[CF_DOCTOR_N_NS] = {
        [CF_DOCTOR_MNT] = CLONE_NEWNS,    [CF_DOCTOR_PID] = CLONE_NEWPID,
        [CF_DOCTOR_NET] = CLONE_NEWNET,   [CF_DOCTOR_IPC] = CLONE_NEWIPC,
        [CF_DOCTOR_UTS] = CLONE_NEWUTS,   [CF_DOCTOR_CGROUP] = CLONE_NEWCGROUP,
        [CF_DOCTOR_TIME] = CLONE_NEWTIME,
    };
    const int *userns_fd = arg;
    struct inside *ret = shared;
    int r = cf_sys_setns(*userns_fd, CLONE_NEWUSER);

    for (int i = 0; i < CF_DOCTOR_N_NS; i++)
        ret->ns[i] = r < 0 ? r : cf_sys_unshare(flags[i]);
    if (r < 0 || ret->ns[CF_DOCTOR_MNT] < 0)
        return;
    ret->tmpfs = try_mount("tmpfs");
    if (ret->ns[CF_DOCTOR_PID] >= 0)
        try_proc(ret);
    if (ret->ns[CF_DOCTOR_NET] >= 0)
        ret->sysfs = try_mount("sysfs");
}

int64_t cf_userns_parse_key_users(const char *text, uint32_t uid)
{
    while (*text) {
        char number[CF_NUM_SIZE];
        const char *s = text + strspn(text, " ");
        size_t n = strspn(s, "0123456789");
        uint32_t v;
        int64_t used;

        text += strcspn(text, "\n");
        text += *text == '\n';
        if (n == 0 || n >= sizeof(number) || s[n] != ':')
            continue;
        memcpy(number, s, n);
        number[n] = '\0';
        if (cf_num_parse_u32(number, 0, UINT32_MAX, &v) < 0 || v != uid)
            continue;
        /*     0:    12 11/11 7/1000000 152/25000000 : the fourth word is keys/limit */
        s += n + 1;
        for (int word = 0; word < 2; word++) {
            s += strspn(s, " ");
            s += strcspn(s, " \n");
        }
        s += strspn(s, " ");
        n = strspn(s, "0123456789");
        if (n == 0 || n >= sizeof(number) || s[n] != '/')
            return CF_SYSCTL_ABSENT;
        memcpy(number, s, n);
        number[n] = '\0';
        return cf_num_parse_i64(number, 0, INT64_MAX, &used) < 0 ? CF_SYSCTL_ABSENT : used;
    }
    return CF_SYSCTL_ABSENT;
}

int64_t cf_userns_count_ids(const char *map)
{
    int64_t sum = 0;

    while (*map) {
        const char *s = map;
        char number[CF_NUM_SIZE];
        uint32_t size;
        size_t n;

        for (int word = 0; word < 2; word++) {
            s += strspn(s, " ");
            s += strcspn(s, " \n");
        }
        s += strspn(s, " ");
        n = strspn(s, "0123456789");
        if (n > 0 && n < sizeof(number)) {
            memcpy(number, s, n);
            number[n] = '\0';
            if (cf_num_parse_u32(number, 0, UINT32_MAX, &size) == 0)
                sum += size;
        }
        map += strcspn(map, "\n");
        map += *map == '\n';
    }
    return sum;
}

static int64_t probe_ids(const char *path)
{
    cf_auto_free char *text = NULL;

    if (cf_io_read_file_at(AT_FDCWD, path, 1u << 20, &text, NULL) < 0)
        return CF_SYSCTL_ABSENT;
    return cf_userns_count_ids(text);
}

static void probe_limits(struct cf_userns_facts *f, uint32_t uid)
{
    static const char *const names[CF_DOCTOR_N_NS] = {"mnt", "pid", "net", "ipc", "uts", "cgroup", "time"};
    cf_auto_free char *users = NULL;
    char path[64];

    for (int i = 0; i < CF_DOCTOR_N_NS; i++) {
        (void) cf_format(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", names[i]);
        f->max_ns[i] = cf_doctor_read_number(path);
    }
    f->max_user = cf_doctor_read_number("/proc/sys/user/max_user_namespaces");
    f->unprivileged_clone = cf_doctor_read_number("/proc/sys/kernel/unprivileged_userns_clone");
    f->apparmor_restrict = cf_doctor_read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    f->max_keys = cf_doctor_read_number("/proc/sys/kernel/keys/maxkeys");
    f->max_key_bytes = cf_doctor_read_number("/proc/sys/kernel/keys/maxbytes");
    f->root_max_keys = cf_doctor_read_number("/proc/sys/kernel/keys/root_maxkeys");
    f->inotify_instances = cf_doctor_read_number("/proc/sys/fs/inotify/max_user_instances");
    f->inotify_watches = cf_doctor_read_number("/proc/sys/fs/inotify/max_user_watches");
    if (cf_io_read_file_at(AT_FDCWD, "/proc/key-users", 1u << 20, &users, NULL) >= 0)
        f->keys_used = cf_userns_parse_key_users(users, uid);
}

void cf_userns_probe(struct cf_userns_facts *ret, const struct cf_facts *caller, int *ret_userns_fd)
{
    struct inside inside = {.tmpfs = CF_NOT_TRIED, .proc = CF_NOT_TRIED, .sysfs = CF_NOT_TRIED};
    int fd;

    *ret = (struct cf_userns_facts){.keys_used = CF_SYSCTL_ABSENT};
    for (int i = 0; i < CF_DOCTOR_N_NS; i++)
        inside.ns[i] = CF_NOT_TRIED;
    fd = cf_try_userns(caller->euid, caller->egid, &ret->create_step);
    ret->create = fd < 0 ? fd : 0;
    if (fd >= 0)
        (void) cf_try_run(inside_child, &fd, &inside, sizeof(inside), INSIDE_TIMEOUT_MS);
    memcpy(ret->ns, inside.ns, sizeof(ret->ns));
    ret->tmpfs = inside.tmpfs;
    ret->proc = inside.proc;
    ret->sysfs = inside.sysfs;
    ret->n_uids = probe_ids("/proc/self/uid_map");
    ret->n_gids = probe_ids("/proc/self/gid_map");
    probe_limits(ret, caller->uid);
    *ret_userns_fd = fd < 0 ? -EBADF : fd;
}
