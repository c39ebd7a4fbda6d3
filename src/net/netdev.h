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
 * cf_netdev_move() - into the network namespace of a process
 * @m: filled in also on failure, for cf_netdev_give_back()
 * Addresses that are permanent and of global scope are kept; the interfaces are up afterwards.
 */
int cf_netdev_move(struct cf_netdev_move *m, const struct cf_netdevs *devs, int pid, struct cf_err *err);

/** Moves everything back, with names, addresses and state as they were, as far as possible. */
void cf_netdev_give_back(struct cf_netdev_move *m);

/** Closes what is open; the interfaces stay where they are. */
void cf_netdev_move_done(struct cf_netdev_move *m);
