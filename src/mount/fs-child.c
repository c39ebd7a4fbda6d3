/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * New file systems by fsopen(2): parameters, creation, detached mount; the kernel's message log in
 * the error; procfs of a pid namespace that init itself is not in. Container side.
 */

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/format.h"
#include "base/str.h"
#include "mount/child.h"
#include "sys/sock.h"
#include "sys/task.h"

#define HELPER_TIMEOUT_MS 10000

int cf_mount_child_fail(struct cf_init *in, const struct cf_blob_mount *m, int r, const char *what,
                        struct cf_err *err)
{
    const char *source = cf_blob_str(&in->blob, m->source);
    const char *fstype = cf_blob_str(&in->blob, m->fstype);
    const char *target = cf_blob_str(&in->blob, m->target);

    if (err->kind == COFFER_ERROR_NONE || err->n_frames == 0)
        (void) cf_err_sys(err, r, "%s", what);
    if (m->kind == CF_MOUNT_FS || (m->flags & CF_MOUNT_MADE))
        r = cf_err_in(err, "mount `%s` at `%s`", fstype, target);
    else if (m->kind == CF_MOUNT_REMOUNT)
        r = cf_err_in(err, "remount `%s`", target);
    else
        r = cf_err_in(err, "bind mount `%s` at `%s`", source ? source : "", target);
    if (m->config_index != UINT32_MAX)
        cf_err_field(err, "mounts[%u]", m->config_index);
    cf_err_step(err, "mount");
    return r;
}

/*
 * Collects what the file system said since fsopen: one message per read, "e text\n". Informational
 * ones are left out. @what is the text that stands before the messages.
 */
static int fail_with_log(int fs_fd, int r, const char *what, const char *detail, struct cf_err *err)
{
    char log[512], line[256];
    size_t used = 0;
    long n;

    log[0] = '\0';
    for (int i = 0; i < 16; i++) {
        n = cf_sys_read(fs_fd, line, sizeof(line) - 1);
        if (n == -EMSGSIZE || n == -EINTR)
            continue;
        if (n <= 0)
            break;
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\0'))
            n--;
        line[n] = '\0';
        if (n < 3 || (line[0] != 'e' && line[0] != 'w') || used >= sizeof(log) - 1)
            continue;
        used += cf_format(log + used, sizeof(log) - used, "%s%s", used ? "; " : "", line + 2);
    }
    if (detail)
        return cf_err_sys(err, r, "%s `%s`%s%s", what, detail, log[0] ? ": " : "", log);
    return cf_err_sys(err, r, "%s%s%s", what, log[0] ? ": " : "", log);
}

static int set_param(int fs_fd, const char *key, const char *value)
{
    return value ? cf_sys_fsconfig_set_string(fs_fd, key, value)
                 : cf_sys_fsconfig_set_flag(fs_fd, key);
}

/* What a new instance is anyhow: every devpts is one of its own since 4.7. */
static bool is_default(const char *fstype, const char *key, const char *value)
{
    if (cf_str_eq(fstype, "devpts"))
        return !value && cf_str_eq(key, "newinstance");
    return value && cf_str_eq(fstype, "tmpfs") && cf_str_eq(key, "mode") && cf_str_eq(value, "1777");
}

static int set_params(struct cf_init *in, const struct cf_blob_mount *m, int fs_fd,
                      struct cf_err *err)
{
    const struct cf_blob_fsparam *p = cf_blob_at(&in->blob, m->params);
    const char *fstype = cf_blob_str(&in->blob, m->fstype);
    int r;

    for (uint32_t i = 0; i < m->params.count; i++) {
        const char *key = cf_blob_str(&in->blob, p[i].key);
        const char *value = cf_blob_str(&in->blob, p[i].value);

        if (is_default(fstype, key, value))
            continue;
        if (cf_fs_child_is_layers(fstype, key, value))
            r = cf_fs_child_set_layers(fs_fd, value);
        else
            r = set_param(fs_fd, key, value);
        if (r < 0) {
            r = fail_with_log(fs_fd, r, "option", key, err);
            if (value && strlen(value) > 255)
                cf_err_hint(err, "the kernel takes at most 255 bytes as value of one option; a "
                                 "longer `lowerdir` needs Linux 6.8 and layers below that length");
            return r;
        }
    }
    return 0;
}

/* The helper of open_in_pidns(): in the joined pid namespace, with our fd table. */
__attribute__((noreturn)) static void helper_main(const char *fstype, int place_fd)
{
    int fd, r;

    fd = cf_sys_fsopen(fstype, FSOPEN_CLOEXEC);
    r = fd;
    if (fd >= 0) {
        r = cf_sys_dup3(fd, place_fd, O_CLOEXEC);
        (void) cf_sys_close(fd);
    }
    cf_sys_exit_group(r < 0 ? -r & 0xff : 0);
}

/*
 * fsopen("proc") takes the pid namespace of its caller. We only joined one for our children, so a
 * child that shares our fds calls it. The container may see that child and stop it: it is killed
 * when it does not come back, and it is not dumpable.
 * Return: fs fd or -errno.
 */
static int open_in_pidns(struct cf_init *in, const char *fstype)
{
    struct pollfd pfd = {.events = POLLIN};
    siginfo_t info;
    int place_fd, pid, pidfd = -1, r;

    place_fd = cf_sys_fcntl(in->root_fd, F_DUPFD_CLOEXEC, 3);
    if (place_fd < 0)
        return place_fd;
    r = cf_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    pid = r < 0 ? r : cf_sys_fork(CLONE_FILES, &pidfd);
    if (pid == 0)
        helper_main(fstype, place_fd);
    if (pid < 0) {
        (void) cf_sys_close(place_fd);
        return pid;
    }

    pfd.fd = pidfd;
    do
        r = cf_sys_poll(&pfd, 1, HELPER_TIMEOUT_MS);
    while (r == -EINTR);
    if (r <= 0)
        (void) cf_sys_pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    memset(&info, 0, sizeof(info));
    do
        r = cf_sys_waitid(P_PIDFD, pidfd, &info, WEXITED, NULL);
    while (r == -EINTR);
    (void) cf_sys_close(pidfd);
    if (r >= 0 && (info.si_code != CLD_EXITED || info.si_status != 0))
        r = info.si_code == CLD_EXITED ? -info.si_status : -ESRCH;
    if (r < 0) {
        (void) cf_sys_close(place_fd);
        return r;
    }
    return place_fd;
}

/* A file system context; for procfs of a joined pid namespace one that shows that namespace. */
static int open_context(struct cf_init *in, const char *fstype, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    int fs_fd, r;

    fs_fd = cf_sys_fsopen(fstype, FSOPEN_CLOEXEC);
    if (fs_fd < 0) {
        r = cf_err_sys(err, fs_fd, "open file system type `%s`", fstype);
        if (fs_fd == -ENODEV)
            cf_err_hint(err, "`%s` is not a file system type of this kernel, or its module is not "
                             "loaded", fstype);
        return r;
    }
    if (!(h->flags & CF_BLOB_PIDNS_JOINED) || !cf_str_eq(fstype, "proc"))
        return fs_fd;

    if (h->pidns_fd >= 0 && (uint32_t) h->pidns_fd < in->n_fds && in->fds[h->pidns_fd] >= 0) {
        /* since 6.17 */
        r = cf_sys_fsconfig_set_fd(fs_fd, "pidns", in->fds[h->pidns_fd]);
        if (r >= 0)
            return fs_fd;
    }
    (void) cf_sys_close(fs_fd);
    fs_fd = open_in_pidns(in, fstype);
    if (fs_fd < 0)
        return cf_err_sys(err, fs_fd, "open procfs of the joined pid namespace");
    return fs_fd;
}

static bool has_param(struct cf_init *in, const struct cf_blob_mount *m, const char *key)
{
    const struct cf_blob_fsparam *p = cf_blob_at(&in->blob, m->params);

    for (uint32_t i = 0; i < m->params.count; i++) {
        if (cf_str_eq(cf_blob_str(&in->blob, p[i].key), key))
            return true;
    }
    return false;
}

/* Why a user namespace may not mount this, where we know. */
static void explain(struct cf_init *in, const char *fstype, int r, struct cf_err *err)
{
    if (r != -EPERM || !(in->blob.h->flags & CF_BLOB_USERNS))
        return;
    if (cf_str_eq(fstype, "proc"))
        cf_err_hint(err, "in a user namespace a new procfs needs a new pid namespace and a /proc "
                         "outside that is not covered by other mounts");
    else if (cf_str_eq(fstype, "sysfs"))
        cf_err_hint(err, "in a user namespace a new sysfs needs a new network namespace; bind "
                         "mount /sys instead");
    else
        cf_err_hint(err, "this file system type cannot be mounted in a user namespace");
}

int cf_fs_child_new(struct cf_init *in, const struct cf_blob_mount *m, uint32_t mode,
                    unsigned int attr, struct cf_fd_run *run, struct cf_err *err)
{
    const char *fstype = cf_blob_str(&in->blob, m->fstype);
    const char *source = cf_blob_str(&in->blob, m->source);
    char text[16];
    int fs_fd, mnt_fd = -1, r = 0;

    fs_fd = open_context(in, fstype, err);
    if (fs_fd < 0)
        return cf_mount_child_fail(in, m, fs_fd, "", err);

    if (!cf_str_empty(source) && !has_param(in, m, "source")) {
        r = cf_sys_fsconfig_set_string(fs_fd, "source", source);
        if (r < 0)
            r = fail_with_log(fs_fd, r, "source", source, err);
    }
    if (r >= 0 && mode != UINT32_MAX) {
        (void) cf_format(text, sizeof(text), "%o", mode);
        r = set_param(fs_fd, "mode", text);
        if (r < 0)
            r = fail_with_log(fs_fd, r, "option", "mode", err);
    }
    if (r >= 0)
        r = set_params(in, m, fs_fd, err);
    if (r >= 0) {
        r = cf_sys_fsconfig_create(fs_fd);
        if (r < 0)
            r = fail_with_log(fs_fd, r, "create file system", NULL, err);
    }
    if (r >= 0) {
        mnt_fd = cf_sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, attr);
        r = mnt_fd;
        if (r < 0)
            r = fail_with_log(fs_fd, r, "fsmount", NULL, err);
    }
    cf_fd_run_add(run, fs_fd);
    if (r < 0) {
        explain(in, fstype, r, err);
        return cf_mount_child_fail(in, m, r, "", err);
    }
    return mnt_fd;
}

int cf_fs_child_tmpfs(const char *const (*params)[2], unsigned int n, unsigned int attr,
                      struct cf_fd_run *run)
{
    int fs_fd, r = 0;

    fs_fd = cf_sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (fs_fd < 0)
        return fs_fd;
    for (unsigned int i = 0; i < n && r >= 0; i++)
        r = set_param(fs_fd, params[i][0], params[i][1]);
    if (r >= 0)
        r = cf_sys_fsconfig_create(fs_fd);
    if (r >= 0)
        r = cf_sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, attr);
    cf_fd_run_add(run, fs_fd);
    return r;
}

int cf_fs_child_reconfigure(struct cf_init *in, const struct cf_blob_mount *m, int fd,
                            struct cf_err *err)
{
    int fs_fd, r;

    fs_fd = cf_sys_fspick(fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
    if (fs_fd < 0)
        return cf_mount_child_fail(in, m, fs_fd, "open its file system", err);
    r = set_params(in, m, fs_fd, err);
    if (r >= 0) {
        r = cf_sys_fsconfig_reconfigure(fs_fd);
        if (r < 0)
            r = fail_with_log(fs_fd, r, "reconfigure file system", NULL, err);
    }
    (void) cf_sys_close(fs_fd);
    return r < 0 ? cf_mount_child_fail(in, m, r, "", err) : 0;
}
