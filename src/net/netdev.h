/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Network interfaces that change their namespace (linux.netDevices): host side, netdev-host.c. */

#include "base/err.h"
#include "plan/plan.h"

/* What was moved, for giving it back. All zero: nothing. */
struct cf_netdev_move {
    struct cf_arena *arena;
    const struct cf_netdevs *devs;
    struct cf_netdev_moved *moved; /* one for each */
    int own_fd, there_fd;          /* the namespaces */
    int own_socket, there_socket;  /* rtnetlink in them */
};

/**
 * cf_netdev_prepare() - open both namespaces, and look whether all interfaces are in that of the runtime
 * @m: filled in also on failure, for cf_netdev_give_back()
 * @there: the container's, a path below /proc or of a file
 */
int cf_netdev_prepare(struct cf_netdev_move *m, const struct cf_netdevs *devs, const char *there, struct cf_err *err);

/** Inodes of the two namespaces, for cf_netdev_recover(). Return: 0 or -errno. */
int cf_netdev_inodes(const struct cf_netdev_move *m, uint64_t *ret_from, uint64_t *ret_to);

/**
 * cf_netdev_move() - into the container's namespace
 * Addresses that are permanent and of global scope are kept; the interfaces are up afterwards.
 */
int cf_netdev_move(struct cf_netdev_move *m, struct cf_err *err);

/**
 * cf_netdev_recover() - give back what a move that was cut short has left in a namespace that lives on
 * @from, @to: the inodes; nothing is done if they are others now
 * What has its old name here did not move. A new name that the kernel completed is not known.
 */
void cf_netdev_recover(const struct cf_netdevs *devs, const char *there, uint64_t from, uint64_t to);

/** Moves everything back, with names, addresses and state as they were, as far as possible. */
void cf_netdev_give_back(struct cf_netdev_move *m);

/** Closes what is open; the interfaces stay where they are. */
void cf_netdev_move_done(struct cf_netdev_move *m);
