/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The payload of tests/bench/userns: repeats one kernel operation as often as it is told to and
 * says how long that took. It stays in its container for the whole run, so that neither the start
 * of a process nor a cold cache is in a figure. No library; runs inside the container.
 *
 *   micro DIRECTORY          answers `CASE COUNT` lines on standard input with nanoseconds
 *
 * DIRECTORY holds the tree a/b/c/file. Standard output says `ready` first.
 */
#include "floor-sys.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define CHUNK 32768
#define PATH_ROOM 256
#define ERRNO_AGAIN (-11)

struct micro {
    char deep[PATH_ROOM];
    char fresh[PATH_ROOM];
    struct sockaddr_in address;
    long listener, near, far; /* both ends of one connection over loopback; -1: not yet */
};

static void die(long r, const char *step)
{
    need(r < 0 ? r : -22, step);
}

static uint64_t now_ns(void)
{
    struct {
        int64_t sec, nsec;
    } t = {0, 0};

    sys(SYS_clock_gettime, 1 /* CLOCK_MONOTONIC */, &t);
    return (uint64_t) t.sec * 1000000000u + (uint64_t) t.nsec;
}

static void op_syscall(struct micro *m)
{
    (void) m;
    sys(SYS_getppid);
}

static void op_fork(struct micro *m)
{
    struct clone_args args = {.exit_signal = SIGCHLD};
    long pid = sys(SYS_clone3, &args, sizeof(args));

    (void) m;
    if (pid == 0)
        sys(SYS_exit_group, 0);
    need(pid, "clone3");
    need(sys(SYS_wait4, pid, 0, 0, 0), "wait4");
}

static void op_stat(struct micro *m)
{
    struct stat st;

    need(sys(SYS_newfstatat, AT_FDCWD, m->deep, &st, 0), "stat");
}

static void op_open(struct micro *m)
{
    long fd = sys(SYS_openat, AT_FDCWD, m->deep, O_RDONLY | O_CLOEXEC);

    need(fd, "open");
    sys(SYS_close, fd);
}

static void op_create(struct micro *m)
{
    long fd = sys(SYS_openat, AT_FDCWD, m->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

    need(fd, "create");
    need(sys(SYS_write, fd, "x", 1), "write");
    sys(SYS_close, fd);
    need(sys(SYS_unlinkat, AT_FDCWD, m->fresh, 0), "unlink");
}

/* There and back, so that each call changes something. */
static void op_chown(struct micro *m)
{
    need(sys(SYS_fchownat, AT_FDCWD, m->deep, 1, 1, 0), "chown");
    need(sys(SYS_fchownat, AT_FDCWD, m->deep, 0, 0, 0), "chown");
}

static void listen_once(struct micro *m)
{
    uint32_t size = sizeof(m->address);

    if (m->listener >= 0)
        return;
    m->listener = sys(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(m->listener, "socket");
    m->address.sin_family = AF_INET;
    m->address.sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK);
    need(sys(SYS_bind, m->listener, &m->address, sizeof(m->address)), "bind");
    need(sys(SYS_listen, m->listener, 16), "listen");
    need(sys(SYS_getsockname, m->listener, &m->address, &size), "getsockname");
}

static void connect_pair(struct micro *m, long *near, long *far)
{
    const int on = 1;

    *near = sys(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(*near, "socket");
    need(sys(SYS_connect, *near, &m->address, sizeof(m->address)), "connect");
    *far = sys(SYS_accept4, m->listener, 0, 0, SOCK_CLOEXEC);
    need(*far, "accept");
    need(sys(SYS_setsockopt, *near, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on)), "nodelay");
    need(sys(SYS_setsockopt, *far, IPPROTO_TCP, 1, &on, sizeof(on)), "nodelay");
}

static void op_connect(struct micro *m)
{
    static const struct linger at_once = {1, 0};
    long near, far;

    listen_once(m);
    connect_pair(m, &near, &far);
    /* A reset leaves no port in TIME_WAIT: there are fewer of them than rounds. */
    need(sys(SYS_setsockopt, near, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), "linger");
    sys(SYS_close, near);
    sys(SYS_close, far);
}

static void connection_once(struct micro *m)
{
    listen_once(m);
    if (m->near < 0)
        connect_pair(m, &m->near, &m->far);
}

/* Both ends are this process: the price of the way, without that of a switch between processes. */
static void op_ping(struct micro *m)
{
    char byte = 'p';

    connection_once(m);
    need(sys(SYS_write, m->near, &byte, 1), "write");
    need(sys(SYS_read, m->far, &byte, 1), "read");
    need(sys(SYS_write, m->far, &byte, 1), "write");
    need(sys(SYS_read, m->near, &byte, 1), "read");
}

static void op_stream(struct micro *m)
{
    static char out[CHUNK], in[CHUNK];
    long sent = 0, got = 0;

    connection_once(m);
    while (got < CHUNK) {
        long r = 0;

        if (sent < CHUNK)
            r = sys(SYS_sendto, m->near, out + sent, CHUNK - sent, MSG_DONTWAIT, 0);
        if (r < 0 && r != ERRNO_AGAIN)
            die(r, "send");
        if (r > 0)
            sent += r;
        r = sys(SYS_recvfrom, m->far, in, CHUNK - got, MSG_DONTWAIT, 0);
        if (r < 0 && r != ERRNO_AGAIN)
            die(r, "receive");
        if (r > 0)
            got += r;
    }
}

static void answer(struct micro *m, const char *request)
{
    static const struct {
        char name[12];
        void (*op)(struct micro *);
    } ops[] = {
        {"syscall", op_syscall}, {"fork", op_fork},     {"stat", op_stat},
        {"open", op_open},       {"create", op_create}, {"chown", op_chown},
        {"connect", op_connect}, {"ping", op_ping},     {"stream", op_stream},
    };
    char name[12];
    char text[32];
    size_t n = 0;

    while (request[n] > ' ' && n + 1 < sizeof(name)) {
        name[n] = request[n];
        n++;
    }
    name[n] = '\0';
    if (request[n] != ' ')
        die(-22, "bad request");
    request += n + 1;
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        uint64_t count, begin;

        if (!text_equal(ops[i].name, name))
            continue;
        count = get_number(&request);
        ops[i].op(m); /* what happens at the first time only is not measured */
        begin = now_ns();
        for (uint64_t k = 0; k < count; k++)
            ops[i].op(m);
        n = (size_t) (put_number(text, now_ns() - begin) - text);
        text[n++] = '\n';
        need(sys(SYS_write, 1, text, n), "answer");
        return;
    }
    die(-22, "no such case");
}

static int micro_main(int argc, char **argv)
{
    static struct micro m; /* there is no memset() to clear it on the stack */
    char line[64];

    m.listener = m.near = m.far = -1;
    if (argc != 2 || text_length(argv[1]) > 200)
        die(-22, "usage: micro DIRECTORY");
    put_text(put_text(m.deep, argv[1]), "/a/b/c/file");
    put_text(put_text(m.fresh, argv[1]), "/a/b/c/fresh");
    need(sys(SYS_write, 1, "ready\n", 6), "ready");
    for (;;) {
        long n = sys(SYS_read, 0, line, sizeof(line) - 1);

        if (n <= 0)
            return 0;
        line[n] = '\0';
        answer(&m, line);
    }
}

FLOOR_START(micro_main)
