/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* process/exec-child.c: finding the program, with the texts that engines search for; the working
 * directory; exec-run-child.c: closing fds and the argument vectors. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/init-internal.h"
#include "wire/blob-build.h"

static char top[] = "/tmp/cf-test-exec-XXXXXX";

static void put(const char *name, mode_t mode)
{
    int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    cr_assert(fd >= 0);
    (void) fchmod(fd, mode);
    (void) close(fd);
}

static void setup(void)
{
    cr_assert(mkdtemp(top) != NULL);
    cr_assert(eq(int, chdir(top), 0));
    (void) mkdir("a", 0755);
    (void) mkdir("b", 0755);
    (void) mkdir("a/tool", 0755);
    put("b/tool", 0755);
    put("a/plain", 0644);
    put("b/plain", 0755);
    put("a/only-plain", 0644);
    (void) symlink("../b/tool", "a/link");
    (void) symlink("loop", "a/loop");
}

static void teardown(void)
{
    static const char *const names[] = {"b/tool", "a/plain", "b/plain", "a/only-plain", "a/link",
                                        "a/loop"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void) unlink(names[i]);
    (void) rmdir("a/tool");
    (void) rmdir("a");
    (void) rmdir("b");
    (void) rmdir("new/dir");
    (void) rmdir("new");
    (void) chdir("/");
    (void) rmdir(top);
}

TestSuite(init_exec, .init = setup, .fini = teardown);

static void expect_found(const char *name, const char *path_env, const char *want)
{
    struct cf_err err = CF_ERR_INIT;
    char out[256] = "";

    cr_expect(eq(int, cf_exec_child_search(name, path_env, out, sizeof(out), &err), 0), "%s", name);
    cr_expect_str_eq(out, want, "%s", name);
}

static void expect_text(const char *name, const char *path_env, uint32_t kind, const char *want)
{
    struct cf_err err = CF_ERR_INIT;
    char out[256], text[512];

    cr_expect(lt(int, cf_exec_child_search(name, path_env, out, sizeof(out), &err), 0), "%s", name);
    cr_expect(eq(u32, err.kind, kind), "%s", name);
    cr_expect_str_eq(err.field, "process.args[0]");
    err.field[0] = '\0';
    (void) cf_err_print(&err, text, sizeof(text));
    cr_expect_str_eq(text, want);
}

Test(init_exec, found)
{
    expect_found("b/tool", NULL, "b/tool");
    expect_found("./b/tool", "/nowhere", "./b/tool");
    expect_found("a/link", NULL, "a/link");
    expect_found("tool", "a:b", "b/tool");
    expect_found("tool", "/nowhere:a/:b/", "b/tool");
    expect_found("plain", "a:b", "b/plain");
    expect_found("link", "b:a", "a/link");
    expect_found("sh", "/nowhere::/bin", "/bin/sh");
    cr_assert(eq(int, chdir("b"), 0));
    expect_found("tool", "", "./tool");
    expect_found("tool", "/nowhere:", "./tool");
    cr_assert(eq(int, chdir(".."), 0));
}

Test(init_exec, default_path)
{
    struct cf_err err = CF_ERR_INIT;
    char out[256];

    cr_expect(eq(int, cf_exec_child_search("sh", NULL, out, sizeof(out), &err), 0));
}

Test(init_exec, literal_texts)
{
    const uint32_t config = COFFER_ERROR_CONFIG;

    expect_text("nosuch", NULL, config, "exec: \"nosuch\": executable file not found in $PATH");
    expect_text("nosuch", "a:b", config, "exec: \"nosuch\": executable file not found in $PATH");
    expect_text("only-plain", "a:b", config,
                "exec: \"only-plain\": executable file not found in $PATH");
    expect_text("", "a:b", config, "exec: \"\": executable file not found in $PATH");
    expect_text("/no/such", NULL, config,
                "exec: \"/no/such\": stat /no/such: no such file or directory");
    expect_text("b/tool/x", NULL, config, "exec: \"b/tool/x\": stat b/tool/x: not a directory");
    expect_text("a/plain", NULL, config, "exec: \"a/plain\": permission denied");
    expect_text("/etc/passwd", NULL, config, "exec: \"/etc/passwd\": permission denied");
    expect_text("/bin", NULL, config, "exec: \"/bin\": is a directory");
    expect_text("/dev/null", NULL, config, "exec: \"/dev/null\": permission denied");
    expect_text("a/loop", NULL, config,
                "exec: \"a/loop\": stat a/loop: too many levels of symbolic links");
}

Test(init_exec, nothing_through_proc)
{
    const uint32_t unsafe = COFFER_ERROR_UNSAFE;

    expect_text("/proc/self/exe", NULL, unsafe,
                "exec: \"/proc/self/exe\": a program may not be executed through /proc");
    expect_text("/proc/self/cwd/b/tool", NULL, unsafe,
                "exec: \"/proc/self/cwd/b/tool\": a program may not be executed through /proc");
    expect_text("/proc/version", NULL, unsafe,
                "exec: \"/proc/version\": a program may not be executed through /proc");
}

Test(init_exec, name_longer_than_any_path)
{
    struct cf_err err = CF_ERR_INIT;
    char name[6000], out[4096];

    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    cr_expect(lt(int, cf_exec_child_search(name, "a:b", out, sizeof(out), &err), 0));
    cf_err_clear(&err);
    name[0] = '/';
    cr_expect(lt(int, cf_exec_child_search(name, "a:b", out, sizeof(out), &err), 0));
}

Test(init_exec, close_keeps_what_is_listed)
{
    int fds[6];

    for (int i = 0; i < 6; i++) {
        fds[i] = fcntl(0, F_DUPFD_CLOEXEC, 600 + i);
        cr_assert(eq(int, fds[i], 600 + i));
    }
    /* Unsorted, with one that is none and one below the range. */
    cr_expect(eq(int, cf_exec_child_close(601, (int[]){604, -1, 600, 602}, 4), 0));
    for (int i = 0; i < 6; i++) {
        int open = fcntl(fds[i], F_GETFD) >= 0;

        cr_expect(eq(int, open, i == 0 || i == 2 || i == 4), "fd %d", fds[i]);
        (void) close(fds[i]);
    }
}

/* A blob with args, env and cwd, the way the planner makes one. */
static struct cf_blob_builder *make_blob(struct cf_blob *ret, const char *cwd, uint32_t flags)
{
    static char arg0[] = "prog", arg1[] = "x", env0[] = "A=1";
    struct cf_blob_builder *b = cf_blob_builder_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_ref args, env;
    const void *data;
    size_t size;
    cf_str dir;

    cr_assert(b != NULL);
    args = cf_blob_add_strv(b, (char *[]){arg0, arg1}, 2);
    env = cf_blob_add_strv(b, (char *[]){env0}, 1);
    dir = cf_blob_add_str(b, cwd);
    cf_blob_header(b)->args = args;
    cf_blob_header(b)->env = env;
    cf_blob_header(b)->cwd = dir;
    cf_blob_header(b)->flags = CF_BLOB_HAS_PROCESS | flags;
    cr_assert(eq(int, cf_blob_finish(b, &data, &size, &err), 0));
    cr_assert(eq(int, cf_blob_check(data, size, ret), 0));
    return b;
}

Test(init_exec, vectors)
{
    struct cf_init in = {.root_fd = -1, .proc_fd = -1};
    struct cf_blob_builder *b = make_blob(&in.blob, "/", CF_BLOB_SET_HOME);
    struct cf_err err = CF_ERR_INIT;

    in.root_fd = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_assert(eq(int, cf_exec_child_prepare(&in, &err), 0));
    cr_expect_str_eq(in.argv[0], "prog");
    cr_expect_str_eq(in.argv[1], "x");
    cr_expect(in.argv[2] == NULL);
    cr_expect_str_eq(in.envp[0], "A=1");
    cr_expect_str_eq(in.envp[1], "HOME=/");
    cr_expect(in.envp[2] == NULL);
    (void) close(in.root_fd);
    cf_blob_builder_free(b);
}

Test(init_exec, cwd_is_made_once_and_entered)
{
    struct cf_init in = {.proc_fd = -1};
    struct cf_err err = CF_ERR_INIT;
    char cwd[64], now[256];
    struct cf_blob_builder *b;
    struct stat st;

    (void) snprintf(cwd, sizeof(cwd), "%s/new/dir", top);
    b = make_blob(&in.blob, cwd, 0);
    in.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_expect(eq(int, cf_exec_child_cwd(&in, &err), 0));
    cr_expect(eq(int, cf_exec_child_cwd(&in, &err), 0));
    cr_expect_str_eq(getcwd(now, sizeof(now)), cwd);
    cr_expect(eq(int, stat(cwd, &st), 0));
    cr_expect(eq(u32, st.st_mode & 07777, 0755));
    (void) chdir(top);
    (void) close(in.root_fd);
    cf_blob_builder_free(b);
}

Test(init_exec, cwd_text_of_failure)
{
    struct cf_init in = {.proc_fd = -1};
    struct cf_blob_builder *b = make_blob(&in.blob, "/etc/passwd", 0);
    struct cf_err err = CF_ERR_INIT;
    char text[512];

    in.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_expect(lt(int, cf_exec_child_cwd(&in, &err), 0));
    err.field[0] = '\0';
    (void) cf_err_print(&err, text, sizeof(text));
    cr_expect_str_eq(text,
                 "chdir to cwd (\"/etc/passwd\") set in config.json failed: "
                          "not a directory");
    (void) close(in.root_fd);
    cf_blob_builder_free(b);
}
