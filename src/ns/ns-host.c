/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens the namespaces that are joined by path, before any process exists, and checks that they
 * are what config.json says. Host side.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <string.h>

#include "base/own.h"
#include "ns/ns.h"
#include "sys/fs.h"
#include "sys/task.h"

#define MAX_USERNS_DEPTH 33 /* the kernel nests 32 */

struct ns_id {
    uint64_t dev, ino;
};

static int get_id(int fd, struct ns_id *ret)
{
    struct stat st;
    int r = cf_sys_fstat(fd, &st);

    if (r < 0)
        return r;
    *ret = (struct ns_id) {.dev = st.st_dev, .ino = st.st_ino};
    return 0;
}

static bool same(const struct ns_id *a, const struct ns_id *b)
{
    return a->dev == b->dev && a->ino == b->ino;
}

static int fail(struct cf_err *err, const struct cf_ns_join *join, uint32_t kind, const char *code, int r,
                const char *text)
{
    (void) cf_err_set(err, kind, code, r, "namespace `%s`: %s", join->path, text);
    cf_err_field(err, "linux.namespaces[%u].path", join->config_index);
    return r;
}

static int open_one(const struct cf_ns_join *join, struct cf_err *err)
{
    cf_auto_fd int fd = -EBADF;
    struct statfs fs;
    int type, r;

    /* Not blocking: the path may be a FIFO or a device. */
    fd = cf_sys_openat(AT_FDCWD, join->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        r = cf_err_sys(err, fd, "open namespace `%s`", join->path);
        cf_err_field(err, "linux.namespaces[%u].path", join->config_index);
        if (r == -EACCES || r == -EPERM)
            cf_err_hint(err, "only who may trace a process may open its namespaces: it is another user's, or of a "
                             "user namespace that the caller has no rights in");
        return r;
    }
    r = cf_sys_fstatfs(fd, &fs);
    if (r < 0 || fs.f_type != NSFS_MAGIC)
        return fail(err, join, COFFER_ERROR_CONFIG, "namespace-not-nsfs", -EINVAL, "this is not a namespace file");
    type = cf_sys_ioctl(fd, NS_GET_NSTYPE, 0);
    if (type != join->type) {
        const char *name = type > 0 ? cf_ns_name_of(type) : NULL;

        r = cf_err_set(err, COFFER_ERROR_CONFIG, "namespace-type", -EINVAL,
                       "namespace `%s`: this is a %s namespace, not a %s namespace", join->path,
                       name ? name : "different", cf_ns_name_of(join->type));
        cf_err_field(err, "linux.namespaces[%u].path", join->config_index);
        return r;
    }
    return cf_steal_fd(&fd);
}

/* Steps from the user namespace @userns_fd, which is used up, to @owner and those above. 1: it is among them. */
static int is_below(int userns_fd, const struct ns_id *owner)
{
    struct ns_id id;
    int next, r;

    for (int depth = 0; depth < MAX_USERNS_DEPTH; depth++) {
        if (userns_fd < 0)
            return userns_fd == -EPERM ? 0 : userns_fd; /* EPERM: above our own user namespace */
        r = get_id(userns_fd, &id);
        if (r < 0 || same(&id, owner)) {
            cf_fd_close(&userns_fd);
            return r < 0 ? r : 1;
        }
        next = cf_sys_ioctl(userns_fd, NS_GET_PARENT, 0);
        cf_fd_close(&userns_fd);
        userns_fd = next;
    }
    cf_fd_close(&userns_fd);
    return 0;
}

/* 1: it is the namespace that the runtime is in itself, which its children are born in. */
static int is_own(const struct cf_ns_join *join, int fd, struct cf_err *err)
{
    static const struct {
        int type;
        const char *path;
    } own_paths[] = {
        {CLONE_NEWNET, "/proc/thread-self/ns/net"},
        {CLONE_NEWIPC, "/proc/thread-self/ns/ipc"},
        {CLONE_NEWUTS, "/proc/thread-self/ns/uts"},
        {CLONE_NEWUSER, "/proc/thread-self/ns/user"},
    };
    struct ns_id theirs;
    struct stat st;
    int r;

    for (size_t i = 0; i < sizeof(own_paths) / sizeof(own_paths[0]); i++) {
        if (own_paths[i].type != join->type)
            continue;
        r = cf_sys_fstatat(AT_FDCWD, own_paths[i].path, &st, 0);
        if (r < 0)
            return cf_err_sys(err, r, "look at `%s`", own_paths[i].path);
        r = get_id(fd, &theirs);
        if (r < 0)
            return cf_err_sys(err, r, "look at namespace `%s`", join->path);
        return st.st_dev == theirs.dev && st.st_ino == theirs.ino;
    }
    return 0;
}

static int foreign(struct cf_err *err, const struct cf_ns_join *join, uint32_t kind, uint32_t owner, const char *text,
                   const char *hint)
{
    (void) cf_err_set(err, kind, "namespace-owner", kind == COFFER_ERROR_PERMISSION ? -EPERM : -EINVAL,
                      "%s namespace `%s`: it is owned by a user namespace of user %u%s", cf_ns_name_of(join->type),
                      join->path, owner, text);
    cf_err_field(err, "linux.namespaces[%u].path", join->config_index);
    cf_err_hint(err, "%s", hint);
    return err->ret;
}

/*
 * To join a namespace takes rights in the user namespace that owns it. A privileged caller has them in its own and
 * all below, an ordinary one only in what it joins; and with a user namespace that is joined the container has
 * them there and nowhere else. What the runtime is in itself needs no rights then, and no join: 1. Engines name the
 * namespaces of a pod's first process, also those that a pod in the host's network shares with the host.
 */
static int check_owner(const struct cf_ns_join *join, int fd, const struct cf_ns_join *user, const struct ns_id *joined,
                       bool privileged, struct cf_err *err)
{
    cf_auto_fd int userns_fd = cf_sys_ioctl(fd, NS_GET_USERNS, 0);
    uint32_t owner = UINT32_MAX;
    int r;

    if (userns_fd == -EPERM) {
        (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "namespace-owner", -EPERM,
                          "%s namespace `%s`: it is owned by a user namespace outside of the runtime's own",
                          cf_ns_name_of(join->type), join->path);
        cf_err_field(err, "linux.namespaces[%u].path", join->config_index);
        cf_err_hint(err, "nobody in here has rights in it: let the runtime run where it was made, or make a new one");
        return -EPERM;
    }
    if (userns_fd < 0)
        return cf_err_sys(err, userns_fd, "ask for the owner of namespace `%s`", join->path);
    if (!user && privileged)
        return 0;
    r = cf_sys_ioctl_ptr(userns_fd, NS_GET_OWNER_UID, &owner);
    if (r < 0)
        return cf_err_sys(err, r, "ask for the owner of namespace `%s`", join->path);
    if (!user)
        return foreign(err, join, COFFER_ERROR_PERMISSION, owner,
                       ", in which an ordinary user's container with a user namespace of its own has no rights",
                       "join that user namespace too, if it is the caller's; otherwise leave the path out");
    r = is_below(cf_steal_fd(&userns_fd), joined);
    if (r < 0)
        return cf_err_sys(err, r, "ask for the owner of namespace `%s`", join->path);
    if (r > 0)
        return 0;
    r = is_own(join, fd, err);
    if (r != 0)
        return r;
    return foreign(err, join, COFFER_ERROR_CONFIG, owner, ", not by the one that is joined",
                   "join the user namespace of the process that the other namespaces are of, or leave the path out");
}

static int check_owners(const struct cf_ns_plan *plan, int *fds, bool privileged, struct cf_err *err)
{
    const struct cf_ns_join *user = plan->n_joins > 0 && plan->joins[0].type == CLONE_NEWUSER ? plan->joins : NULL;
    struct ns_id joined = {0};
    int r = user ? get_id(fds[0], &joined) : 0;

    if (r < 0)
        return cf_err_sys(err, r, "look at namespace `%s`", user->path);
    for (uint32_t i = user ? 1 : 0; i < plan->n_joins && r >= 0; i++) {
        r = check_owner(&plan->joins[i], fds[i], user, &joined, privileged, err);
        if (r > 0)
            cf_fd_close(&fds[i]);
    }
    return r < 0 ? r : 0;
}

/* What will be changed inside must not be the runtime's own namespace under another name. */
static int check_private(const struct cf_ns_join *join, int fd, struct cf_err *err)
{
    int r = is_own(join, fd, err);

    if (r > 0)
        return fail(err, join, COFFER_ERROR_CONFIG, "namespace-not-private", -EINVAL,
                    "it is the runtime's own namespace: linux.sysctl would change the host");
    return r;
}

int cf_ns_host_open(const struct cf_ns_plan *plan, bool privileged, int *fds, struct cf_err *err)
{
    int r = 0;

    for (uint32_t i = 0; i < CF_NS_MAX; i++)
        fds[i] = -EBADF;
    for (uint32_t i = 0; i < plan->n_joins && r >= 0; i++) {
        const struct cf_ns_join *join = &plan->joins[i];

        r = open_one(join, err);
        if (r < 0)
            break;
        fds[i] = r;
        if (plan->private_types & (uint64_t) join->type)
            r = check_private(join, fds[i], err);
    }
    if (r >= 0)
        r = check_owners(plan, fds, privileged, err);
    if (r >= 0)
        return 0;
    for (uint32_t i = 0; i < plan->n_joins; i++)
        cf_fd_close(&fds[i]);
    return r;
}
