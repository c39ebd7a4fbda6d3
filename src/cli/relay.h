/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Waiting for a process in the foreground: its signals, its terminal, its end. Event driven: one
 * ppoll over a signalfd, the pidfd, and with a terminal the streams. No timers.
 */

#include <stdbool.h>
#include <termios.h>

struct relay {
    int signal_fd;
    int pidfd; /* borrowed */
    int pid;
    int master_fd; /* -1: no terminal */
    int notify_fd; /* watched, -1: nothing to watch */
    int (*notify)(void *data); /* something came on it; returns what is to be watched from now on */
    void *notify_data;
    bool raw;      /* `saved` is to be restored */
    bool no_orphans; /* we are no subreaper: the end of a child is no news, the pidfd tells of the one that counts */
    struct termios saved;
};

#define RELAY_INIT                                                                                           \
    {                                                                                                        \
        .signal_fd = -1, .pidfd = -1, .master_fd = -1, .notify_fd = -1                                                        \
    }

/**
 * relay_block_signals() - from now on signals wait for relay_wait()
 * Call it before the process exists, so that none is lost. Return: 0 or -errno.
 */
int relay_block_signals(struct relay *relay);

/** Takes the terminal's master: the caller's terminal becomes raw, sizes are copied. */
int relay_take_terminal(struct relay *relay, int master_fd);

/** Until the process has ended and its output is written. Return: its exit status, 128 + n when
 *  signal n killed it, or -errno. */
int relay_wait(struct relay *relay);

/** Restores the caller's terminal, closes everything. */
void relay_done(struct relay *relay);
