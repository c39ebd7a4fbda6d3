/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A user namespace that is joined by path: who owns it, is it below ours, what are its maps. Host
 * side. The maps cannot be read from the fd, only from /proc/PID of a process that is in it: a
 * short-lived child of ours goes there, touches nothing, and ends. (rule U10)
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sys/prctl.h>

#include "base/own.h"
#include "sys/cred.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"
#include "userns/userns-internal.h"
#include "userns/userns.h"

#define MAX_DEPTH 33 /* the kernel nests user namespaces at most 32 deep */

static bool same_namespace(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

/* Steps from the namespace up to ours: 1 = we are its parent. */
static int depth_below_ours(int ns_fd, struct cf_err *err)
{
    const char *own_path = "/proc/thread-self/ns/user";
    cf_auto_fd int own_fd = cf_sys_openat(AT_FDCWD, own_path, O_RDONLY | O_CLOEXEC, 0);
    cf_auto_fd int fd = -EBADF;
    struct stat own = {0}, st = {0};
    int r;

    if (own_fd < 0)
        return cf_err_sys(err, own_fd, "open `%s`", own_path);
    r = cf_sys_fstat(own_fd, &own);
    if (r == 0)
        r = cf_sys_fstat(ns_fd, &st);
    if (r < 0)
        return cf_err_sys(err, r, "look at the user namespace");
    if (same_namespace(&own, &st))
        return cf_err_set(err, COFFER_ERROR_CONFIG, "userns-own", -EINVAL,
                          "the user namespace to join is the runtime's own");
    for (int depth = 1; depth <= MAX_DEPTH; depth++) {
        int parent = cf_sys_ioctl(depth == 1 ? ns_fd : fd, NS_GET_PARENT, 0);

        if (parent == -EPERM)
            break;
        if (parent < 0)
            return cf_err_sys(err, parent, "find the parent of the user namespace");
        cf_fd_close(&fd);
        fd = parent;
        r = cf_sys_fstat(fd, &st);
        if (r < 0)
            return cf_err_sys(err, r, "look at the parent of the user namespace");
        if (same_namespace(&own, &st))
            return depth;
    }
    (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "userns-foreign", -EPERM,
                      "the user namespace to join is not below the runtime's own");
    cf_err_hint(err, "let the runtime run where that namespace was made");
    return -EPERM;
}

/* Only what was inherited may be held inside: the socket and, until it is joined, the namespace. */
static void close_others(int a, int b)
{
    unsigned int low = (unsigned int) (a < b ? a : b), high = (unsigned int) (a < b ? b : a);

    if (low > 0)
        (void) cf_sys_close_range(0, low - 1, 0);
    if (high > low + 1)
        (void) cf_sys_close_range(low + 1, high - 1, 0);
    (void) cf_sys_close_range(high + 1, ~0U, 0);
}

/* Raw system calls only. Tells the result of setns, then stays until the socket is closed. Never
 * returns. The change of credentials made it non-dumpable: nobody inside can touch it. */
static void visitor(int ns_fd, int sock)
{
    int r;
    char byte;

    close_others(ns_fd, sock);
    r = cf_sys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (r == 0)
        r = cf_sys_setns(ns_fd, CLONE_NEWUSER);
    (void) cf_sys_close(ns_fd);
    (void) cf_sys_write(sock, &r, sizeof(r));
    if (r == 0)
        (void) cf_sys_read(sock, &byte, 1);
    cf_sys_exit_group(0);
}

static int send_visitor(int ns_fd, int sock, int *ret_pidfd)
{
    uint64_t all = ~0ULL, old;
    int pid;

    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &all, &old);
    pid = cf_sys_fork(CLONE_CLEAR_SIGHAND, ret_pidfd);
    if (pid == 0)
        visitor(ns_fd, sock);
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &old, NULL);
    return pid;
}

static int read_maps_of(pid_t pid, struct cf_arena *arena, struct cf_idmap *ret_uids,
                        struct cf_idmap *ret_gids, struct cf_err *err)
{
    cf_auto_fd int proc_fd = cf_userns_open_proc(pid, err);
    int r;

    if (proc_fd < 0)
        return proc_fd;
    r = cf_userns_read_map(proc_fd, CF_ID_UID, arena, ret_uids, err);
    if (r < 0)
        return r;
    return cf_userns_read_map(proc_fd, CF_ID_GID, arena, ret_gids, err);
}

static int read_through_child(int ns_fd, struct cf_arena *arena, struct cf_idmap *ret_uids,
                              struct cf_idmap *ret_gids, struct cf_err *err)
{
    cf_auto_fd int ours = -EBADF, theirs = -EBADF, pidfd = -EBADF;
    siginfo_t info;
    int fds[2], joined = -EPIPE, pid, r;
    long n;

    r = cf_sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    if (r < 0)
        return cf_err_sys(err, r, "make a socket pair");
    ours = fds[0];
    theirs = fds[1];
    pid = send_visitor(ns_fd, theirs, &pidfd);
    if (pid < 0)
        return cf_err_sys(err, pid, "start a process for the user namespace");
    cf_fd_close(&theirs);
    do {
        n = cf_sys_read(ours, &joined, sizeof(joined));
    } while (n == -EINTR);
    if (n != (long) sizeof(joined))
        r = cf_err_set(err, COFFER_ERROR_PEER, "userns-visitor", -EPIPE,
                       "the process that looks at the user namespace ended early");
    else if (joined < 0)
        r = cf_err_sys(err, joined, "join the user namespace");
    else
        r = read_maps_of(pid, arena, ret_uids, ret_gids, err);
    cf_fd_close(&ours); /* end of file: it may go */
    while (cf_sys_waitid(P_PIDFD, pidfd, &info, WEXITED, NULL) == -EINTR)
        ;
    return r;
}

/*
 * The namespace must be the caller's own. For a root caller it may also be one that was made the
 * way cf_userns_owner_enter() does it: a direct child of our namespace, owned by the host id of its
 * own root. A user's own namespace looks alike, but can map that user's id only by a range of
 * size 1: ranges that are larger were delegated, and need privilege to be owner of.
 * @uids: NULL before they are known: then only what no map could change is refused.
 */
static int check_owner(int ns_fd, int depth, const struct cf_idmap *uids, struct cf_err *err)
{
    uint32_t owner = UINT32_MAX, euid = cf_sys_geteuid();
    bool delegated_may = euid == 0 && depth == 1;
    int r = cf_sys_ioctl_ptr(ns_fd, NS_GET_OWNER_UID, &owner);

    if (r < 0)
        return cf_err_sys(err, r, "find the owner of the user namespace");
    if (owner == euid || (delegated_may && !uids))
        return 0;
    for (size_t i = 0; delegated_may && i < uids->n; i++) {
        const struct cf_idrange *range = &uids->ranges[i];

        if (range->container_id == 0 && range->host_id == owner && range->size > 1)
            return 0;
    }
    (void) cf_err_set(err, COFFER_ERROR_UNSAFE, "userns-foreign", -EPERM,
                      "the user namespace to join belongs to user %u, not to the caller (%u)",
                      owner, euid);
    cf_err_hint(err, "join only namespaces that the caller made, or run as that user");
    return -EPERM;
}

static int compare(enum cf_id_kind kind, const struct cf_idmap *wanted,
                   const struct cf_idmap *found, struct cf_err *err)
{
    if (found->n == 0)
        return cf_err_set(err, COFFER_ERROR_STATE, "idmap-empty", -EINVAL,
                          "the user namespace to join has no %s mappings yet",
                          kind == CF_ID_UID ? "uid" : "gid");
    if (wanted->n > 0 && !cf_idmap_equal(wanted, found))
        return cf_err_config(err, "idmap-mismatch", cf_userns_field(kind),
                             "differs from the mappings of the user namespace that is joined");
    return 0;
}

int cf_userns_read_joined(int ns_fd, struct cf_arena *arena, struct cf_idmap *uids,
                          struct cf_idmap *gids, struct cf_err *err)
{
    struct cf_idmap found_uids = {0}, found_gids = {0};
    int type = cf_sys_ioctl(ns_fd, NS_GET_NSTYPE, 0);
    int depth, r;

    if (type != CLONE_NEWUSER)
        return cf_err_set(err, COFFER_ERROR_CONFIG, "userns-type", -EINVAL,
                          "what is to be joined is not a user namespace");
    depth = depth_below_ours(ns_fd, err);
    if (depth < 0)
        return depth;
    r = check_owner(ns_fd, depth, NULL, err);
    if (r < 0)
        return r;
    r = read_through_child(ns_fd, arena, &found_uids, &found_gids, err);
    if (r < 0)
        return r;
    r = check_owner(ns_fd, depth, &found_uids, err);
    if (r < 0)
        return r;
    r = compare(CF_ID_UID, uids, &found_uids, err);
    if (r < 0)
        return r;
    r = compare(CF_ID_GID, gids, &found_gids, err);
    if (r < 0)
        return r;
    *uids = found_uids;
    *gids = found_gids;
    return 0;
}
