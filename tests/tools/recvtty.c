/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * recvtty: the caller's end of --console-socket for tests. Runs on the host.
 *
 *   recvtty [-s TEXT] [-t SECONDS] [-w ROWSxCOLS] [-n] SOCKET
 *
 * Listens on SOCKET, accepts one connection, takes one pseudo terminal master by SCM_RIGHTS and
 * copies what the terminal prints to standard output until it is closed or the time is over.
 * It is strict about the protocol: exactly one message, exactly one descriptor, a payload of 1 to
 * 4095 bytes, a descriptor that is a terminal master, and nothing after it.
 *
 *   -s TEXT     types TEXT (C escapes \n, \r, \t, \xHH) into the terminal after it came
 *   -w RxC      sets the window size first
 *   -n          only receives, prints the report and ends
 *   -t SECONDS  limit for everything (default 10)
 *
 * Standard error gets `payload=...`, `fd=...`; exit 0 fine, 1 protocol violation, 2 usage,
 * 3 system error, 4 nothing came in time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct options {
    const char *socket;
    const char *text;
    int rows, cols;
    bool only_receive;
    long deadline_ms;
};

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fail(int status, const char *what)
{
    fprintf(stderr, "recvtty: %s%s%s\n", what, status == 3 ? ": " : "",
            status == 3 ? strerror(errno) : "");
    return status;
}

/* Waits for fd; false when the time is over. */
static bool wait_in(int fd, long deadline_ms)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        long left = deadline_ms - now_ms();
        int r;

        if (left <= 0)
            return false;
        r = poll(&p, 1, (int) left);
        if (r > 0)
            return true;
        if (r == 0 || errno != EINTR)
            return false;
    }
}

/* Types text with its escapes resolved. */
static void type_text(int fd, const char *text)
{
    for (const char *p = text; *p; p++) {
        char c = *p;

        if (c == '\\' && p[1]) {
            p++;
            c = *p == 'n' ? '\n' : *p == 'r' ? '\r' : *p == 't' ? '\t' : *p;
            if (*p == 'x' && p[1] && p[2]) {
                const char hex[3] = {p[1], p[2], '\0'};

                c = (char) strtol(hex, NULL, 16);
                p += 2;
            }
        }
        if (write(fd, &c, 1) != 1)
            return;
    }
}

/* Takes the one message; returns an exit status and the master in *ret_fd. */
static int receive(int conn, long deadline_ms, int *ret_fd)
{
    char payload[8192];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * 16)];
    } control;
    struct iovec iov = {payload, sizeof(payload) - 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *c;
    size_t n_fds = 0;
    int fds[16];
    ssize_t n;

    if (!wait_in(conn, deadline_ms))
        return fail(4, "no message came");
    n = recvmsg(conn, &msg, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return fail(3, "recvmsg");
    for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
        size_t k = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || n_fds + k > 16)
            return fail(1, "unexpected control message");
        memcpy(fds + n_fds, CMSG_DATA(c), k * sizeof(int));
        n_fds += k;
    }
    if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        return fail(1, "the message is truncated");
    if (n == 0)
        return fail(1, "the peer closed without a message");
    payload[n] = '\0';
    fprintf(stderr, "payload=%s\npayload-length=%zd\nfds=%zu\n", payload, n, n_fds);
    if (n > 4095)
        return fail(1, "the payload is longer than 4095 bytes");
    if (n_fds != 1)
        return fail(1, "not exactly one descriptor");
    *ret_fd = fds[0];
    return 0;
}

/* The peer must close without sending more. */
static int expect_end(int conn, long deadline_ms)
{
    char byte;
    ssize_t n;

    if (!wait_in(conn, deadline_ms))
        return fail(1, "the peer keeps the connection open");
    n = recv(conn, &byte, 1, 0);
    if (n > 0)
        return fail(1, "a second message came");
    return 0;
}

static int relay(int master, const struct options *o)
{
    char buf[4096];

    while (wait_in(master, o->deadline_ms)) {
        ssize_t n = read(master, buf, sizeof(buf));

        /* EIO is how a master reports that the last peer was closed. */
        if (n <= 0)
            return n == 0 || errno == EIO ? 0 : fail(3, "read");
        if (fwrite(buf, 1, (size_t) n, stdout) != (size_t) n)
            return fail(3, "write");
        fflush(stdout);
    }
    return fail(4, "the terminal was not closed in time");
}

static int serve(int listener, const struct options *o)
{
    unsigned number = 0;
    int master = -1;
    int conn;
    int r;

    if (!wait_in(listener, o->deadline_ms))
        return fail(4, "nobody connected");
    conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (conn < 0)
        return fail(3, "accept");
    r = receive(conn, o->deadline_ms, &master);
    if (r != 0)
        return r;
    if (ioctl(master, TIOCGPTN, &number) != 0)
        return fail(1, "the descriptor is not a terminal master");
    fprintf(stderr, "pts=%u\n", number);
    if (o->rows > 0) {
        struct winsize w = {.ws_row = (unsigned short) o->rows, .ws_col = (unsigned short) o->cols};

        (void) ioctl(master, TIOCSWINSZ, &w);
    }
    if (o->text)
        type_text(master, o->text);
    if (!o->only_receive) {
        r = relay(master, o);
        if (r != 0)
            return r;
    }
    return expect_end(conn, o->deadline_ms);
}

int main(int argc, char **argv)
{
    struct options o = {.deadline_ms = now_ms() + 10000};
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int listener;
    int opt;
    int r;

    while ((opt = getopt(argc, argv, "s:t:w:n")) != -1) {
        switch (opt) {
        case 's':
            o.text = optarg;
            break;
        case 't':
            o.deadline_ms = now_ms() + atol(optarg) * 1000;
            break;
        case 'w':
            if (sscanf(optarg, "%dx%d", &o.rows, &o.cols) != 2)
                return fail(2, "-w wants ROWSxCOLS");
            break;
        case 'n':
            o.only_receive = true;
            break;
        default:
            return 2;
        }
    }
    if (optind + 1 != argc)
        return fail(2, "usage: recvtty [-s TEXT] [-t SECONDS] [-w RxC] [-n] SOCKET");
    o.socket = argv[optind];
    if (strlen(o.socket) >= sizeof(addr.sun_path))
        return fail(2, "the socket path is too long");
    strcpy(addr.sun_path, o.socket);

    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0)
        return fail(3, "socket");
    (void) unlink(o.socket);
    if (bind(listener, (struct sockaddr *) &addr, sizeof(addr)) != 0 || listen(listener, 1) != 0)
        return fail(3, "bind");
    r = serve(listener, &o);
    (void) unlink(o.socket);
    return r;
}
