/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands of testinit that take resources, wait, or end in a chosen way. Runs in the container.
 */
#include "testinit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void wait_for_eof(void)
{
    char buf[256];
    ssize_t n;

    do {
        n = read(0, buf, sizeof(buf));
    } while (n > 0 || (n < 0 && errno == EINTR));
}

/* Opens inotify instances until the kernel refuses or `limit` is reached; returns how many. */
static long inotify_take(long limit)
{
    struct rlimit l;
    long n = 0;

    /* The descriptor limit must not be what stops us: the budget under test is per user. */
    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &l);
    }
    while (n < limit && inotify_init1(IN_CLOEXEC) >= 0)
        n++;
    return n;
}

static int hog_inotify(int argc, char **argv)
{
    long n = inotify_take(ti_number(argc, argv, 1, 100000));

    printf("inotify-hog=%ld\n", n);
    fflush(stdout);
    wait_for_eof();
    return 0;
}

static int count_inotify(int argc, char **argv)
{
    long n = inotify_take(ti_number(argc, argv, 1, 100000));

    printf("inotify-count=%ld last=%s\n", n, ti_errno_name(errno));
    return 0;
}

static int hog_memory(int argc, char **argv)
{
    size_t bytes = (size_t) ti_number(argc, argv, 1, 16) << 20;
    char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return ti_result("memhog", -1);
    for (size_t i = 0; i < bytes; i += 4096)
        p[i] = 1;
    printf("memhog=%zu\n", bytes >> 20);
    fflush(stdout);
    if (argc > 2)
        wait_for_eof();
    return 0;
}

static int hog_fork(int argc, char **argv)
{
    static pid_t children[65536];
    long limit = ti_number(argc, argv, 1, 1000);
    long n = 0;
    int e = 0;

    while (n < limit && n < 65536) {
        pid_t pid = fork();

        if (pid < 0) {
            e = errno;
            break;
        }
        if (pid == 0) {
            for (;;)
                pause();
        }
        children[n++] = pid;
    }
    printf("forkbomb=%ld last=%s\n", n, ti_errno_name(e));
    for (long i = 0; i < n; i++)
        kill(children[i], SIGKILL);
    for (long i = 0; i < n; i++)
        waitpid(children[i], NULL, 0);
    return 0;
}

static int hog_sleep(int argc, char **argv)
{
    if (argc > 1) {
        sleep((unsigned) ti_number(argc, argv, 1, 1));
        return 0;
    }
    puts("sleeping");
    fflush(stdout);
    for (;;)
        pause();
}

/* Waits for the signal and exits with 0 when it comes; every other signal is reported. */
static int end_sigexit(int argc, char **argv)
{
    int wanted = (int) ti_number(argc, argv, 1, SIGTERM);
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    puts("ready");
    fflush(stdout);
    for (;;) {
        int got = 0;

        if (sigwait(&all, &got) != 0)
            continue;
        printf("signal=%d\n", got);
        fflush(stdout);
        if (got == wanted)
            return 0;
    }
}

static int end_exit(int argc, char **argv)
{
    fflush(stdout);
    _exit((int) ti_number(argc, argv, 1, 0));
}

static int end_kill_self(int argc, char **argv)
{
    int sig = (int) ti_number(argc, argv, 1, SIGKILL);

    fflush(stdout);
    /* PID 1 of a namespace cannot kill itself, so a child does it and its status is reported. */
    if (getpid() == 1) {
        int status = 0;
        pid_t pid = fork();

        if (pid == 0) {
            kill(getpid(), sig);
            _exit(0);
        }
        waitpid(pid, &status, 0);
        printf("child-signal=%d\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
        return 0;
    }
    kill(getpid(), sig);
    return 1;
}

static int end_eof(int argc, char **argv)
{
    puts("waiting");
    fflush(stdout);
    wait_for_eof();
    return 0;
}

/* Leaves `argv[1]` children behind that sleep and ignore SIGTERM: leftovers for kill --all. */
static int hog_children(int argc, char **argv)
{
    long n = ti_number(argc, argv, 1, 1);

    for (long i = 0; i < n; i++) {
        pid_t pid = fork();

        if (pid == 0) {
            signal(SIGTERM, SIG_IGN);
            setsid();
            for (;;)
                pause();
        }
    }
    printf("children=%ld\n", n);
    return hog_sleep(1, argv);
}

const struct ti_command ti_hog_commands[] = {
    {"inotify-hog", "[N]", hog_inotify},
    {"inotify-count", "[N]", count_inotify},
    {"memhog", "MB [wait]", hog_memory},
    {"forkbomb", "[N]", hog_fork},
    {"children", "[N]", hog_children},
    {"sleep", "[SECONDS]", hog_sleep},
    {"sigexit", "SIG", end_sigexit},
    {"wait-eof", "", end_eof},
    {"exit", "N", end_exit},
    {"kill-self", "SIG", end_kill_self},
    {0},
};
