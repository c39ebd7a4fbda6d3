/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * cgroup backends on a real kernel. Only cgroups named cofftest-* are made, and all are removed.
 * The v2 tests mount cgroup2 over /sys/fs/cgroup in a mount namespace of their own, so they also
 * run on hybrid hosts, where v2 has few or no controllers.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/cgroup-internal.h"
#include "cgroup/res.h"
#include "sys/task.h"

struct scene {
    struct cf_arena *arena;
    struct cf_cgroup_plan plan;
    struct cf_cgroup_record record;
    struct cf_cgroup *cg;
    struct cf_err err;
    char path[128]; /* absolute, below the hierarchy */
    char top[64];
};

static void setup(struct scene *s, const char *backend, const char *below)
{
    memset(s, 0, sizeof(*s));
    (void) snprintf(s->top, sizeof(s->top), "/cofftest-%d", (int) getpid());
    (void) snprintf(s->path, sizeof(s->path), "%s%s", s->top, below);
    s->arena = cf_arena_new();
    s->plan.backend = backend;
    s->plan.path = s->path;
}

static void own_v2(void)
{
    if (geteuid() != 0)
        cr_skip_test("needs root");
    cr_assert(eq(int, unshare(CLONE_NEWNS), 0));
    cr_assert(eq(int, mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), 0));
    if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
        cr_skip_test("needs cgroup2");
}

static const char *full(const char *path)
{
    static char buf[512];

    (void) snprintf(buf, sizeof(buf), "/sys/fs/cgroup%s", path);
    return buf;
}

static bool exists(const char *path)
{
    return access(full(path), F_OK) == 0;
}

static const char *create(struct scene *s)
{
    char text[1024];
    int r;

    memset(&s->err, 0, sizeof(s->err));
    if (s->record.n_dirs == 0)
        cr_assert(eq(int, cf_cgroup_locate(&s->plan, s->arena, &s->record, &s->err), 0));
    r = cf_cgroup_create(&s->plan, &s->record, &s->cg, &s->err);
    if (r == 0)
        r = cf_cgroup_apply_devices(&s->plan, s->cg, &s->err);
    if (r < 0) {
        (void) cf_err_print(&s->err, text, sizeof(text));
        (void) fprintf(stderr, "(expected) %s\n", text);
    }
    return r == 0 ? "ok" : s->err.code[0] ? s->err.code : "system";
}

static void destroy(struct scene *s)
{
    char text[1024];
    int r = cf_cgroup_destroy(s->cg, 5000, &s->err);

    (void) cf_err_print(&s->err, text, sizeof(text));
    cr_expect(eq(int, r, 0), "%s", text);
    cf_cgroup_close(s->cg);
    s->cg = NULL;
}

static void done(struct scene *s)
{
    cf_cgroup_close(s->cg);
    cf_arena_free(s->arena);
    (void) rmdir(full(s->path));
    (void) rmdir(full(s->top));
}

/* A process in the cgroup that sleeps, or in a child cgroup of its own making. */
static int sleeper(int cgroup_fd)
{
    struct cf_clone_args args = {
        .flags = cgroup_fd >= 0 ? CLONE_INTO_CGROUP : 0,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t) cgroup_fd,
    };
    int pid = cf_sys_clone3(&args, sizeof(args));

    if (pid == 0) {
        for (;;)
            (void) pause();
    }
    return pid;
}

static int reap(int pid)
{
    int status = 0;

    (void) waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

Test(cgroup_v2, life)
{
    struct scene s;
    struct cf_cgroup *again = NULL;
    pid_t *pids = NULL;
    size_t n = 0;
    int a, b, child_fd;
    char child[256];

    own_v2();
    setup(&s, "v2", "/mid/leaf");
    cr_assert_str_eq(create(&s), "ok");
    cr_expect(exists(s.path));
    cr_expect(s.record.dirs[0].created);
    cr_expect(ne(u64, s.record.dirs[0].inode, 0));
    cr_expect(eq(int, cf_cgroup_populated(s.cg), 0));

    a = sleeper(cf_cgroup_clone_fd(s.cg));
    cr_assert_gt(a, 0);
    cr_expect(eq(int, cf_cgroup_attach(s.cg, a, &s.err), 0));
    /* What a container with a writable cgroup can do: children with processes. */
    (void) snprintf(child, sizeof(child), "%s/in", s.path);
    cr_assert(eq(int, mkdir(full(child), 0755), 0));
    child_fd = open(full(child), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    b = sleeper(child_fd);
    cr_assert_gt(b, 0);
    (void) close(child_fd);

    cr_expect(eq(int, cf_cgroup_populated(s.cg), 1));
    cr_assert(eq(int, cf_cgroup_pids(s.cg, &pids, &n, &s.err), 0));
    cr_expect(eq(sz, n, 2));
    cr_expect(n == 2 && pids[0] < pids[1]);
    free(pids);

    cr_expect(eq(int, cf_cgroup_is_frozen(s.cg), 0));
    cr_expect(eq(int, cf_cgroup_freeze(s.cg, true, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_is_frozen(s.cg), 1));
    cr_expect(eq(int, cf_cgroup_freeze(s.cg, false, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_is_frozen(s.cg), 0));

    cr_expect(eq(int, cf_cgroup_destroy(s.cg, 50, &s.err), -ETIMEDOUT));
    memset(&s.err, 0, sizeof(s.err));
    cr_assert(eq(int, cf_cgroup_open(&s.record, &again, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_kill(again, SIGTERM, &s.err), 0));
    cr_expect(eq(int, reap(a), SIGTERM));
    cr_expect(eq(int, reap(b), SIGTERM));
    a = sleeper(cf_cgroup_clone_fd(s.cg));
    cr_expect(eq(int, cf_cgroup_freeze(s.cg, true, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_kill(again, SIGKILL, &s.err), 0), "a frozen one dies too");
    destroy(&s);
    cr_expect(eq(int, reap(a), SIGKILL));
    cr_expect(not(exists(s.path)));
    cr_expect(eq(int, cf_cgroup_destroy(again, 1000, &s.err), 0), "a second time");
    cf_cgroup_close(again);
    {
        char mid[256];

        (void) snprintf(mid, sizeof(mid), "%s/mid", s.top);
        (void) rmdir(full(mid));
    }
    done(&s);
}

static unsigned int owner_of(const char *path)
{
    struct stat st;

    cr_assert(eq(int, lstat(full(path), &st), 0), "%s", path);
    return st.st_uid;
}

/* The child is where processes go and what is given away; the limits above are not. */
Test(cgroup_v2, child_and_owner)
{
    struct scene s;
    char child[200], file[256];
    int pid;

    own_v2();
    setup(&s, "v2", "");
    s.plan.subgroup = "payload";
    s.plan.delegate = true;
    s.plan.owner_uid = s.plan.owner_gid = 54321;
    cr_assert_str_eq(create(&s), "ok");
    cr_expect_str_eq(s.record.subgroup, "payload");
    (void) snprintf(child, sizeof(child), "%s/payload", s.path);
    cr_expect(eq(uint, owner_of(child), 54321));
    cr_expect(eq(uint, owner_of(s.path), 0));
    (void) snprintf(file, sizeof(file), "%s/cgroup.procs", child);
    cr_expect(eq(uint, owner_of(file), 54321));
    (void) snprintf(file, sizeof(file), "%s/cgroup.freeze", child);
    cr_expect(eq(uint, owner_of(file), 0));
    (void) snprintf(file, sizeof(file), "%s/cgroup.procs", s.path);
    cr_expect(eq(uint, owner_of(file), 0));
    cr_expect(ne(int, cf_cgroup_clone_fd(s.cg), s.cg->dirs[0].fd));
    cr_expect(eq(int, cf_cgroup_dir_fd(s.cg, NULL), cf_cgroup_clone_fd(s.cg)));
    pid = sleeper(cf_cgroup_clone_fd(s.cg));
    cr_assert_gt(pid, 0);
    cr_expect(eq(int, cf_cgroup_populated(s.cg), 1));
    cr_expect(eq(int, cf_cgroup_kill(s.cg, SIGKILL, &s.err), 0));
    cr_expect(eq(int, reap(pid), SIGKILL));
    destroy(&s);
    cr_expect(not(exists(s.path)));
    done(&s);
}

/* A create that was killed before it noted the inode leaves the child too. */
Test(cgroup_v2, child_unrecorded)
{
    struct scene s;

    own_v2();
    setup(&s, "v2", "");
    s.plan.subgroup = "payload";
    cr_assert_str_eq(create(&s), "ok");
    s.record.dirs[0].inode = 0;
    s.record.dirs[0].created = true;
    cr_expect(eq(int, cf_cgroup_remove_unrecorded(&s.record, 1000), 0));
    cr_expect(not(exists(s.path)));
    done(&s);
}

/* What a container may build when the cgroup is its own: far deeper than anybody's descriptors or stack. */
Test(cgroup_v2, deep_tree)
{
    const int depth = 600;
    struct scene s;
    struct cf_cgroup *again = NULL;
    pid_t *pids = NULL;
    size_t n = 0;
    int fd, pid;

    own_v2();
    setup(&s, "v2", "");
    cr_assert_str_eq(create(&s), "ok");
    fd = open(full(s.path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(ge(int, fd, 0));
    for (int i = 0; i < depth; i++) {
        int next;

        cr_assert(eq(int, mkdirat(fd, "d", 0755), 0), "%d", i);
        (void) mkdirat(fd, "..x", 0755);
        next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        cr_assert(ge(int, next, 0));
        (void) close(fd);
        fd = next;
    }
    pid = sleeper(fd);
    (void) close(fd);
    cr_assert_gt(pid, 0);
    cr_assert(eq(int, cf_cgroup_pids(s.cg, &pids, &n, &s.err), 0));
    cr_expect(n == 1 && pids[0] == pid);
    free(pids);
    cr_assert(eq(int, cf_cgroup_open(&s.record, &again, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_kill(again, SIGKILL, &s.err), 0));
    cr_expect(eq(int, reap(pid), SIGKILL));
    cf_cgroup_close(again);
    destroy(&s);
    cr_expect(not(exists(s.path)));
    done(&s);
}

Test(cgroup_v2, default_place_is_beside_ours)
{
    struct scene s;

    own_v2();
    setup(&s, "v2", "");
    s.plan.path = s.top + 1;
    cr_assert_str_eq(create(&s), "ok");
    cr_expect(s.record.dirs[0].path[0] == '/');
    cr_expect_not_null(strstr(s.record.dirs[0].path, s.top));
    destroy(&s);
    cr_expect(not(exists(s.record.dirs[0].path)));
    done(&s);
}

Test(cgroup_v2, existing)
{
    struct scene s;
    struct cf_cgroup *cg;
    int pid, fd;

    own_v2();
    setup(&s, "v2", "/leaf");
    cr_assert(eq(int, mkdir(full(s.top), 0755), 0));
    cr_assert(eq(int, mkdir(full(s.path), 0755), 0));
    cr_assert_str_eq(create(&s), "ok");
    cr_expect(not(s.record.dirs[0].created));
    pid = sleeper(cf_cgroup_clone_fd(s.cg));
    cr_assert_gt(pid, 0);
    /* Not made by us: neither killed nor removed. */
    cr_expect(eq(int, cf_cgroup_kill(s.cg, SIGKILL, &s.err), 0));
    destroy(&s);
    cr_expect(eq(int, waitpid(pid, NULL, WNOHANG), 0));
    cr_expect(exists(s.path));

    s.record.n_dirs = 0;
    cr_expect_str_eq(create(&s), "cgroup-populated");
    cr_expect_not_null(strstr(s.err.text, "container's cgroup is not empty: 1 process(es) found"));
    cr_expect(exists(s.path));
    (void) kill(pid, SIGKILL);
    (void) reap(pid);

    fd = open(full(s.top), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(eq(int, cf_cgfs_write(fd, "cgroup.freeze", "1"), 0));
    cr_expect_str_eq(create(&s), "cgroup-frozen");
    cr_expect_not_null(strstr(s.err.text, "container's cgroup unexpectedly frozen"));
    cr_assert(eq(int, cf_cgfs_write(fd, "cgroup.freeze", "0"), 0));

    cr_assert(eq(int, cf_cgfs_write(fd, "cgroup.type", "threaded"), 0));
    cr_expect_str_eq(create(&s), "cgroup-type");
    (void) close(fd);

    /* The same name, another directory. */
    (void) rmdir(full(s.path));
    (void) rmdir(full(s.top));
    s.record.n_dirs = 0;
    cr_assert_str_eq(create(&s), "ok");
    s.record.dirs[0].inode++;
    cr_assert(eq(int, cf_cgroup_open(&s.record, &cg, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_clone_fd(cg), -1));
    cr_expect(eq(int, cf_cgroup_destroy(cg, 100, &s.err), 0));
    cr_expect(exists(s.path));
    cf_cgroup_close(cg);
    destroy(&s);
    done(&s);
}

Test(cgroup_v2, failure_leaves_nothing)
{
    static const struct cf_cgroup_write write = {.controller = "no-such-controller",
                                                 .file = "x.max",
                                                 .value = "5",
                                                 .field = "linux.resources.x"};
    static const struct cf_cgroup_write missing = {.controller = "", .file = "x.max",
                                                   .value = "5", .field = "linux.resources.x"};
    struct scene s;

    own_v2();
    setup(&s, "v2", "/a/b");
    s.plan.writes = &write;
    s.plan.n_writes = 1;
    cr_expect_str_eq(create(&s), "cgroup-controller");
    cr_expect(not(exists(s.top)));
    cr_expect(not(s.record.dirs[0].created));
    s.plan.writes = &missing;
    cr_expect_str_eq(create(&s), "cgroup-file-missing");
    cr_expect_str_eq(s.err.field, "linux.resources.x");
    cr_expect(not(exists(s.top)));
    done(&s);
}

/* Limits with a controller that the root has enabled for its children already. */
Test(cgroup_v2, limits)
{
    static const struct cf_cgroup_write choices[] = {
        {"pids", "pids.max", "7", "linux.resources.pids.limit"},
        {"hugetlb", "hugetlb.2MB.max", "0", "linux.resources.hugepageLimits"},
    };
    const struct cf_cgroup_write *write = NULL;
    struct scene s;
    char text[64], wanted[64];

    own_v2();
    setup(&s, "v2", "/a/b");
    {
        int fd = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        char enabled[512] = "";

        (void) cf_cgfs_read(fd, "cgroup.subtree_control", enabled, sizeof(enabled));
        (void) close(fd);
        for (size_t i = 0; i < 2 && !write; i++)
            write = cf_cgfs_has_word(enabled, choices[i].controller) ? &choices[i] : NULL;
        if (!write)
            cr_skip_test("needs the pids or hugetlb controller in v2");
    }
    s.plan.writes = write;
    s.plan.n_writes = 1;
    cr_assert_str_eq(create(&s), "ok");
    cr_assert_gt(cf_cgfs_read(cf_cgroup_dir_fd(s.cg, NULL), write->file, text, sizeof(text)), 0);
    (void) snprintf(wanted, sizeof(wanted), "%s\n", write->value);
    cr_expect_str_eq(text, wanted);
    destroy(&s);
    (void) snprintf(s.path, sizeof(s.path), "%s/a", s.top);
    done(&s);
}

/* Exit status of a process in the cgroup that opens a device: 0 or errno. */
static int try_device(struct cf_cgroup *cg, const char *path, int flags)
{
    struct cf_clone_args args = {
        .flags = cf_cgroup_clone_fd(cg) >= 0 ? CLONE_INTO_CGROUP : 0,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t) cf_cgroup_clone_fd(cg),
    };
    int go[2], pid;

    cr_assert(eq(int, pipe2(go, O_CLOEXEC), 0));
    pid = cf_sys_clone3(&args, sizeof(args));
    if (pid == 0) {
        char c;

        (void) close(go[1]);
        (void) read(go[0], &c, 1);
        _exit(open(path, flags | O_CLOEXEC | O_NONBLOCK) >= 0 ? 0 : errno);
    }
    if (cf_cgroup_clone_fd(cg) < 0) {
        struct cf_err err = CF_ERR_INIT;

        cr_expect(eq(int, cf_cgroup_attach(cg, pid, &err), 0));
    }
    (void) close(go[0]);
    (void) close(go[1]);
    return reap(pid);
}

static void check_devices(struct cf_cgroup *cg)
{
    char node[64];

    cr_expect(eq(int, try_device(cg, "/dev/null", O_RDWR), 0));
    cr_expect(eq(int, try_device(cg, "/dev/zero", O_RDONLY), 0));
    (void) snprintf(node, sizeof(node), "/tmp/coffer-kmsg-%d", (int) getpid());
    cr_assert(eq(int, mknod(node, S_IFCHR | 0600, makedev(1, 11)), 0));
    cr_expect(eq(int, try_device(cg, node, O_RDONLY), EPERM));
    (void) unlink(node);
}

static void plan_devices(struct scene *s, bool v2)
{
    struct cf_device_policy policy;

    cr_assert(eq(int, cf_cgroup_devices_build(NULL, s->arena, &policy, &s->err), 0));
    if (v2)
        cr_assert(eq(int, cf_cgroup_devices_program(&policy, s->arena, &s->plan.device_program,
                                                    &s->plan.n_device_program, &s->err),
                     0));
    else
        cr_assert(eq(int, cf_cgroup_devices_lines(&policy, s->arena, &s->plan.device_lines,
                                                  &s->plan.n_device_lines, &s->err),
                     0));
}

Test(cgroup_v2, devices)
{
    /* Values are chars of the generated types' `char *`. */
    char all[] = "a", block[] = "b", rw[] = "rw";
    struct ocispec_device_rule rules[] = {
        {.allow = true, .type = all},
        {.allow = false, .type = block, .has_major = true, .major = 259, .access = rw},
    };
    struct ocispec_resources res = {.devices = rules, .n_devices = 2};
    struct cf_device_policy policy;
    struct scene s;

    own_v2();
    setup(&s, "v2", "");
    plan_devices(&s, true);
    cr_assert_str_eq(create(&s), "ok");
    check_devices(s.cg);
    destroy(&s);

    /* The other default, and no rule that can allow: the verifier has to like that too. */
    cr_assert(eq(int, cf_cgroup_devices_build(&res, s.arena, &policy, &s.err), 0));
    cr_assert(eq(int, cf_cgroup_devices_program(&policy, s.arena, &s.plan.device_program,
                                                &s.plan.n_device_program, &s.err),
                 0));
    s.record.n_dirs = 0;
    cr_assert_str_eq(create(&s), "ok");
    cr_expect(eq(int, try_device(s.cg, "/dev/null", O_RDWR), 0));
    destroy(&s);
    done(&s);
}

Test(cgroup_v2, without_privileges)
{
    static const struct cf_cgroup_write write = {.controller = "pids", .file = "pids.max",
                                                 .value = "7", .field = "linux.resources.pids"};
    struct scene s;

    own_v2();
    setup(&s, "v2", "");
    cr_assert(eq(int, setgroups(0, NULL), 0));
    cr_assert(eq(int, setresgid(65534, 65534, 65534), 0));
    cr_assert(eq(int, setresuid(65534, 65534, 65534), 0));
    cr_expect_str_eq(create(&s), "system-call");
    cr_expect(eq(int, s.err.sys_errno, EACCES));
    s.plan.rootless_optional = true;
    cr_expect_str_eq(create(&s), "ok");
    cr_expect_str_eq(s.record.backend, "none");
    cr_expect(eq(int, cf_cgroup_clone_fd(s.cg), -1));
    cr_expect(eq(int, cf_cgroup_kill(s.cg, SIGKILL, &s.err), 0));
    destroy(&s);
    s.record.n_dirs = 0;
    s.plan.writes = &write;
    s.plan.n_writes = 1;
    cr_expect_str_eq(create(&s), "cgroup-delegation");
    done(&s);
}

static void expect_file(const struct scene *s, const char *controller, const char *file,
                        const char *value)
{
    char text[128] = "";
    int fd = cf_cgroup_dir_fd(s->cg, controller);

    cr_assert_geq(fd, 0);
    cr_expect_gt(cf_cgfs_read(fd, file, text, sizeof(text)), 0);
    cr_expect_str_eq(text, value, "%s: %s", file, text);
}

Test(cgroup_v1, life)
{
    static const struct cf_cgroup_write writes[] = {
        {"memory", "memory.limit_in_bytes", "67108864", "linux.resources.memory.limit"},
        {"cpu", "cpu.shares", "512", "linux.resources.cpu.shares"},
        {"cpu", "cpu.cfs_quota_us", "200000", "linux.resources.cpu.quota"},
        {"cpu", "cpu.cfs_period_us", "50000", "linux.resources.cpu.period"},
        {"cpuset", "cpuset.cpus", "0", "linux.resources.cpu.cpus"},
        {"pids", "pids.max", "5", "linux.resources.pids.limit"},
    };
    struct cf_cgroup *again = NULL;
    struct scene s;
    int a, b;

    if (geteuid() != 0 || access("/sys/fs/cgroup/pids/cgroup.procs", F_OK) < 0 ||
        access("/sys/fs/cgroup/memory/cgroup.procs", F_OK) < 0)
        cr_skip_test("needs root and cgroup v1");
    setup(&s, "v1", "/sub");
    s.plan.writes = writes;
    s.plan.n_writes = sizeof(writes) / sizeof(writes[0]);
    plan_devices(&s, false);
    cr_assert_str_eq(create(&s), "ok");
    cr_expect_gt(s.record.n_dirs, 3);
    cr_expect(eq(int, cf_cgroup_clone_fd(s.cg), -1));
    expect_file(&s, "memory", "memory.limit_in_bytes", "67108864\n");
    expect_file(&s, "cpu", "cpu.shares", "512\n");
    expect_file(&s, "cpu", "cpu.cfs_quota_us", "200000\n");
    expect_file(&s, "cpuset", "cpuset.cpus", "0\n");
    expect_file(&s, "pids", "pids.max", "5\n");
    check_devices(s.cg);

    a = sleeper(-1);
    cr_assert(eq(int, cf_cgroup_attach(s.cg, a, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_populated(s.cg), 1));
    cr_expect(eq(int, cf_cgroup_freeze(s.cg, true, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_is_frozen(s.cg), 1));
    cr_expect(eq(int, cf_cgroup_freeze(s.cg, false, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_kill(s.cg, SIGTERM, &s.err), 0));
    cr_expect(eq(int, reap(a), SIGTERM));
    a = sleeper(-1);
    b = sleeper(-1);
    cr_assert(eq(int, cf_cgroup_attach(s.cg, a, &s.err), 0));
    cr_assert(eq(int, cf_cgroup_attach(s.cg, b, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_destroy(s.cg, 50, &s.err), -ETIMEDOUT));
    memset(&s.err, 0, sizeof(s.err));
    cr_expect(eq(int, cf_cgroup_freeze(s.cg, true, &s.err), 0));
    cr_assert(eq(int, cf_cgroup_open(&s.record, &again, &s.err), 0));
    cr_expect(eq(int, cf_cgroup_kill(again, SIGKILL, &s.err), 0));
    cf_cgroup_close(again);
    destroy(&s);
    cr_expect(eq(int, reap(a), SIGKILL));
    cr_expect(eq(int, reap(b), SIGKILL));
    for (size_t i = 0; i < s.record.n_dirs; i++) {
        char path[512];

        (void) snprintf(path, sizeof(path), "%s%s", s.record.dirs[i].hierarchy,
                        s.record.dirs[i].path);
        cr_expect_lt(access(path, F_OK), 0, "%s", path);
        (void) snprintf(path, sizeof(path), "%s%s", s.record.dirs[i].hierarchy, s.top);
        cr_expect_lt(access(path, F_OK), 0, "%s was made, too", path);
    }
    done(&s);
}

Test(cgroup_v1, refused_limits_leave_nothing)
{
    static const struct cf_cgroup_write shares = {"cpu", "cpu.shares", "1",
                                                  "linux.resources.cpu.shares"};
    static const struct cf_cgroup_write missing = {"no-such", "x", "1", "linux.resources.x"};
    struct scene s;
    int pid;

    if (geteuid() != 0 || access("/sys/fs/cgroup/pids/cgroup.procs", F_OK) < 0 ||
        access("/sys/fs/cgroup/cpu/cgroup.procs", F_OK) < 0)
        cr_skip_test("needs root and cgroup v1");
    setup(&s, "v1", "/sub");
    s.plan.writes = &shares;
    s.plan.n_writes = 1;
    cr_expect_str_eq(create(&s), "resources-value");
    cr_expect_not_null(strstr(s.err.text, "the minimum allowed cpu-shares is 2"));
    cr_expect(not(exists("/pids/cofftest")));
    s.plan.writes = &missing;
    cr_expect_str_eq(create(&s), "cgroup-controller");
    for (size_t i = 0; i < s.record.n_dirs; i++) {
        char path[512];

        (void) snprintf(path, sizeof(path), "%s%s", s.record.dirs[i].hierarchy, s.top);
        cr_expect_lt(access(path, F_OK), 0, "%s", path);
    }

    /* Occupied by somebody in one hierarchy only. */
    {
        char path[256];
        int fd;

        (void) snprintf(path, sizeof(path), "/pids%s", s.top);
        cr_assert(eq(int, mkdir(full(path), 0755), 0));
        fd = open(full(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        pid = sleeper(-1);
        (void) snprintf(path, sizeof(path), "%d", pid);
        cr_assert(eq(int, cf_cgfs_write(fd, "cgroup.procs", path), 0));
        (void) close(fd);
        s.plan.path = s.top;
        s.plan.n_writes = 0;
        s.record.n_dirs = 0;
        cr_expect_str_eq(create(&s), "cgroup-populated");
        (void) kill(pid, SIGKILL);
        (void) reap(pid);
        (void) snprintf(path, sizeof(path), "/pids%s", s.top);
        cr_expect(eq(int, rmdir(full(path)), 0));
    }
    done(&s);
}
