/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Namespaces: the planner, and the opener of joined ones as far as it needs no privilege. */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan-fixture.h"

#define CONFIG(linux) "{\"ociVersion\":\"1.0.0\",\"linux\":{" linux "}}"

static int plan(struct plan_test *p, const char *json)
{
    int r;

    plan_test_init(p, json);
    r = cf_ns_plan_build(&p->in, &p->plan, &p->err);
    if (r >= 0)
        (void) plan_test_dump(p);
    return r;
}

Test(ns_plan, words)
{
    static const char *const names[] = {"user", "ipc", "uts", "network", "time", "cgroup", "mount", "pid"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        cr_expect_neq(cf_ns_type_of(names[i]), 0);
        cr_expect_str_eq(cf_ns_name_of(cf_ns_type_of(names[i])), names[i]);
    }
    cr_expect_eq(cf_ns_type_of("net"), 0);
    cr_expect_eq(cf_ns_type_of(NULL), 0);
    cr_expect_null(cf_ns_name_of(0));
}

Test(ns_plan, new_ones)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"network\"},"
                                  "{\"type\":\"ipc\",\"path\":\"\"},{\"type\":\"user\"},{\"type\":\"cgroup\"}]")));
    cr_expect_eq(p.plan.ns.new_flags,
                 CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWCGROUP);
    cr_expect_eq(p.plan.ns.listed, p.plan.ns.new_flags);
    cr_expect_eq(p.plan.ns.n_joins, 0);
    cr_expect_not(p.plan.ns.joiner);
    EXPECT_IN(&p, "flags=userns,mountns,loopback\n");
    cr_expect_eq(cf_blob_header(p.plan.blob)->pidns_fd, CF_NO_FD);
    plan_test_done(&p);

    EXPECT_OK(&p, plan(&p, "{\"ociVersion\":\"1.0.0\"}"));
    cr_expect_eq(p.plan.ns.listed, 0);
    plan_test_done(&p);
}

Test(ns_plan, joins_in_order)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG("\"namespaces\":[{\"type\":\"pid\",\"path\":\"/p\"},{\"type\":\"mount\"},"
                                  "{\"type\":\"network\",\"path\":\"/n\"},{\"type\":\"user\",\"path\":\"/u\"}],"
                                  "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}")));
    cr_expect_eq(p.plan.ns.new_flags, CLONE_NEWNS);
    cr_assert_eq(p.plan.ns.n_joins, 3);
    cr_expect_eq(p.plan.ns.joins[0].type, CLONE_NEWUSER);
    cr_expect_eq(p.plan.ns.joins[0].config_index, 3);
    cr_expect_eq(p.plan.ns.joins[1].type, CLONE_NEWNET);
    cr_expect_str_eq(p.plan.ns.joins[1].path, "/n");
    cr_expect_eq(p.plan.ns.joins[2].type, CLONE_NEWPID);
    cr_expect(p.plan.ns.joiner);
    cr_expect_eq(p.plan.ns.private_types, CLONE_NEWNET);
    EXPECT_NOT_IN(&p, "loopback"); /* somebody else's */
    plan_test_done(&p);
}

Test(ns_plan, time_offsets)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, CONFIG("\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{"
                                  "\"boottime\":{\"secs\":-7},\"monotonic\":{\"secs\":5,\"nanosecs\":999999999}}")));
    cr_expect(p.plan.ns.joiner);
    cr_expect_str_eq(p.plan.ns.timens_offsets, "boottime -7 0\nmonotonic 5 999999999\n");
    plan_test_done(&p);
}

Test(ns_plan, errors)
{
    static const struct {
        const char *json, *field, *text;
    } bad[] = {
        {CONFIG("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"net\"}]"), "linux.namespaces[1]", "unknown namespace"},
        {CONFIG("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\",\"path\":\"/x\"}]"), "linux.namespaces[1]",
         "duplicated ns"},
        {CONFIG("\"namespaces\":[{\"type\":\"pid\",\"path\":\"x\"}]"), "linux.namespaces[0]", "not absolute"},
        {CONFIG("\"timeOffsets\":{\"boottime\":{\"secs\":1}}"), "linux.timeOffsets",
         "time namespace offsets specified, but time namespace isn't enabled in the config"},
        {CONFIG("\"namespaces\":[{\"type\":\"time\",\"path\":\"/x\"}],\"timeOffsets\":{\"boottime\":{\"secs\":1}}"),
         "linux.timeOffsets", "joined"},
        {CONFIG("\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{\"realtime\":{\"secs\":1}}"),
         "linux.timeOffsets.realtime", "unknown clock"},
        {CONFIG("\"namespaces\":[{\"type\":\"time\"}],\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}"),
         "linux.timeOffsets.boottime", "nanosecs"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        EXPECT_ERROR(&p, plan(&p, bad[i].json), bad[i].field, bad[i].text);
        plan_test_done(&p);
    }
}

/* ---- host ---- */

static int open_path(int type, const char *path, uint64_t private_types, int *fds, struct cf_err *err)
{
    struct cf_ns_plan ns = {.n_joins = 1, .private_types = private_types};

    ns.joins[0] = (struct cf_ns_join) {.type = type, .path = path, .config_index = 4};
    *err = (struct cf_err) CF_ERR_INIT;
    return cf_ns_host_open(&ns, true, fds, err);
}

Test(ns_host, opens_and_checks)
{
    char dir[] = "/tmp/cf-ns-XXXXXX", fifo[64];
    struct cf_err err;
    int fds[CF_NS_MAX];

    cr_assert_eq(open_path(CLONE_NEWIPC, "/proc/self/ns/ipc", 0, fds, &err), 0, "%s", err.text);
    cr_expect_geq(fds[0], 0);
    cr_expect_eq(fds[1], -EBADF);
    cr_expect(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
    (void) close(fds[0]);

    cr_expect_eq(open_path(CLONE_NEWNET, "/proc/self/ns/ipc", 0, fds, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "this is a ipc namespace, not a network namespace"), "%s", err.text);
    cr_expect_str_eq(err.field, "linux.namespaces[4].path");
    cr_expect_eq(fds[0], -EBADF);

    cr_expect_eq(open_path(CLONE_NEWNET, "/proc/self/status", 0, fds, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "not a namespace file"));
    cr_expect_eq(open_path(CLONE_NEWNET, "/nonexistent/ns", 0, fds, &err), -ENOENT);
    cr_expect_str_eq(err.field, "linux.namespaces[4].path");

    /* A FIFO is refused and does not block. */
    cr_assert_not_null(mkdtemp(dir));
    (void) snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    cr_expect_eq(open_path(CLONE_NEWNET, fifo, 0, fds, &err), -EINVAL);
    (void) unlink(fifo);
    (void) rmdir(dir);
}

Test(ns_host, sysctls_stay_off_the_host)
{
    struct cf_err err;
    int fds[CF_NS_MAX];

    cr_expect_eq(open_path(CLONE_NEWIPC, "/proc/self/ns/ipc", CLONE_NEWIPC, fds, &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "runtime's own namespace"), "%s", err.text);
    cr_expect_eq(fds[0], -EBADF);
}

Test(ns_host, owner_of_the_others)
{
    struct cf_ns_plan ns = {.n_joins = 2};
    struct cf_err err = CF_ERR_INIT;
    int fds[CF_NS_MAX];

    /* Ours belongs to our user namespace. */
    ns.joins[0] = (struct cf_ns_join) {.type = CLONE_NEWUSER, .path = "/proc/self/ns/user"};
    ns.joins[1] = (struct cf_ns_join) {.type = CLONE_NEWIPC, .path = "/proc/self/ns/ipc", .config_index = 1};
    cr_assert_eq(cf_ns_host_open(&ns, true, fds, &err), 0, "%s", err.text);
    (void) close(fds[0]);
    (void) close(fds[1]);
}
