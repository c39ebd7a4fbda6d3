/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.netDevices: moves interfaces of the runtime's network namespace into the container's, before its
 * hooks of the host run. An interface that changes its namespace goes down and loses its addresses; the
 * permanent ones of global scope are added again, and it is set up. When the create fails later, the
 * interfaces are given back the same way; after that they belong to the namespace. Host side.
 */

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/sockios.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "net/netdev.h"
#include "net/netlink.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"

/* What may be said about an address when it is made. */
#define ADDRESS_FLAGS (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)

struct address {
    struct address *next;
    struct ifaddrmsg msg;
    uint32_t flags;
    uint8_t size[IFA_MAX + 1];
    uint8_t value[IFA_MAX + 1][16];
};

struct cf_netdev_moved {
    int index; /* in the container's namespace; 0: it is not there */
    unsigned int flags; /* IFF_UP, as it was */
    struct address *addresses;
};

static int open_socket(void)
{
    return cf_sys_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
}

/* A socket belongs to the namespace in which it was made; nothing else is done in there. */
static int open_socket_in(int ns_fd, int own_fd)
{
    int fd, r = cf_sys_setns(own_fd, CLONE_NEWNET); /* who may not come back does not go */

    if (r >= 0)
        r = cf_sys_setns(ns_fd, CLONE_NEWNET);
    if (r < 0)
        return r;
    fd = open_socket();
    r = cf_sys_setns(own_fd, CLONE_NEWNET);
    if (r < 0)
        cf_fd_close(&fd);
    return r < 0 ? r : fd;
}

static int interface_of(int fd, const char *name, unsigned int *ret_flags)
{
    struct ifreq req = {0};
    int r = cf_str_copy(req.ifr_name, sizeof(req.ifr_name), name);

    if (r >= 0 && ret_flags) {
        r = cf_sys_ioctl_ptr(fd, SIOCGIFFLAGS, &req);
        *ret_flags = (unsigned int) req.ifr_flags;
    }
    if (r >= 0)
        r = cf_sys_ioctl_ptr(fd, SIOCGIFINDEX, &req);
    return r < 0 ? r : req.ifr_ifindex;
}

/* ---- addresses ---- */

struct collect {
    struct cf_arena *arena;
    int index;
    struct address **tail;
};

static int take_address(struct nlmsghdr *m, void *data)
{
    struct collect *c = data;
    struct ifaddrmsg *msg = NLMSG_DATA(m);
    struct rtattr *attr;
    struct address *a;
    size_t len;

    if (m->nlmsg_type != RTM_NEWADDR || m->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) || (int) msg->ifa_index != c->index ||
        msg->ifa_scope != RT_SCOPE_UNIVERSE)
        return 0;
    a = cf_arena_calloc(c->arena, 1, sizeof(*a));
    if (!a)
        return -ENOMEM;
    a->msg = *msg;
    a->flags = msg->ifa_flags;
    attr = IFA_RTA(msg);
    len = m->nlmsg_len - NLMSG_LENGTH(sizeof(*msg));
    for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len)) {
        size_t size = RTA_PAYLOAD(attr);

        if (attr->rta_type == IFA_FLAGS && size == sizeof(a->flags))
            memcpy(&a->flags, RTA_DATA(attr), sizeof(a->flags));
        if ((attr->rta_type == IFA_LOCAL || attr->rta_type == IFA_ADDRESS || attr->rta_type == IFA_BROADCAST) && size <= 16) {
            memcpy(a->value[attr->rta_type], RTA_DATA(attr), size);
            a->size[attr->rta_type] = (uint8_t) size;
        }
    }
    if (a->flags & IFA_F_PERMANENT) {
        *c->tail = a;
        c->tail = &a->next;
    }
    return 0;
}

static int read_addresses(int fd, int index, struct cf_arena *arena, struct address **ret)
{
    struct collect c = {.arena = arena, .index = index, .tail = ret};
    const struct ifaddrmsg all = {.ifa_family = AF_UNSPEC};
    struct cf_netlink_request req;

    *ret = NULL;
    cf_netlink_begin(&req, RTM_GETADDR, 0, &all, sizeof(all));
    return cf_netlink_dump(fd, &req, take_address, &c);
}

static int add_address(int fd, int index, const struct address *a)
{
    struct ifaddrmsg msg = {.ifa_family = a->msg.ifa_family, .ifa_prefixlen = a->msg.ifa_prefixlen,
        .ifa_scope = a->msg.ifa_scope, .ifa_index = (uint32_t) index};
    const uint32_t flags = a->flags & ADDRESS_FLAGS;
    struct cf_netlink_request req;
    int r;

    cf_netlink_begin(&req, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &msg, sizeof(msg));
    for (unsigned int type = 0; type <= IFA_MAX; type++) {
        if (a->size[type])
            cf_netlink_put(&req, (uint16_t) type, a->value[type], a->size[type]);
    }
    cf_netlink_put(&req, IFA_FLAGS, &flags, sizeof(flags));
    r = cf_netlink_call(fd, &req);
    return r == -EEXIST ? 0 : r;
}

/* ---- links ---- */

static int set_up(int fd, int index)
{
    struct ifinfomsg msg = {.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct cf_netlink_request req;

    cf_netlink_begin(&req, RTM_NEWLINK, 0, &msg, sizeof(msg));
    return cf_netlink_call(fd, &req);
}

/* The kernel may have to give it another number there: we choose one that is free on both sides. */
static int free_index(int fd, int other_fd)
{
    for (int index = 1 << 20; index < (1 << 20) + 100000; index++) {
        struct ifreq req = {.ifr_ifindex = index}, same = {.ifr_ifindex = index};

        if (cf_sys_ioctl_ptr(fd, SIOCGIFNAME, &req) == -ENODEV && cf_sys_ioctl_ptr(other_fd, SIOCGIFNAME, &same) == -ENODEV)
            return index;
    }
    return -EBUSY;
}

static int send_link(int fd, int index, int ns_fd, const char *name, int new_index)
{
    struct ifinfomsg msg = {.ifi_family = AF_UNSPEC, .ifi_index = index};
    struct cf_netlink_request req;

    cf_netlink_begin(&req, RTM_NEWLINK, 0, &msg, sizeof(msg));
    cf_netlink_put(&req, IFLA_NET_NS_FD, &ns_fd, sizeof(ns_fd));
    cf_netlink_put(&req, IFLA_IFNAME, name, strlen(name) + 1);
    if (new_index)
        cf_netlink_put(&req, IFLA_NEW_IFINDEX, &new_index, sizeof(new_index));
    return cf_netlink_call(fd, &req);
}

/* From one socket's namespace to the other's. Return: its number there, or -errno. */
static int move(int fd, int index, int ns_fd, int there_fd, const char *name)
{
    bool pattern = strchr(name, '%');
    int number = pattern ? free_index(fd, there_fd) : 0, r;

    if (number < 0)
        return number;
    r = send_link(fd, index, ns_fd, name, number);
    if (r < 0 || pattern)
        return r < 0 ? r : number;
    return interface_of(there_fd, name, NULL);
}

static int failed(const struct cf_netdev *dev, int r, const char *what, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_SYSTEM, "netdev-move", r, "%s `%s`", what, dev->from);
    cf_err_errno(err, r);
    cf_err_field(err, "%s", dev->field);
    cf_err_step(err, "network");
    return r;
}

static int move_in(struct cf_netdev_move *m, const struct cf_netdev *dev, struct cf_netdev_moved *moved, struct cf_err *err)
{
    int index = interface_of(m->own_socket, dev->from, &moved->flags), r;

    if (index < 0)
        return failed(dev, index, "look for the network interface", err);
    /* The kernel would say EEXIST as well, but for one name only. */
    if (!strchr(dev->to, '%') && interface_of(m->there_socket, dev->to, NULL) >= 0) {
        (void) failed(dev, -EEXIST, "move the network interface", err);
        cf_err_hint(err, "the container has an interface `%s` already; a new name that ends in %%d is completed by the kernel",
                    dev->to);
        return -EEXIST;
    }
    r = read_addresses(m->own_socket, index, m->arena, &moved->addresses);
    if (r < 0)
        return failed(dev, r, "read the addresses of the network interface", err);
    r = move(m->own_socket, index, m->there_fd, m->there_socket, dev->to);
    if (r < 0)
        return failed(dev, r, "move the network interface", err);
    moved->index = r;
    for (const struct address *a = moved->addresses; a; a = a->next) {
        r = add_address(m->there_socket, moved->index, a);
        if (r < 0)
            return failed(dev, r, "keep an address of the network interface", err);
    }
    r = set_up(m->there_socket, moved->index);
    return r < 0 ? failed(dev, r, "set up the network interface", err) : 0;
}

static int open_both(struct cf_netdev_move *m, const struct cf_netdevs *devs, const char *there, struct cf_err *err)
{
    *m = (struct cf_netdev_move) {.arena = cf_arena_new(), .devs = devs, .own_fd = -EBADF, .there_fd = -EBADF,
        .own_socket = -EBADF, .there_socket = -EBADF};
    m->moved = m->arena ? cf_arena_calloc(m->arena, devs->n, sizeof(*m->moved)) : NULL;
    if (!m->moved)
        return cf_err_oom(err);
    m->own_fd = cf_sys_openat(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC, 0);
    m->there_fd = cf_sys_openat(AT_FDCWD, there, O_RDONLY | O_CLOEXEC, 0);
    if (m->own_fd < 0 || m->there_fd < 0)
        return failed(&devs->items[0], m->own_fd < 0 ? m->own_fd : m->there_fd, "open the network namespace for", err);
    m->own_socket = open_socket();
    m->there_socket = m->own_socket < 0 ? m->own_socket : open_socket_in(m->there_fd, m->own_fd);
    if (m->there_socket < 0) {
        (void) failed(&devs->items[0], m->there_socket, "open a socket in the network namespace for", err);
        cf_err_hint(err, "moving an interface needs CAP_NET_ADMIN and CAP_SYS_ADMIN where it is");
        return m->there_socket;
    }
    return 0;
}

int cf_netdev_prepare(struct cf_netdev_move *m, const struct cf_netdevs *devs, const char *there, struct cf_err *err)
{
    int r = open_both(m, devs, there, err);

    for (size_t i = 0; r >= 0 && i < devs->n; i++) {
        r = interface_of(m->own_socket, devs->items[i].from, NULL);
        if (r < 0)
            (void) failed(&devs->items[i], r, "look for the network interface", err);
    }
    return r < 0 ? r : 0;
}

int cf_netdev_inodes(const struct cf_netdev_move *m, uint64_t *ret_from, uint64_t *ret_to)
{
    struct stat from, to;
    int r = cf_sys_fstat(m->own_fd, &from);

    if (r >= 0)
        r = cf_sys_fstat(m->there_fd, &to);
    if (r < 0)
        return r;
    *ret_from = from.st_ino;
    *ret_to = to.st_ino;
    return 0;
}

int cf_netdev_move(struct cf_netdev_move *m, struct cf_err *err)
{
    for (size_t i = 0; i < m->devs->n; i++) {
        int r = move_in(m, &m->devs->items[i], &m->moved[i], err);

        if (r < 0)
            return r;
    }
    return 0;
}

void cf_netdev_recover(const struct cf_netdevs *devs, const char *there, uint64_t from, uint64_t to)
{
    struct cf_err ignored = CF_ERR_INIT;
    struct cf_netdev_move m;
    uint64_t from_now = 0, to_now = 0;

    if (open_both(&m, devs, there, &ignored) >= 0 && cf_netdev_inodes(&m, &from_now, &to_now) >= 0 &&
        from_now == from && to_now == to && from != to) {
        for (size_t i = 0; i < devs->n; i++) {
            struct cf_netdev_moved *moved = &m.moved[i];
            int index;

            if (interface_of(m.own_socket, devs->items[i].from, NULL) >= 0)
                continue;
            index = interface_of(m.there_socket, devs->items[i].to, &moved->flags);
            if (index > 0 && read_addresses(m.there_socket, index, m.arena, &moved->addresses) >= 0)
                moved->index = index;
        }
    }
    cf_netdev_give_back(&m);
}

void cf_netdev_give_back(struct cf_netdev_move *m)
{
    for (size_t i = 0; m->moved && m->there_socket >= 0 && i < m->devs->n; i++) {
        struct cf_netdev_moved *moved = &m->moved[i];
        int index;

        if (moved->index <= 0)
            continue;
        index = move(m->there_socket, moved->index, m->own_fd, m->own_socket, m->devs->items[i].from);
        if (index < 0)
            continue;
        for (const struct address *a = moved->addresses; a; a = a->next)
            (void) add_address(m->own_socket, index, a);
        if (moved->flags & IFF_UP)
            (void) set_up(m->own_socket, index);
    }
    cf_netdev_move_done(m);
}

void cf_netdev_move_done(struct cf_netdev_move *m)
{
    if (!m->arena)
        return;
    cf_fd_close(&m->own_fd);
    cf_fd_close(&m->there_fd);
    cf_fd_close(&m->own_socket);
    cf_fd_close(&m->there_socket);
    cf_arena_free(m->arena);
    m->arena = NULL;
    m->moved = NULL;
}
