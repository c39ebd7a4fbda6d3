/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs hooks in the runtime's own namespaces. Host side.
 *
 * Each hook is a process group of its own with the state on standard input, nothing but 0, 1, 2
 * open, signals as after boot. Standard output and error are captured. The child between clone3 and
 * execve makes raw system calls only, so a threaded caller is no problem; SIGCHLD handlers of the
 * caller cannot take the status away, because the wait is by pidfd with __WALL.
 */

#include "hook/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"

#define CAPTURE_SIZE 8192
#define QUOTE_SIZE 400 /* of each stream, into the error */
#define IN_FILE "(in the file)"

extern char **environ;

struct capture {
    int fd;
    size_t used;
    char text[CAPTURE_SIZE];
};

/* One running hook. */
struct run {
    const struct cf_host_hook *hook;
    const int *outputs; /* files for standard output, error; negative: captured */
    int pidfd;
    int pid;
    struct capture out, err;
};

/* What the child works with; nothing of it is looked up after the clone. */
struct child {
    const char *path, *cwd;
    char *const *argv;
    char *const *envp;
    bool cwd_optional; /* poststop: the bundle may be gone by then */
    int in_fd, out_fd, err_fd, status_fd;
};

static void child_fail(const struct child *c, int r)
{
    (void) cf_sys_write(c->status_fd, &r, sizeof(r));
    cf_sys_exit_group(127);
}

__attribute__((noreturn)) static void child_main(const struct child *c)
{
    const struct cf_ksigaction dfl = {.handler = SIG_DFL};
    uint64_t none = 0;
    int r;

    r = cf_sys_setpgid(0, 0);
    /* Handlers are gone (CLONE_CLEAR_SIGHAND); what the caller ignores is not the hook's business. */
    for (int sig = 1; sig <= 64; sig++)
        (void) cf_sys_rt_sigaction(sig, &dfl, NULL);
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &none, NULL);
    if (r >= 0)
        r = cf_sys_dup3(c->in_fd, 0, 0);
    if (r >= 0)
        r = cf_sys_dup3(c->out_fd, 1, 0);
    if (r >= 0)
        r = cf_sys_dup3(c->err_fd, 2, 0);
    if (r >= 0)
        r = cf_sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    if (r >= 0) {
        r = cf_sys_chdir(c->cwd);
        if (r < 0 && c->cwd_optional)
            r = cf_sys_chdir("/");
    }
    if (r >= 0)
        r = cf_sys_execve(c->path, c->argv, c->envp);
    child_fail(c, r);
    cf_sys_exit_group(127);
}

/* Variables that make a program load code of somebody's choice are never passed on (rule R37). */
static bool inherited(const char *entry)
{
    static const char *const dropped[] = {"GCONV_PATH=", "BASH_ENV=", "ENV="};

    if (cf_str_starts_with(entry, "LD_"))
        return false;
    for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++) {
        if (cf_str_starts_with(entry, dropped[i]))
            return false;
    }
    return true;
}

/* The runtime's environment, filtered. NULL: no memory. Caller frees the list. */
static char **inherit_env(void)
{
    size_t n = 0, used = 0;
    char **list;

    while (environ && environ[n])
        n++;
    list = calloc(n + 1, sizeof(*list));
    for (size_t i = 0; list && i < n; i++) {
        if (inherited(environ[i]))
            list[used++] = environ[i];
    }
    return list;
}

/* Above 2, so that the child's dup3 to 0, 1, 2 never meets its own source. Takes @fd. */
static int lift(int fd)
{
    int copy;

    if (fd < 0 || fd > 2)
        return fd;
    copy = cf_fd_dup(fd);
    cf_fd_close(&fd);
    return copy;
}

static int make_pipe(int *ret_read, int *ret_write)
{
    int fds[2];
    int r = cf_sys_pipe2(fds, O_CLOEXEC);

    if (r < 0)
        return r;
    *ret_read = lift(fds[0]);
    *ret_write = lift(fds[1]);
    if (*ret_read < 0 || *ret_write < 0)
        return *ret_read < 0 ? *ret_read : *ret_write;
    /* A process that the hook leaves behind may hold the pipe open: never block on it. */
    r = cf_sys_fcntl(*ret_read, F_SETFL, O_NONBLOCK);
    return r < 0 ? r : 0;
}

/* Where a stream of the hook goes: a pipe, or a copy of the descriptor of a file. Return: for the hook, or -errno. */
static int make_output(struct capture *c, int file_fd)
{
    int fd = -EBADF, r;

    if (file_fd < 0) {
        r = make_pipe(&c->fd, &fd);
        return r < 0 ? r : fd;
    }
    memcpy(c->text, IN_FILE, sizeof(IN_FILE) - 1);
    c->used = sizeof(IN_FILE) - 1;
    return lift(cf_fd_dup(file_fd));
}

static void drain(struct capture *c)
{
    char waste[1024];
    long n;

    while (c->fd >= 0) {
        if (c->used < CAPTURE_SIZE)
            n = cf_sys_read(c->fd, c->text + c->used, CAPTURE_SIZE - c->used);
        else
            n = cf_sys_read(c->fd, waste, sizeof(waste));
        if (n == -EINTR)
            continue;
        if (n == -EAGAIN)
            return;
        if (n <= 0) {
            cf_fd_close(&c->fd);
            return;
        }
        if (c->used < CAPTURE_SIZE)
            c->used += (size_t) n;
    }
}

/* Waits for the end of the hook while its output is read. Return: 1 ended, 0 time is over. */
static int watch(struct run *run)
{
    int64_t end = run->hook->timeout_ms ? cf_clock_monotonic_ms() + run->hook->timeout_ms : INT64_MAX;
    int64_t left;
    int r;

    for (;;) {
        struct pollfd fds[3] = {
            {.fd = run->pidfd, .events = POLLIN},
            {.fd = run->out.fd, .events = POLLIN},
            {.fd = run->err.fd, .events = POLLIN},
        };

        left = end == INT64_MAX ? -1 : end - cf_clock_monotonic_ms();
        if (end != INT64_MAX && left <= 0)
            return 0;
        r = cf_sys_poll(fds, 3, left > INT32_MAX ? INT32_MAX : (int) left);
        if (r < 0 && r != -EINTR)
            return r;
        if (r <= 0)
            continue;
        if (fds[1].revents)
            drain(&run->out);
        if (fds[2].revents)
            drain(&run->err);
        if (fds[0].revents) {
            drain(&run->out);
            drain(&run->err);
            return 1;
        }
    }
}

static void kill_group(const struct run *run)
{
    /* Not reaped yet, so neither number can be somebody else's. */
    (void) cf_sys_kill(-run->pid, SIGKILL);
    (void) cf_sys_pidfd_send_signal(run->pidfd, SIGKILL, NULL, 0);
}

static int reap(const struct run *run, siginfo_t *info)
{
    int r;

    memset(info, 0, sizeof(*info));
    do
        r = cf_sys_waitid(P_PIDFD, run->pidfd, info, WEXITED | __WALL, NULL);
    while (r == -EINTR);
    return r;
}

/* The start of what was captured, without line breaks at the end. */
static int quoted_len(struct capture *c)
{
    size_t n = c->used < QUOTE_SIZE ? c->used : QUOTE_SIZE;

    while (n > 0 && (c->text[n - 1] == '\n' || c->text[n - 1] == '\r'))
        n--;
    return (int) n;
}

static int hook_error(struct run *run, const char *code, int r, const char *what, int number, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_HOOK, code, r, "error running %s hook #%u: %s%d, stdout: %.*s, stderr: %.*s",
                      run->hook->kind, run->hook->index, what, number, quoted_len(&run->out), run->out.text,
                      quoted_len(&run->err), run->err.text);
    cf_err_field(err, "hooks.%s[%u]", run->hook->kind, run->hook->index);
    return r;
}

static int start_error(const struct cf_host_hook *hook, int r, const char *what, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_HOOK, "hook-start", r, "error running %s hook #%u: %s `%s`", hook->kind,
                      hook->index, what, hook->path);
    cf_err_errno(err, r);
    cf_err_field(err, "hooks.%s[%u].path", hook->kind, hook->index);
    return r;
}

/* Clones the hook. Return: 0, or negative errno with err; then no process is left. */
static int start(struct run *run, const char *state_json, const char *cwd, struct cf_err *err)
{
    cf_auto_fd int in_fd = -EBADF, out_fd = -EBADF, err_fd = -EBADF;
    cf_auto_fd int status_read = -EBADF, status_write = -EBADF;
    cf_auto_free char **env = NULL;
    const struct cf_host_hook *hook = run->hook;
    struct cf_clone_args args = {
        .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND, .pidfd = (uint64_t) (uintptr_t) &run->pidfd, .exit_signal = SIGCHLD,
    };
    struct child child = {.path = hook->path, .cwd = cwd ? cwd : "/", .argv = hook->argv, .envp = hook->envp,
                          .cwd_optional = strcmp(hook->kind, "poststop") == 0};
    uint64_t all = UINT64_MAX, old = 0;
    siginfo_t info;
    int failure = 0, r;
    long n;

    if (!child.envp) {
        env = inherit_env();
        if (!env)
            return cf_err_oom(err);
        child.envp = env;
    }
    in_fd = lift(cf_io_sealed_memfd("coffer-state", state_json, strlen(state_json), 0));
    if (in_fd < 0)
        return start_error(hook, in_fd, "make standard input of", err);
    (void) cf_sys_lseek(in_fd, 0, SEEK_SET); /* the writer's position is the reader's */
    r = out_fd = make_output(&run->out, run->outputs[0]);
    if (r >= 0)
        r = err_fd = make_output(&run->err, run->outputs[1]);
    if (r >= 0)
        r = make_pipe(&status_read, &status_write);
    if (r < 0)
        return start_error(hook, r, "make pipes for", err);
    child.in_fd = in_fd;
    child.out_fd = out_fd;
    child.err_fd = err_fd;
    child.status_fd = status_write;

    /* No handler of the caller runs in the copy. */
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &all, &old);
    run->pid = cf_sys_clone3(&args, sizeof(args));
    if (run->pid == 0)
        child_main(&child);
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &old, NULL);
    if (run->pid < 0) {
        run->pidfd = -EBADF;
        return start_error(hook, run->pid, "start", err);
    }

    /* Ends with the exec (nothing) or with the reason why there was none. */
    cf_fd_close(&status_write);
    (void) cf_sys_fcntl(status_read, F_SETFL, 0);
    do
        n = cf_sys_read(status_read, &failure, sizeof(failure));
    while (n == -EINTR);
    if (n != (long) sizeof(failure) || failure >= 0)
        return 0;
    (void) reap(run, &info);
    return start_error(hook, failure, "exec", err);
}

static int finish(struct run *run, int ended, struct cf_err *err)
{
    siginfo_t info;
    int r;

    if (ended <= 0)
        kill_group(run);
    r = reap(run, &info);
    if (ended < 0)
        return cf_err_sys(err, ended, "wait for %s hook #%u", run->hook->kind, run->hook->index);
    if (ended == 0) {
        (void) cf_err_set(err, COFFER_ERROR_HOOK, "hook-timeout", -ETIMEDOUT,
                          "error running %s hook #%u: hook ran past specified timeout of %u.%us", run->hook->kind,
                          run->hook->index, run->hook->timeout_ms / 1000, run->hook->timeout_ms % 1000 / 100);
        cf_err_field(err, "hooks.%s[%u]", run->hook->kind, run->hook->index);
        return -ETIMEDOUT;
    }
    if (r < 0)
        return cf_err_sys(err, r, "wait for %s hook #%u", run->hook->kind, run->hook->index);
    if (info.si_code == CLD_EXITED && info.si_status == 0)
        return 0;
    if (info.si_code == CLD_EXITED)
        return hook_error(run, "hook-exit", -ECHILD, "exit status ", info.si_status, err);
    return hook_error(run, "hook-signal", -ECHILD, "signal ", info.si_status, err);
}

static int run_one(const struct cf_host_hook *hook, const char *state_json, const char *cwd, const int *outputs,
                   struct cf_err *err)
{
    struct run run = {.hook = hook, .outputs = outputs, .pidfd = -EBADF, .out.fd = -EBADF, .err.fd = -EBADF};
    int r;

    r = start(&run, state_json, cwd, err);
    if (r >= 0)
        r = finish(&run, watch(&run), err);
    cf_fd_close(&run.pidfd);
    cf_fd_close(&run.out.fd);
    cf_fd_close(&run.err.fd);
    if (r < 0)
        cf_err_step(err, "hook");
    return r;
}

static int open_outputs(const struct cf_host_hooks *hooks, int fds[2], struct cf_err *err)
{
    static const char *const fields[2] = {CF_HOOK_STDOUT_FIELD, CF_HOOK_STDERR_FIELD};
    int r = 0;

    for (size_t i = 0; i < 2 && r >= 0; i++) {
        if (hooks->outputs[i])
            r = fds[i] = cf_plan_output_open(hooks->outputs[i], fields[i], err);
    }
    if (r < 0)
        cf_err_step(err, "hook");
    return r < 0 ? r : 0;
}

int cf_hook_host_run(const struct cf_host_hooks *hooks, const char *state_json, const char *cwd, struct cf_err *err)
{
    int outputs[2] = {-EBADF, -EBADF};
    struct cf_err later;
    int first = 0;

    if (hooks->n)
        first = open_outputs(hooks, outputs, err);
    for (size_t i = 0; i < hooks->n; i++) {
        /* After a container's end every hook gets its turn. */
        bool stops = strcmp(hooks->items[i].kind, "poststop") != 0;
        struct cf_err *into = err;
        int r;

        if (first < 0 && stops)
            break;
        if (first < 0) {
            later = (struct cf_err) CF_ERR_INIT;
            into = &later;
        }
        r = run_one(&hooks->items[i], state_json, cwd, outputs, into);
        if (r < 0 && first == 0)
            first = r;
    }
    cf_fd_close(&outputs[0]);
    cf_fd_close(&outputs[1]);
    return first;
}
