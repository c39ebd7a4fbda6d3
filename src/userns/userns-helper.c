/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * newuidmap(1) and newgidmap(1), host side: the only way an unprivileged caller gets more than its
 * own id. They are privileged programs, so nothing about them may come from the caller's
 * environment: fixed places, checked by fd, executed by that fd, empty environment, numbers as
 * arguments (rule U8). What they print is only quoted in our own error.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/io.h"
#include "base/own.h"
#include "sys/cred.h"
#include "sys/fs.h"
#include "sys/task.h"
#include "userns/subid.h"
#include "userns/userns-internal.h"

static const char *const helper_names[] = {[CF_ID_UID] = "newuidmap", [CF_ID_GID] = "newgidmap"};
static const char *const helper_dirs[] = {"/usr/bin", "/bin", "/usr/local/bin", "/usr/sbin",
                                          "/run/wrappers/bin"};
static const char *const subid_files[] = {[CF_ID_UID] = "/etc/subuid", [CF_ID_GID] = "/etc/subgid"};

/* Subordinate ids can come from elsewhere (nsswitch.conf, "subid: sss"): only the helper knows. */
static bool subids_are_in_files(void)
{
    cf_auto_free char *text = NULL;

    if (cf_io_read_file_at(AT_FDCWD, "/etc/nsswitch.conf", 1u << 20, &text, NULL) < 0)
        return true;
    for (const char *p = text; p; p = strchr(p, '\n')) {
        while (*p == '\n' || *p == ' ' || *p == '\t')
            p++;
        if (strncmp(p, "subid:", 6) == 0)
            return false;
    }
    return true;
}

static int check_subids(enum cf_id_kind kind, const struct cf_idmap *map, struct cf_arena *arena,
                        struct cf_err *err)
{
    uint32_t uid = cf_sys_getuid();
    uint32_t own = kind == CF_ID_UID ? uid : cf_sys_getgid();
    struct cf_subid *subids;
    const char *name;
    size_t n, bad_line;
    int r;

    if (!subids_are_in_files())
        return 0;
    r = cf_subid_user_name("/etc/passwd", uid, arena, &name);
    if (r < 0)
        return cf_err_oom(err);
    r = cf_subid_load_named(subid_files[kind], uid, name, arena, &subids, &n, err);
    if (r < 0)
        return r;
    /* A user we do not know (a directory service) may be listed by a name we cannot know. */
    if (!name && n == 0)
        return 0;
    for (size_t i = 0; i < map->n; i++) {
        const struct cf_idrange *range = &map->ranges[i];

        if (range->size == 1 && range->host_id == own)
            continue;
        if (cf_subid_covers(subids, n, range->host_id, range->size))
            continue;
        (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "idmap-subid", -EPERM,
                          "%s[%zu]: host ids %u to %u are not delegated to user `%s` (%u) in `%s`",
                          cf_userns_field(kind), i, range->host_id,
                          range->host_id + (range->size - 1), name ? name : "?", uid,
                          subid_files[kind]);
        cf_err_field(err, "%s[%zu].hostID", cf_userns_field(kind), i);
        bad_line = cf_subid_bad_line(subid_files[kind], uid, name);
        if (bad_line)
            cf_err_hint(err, "%s:%zu cannot be read: it must be USER:FIRST:COUNT", subid_files[kind], bad_line);
        cf_err_hint(err, "add the range to `%s` (usermod --add-sub%ss), or map only what is there",
                    subid_files[kind], kind == CF_ID_UID ? "uid" : "gid");
        return -EPERM;
    }
    return 0;
}

/* Root's program that nobody else can change. In a user namespace without the host's root, files
 * of root belong to the overflow id, and so could others: then there is no helper to trust. */
static int open_helper(enum cf_id_kind kind, struct cf_arena *arena, const char **ret_path,
                       struct cf_err *err)
{
    for (size_t i = 0; i < sizeof(helper_dirs) / sizeof(helper_dirs[0]); i++) {
        const char *path = cf_arena_printf(arena, "%s/%s", helper_dirs[i], helper_names[kind]);
        cf_auto_fd int fd = -EBADF;
        struct stat st;
        int r;

        if (!path)
            return cf_err_oom(err);
        fd = cf_sys_openat(AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
        if (fd < 0)
            continue;
        r = cf_sys_fstat(fd, &st);
        if (r < 0)
            return cf_err_sys(err, r, "look at `%s`", path);
        if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)))
            return cf_err_set(err, COFFER_ERROR_UNSAFE, "idmap-helper-unsafe", -EPERM,
                              "`%s` must be a file of root that nobody else can write", path);
        *ret_path = path;
        return cf_steal_fd(&fd);
    }
    (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "idmap-helper-missing", -ENOENT,
                      "%s: an unprivileged caller needs `%s` to write it", cf_userns_field(kind),
                      helper_names[kind]);
    cf_err_field(err, "%s", cf_userns_field(kind));
    cf_err_hint(err, "install the package that has newuidmap and newgidmap (uidmap, shadow-utils)");
    return -ENOENT;
}

static char *const *build_argv(enum cf_id_kind kind, pid_t pid, const struct cf_idmap *map,
                               struct cf_arena *arena)
{
    char **argv = cf_arena_calloc(arena, 2 + 3 * map->n + 1, sizeof(*argv));
    size_t n = 0;

    if (!argv)
        return NULL;
    argv[n++] = cf_arena_strdup(arena, helper_names[kind]);
    argv[n++] = cf_arena_printf(arena, "%d", (int) pid);
    for (size_t i = 0; i < map->n; i++) {
        argv[n++] = cf_arena_printf(arena, "%u", map->ranges[i].container_id);
        argv[n++] = cf_arena_printf(arena, "%u", map->ranges[i].host_id);
        argv[n++] = cf_arena_printf(arena, "%u", map->ranges[i].size);
    }
    for (size_t i = 0; i < n; i++) {
        if (!argv[i])
            return NULL;
    }
    return argv;
}

/* Between fork and exec: raw system calls only. Never returns. */
static void helper_child(int helper_fd, int out_fd, char *const argv[])
{
    static char *const empty_env[] = {NULL};
    uint64_t none = 0;
    int null_fd;

    /* Away from 0 to 2, which are replaced; the program's fd must survive until it is executed. */
    helper_fd = cf_sys_fcntl(helper_fd, F_DUPFD_CLOEXEC, 10);
    out_fd = cf_sys_fcntl(out_fd, F_DUPFD_CLOEXEC, 10);
    null_fd = cf_sys_openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    if (helper_fd < 0 || out_fd < 0 || null_fd < 0)
        cf_sys_exit_group(126);
    if (null_fd > 0 && cf_sys_dup3(null_fd, 0, 0) < 0)
        cf_sys_exit_group(126);
    if (cf_sys_dup3(out_fd, 1, 0) < 0 || cf_sys_dup3(out_fd, 2, 0) < 0)
        cf_sys_exit_group(126);
    (void) cf_sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &none, NULL);
    (void) cf_sys_execveat(helper_fd, "", argv, empty_env, AT_EMPTY_PATH);
    cf_sys_exit_group(127);
}

static int start_helper(int helper_fd, int out_fd, char *const argv[], int *ret_pidfd)
{
    uint64_t all = ~0ULL, old;
    int pid;

    /* No handler of the caller's program may run in the copy. */
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &all, &old);
    pid = cf_sys_fork(CLONE_CLEAR_SIGHAND, ret_pidfd);
    if (pid == 0)
        helper_child(helper_fd, out_fd, argv);
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &old, NULL);
    return pid;
}

static int wait_helper(int pidfd, int *ret_status)
{
    siginfo_t info = {0};
    int r;

    do {
        r = cf_sys_waitid(P_PIDFD, pidfd, &info, WEXITED, NULL);
    } while (r == -EINTR);
    if (r < 0)
        return r;
    *ret_status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    return 0;
}

/* As the owner of the new namespace it has every right there, as root of a container only what that has. */
static bool needs_file_capability(int helper_fd)
{
    struct stat st;

    return cf_sys_fstat(helper_fd, &st) == 0 && (st.st_mode & S_ISUID) &&
           cf_sys_prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0;
}

int cf_userns_run_helper(enum cf_id_kind kind, pid_t pid, const struct cf_idmap *map,
                         struct cf_arena *arena, struct cf_err *err)
{
    cf_auto_fd int helper_fd = -EBADF, read_fd = -EBADF, write_fd = -EBADF, pidfd = -EBADF;
    char *const *argv = build_argv(kind, pid, map, arena);
    const char *path = NULL;
    char output[512];
    int pipe_fds[2], status = 0, r;
    long n;

    if (!argv)
        return cf_err_oom(err);
    r = check_subids(kind, map, arena, err);
    if (r < 0)
        return r;
    helper_fd = open_helper(kind, arena, &path, err);
    if (helper_fd < 0)
        return helper_fd;
    r = cf_sys_pipe2(pipe_fds, O_CLOEXEC);
    if (r < 0)
        return cf_err_sys(err, r, "make a pipe");
    read_fd = pipe_fds[0];
    write_fd = pipe_fds[1];
    r = start_helper(helper_fd, write_fd, argv, &pidfd);
    if (r < 0)
        return cf_err_sys(err, r, "start `%s`", path);
    cf_fd_close(&write_fd);
    n = cf_io_read_buf(read_fd, output, sizeof(output) - 1);
    cf_fd_close(&read_fd); /* more output than that ends the helper with SIGPIPE */
    r = wait_helper(pidfd, &status);
    if (r < 0)
        return cf_err_sys(err, r, "wait for `%s`", path);
    if (status == 0)
        return 0;
    n = n < 0 ? 0 : n;
    while (n > 0 && output[n - 1] == '\n')
        n--;
    output[n] = '\0';
    (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "idmap-helper-failed", -EPERM,
                      "`%s` ended with status %d: %s", path, status, output);
    cf_err_field(err, "%s", cf_userns_field(kind));
    if (needs_file_capability(helper_fd))
        cf_err_hint(err, "a set-user-ID `%s` needs CAP_SYS_ADMIN and CAP_DAC_OVERRIDE in the bounding set; with a file "
                         "capability it does not: setcap cap_set%s=ep %s", helper_names[kind],
                    kind == CF_ID_UID ? "uid" : "gid", path);
    else
        cf_err_hint(err, "compare the mapping with `%s`", subid_files[kind]);
    return -EPERM;
}
