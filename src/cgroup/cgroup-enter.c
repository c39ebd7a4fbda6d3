/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where in the container's cgroup a further process goes: to the child that was made for its processes, to a
 * sub-cgroup that the caller names, or on v2, where the kernel takes no process because the container has divided
 * its cgroup, to where its init is. Never outside of it, whatever the container has built below. Host side.
 */

#include "cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "sys/fs.h"

/* The path below the cgroup, "." for itself; "..", which a caller may write, does not leave it. */
static int clean_below(const char *path, char out[PATH_MAX])
{
    size_t n = 0;

    for (const char *p = path; *p;) {
        size_t len;

        p += strspn(p, "/");
        len = strcspn(p, "/");
        if (len == 2 && memcmp(p, "..", 2) == 0) {
            while (n > 0 && out[--n] != '/')
                ;
        } else if (len > 0 && !(len == 1 && *p == '.')) {
            if (n + len + 2 > PATH_MAX)
                return -ENAMETOOLONG;
            if (n > 0)
                out[n++] = '/';
            memcpy(out + n, p, len);
            n += len;
        }
        p += len;
    }
    if (n == 0)
        out[n++] = '.';
    out[n] = '\0';
    return 0;
}

static int sub_failed(const char *path, int r, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_ARGUMENT, "cgroup-sub", r, "sub-cgroup `%s` of the container", path);
    cf_err_errno(err, r);
    return r;
}

static int take_sub_v2(struct cf_cgroup *cg, const char *const *paths, struct cf_err *err)
{
    char below[PATH_MAX];
    int fd, r;

    if (paths[1])
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "cgroup-sub", -EINVAL,
                          "more than one sub-cgroup, but cgroup v2 has one tree only");
    if (strchr(paths[0], ':'))
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "cgroup-sub", -EINVAL,
                          "`%s` names controllers, but cgroup v2 has one tree only", paths[0]);
    r = clean_below(paths[0], below);
    fd = r < 0 ? r : cf_cgfs_open_dir(cg->dirs[0].fd, below, NULL);
    if (fd < 0)
        return sub_failed(paths[0], fd, err);
    cf_fd_close(&cg->leaf_fd);
    cg->leaf_fd = fd;
    return 0;
}

static bool has_controller(const char *list, const char *name, size_t len)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");

        if (n == len && memcmp(p, name, len) == 0)
            return true;
        p += n + (p[n] == ',');
    }
    return false;
}

/* "cpu,memory:a/b" means these hierarchies, "a/b" every one. */
static int take_sub_v1(struct cf_cgroup *cg, const char *text, struct cf_err *err)
{
    const char *colon = strchr(text, ':'), *path = colon ? colon + 1 : text;
    char below[PATH_MAX];
    int r = clean_below(path, below);

    if (r < 0)
        return sub_failed(path, r, err);
    for (const char *p = text; p <= (colon ? colon : text);) {
        size_t len = colon ? strcspn(p, ",:") : 0;
        bool found = false;

        for (size_t i = 0; i < cg->n; i++) {
            struct cf_cgroup_open_dir *dir = &cg->dirs[i];
            int fd;

            if (colon && !has_controller(dir->controllers, p, len))
                continue;
            found = true;
            fd = cf_cgfs_open_dir(dir->fd, below, NULL);
            if (fd == -ENOENT && !*dir->controllers)
                continue; /* the hybrid's v2 tree limits nothing */
            if (fd < 0)
                return sub_failed(text, fd, err);
            cf_fd_close(&dir->fd);
            dir->fd = fd;
        }
        if (!found && colon)
            return cf_err_set(err, COFFER_ERROR_ARGUMENT, "cgroup-sub", -EINVAL,
                              "`%s`: the container has no cgroup of controller `%.*s`", text, (int) len, p);
        p += len + 1;
    }
    return 0;
}

bool cf_cgroup_complete(const struct cf_cgroup *cg, const struct cf_cgroup_record *record)
{
    size_t n = 0;

    for (size_t i = 0; i < record->n_dirs; i++)
        n += record->dirs[i].inode != 0;
    return cg->n == n;
}

int cf_cgroup_enter(struct cf_cgroup *cg, const char *const *paths, struct cf_err *err)
{
    int fd, r = 0;

    if (cg->n == 0)
        return paths && paths[0] ? sub_failed(paths[0], -ENOENT, err) : 0;
    if (paths && paths[0] && cg->ops == &cf_cgroup_ops_v2)
        return take_sub_v2(cg, paths, err);
    for (; paths && *paths && r >= 0; paths++)
        r = take_sub_v1(cg, *paths, err);
    if (r < 0 || !cg->subgroup || cg->ops != &cf_cgroup_ops_v2)
        return r;
    fd = cf_cgfs_open_dir(cg->dirs[0].fd, cg->subgroup, NULL);
    if (fd == -ENOENT)
        return 0; /* the container removed it: then the kernel says where its processes may be */
    if (fd < 0)
        return cf_err_sys(err, fd, "open the child `%s` of cgroup `%s`", cg->subgroup, cg->dirs[0].path);
    cg->leaf_fd = fd;
    return 0;
}

int cf_cgroup_enter_like(struct cf_cgroup *cg, pid_t pid, struct cf_err *err)
{
    char file[64], text[PATH_MAX + 128];
    const char *base, *path, *below;
    cf_auto_fd int fd = -EBADF;
    long n;

    if (cg->ops != &cf_cgroup_ops_v2 || cg->n == 0)
        return -ENOTSUP;
    (void) cf_format(file, sizeof(file), "/proc/%d/cgroup", (int) pid);
    fd = cf_sys_openat(AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
    n = fd < 0 ? fd : cf_sys_read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return cf_err_sys(err, (int) n, "read `%s`", file);
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    base = cg->dirs[0].path;
    path = cf_str_after(text, "0::");
    below = path ? cf_str_after(path, base) : NULL;
    if (!below || (*below && *below != '/'))
        return cf_err_set(err, COFFER_ERROR_UNSAFE, "cgroup-init-left", -EXDEV,
                          "container init is not in the cgroup of the container");
    cf_fd_close(&fd);
    fd = cf_cgfs_open_dir(cg->dirs[0].fd, *below ? below : ".", NULL);
    if (fd < 0)
        return cf_err_sys(err, fd, "open cgroup `%s`", path);
    cf_fd_close(&cg->leaf_fd);
    cg->leaf_fd = cf_steal_fd(&fd);
    return 0;
}

void cf_cgroup_enter_by_manager(struct cf_cgroup *cg, const struct cf_cgroup_record *record)
{
    cg->unit = record;
    cg->unit_no_clone = true;
}
