/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commands of testinit that take everything the kernel counts per user: inotify instances and
 * watches, bytes of POSIX message queues, pending signals, keys, namespaces of every kind. Runs in
 * the container, and on the host beside it.
 *
 * Output: one line per kind, `budget KIND=COUNT last=ERRNO`: how many there were to have.
 */
#include "testinit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static void report(const char *kind, long n, int e)
{
    printf("budget %s=%ld last=%s\n", kind, n, ti_errno_name(e));
}

static void raise_descriptors(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &l);
    }
}

/* Each on a file of its own: two watches on one file would be one. */
static void take_watches(const char *dir, long limit)
{
    int fd = inotify_init1(IN_CLOEXEC);
    long n = 0;
    int e = 0;

    while (fd >= 0 && n < limit) {
        char path[256];
        int file;

        snprintf(path, sizeof(path), "%s/w%ld", dir, n);
        file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (file < 0)
            break;
        close(file);
        if (inotify_add_watch(fd, path, IN_ATTRIB) < 0)
            break;
        n++;
    }
    e = fd < 0 || n < limit ? errno : 0;
    report("inotify-watches", n, e);
}

static void take_instances(long limit)
{
    long n = 0;

    while (n < limit && inotify_init1(IN_CLOEXEC) >= 0)
        n++;
    report("inotify-instances", n, n < limit ? errno : 0);
}

static long take_queues(const char *prefix, long messages, long size, long limit, int *e)
{
    struct mq_attr attr = {.mq_maxmsg = messages, .mq_msgsize = size};
    long n = 0;

    while (n < limit) {
        char name[64];

        snprintf(name, sizeof(name), "/%s-%d-%ld", prefix, (int) getpid(), n);
        if (mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600, &attr) == (mqd_t) -1)
            break;
        mq_unlink(name); /* what is open still counts */
        n++;
    }
    *e = n < limit ? errno : 0;
    return n;
}

/* Large ones, then small ones into what is left. */
static void take_mqueue(long limit)
{
    int e = 0;
    long large = take_queues("large", 10, 8192, limit, &e);

    report("mqueue-large", large, e);
    report("mqueue-small", take_queues("small", 1, 1, limit, &e), e);
}

static void take_signals(long limit)
{
    union sigval value = {0};
    sigset_t set;
    long n = 0;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    while (n < limit && sigqueue(getpid(), SIGRTMIN + 1, value) == 0)
        n++;
    report("signals", n, n < limit ? errno : 0);
}

static void take_keys(long limit)
{
    long n = 0;

    while (n < limit) {
        char name[64];

        snprintf(name, sizeof(name), "testinit-%ld", n);
        if (syscall(SYS_add_key, "user", name, "x", 1ul, KEY_SPEC_PROCESS_KEYRING) < 0)
            break;
        n++;
    }
    report("keys", n, n < limit ? errno : 0);
}

/* Each is held by a child that does nothing but live. */
static void take_namespaces(const char *name, int flag, long limit, pid_t *children, long *n_children, long max)
{
    long n = 0;
    int e = 0;

    while (n < limit && *n_children < max && e == 0) {
        int result[2];
        pid_t pid;

        if (pipe2(result, O_CLOEXEC) != 0) {
            e = errno;
            break;
        }
        pid = fork();
        if (pid == 0) {
            e = unshare(flag) == 0 ? 0 : errno;
            (void) !write(result[1], &e, sizeof(e));
            for (;;)
                pause();
        }
        if (pid < 0 || read(result[0], &e, sizeof(e)) != (ssize_t) sizeof(e))
            e = errno ? errno : EIO;
        close(result[0]);
        close(result[1]);
        if (pid > 0)
            children[(*n_children)++] = pid;
        if (e == 0)
            n++;
    }
    report(name, n, e);
}

/* argv: LIMIT [DIRECTORY [wait]] */
static int take_all(int argc, char **argv)
{
    static const struct {
        const char *name;
        int flag;
    } kinds[] = {
        {"ns-user", CLONE_NEWUSER}, {"ns-pid", CLONE_NEWPID},   {"ns-mnt", CLONE_NEWNS},
        {"ns-net", CLONE_NEWNET},   {"ns-ipc", CLONE_NEWIPC},   {"ns-uts", CLONE_NEWUTS},
        {"ns-cgroup", CLONE_NEWCGROUP}, {"ns-time", CLONE_NEWTIME},
    };
    static pid_t children[4096];
    long limit = ti_number(argc, argv, 1, 100), n_children = 0;
    const char *dir = argc > 2 ? argv[2] : "/tmp";

    raise_descriptors();
    take_watches(dir, limit);
    take_mqueue(limit);
    take_signals(limit);
    take_keys(limit);
    fflush(stdout); /* what is not written yet would be written by every child */
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        take_namespaces(kinds[i].name, kinds[i].flag, limit, children, &n_children, 4096);
        fflush(stdout);
    }
    take_instances(limit);
    puts("budget end");
    fflush(stdout);
    if (argc > 3) {
        char c;

        while (read(0, &c, 1) > 0)
            ;
    }
    for (long i = 0; i < n_children; i++)
        kill(children[i], SIGKILL);
    for (long i = 0; i < n_children; i++)
        waitpid(children[i], NULL, 0);
    return 0;
}

const struct ti_command ti_budget_commands[] = {
    {"budget-take", "[LIMIT [DIRECTORY [wait]]]", take_all},
    {0},
};
