/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* wire/msg: packets, fds, and peers that do not keep to the format. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/fs.h"
#include "wire/msg.h"

struct pair {
    int a, b;
};

static struct pair pair_new(void)
{
    int fds[2];

    cr_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    return (struct pair){fds[0], fds[1]};
}

static int count_fds(void)
{
    int n = 0;

    for (int fd = 0; fd < 1024; fd++)
        n += cf_sys_fcntl(fd, F_GETFD, 0) >= 0;
    return n;
}

Test(msg, round_trip_with_fds)
{
    struct pair p = pair_new();
    static struct cf_msg msg;
    int pipe_fds[2], before;

    cr_assert(pipe(pipe_fds) == 0);
    before = count_fds();
    cr_expect(eq(int, cf_msg_send(p.a, CF_MSG_FDS, "hello", 5, pipe_fds, 2), 0));
    cr_expect(eq(int, cf_msg_send(p.a, CF_MSG_BUILD, NULL, 0, NULL, 0), 0));
    cr_expect(eq(int, cf_msg_recv(p.b, &msg), 1));
    cr_expect(eq(u32, msg.type, CF_MSG_FDS));
    cr_expect(eq(u32, msg.len, 5));
    cr_expect(memcmp(msg.payload, "hello", 5) == 0);
    cr_assert(eq(u32, msg.n_fds, 2));
    cr_expect(eq(int, cf_sys_fcntl(msg.fds[0], F_GETFD, 0), FD_CLOEXEC));
    cr_expect(eq(long, write(msg.fds[1], "x", 1), 1));
    cf_msg_done(&msg);
    cr_expect(eq(int, count_fds(), before));
    cr_expect(eq(int, cf_msg_recv(p.b, &msg), 1));
    cr_expect(eq(u32, msg.type, CF_MSG_BUILD));
    cr_expect(eq(u32, msg.n_fds, 0));
    close(p.a);
    cr_expect(eq(int, cf_msg_recv(p.b, &msg), 0), "end of file");
    cr_expect(eq(int, cf_msg_send(p.b, CF_MSG_READY, NULL, 0, NULL, 0), -EPIPE), "and no signal");
}

Test(msg, limits)
{
    static unsigned char payload[CF_MSG_MAX_PAYLOAD + 1];
    static int fds[CF_MSG_MAX_FDS + 1];
    static struct cf_msg msg;
    struct pair p = pair_new();
    int before = count_fds();

    cr_expect(eq(int, cf_msg_send(p.a, CF_MSG_FDS, payload, sizeof(payload), NULL, 0), -EMSGSIZE));
    cr_expect(eq(int, cf_msg_send(p.a, CF_MSG_FDS, NULL, 0, fds, CF_MSG_MAX_FDS + 1), -EMSGSIZE));
    cr_expect(eq(int, cf_msg_send(p.a, CF_MSG_FDS, payload, CF_MSG_MAX_PAYLOAD, fds,
                                  CF_MSG_MAX_FDS), 0));
    cr_expect(eq(int, cf_msg_recv(p.b, &msg), 1));
    cr_expect(eq(u32, msg.len, CF_MSG_MAX_PAYLOAD));
    cr_expect(eq(u32, msg.n_fds, CF_MSG_MAX_FDS));
    cf_msg_done(&msg);
    cr_expect(eq(int, count_fds(), before));
}

/* Sends bytes as they are, perhaps with copies of stdin. */
static void send_raw(int sock, const void *data, size_t len, unsigned int n_fds)
{
    union {
        struct cmsghdr hdr;
        unsigned char bytes[CMSG_SPACE(253 * sizeof(int))];
    } control = {0};
    struct iovec iov = {.iov_base = (void *) (uintptr_t) data, .iov_len = len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    if (n_fds > 0) {
        control.hdr.cmsg_level = SOL_SOCKET;
        control.hdr.cmsg_type = SCM_RIGHTS;
        control.hdr.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
    }
    cr_assert(eq(long, sendmsg(sock, &msg, 0), (long) len));
}

Test(msg, malformed_packets_leave_no_fd)
{
    static const struct {
        uint32_t type, len, n_fds;
        size_t bytes;        /* of the packet */
        unsigned int fds;    /* really sent */
    } rows[] = {
        {CF_MSG_BUILD, 0, 0, 4, 0},                   /* shorter than a header */
        {CF_MSG_BUILD, 0, 0, 11, 3},
        {0, 0, 0, 12, 1},                             /* no type */
        {CF_MSG_TYPE_COUNT, 0, 0, 12, 0},
        {0xffffffffu, 0, 0, 12, 2},
        {CF_MSG_FDS, 5, 0, 12, 0},                    /* less payload than said */
        {CF_MSG_FDS, 0, 0, 20, 0},                    /* more */
        {CF_MSG_FDS, 0xfffffff4u, 0, 12, 0},
        {CF_MSG_FDS, 0, 0, 12, 1},                    /* more fds than said */
        {CF_MSG_FDS, 0, 3, 12, 2},                    /* fewer */
        {CF_MSG_FDS, 0, 253, 12, 253},                /* more than we take */
        {CF_MSG_FDS, CF_MSG_MAX_PAYLOAD + 8, 0, 12 + CF_MSG_MAX_PAYLOAD + 8, 4},
    };
    static unsigned char packet[CF_MSG_MAX_PAYLOAD + 64];
    static struct cf_msg msg;
    struct pair p = pair_new();
    int before = count_fds();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memcpy(packet, &rows[i].type, 12);
        send_raw(p.a, packet, rows[i].bytes, rows[i].fds);
        cr_expect(eq(int, cf_msg_recv(p.b, &msg), -EPROTO), "row %zu", i);
        cr_expect(eq(u32, msg.n_fds, 0), "row %zu", i);
        cr_expect(eq(int, count_fds(), before), "row %zu", i);
    }
    cr_expect(eq(int, cf_msg_send(p.a, CF_MSG_READY, NULL, 0, NULL, 0), 0));
    cr_expect(eq(int, cf_msg_recv(p.b, &msg), 1), "the socket is still usable");
}

Test(msg, credentials_do_not_disturb)
{
    static struct cf_msg msg;
    struct pair p = pair_new();
    int fd = 0, one = 1;

    cr_assert(setsockopt(p.b, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) == 0);
    cr_expect(eq(int, cf_msg_send(p.a, CF_MSG_CONSOLE, "x", 1, &fd, 1), 0));
    cr_expect(eq(int, cf_msg_recv(p.b, &msg), 1));
    cr_expect(eq(u32, msg.n_fds, 1));
    cf_msg_done(&msg);
}

Test(msg, error_travels)
{
    static struct cf_msg msg;
    struct pair p = pair_new();
    struct cf_err in = CF_ERR_INIT, out = CF_ERR_INIT;
    char a[512], b[512];

    (void) cf_err_sys(&in, -EACCES, "open `/x`");
    (void) cf_err_in(&in, "mount");
    cf_err_field(&in, "mounts[0]");
    cr_expect(eq(int, cf_msg_send_err(p.a, &in), 0));
    cr_expect(eq(int, cf_msg_recv(p.b, &msg), 1));
    cr_expect(eq(u32, msg.type, CF_MSG_FAIL));
    cf_msg_take_err(&msg, &out);
    (void) cf_err_print(&in, a, sizeof(a));
    (void) cf_err_print(&out, b, sizeof(b));
    cr_expect_str_eq(a, b);
    cr_expect_str_eq(out.field, "mounts[0]");
    cr_expect(eq(i32, out.ret, -EACCES));

    msg.len = 7;
    cf_msg_take_err(&msg, &out);
    cr_expect(eq(u32, out.kind, COFFER_ERROR_PEER));
}
