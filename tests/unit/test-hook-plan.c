/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hooks: the planner, and the runner on the host's side. */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hook/hook.h"
#include "plan-fixture.h"

#define HOOKS(hooks, rest) "{\"ociVersion\":\"1.0.0\",\"hooks\":{" hooks "}" rest "}"

static int plan(struct plan_test *p, const char *json)
{
    plan_test_init(p, json);
    return plan_test_run(p, cf_hook_plan_build);
}

Test(hook_plan, host_lists)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, HOOKS("\"prestart\":[{\"path\":\"/a\"},{\"path\":\"/b\",\"args\":[\"x\",\"y\"],"
                                 "\"env\":[\"A=1\"],\"timeout\":3}],\"poststop\":[{\"path\":\"/c\",\"env\":[]}]", "")));
    cr_assert_eq(p.plan.prestart.n, 2);
    cr_expect_str_eq(p.plan.prestart.items[0].path, "/a");
    cr_expect_str_eq(p.plan.prestart.items[0].argv[0], "/a");
    cr_expect_null(p.plan.prestart.items[0].argv[1]);
    cr_expect_null(p.plan.prestart.items[0].envp);
    cr_expect_eq(p.plan.prestart.items[0].timeout_ms, 0);
    cr_expect_str_eq(p.plan.prestart.items[1].argv[1], "y");
    cr_expect_str_eq(p.plan.prestart.items[1].envp[0], "A=1");
    cr_expect_eq(p.plan.prestart.items[1].timeout_ms, 3000);
    cr_expect_eq(p.plan.prestart.items[1].index, 1);
    cr_assert_eq(p.plan.poststop.n, 1);
    cr_assert_not_null(p.plan.poststop.items[0].envp); /* empty, not inherited */
    cr_expect_null(p.plan.poststop.items[0].envp[0]);
    cr_expect_not(p.plan.has_child_hooks);
    EXPECT_IN(&p, "flags=host-hooks\n");
    plan_test_done(&p);
}

Test(hook_plan, child_lists)
{
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, HOOKS("\"createContainer\":[{\"path\":\"/a\",\"args\":[\"a\",\"b\"],\"timeout\":2}],"
                                 "\"startContainer\":[{\"path\":\"/s\"},{\"path\":\"/t\",\"env\":[\"X=1\"]}]",
                                 ",\"annotations\":{\"k\":\"\\\"v\"},"
                                 "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"],\"env\":[\"P=1\"]}")));
    EXPECT_IN(&p, "create-container-hook[0] path=\"/a\" timeout-ms=2000 index=0\n"
                  "create-container-hook[0].arg[0] \"a\"\ncreate-container-hook[0].arg[1] \"b\"\n"
                  "create-container-hook.state-head");
    EXPECT_IN(&p, "start-container-hook[0] path=\"/s\" index=0\nstart-container-hook[0].env[0] \"P=1\"\n"
                  "start-container-hook[1] path=\"/t\" index=1\nstart-container-hook[1].env[0] \"X=1\"\n");
    EXPECT_NOT_IN(&p, "host-hooks");
    cr_expect(p.plan.has_child_hooks);
    plan_test_done(&p);
}

Test(hook_plan, state_in_two_halves)
{
    struct plan_test p;
    struct cf_blob blob;
    const void *data;
    char text[512];
    size_t size;

    EXPECT_OK(&p, plan(&p, HOOKS("\"createContainer\":[{\"path\":\"/a\"}]", ",\"annotations\":{\"k\":\"\\\"v\"}")));
    cr_assert_eq(cf_blob_finish(p.plan.blob, &data, &size, &p.err), 0);
    cr_assert_eq(cf_blob_check(data, size, &blob), 0);
    (void) snprintf(text, sizeof(text), "%s1%s", cf_blob_str(&blob, blob.h->create_state_head),
                    cf_blob_str(&blob, blob.h->create_state_tail));
    cr_expect_str_eq(text, "{\"ociVersion\":\"1.3.0\",\"id\":\"c1\",\"status\":\"creating\",\"pid\":1,"
                           "\"bundle\":\"/bundle\",\"annotations\":{\"k\":\"\\\"v\"},\"root\":\"/bundle/rootfs\"}");
    cr_expect_not_null(strstr(cf_blob_str(&blob, blob.h->start_state_head), "\"status\":\"created\""));
    plan_test_done(&p);
}

Test(hook_plan, output_files)
{
#define OUTPUTS ",\"annotations\":{\"run.oci.hooks.stdout\":\"/o\",\"run.oci.hooks.stderr\":\"/e\"}"
    struct plan_test p;

    EXPECT_OK(&p, plan(&p, HOOKS("\"startContainer\":[{\"path\":\"/a\"}],\"poststop\":[{\"path\":\"/b\"}]", OUTPUTS)));
    EXPECT_IN(&p, "hook-stdout fd=0\nhook-stderr fd=1\n");
    cr_assert_eq(p.plan.n_sources, 2);
    cr_expect_eq(p.plan.sources[1].kind, CF_SOURCE_OUTPUT);
    cr_expect_str_eq(p.plan.sources[1].path, "/e");
    cr_expect_str_eq(p.plan.poststop.outputs[0], "/o");
    plan_test_done(&p);

    /* Hooks of the host alone: opened at create all the same. */
    EXPECT_OK(&p, plan(&p, HOOKS("\"poststop\":[{\"path\":\"/b\"}]", OUTPUTS)));
    cr_expect_eq(p.plan.n_sources, 2);
    plan_test_done(&p);
    EXPECT_OK(&p, plan(&p, HOOKS("", OUTPUTS)));
    cr_expect_eq(p.plan.n_sources, 0);
    EXPECT_NOT_IN(&p, "hook-stdout");
    plan_test_done(&p);
}

Test(hook_plan, errors)
{
    static const struct {
        const char *json, *field, *text;
    } bad[] = {
        {HOOKS("\"prestart\":[{\"path\":\"/a\"},{\"path\":\"b\"}]", ""), "hooks.prestart[1].path", "absolute path"},
        {HOOKS("\"createContainer\":[{\"path\":\"/a\",\"timeout\":0}]", ""), "hooks.createContainer[0].timeout",
         "above 0"},
        {HOOKS("\"poststop\":[{\"path\":\"/a\",\"timeout\":-1}]", ""), "hooks.poststop[0].timeout", "above 0"},
        {HOOKS("\"startContainer\":[{\"path\":\"/a\",\"env\":[\"A\"]}]", ""), "hooks.startContainer[0].env",
         "NAME=VALUE"},
        {HOOKS("\"poststop\":[{\"path\":\"/a\"}]", ",\"annotations\":{\"run.oci.hooks.stdout\":\"a\"}"),
         "annotations[\"run.oci.hooks.stdout\"]", "absolute path"},
    };
    struct plan_test p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        EXPECT_ERROR(&p, plan(&p, bad[i].json), bad[i].field, bad[i].text);
        plan_test_done(&p);
    }
}

/* ---- the runner ---- */

static int run_kind(const char *kind, const char *const *scripts, size_t n, uint32_t timeout_ms, struct cf_err *err)
{
    struct cf_host_hook items[4];
    char *argv[4][4];

    for (size_t i = 0; i < n; i++) {
        argv[i][0] = (char *) (uintptr_t) "sh";
        argv[i][1] = (char *) (uintptr_t) "-c";
        argv[i][2] = (char *) (uintptr_t) scripts[i];
        argv[i][3] = NULL;
        items[i] = (struct cf_host_hook) {
            .path = "/bin/sh", .argv = argv[i], .timeout_ms = timeout_ms, .index = (uint32_t) i, .kind = kind,
        };
    }
    *err = (struct cf_err) CF_ERR_INIT;
    return cf_hook_host_run(&(struct cf_host_hooks) {.items = items, .n = n}, "{\"id\":\"c1\"}", "/tmp", err);
}

static int run_script(const char *script, uint32_t timeout_ms, struct cf_err *err)
{
    return run_kind("prestart", &script, 1, timeout_ms, err);
}

Test(hook_host, surroundings)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct cf_err err;

    cr_assert_eq(sigaction(SIGUSR1, &ignore, NULL), 0);
    cr_expect_eq(run_script("test \"$(cat)\" = '{\"id\":\"c1\"}' && test \"$PWD\" = /tmp && test -n \"$PATH\"", 0, &err),
                 0, "%s", err.text);
    /* Nothing but 0, 1, 2; its own process group; no ignored signals. */
    cr_assert_eq(fcntl(STDOUT_FILENO, F_DUPFD, 40), 40);
    cr_expect_eq(run_script("test ! -e /proc/$$/fd/40 && set -- $(cat /proc/$$/stat) && test $5 = $$ && "
                            "grep -q '^SigIgn:.*0000000000000000$' /proc/$$/status", 0, &err), 0, "%s", err.text);
    cr_assert_eq(setenv("LD_PRELOAD_X", "1", 1), 0);
    cr_assert_eq(setenv("BASH_ENV", "/x", 1), 0);
    cr_expect_eq(run_script("test -z \"$LD_PRELOAD_X$BASH_ENV\"", 0, &err), 0, "%s", err.text);
}

Test(hook_host, failures)
{
    struct cf_err err;
    struct cf_host_hook missing = {.path = "/nonexistent/hook", .argv = (char *[]) {(char[]) {"x"}, NULL},
                                   .kind = "createRuntime", .index = 2};

    cr_expect_eq(run_script("echo out; echo err >&2; exit 3", 0, &err), -ECHILD);
    cr_expect_str_eq(err.text, "error running prestart hook #0: exit status 3, stdout: out, stderr: err");
    cr_expect_eq(err.kind, COFFER_ERROR_HOOK);
    cr_expect_eq(run_script("kill -9 $$", 0, &err), -ECHILD);
    cr_expect_not_null(strstr(err.text, "signal 9"));

    err = (struct cf_err) CF_ERR_INIT;
    cr_expect_eq(cf_hook_host_run(&(struct cf_host_hooks) {.items = &missing, .n = 1}, "{}", "/", &err), -ENOENT);
    cr_expect_str_eq(err.text, "error running createRuntime hook #2: exec `/nonexistent/hook`");
    cr_expect_eq(err.sys_errno, ENOENT);

    /* Much output neither blocks nor is kept. */
    cr_expect_eq(run_script("i=0; while [ $i -lt 5000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); "
                            "done; exit 1", 0, &err), -ECHILD);
    cr_expect_lt(strlen(err.text), 1000);
}

Test(hook_host, timeout_kills_the_group)
{
    char dir[] = "/tmp/cf-hook-XXXXXX", script[256], file[64];
    struct timespec pause = {.tv_nsec = 500000000};
    struct cf_err err;
    struct stat st;

    cr_assert_not_null(mkdtemp(dir));
    (void) snprintf(file, sizeof(file), "%s/late", dir);
    (void) snprintf(script, sizeof(script), "(sleep 0.6; : > %s) & sleep 30", file);
    cr_expect_eq(run_script(script, 300, &err), -ETIMEDOUT);
    cr_expect_str_eq(err.text, "error running prestart hook #0: hook ran past specified timeout of 0.3s");
    (void) nanosleep(&pause, NULL);
    cr_expect_neq(stat(file, &st), 0, "a child of the hook survived");
    (void) rmdir(dir);
}

/* What a hook leaves behind may keep its output open: nobody waits for that. */
Test(hook_host, daemons_do_not_hold_us)
{
    struct cf_err err;
    time_t begin = time(NULL);

    cr_expect_eq(run_script("sleep 5 & exit 0", 0, &err), 0);
    cr_expect_lt(time(NULL) - begin, 4);
}

Test(hook_host, order_and_poststop)
{
    char dir[] = "/tmp/cf-hook-XXXXXX", first[128], second[128], file[64];
    const char *const scripts[] = {first, second};
    struct cf_err err;
    struct stat st;

    cr_assert_not_null(mkdtemp(dir));
    (void) snprintf(file, sizeof(file), "%s/second", dir);
    (void) snprintf(first, sizeof(first), "exit 4");
    (void) snprintf(second, sizeof(second), ": > %s", file);
    cr_expect_eq(run_kind("createRuntime", scripts, 2, 0, &err), -ECHILD);
    cr_expect_neq(stat(file, &st), 0);
    cr_expect_eq(run_kind("poststop", scripts, 2, 0, &err), -ECHILD);
    cr_expect_not_null(strstr(err.text, "poststop hook #0: exit status 4"));
    cr_expect_eq(stat(file, &st), 0, "the second poststop hook did not run");
    (void) unlink(file);
    (void) rmdir(dir);
}
