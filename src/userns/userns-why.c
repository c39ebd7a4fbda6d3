/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Why namespaces could not be made: the kernel only says that there is no space, or that it is not permitted. Read
 * after it has refused, never before. Host side; the judging is pure.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/format.h"
#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "sys/fs.h"
#include "sys/task.h"
#include "userns/userns-why.h"

#define HINT_LIMIT                                                                                                    \
    "a limit in /proc/sys/user for namespaces is reached, here or in a user namespace above; user namespaces are at " \
    "most 32 deep"

static const struct {
    const char *name;
    uint64_t flag;
} kinds[CF_WHY_KINDS] = {
    {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},   {"pid", CLONE_NEWPID},       {"net", CLONE_NEWNET},
    {"ipc", CLONE_NEWIPC},   {"uts", CLONE_NEWUTS},  {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};

static int64_t read_number(const char *path)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0);
    char text[CF_NUM_SIZE];
    int64_t v;
    long n = fd < 0 ? fd : cf_io_read_buf(fd, text, sizeof(text) - 1);

    while (n > 0 && text[n - 1] == '\n')
        n--;
    if (n <= 0)
        return CF_WHY_ABSENT;
    text[n] = '\0';
    return cf_num_parse_i64(text, 0, INT64_MAX, &v) < 0 ? CF_WHY_ABSENT : v;
}

void cf_userns_why_read(bool privileged, uint64_t flags, struct cf_userns_why *ret)
{
    char path[64];
    struct stat st;

    *ret = (struct cf_userns_why){.privileged = privileged, .flags = flags};
    for (int i = 0; i < CF_WHY_KINDS; i++) {
        (void) cf_format(path, sizeof(path), "/proc/sys/user/max_%s_namespaces", kinds[i].name);
        ret->max[i] = read_number(path);
    }
    ret->unprivileged_clone = read_number("/proc/sys/kernel/unprivileged_userns_clone");
    ret->apparmor_restrict = read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    ret->in_userns = cf_sys_fstatat(AT_FDCWD, "/proc/self/ns/user", &st, 0) >= 0 && st.st_ino != CF_INIT_USERNS_INODE;
}

static int limit_reached(const struct cf_userns_why *why, int r, const char *what, struct cf_err *err)
{
    for (int i = 0; i < CF_WHY_KINDS; i++) {
        if (!(why->flags & kinds[i].flag) || why->max[i] != 0)
            continue;
        (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "userns-limit", r, "%s: the sysctl `user.max_%s_namespaces` is 0",
                          what, kinds[i].name);
        if (!why->in_userns)
            cf_err_hint(err, "set it to 10000 or more: sysctl -w user.max_%s_namespaces=15000", kinds[i].name);
        else if (kinds[i].flag == CLONE_NEWUSER)
            cf_err_hint(err, "this is inside a user namespace: give the container around it the annotation "
                             "`org.coffer.userns.nested` or the sysctl user.max_user_namespaces");
        else
            cf_err_hint(err, "this is inside a user namespace: give the container around it the sysctl "
                             "user.max_%s_namespaces", kinds[i].name);
        return r;
    }
    r = cf_err_sys(err, r, "%s", what);
    cf_err_hint(err, HINT_LIMIT);
    return r;
}

int cf_userns_why_judge(const struct cf_userns_why *why, int r, const char *what, struct cf_err *err)
{
    bool user = why->flags & CLONE_NEWUSER;

    if (r == -ENOSPC || r == -EUSERS)
        return limit_reached(why, r, what, err);
    if (r == -EPERM && user && !why->privileged && why->unprivileged_clone == 0) {
        (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "userns-forbidden", r,
                          "%s: the sysctl `kernel.unprivileged_userns_clone` is 0: ordinary users may make no user "
                          "namespaces", what);
        cf_err_hint(err, "set it to 1: sysctl -w kernel.unprivileged_userns_clone=1");
        return r;
    }
    if ((r == -EPERM || r == -EACCES) && user && !why->privileged && why->apparmor_restrict == 1) {
        (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "userns-forbidden", r,
                          "%s: the sysctl `kernel.apparmor_restrict_unprivileged_userns` is 1: AppArmor gives ordinary "
                          "users no rights in user namespaces", what);
        cf_err_hint(err, CF_WHY_APPARMOR_REMEDY);
        return r;
    }
    r = cf_err_sys(err, r, "%s", what);
    if (r == -EPERM && user)
        cf_err_hint(err, "a seccomp filter, a security module or a changed root directory forbids it: allow clone3 with "
                         "CLONE_NEWUSER for coffer");
    else if (r == -EINVAL && user)
        cf_err_hint(err, "the kernel may have been built without CONFIG_USER_NS or another kind of namespace");
    return r;
}

int cf_userns_why_not(bool privileged, uint64_t flags, int r, const char *what, struct cf_err *err)
{
    struct cf_userns_why why;

    cf_userns_why_read(privileged, flags, &why);
    return cf_userns_why_judge(&why, r, what, err);
}

void cf_userns_why_late_judge(const struct cf_userns_why *why, struct cf_err *err)
{
    if (err->sys_errno == ENOSPC || err->sys_errno == EUSERS) {
        for (int i = 0; i < CF_WHY_KINDS; i++)
            if ((why->flags & kinds[i].flag) && why->max[i] == 0)
                cf_err_hint(err, "the sysctl user.max_%s_namespaces is 0", kinds[i].name);
        cf_err_hint(err, HINT_LIMIT);
        return;
    }
    if ((why->flags & CLONE_NEWUSER) && !why->privileged && why->apparmor_restrict == 1)
        cf_err_hint(err, "the sysctl kernel.apparmor_restrict_unprivileged_userns is 1: " CF_WHY_APPARMOR_REMEDY);
}

void cf_userns_why_late(bool privileged, uint64_t flags, struct cf_err *err)
{
    bool limit = (err->sys_errno == ENOSPC || err->sys_errno == EUSERS) && strcmp(err->step, "spawn") == 0;
    bool denied = (err->sys_errno == EPERM || err->sys_errno == EACCES) && (flags & CLONE_NEWUSER) && !privileged;
    struct cf_userns_why why;

    if (err->hint[0] || !flags || (!limit && !denied))
        return;
    cf_userns_why_read(privileged, flags, &why);
    cf_userns_why_late_judge(&why, err);
}
