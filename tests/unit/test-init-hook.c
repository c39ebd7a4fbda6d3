/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hook/hook-child.c: hooks of the container's side, run here for real with /bin/sh. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "init/init-internal.h"
#include "wire/blob-build.h"

#define HEAD "{\"pid\":"
#define TAIL ",\"bundle\":\"/b\"}"

Test(init_hook, state_is_head_pid_tail)
{
    char pid_text[CF_NUM_SIZE], text[64];
    struct iovec iov[3];
    size_t n, at = 0;

    n = cf_hook_child_state(iov, pid_text, HEAD, 4711, TAIL);
    for (int i = 0; i < 3; i++) {
        memcpy(text + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    text[at] = '\0';
    cr_expect(eq(sz, at, n));
    cr_expect_str_eq(text, "{\"pid\":4711,\"bundle\":\"/b\"}");
}

/* Runs `sh -c script` as the only hook; the error's text goes to @text. */
static int run(const char *kind, const char *path, const char *script, uint32_t timeout_ms,
               const char *head, char *text, size_t size)
{
    static const char *process_env[] = {"FROM=process", NULL};
    static char sh[] = "sh", dash_c[] = "-c";
    struct cf_blob_builder *b = cf_blob_builder_new();
    struct cf_init in = {.root_fd = -1, .report_fd = -1, .envp = process_env};
    struct cf_blob_hook hook = {.timeout_ms = timeout_ms};
    struct cf_err err = CF_ERR_INIT;
    struct cf_ref hooks;
    const void *data;
    size_t n;
    cf_str h, t;
    int r;

    cr_assert(b != NULL);
    hook.path = cf_blob_add_str(b, path);
    hook.args = cf_blob_add_strv(b, (char *[]){sh, dash_c, (char *) (uintptr_t) script}, 3);
    hooks = cf_blob_add_array(b, &hook, 1, sizeof(hook));
    h = cf_blob_add_str(b, head);
    t = cf_blob_add_str(b, TAIL);
    cf_blob_header(b)->start_container_hooks = hooks;
    cf_blob_header(b)->start_state_head = h;
    cf_blob_header(b)->start_state_tail = t;
    cr_assert(eq(int, cf_blob_finish(b, &data, &n, &err), 0));
    cr_assert(eq(int, cf_blob_check(data, n, &in.blob), 0));
    r = cf_hook_child_run(&in, hooks, h, t, kind, &err);
    text[0] = '\0';
    if (r < 0) {
        cr_expect(eq(u32, err.kind, COFFER_ERROR_HOOK));
        (void) cf_err_print(&err, text, size);
    }
    cf_blob_builder_free(b);
    return r;
}

static void block_signals(void)
{
    sigset_t all;

    (void) sigfillset(&all);
    (void) sigprocmask(SIG_SETMASK, &all, NULL);
}

TestSuite(init_hook, .init = block_signals, .timeout = 30);

Test(init_hook, success)
{
    char text[2048];

    cr_expect(eq(int, run("startContainer", "/bin/sh", "exit 0", 0, HEAD, text, sizeof(text)), 0));
}

Test(init_hook, output_and_status_in_the_text)
{
    char text[2048];

    cr_expect(lt(int,
                 run("createContainer", "/bin/sh", "echo out; echo err >&2; exit 3", 0, HEAD, text,
                     sizeof(text)),
                 0));
    cr_expect_str_eq(text,
                 "error running createContainer hook #0: exit status 3, "
                          "stdout: out, stderr: err");
}

Test(init_hook, state_arrives)
{
    char text[2048], want[256];

    (void) run("startContainer", "/bin/sh", "cat; exit 1", 0, HEAD, text, sizeof(text));
    (void) snprintf(want, sizeof(want),
                    "error running startContainer hook #0: exit status 1, "
                    "stdout: {\"pid\":%d,\"bundle\":\"/b\"}, stderr: ",
                    getpid());
    cr_expect_str_eq(text, want);
}

Test(init_hook, environment)
{
    char text[2048];

    (void) run("startContainer", "/bin/sh", "echo \"$FROM\"; exit 1", 0, HEAD, text, sizeof(text));
    cr_expect(strstr(text, "stdout: process,") != NULL, "%s", text);
    (void) run("createContainer", "/bin/sh", "echo \"<$FROM$HOME>\"; exit 1", 0, HEAD, text,
               sizeof(text));
    cr_expect(strstr(text, "stdout: <>,") != NULL, "%s", text);
}

Test(init_hook, only_the_standard_fds)
{
    char text[2048];

    (void) run("startContainer", "/bin/sh",
               "for f in /proc/self/fd/*; do echo ${f##*/}; done; exit 1", 0, HEAD, text,
               sizeof(text));
    /* 3 is the shell's own, of reading the directory. */
    cr_expect(strstr(text, "stdout: 0\\x0a1\\x0a2") != NULL, "%s", text);
    cr_expect(strstr(text, "\\x0a4") == NULL, "%s", text);
}

Test(init_hook, timeout_kills_the_group)
{
    struct timespec before, after;
    char text[2048];

    (void) clock_gettime(CLOCK_MONOTONIC, &before);
    (void) run("startContainer", "/bin/sh", "sleep 20 & sleep 20", 100, HEAD, text, sizeof(text));
    (void) clock_gettime(CLOCK_MONOTONIC, &after);
    cr_expect_str_eq(text,
                 "error running startContainer hook #0: hook ran past specified timeout "
                          "of 0.1s");
    cr_expect(after.tv_sec - before.tv_sec < 10);
}

Test(init_hook, killed)
{
    char text[2048];

    (void) run("startContainer", "/bin/sh", "kill -9 $$", 0, HEAD, text, sizeof(text));
    cr_expect(strstr(text, "killed by signal 9") != NULL, "%s", text);
}

Test(init_hook, missing_program)
{
    char text[2048];

    (void) run("startContainer", "/no/such/hook", "", 0, HEAD, text, sizeof(text));
    cr_expect_str_eq(text,
                 "error running startContainer hook #0: exec hook: "
                          "no such file or directory");
}

Test(init_hook, large_state_and_a_hook_that_does_not_read)
{
    static char head[300000];
    char text[2048];

    memset(head, 'x', sizeof(head) - 1);
    (void) run("startContainer", "/bin/sh", "wc -c; exit 1", 0, head, text, sizeof(text));
    cr_expect(strstr(text, "stdout: 3000") != NULL, "%s", text);
    cr_expect(eq(int, run("startContainer", "/bin/sh", "exit 0", 0, head, text, sizeof(text)), 0));
}

Test(init_hook, endless_output_of_a_child_left_behind)
{
    char text[2048];

    cr_expect(eq(int,
                 run("startContainer", "/bin/sh", "timeout 3 yes & exit 0", 0, HEAD, text,
                     sizeof(text)),
                 0));
}
