/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One packet is one message. Both sides; no allocation. What is received is not trusted: header
 * and packet must agree in every number, and no fd of a bad packet survives.
 */

#include "wire/msg.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "sys/fs.h"
#include "sys/sock.h"

struct header {
    uint32_t type;
    uint32_t len;
    uint32_t n_fds;
};

/* Room for the fds and for credentials that a peer's socket option may add. */
union control {
    struct cmsghdr align;
    unsigned char bytes[CMSG_SPACE(CF_MSG_MAX_FDS * sizeof(int)) + CMSG_SPACE(64)];
};

int cf_msg_send(int sock, uint32_t type, const void *payload, uint32_t len, const int *fds, uint32_t n_fds)
{
    struct header header = {.type = type, .len = len, .n_fds = n_fds};
    struct iovec iov[2] = {
        {.iov_base = &header, .iov_len = sizeof(header)},
        {.iov_base = (void *) (uintptr_t) payload, .iov_len = len},
    };
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = len ? 2 : 1};
    union control control;
    long n;

    if (len > CF_MSG_MAX_PAYLOAD || n_fds > CF_MSG_MAX_FDS)
        return -EMSGSIZE;
    if (n_fds > 0) {
        size_t bytes = n_fds * sizeof(int);

        memset(control.bytes, 0, CMSG_SPACE(bytes));
        control.align.cmsg_level = SOL_SOCKET;
        control.align.cmsg_type = SCM_RIGHTS;
        control.align.cmsg_len = CMSG_LEN(bytes);
        memcpy(control.bytes + CMSG_LEN(0), fds, bytes);
        msg.msg_control = control.bytes;
        msg.msg_controllen = CMSG_SPACE(bytes);
    }
    do {
        n = cf_sys_sendmsg(sock, &msg, MSG_NOSIGNAL);
    } while (n == -EINTR);
    if (n < 0)
        return (int) n;
    return (size_t) n == sizeof(header) + len ? 0 : -EIO;
}

/* Takes the fds out of the control data. The walk is by hand: the C library's CMSG_NXTHDR() is a
 * function of its own. Return: 0, or -EPROTO if there are more than we have room for. */
static int take_fds(const union control *control, size_t len, struct cf_msg *msg)
{
    size_t at = 0;
    int r = 0;

    while (len - at >= sizeof(struct cmsghdr)) {
        struct cmsghdr hdr;
        size_t n;

        memcpy(&hdr, control->bytes + at, sizeof(hdr));
        if (hdr.cmsg_len < sizeof(hdr) || hdr.cmsg_len > len - at)
            break;
        n = hdr.cmsg_level == SOL_SOCKET && hdr.cmsg_type == SCM_RIGHTS
                ? (hdr.cmsg_len - CMSG_LEN(0)) / sizeof(int)
                : 0;
        for (size_t i = 0; i < n; i++) {
            int fd;

            memcpy(&fd, control->bytes + at + CMSG_LEN(0) + i * sizeof(int), sizeof(fd));
            if (msg->n_fds < CF_MSG_MAX_FDS) {
                msg->fds[msg->n_fds++] = fd;
            } else {
                (void) cf_sys_close(fd);
                r = -EPROTO;
            }
        }
        if (CMSG_ALIGN(hdr.cmsg_len) >= len - at)
            break;
        at += CMSG_ALIGN(hdr.cmsg_len);
    }
    return r;
}

void cf_msg_done(struct cf_msg *msg)
{
    for (uint32_t i = 0; i < msg->n_fds; i++) {
        if (msg->fds[i] >= 0)
            (void) cf_sys_close(msg->fds[i]);
    }
    msg->n_fds = 0;
}

int cf_msg_recv(int sock, struct cf_msg *msg)
{
    struct header header = {0};
    struct iovec iov[2] = {
        {.iov_base = &header, .iov_len = sizeof(header)},
        {.iov_base = msg->payload, .iov_len = sizeof(msg->payload)},
    };
    union control control;
    struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
    bool reset = false;
    long n;
    int r;

    msg->type = 0;
    msg->len = 0;
    msg->n_fds = 0;
    for (;;) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof(control.bytes);
        n = cf_sys_recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
        /*
         * A peer that ended with something unread resets the connection, and the kernel tells that
         * once, ahead of the peer's last words, which may be why it ended.
         */
        if (n == -ECONNRESET && !reset)
            reset = true;
        else if (n != -EINTR)
            break;
    }
    if (n < 0)
        return (int) n;

    r = m.msg_controllen ? take_fds(&control, m.msg_controllen, msg) : 0;
    if (n == 0 && msg->n_fds == 0 && r == 0)
        return 0;
    if (r < 0 || (m.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || n < (long) sizeof(header) ||
        header.len != (size_t) n - sizeof(header) || header.n_fds != msg->n_fds ||
        header.type == 0 || header.type >= CF_MSG_TYPE_COUNT) {
        cf_msg_done(msg);
        return -EPROTO;
    }
    msg->type = header.type;
    msg->len = header.len;
    return 1;
}

int cf_msg_send_err(int sock, const struct cf_err *err)
{
    struct cf_err copy;

    /* Only what is in use goes over: nothing else of our stack. */
    memset(&copy, 0, sizeof(copy));
    copy.kind = err->kind;
    copy.ret = err->ret;
    copy.sys_errno = err->sys_errno;
    copy.used = err->used < CF_ERR_TEXT_SIZE ? err->used : CF_ERR_TEXT_SIZE;
    copy.n_frames = err->n_frames;
    (void) cf_str_copy(copy.code, sizeof(copy.code), err->code);
    (void) cf_str_copy(copy.step, sizeof(copy.step), err->step);
    (void) cf_str_copy(copy.field, sizeof(copy.field), err->field);
    (void) cf_str_copy(copy.hint, sizeof(copy.hint), err->hint);
    memcpy(copy.text, err->text, copy.used);
    return cf_msg_send(sock, CF_MSG_FAIL, &copy, sizeof(copy), NULL, 0);
}

void cf_msg_take_err(const struct cf_msg *msg, struct cf_err *err)
{
    if (msg->type != CF_MSG_FAIL || msg->len != sizeof(*err)) {
        (void) cf_err_set(err, COFFER_ERROR_PEER, "bad-message", -EPROTO,
                          "the other side sent a malformed error");
        return;
    }
    memcpy(err, msg->payload, sizeof(*err));
    cf_err_sanitize(err);
}
