/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * `coffer mounts`: attaches mounts in a container that runs, and takes them away again. We are in its mount
 * namespace and user namespace, but nobody in its pid namespace sees us. Its processes may change every path
 * while we look: a place is what the one resolver found, kept as a descriptor. An unprivileged runtime cannot clone
 * sources itself: then we begin in a copy of the host's mounts, and join the mount namespace when all are open.
 *
 * A mount has no system call that unmounts a descriptor. The procfs of the host, in which we see ourselves, gives
 * every descriptor a name. Container side.
 */

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "mount/child.h"
#include "path/path.h"
#include "sys/task.h"

#define NAME_SIZE 32

static int mount_id(int fd, uint64_t *ret)
{
    struct statx st = {0};
    int r = cf_sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st);

    if (r < 0)
        return r;
    *ret = st.stx_mnt_id;
    return st.stx_attributes & STATX_ATTR_MOUNT_ROOT ? 0 : -EINVAL;
}

/* With everything that is mounted below, as soon as nobody uses it any more. */
static int detach(const struct cf_init *in, int fd)
{
    char name[NAME_SIZE];
    int r;

    (void) cf_format(name, sizeof(name), "self/fd/%d", fd);
    r = cf_sys_fchdir(in->proc_fd);
    return r < 0 ? r : cf_sys_umount2(name, MNT_DETACH);
}

static void take_back(const struct cf_init *in)
{
    for (uint32_t i = in->n_attached; i > 0; i--)
        (void) detach(in, in->attached[i - 1]);
}

/* The ids go with READY. An end of file instead of COMMIT: the host could not write down what is here. */
static int settle(struct cf_init *in, const uint64_t *ids, struct cf_err *err)
{
    struct cf_msg msg;
    int r;

    r = cf_msg_send(in->wire_fd, CF_MSG_READY, ids, (uint32_t) (in->n_attached * sizeof(*ids)), NULL, 0);
    if (r >= 0)
        r = cf_msg_recv(in->wire_fd, &msg);
    if (r > 0 && msg.type == CF_MSG_COMMIT)
        return 0;
    return cf_err_set(err, COFFER_ERROR_PEER, "wire", r < 0 ? r : -EPROTO, "the runtime gave the mounts up");
}

static int attach(struct cf_init *in, struct cf_err *err)
{
    uint64_t ids[CF_ATTACH_MAX];
    int fds[CF_ATTACH_MAX], r;

    in->attached = fds;
    r = cf_mount_child_apply(in, err);
    for (uint32_t i = 0; r >= 0 && i < in->n_attached; i++) {
        r = mount_id(fds[i], &ids[i]);
        if (r < 0)
            (void) cf_err_sys(err, r, "look at a new mount");
    }
    if (r >= 0)
        r = settle(in, ids, err);
    if (r < 0)
        take_back(in);
    return r;
}

/* What is at the target now must be what was attached there: the container may have changed it. */
static int find(struct cf_init *in, const struct cf_blob_mount *m, struct cf_err *err)
{
    static const int follow[] = {O_PATH, O_PATH | O_NOFOLLOW};
    const char *target = cf_blob_str(&in->blob, m->target);
    uint64_t id = 0;

    for (unsigned int i = 0; i < sizeof(follow) / sizeof(follow[0]); i++) {
        int fd = cf_inroot_open(in->root_fd, target, follow[i], 0);

        if (fd < 0)
            continue;
        if (mount_id(fd, &id) >= 0 && id == m->attr_set)
            return fd;
        (void) cf_sys_close(fd);
    }
    (void) cf_err_set(err, COFFER_ERROR_STATE, "mount-changed", -EBUSY,
                      "the mount at `%s` is covered or was moved in the container", target);
    cf_err_field(err, "mounts[%u].destination", m->config_index);
    cf_err_hint(err, "unmount in the container what is above it");
    return -EBUSY;
}

/* All are found before the first one goes. */
static int detach_all(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_mount *m = cf_blob_at(&in->blob, in->blob.h->mounts);
    uint32_t n = in->blob.h->mounts.count;
    int fds[CF_ATTACH_MAX], r;

    for (uint32_t i = 0; i < n; i++) {
        fds[i] = find(in, &m[i], err);
        if (fds[i] < 0)
            return fds[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        r = detach(in, fds[i]);
        if (r < 0) {
            r = cf_err_sys(err, r, "unmount `%s`", cf_blob_str(&in->blob, m[i].target));
            cf_err_field(err, "mounts[%u].destination", m[i].config_index);
            return r;
        }
    }
    return 0;
}

int cf_attach_child_enter(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;
    int fd, r;

    if (h->root_fd != CF_NO_FD) {
        fd = cf_init_take_fd(in, h->root_fd);
        r = fd < 0 ? fd : cf_sys_setns(fd, CLONE_NEWNS);
        if (fd >= 0)
            (void) cf_sys_close(fd);
        if (r < 0)
            return cf_err_sys(err, r, "join the mount namespace of the container");
    }
    r = cf_sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (r < 0)
        return cf_err_sys(err, r, "open the root of the container");
    in->root_fd = r;
    return 0;
}

int cf_attach_child_run(struct cf_init *in, struct cf_err *err)
{
    int r;

    in->proc_fd = cf_init_take_fd(in, in->blob.h->proc_fd);
    if (in->blob.h->flags & CF_BLOB_ATTACH)
        return attach(in, err);
    r = cf_attach_child_enter(in, err);
    return r < 0 ? r : detach_all(in, err);
}
