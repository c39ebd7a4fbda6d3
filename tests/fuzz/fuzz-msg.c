/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: packets of a hostile peer, each a length byte and that many times 24 bytes. What is received
 * keeps the bounds of its structure, and a failure that it tells is a terminated, printable error.
 */

#include "fuzz.h"

#include <sys/socket.h>
#include <unistd.h>

#include "wire/msg.h"

static void look(struct cf_msg *msg)
{
    struct cf_err err = CF_ERR_INIT;
    char text[1024];

    FUZZ_ASSERT(msg->len <= CF_MSG_MAX_PAYLOAD && msg->n_fds <= CF_MSG_MAX_FDS);
    if (msg->type == CF_MSG_FAIL) {
        cf_msg_take_err(msg, &err);
        FUZZ_ASSERT(err.ret < 0);
        FUZZ_ASSERT(memchr(err.text, '\0', sizeof(err.text)) && memchr(err.field, '\0', sizeof(err.field)));
        (void) cf_err_print(&err, text, sizeof(text));
        FUZZ_ASSERT(memchr(text, '\0', sizeof(text)));
        for (const char *p = text; *p; p++)
            FUZZ_ASSERT((unsigned char) *p >= ' ' && *p != 0x7f);
    }
    cf_msg_done(msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cf_msg msg;
    int pair[2];

    FUZZ_ASSERT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    while (size > 0) {
        size_t len = (size_t) data[0] * 24;

        data++;
        size--;
        if (len > size)
            len = size;
        if (len > 0) { /* an empty packet is an end of file */
            FUZZ_ASSERT(send(pair[0], data, len, MSG_DONTWAIT) == (ssize_t) len);
            if (cf_msg_recv(pair[1], &msg) == 1)
                look(&msg);
        }
        data += len;
        size -= len;
    }
    close(pair[0]);
    FUZZ_ASSERT(cf_msg_recv(pair[1], &msg) == 0);
    close(pair[1]);
    return 0;
}
