/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* rtnetlink requests: see netlink.h. Host side. */

#include <errno.h>
#include <string.h>

#include "net/netlink.h"
#include "sys/sock.h"

void cf_netlink_begin(struct cf_netlink_request *req, uint16_t type, uint16_t flags, const void *body, size_t size)
{
    *req = (struct cf_netlink_request) {0};
    req->header.nlmsg_type = type;
    req->header.nlmsg_flags = NLM_F_REQUEST | flags;
    req->header.nlmsg_len = (uint32_t) NLMSG_LENGTH(size);
    memcpy(NLMSG_DATA(&req->header), body, size);
}

void cf_netlink_put(struct cf_netlink_request *req, uint16_t type, const void *data, size_t size)
{
    size_t at = NLMSG_ALIGN(req->header.nlmsg_len);
    struct rtattr attr = {.rta_type = type, .rta_len = (unsigned short) RTA_LENGTH(size)};

    if (size > 512 || at + RTA_LENGTH(size) > sizeof(req->room)) {
        req->full = true;
        return;
    }
    memcpy(req->room + at, &attr, sizeof(attr));
    if (size > 0)
        memcpy(req->room + at + RTA_LENGTH(0), data, size);
    req->header.nlmsg_len = (uint32_t) (at + RTA_LENGTH(size));
}

static int send_request(int fd, const struct cf_netlink_request *req)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    long n;

    if (req->full)
        return -EMSGSIZE;
    n = cf_sys_sendto(fd, req->room, req->header.nlmsg_len, 0, &kernel, sizeof(kernel));
    return n < 0 ? (int) n : 0;
}

/* Return: 1 at the end, 0 if more is to come, -errno. */
static int take_answer(char *buf, size_t len, cf_netlink_each each, void *data)
{
    while (len >= sizeof(struct nlmsghdr)) {
        struct nlmsghdr *m = (void *) buf;
        size_t step = NLMSG_ALIGN(m->nlmsg_len);
        int r;

        if (m->nlmsg_len < sizeof(*m) || m->nlmsg_len > len)
            return -EPROTO;
        if (m->nlmsg_type == NLMSG_DONE)
            return 1;
        if (m->nlmsg_type == NLMSG_ERROR) {
            const struct nlmsgerr *e = NLMSG_DATA(m);

            return e->error < 0 ? e->error : 1;
        }
        r = each ? each(m, data) : 0;
        if (r < 0)
            return r;
        buf += step < len ? step : len;
        len -= step < len ? step : len;
    }
    return 0;
}

static int receive(int fd, cf_netlink_each each, void *data)
{
    _Alignas(struct nlmsghdr) char buf[16384];
    int r = 0;

    while (r == 0) {
        long n = cf_sys_recvfrom(fd, buf, sizeof(buf), 0, NULL, NULL);

        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? (int) n : -EPROTO;
        r = take_answer(buf, (size_t) n, each, data);
    }
    return r < 0 ? r : 0;
}

int cf_netlink_call(int fd, struct cf_netlink_request *req)
{
    int r;

    req->header.nlmsg_flags |= NLM_F_ACK;
    r = send_request(fd, req);
    return r < 0 ? r : receive(fd, NULL, NULL);
}

int cf_netlink_dump(int fd, struct cf_netlink_request *req, cf_netlink_each each, void *data)
{
    int r;

    req->header.nlmsg_flags |= NLM_F_DUMP;
    r = send_request(fd, req);
    return r < 0 ? r : receive(fd, each, data);
}
