/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hooks that run on the container's side: createContainer before the root is switched, and
 * startContainer with the confinement of the process itself. One after the other: state on stdin,
 * what it prints captured for the error, its own process group, a deadline by pidfd.
 * Container side, freestanding.
 *
 * Pipes, no files of ours: a FSIZE limit of the process must not keep its hook from reading. Only what annotations
 * ask for goes to files; the runtime has opened them.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "init/init-internal.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"

/* Never more than this per write: a pipe that polls writable takes it without blocking. */
#define CHUNK 4096
#define SHOWN_STDOUT 400
#define SHOWN_STDERR 700
#define STATUS_FD 3
/* After the end of the hook: what one full pipe of 64 KiB can hold for each of two streams. */
#define MAX_DRAIN 32
#define IN_FILE "(in the file)"

enum {
    POLL_PROCESS,
    POLL_STDIN,
    POLL_STDOUT,
    POLL_STDERR,
    POLL_COUNT
};

struct output {
    char *buf;
    size_t size;
    size_t used;
};

struct run {
    const struct cf_blob_hook *hook;
    const char *kind;
    bool start;     /* startContainer */
    int outputs[2]; /* files for standard output, error; -1: captured */
    int in_fds[2], out_fds[2], err_fds[2], status_fds[2];
    int pid;
    int pidfd;
    struct iovec state[3];
    struct output out, err;
    int64_t deadline_ms; /* CLOCK_MONOTONIC, 0: none */
};

size_t cf_hook_child_state(struct iovec iov[3], char pid_text[CF_NUM_SIZE], const char *head,
                           int pid, const char *tail)
{
    size_t n = cf_num_format(pid_text, (uint64_t) pid);

    iov[0] = (struct iovec){(void *) (uintptr_t) head, strlen(head)};
    iov[1] = (struct iovec){pid_text, n};
    iov[2] = (struct iovec){(void *) (uintptr_t) tail, strlen(tail)};
    return iov[0].iov_len + n + iov[2].iov_len;
}

static int64_t now_ms(void)
{
    struct timespec ts = {0, 0};

    (void) cf_sys_clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void) cf_sys_close(*fd);
    *fd = -1;
}

static void close_pair(int fds[2])
{
    close_fd(&fds[0]);
    close_fd(&fds[1]);
}

static void close_all(struct run *run)
{
    close_pair(run->in_fds);
    close_pair(run->out_fds);
    close_pair(run->err_fds);
    close_pair(run->status_fds);
    close_fd(&run->pidfd);
}

static int open_pipes(struct run *run, struct cf_err *err)
{
    int *const pairs[] = {run->out_fds, run->err_fds, run->in_fds, run->status_fds};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        int r = i < 2 && run->outputs[i] >= 0 ? 0 : cf_sys_pipe2(pairs[i], O_CLOEXEC);

        if (r < 0)
            return cf_err_sys(err, r, "make a pipe for a %s hook", run->kind);
    }
    return 0;
}

/* In the child: 0, 1, 2 and, until execve, the fd that tells why it failed. */
static int arrange_fds(struct run *run)
{
    int status = run->status_fds[1], r;

    r = cf_sys_dup3(run->in_fds[0], 0, 0);
    if (r >= 0)
        r = cf_sys_dup3(run->outputs[0] < 0 ? run->out_fds[1] : run->outputs[0], 1, 0);
    if (r >= 0)
        r = cf_sys_dup3(run->outputs[1] < 0 ? run->err_fds[1] : run->outputs[1], 2, 0);
    if (r >= 0 && status != STATUS_FD) {
        r = cf_sys_dup3(status, STATUS_FD, O_CLOEXEC);
        run->status_fds[1] = STATUS_FD;
    }
    if (r >= 0)
        r = cf_sys_close_range(STATUS_FD + 1, ~0u, 0);
    return r;
}

static int child_steps(struct cf_init *in, struct run *run)
{
    const struct cf_blob_hook *hook = run->hook;
    const char *path = cf_blob_str(&in->blob, hook->path);
    const char **argv, **envp;
    struct cf_err ignored = CF_ERR_INIT;
    int r;

    (void) cf_sys_setpgid(0, 0);
    argv = cf_exec_child_vector(&in->blob, hook->args.count ? NULL : path, hook->args);
    envp = run->start && hook->env.count == 0 ? in->envp
                                              : cf_exec_child_vector(&in->blob, NULL, hook->env);
    if (!argv || !envp)
        return -ENOMEM;
    /* The root is not switched yet: `path` is the host's, the working directory the rootfs. */
    if (!run->start && in->root_fd >= 0) {
        r = cf_sys_fchdir(in->root_fd);
        if (r < 0)
            return r;
    }
    r = arrange_fds(run);
    if (r < 0)
        return r;
    if (run->start) {
        r = cf_rlimit_child_final(in, &ignored);
        if (r < 0)
            return r;
    }
    cf_exec_child_signals(in);
    return cf_sys_execve(path, (char *const *) (uintptr_t) argv,
                         (char *const *) (uintptr_t) envp);
}

static int spawn(struct cf_init *in, struct run *run, struct cf_err *err)
{
    int pid;

    pid = cf_sys_clone(CLONE_PIDFD | SIGCHLD, &run->pidfd);
    if (pid < 0)
        return cf_err_sys(err, pid, "clone for a %s hook", run->kind);
    if (pid == 0) {
        int32_t r = child_steps(in, run);

        (void) cf_sys_write(run->status_fds[1], &r, sizeof(r));
        cf_sys_exit_group(127);
    }
    run->pid = pid;
    close_fd(&run->in_fds[0]);
    close_fd(&run->out_fds[1]);
    close_fd(&run->err_fds[1]);
    close_fd(&run->status_fds[1]);
    return 0;
}

/* Writes some of the state; closes stdin at its end, or when the hook does not want it. */
static void feed(struct run *run)
{
    for (size_t i = 0; i < 3; i++) {
        struct iovec *piece = &run->state[i];
        long n;

        if (piece->iov_len == 0)
            continue;
        n = cf_sys_write(run->in_fds[1], piece->iov_base,
                         piece->iov_len < CHUNK ? piece->iov_len : CHUNK);
        if (n == -EINTR || n == -EAGAIN)
            return;
        if (n <= 0)
            break;
        piece->iov_base = (char *) piece->iov_base + n;
        piece->iov_len -= (size_t) n;
        return; /* poll again: only then it is known that the next will not block */
    }
    close_fd(&run->in_fds[1]);
}

/* Takes what is there, keeps what there is room for. Closes at end of file. */
static void take_output(int *fd, struct output *output)
{
    char buf[CHUNK];
    long n = cf_sys_read(*fd, buf, sizeof(buf));
    size_t room = output->size - output->used;

    if (n == -EINTR || n == -EAGAIN)
        return;
    if (n <= 0) {
        close_fd(fd);
        return;
    }
    if ((size_t) n < room)
        room = (size_t) n;
    memcpy(output->buf + output->used, buf, room);
    output->used += room;
}

static int poll_run(struct run *run, struct pollfd fds[POLL_COUNT], struct timespec *timeout)
{
    fds[POLL_PROCESS] = (struct pollfd){.fd = run->pidfd, .events = POLLIN};
    fds[POLL_STDIN] = (struct pollfd){.fd = run->in_fds[1], .events = POLLOUT};
    fds[POLL_STDOUT] = (struct pollfd){.fd = run->out_fds[0], .events = POLLIN};
    fds[POLL_STDERR] = (struct pollfd){.fd = run->err_fds[0], .events = POLLIN};
    return cf_sys_ppoll(fds, POLL_COUNT, timeout);
}

/* Return: 0 when the process has ended, -ETIME at the deadline, another -errno. What it printed
 * last is taken too, but nobody waits for what its own children keep open. */
static int watch(struct run *run)
{
    unsigned int drained = 0;

    for (;;) {
        struct pollfd fds[POLL_COUNT];
        struct timespec left = {0, 0};
        int r;

        if (run->deadline_ms) {
            int64_t ms = run->deadline_ms - now_ms();

            if (ms <= 0)
                return -ETIME;
            left = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
        }
        r = poll_run(run, fds, run->deadline_ms ? &left : NULL);
        if (r == -EINTR || r == 0)
            continue;
        if (r < 0)
            return r;
        if (fds[POLL_STDIN].revents)
            feed(run);
        if (fds[POLL_STDOUT].revents)
            take_output(&run->out_fds[0], &run->out);
        if (fds[POLL_STDERR].revents)
            take_output(&run->err_fds[0], &run->err);
        if (fds[POLL_PROCESS].revents &&
            ((!fds[POLL_STDOUT].revents && !fds[POLL_STDERR].revents) || ++drained > MAX_DRAIN))
            return 0;
    }
}

static void terminate(struct output *output)
{
    while (output->used > 0 && output->buf[output->used - 1] == '\n')
        output->used--;
    output->buf[output->used] = '\0';
}

static int report(struct run *run, int status, int exec_errno, struct cf_err *err)
{
    const char *kind = run->kind, *what = "exit status";
    uint32_t index = run->hook->index;
    int number = status >> 8 & 0xff;

    if (status == 0 && exec_errno == 0)
        return 0;
    if (exec_errno != 0) {
        (void) cf_err_set(err, COFFER_ERROR_HOOK, "hook-not-executed", exec_errno,
                          "error running %s hook #%u: exec hook", kind, index);
        cf_err_errno(err, exec_errno);
        return exec_errno;
    }
    if (status & 0x7f) {
        what = "killed by signal";
        number = status & 0x7f;
    }
    terminate(&run->out);
    terminate(&run->err);
    return cf_err_set(err, COFFER_ERROR_HOOK, "hook-failed", -EIO,
                      "error running %s hook #%u: %s %d, stdout: %s, stderr: %s", kind, index, what,
                      number, run->out.buf, run->err.buf);
}

static int timed_out(struct run *run, struct cf_err *err)
{
    uint32_t ms = run->hook->timeout_ms;

    return cf_err_set(err, COFFER_ERROR_HOOK, "hook-timeout", -ETIME,
                      "error running %s hook #%u: hook ran past specified timeout of %u.%us",
                      run->kind, run->hook->index, ms / 1000, ms % 1000 / 100);
}

static int finish(struct run *run, int watched, struct cf_err *err)
{
    int32_t exec_errno = 0;
    int status = 0, r;

    if (watched < 0) {
        (void) cf_sys_kill(-run->pid, SIGKILL);
        (void) cf_sys_pidfd_send_signal(run->pidfd, SIGKILL, NULL, 0);
    }
    do {
        r = cf_sys_wait4(run->pid, &status, __WALL, NULL);
    } while (r == -EINTR);
    if (watched == -ETIME)
        return timed_out(run, err);
    if (watched < 0)
        return cf_err_sys(err, watched, "wait for a %s hook", run->kind);
    if (r < 0)
        return cf_err_sys(err, r, "wait for a %s hook", run->kind);
    /* End of file: it was executed. */
    if (cf_sys_read(run->status_fds[0], &exec_errno, sizeof(exec_errno)) != sizeof(exec_errno))
        exec_errno = 0;
    return report(run, status, exec_errno, err);
}

/* For the error: what is not captured can be read elsewhere. */
static void note_file(struct output *output)
{
    memcpy(output->buf, IN_FILE, sizeof(IN_FILE) - 1);
    output->used = sizeof(IN_FILE) - 1;
}

int cf_hook_child_outputs(struct cf_init *in, struct cf_err *err)
{
    const struct cf_blob_header *h = in->blob.h;

    for (size_t i = 0; i < 2; i++) {
        if (!h->hook_outputs[i])
            continue;
        in->hook_fds[i] = cf_init_take_fd(in, (int32_t) (h->hook_outputs[i] - 1));
        if (in->hook_fds[i] < 0)
            return cf_err_set(err, COFFER_ERROR_BUG, "plan-invalid", in->hook_fds[i],
                              "the file for the output of hooks is missing");
    }
    return 0;
}

static int run_one(struct cf_init *in, struct run *run, struct cf_err *err)
{
    int r = open_pipes(run, err);

    if (r >= 0)
        r = spawn(in, run, err);
    if (r >= 0) {
        if (run->hook->timeout_ms)
            run->deadline_ms = now_ms() + run->hook->timeout_ms;
        r = finish(run, watch(run), err);
    }
    close_all(run);
    return r;
}

int cf_hook_child_run(struct cf_init *in, struct cf_ref hooks, cf_str head, cf_str tail,
                      const char *kind, struct cf_err *err)
{
    const struct cf_blob_hook *list = cf_blob_at(&in->blob, hooks);
    const char *head_text = cf_blob_str(&in->blob, head), *tail_text = cf_blob_str(&in->blob, tail);
    char pid_text[CF_NUM_SIZE], out[SHOWN_STDOUT + 1], err_out[SHOWN_STDERR + 1];
    int pid = cf_sys_getpid();

    for (uint32_t i = 0; i < hooks.count; i++) {
        struct run run = {
            .hook = &list[i],
            .kind = kind,
            .start = cf_str_eq(kind, "startContainer"),
            .outputs = {in->blob.h->hook_outputs[0] ? in->hook_fds[0] : -1,
                        in->blob.h->hook_outputs[1] ? in->hook_fds[1] : -1},
            .in_fds = {-1, -1},
            .out_fds = {-1, -1},
            .err_fds = {-1, -1},
            .status_fds = {-1, -1},
            .pidfd = -1,
            .out = {.buf = out, .size = SHOWN_STDOUT},
            .err = {.buf = err_out, .size = SHOWN_STDERR},
        };
        int r;

        if (run.outputs[0] >= 0)
            note_file(&run.out);
        if (run.outputs[1] >= 0)
            note_file(&run.err);
        (void) cf_hook_child_state(run.state, pid_text, head_text ? head_text : "", pid,
                                   tail_text ? tail_text : "");
        r = run_one(in, &run, err);
        if (r < 0)
            return r;
    }
    return 0;
}
