/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * userns, host side, on a real kernel: maps, owner, joined namespaces, the map helpers, and what
 * the owner is for: a container must not be able to use up its neighbours' kernel budgets (D3).
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/cred.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"
#include "userns/userns.h"

static void need_root(void)
{
    if (geteuid() != 0)
        cr_skip_test("needs root");
}

#define ONE(c, h, s)                                                                               \
    {                                                                                              \
        .ranges = (const struct cf_idrange[]) {{c, h, s}}, .n = 1                                  \
    }

#define PLAN(uid, gid)                                                                             \
    {                                                                                              \
        .mode = CF_USERNS_NEW, .uids = ONE(0, uid, 65536), .gids = ONE(0, gid, 65536),             \
        .owner_uid = (uid), .owner_gid = (gid), .switch_owner = true                               \
    }

/* A process in a new user namespace that takes orders over a socket. */
struct inmate {
    int pid, pidfd, sock, ns_fd;
};

/* 'i': takes all inotify instances it can get (at most the following count), answers how many. */
static void inmate_main(int sock)
{
    int order[2];

    while (read(sock, order, sizeof(order)) == (long) sizeof(order)) {
        int n = 0;

        if (n == 0 && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
            n = -errno;
        while (n >= 0 && order[0] == 'i' && n < order[1] && inotify_init1(IN_CLOEXEC) >= 0)
            n++;
        if (write(sock, &n, sizeof(n)) != (long) sizeof(n))
            break;
    }
    _exit(0);
}

static int start(struct inmate *m)
{
    struct cf_clone_args args = {
        .flags = CLONE_NEWUSER | CLONE_PIDFD,
        .pidfd = (uint64_t) (uintptr_t) &m->pidfd,
        .exit_signal = SIGCHLD,
    };
    int fds[2];

    *m = (struct inmate) {.ns_fd = -1};
    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0));
    m->pid = cf_sys_clone3(&args, sizeof(args));
    if (m->pid == 0) {
        (void) close(fds[0]);
        inmate_main(fds[1]);
    }
    (void) close(fds[1]);
    m->sock = fds[0];
    if (m->pid > 0) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/ns/user", m->pid);
        m->ns_fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    return m->pid;
}

static int order(const struct inmate *m, int what, int max)
{
    int text[2] = {what, max}, n = -EPIPE;

    cr_assert(eq(long, write(m->sock, text, sizeof(text)), (long) sizeof(text)));
    cr_assert(eq(long, read(m->sock, &n, sizeof(n)), (long) sizeof(n)));
    return n;
}

static void stop(struct inmate *m)
{
    (void) close(m->sock);
    if (m->pid > 0) {
        /* A later one has a copy of our end of the socket: no end of file to wait for. */
        (void) cf_sys_pidfd_send_signal(m->pidfd, SIGKILL, NULL, 0);
        (void) waitpid(m->pid, NULL, 0);
        (void) close(m->pidfd);
        (void) close(m->ns_fd);
    }
}

static void start_with_plan(struct inmate *m, const struct cf_userns_plan *plan)
{
    struct cf_err err = CF_ERR_INIT;
    struct cf_userns_owner owner;
    char text[1024];
    int pid;

    cr_assert(eq(int, cf_userns_owner_enter(plan, &owner, &err), 0));
    pid = start(m);
    cf_userns_owner_leave(&owner);
    cr_assert_gt(pid, 0, "clone3: %d", pid);
    pid = cf_userns_write_maps(plan, m->pid, &err);
    (void) cf_err_print(&err, text, sizeof(text));
    cr_assert(eq(int, pid, 0), "%s", text);
}

static const char *read_joined(const struct inmate *m, struct cf_idmap *uids, struct cf_idmap *gids,
                               struct cf_arena *arena, struct cf_err *err)
{
    memset(err, 0, sizeof(*err));
    return cf_userns_read_joined(m->ns_fd, arena, uids, gids, err) < 0
               ? (err->code[0] ? err->code : "system")
               : "ok";
}

Test(userns, owner_leaves_no_trace)
{
    const struct cf_userns_plan plan = PLAN(100000, 200000);
    struct cf_err err = CF_ERR_INIT;
    struct cf_userns_owner owner;
    uint64_t before[3], during[3], after[3];
    int sig = 0;

    need_root();
    cr_assert(eq(int, prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0), 0));
    cr_assert(eq(int, prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0));
    cr_assert(eq(int, cf_sys_capget64(0, &before[0], &before[1], &before[2]), 0));
    cr_assert(eq(int, cf_userns_owner_enter(&plan, &owner, &err), 0));
    cr_expect(eq(u32, cf_sys_geteuid(), 100000));
    cr_expect(eq(u32, cf_sys_getegid(), 200000));
    cr_expect(eq(u32, cf_sys_getuid(), 0));
    cr_assert(eq(int, cf_sys_capget64(0, &during[0], &during[1], &during[2]), 0));
    cr_expect(eq(u64, during[0], before[0]));
    cr_expect(eq(u64, during[1], before[1]));
    cf_userns_owner_leave(&owner);
    cr_expect(eq(u32, cf_sys_geteuid(), 0));
    cr_expect(eq(u32, cf_sys_getegid(), 0));
    cr_assert(eq(int, cf_sys_capget64(0, &after[0], &after[1], &after[2]), 0));
    cr_expect(eq(u64, after[0], before[0]));
    cr_expect(eq(u64, after[1], before[1]));
    cr_expect(eq(u64, after[2], before[2]));
    cr_expect(eq(int, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1));
    cr_assert(eq(int, prctl(PR_GET_PDEATHSIG, &sig, 0, 0, 0), 0));
    cr_expect(eq(int, sig, SIGUSR2));
    (void) prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
}

/* A thread that had dropped some capabilities must not find itself with them again. */
Test(userns, owner_keeps_a_reduced_set)
{
    const struct cf_userns_plan plan = PLAN(100000, 200000);
    struct cf_err err = CF_ERR_INIT;
    struct cf_userns_owner owner;
    uint64_t e, p, i, reduced;

    need_root();
    cr_assert(eq(int, cf_sys_capget64(0, &e, &p, &i), 0));
    reduced = e & ~(1ull << CAP_SYS_CHROOT) & ~(1ull << CAP_SETPCAP);
    cr_assert(eq(int, cf_sys_capset64(reduced, p, i), 0));
    cr_assert(eq(int, cf_userns_owner_enter(&plan, &owner, &err), 0));
    cf_userns_owner_leave(&owner);
    cr_assert(eq(int, cf_sys_capget64(0, &e, &p, &i), 0));
    cr_expect(eq(u64, e, reduced));
}

/* Files are judged by the caller's ids where no capability answers for it: a cgroup that was handed to it, say. */
Test(userns, owner_keeps_the_ids_for_files)
{
    const struct cf_userns_plan plan = PLAN(100000, 200000);
    struct cf_err err = CF_ERR_INIT;
    struct cf_userns_owner owner;
    uint64_t e, p, i;

    need_root();
    cr_assert(eq(int, cf_sys_capget64(0, &e, &p, &i), 0));
    cr_assert(eq(int, cf_sys_capset64(e & ~(1ull << CAP_DAC_OVERRIDE), p, i), 0));
    cr_assert(eq(int, cf_userns_owner_enter(&plan, &owner, &err), 0));
    cr_expect(eq(u32, cf_sys_geteuid(), 100000));
    cr_expect(eq(u32, cf_sys_setfsuid(UINT32_MAX), 0));
    cr_expect(eq(u32, cf_sys_setfsgid(UINT32_MAX), 0));
    cr_assert(eq(int, cf_sys_capget64(0, &i, &p, &p), 0));
    cr_expect(eq(u64, i, e & ~(1ull << CAP_DAC_OVERRIDE)));
    cf_userns_owner_leave(&owner);
    cr_expect(eq(u32, cf_sys_geteuid(), 0));
    cr_expect(eq(u32, cf_sys_setfsuid(UINT32_MAX), 0));
}

Test(userns, write_maps_and_owner)
{
    const struct cf_userns_plan plan = PLAN(100000, 200000);
    struct cf_arena *arena = cf_arena_new();
    struct cf_idmap uids = {0}, gids = {0}, other = ONE(0, 100000, 65535);
    struct cf_err err = CF_ERR_INIT;
    struct inmate m;
    uid_t owner = 0;

    need_root();
    start_with_plan(&m, &plan);
    cr_assert(eq(int, ioctl(m.ns_fd, NS_GET_OWNER_UID, &owner), 0));
    cr_expect(eq(u32, owner, 100000));
    cr_expect(eq(int, order(&m, 'n', 0), 0), "cannot become its root");

    /* Read back as a namespace to join: unknown maps, equal maps, other maps. */
    cr_expect_str_eq(read_joined(&m, &uids, &gids, arena, &err), "ok");
    cr_expect(cf_idmap_equal(&uids, &plan.uids));
    cr_expect(cf_idmap_equal(&gids, &plan.gids));
    cr_expect_str_eq(read_joined(&m, &uids, &gids, arena, &err), "ok");
    cr_expect_str_eq(read_joined(&m, &other, &gids, arena, &err), "idmap-mismatch");
    cr_expect_str_eq(err.field, "linux.uidMappings");

    /* The maps can be written once only. */
    cr_expect(eq(int, cf_userns_write_maps(&plan, m.pid, &err), -EPERM));
    stop(&m);
    cf_arena_free(arena);
}

Test(userns, namespace_of_a_map)
{
    const struct cf_idmap wanted_uids = ONE(7, 100000, 3), wanted_gids = ONE(0, 200000, 65536);
    struct cf_arena *arena = cf_arena_new();
    struct cf_idmap uids = {0}, gids = {0};
    struct cf_err err = CF_ERR_INIT;
    int fd;

    need_root();
    fd = cf_userns_map_fd(&wanted_uids, &wanted_gids, &err);
    cr_assert_geq(fd, 0, "%s", err.text);
    cr_expect(eq(int, fcntl(fd, F_GETFD), FD_CLOEXEC));
    cr_expect(eq(int, waitpid(-1, NULL, WNOHANG), -1), "nobody is left in it");
    cr_expect(eq(int, cf_userns_read_joined(fd, arena, &uids, &gids, &err), 0), "%s", err.text);
    cr_expect(cf_idmap_equal(&uids, &wanted_uids));
    cr_expect(cf_idmap_equal(&gids, &wanted_gids));
    (void) close(fd);
    cf_arena_free(arena);
}

Test(userns, many_ranges)
{
    static struct cf_idrange ranges[200];
    const struct cf_userns_plan plan = {
        .mode = CF_USERNS_NEW,
        .uids = {.ranges = ranges, .n = 200},
        .gids = {.ranges = ranges, .n = 6},
        .deny_setgroups = true,
        .owner_uid = 300000,
        .owner_gid = 300000,
        .switch_owner = true,
    };
    struct inmate m;
    char path[64], text[8] = "";
    int fd;

    need_root();
    for (uint32_t i = 0; i < 200; i++)
        ranges[i] = (struct cf_idrange) {(200 - 1 - i) * 2, 300000 + i * 3, 1};
    start_with_plan(&m, &plan);
    (void) snprintf(path, sizeof(path), "/proc/%d/setgroups", m.pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_expect_gt(read(fd, text, sizeof(text) - 1), 0);
    cr_expect_str_eq(text, "deny\n");
    (void) close(fd);
    stop(&m);
}

Test(userns, refused_joins)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_idmap uids = {0}, gids = {0};
    struct cf_err err = CF_ERR_INIT;
    struct inmate m = {.ns_fd = -1};
    int fds[2], pid, status;

    need_root();
    /* Ours; another type; not a namespace; one without maps. */
    m.ns_fd = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
    cr_expect_str_eq(read_joined(&m, &uids, &gids, arena, &err), "userns-own");
    (void) close(m.ns_fd);
    m.ns_fd = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
    cr_expect_str_eq(read_joined(&m, &uids, &gids, arena, &err), "userns-type");
    (void) close(m.ns_fd);
    m.ns_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_expect_str_eq(read_joined(&m, &uids, &gids, arena, &err), "userns-type");
    (void) close(m.ns_fd);
    cr_assert_gt(start(&m), 0);
    cr_expect_str_eq(read_joined(&m, &uids, &gids, arena, &err), "idmap-empty");
    stop(&m);

    /* Another user's, with a map of that user's own id. */
    cr_assert(eq(int, pipe2(fds, O_CLOEXEC), 0));
    pid = fork();
    if (pid == 0) {
        const struct cf_userns_plan own = {
            .mode = CF_USERNS_NEW, .uids = ONE(0, 54321, 1), .gids = ONE(0, 54321, 1),
            .deny_setgroups = true,
        };
        char c;

        if (setgroups(0, NULL) < 0 || setresgid(54321, 54321, 54321) < 0 ||
            setresuid(54321, 54321, 54321) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ||
            start(&m) < 0 || cf_userns_write_maps(&own, m.pid, &err) < 0)
            _exit(1);
        if (write(fds[1], &m.pid, sizeof(m.pid)) != (long) sizeof(m.pid))
            _exit(2);
        (void) pause();
        (void) read(m.sock, &c, 1);
        _exit(0);
    }
    (void) close(fds[1]);
    cr_assert(eq(long, read(fds[0], &m.pid, sizeof(m.pid)), (long) sizeof(m.pid)),
              "the unprivileged caller failed");
    {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/%d/ns/user", m.pid);
        m.ns_fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    cr_expect_str_eq(read_joined(&m, &uids, &gids, arena, &err), "userns-foreign");
    (void) close(m.ns_fd);
    (void) kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);
    cf_arena_free(arena);
}

/* In a child: an unprivileged user, with files of subordinate ids of our own. */
static void helper_main(const char *subids, bool expect_ok, const char *code)
{
    static const struct cf_idrange ranges[] = {{0, 65534, 1}, {1, 700000, 1000}};
    const struct cf_userns_plan plan = {
        .mode = CF_USERNS_NEW,
        .uids = {.ranges = ranges, .n = 2},
        .gids = {.ranges = ranges, .n = 2},
        .uid_writer = CF_IDMAP_HELPER,
        .gid_writer = CF_IDMAP_HELPER,
    };
    struct cf_err err = CF_ERR_INIT;
    struct inmate m;
    char path[] = "/tmp/coffer-subids-XXXXXX", text[1024];
    int fd = mkstemp(path), r;

    if (fd < 0 || write(fd, subids, strlen(subids)) < 0 || fchmod(fd, 0644) < 0 ||
        unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
        mount(path, "/etc/subuid", NULL, MS_BIND, NULL) < 0 ||
        mount(path, "/etc/subgid", NULL, MS_BIND, NULL) < 0)
        _exit(77);
    (void) unlink(path);
    if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
        setresuid(65534, 65534, 65534) < 0 || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
        _exit(77);
    if (start(&m) < 0)
        _exit(78);
    r = cf_userns_write_maps(&plan, m.pid, &err);
    stop(&m);
    (void) cf_err_print(&err, text, sizeof(text));
    if (expect_ok ? r == 0 : r < 0 && strcmp(err.code, code) == 0)
        _exit(0);
    (void) fprintf(stderr, "helper: %d %s: %s\n", r, err.code, text);
    _exit(1);
}

static int helper(const char *subids, bool expect_ok, const char *code)
{
    int pid, status = -1;

    (void) fflush(NULL);
    pid = fork();
    if (pid == 0)
        helper_main(subids, expect_ok, code);
    (void) waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(userns, helpers)
{
    int r;

    need_root();
    if (access("/usr/bin/newuidmap", X_OK) < 0)
        cr_skip_test("needs newuidmap");
    r = helper("nobody:700000:1000\n", true, NULL);
    if (r >= 77)
        cr_skip_test("needs files /etc/subuid and /etc/subgid, and user namespaces for all");
    cr_expect(eq(int, r, 0));
    cr_expect(eq(int, helper("65534:700000:500\n65534:700500:500\n", true, NULL), 0));
    cr_expect(eq(int, helper("nobody:700000:999\n", false, "idmap-subid"), 0));
    cr_expect(eq(int, helper("daemon:700000:1000\n", false, "idmap-subid"), 0));
}

static int host_root_instances(int max)
{
    int fds[64], n = 0, got;

    while (n < max && n < 64 && (fds[n] = inotify_init1(IN_CLOEXEC)) >= 0)
        n++;
    got = n;
    while (n > 0)
        (void) close(fds[--n]);
    return got;
}

/* The first container takes all inotify instances it can get. */
Test(userns, neighbours_have_budgets_of_their_own, .timeout = 60)
{
    struct cf_userns_plan first = PLAN(500000, 500000), second = PLAN(600000, 600000);
    const int enough = 100000;
    struct inmate a, b;
    int got_a, got_b, got_root;

    need_root();
    /* The control, made as root: both namespaces are charged to uid 0. */
    first.switch_owner = second.switch_owner = false;
    start_with_plan(&a, &first);
    start_with_plan(&b, &second);
    got_a = order(&a, 'i', enough);
    got_b = order(&b, 'i', 8);
    got_root = host_root_instances(8);
    (void) fprintf(stderr, "made as root: first %d, neighbour %d of 8, host root %d of 8\n", got_a,
                   got_b, got_root);
    stop(&a);
    stop(&b);

    first.switch_owner = second.switch_owner = true;
    start_with_plan(&a, &first);
    start_with_plan(&b, &second);
    got_a = order(&a, 'i', enough);
    got_b = order(&b, 'i', 8);
    got_root = host_root_instances(8);
    (void) fprintf(stderr, "made as owner: first %d, neighbour %d of 8, host root %d of 8\n",
                   got_a, got_b, got_root);
    stop(&a);
    stop(&b);
    cr_expect_gt(got_a, 0);
    cr_expect(eq(int, got_b, 8));
    cr_expect(eq(int, got_root, 8));
}
