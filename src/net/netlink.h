/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The little of rtnetlink that moving an interface takes: building a request, sending it, reading
 * the answer. Host side.
 */

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cf_netlink_request {
    union {
        struct nlmsghdr header;
        char room[1024];
    };
    bool full;
};

/** Starts a request: @body is the fixed structure behind the header. */
void cf_netlink_begin(struct cf_netlink_request *req, uint16_t type, uint16_t flags, const void *body, size_t size);

/** Adds an attribute. */
void cf_netlink_put(struct cf_netlink_request *req, uint16_t type, const void *data, size_t size);

/** Sends it and waits for the acknowledgement. Return: 0 or -errno of the kernel. */
int cf_netlink_call(int fd, struct cf_netlink_request *req);

/** For each message of a dump, not const because the macros of the kernel cast that away. Return: 0, or negative to stop. */
typedef int (*cf_netlink_each)(struct nlmsghdr *message, void *data);

/** Sends a dump request and hands out what comes. Return: 0 or -errno. */
int cf_netlink_dump(int fd, struct cf_netlink_request *req, cf_netlink_each each, void *data);
