/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See notify.h. Messages come from the container and are data from somebody hostile: one bounded line is taken. */

#include "container/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"
#include "wire/handover.h"

#define READY "READY="
#define MAX_MESSAGE 4096
#define MAX_LINE 256
#define BARRIER_MS 30000

bool cf_notify_is_address(const char *address)
{
    return (address[0] == '/' || address[0] == '@') && address[1];
}

size_t cf_notify_line(const char *text, size_t len, const char **ret)
{
    const char *end = text + len;

    while (text < end) {
        const char *eol = memchr(text, '\n', (size_t) (end - text));
        size_t n = (size_t) ((eol ? eol : end) - text);

        if (n > strlen(READY) && n <= MAX_LINE && memcmp(text, READY, strlen(READY)) == 0 && !memchr(text, '\0', n)) {
            *ret = text;
            return n;
        }
        text += n + 1;
    }
    return 0;
}

/* Return: a socket whose peer is the service manager. */
static int connect_manager(const char *address)
{
    const struct timeval patience = {.tv_sec = CF_HANDOVER_SECONDS};
    cf_auto_fd int path_fd = -EBADF;
    cf_auto_fd int fd = -EBADF;
    struct sockaddr_un to;
    int len, r;

    fd = cf_sys_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    (void) cf_sys_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (address[0] == '@') {
        to = (struct sockaddr_un) {.sun_family = AF_UNIX};
        r = cf_str_copy(to.sun_path, sizeof(to.sun_path), address);
        to.sun_path[0] = '\0';
        len = r < 0 ? r : (int) (offsetof(struct sockaddr_un, sun_path) + strlen(address));
    } else {
        len = cf_handover_address(address, &to, &path_fd);
    }
    r = len < 0 ? len : cf_sys_connect(fd, &to, (size_t) len);
    return r < 0 ? r : cf_steal_fd(&fd);
}

static int send_text(int sock, const char *text, size_t len)
{
    long n;

    do
        n = cf_sys_sendto(sock, text, len, MSG_NOSIGNAL, NULL, 0);
    while (n == -EINTR);
    return n < 0 ? (int) n : 0;
}

/* The manager closes its end of the pipe when it has worked through everything before. Without it, what we said
 * may be taken for the words of a process that is gone. */
static int barrier(int sock, bool wait)
{
    static const char text[] = "BARRIER=1";
    struct pollfd poll = {.events = POLLIN};
    cf_auto_fd int ours = -EBADF;
    int pipe[2], r;

    r = cf_sys_pipe2(pipe, O_CLOEXEC);
    if (r < 0)
        return r;
    ours = pipe[0];
    r = cf_handover_send(sock, pipe[1], text, sizeof(text) - 1);
    (void) cf_sys_close(pipe[1]);
    if (r < 0 || !wait)
        return r;
    poll.fd = ours;
    do
        r = cf_sys_poll(&poll, 1, BARRIER_MS);
    while (r == -EINTR);
    return r == 0 ? -ETIMEDOUT : r < 0 ? r : 0;
}

static int tell(const char *address, const char *line, size_t len, int pid, bool wait)
{
    cf_auto_fd int sock = connect_manager(address);
    char text[MAX_LINE + 2];
    size_t n;
    int r;

    if (sock < 0)
        return sock;
    memcpy(text, line, len);
    text[len] = '\n';
    r = send_text(sock, text, len + 1);
    if (r < 0)
        return r;
    n = cf_format(text, sizeof(text), "MAINPID=%d\n", pid);
    r = send_text(sock, text, n);
    return r < 0 ? r : barrier(sock, wait);
}

int cf_notify_take(struct coffer_runtime *runtime, int fd, const char *address, int pid, bool wait)
{
    char text[MAX_MESSAGE];
    const char *line = NULL;
    size_t len;
    long n;
    int r;

    for (;;) {
        /* Without room for control data: descriptors that come along are dropped by the kernel. */
        n = cf_sys_recvfrom(fd, text, sizeof(text), MSG_DONTWAIT, NULL, NULL);
        if (n == -EINTR)
            continue;
        if (n == -EAGAIN)
            return 0;
        if (n < 0)
            return (int) n;
        len = cf_notify_line(text, (size_t) n, &line);
        if (len > 0)
            break;
    }
    r = tell(address, line, len, pid, wait);
    if (r < 0)
        cf_log(&runtime->log, COFFER_LOG_WARNING, "notify", "the container is ready, but `%s` was not told: %s", address,
               cf_errno_text(-r));
    return 1;
}

void cf_notify_wait(struct coffer_runtime *runtime, int fd, int pidfd, const char *address, int pid)
{
    struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};

    for (;;) {
        int r = cf_sys_poll(fds, 2, -1);

        if (r == -EINTR)
            continue;
        /* What was said before the end was said. */
        if (r < 0 || cf_notify_take(runtime, fd, address, pid, true) != 0 || fds[1].revents)
            return;
    }
}
