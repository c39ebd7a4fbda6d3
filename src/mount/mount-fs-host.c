/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * File systems that the host makes because init may not: id-mapped ones, which takes CAP_SYS_ADMIN over the
 * file system and over the map's namespace, and those that show a namespace of the host's. Host side.
 */

#include <errno.h>
#include <fcntl.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "mount/mount-idmap.h"
#include "sys/fs.h"
#include "sys/mountfd.h"
#include "sys/task.h"

/* One message per read, "e text\n". */
int cf_mount_fs_fail(int fs_fd, int r, const char *what, const char *detail, struct cf_err *err)
{
    char log[512] = "", line[256];
    size_t used = 0;

    for (int i = 0; i < 16; i++) {
        long n = cf_sys_read(fs_fd, line, sizeof(line) - 1);

        if (n == -EMSGSIZE || n == -EINTR)
            continue;
        if (n <= 0)
            break;
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\0'))
            n--;
        line[n] = '\0';
        if (n >= 3 && (line[0] == 'e' || line[0] == 'w') && used < sizeof(log) - 1)
            used += cf_format(log + used, sizeof(log) - used, "%s%s", used ? "; " : "", line + 2);
    }
    return cf_err_sys(err, r, "%s%s%s%s%s", what, detail ? " " : "", detail ? detail : "", used ? ": " : "", log);
}

static int make(const struct cf_source *s, int fs_fd, struct cf_err *err)
{
    bool has_source = false;
    int r;

    for (size_t i = 0; i < s->n_params; i++) {
        const struct cf_source_param *p = &s->params[i];

        has_source = has_source || cf_str_eq(p->key, "source");
        r = p->value ? cf_sys_fsconfig_set_string(fs_fd, p->key, p->value) : cf_sys_fsconfig_set_flag(fs_fd, p->key);
        if (r < 0)
            return cf_mount_fs_fail(fs_fd, r, "option", p->key, err);
    }
    if (!has_source) {
        r = cf_sys_fsconfig_set_string(fs_fd, "source", cf_str_empty(s->path) ? s->fstype : s->path);
        if (r < 0)
            return cf_mount_fs_fail(fs_fd, r, "source", s->path, err);
    }
    r = cf_sys_fsconfig_create(fs_fd);
    if (r < 0)
        return cf_mount_fs_fail(fs_fd, r, "create file system", NULL, err);
    /* Nothing is mounted below it, so recursive attributes are the same. */
    r = cf_sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int) (s->attr_set | s->rec_attr_set | s->dir_attr_set));
    return r < 0 ? cf_mount_fs_fail(fs_fd, r, "make the mount", NULL, err) : r;
}

/* What a new sysfs or mqueue shows is where the calling thread is while it asks for one. */
static int open_context(const struct cf_source *s, int ns_fd, struct cf_err *err)
{
    const char *own_path = s->shows == CLONE_NEWNET ? "/proc/thread-self/ns/net" : "/proc/thread-self/ns/ipc";
    cf_auto_fd int own_fd = -EBADF;
    int fs_fd, r;

    if (ns_fd < 0)
        return cf_sys_fsopen(s->fstype, FSOPEN_CLOEXEC);
    own_fd = cf_sys_openat(AT_FDCWD, own_path, O_RDONLY | O_CLOEXEC, 0);
    if (own_fd < 0)
        return cf_err_sys(err, own_fd, "open `%s`", own_path);
    r = cf_sys_setns(ns_fd, s->shows);
    if (r < 0)
        return cf_err_sys(err, r, "enter the %s namespace that `%s` is to show", cf_ns_name_of(s->shows), s->target);
    fs_fd = cf_sys_fsopen(s->fstype, FSOPEN_CLOEXEC);
    /* SIGABRT's usual status: to go on among strangers would be worse than to end. */
    if (cf_sys_setns(own_fd, s->shows) < 0)
        cf_sys_exit_group(134);
    return fs_fd;
}

int cf_mount_fs_open(const struct cf_source *s, int ns_fd, struct cf_err *err)
{
    cf_auto_fd int fs_fd = open_context(s, ns_fd, err);
    int fd;

    if (fs_fd < 0 && err->kind != COFFER_ERROR_NONE)
        return fs_fd;
    if (fs_fd < 0) {
        (void) cf_err_sys(err, fs_fd, "open file system type `%s`", s->fstype);
        if (fs_fd == -ENODEV)
            cf_err_hint(err, "`%s` is not a file system type of this kernel, or its module is not loaded", s->fstype);
        return fs_fd;
    }
    fd = make(s, fs_fd, err);
    return fd < 0 ? cf_err_in(err, "mount `%s` at `%s`", s->fstype, s->target) : fd;
}
