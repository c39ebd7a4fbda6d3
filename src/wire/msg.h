/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Messages between the host (H) and the container side: one SOCK_SEQPACKET packet each, a fixed
 * header, at most CF_MSG_MAX_PAYLOAD bytes, fds by SCM_RIGHTS in the same packet. Compiled hosted
 * and freestanding; no allocation. The payload is data from a peer that may be hostile.
 */

#include <stdint.h>

#include "base/err.h"

#define CF_MSG_MAX_PAYLOAD 4096
#define CF_MSG_MAX_FDS 250

enum cf_msg_type {
    CF_MSG_MAPPED = 1, /* H -> preinit: id maps are written, cgroup joined: go on and execute init */
    CF_MSG_FDS,        /* H -> init: fds of the plan, in order. The first message of all has the blob: as
                        * payload, or, without payload, the blob's memfd before the other fds */
    CF_MSG_BUILD,      /* H -> init: the same, and the last one (perhaps empty) */
    CF_MSG_BUILT,      /* init -> H: mounts are made (only with CF_BLOB_HOST_HOOKS) */
    CF_MSG_HOOKS_DONE, /* H -> init */
    CF_MSG_CONSOLE,    /* init -> H: name of the pty, its master fd */
    CF_MSG_READY,      /* init -> H: locked down, program found */
    CF_MSG_COMMIT,     /* H -> init: recorded; wait at the gate, or (no gate) execute */
    CF_MSG_INIT_PID,   /* joiner or init -> H: int32_t pid of the final process, its pidfd */
    CF_MSG_START,      /* starter -> init over start.sock: release */
    CF_MSG_FAIL,       /* init -> H or starter: struct cf_err */
    CF_MSG_LOG,        /* init -> H or starter: u32 level, text: a warning */
    CF_MSG_LISTENER,   /* init -> H or starter: seccomp notify fd (filter with NEW_LISTENER) */
    CF_MSG_TYPE_COUNT
};

struct cf_msg {
    uint32_t type;
    uint32_t len;   /* of payload */
    uint32_t n_fds; /* received, owned by the receiver */
    unsigned char payload[CF_MSG_MAX_PAYLOAD];
    int fds[CF_MSG_MAX_FDS];
};

/** Sends one message; retries EINTR. Return: 0 or -errno (-EPIPE: peer gone). */
int cf_msg_send(int sock, uint32_t type, const void *payload, uint32_t len, const int *fds, uint32_t n_fds);

/**
 * cf_msg_recv() - receive one message (blocking), fds are O_CLOEXEC
 * Return: 1, 0 at end of file, -EPROTO for a malformed packet (its fds are closed), or -errno.
 */
int cf_msg_recv(int sock, struct cf_msg *msg);

/** Closes the fds of a received message that were not taken (set taken ones to -1). */
void cf_msg_done(struct cf_msg *msg);

/** Sends err as CF_MSG_FAIL. */
int cf_msg_send_err(int sock, const struct cf_err *err);
/** Takes the error out of a CF_MSG_FAIL message, sanitized. */
void cf_msg_take_err(const struct cf_msg *msg, struct cf_err *err);
