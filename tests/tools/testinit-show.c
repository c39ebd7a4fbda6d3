/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reports of testinit: what the process and the container look like from inside. Nothing here
 * changes anything. One fact a line, `key value` or `key=value`, in a fixed order.
 */
#include "testinit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

/* Prints the lines of /proc/self/status that start with one of the names. */
static int status_lines(const char *const *names)
{
    char line[4096];
    FILE *f = fopen("/proc/self/status", "re");

    if (!f) {
        printf("/proc/self/status: %s\n", ti_errno_name(errno));
        return 1;
    }
    while (fgets(line, sizeof(line), f)) {
        for (const char *const *n = names; *n; n++) {
            size_t len = strlen(*n);

            if (strncmp(line, *n, len) == 0 && line[len] == ':')
                fputs(line, stdout);
        }
    }
    fclose(f);
    return 0;
}

static int show_caps(int argc, char **argv)
{
    static const char *const names[] = {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", NULL};

    return status_lines(names);
}

static int show_status(int argc, char **argv)
{
    static const char *const names[] = {"NoNewPrivs", "Seccomp", "Seccomp_filters", "Umask",
                                        "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt",
                                        "Speculation_Store_Bypass", "THP_enabled", NULL};

    return status_lines(names);
}

static int show_ids(int argc, char **argv)
{
    static const char *const names[] = {"Uid", "Gid", NULL};
    uid_t r, e, s;
    gid_t groups[4096];
    int n;

    if (getresuid(&r, &e, &s) == 0)
        printf("uid ruid=%u euid=%u suid=%u\n", r, e, s);
    if (getresgid(&r, &e, &s) == 0)
        printf("gid rgid=%u egid=%u sgid=%u\n", r, e, s);
    n = getgroups(4096, groups);
    printf("groups");
    for (int i = 0; i < n; i++)
        printf(" %u", groups[i]);
    putchar('\n');
    return status_lines(names);
}

static int show_fds(int argc, char **argv)
{
    DIR *d = opendir("/proc/self/fd");
    struct dirent *e;
    int found[4096];
    int n = 0;

    if (!d) {
        printf("/proc/self/fd: %s\n", ti_errno_name(errno));
        return 1;
    }
    while ((e = readdir(d)) && n < 4096) {
        int fd = atoi(e->d_name);

        if (e->d_name[0] != '.' && fd != dirfd(d))
            found[n++] = fd;
    }
    for (int i = 0; i < n; i++) {
        char path[64], text[4096];
        ssize_t len;
        struct stat st;

        snprintf(path, sizeof(path), "/proc/self/fd/%d", found[i]);
        len = readlink(path, text, sizeof(text) - 1);
        text[len < 0 ? 0 : len] = '\0';
        printf("fd %d flags=%o type=%o ", found[i], (unsigned) fcntl(found[i], F_GETFL),
               fstat(found[i], &st) == 0 ? st.st_mode & S_IFMT : 0);
        ti_print_quoted(text);
        putchar('\n');
    }
    closedir(d);
    return 0;
}

static int show_rlimits(int argc, char **argv)
{
    static const char *const names[] = {
        "RLIMIT_CPU",     "RLIMIT_FSIZE",  "RLIMIT_DATA",       "RLIMIT_STACK",
        "RLIMIT_CORE",    "RLIMIT_RSS",    "RLIMIT_NPROC",      "RLIMIT_NOFILE",
        "RLIMIT_MEMLOCK", "RLIMIT_AS",     "RLIMIT_LOCKS",      "RLIMIT_SIGPENDING",
        "RLIMIT_MSGQUEUE", "RLIMIT_NICE",  "RLIMIT_RTPRIO",     "RLIMIT_RTTIME"};

    for (int i = 0; i < 16; i++) {
        struct rlimit l;

        if (getrlimit((__rlimit_resource_t) i, &l) != 0)
            continue;
        printf("%s soft=", names[i]);
        if (l.rlim_cur == RLIM_INFINITY)
            printf("unlimited hard=");
        else
            printf("%llu hard=", (unsigned long long) l.rlim_cur);
        if (l.rlim_max == RLIM_INFINITY)
            puts("unlimited");
        else
            printf("%llu\n", (unsigned long long) l.rlim_max);
    }
    return 0;
}

static int show_mountinfo(int argc, char **argv)
{
    return ti_cat("/proc/self/mountinfo");
}

static int show_cgroup(int argc, char **argv)
{
    return ti_cat("/proc/self/cgroup");
}

static int show_oom(int argc, char **argv)
{
    return ti_cat("/proc/self/oom_score_adj");
}

static int show_cat(int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc; i++)
        status |= ti_cat(argv[i]);
    return status;
}

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "dir";
    case S_IFLNK:
        return "link";
    case S_IFCHR:
        return "char";
    case S_IFBLK:
        return "block";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    default:
        return "?";
    }
}

static int show_statpath(int argc, char **argv)
{
    int status = 0;

    for (int i = 1; i < argc; i++) {
        struct stat st;

        if (lstat(argv[i], &st) != 0) {
            printf("%s error=%s\n", argv[i], ti_errno_name(errno));
            status = 1;
            continue;
        }
        printf("%s type=%s mode=%04o uid=%u gid=%u rdev=%u:%u size=%llu", argv[i],
               type_name(st.st_mode), st.st_mode & 07777, st.st_uid, st.st_gid,
               major(st.st_rdev), minor(st.st_rdev), (unsigned long long) st.st_size);
        if (S_ISLNK(st.st_mode)) {
            char text[4096];
            ssize_t len = readlink(argv[i], text, sizeof(text) - 1);

            text[len < 0 ? 0 : len] = '\0';
            printf(" target=");
            ti_print_quoted(text);
        }
        putchar('\n');
    }
    return status;
}

static int show_tty(int argc, char **argv)
{
    for (int fd = 0; fd < 3; fd++) {
        struct winsize w = {0};
        struct stat st = {0};
        char name[256] = "";
        int session = -1;

        if (!isatty(fd)) {
            printf("tty fd=%d no\n", fd);
            continue;
        }
        (void) ttyname_r(fd, name, sizeof(name));
        (void) ioctl(fd, TIOCGWINSZ, &w);
        (void) fstat(fd, &st);
        (void) ioctl(fd, TIOCGSID, &session);
        printf("tty fd=%d name=%s rows=%u cols=%u rdev=%u:%u controlling=%s\n", fd, name,
               w.ws_row, w.ws_col, major(st.st_rdev), minor(st.st_rdev),
               session == getsid(0) ? "yes" : "no");
    }
    printf("session-leader=%s sid=%d pgrp=%d pid=%d\n", getsid(0) == getpid() ? "yes" : "no",
           getsid(0), getpgrp(), getpid());
    return 0;
}

/* The kernel's struct; libc headers name it differently from version to version. */
struct ti_sched_attr {
    unsigned size, policy;
    unsigned long long flags;
    int nice;
    unsigned priority;
    unsigned long long runtime, deadline, period;
    unsigned util_min, util_max;
};

static int show_sched(int argc, char **argv)
{
    struct ti_sched_attr a = {.size = sizeof(a)};
    cpu_set_t set;

    if (syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) == 0)
        printf("sched policy=%u flags=%llu nice=%d priority=%u runtime=%llu deadline=%llu "
               "period=%llu\n",
               a.policy, a.flags, a.nice, a.priority, a.runtime, a.deadline, a.period);
    if (sched_getaffinity(0, sizeof(set), &set) == 0) {
        printf("affinity");
        for (int i = 0; i < CPU_SETSIZE; i++) {
            if (CPU_ISSET(i, &set))
                printf(" %d", i);
        }
        putchar('\n');
    }
    return 0;
}

static int show_ioprio(int argc, char **argv)
{
    long v = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);

    if (v < 0)
        return ti_result("ioprio", v);
    printf("ioprio class=%ld data=%ld\n", (long) IOPRIO_PRIO_CLASS(v), (long) IOPRIO_PRIO_DATA(v));
    return 0;
}

static int show_personality(int argc, char **argv)
{
    struct utsname u;

    printf("personality=0x%x\n", (unsigned) personality(0xffffffff));
    if (uname(&u) == 0)
        printf("machine=%s\n", u.machine);
    return 0;
}

static int show_uts(int argc, char **argv)
{
    struct utsname u;

    if (uname(&u) != 0)
        return 1;
    printf("hostname=%s\ndomainname=%s\n", u.nodename, u.domainname);
    return 0;
}

static int show_mempolicy(int argc, char **argv)
{
    unsigned long nodes[16] = {0};
    int mode = 0;
    long r = syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, NULL, 0);

    if (r < 0)
        return ti_result("mempolicy", r);
    printf("mempolicy mode=%d flags=0x%x nodes=0x%lx\n", mode & ~MPOL_MODE_FLAGS,
           (unsigned) mode & MPOL_MODE_FLAGS, nodes[0]);
    return 0;
}

static int show_getenv(int argc, char **argv)
{
    if (argc == 1) {
        for (char **e = environ; *e; e++) {
            ti_print_quoted(*e);
            putchar('\n');
        }
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        const char *v = getenv(argv[i]);

        printf("%s=", argv[i]);
        if (v)
            ti_print_quoted(v);
        else
            printf("(unset)");
        putchar('\n');
    }
    return 0;
}

static int show_nsids(int argc, char **argv)
{
    static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user",
                                        "uts", NULL};

    for (const char *const *n = names; *n; n++) {
        char path[64], text[128];
        ssize_t len;

        snprintf(path, sizeof(path), "/proc/self/ns/%s", *n);
        len = readlink(path, text, sizeof(text) - 1);
        text[len < 0 ? 0 : len] = '\0';
        printf("%s %s\n", *n, len < 0 ? ti_errno_name(errno) : text);
    }
    (void) ti_cat("/proc/self/uid_map");
    (void) ti_cat("/proc/self/gid_map");
    return ti_cat("/proc/self/setgroups");
}

/* `keyring` describes the session keyring; `keyring TYPE NAME` looks for a key in all of ours. */
static int show_keyring(int argc, char **argv)
{
    char text[512] = "";
    long r;

    if (argc == 3) {
        static const long rings[] = {KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING,
                                     KEY_SPEC_USER_SESSION_KEYRING};
        static const char *const names[] = {"session", "user", "user-session"};

        for (int i = 0; i < 3; i++) {
            r = syscall(SYS_keyctl, KEYCTL_SEARCH, rings[i], argv[1], argv[2], 0);
            printf("%s=%s\n", names[i], r < 0 ? ti_errno_name(errno) : "FOUND");
        }
        return 0;
    }
    r = syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof(text) - 1, 0);
    if (r < 0)
        return ti_result("keyring", r);
    printf("keyring=%s\n", text);
    return 0;
}

static int show_args(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        printf("arg %d ", i);
        ti_print_quoted(argv[i]);
        putchar('\n');
    }
    return 0;
}

static int show_cwd(int argc, char **argv)
{
    char buf[8192];
    /* The raw call, because libc hides the `(unreachable)` prefix behind an error. */
    long r = syscall(SYS_getcwd, buf, sizeof(buf));

    if (r < 0)
        return ti_result("cwd", r);
    printf("cwd=");
    ti_print_quoted(buf);
    putchar('\n');
    return 0;
}

/* Names in a directory, sorted by nothing but their own order of listing: one a line, quoted. */
static int show_ls(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        struct dirent *e;

        if (!d) {
            printf("%s: %s\n", argv[i], ti_errno_name(errno));
            continue;
        }
        while ((e = readdir(d))) {
            if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
                continue;
            ti_print_quoted(e->d_name);
            putchar('\n');
        }
        closedir(d);
    }
    return 0;
}

const struct ti_command ti_show_commands[] = {
    {"caps", "", show_caps},
    {"ids", "", show_ids},
    {"fds", "", show_fds},
    {"rlimits", "", show_rlimits},
    {"status", "", show_status},
    {"mountinfo", "", show_mountinfo},
    {"statpath", "PATH...", show_statpath},
    {"tty", "", show_tty},
    {"sched", "", show_sched},
    {"ioprio", "", show_ioprio},
    {"personality", "", show_personality},
    {"uts", "", show_uts},
    {"mempolicy", "", show_mempolicy},
    {"getenv", "[NAME...]", show_getenv},
    {"nsids", "", show_nsids},
    {"keyring", "[TYPE NAME]", show_keyring},
    {"oom", "", show_oom},
    {"cgroup", "", show_cgroup},
    {"args", "ARG...", show_args},
    {"cwd", "", show_cwd},
    {"ls", "DIR...", show_ls},
    {"cat", "FILE...", show_cat},
    {0},
};
