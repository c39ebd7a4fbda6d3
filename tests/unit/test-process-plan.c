/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The planner of the process object, and the sender of the terminal. */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "plan-fixture.h"
#include "plan/input.h"
#include "process/process.h"

#define PROCESS(rest) "{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]" rest "}}"
#define LINUX(rest) "{\"ociVersion\":\"1.0.0\",\"linux\":{" rest "}}"

static int build(struct plan_test *p)
{
    return plan_test_run(p, cf_process_plan_build);
}

static int plan(struct plan_test *p, const char *json)
{
    plan_test_init(p, json);
    return build(p);
}

Test(process_plan, everything)
{
    struct plan_test p;

    plan_test_init(&p,
        "{\"ociVersion\":\"1.0.0\",\"annotations\":{\"run.oci.keep_original_groups\":\"1\"},\"process\":{"
        "\"terminal\":true,\"consoleSize\":{\"height\":25,\"width\":80},\"cwd\":\"/w\",\"args\":[\"sh\",\"-c\",\"x\"],"
        "\"env\":[\"PATH=/bin\",\"HOME=\",\"A=\"],\"user\":{\"uid\":1,\"gid\":2,\"umask\":63,"
        "\"additionalGids\":[5,6]},\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":10,\"hard\":18446744073709551615}],"
        "\"noNewPrivileges\":true,\"oomScoreAdj\":-5,\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":5,"
        "\"flags\":[\"SCHED_FLAG_RESET_ON_FORK\"]},\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":4}},"
        "\"linux\":{\"personality\":{\"domain\":\"LINUX32\"},\"memoryPolicy\":{\"mode\":\"MPOL_BIND\","
        "\"nodes\":\"0-2,64\",\"flags\":[\"MPOL_F_STATIC_NODES\"]}}}");
    p.options.preserve_fds = 3;
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "flags=new-keyring,terminal,no-new-privs,setgroups,has-process,set-home,keep-groups\n");
    EXPECT_IN(&p, "cwd \"/w\"\narg[0] \"sh\"\narg[1] \"-c\"\narg[2] \"x\"\nenv[0] \"PATH=/bin\"\nenv[1] \"A=\"\n"
                  "keyring \"_ses.c1\"\nuser uid=1 gid=2 umask=0077\ngroup[0] 5\ngroup[1] 6\n");
    EXPECT_IN(&p, "rlimit[0] resource=7 soft=10 hard=18446744073709551615\n");
    EXPECT_IN(&p, "sched policy=3 flags=0x1 nice=5 priority=0 runtime=0 deadline=0 period=0\n");
    EXPECT_IN(&p, "ioprio 16388\npersonality 0x8\nmempolicy mode=0x8002\n"
                  "mempolicy.nodes[0] 0x0000000000000007\nmempolicy.nodes[1] 0x0000000000000001\n");
    EXPECT_IN(&p, "preserve-fds 3\nconsole 80x25\n");
    cr_expect(p.plan.terminal);
    cr_expect(p.plan.has_oom_score_adj);
    cr_expect_eq(p.plan.oom_score_adj, -5);
    plan_test_done(&p);
}

/* Who sets it: the host, where init has no privileges of the host, or where one more clone follows. */
Test(process_plan, scheduler_by_the_host)
{
    static const struct {
        uint32_t flags;
        bool in_userns, no_cap, nothing, host;
    } rows[] = {
        {.host = false},
        {.flags = CF_BLOB_USERNS, .host = true},
        {.flags = CF_BLOB_EXEC, .host = true},
        {.flags = CF_BLOB_PIDNS_JOINED, .host = true},
        {.flags = CF_BLOB_USERNS, .in_userns = true, .host = false},
        {.flags = CF_BLOB_USERNS, .no_cap = true, .host = false},
        {.flags = CF_BLOB_USERNS, .nothing = true, .host = false},
    };
    static const char *const json[] = {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":1}"),
                                       PROCESS(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":0}")};

    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_test p;

        plan_test_init(&p, rows[i / 2].nothing ? PROCESS("") : json[i % 2]);
        cf_plan_set_flag(&p.plan, rows[i / 2].flags);
        p.facts.in_userns = rows[i / 2].in_userns;
        if (rows[i / 2].no_cap)
            p.facts.cap_effective &= ~(UINT64_C(1) << CAP_SYS_NICE);
        EXPECT_OK(&p, cf_process_plan_build(&p.in, &p.plan, &p.err));
        cr_expect_eq(cf_plan_has_flag(&p.plan, CF_BLOB_HOST_SCHED), rows[i / 2].host, "row %zu", i / 2);
        plan_test_done(&p);
    }
}

Test(process_plan, defaults)
{
    struct plan_test p;

    plan_test_init(&p, PROCESS(",\"env\":[\"HOME=/x\"],\"consoleSize\":{\"height\":1,\"width\":1}"));
    p.options.no_new_keyring = true;
    p.facts.n_groups = 1;
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "flags=setgroups,has-process\n");
    EXPECT_IN(&p, "user uid=0 gid=0 umask=0022\n");
    EXPECT_NOT_IN(&p, "keyring");
    EXPECT_NOT_IN(&p, "console");
    EXPECT_NOT_IN(&p, "ioprio");
    plan_test_done(&p);

    EXPECT_OK(&p, plan(&p, "{\"ociVersion\":\"1.0.0\"}"));
    EXPECT_NOT_IN(&p, "has-process");
    plan_test_done(&p);
}

Test(process_plan, last_of_each_name)
{
    struct plan_test p;

    /* The last one of a name, where the first was; a name that only starts the same is another. */
    plan_test_init(&p, PROCESS(",\"env\":[\"A=1\",\"HOME=/x\",\"AB=1\",\"A=2\",\"B=\",\"A=\",\"A=3=4\",\"HOME=\"]"));
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "env[0] \"A=3=4\"\nenv[1] \"AB=1\"\nenv[2] \"B=\"\n");
    EXPECT_NOT_IN(&p, "env[3]");
    plan_test_done(&p);
}

Test(process_plan, socket_activation)
{
    struct plan_test p;

    plan_test_init(&p, PROCESS(",\"env\":[\"A=1\"]"));
    p.options.listen_fds = 2;
    p.options.listen_fdnames = "a:b";
    EXPECT_OK(&p, build(&p));
    EXPECT_IN(&p, "env[0] \"A=1\"\nenv[1] \"LISTEN_FDS=2\"\nenv[2] \"LISTEN_PID=1\"\nenv[3] \"LISTEN_FDNAMES=a:b\"\n");
    EXPECT_NOT_IN(&p, "env[4]");
    plan_test_done(&p);

    plan_test_init(&p, PROCESS(",\"env\":[\"LISTEN_FDS=7\",\"NOTIFY_SOCKET=/x\"]"));
    p.options.listen_fds = 2;
    EXPECT_OK(&p, build(&p));
    EXPECT_NOT_IN(&p, "env[2]");
    plan_test_done(&p);
}

/* Every word of process.scheduler and linux.memoryPolicy, as the kernel's number. */
Test(process_plan, words)
{
    static const struct {
        const char *json, *line;
    } cases[] = {
#define POLICY(rest) PROCESS(",\"scheduler\":{\"policy\":\"SCHED_" rest "}")
#define FLAG(name) POLICY("DEADLINE\",\"flags\":[\"SCHED_FLAG_" name "\"]")
#define MEMORY(rest) LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_" rest "}")
#define MEMORY_FLAG(name) MEMORY("BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_" name "\"]")
        {POLICY("OTHER\",\"nice\":-20"), "sched policy=0 flags=0x0 nice=-20 priority=0 "},
        {POLICY("FIFO\",\"priority\":99"), "sched policy=1 flags=0x0 nice=0 priority=99 "},
        {POLICY("RR\",\"priority\":1"), "sched policy=2 flags=0x0 nice=0 priority=1 "},
        {POLICY("BATCH\",\"nice\":19"), "sched policy=3 flags=0x0 nice=19 "},
        {POLICY("IDLE\""), "sched policy=5 flags=0x0 nice=0 "},
        {POLICY("DEADLINE\",\"runtime\":1,\"deadline\":2,\"period\":18446744073709551615"),
         "sched policy=6 flags=0x0 nice=0 priority=0 runtime=1 deadline=2 period=18446744073709551615\n"},
        {FLAG("RESET_ON_FORK"), "policy=6 flags=0x1 "},
        {FLAG("RECLAIM"), "policy=6 flags=0x2 "},
        {FLAG("DL_OVERRUN"), "policy=6 flags=0x4 "},
        {FLAG("KEEP_POLICY"), "policy=6 flags=0x8 "},
        {FLAG("KEEP_PARAMS"), "policy=6 flags=0x10 "},
        {FLAG("UTIL_CLAMP_MIN"), "policy=6 flags=0x20 "},
        {FLAG("UTIL_CLAMP_MAX\",\"SCHED_FLAG_RECLAIM\",\"SCHED_FLAG_RESET_ON_FORK"), "policy=6 flags=0x43 "},
        {MEMORY("DEFAULT\""), "mempolicy mode=0x0\n"},
        {MEMORY("PREFERRED\",\"nodes\":\"1\""), "mempolicy mode=0x1\nmempolicy.nodes[0] 0x0000000000000002\n"},
        {MEMORY("PREFERRED\",\"nodes\":\"\""), "mempolicy mode=0x1\n"},
        {MEMORY("BIND\",\"nodes\":\"0\""), "mempolicy mode=0x2\nmempolicy.nodes[0] 0x0000000000000001\n"},
        {MEMORY("INTERLEAVE\",\"nodes\":\"0-1\""), "mempolicy mode=0x3\nmempolicy.nodes[0] 0x0000000000000003\n"},
        {MEMORY("LOCAL\",\"nodes\":\"\""), "mempolicy mode=0x4\n"},
        {MEMORY("PREFERRED_MANY\",\"nodes\":\"1023\""), "mempolicy mode=0x5\n"},
        {MEMORY("WEIGHTED_INTERLEAVE\",\"nodes\":\"0\""), "mempolicy mode=0x6\n"},
        {MEMORY_FLAG("STATIC_NODES"), "mempolicy mode=0x8002\n"},
        {MEMORY_FLAG("RELATIVE_NODES"), "mempolicy mode=0x4002\n"},
        {MEMORY_FLAG("NUMA_BALANCING\",\"MPOL_F_STATIC_NODES"), "mempolicy mode=0xa002\n"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EXPECT_OK(&p, plan(&p, cases[i].json));
        EXPECT_IN(&p, cases[i].line);
        plan_test_done(&p);
    }
}

Test(process_plan, errors)
{
    static const struct {
        const char *json, *field, *text;
    } bad[] = {
        {"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"/\"}}", "process.args", "args must not be empty"},
        {"{\"ociVersion\":\"1.0.0\",\"process\":{\"cwd\":\"x\",\"args\":[\"a\"]}}", "process.cwd",
         "Cwd must be an absolute path"},
        {PROCESS(",\"env\":[\"A=1\",\"B\"]"), "process.env[1]", "expected NAME=VALUE"},
        {PROCESS(",\"env\":[\"=1\"]"), "process.env[0]", "expected NAME=VALUE"},
        {PROCESS(",\"user\":{\"uid\":4294967295,\"gid\":0}"), "process.user.uid", "cannot setuid to unmapped uid"},
        {PROCESS(",\"user\":{\"uid\":0,\"gid\":4294967295}"), "process.user.gid", "cannot setgid to unmapped gid"},
        {PROCESS(",\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[4294967295]}"), "process.user.additionalGids[0]",
         "unmapped"},
        {PROCESS(",\"user\":{\"uid\":0,\"gid\":0,\"umask\":512}"), "process.user.umask", "above 0777"},
        {PROCESS(",\"rlimits\":[{\"type\":\"RLIMIT_X\",\"soft\":1,\"hard\":1}]"), "process.rlimits[0]", "unknown limit"},
        {PROCESS(",\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1},"
                 "{\"type\":\"RLIMIT_AS\",\"soft\":1,\"hard\":1}]"), "process.rlimits[1]", "twice"},
        {PROCESS(",\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"soft\":2,\"hard\":1}]"), "process.rlimits[0]",
         "soft is above hard"},
        {PROCESS(",\"oomScoreAdj\":1001"), "process.oomScoreAdj", "outside -1000 to 1000"},
        {PROCESS(",\"scheduler\":{\"policy\":\"\"}"), "process.scheduler.policy", "scheduler policy is required"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_X\"}"), "process.scheduler.policy", "SCHED_X"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_ISO\"}"), "process.scheduler.policy", "SCHED_ISO"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}"), "process.scheduler.nice",
         "invalid scheduler.nice: 20"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}"), "process.scheduler.priority", "FIFO"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":-21}"), "process.scheduler.nice", "-21"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":100}"), "process.scheduler.priority", "100"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_RR\",\"runtime\":1}"), "process.scheduler", "SCHED_DEADLINE"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"deadline\":1}"), "process.scheduler", "SCHED_DEADLINE"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_IDLE\",\"period\":1}"), "process.scheduler", "SCHED_DEADLINE"},
        {PROCESS(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":-1}"), "process.ioPriority.priority",
         "invalid ioPriority.Priority"},
        {PROCESS(",\"scheduler\":{\"policy\":\"SCHED_RR\",\"flags\":[\"X\"]}"), "process.scheduler.flags",
         "invalid scheduler flag: X"},
        {PROCESS(",\"ioPriority\":{\"class\":\"X\",\"priority\":0}"), "process.ioPriority.class",
         "invalid ioPriority.Class"},
        {PROCESS(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":8}"), "process.ioPriority.priority",
         "invalid ioPriority.Priority"},
        {PROCESS(",\"terminal\":true,\"consoleSize\":{\"height\":65536,\"width\":1}"), "process.consoleSize", "65535"},
        {LINUX("\"personality\":{\"domain\":\"BSD\"}"), "linux.personality.domain", "invalid personality domain BSD"},
        {LINUX("\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"x\"]}"), "linux.personality.flags", "no flag"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"X\"}"), "linux.memoryPolicy.mode", "invalid memory policy mode"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\"}"), "linux.memoryPolicy.nodes", "no nodes"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}"), "linux.memoryPolicy.nodes", "needs nodes"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_DEFAULT\",\"nodes\":\"0\"}"), "linux.memoryPolicy.nodes", "no nodes"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"\"}"), "linux.memoryPolicy.nodes", "needs nodes"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_INTERLEAVE\",\"nodes\":\"\"}"), "linux.memoryPolicy.nodes", "needs nodes"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_PREFERRED_MANY\"}"), "linux.memoryPolicy.nodes", "needs nodes"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_WEIGHTED_INTERLEAVE\"}"), "linux.memoryPolicy.nodes", "needs nodes"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_X\"]}"), "linux.memoryPolicy.flags",
         "invalid memory policy flag: MPOL_F_X"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"3-1\"}"), "linux.memoryPolicy.nodes", "not a list"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"1,\"}"), "linux.memoryPolicy.nodes", "not a list"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"1024\"}"), "linux.memoryPolicy.nodes",
         "not a list"},
        {LINUX("\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":[\"MPOL_F_STATIC_NODES\","
               "\"MPOL_F_RELATIVE_NODES\"]}"), "linux.memoryPolicy.flags", "exclude"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        EXPECT_ERROR(&p, plan(&p, bad[i].json), bad[i].field, bad[i].text);
        plan_test_done(&p);
    }
}

Test(process_plan, groups_need_privilege)
{
    struct plan_test p;

    plan_test_init(&p, PROCESS(",\"user\":{\"uid\":0,\"gid\":0,\"additionalGids\":[5]}"));
    p.facts.cap_effective = 0;
    EXPECT_ERROR(&p, build(&p), "process.user.additionalGids",
                 "cannot set any additional groups in a rootless container");
    plan_test_done(&p);

    plan_test_init(&p, PROCESS(""));
    p.facts.cap_effective = 0;
    EXPECT_OK(&p, build(&p));
    EXPECT_NOT_IN(&p, "setgroups");
    plan_test_done(&p);
}

/* ---- terminal ---- */

static int listen_at(const char *dir, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    /* Deep directories: bound by a relative name. */
    cr_assert_eq(chdir(dir), 0);
    (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
    cr_assert_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    cr_assert_eq(chdir("/"), 0);
    return fd;
}

static void send_and_receive(const char *dir, const char *path)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(2 * sizeof(int))];
    } control;
    char data[4096];
    struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control),
    };
    struct cf_err err = CF_ERR_INIT;
    int listener = listen_at(dir, "s"), null = open("/dev/null", O_RDWR | O_CLOEXEC), conn;
    ssize_t n;

    cr_assert_eq(cf_term_console_send(path, null, "/dev/pts/ptmx", &err), 0, "%s", err.text);
    conn = accept(listener, NULL, NULL);
    cr_assert_geq(conn, 0);
    n = recvmsg(conn, &msg, MSG_CMSG_CLOEXEC);
    cr_assert_eq(n, 13);
    cr_expect_eq(memcmp(data, "/dev/pts/ptmx", 13), 0);
    cr_assert_geq(msg.msg_controllen, sizeof(struct cmsghdr));
    cr_expect_eq(control.header.cmsg_type, SCM_RIGHTS);
    cr_expect_eq(control.header.cmsg_len, CMSG_LEN(sizeof(int)));
    cr_expect_eq(recv(conn, data, 1, 0), 0); /* closed, no answer awaited */
    (void) close(conn);
    (void) close(listener);
    (void) close(null);
}

Test(term_host, sends_one_descriptor)
{
    char dir[] = "/tmp/cf-term-XXXXXX", sub[512], path[600];
    struct cf_err err = CF_ERR_INIT;

    cr_assert_not_null(mkdtemp(dir));
    (void) snprintf(path, sizeof(path), "%s/s", dir);
    send_and_receive(dir, path);
    (void) unlink(path);

    (void) snprintf(sub, sizeof(sub), "%s/%0200d", dir, 7);
    cr_assert_eq(mkdir(sub, 0700), 0);
    (void) snprintf(path, sizeof(path), "%s/s", sub);
    send_and_receive(sub, path);
    (void) unlink(path);
    (void) rmdir(sub);
    (void) rmdir(dir);

    cr_expect_eq(cf_term_console_send("/nonexistent/s", 0, "x", &err), -ENOENT);
    cr_expect_not_null(strstr(err.text, "console socket `/nonexistent/s`"));
}
