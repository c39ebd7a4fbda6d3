/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attempts of testinit: each tries one thing a container may or may not do and prints
 * `NAME=OK` or `NAME=ERRNO`. The exit status is 0 whatever the answer; tests read the line.
 */
#include "testinit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_alg.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <linux/tiocl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* Pushes bytes into the terminal of fd 0, 1, 2 by every spelling of the request number. */
static int probe_tiocsti(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "X";
    static const unsigned long high[] = {0, 1UL << 32, 0xffffffffUL << 32, 1UL << 63};

    for (int fd = 0; fd < 3; fd++) {
        for (size_t h = 0; h < sizeof(high) / sizeof(high[0]); h++) {
            char sub = TIOCL_SETSEL;
            long r = 0;
            char name[64];

            for (const char *p = text; *p && r >= 0; p++)
                r = syscall(SYS_ioctl, fd, TIOCSTI | high[h], p);
            snprintf(name, sizeof(name), "tiocsti fd=%d high=%lx", fd, high[h] >> 32);
            ti_result(name, r);
            r = syscall(SYS_ioctl, fd, TIOCLINUX | high[h], &sub);
            snprintf(name, sizeof(name), "tioclinux fd=%d high=%lx", fd, high[h] >> 32);
            ti_result(name, r);
        }
    }
    /* The caller's terminal can still be the controlling one even when 0-2 are pipes. */
    {
        int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

        ti_result("open-dev-tty", fd);
        if (fd >= 0) {
            ti_result("tiocsti dev-tty", ioctl(fd, TIOCSTI, text));
            close(fd);
        }
    }
    return 0;
}

static int probe_mknod_open(int argc, char **argv)
{
    mode_t type = argc > 1 && argv[1][0] == 'b' ? S_IFBLK : S_IFCHR;
    unsigned maj = (unsigned) ti_number(argc, argv, 2, 1);
    unsigned min = (unsigned) ti_number(argc, argv, 3, 3);
    const char *path = argc > 4 ? argv[4] : "/dev/shm/testinit-node";
    int fd;

    (void) unlink(path);
    if (mknod(path, type | 0666, makedev(maj, min)) != 0)
        return ti_result("mknod", -1);
    ti_result("mknod", 0);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ti_result("open-read", fd);
    if (fd >= 0)
        close(fd);
    fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    ti_result("open-write", fd);
    if (fd >= 0)
        close(fd);
    (void) unlink(path);
    return 0;
}

/* Both ways into a nested user namespace; children do it so that we stay as we are. */
static int probe_unshare_user(int argc, char **argv)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
    waitpid(pid, &status, 0);
    errno = WEXITSTATUS(status);
    ti_result("unshare-user", errno ? -1 : 0);
    {
        struct clone_args ca = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
        long r = syscall(SYS_clone3, &ca, sizeof(ca));

        if (r == 0)
            _exit(0);
        ti_result("clone3-user", r);
        if (r > 0)
            waitpid((pid_t) r, NULL, 0);
    }
    return 0;
}

static int probe_write_file(int argc, char **argv)
{
    int fd;
    long r;

    if (argc < 3)
        return 2;
    fd = open(argv[1], O_WRONLY | O_CREAT | O_CLOEXEC | O_APPEND, 0644);
    if (fd < 0)
        return ti_result("open", -1);
    r = write(fd, argv[2], strlen(argv[2]));
    ti_result("write", r);
    close(fd);
    return 0;
}

/* Writes without creating: for procfs, sysfs and cgroup files. */
static int probe_poke(int argc, char **argv)
{
    int fd;

    if (argc < 3)
        return 2;
    fd = open(argv[1], O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return ti_result("open", -1);
    ti_result("write", write(fd, argv[2], strlen(argv[2])));
    close(fd);
    return 0;
}

static int probe_open(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        int fd = open(argv[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        char name[4200];

        snprintf(name, sizeof(name), "open-read %s", argv[i]);
        ti_result(name, fd);
        if (fd >= 0)
            close(fd);
        fd = open(argv[i], O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        snprintf(name, sizeof(name), "open-write %s", argv[i]);
        ti_result(name, fd);
        if (fd >= 0)
            close(fd);
    }
    return 0;
}

/* Sends fds 3.. (as many as are given) over the unix socket at PATH with the given payload. */
static int probe_sendfds(int argc, char **argv)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char control[CMSG_SPACE(sizeof(int) * 8)] = {0};
    struct iovec iov;
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    int fds[8];
    int n = 0;
    int s;

    if (argc < 4)
        return 2;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
    for (int i = 3; i < argc && n < 8; i++)
        fds[n++] = (int) ti_number(argc, argv, i, 0);
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0 || connect(s, (struct sockaddr *) &addr, sizeof(addr)) != 0)
        return ti_result("connect", -1);
    iov.iov_base = argv[2];
    iov.iov_len = strlen(argv[2]);
    msg.msg_control = control;
    msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t) n);
    CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
    CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
    CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(sizeof(int) * (size_t) n);
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, sizeof(int) * (size_t) n);
    ti_result("sendfds", sendmsg(s, &msg, MSG_NOSIGNAL));
    close(s);
    return 0;
}

/* Sends one datagram to a unix datagram socket, as a service says READY=1. */
static int probe_notify(int argc, char **argv)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    const char *text = argc > 1 ? argv[1] : "READY=1";
    int s;

    if (!path) {
        puts("notify=UNSET");
        return 0;
    }
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ti_result("notify", sendto(s, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *) &addr,
                               sizeof(addr)));
    close(s);
    return 0;
}

static long call_mkdirat(void)
{
    long r = syscall(SYS_mkdirat, AT_FDCWD, "/dev/shm/testinit-dir", 0700);

    if (r == 0)
        (void) rmdir("/dev/shm/testinit-dir");
    return r;
}

static long call_getcwd(void)
{
    char buf[4096];

    return syscall(SYS_getcwd, buf, sizeof(buf));
}

static long call_socket_alg(void)
{
    return syscall(SYS_socket, AF_ALG, SOCK_SEQPACKET, 0);
}

static long call_socket_vsock(void)
{
    return syscall(SYS_socket, AF_VSOCK, SOCK_STREAM, 0);
}

static long call_socket_inet(void)
{
    return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}

static long call_getpid(void)
{
    return syscall(SYS_getpid);
}

static long call_keyctl(void)
{
    return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
}

static long call_unshare_mount(void)
{
    return syscall(SYS_unshare, CLONE_NEWNS);
}

static long call_mount(void)
{
    long r = mount("testinit", "/dev/shm", "tmpfs", 0, NULL);

    if (r == 0)
        (void) umount2("/dev/shm", MNT_DETACH);
    return r;
}

static long call_ptrace(void)
{
    return syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
}

static long call_personality(void)
{
    return syscall(SYS_personality, 0x0020000);
}

static long call_bpf(void)
{
    return syscall(SYS_bpf, 0xffff, NULL, 0);
}

static long call_clone3(void)
{
    return syscall(SYS_clone3, NULL, 0);
}

static long call_open_tree(void)
{
    return syscall(SYS_open_tree, AT_FDCWD, "/", 1);
}

static long call_fsopen(void)
{
    return syscall(SYS_fsopen, "tmpfs", 0);
}

static long call_sethostname(void)
{
    return sethostname("testinit", 8);
}

static long call_setuid0(void)
{
    return setuid(0);
}

static long call_chroot(void)
{
    return chroot("/");
}

static long call_settime(void)
{
    return syscall(SYS_clock_settime, 1, NULL);
}

static long call_kill_init(void)
{
    return kill(1, 0);
}

static const struct {
    const char *name;
    long (*run)(void);
} syscalls[] = {
    {"mkdirat", call_mkdirat},
    {"getcwd", call_getcwd},
    {"socket-alg", call_socket_alg},
    {"socket-vsock", call_socket_vsock},
    {"socket-inet", call_socket_inet},
    {"getpid", call_getpid},
    {"keyctl", call_keyctl},
    {"unshare-mount", call_unshare_mount},
    {"mount", call_mount},
    {"ptrace", call_ptrace},
    {"personality", call_personality},
    {"bpf", call_bpf},
    {"clone3", call_clone3},
    {"open-tree", call_open_tree},
    {"fsopen", call_fsopen},
    {"sethostname", call_sethostname},
    {"setuid0", call_setuid0},
    {"chroot", call_chroot},
    {"clock-settime", call_settime},
    {"kill-init", call_kill_init},
};

/* Each call is made in a child: a filter that kills must not end the whole report. */
static int probe_syscall(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t k = 0;
        size_t n = sizeof(syscalls) / sizeof(syscalls[0]);
        int status = 0;
        pid_t pid;

        while (k < n && strcmp(syscalls[k].name, argv[i]) != 0)
            k++;
        if (k == n) {
            printf("%s=UNKNOWN\n", argv[i]);
            continue;
        }
        fflush(stdout);
        pid = fork();
        if (pid == 0)
            _exit(syscalls[k].run() < 0 ? errno : 0);
        waitpid(pid, &status, 0);
        if (WIFSIGNALED(status))
            printf("%s=SIGNAL%d\n", argv[i], WTERMSIG(status));
        else
            printf("%s=%s\n", argv[i], ti_errno_name(WEXITSTATUS(status)));
    }
    return 0;
}

/* Any call by number with up to six numeric arguments. */
static int probe_syscall_nr(int argc, char **argv)
{
    long a[7];

    for (int i = 0; i < 7; i++)
        a[i] = ti_number(argc, argv, i + 1, 0);
    return ti_result("syscall", syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]));
}

static int probe_kill(int argc, char **argv)
{
    pid_t pid = (pid_t) ti_number(argc, argv, 1, 0);
    int sig = (int) ti_number(argc, argv, 2, 0);

    return ti_result("kill", pid == 0 ? -1 : kill(pid, sig));
}

static int probe_tmpmount(int argc, char **argv)
{
    long r = mount("testinit", argc > 1 ? argv[1] : "/mnt", "tmpfs", 0, NULL);

    return ti_result("mount", r);
}

const struct ti_command ti_probe_commands[] = {
    {"tiocsti", "[TEXT]", probe_tiocsti},
    {"mknod-open", "c|b MAJOR MINOR [PATH]", probe_mknod_open},
    {"unshare-user", "", probe_unshare_user},
    {"write-file", "PATH TEXT", probe_write_file},
    {"poke", "PATH TEXT", probe_poke},
    {"open", "PATH...", probe_open},
    {"sendfds", "SOCKET TEXT FD...", probe_sendfds},
    {"notify", "[TEXT]", probe_notify},
    {"syscall", "NAME...", probe_syscall},
    {"syscall-nr", "NR [ARG...]", probe_syscall_nr},
    {"kill", "PID SIG", probe_kill},
    {"tmpmount", "DIR", probe_tmpmount},
    {0},
};
