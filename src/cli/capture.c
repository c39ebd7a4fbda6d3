/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See capture.h. */

#include "cli/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/text.h"

#define OUTPUT_MAX (64u << 20)
#define COMPLAINT_MAX 400
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

extern char **environ;

struct child {
    pid_t pid;
    int out, err; /* our ends, -1: closed */
    struct text output;
    char complaint[COMPLAINT_MAX + 1];
    size_t complaint_len;
    bool too_much;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void) close(*fd);
    *fd = -1;
}

/* As execvp(3) looks, but never in the working directory, which an empty or relative entry would mean. */
static int find_program(const char *name, char ret[PATH_MAX])
{
    const char *path = getenv("PATH");

    if (!path || !*path) /* engines clean up without it */
        path = DEFAULT_PATH;
    while (*path) {
        size_t len = strcspn(path, ":");
        struct stat st;
        int n = snprintf(ret, PATH_MAX, "%.*s/%s", (int) len, path, name);

        if (*path == '/' && n > 0 && n < PATH_MAX && stat(ret, &st) == 0 && S_ISREG(st.st_mode) &&
            access(ret, X_OK) == 0)
            return 0;
        path += len + (path[len] == ':');
    }
    return -ENOENT;
}

static int spawn(const char *file, const char *const *argv, struct child *child)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int out[2] = {-1, -1}, err[2] = {-1, -1}, r = 0;
    sigset_t none, usual;

    (void) sigemptyset(&none);
    (void) sigemptyset(&usual);
    (void) sigaddset(&usual, SIGPIPE);
    if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0) {
        r = -errno;
    } else if (posix_spawn_file_actions_init(&actions) != 0) {
        r = -ENOMEM;
    } else if (posix_spawnattr_init(&attr) != 0) {
        (void) posix_spawn_file_actions_destroy(&actions);
        r = -ENOMEM;
    } else {
        r = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        r = r ? r : posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
        r = r ? r : posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
        r = r ? r : posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        r = r ? r : posix_spawnattr_setsigmask(&attr, &none);
        r = r ? r : posix_spawnattr_setsigdefault(&attr, &usual);
        r = r ? r : posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        /* It takes pointers that are not const, and changes nothing behind them. */
        r = r ? r
              : posix_spawn(&child->pid, file, &actions, &attr, (char *const *) (uintptr_t) argv, environ);
        r = -r;
        (void) posix_spawn_file_actions_destroy(&actions);
        (void) posix_spawnattr_destroy(&attr);
    }
    close_fd(&out[1]);
    close_fd(&err[1]);
    child->out = out[0];
    child->err = err[0];
    return r;
}

/* One read(2) of each that is ready; the pipes cannot fill up against each other. */
static void take_output(struct child *child, char *buf, size_t size)
{
    ssize_t n = read(child->out, buf, size);

    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        close_fd(&child->out);
    } else if (child->output.len + (size_t) n > OUTPUT_MAX) {
        child->too_much = true;
        close_fd(&child->out); /* it ends by SIGPIPE */
    } else {
        text_addn(&child->output, buf, (size_t) n);
    }
}

static void take_complaint(struct child *child, char *buf, size_t size)
{
    ssize_t n = read(child->err, buf, size);
    size_t keep;

    if (n < 0 && errno == EINTR)
        return;
    if (n <= 0) {
        close_fd(&child->err);
        return;
    }
    keep = COMPLAINT_MAX - child->complaint_len;
    if (keep > (size_t) n)
        keep = (size_t) n;
    memcpy(child->complaint + child->complaint_len, buf, keep);
    child->complaint_len += keep;
}

static void collect(struct child *child)
{
    char buf[16384];

    while (child->out >= 0 || child->err >= 0) {
        struct pollfd fds[2] = {{.fd = child->out, .events = POLLIN}, {.fd = child->err, .events = POLLIN}};

        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            break;
        }
        if (fds[0].revents)
            take_output(child, buf, sizeof(buf));
        if (fds[1].revents)
            take_complaint(child, buf, sizeof(buf));
    }
    close_fd(&child->out);
    close_fd(&child->err);
}

/* ": what it said", on one line; nothing if it said nothing. */
static void complaint_text(const struct child *child, struct text *ret)
{
    char copy[COMPLAINT_MAX + 1];
    size_t len = 0;

    for (size_t i = 0; i < child->complaint_len; i++) {
        bool blank = child->complaint[i] == '\n' || child->complaint[i] == ' ';

        if (child->complaint[i] != '\0' && !(blank && (len == 0 || copy[len - 1] == ' ')))
            copy[len++] = blank ? ' ' : child->complaint[i];
    }
    while (len > 0 && copy[len - 1] == ' ')
        len--;
    copy[len] = '\0';
    text_add(ret, len ? ": " : "");
    text_add_plain(ret, copy);
}

static int judge(const struct child *child, const char *name, int status, struct cmd_error *err)
{
    struct text said = TEXT_INIT;
    int r = 0;

    complaint_text(child, &said);
    if (child->too_much)
        r = cmd_fail(err, "ps-failed", "%s: too much output", name);
    else if (child->output.failed || said.failed)
        r = cmd_fail(err, "out-of-memory", "out of memory");
    else if (WIFSIGNALED(status))
        r = cmd_fail(err, "ps-failed", "%s: ended by signal %d%s", name, WTERMSIG(status), said.data);
    else if (WEXITSTATUS(status) != 0)
        r = cmd_fail(err, "ps-failed", "%s: exit status %d%s", name, WEXITSTATUS(status), said.data);
    text_free(&said);
    return r;
}

int capture_run(const char *const *argv, struct capture *ret, struct cmd_error *err)
{
    struct child child = {.out = -1, .err = -1, .output = TEXT_INIT};
    char file[PATH_MAX];
    int status = 0, r;

    if (find_program(argv[0], file) < 0)
        return cmd_fail(err, "ps-missing", "exec: \"%s\": executable file not found in $PATH", argv[0]);
    r = spawn(file, argv, &child);
    if (r < 0) {
        close_fd(&child.out);
        close_fd(&child.err);
        return cmd_fail_errno(err, r, "run `%s`", file);
    }
    collect(&child);
    do
        r = waitpid(child.pid, &status, 0);
    while (r < 0 && errno == EINTR);
    r = r < 0 ? cmd_fail_errno(err, -errno, "wait for `%s`", file) : judge(&child, argv[0], status, err);
    text_add(&child.output, "");
    if (r >= 0 && child.output.failed)
        r = cmd_fail(err, "out-of-memory", "out of memory");
    if (r < 0) {
        text_free(&child.output);
        return r;
    }
    ret->data = child.output.data;
    ret->len = child.output.len;
    return 0;
}

void capture_free(struct capture *capture)
{
    free(capture->data);
    *capture = (struct capture) CAPTURE_INIT;
}
