/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The label that the program gets at execve, and the one of our keyring. A label that cannot be
 * written is the end: a container never runs with less confinement than was asked for (rule R27).
 * Only through a procfs that is surely ours (rule R8). Container side, freestanding.
 */

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "init/init-internal.h"
#include "path/path.h"
#include "sys/fs.h"

#define ATTR_PATH_SIZE 64

/* Attribute files of this thread, by the container's procfs or, where that does not show us or is
 * read-only, by one that nobody else has ever seen. */
static int write_attr(struct cf_init *in, const char *relpath, const char *label)
{
    size_t len = strlen(label);
    int fd, r = -ENOENT;

    if (in->proc_fd >= 0)
        r = cf_procfs_write(in->proc_fd, relpath, label, len);
    if (r != -ENOENT && r != -EROFS && r != -EXDEV)
        return r;
    fd = cf_procfs_open(true);
    if (fd == -EPERM)
        fd = cf_procfs_open_host();
    if (fd < 0)
        return fd;
    r = cf_procfs_write(fd, relpath, label, len);
    (void) cf_sys_close(fd);
    return r;
}

static int set_label(struct cf_init *in, const char *attr, const char *label, const char *what,
                     struct cf_err *err)
{
    char relpath[ATTR_PATH_SIZE];
    int r;

    r = cf_str_path_join(relpath, sizeof(relpath), "thread-self", attr);
    if (r >= 0)
        r = write_attr(in, relpath, label);
    if (r < 0) {
        (void) cf_err_set(err, COFFER_ERROR_SYSTEM, "label-refused", r, "%s: write `/proc/%s`",
                          what, relpath);
        cf_err_errno(err, r);
        return r;
    }
    return 0;
}

int cf_lsm_child_set_key(struct cf_init *in, struct cf_err *err)
{
    const char *label = cf_blob_str(&in->blob, in->blob.h->key_label);
    int r;

    if (!label)
        return 0;
    /* Not taken back: execve does that. */
    r = set_label(in, "attr/keycreate", label, "set key label", err);
    if (r < 0)
        cf_err_field(err, "process.selinuxLabel");
    return r;
}

int cf_lsm_child_set_exec(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    const char *label = cf_blob_str(&in->blob, h->exec_label);
    const char *attr = cf_blob_str(&in->blob, h->exec_attr);
    bool apparmor;
    int r;

    if (!label)
        return 0;
    if (!attr)
        attr = "attr/exec";
    /* SELinux contexts have no blank; AppArmor's text is a command. */
    apparmor = cf_str_starts_with(label, "exec ") || cf_str_starts_with(label, "changeprofile ");
    r = set_label(in, attr, label,
                  apparmor ? "apparmor failed to apply profile" : "set process label", err);
    if (r < 0) {
        cf_err_field(err, apparmor ? "process.apparmorProfile" : "process.selinuxLabel");
        if (apparmor && r == -ENOENT)
            cf_err_hint(err, "load the profile on the host first");
    }
    return r;
}
