/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * File systems that the host makes, because they are id-mapped: that takes CAP_SYS_ADMIN over the file
 * system and over the map's namespace, which init has not. Host side.
 */

#include <errno.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "mount/mount-idmap.h"
#include "sys/fs.h"
#include "sys/mountfd.h"

/* With what the file system said about it: one message per read, "e text\n". */
static int fail(int fs_fd, int r, const char *what, const char *detail, struct cf_err *err)
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
            return fail(fs_fd, r, "option", p->key, err);
    }
    if (!has_source) {
        r = cf_sys_fsconfig_set_string(fs_fd, "source", cf_str_empty(s->path) ? s->fstype : s->path);
        if (r < 0)
            return fail(fs_fd, r, "source", s->path, err);
    }
    r = cf_sys_fsconfig_create(fs_fd);
    if (r < 0)
        return fail(fs_fd, r, "create file system", NULL, err);
    /* Nothing is mounted below it, so recursive attributes are the same. */
    r = cf_sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int) (s->attr_set | s->rec_attr_set | s->dir_attr_set));
    return r < 0 ? fail(fs_fd, r, "make the mount", NULL, err) : r;
}

int cf_mount_fs_open(const struct cf_source *s, struct cf_err *err)
{
    cf_auto_fd int fs_fd = cf_sys_fsopen(s->fstype, FSOPEN_CLOEXEC);
    int fd;

    if (fs_fd < 0) {
        (void) cf_err_sys(err, fs_fd, "open file system type `%s`", s->fstype);
        if (fs_fd == -ENODEV)
            cf_err_hint(err, "`%s` is not a file system type of this kernel, or its module is not loaded", s->fstype);
        return fs_fd;
    }
    fd = make(s, fs_fd, err);
    return fd < 0 ? cf_err_in(err, "mount `%s` at `%s`", s->fstype, s->target) : fd;
}
