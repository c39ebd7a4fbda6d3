/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hostile first process again, this time against those who enter: every process that it did not start is
 * looked at as soon as its number appears, and everything is tried on it that the kernel might allow.
 *
 * Output: `got privilege ...` for a process with a capability that the container does not have, or without the
 * no_new_privs that it has; `got KIND ...` for every handle on a process that still runs another image than the
 * root file system's. At the end `seen=N strangers=M`: numbers, and those of them met before they were one of ours.
 */
#include "testinit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static dev_t root_dev;
static unsigned long long own_bounding;
static int own_no_new_privs;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static unsigned long long field(const char *status, const char *name, int base)
{
    const char *p = strstr(status, name);

    return p ? strtoull(p + strlen(name), NULL, base) : 0;
}

static bool read_status(const char *pid, char *buf, size_t size)
{
    char path[288];
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    n = read(fd, buf, size - 1);
    close(fd);
    buf[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* Does it run a program of the root file system, or has it ended? What cannot be looked at does not. */
static bool is_ours(const char *pid)
{
    char path[288];
    struct stat st;

    snprintf(path, sizeof(path), "/proc/%s/exe", pid);
    return stat(path, &st) == 0 ? st.st_dev == root_dev : errno == ENOENT || errno == ESRCH;
}

static void look_at_status(const char *pid)
{
    static const char *const sets[] = {"\nCapPrm:", "\nCapEff:", "\nCapBnd:", "\nCapInh:", "\nCapAmb:"};
    char status[4096];

    if (!read_status(pid, status, sizeof(status)))
        return;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
        if (field(status, sets[i], 16) & ~own_bounding)
            printf("got privilege pid=%s %s%llx\n", pid, sets[i] + 1, field(status, sets[i], 16));
    if (own_no_new_privs && !field(status, "\nNoNewPrivs:", 10))
        printf("got privilege pid=%s without no_new_privs\n", pid);
}

/* A file of another file system whose content can be reached through the handle. */
static void try_exe(const char *pid)
{
    struct statfs fs = {0};
    struct stat st;
    char path[288];
    int fd, w;

    snprintf(path, sizeof(path), "/proc/%s/exe", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_dev != root_dev) {
        (void) fstatfs(fd, &fs);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        w = open(path, O_WRONLY | O_CLOEXEC);
        printf("got exe pid=%s fs=%lx ino=%llu writable=%s\n", pid, (unsigned long) fs.f_type,
               (unsigned long long) st.st_ino, w >= 0 && pwrite(w, "\x7f", 1, 0) == 1 ? "yes" : "no");
        if (w >= 0)
            close(w);
    }
    close(fd);
}

static void try_files(const char *pid)
{
    static const struct {
        const char *name;
        int flags;
    } files[] = {{"root", O_PATH}, {"cwd", O_PATH}, {"environ", O_RDONLY}, {"mem", O_RDWR}, {"maps", O_RDONLY}};
    char path[288];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char byte;
        int fd;

        snprintf(path, sizeof(path), "/proc/%s/%s", pid, files[i].name);
        fd = open(path, files[i].flags | O_CLOEXEC);
        if (fd < 0)
            continue;
        if ((files[i].flags == O_RDONLY ? read(fd, &byte, 1) == 1 : true) && !is_ours(pid))
            printf("got %s pid=%s\n", files[i].name, pid);
        close(fd);
    }
}

static void try_fds(const char *pid)
{
    int pidfd = (int) syscall(SYS_pidfd_open, atoi(pid), 0);

    for (int n = 3; n < 32; n++) {
        char path[288], text[256];
        ssize_t len;
        int fd;

        snprintf(path, sizeof(path), "/proc/%s/fd/%d", pid, n);
        len = readlink(path, text, sizeof(text) - 1);
        if (len > 0) {
            text[len] = '\0';
            printf("got fd pid=%s %d ", pid, n);
            ti_print_quoted(text);
            putchar('\n');
        }
        fd = pidfd >= 0 ? (int) syscall(SYS_pidfd_getfd, pidfd, n, 0) : -1;
        if (fd >= 0) {
            printf("got getfd pid=%s %d\n", pid, n);
            close(fd);
        }
    }
    if (pidfd >= 0)
        close(pidfd);
}

static void try_ptrace(const char *pid)
{
    if (ptrace(PTRACE_SEIZE, atoi(pid), 0, 0) < 0)
        return;
    if (!is_ours(pid))
        printf("got ptrace pid=%s\n", pid);
    (void) ptrace(PTRACE_INTERRUPT, atoi(pid), 0, 0);
    (void) waitpid(atoi(pid), NULL, __WALL);
    (void) ptrace(PTRACE_DETACH, atoi(pid), 0, 0);
}

/* enter-watch SECONDS */
static int watch(int argc, char **argv)
{
    double end = now() + (double) ti_number(argc, argv, 1, 3);
    int self = getpid(), seen = 0, strangers = 0, last = 0;
    char status[4096];
    struct stat st;

    if (stat("/", &st) < 0 || !read_status("self", status, sizeof(status)))
        return 1;
    root_dev = st.st_dev;
    own_bounding = field(status, "\nCapBnd:", 16);
    own_no_new_privs = (int) field(status, "\nNoNewPrivs:", 10);
    puts("watching");
    fflush(stdout);
    while (now() < end) {
        DIR *d = opendir("/proc");
        struct dirent *e;

        while (d && (e = readdir(d))) {
            int pid = atoi(e->d_name);

            if (pid <= 0 || pid == self)
                continue;
            look_at_status(e->d_name);
            if (pid != last) {
                last = pid;
                seen++;
                strangers += !is_ours(e->d_name);
            }
            try_exe(e->d_name);
            try_files(e->d_name);
            try_fds(e->d_name);
            try_ptrace(e->d_name);
        }
        if (d)
            closedir(d);
        (void) waitpid(-1, NULL, WNOHANG | __WALL);
    }
    printf("seen=%d strangers=%d\n", seen, strangers);
    return 0;
}

const struct ti_command ti_enter_commands[] = {
    {"enter-watch", "SECONDS", watch},
    {0},
};
