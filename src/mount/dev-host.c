/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes device nodes for containers with a user namespace, in a tmpfs that belongs to the initial
 * user namespace: the kernel lets nobody open a device on one that belongs to the container's. Owner
 * and mode are the configuration's, so a node of mode 0600 is of use to the container's root, and
 * nothing of the host's /dev is touched or shared. Host side.
 */

#include "mount/dev-host.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "sys/mountfd.h"

static int new_tmpfs(const struct cf_source_param *params, size_t n, unsigned int attr, struct cf_err *err)
{
    cf_auto_fd int fs_fd = cf_sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
    int r;

    if (fs_fd < 0)
        return cf_err_sys(err, fs_fd, "open file system type `tmpfs`");
    for (size_t i = 0; i < n; i++) {
        r = params[i].value ? cf_sys_fsconfig_set_string(fs_fd, params[i].key, params[i].value)
                            : cf_sys_fsconfig_set_flag(fs_fd, params[i].key);
        if (r < 0)
            return cf_err_sys(err, r, "option `%s` of the tmpfs for `/dev`", params[i].key);
    }
    r = cf_sys_fsconfig_create(fs_fd);
    if (r < 0)
        return cf_err_sys(err, r, "make a tmpfs for device nodes");
    r = cf_sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, attr);
    return r < 0 ? cf_err_sys(err, r, "make a tmpfs for device nodes") : r;
}

/* The umask is our caller's, so the mode is set again. */
static int set_owner(int dir_fd, const char *name, uint32_t uid, uint32_t gid, uint32_t mode)
{
    int r = cf_sys_fchownat(dir_fd, name, uid, gid, AT_SYMLINK_NOFOLLOW);

    return r < 0 ? r : cf_sys_fchmodat(dir_fd, name, mode & 07777);
}

static int make_parents(const struct cf_source *s, int dir_fd, const char *name)
{
    char path[PATH_MAX];
    int r = 0;

    if (!strchr(name, '/'))
        return 0;
    r = cf_str_copy(path, sizeof(path), name);
    for (char *slash = strchr(path, '/'); slash && r >= 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        r = cf_sys_mkdirat(dir_fd, path, 0755);
        if (r >= 0)
            r = set_owner(dir_fd, path, s->root_uid, s->root_gid, 0755);
        else if (r == -EEXIST)
            r = 0;
        *slash = '/';
    }
    return r;
}

static int make_node(const struct cf_source_node *node, int dir_fd, const char *name, const char *directory,
                     struct cf_err *err)
{
    int r;

    r = cf_sys_mknodat(dir_fd, name, node->mode, cf_sys_makedev(node->major, node->minor));
    if (r >= 0)
        r = set_owner(dir_fd, name, node->uid, node->gid, node->mode);
    if (r >= 0)
        return 0;
    r = cf_err_sys(err, r, "make device `%s%s` (%u:%u)", directory, node->name, node->major, node->minor);
    if (err->sys_errno == EPERM)
        cf_err_hint(err, "making device nodes needs CAP_MKNOD and a device policy of the runtime's own cgroup that "
                         "lets it");
    if (node->config_index != UINT32_MAX)
        cf_err_field(err, "linux.devices[%u]", node->config_index);
    cf_err_step(err, "device");
    return r;
}

int cf_dev_host_open(const struct cf_source *s, struct cf_err *err)
{
    cf_auto_fd int fd = -EBADF;
    int r;

    fd = new_tmpfs(s->params, s->n_params, (unsigned int) s->attr_set, err);
    if (fd < 0) {
        if (!cf_str_empty(s->field))
            cf_err_field(err, "%s", s->field);
        return fd;
    }
    for (size_t i = 0; i < s->n_nodes; i++) {
        r = make_parents(s, fd, s->nodes[i].name);
        if (r < 0)
            return cf_err_sys(err, r, "make the directory of `/dev/%s`", s->nodes[i].name);
        r = make_node(&s->nodes[i], fd, s->nodes[i].name, "/dev/", err);
        if (r < 0)
            return r;
    }
    return cf_steal_fd(&fd);
}

int cf_dev_host_node(const struct cf_source *s, int *store_fd, size_t number, struct cf_err *err)
{
    char name[24];
    int fd, r;

    if (*store_fd < 0) {
        fd = new_tmpfs(NULL, 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, err);
        if (fd < 0)
            return fd;
        *store_fd = fd;
    }
    (void) cf_format(name, sizeof(name), "%zu", number);
    r = make_node(&s->nodes[0], *store_fd, name, "", err);
    if (r < 0)
        return r;
    fd = cf_sys_open_tree(*store_fd, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd == -EINVAL)
        return -EOPNOTSUPP; /* before 6.15 what is not attached anywhere cannot be cloned */
    return fd < 0 ? cf_err_sys(err, fd, "open the new device `%s`", s->path) : fd;
}
