/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * step-adversary: stops a runtime before and after every system call that walks a path or mounts, in
 * all its processes, and at exactly one chosen stop does one hostile thing. Running it once for
 * every stop turns each race window into a plain test. Runs on the host, as root, in a private mount
 * namespace.
 *
 * What it does (names exchanged, a mount laid over a file) is seen only by calls that walk a path: all
 * moments between two of them are the same to it. So the entry of a call is a stop of its own only
 * when something may have come between it and the exit before it: another process that is the one to
 * be stopped now, or is inside such a call, or a program that was executed.
 *
 *   step-adversary [OPTIONS] -- PROGRAM ARG...
 *     --at N              act at stop number N (from 1)
 *     --back K            undo the exchange K stops later: K calls or less have seen it
 *     --exchange A B      rename A and B into each other (RENAME_EXCHANGE)
 *     --nsbind SRC DST    bind SRC over DST inside the mount namespace of the stopped process,
 *                         only when that is not our own; the network namespace is entered too
 *     --only LIST         count only these system calls (comma-separated names)
 *     --count             never act; the report's `stops=` is the number of stops
 *     --trace             list every stop on standard error
 *     --report FILE       where the one-line report goes (default: standard error)
 *     --detach            leave what still runs when PROGRAM ended alone (default: kill it)
 *     --timeout SECONDS   limit (default 20)
 *
 * Report: `stops=N acted=yes|no|skipped syscall=NAME side=entry|exit status=exit:N|signal:N|timeout`
 * The stops are counted until there is nothing left to do. Exit status: 0 when PROGRAM ended, whatever its own status; 124 after the limit; 2 usage; 3 system.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

#define MAX_TRACEES 1024

/* Not those that only have a descriptor (fstat, fstatfs, fsopen, fsmount): no name of theirs can be exchanged. */
static const struct {
    long nr;
    const char *name;
} watched[] = {
    {SYS_openat, "openat"},
    {SYS_openat2, "openat2"},
    {SYS_mkdirat, "mkdirat"},
    {SYS_mknodat, "mknodat"},
    {SYS_symlinkat, "symlinkat"},
    {SYS_unlinkat, "unlinkat"},
    {SYS_linkat, "linkat"},
    {SYS_renameat2, "renameat2"},
    {SYS_readlinkat, "readlinkat"},
    {SYS_faccessat, "faccessat"},
    {SYS_faccessat2, "faccessat2"},
    {SYS_utimensat, "utimensat"},
    {SYS_bind, "bind"},
    {SYS_connect, "connect"},
    {SYS_fchmodat, "fchmodat"},
    {SYS_fchownat, "fchownat"},
    {SYS_newfstatat, "newfstatat"},
    {SYS_statx, "statx"},
    {SYS_statfs, "statfs"},
    {SYS_mount, "mount"},
    {SYS_umount2, "umount2"},
    {SYS_pivot_root, "pivot_root"},
    {SYS_chroot, "chroot"},
    {SYS_chdir, "chdir"},
    {SYS_fchdir, "fchdir"},
    {SYS_open_tree, "open_tree"},
#ifdef SYS_open_tree_attr
    {SYS_open_tree_attr, "open_tree_attr"},
#endif
    {SYS_move_mount, "move_mount"},
    {SYS_fsconfig, "fsconfig"},
    {SYS_fspick, "fspick"},
    {SYS_mount_setattr, "mount_setattr"},
    {SYS_setns, "setns"},
    {SYS_unshare, "unshare"},
    {SYS_write, "write"},
    {SYS_execve, "execve"},
    {SYS_execveat, "execveat"},
#ifdef SYS_open
    {SYS_open, "open"},
    {SYS_mkdir, "mkdir"},
    {SYS_mknod, "mknod"},
    {SYS_symlink, "symlink"},
    {SYS_unlink, "unlink"},
    {SYS_rmdir, "rmdir"},
    {SYS_stat, "stat"},
    {SYS_lstat, "lstat"},
    {SYS_readlink, "readlink"},
    {SYS_access, "access"},
    {SYS_chmod, "chmod"},
    {SYS_chown, "chown"},
    {SYS_rename, "rename"},
    {SYS_link, "link"},
#endif
};

/* `write` and the exec calls are stops only when --only names them. */
static bool is_default(long nr)
{
    return nr != SYS_write && nr != SYS_execve && nr != SYS_execveat;
}

struct tracee {
    pid_t tid;
    long nr; /* the call it is in, -1 when in none */
};

struct session {
    long at, back;
    const char *exchange[2];
    const char *nsbind[2];
    const char *only;
    const char *report;
    bool count, trace, detach;
    long timeout;

    struct tracee tracees[MAX_TRACEES];
    int n_tracees;
    pid_t main_pid;
    long stops;
    int n_inside;    /* tracees in a watched call */
    pid_t last_exit; /* who left the last one; 0 once anything else may have happened */
    const char *acted;
    const char *acted_name;
    const char *acted_side;
};

static int die(const char *what)
{
    fprintf(stderr, "step-adversary: %s: %s\n", what, strerror(errno));
    return 3;
}

static bool in_list(const char *list, const char *name)
{
    size_t len = strlen(name);

    for (const char *p = list; (p = strstr(p, name)); p += len) {
        if ((p == list || p[-1] == ',') && (p[len] == ',' || p[len] == '\0'))
            return true;
    }
    return false;
}

static const char *stop_name(const struct session *s, long nr)
{
    for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++) {
        if (watched[i].nr != nr)
            continue;
        if (s->only ? in_list(s->only, watched[i].name) : is_default(nr))
            return watched[i].name;
        return NULL;
    }
    return NULL;
}

static struct tracee *tracee_find(struct session *s, pid_t tid)
{
    for (int i = 0; i < s->n_tracees; i++) {
        if (s->tracees[i].tid == tid)
            return &s->tracees[i];
    }
    if (s->n_tracees == MAX_TRACEES)
        return NULL;
    s->tracees[s->n_tracees] = (struct tracee){tid, -1};
    return &s->tracees[s->n_tracees++];
}

static void tracee_drop(struct session *s, pid_t tid)
{
    for (int i = 0; i < s->n_tracees; i++) {
        if (s->tracees[i].tid == tid) {
            s->tracees[i] = s->tracees[--s->n_tracees];
            return;
        }
    }
}

static const char *do_exchange(const struct session *s)
{
    long r = syscall(SYS_renameat2, AT_FDCWD, s->exchange[0], AT_FDCWD, s->exchange[1],
                     RENAME_EXCHANGE);

    return r == 0 ? "yes" : "failed";
}

/* Opens /proc/TID/ns/NAME when it is not our own namespace, else returns -1. */
static int foreign_ns(pid_t tid, const char *name)
{
    char path[64];
    struct stat ours, theirs;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
    if (stat(path, &ours) != 0)
        return -1;
    snprintf(path, sizeof(path), "/proc/%d/ns/%s", tid, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &theirs) != 0 || theirs.st_ino == ours.st_ino) {
        close(fd);
        return -1;
    }
    return fd;
}

/* In a child: enter the stopped process's namespaces and lay SRC over DST there. */
static const char *do_nsbind(const struct session *s, pid_t tid)
{
    int mnt = foreign_ns(tid, "mnt");
    int net = foreign_ns(tid, "net");
    int status = -1;
    pid_t pid;

    /* Never in our own mount namespace: the host would be changed by the test itself. */
    if (mnt < 0) {
        if (net >= 0)
            close(net);
        return "skipped";
    }
    pid = fork();
    if (pid == 0) {
        if (net >= 0 && setns(net, CLONE_NEWNET) != 0)
            _exit(1);
        if (setns(mnt, CLONE_NEWNS) != 0)
            _exit(2);
        /* A copy that is still a peer of the host's mounts must not carry the bind out. */
        if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0 && errno != EINVAL)
            _exit(3);
        _exit(mount(s->nsbind[0], s->nsbind[1], NULL, MS_BIND, NULL) == 0 ? 0 : 4);
    }
    if (pid > 0) {
        while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
            ;
    }
    close(mnt);
    if (net >= 0)
        close(net);
    return status == 0 ? "yes" : "failed";
}

static bool done(const struct session *s)
{
    return !s->count && s->stops >= s->at + (s->exchange[0] ? s->back : 0);
}

static void at_stop(struct session *s, pid_t tid, const char *name, const char *side)
{
    if (done(s))
        return;
    s->stops++;
    if (s->trace)
        fprintf(stderr, "stop %ld %s %s pid=%d\n", s->stops, side, name, tid);
    if (s->count)
        return;
    if (s->stops == s->at) {
        s->acted_name = name;
        s->acted_side = side;
        s->acted = s->exchange[0] ? do_exchange(s) : do_nsbind(s, tid);
    } else if (s->back > 0 && s->exchange[0] && s->stops == s->at + s->back) {
        (void) do_exchange(s);
    }
}

/* One system call stop: remember the number on entry, because the exit does not tell it. */
static void syscall_stop(struct session *s, pid_t tid)
{
    struct __ptrace_syscall_info info = {0};
    struct tracee *t = tracee_find(s, tid);
    const char *name;

    if (!t || ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *) sizeof(info), &info) < 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        t->nr = (long) info.entry.nr;
        name = stop_name(s, t->nr);
        if (t->nr == SYS_execve || t->nr == SYS_execveat)
            s->last_exit = 0;
        if (name && s->last_exit != tid)
            at_stop(s, tid, name, "entry");
        if (name) {
            s->n_inside++;
            s->last_exit = 0;
        }
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && t->nr >= 0) {
        name = stop_name(s, t->nr);
        t->nr = -1;
        if (name) {
            s->n_inside--;
            s->last_exit = s->n_inside == 0 ? tid : 0;
            at_stop(s, tid, name, "exit");
        }
    }
}

static void resume(struct session *s, pid_t tid, int status)
{
    int sig = WSTOPSIG(status);
    int event = status >> 16;

    if (event == PTRACE_EVENT_STOP) {
        /* A group stop must not be ended by us; the stop of a new child is passed. */
        if (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU) {
            (void) ptrace(PTRACE_LISTEN, tid, 0, 0);
            return;
        }
        sig = 0;
    } else if (event != 0 || sig == (SIGTRAP | 0x80)) {
        sig = 0;
    }
    (void) ptrace(done(s) ? PTRACE_CONT : PTRACE_SYSCALL, tid, 0, (void *) (long) sig);
}

static void kill_all(struct session *s)
{
    for (int i = 0; i < s->n_tracees; i++)
        (void) kill(s->tracees[i].tid, SIGKILL);
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Ends (or lets go) what is left after the main process; at most two seconds. */
static void finish(struct session *s)
{
    long end = now_ms() + 2000;

    if (!s->detach)
        kill_all(s);
    while (s->n_tracees > 0 && now_ms() < end) {
        int status;
        pid_t tid;

        if (s->detach) {
            for (int i = 0; i < s->n_tracees; i++)
                (void) ptrace(PTRACE_INTERRUPT, s->tracees[i].tid, 0, 0);
        }
        tid = waitpid(-1, &status, __WALL | WNOHANG);
        if (tid < 0)
            return;
        if (tid == 0) {
            (void) usleep(1000);
            continue;
        }
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            tracee_drop(s, tid);
            continue;
        }
        (void) tracee_find(s, tid);
        if (s->detach) {
            int sig = WSTOPSIG(status);
            bool plain = (status >> 16) == 0 && sig != (SIGTRAP | 0x80);

            (void) ptrace(PTRACE_DETACH, tid, 0, (void *) (long) (plain ? sig : 0));
            tracee_drop(s, tid);
        } else {
            (void) kill(tid, SIGKILL);
            (void) ptrace(PTRACE_CONT, tid, 0, 0);
        }
    }
}

/* The main loop; returns the wait status of the main process, or -1 after the limit. */
static int follow(struct session *s)
{
    for (;;) {
        int status;
        pid_t tid = waitpid(-1, &status, __WALL);

        if (tid < 0) {
            /* SIGALRM is the only handler there is: the limit is over. */
            kill_all(s);
            return -1;
        }
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            tracee_drop(s, tid);
            if (tid == s->main_pid)
                return status;
            continue;
        }
        if (!WIFSTOPPED(status))
            continue;
        (void) tracee_find(s, tid);
        if (WSTOPSIG(status) == (SIGTRAP | 0x80) && (status >> 16) == 0)
            syscall_stop(s, tid);
        resume(s, tid, status);
    }
}

static void on_alarm(int sig)
{
}

static int start(struct session *s, char **argv)
{
    int gate[2];
    char byte = 0;

    if (pipe2(gate, O_CLOEXEC) != 0)
        return die("pipe2");
    s->main_pid = fork();
    if (s->main_pid < 0)
        return die("fork");
    if (s->main_pid == 0) {
        close(gate[1]);
        if (read(gate[0], &byte, 1) != 1)
            _exit(3);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(gate[0]);
    if (ptrace(PTRACE_SEIZE, s->main_pid, 0,
               (void *) (long) (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                                PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) != 0)
        return die("ptrace");
    (void) tracee_find(s, s->main_pid);
    (void) ptrace(PTRACE_INTERRUPT, s->main_pid, 0, 0);
    if (write(gate[1], &byte, 1) != 1)
        return die("write");
    close(gate[1]);
    return 0;
}

static int report(const struct session *s, int status)
{
    FILE *f = s->report ? fopen(s->report, "we") : stderr;

    if (!f)
        return die(s->report);
    fprintf(f, "stops=%ld acted=%s syscall=%s side=%s status=", s->stops, s->acted,
            s->acted_name ? s->acted_name : "-", s->acted_side ? s->acted_side : "-");
    if (status == -1)
        fputs("timeout\n", f);
    else if (WIFSIGNALED(status))
        fprintf(f, "signal:%d\n", WTERMSIG(status));
    else
        fprintf(f, "exit:%d\n", WEXITSTATUS(status));
    if (f != stderr)
        fclose(f);
    return status == -1 ? 124 : 0;
}

static int usage(const char *what)
{
    fprintf(stderr,
            "step-adversary: %s\nusage: step-adversary [--at N] [--back K] [--exchange A B]\n"
            "       [--nsbind SRC DST] [--only LIST] [--count] [--trace] [--report FILE]\n"
            "       [--detach] [--timeout S] -- PROGRAM ARG...\n",
            what);
    return 2;
}

/* Fills the session from the options; returns the index of PROGRAM, or -1. */
static int parse(struct session *s, int argc, char **argv)
{
    int i;

    for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        int left = argc - i - 1;

        if (strcmp(argv[i], "--count") == 0)
            s->count = true;
        else if (strcmp(argv[i], "--trace") == 0)
            s->trace = true;
        else if (strcmp(argv[i], "--detach") == 0)
            s->detach = true;
        else if (strcmp(argv[i], "--at") == 0 && left > 0)
            s->at = atol(argv[++i]);
        else if (strcmp(argv[i], "--back") == 0 && left > 0)
            s->back = atol(argv[++i]);
        else if (strcmp(argv[i], "--timeout") == 0 && left > 0)
            s->timeout = atol(argv[++i]);
        else if (strcmp(argv[i], "--report") == 0 && left > 0)
            s->report = argv[++i];
        else if (strcmp(argv[i], "--only") == 0 && left > 0)
            s->only = argv[++i];
        else if (strcmp(argv[i], "--exchange") == 0 && left > 1) {
            s->exchange[0] = argv[++i];
            s->exchange[1] = argv[++i];
        } else if (strcmp(argv[i], "--nsbind") == 0 && left > 1) {
            s->nsbind[0] = argv[++i];
            s->nsbind[1] = argv[++i];
        } else {
            return -1;
        }
    }
    if (i + 1 >= argc || (!s->count && (s->at < 1 || (!s->exchange[0] && !s->nsbind[0]))))
        return -1;
    return i + 1;
}

int main(int argc, char **argv)
{
    static struct session s = {.acted = "no", .timeout = 20};
    struct sigaction sa = {.sa_handler = on_alarm};
    int first = parse(&s, argc, argv);
    struct itimerval limit;
    int status;
    int r;

    if (first < 0)
        return usage("bad arguments");
    sigaction(SIGALRM, &sa, NULL);
    r = start(&s, argv + first);
    if (r != 0)
        return r;
    /* Repeated, because a signal that comes between two waits would be lost. */
    limit = (struct itimerval){.it_value.tv_sec = s.timeout, .it_interval.tv_usec = 200000};
    setitimer(ITIMER_REAL, &limit, NULL);
    status = follow(&s);
    limit = (struct itimerval){0};
    setitimer(ITIMER_REAL, &limit, NULL);
    finish(&s);
    return report(&s, status);
}
