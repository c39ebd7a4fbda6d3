/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Answers seccomp notifications: seccomp-agent SOCKET [--count N] [--close early] [--delay MS] [--deadline S]
 *
 * Prints for every connection the container process state that came with the listener (one line), and one line for
 * every notification. mkdir(2) and mkdirat(2) are done for the caller, in its root, under the name with "-agent"
 * added; every other call is answered with error 71 (EPROTO). --close early: accepts and closes at once.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_LISTENERS 16
#define REFUSED 71

struct agent {
    struct pollfd fds[1 + MAX_LISTENERS]; /* the socket, then listeners */
    unsigned int n;
    long count, delay_ms;
    int close_early;
};

/* Return: the descriptor that came with the message, or -1. */
static int receive(int conn, char *text, size_t size)
{
    char control[CMSG_SPACE(4 * sizeof(int))];
    struct iovec iov = {.iov_base = text, .iov_len = size - 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *c;
    ssize_t n = recvmsg(conn, &msg, MSG_CMSG_CLOEXEC);
    size_t used = 0;
    int fd = -1;

    if (n <= 0)
        return -1;
    c = CMSG_FIRSTHDR(&msg);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
    while (n > 0) {
        used += (size_t) n;
        n = read(conn, text + used, size - 1 - used);
    }
    text[used] = '\0';
    return fd;
}

static void take(struct agent *a)
{
    static char text[1 << 20];
    int conn = accept4(a->fds[0].fd, NULL, NULL, SOCK_CLOEXEC), fd;

    if (conn < 0)
        return;
    if (a->close_early) {
        close(conn);
        return;
    }
    if (a->delay_ms)
        usleep((useconds_t) a->delay_ms * 1000);
    fd = receive(conn, text, sizeof(text));
    close(conn);
    if (fd < 0) {
        puts("no listener");
        return;
    }
    puts(text);
    if (a->n <= MAX_LISTENERS)
        a->fds[a->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static int do_mkdir(const struct seccomp_notif *req, int path_arg)
{
    char name[64], path[512] = {0}, target[600];
    mode_t mode = (mode_t) req->data.args[path_arg + 1];
    struct stat st;
    int fd, r;

    snprintf(name, sizeof(name), "/proc/%u/mem", req->pid);
    fd = open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, path, sizeof(path) - 1, (off_t) req->data.args[path_arg]) <= 0) {
        if (fd >= 0)
            close(fd);
        return -EFAULT;
    }
    close(fd);
    printf("mkdir %s\n", path);
    snprintf(target, sizeof(target), "/proc/%u/root%s-agent", req->pid, path);
    /* As the caller: in a user namespace the host's root has no id there. */
    snprintf(name, sizeof(name), "/proc/%u", req->pid);
    if (stat(name, &st) < 0)
        return -ESRCH;
    setfsgid(st.st_gid);
    setfsuid(st.st_uid);
    r = mkdir(target, mode) < 0 ? -errno : 0;
    setfsuid(0);
    setfsgid(0);
    return r;
}

static void answer(int fd)
{
    struct seccomp_notif req = {0};
    struct seccomp_notif_resp resp = {0};

    if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req) < 0)
        return;
    resp.id = req.id;
    switch (req.data.nr) {
#ifdef SYS_mkdir
    case SYS_mkdir:
        resp.error = do_mkdir(&req, 0);
        break;
#endif
    case SYS_mkdirat:
        resp.error = do_mkdir(&req, 1);
        break;
    default:
        printf("call %d\n", req.data.nr);
        resp.error = -REFUSED;
    }
    (void) ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

int main(int argc, char **argv)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct agent a = {.n = 1, .count = -1};
    unsigned int deadline = 60;
    int sock;

    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--count") == 0)
            a.count = atol(argv[i + 1]);
        else if (strcmp(argv[i], "--delay") == 0)
            a.delay_ms = atol(argv[i + 1]);
        else if (strcmp(argv[i], "--deadline") == 0)
            deadline = (unsigned int) atol(argv[i + 1]);
        else if (strcmp(argv[i], "--close") == 0)
            a.close_early = 1;
    }
    if (argc < 2 || strlen(argv[1]) >= sizeof(addr.sun_path))
        return 2;
    alarm(deadline);
    setvbuf(stdout, NULL, _IOLBF, 0);
    strcpy(addr.sun_path, argv[1]);
    sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || bind(sock, (struct sockaddr *) &addr, sizeof(addr)) < 0 || listen(sock, 4) < 0)
        return 1;
    a.fds[0] = (struct pollfd){.fd = sock, .events = POLLIN};
    for (;;) {
        if (poll(a.fds, a.n, -1) < 0)
            return 1;
        for (unsigned int i = a.n; i-- > 1;) {
            if (a.fds[i].revents & POLLIN) {
                answer(a.fds[i].fd);
            } else if (a.fds[i].revents) { /* nobody has the filter any more */
                close(a.fds[i].fd);
                a.fds[i] = a.fds[--a.n];
                if (a.count > 0 && --a.count == 0)
                    return 0;
            }
        }
        if (a.fds[0].revents)
            take(&a);
    }
}
