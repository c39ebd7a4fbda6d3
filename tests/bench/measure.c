/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stopwatch of the benchmark: starts one command at a time and reports what it cost. A program
 * of its own, because the interpreter that drives the benchmark would add its own start-up noise
 * to every figure. Runs on the host.
 *
 * Requests are lines on standard input, fields separated by the byte 0x1f:
 *   run PROGRAM ARG...   -> `STATUS WALL_NS USER_US SYSTEM_US MAXRSS_KB MINFLT MAJFLT VCSW ICSW`
 *   run-memlock ...      the same, with an answer of 0 to every setrlimit(RLIMIT_MEMLOCK): some
 *                        runtimes raise that limit and end when a sandbox forbids it, though
 *                        kernels since 5.11 do not charge BPF programs to it
 *   reap MILLISECONDS    -> number of orphaned processes that ended and were reaped; waits for the
 *                           first one that long
 * Commands run with standard input and output on /dev/null, with the real-time policy when the
 * first argument of this program is `fifo` and the kernel permits it (`rt=yes` is the first line).
 * `measure exec-memlock PROGRAM ARG...` only executes PROGRAM under the same pretence, for tracing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ARGS 64
#define SEPARATOR "\x1f"

static long now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* A filter that answers 0 to prlimit64 with a new memlock limit and allows all else. */
static void pretend_memlock(void)
{
    static struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prlimit64, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, RLIMIT_MEMLOCK, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    static const struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

    (void) syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static void measure(char **argv, int null_fd, bool memlock)
{
    struct rusage ru;
    int status = 0;
    long begin = now_ns();
    pid_t pid = vfork();

    if (pid == 0) {
        dup2(null_fd, 0);
        dup2(null_fd, 1);
        if (memlock)
            pretend_memlock();
        execv(argv[0], argv);
        _exit(127);
    }
    while (wait4(pid, &status, 0, &ru) < 0 && errno == EINTR)
        ;
    printf("%d %ld %ld %ld %ld %ld %ld %ld %ld\n",
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), now_ns() - begin,
           ru.ru_utime.tv_sec * 1000000L + ru.ru_utime.tv_usec,
           ru.ru_stime.tv_sec * 1000000L + ru.ru_stime.tv_usec, ru.ru_maxrss, ru.ru_minflt,
           ru.ru_majflt, ru.ru_nvcsw, ru.ru_nivcsw);
}

/* Orphans of the runtimes become our children, because we are their subreaper. */
static void reap(long limit_ms)
{
    long end = now_ns() + limit_ms * 1000000L;
    int n = 0;

    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);

        if (pid > 0) {
            n++;
            continue;
        }
        if (n > 0 || pid < 0 || now_ns() >= end)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    printf("%d\n", n);
}

int main(int argc, char **argv)
{
    bool fifo = argc > 1 && strcmp(argv[1], "fifo") == 0;
    struct sched_param param = {.sched_priority = 10};
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    char *line = NULL;
    size_t size = 0;

    if (argc > 2 && strcmp(argv[1], "exec-memlock") == 0) {
        pretend_memlock();
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        return 127;
    }
    if (null_fd < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) {
        perror("measure");
        return 3;
    }
    printf("rt=%s\n", fifo && sched_setscheduler(0, SCHED_FIFO, &param) == 0 ? "yes" : "no");
    fflush(stdout);
    while (getline(&line, &size, stdin) > 0) {
        char *args[MAX_ARGS + 1];
        int n = 0;

        line[strcspn(line, "\n")] = '\0';
        for (char *p = strtok(line, SEPARATOR); p && n < MAX_ARGS; p = strtok(NULL, SEPARATOR))
            args[n++] = p;
        args[n] = NULL;
        if (n >= 2 && strcmp(args[0], "run") == 0)
            measure(args + 1, null_fd, false);
        else if (n >= 2 && strcmp(args[0], "run-memlock") == 0)
            measure(args + 1, null_fd, true);
        else if (n == 2 && strcmp(args[0], "reap") == 0)
            reap(atol(args[1]));
        else
            puts("bad request");
        fflush(stdout);
    }
    free(line);
    return 0;
}
