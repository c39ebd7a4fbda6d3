/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Kernel features that coffer uses, by using them: with arguments that the kernel refuses after it has looked
 * at the feature, or in a child with a mount that is attached nowhere. Host side.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "container/container.h"
#include "doctor/checks.h"
#include "sys/cred.h"
#include "sys/fs.h"
#include "sys/mountfd.h"
#include "sys/task.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#define LANDLOCK_VERSION_QUESTION 1u /* LANDLOCK_CREATE_RULESET_VERSION */
#define CALLS_TIMEOUT_MS 150
#define MOUNT_TIMEOUT_MS 200
#define RUN_TIMEOUT_MS 200

static void probe_release(struct cf_kernel_facts *f)
{
    struct utsname u;
    const char *s = f->release;
    uint32_t *const parts[2] = {&f->major, &f->minor};

    if (cf_sys_uname(&u) < 0)
        return;
    (void) cf_str_copy(f->release, sizeof(f->release), u.release);
    for (unsigned int i = 0; i < 2; i++) {
        char number[8];
        size_t n = strspn(s, "0123456789");

        if (n == 0 || n >= sizeof(number))
            return;
        memcpy(number, s, n);
        number[n] = '\0';
        if (cf_num_parse_u32(number, 0, 9999, parts[i]) < 0)
            return;
        s += n + (s[n] == '.');
    }
}

/* A descriptor that only had to be possible. */
static int close_ok(int fd)
{
    if (fd >= 0)
        (void) cf_sys_close(fd);
    return fd < 0 ? fd : 0;
}

static int try_openat2(void)
{
    const struct open_how how = {
        .flags = O_PATH | O_CLOEXEC,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };

    return close_ok(cf_sys_openat2(AT_FDCWD, "/", &how, sizeof(how)));
}

static int try_pidfd(void)
{
    int fd = cf_sys_pidfd_open(cf_sys_getpid(), 0);
    int r = fd < 0 ? fd : cf_sys_pidfd_send_signal(fd, 0, NULL, 0);

    (void) close_ok(fd);
    return r;
}

/* The root directory is no cgroup: EBADF means that the kernel wanted one. */
static int try_clone_into_cgroup(void)
{
    int fd = cf_sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    struct cf_clone_args args = {
        .flags = CLONE_INTO_CGROUP,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t) fd,
    };
    int r;

    if (fd < 0)
        return fd;
    r = cf_sys_clone3(&args, sizeof(args));
    if (r == 0)
        cf_sys_exit_group(0);
    if (r > 0)
        (void) cf_sys_wait4(r, NULL, 0, NULL);
    (void) cf_sys_close(fd);
    return r == -EBADF ? 0 : r < 0 ? r : -EOPNOTSUPP;
}

/* No filter is given: EFAULT means that the flags were accepted. */
static uint32_t probe_seccomp_flags(void)
{
    static const uint32_t flags[] = {
        SECCOMP_FILTER_FLAG_TSYNC,
        SECCOMP_FILTER_FLAG_LOG,
        SECCOMP_FILTER_FLAG_SPEC_ALLOW,
        SECCOMP_FILTER_FLAG_NEW_LISTENER,
    };
    uint32_t known = 0;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (cf_sys_seccomp(SECCOMP_SET_MODE_FILTER, flags[i], NULL) == -EFAULT)
            known |= flags[i];
    }
    /* Only together. */
    if (cf_sys_seccomp(SECCOMP_SET_MODE_FILTER,
                       SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                       NULL) == -EFAULT)
        known |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    return known;
}

static int try_seccomp_action(uint32_t action)
{
    return cf_sys_seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action);
}

static int try_kill_process(void)
{
    return try_seccomp_action(SECCOMP_RET_KILL_PROCESS);
}

static int try_user_notif(void)
{
    return try_seccomp_action(SECCOMP_RET_USER_NOTIF);
}

static int try_seccomp_flags(void)
{
    return (int) probe_seccomp_flags();
}

static int try_seccomp_mode(void)
{
    return cf_sys_prctl(PR_GET_SECCOMP, 0, 0, 0, 0);
}

static int try_close_range(void)
{
    return cf_sys_close_range(~0u, ~0u, CLOSE_RANGE_CLOEXEC);
}

static int try_landlock(void)
{
    return cf_sys_landlock_create_ruleset(NULL, 0, LANDLOCK_VERSION_QUESTION);
}

/* "Allow everything", loaded and forgotten. */
static int try_bpf_device(void)
{
    struct bpf_insn insns[2] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1},
        {.code = BPF_JMP | BPF_EXIT},
    };
    static const char license[] = "GPL";
    union bpf_attr attr;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    attr.insns = (uint64_t) (uintptr_t) insns;
    attr.insn_cnt = 2;
    attr.license = (uint64_t) (uintptr_t) license;
    return close_ok(cf_sys_bpf(BPF_PROG_LOAD, &attr, sizeof(attr)));
}

enum {
    CALL_OPENAT2,
    CALL_PIDFD,
    CALL_INTO_CGROUP,
    CALL_CLOSE_RANGE,
    CALL_KILL_PROCESS,
    CALL_USER_NOTIF,
    CALL_SECCOMP_FLAGS,
    CALL_SECCOMP_MODE,
    CALL_LANDLOCK,
    CALL_BPF_DEVICE,
    N_CALLS,
};

static int (*const calls[N_CALLS])(void) = {
    [CALL_OPENAT2] = try_openat2,
    [CALL_PIDFD] = try_pidfd,
    [CALL_INTO_CGROUP] = try_clone_into_cgroup,
    [CALL_CLOSE_RANGE] = try_close_range,
    [CALL_KILL_PROCESS] = try_kill_process,
    [CALL_USER_NOTIF] = try_user_notif,
    [CALL_SECCOMP_FLAGS] = try_seccomp_flags,
    [CALL_SECCOMP_MODE] = try_seccomp_mode,
    [CALL_LANDLOCK] = try_landlock,
    [CALL_BPF_DEVICE] = try_bpf_device,
};

struct call_results {
    int next;
    int result[N_CALLS];
};

static void calls_child(void *shared, const void *arg)
{
    struct call_results *ret = shared;

    (void) arg;
    for (; ret->next < N_CALLS; ret->next++)
        ret->result[ret->next] = calls[ret->next]();
}

/* In a child, because a filter may kill for a call instead of refusing it; then another child does the rest.
 */
static void probe_calls(struct cf_kernel_facts *f, const struct cf_facts *caller)
{
    struct call_results r = {0};

    for (int i = 0; i < N_CALLS; i++)
        r.result[i] = CF_NOT_TRIED;
    do {
        f->clone3 = cf_try_run(calls_child, NULL, &r, sizeof(r), CALLS_TIMEOUT_MS);
        if (f->clone3 == -ECANCELED && r.next < N_CALLS)
            r.result[r.next++] = -EACCES;
    } while (f->clone3 == -ECANCELED && r.next < N_CALLS);
    if (f->clone3 == -ECANCELED || f->clone3 == -ETIMEDOUT)
        f->clone3 = 0; /* there was a child */
    f->openat2 = r.result[CALL_OPENAT2];
    f->pidfd = r.result[CALL_PIDFD];
    f->clone_into_cgroup = r.result[CALL_INTO_CGROUP];
    f->close_range = r.result[CALL_CLOSE_RANGE];
    f->seccomp_filter = r.result[CALL_KILL_PROCESS];
    f->seccomp_notify = r.result[CALL_USER_NOTIF];
    f->seccomp_flags = r.result[CALL_SECCOMP_FLAGS] < 0 ? 0 : (uint32_t) r.result[CALL_SECCOMP_FLAGS];
    f->seccomp_mode = r.result[CALL_SECCOMP_MODE];
    f->landlock = r.result[CALL_LANDLOCK];
    f->bpf_device = caller->privileged ? r.result[CALL_BPF_DEVICE] : CF_NOT_TRIED;
}

static void probe_overlay(struct cf_kernel_facts *f)
{
    static const char *const suffixes[] = {"", ".zst", ".xz", ".gz"};
    char text[4096], path[256];
    struct stat st;

    (void) cf_doctor_read_text("/proc/filesystems", text, sizeof(text));
    f->overlay_listed = strstr(text, "\toverlay\n") != NULL || cf_str_ends_with(text, "\toverlay");
    /* Asking the kernel for it would load the module. */
    for (size_t i = 0; i < 4 && !f->overlay_module; i++) {
        (void) cf_format(path, sizeof(path), "/lib/modules/%s/kernel/fs/overlayfs/overlay.ko%s", f->release,
                         suffixes[i]);
        f->overlay_module = cf_sys_fstatat(AT_FDCWD, path, &st, 0) >= 0;
    }
}

struct mount_results {
    int detached_mount, mount_setattr, idmap, open_tree_attr;
};

struct mount_arg {
    bool enter; /* unprivileged: become root of the namespace first */
    int userns_fd;
};

/* A tmpfs that is attached nowhere, and what can be done to it. */
static void mount_child(void *shared, const void *data)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID};
    const struct mount_arg *arg = data;
    struct mount_results *ret = shared;
    int fs, fd, map_fd = arg->userns_fd, r = 0;
    const char *step;

    if (arg->enter) {
        r = cf_sys_setns(arg->userns_fd, CLONE_NEWUSER);
        if (r >= 0)
            r = cf_sys_unshare(CLONE_NEWNS);
        map_fd = r >= 0 ? cf_try_userns(0, 0, &step) : r;
    }
    fs = r < 0 ? r : cf_sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (fs >= 0)
        r = cf_sys_fsconfig_create(fs);
    fd = fs < 0 ? fs : r < 0 ? r : cf_sys_fsmount(fs, FSMOUNT_CLOEXEC, 0);
    ret->detached_mount = fd < 0 ? fd : 0;
    if (fd < 0)
        return;
    ret->mount_setattr = cf_sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
    ret->open_tree_attr = close_ok(cf_sys_open_tree_attr(
        fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH, &attr, sizeof(attr)));
    attr = (struct mount_attr){.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t) map_fd};
    ret->idmap = map_fd < 0 ? map_fd : cf_sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
}

static void probe_mounts(struct cf_kernel_facts *f, const struct cf_facts *caller, int userns_fd)
{
    struct mount_results r = {CF_NOT_TRIED, CF_NOT_TRIED, CF_NOT_TRIED, CF_NOT_TRIED};
    const struct mount_arg arg = {.enter = !caller->privileged, .userns_fd = userns_fd};

    /* Without a namespace to enter there is no right to mount. */
    if (userns_fd >= 0 || caller->privileged)
        (void) cf_try_run(mount_child, &arg, &r, sizeof(r), MOUNT_TIMEOUT_MS);
    f->detached_mount = r.detached_mount;
    f->mount_setattr = r.mount_setattr;
    f->idmap = userns_fd >= 0 ? r.idmap : CF_NOT_TRIED;
    f->open_tree_attr = r.open_tree_attr;
}

/* With no descriptor but its own, coffer-init ends at once. */
static void run_child(void *shared, const void *data)
{
    const int *image = data;
    char *const argv[] = {NULL}, *const envp[] = {NULL};
    int *ret = shared;

    if (*image > 0)
        (void) cf_sys_close_range(0, (unsigned int) *image - 1, 0);
    (void) cf_sys_close_range((unsigned int) *image + 1, ~0u, 0);
    *ret = 0;
    *ret = cf_sys_execveat(*image, "", argv, envp, AT_EMPTY_PATH);
}

static void probe_memfd(struct cf_kernel_facts *f)
{
    struct cf_err ignored = CF_ERR_INIT;
    cf_auto_fd int fd = cf_image_open(true, &ignored);
    int r;

    f->memfd_exec = fd < 0 ? fd : 0;
    f->memfd_noexec = (int) cf_doctor_read_number("/proc/sys/vm/memfd_noexec");
    if (fd < 0)
        return;
    r = cf_try_run(run_child, &fd, &f->memfd_run, sizeof(f->memfd_run), RUN_TIMEOUT_MS);
    if (r < 0 && f->memfd_run >= 0)
        f->memfd_run = r;
}

void cf_kernel_probe(struct cf_kernel_facts *ret, const struct cf_facts *caller, int userns_fd)
{
    *ret = (struct cf_kernel_facts){.memfd_run = CF_NOT_TRIED};
    probe_release(ret);
    probe_calls(ret, caller);
    probe_overlay(ret);
    probe_mounts(ret, caller, userns_fd);
    probe_memfd(ret);
}
