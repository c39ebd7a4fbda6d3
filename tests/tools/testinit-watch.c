/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hostile first process: watches /proc of its pid namespace for processes it did not start and
 * tries to take what they hold. It runs inside a container whose pid namespace other containers
 * (or exec'd processes) join.
 *
 * Output, at the end: one line per kind of success, `got KIND pid=P detail`. A test passes when no
 * line names an object outside the root filesystem.
 */
#include "testinit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define MAX_HELD 64

struct held {
    int fd;
    int pid;
    dev_t dev;
    ino_t ino;
};

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* Keeps one read handle per distinct executable other than our own. */
static int take_exe(int pid, dev_t own_dev, ino_t own_ino, struct held *held, int n)
{
    char path[64];
    struct stat st;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/exe", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return n;
    if (fstat(fd, &st) != 0 || (st.st_dev == own_dev && st.st_ino == own_ino) || n == MAX_HELD) {
        close(fd);
        return n;
    }
    for (int i = 0; i < n; i++) {
        if (held[i].dev == st.st_dev && held[i].ino == st.st_ino) {
            close(fd);
            return n;
        }
    }
    held[n] = (struct held){fd, pid, st.st_dev, st.st_ino};
    return n + 1;
}

enum outcome { DENIED, OPENED, WRITTEN };

/*
 * Opens for writing by /proc/self/fd, if need be after trying to lift a read-only mount, and writes
 * the first byte over itself: a sealed file can be opened for writing but not written.
 */
static enum outcome try_write(int fd)
{
    struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
    enum outcome outcome = OPENED;
    char path[64];
    char byte;
    int w;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    w = open(path, O_WRONLY | O_CLOEXEC);
    if (w < 0 && syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
        w = open(path, O_WRONLY | O_CLOEXEC);
    if (w < 0)
        return DENIED;
    if (pread(fd, &byte, 1, 0) == 1 && pwrite(w, &byte, 1, 0) == 1)
        outcome = WRITTEN;
    close(w);
    return outcome;
}

static void try_handles(int pid)
{
    static const char *const files[] = {"root", "cwd", "environ", "mem"};
    char path[96];
    DIR *d;
    struct dirent *e;

    for (size_t i = 0; i < 4; i++) {
        int fd;
        char byte;

        snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
        fd = open(path, (i < 2 ? O_PATH : i == 3 ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        if (fd < 0)
            continue;
        if (i < 2 || (i == 2 && read(fd, &byte, 1) == 1) || i == 3)
            printf("got %s pid=%d\n", files[i], pid);
        close(fd);
    }
    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    d = opendir(path);
    if (!d)
        return;
    while ((e = readdir(d))) {
        char text[256];
        ssize_t len;

        if (e->d_name[0] == '.')
            continue;
        len = readlinkat(dirfd(d), e->d_name, text, sizeof(text) - 1);
        if (len > 0 && text[0] == '/') {
            text[len] = '\0';
            printf("got fd pid=%d %s ", pid, e->d_name);
            ti_print_quoted(text);
            putchar('\n');
        }
    }
    closedir(d);
}

/* exe-watch SECONDS [handles]: `handles` also tries root, cwd, environ, mem and fds. */
static int watch_exe(int argc, char **argv)
{
    double end = now() + (double) ti_number(argc, argv, 1, 3);
    bool handles = argc > 2;
    struct held held[MAX_HELD];
    struct stat own = {0};
    int self = getpid();
    int n = 0;
    int seen = 0;
    int last = 0;

    (void) stat("/proc/self/exe", &own);
    puts("watching");
    fflush(stdout);
    while (now() < end) {
        DIR *d = opendir("/proc");
        struct dirent *e;

        if (!d)
            return 1;
        while ((e = readdir(d))) {
            int pid = atoi(e->d_name);

            if (pid <= 0 || pid == self)
                continue;
            if (pid != last) {
                last = pid;
                seen++;
            }
            n = take_exe(pid, own.st_dev, own.st_ino, held, n);
            if (handles)
                try_handles(pid);
        }
        closedir(d);
    }
    printf("seen=%d\n", seen);
    for (int i = 0; i < n; i++) {
        struct statfs fs = {0};
        enum outcome outcome = DENIED;
        double until = now() + 0.3;

        (void) fstatfs(held[i].fd, &fs);
        /* The image may be busy (ETXTBSY) for a moment after its process ended. */
        while (outcome == DENIED && now() < until)
            outcome = try_write(held[i].fd);
        printf("got exe pid=%d dev=%u:%u ino=%llu fs=%lx writable=%s\n", held[i].pid,
               major(held[i].dev), minor(held[i].dev), (unsigned long long) held[i].ino,
               (unsigned long) fs.f_type,
               outcome == WRITTEN  ? "yes"
               : outcome == OPENED ? "open"
                                   : "no");
    }
    return 0;
}

const struct ti_command ti_watch_commands[] = {
    {"exe-watch", "SECONDS [handles]", watch_exe},
    {0},
};
