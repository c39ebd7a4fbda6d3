/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See relay.h. */

#include "cli/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/stream.h"

enum { POLL_SIGNALS, POLL_PROCESS, POLL_STDIN, POLL_STDOUT, POLL_MASTER, POLL_NOTIFY, N_POLL };

int relay_block_signals(struct relay *relay)
{
    /* Faults of our own code must stay deadly. SIGURG is never for us and ignored by default. */
    static const int left_alone[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGURG};
    sigset_t set;

    sigfillset(&set);
    for (size_t i = 0; i < sizeof(left_alone) / sizeof(left_alone[0]); i++)
        sigdelset(&set, left_alone[i]);
    if (relay->no_orphans)
        sigdelset(&set, SIGCHLD);
    if (sigprocmask(SIG_SETMASK, &set, NULL) < 0)
        return -errno;
    relay->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return relay->signal_fd < 0 ? -errno : 0;
}

/* The size of the first of our streams that is a terminal. */
static void copy_window_size(const struct relay *relay)
{
    struct winsize size;

    for (int fd = 0; fd <= 2; fd++) {
        if (ioctl(fd, TIOCGWINSZ, &size) == 0) {
            (void) ioctl(relay->master_fd, TIOCSWINSZ, &size);
            return;
        }
    }
}

int relay_take_terminal(struct relay *relay, int master_fd)
{
    struct termios raw;
    int flags;

    relay->master_fd = master_fd;
    flags = fcntl(master_fd, F_GETFL);
    if (flags < 0 || fcntl(master_fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    copy_window_size(relay);
    if (tcgetattr(STDIN_FILENO, &relay->saved) < 0)
        return 0; /* standard input is no terminal */
    raw = relay->saved;
    cfmakeraw(&raw);
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
        return -errno;
    relay->raw = true;
    return 0;
}

void relay_done(struct relay *relay)
{
    if (relay->raw)
        (void) tcsetattr(STDIN_FILENO, TCSADRAIN, &relay->saved);
    relay->raw = false;
    if (relay->master_fd >= 0)
        close(relay->master_fd);
    relay->master_fd = -1;
}

/* As a subreaper we inherit orphans. The process itself is left for relay_wait(). */
static void reap_orphans(const struct relay *relay)
{
    for (;;) {
        siginfo_t info = {0};

        /* Look first: what is taken cannot be put back. */
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
            info.si_pid == relay->pid)
            return;
        if (waitid(P_PID, (id_t) info.si_pid, &info, WEXITED | WNOHANG) < 0)
            return;
    }
}

static void handle_signals(const struct relay *relay)
{
    struct signalfd_siginfo info;

    while (read(relay->signal_fd, &info, sizeof(info)) == (ssize_t) sizeof(info)) {
        int signo = (int) info.ssi_signo;

        if (signo == SIGCHLD)
            reap_orphans(relay);
        else if (signo == SIGWINCH && relay->master_fd >= 0)
            copy_window_size(relay);
        else if (signo != SIGPIPE || info.ssi_pid != (uint32_t) getpid()) /* our own broken pipe */
            (void) kill(relay->pid, signo); /* not reaped yet: still the same process */
    }
}

/* The end of our input becomes the end-of-file character of the process's terminal. */
static void send_eof(const struct relay *relay, struct stream *in)
{
    struct termios mode;

    in->eof_sent = true;
    if (tcgetattr(relay->master_fd, &mode) < 0 || !(mode.c_lflag & ICANON))
        return;
    /* The first one only ends a line that was begun. */
    if (in->last != '\n' && in->last != '\0')
        stream_put(in, (char) mode.c_cc[VEOF]);
    stream_put(in, (char) mode.c_cc[VEOF]);
}

static void prepare_streams(const struct relay *relay, struct stream *in, struct stream *out,
                            struct pollfd fds[N_POLL])
{
    if (in->eof && !in->eof_sent && stream_is_empty(in))
        send_eof(relay, in);
    fds[POLL_STDIN].fd = stream_has_room(in) ? STDIN_FILENO : -1;
    fds[POLL_STDOUT].fd = stream_is_empty(out) ? -1 : STDOUT_FILENO;
    fds[POLL_MASTER].fd = relay->master_fd;
    fds[POLL_MASTER].events =
        (short) ((stream_has_room(out) ? POLLIN : 0) | (stream_is_empty(in) ? 0 : POLLOUT));
    /* Hang-up is reported without being asked for, for ever: not while we cannot use it. */
    if (out->eof || !fds[POLL_MASTER].events)
        fds[POLL_MASTER].fd = -1;
}

static void move_streams(const struct relay *relay, struct stream *in, struct stream *out,
                         const struct pollfd fds[N_POLL])
{
    if (fds[POLL_STDIN].fd >= 0 && fds[POLL_STDIN].revents)
        stream_fill(in, STDIN_FILENO);
    if (fds[POLL_MASTER].fd >= 0 && fds[POLL_MASTER].revents) {
        if (!stream_is_empty(in))
            stream_drain(in, relay->master_fd);
        if (stream_has_room(out))
            stream_fill(out, relay->master_fd);
    }
    if (fds[POLL_STDOUT].fd >= 0 && fds[POLL_STDOUT].revents)
        stream_drain(out, STDOUT_FILENO);
}

/* What the process wrote before its end: the kernel hands out all of it before it says EAGAIN. */
static void drain_output(const struct relay *relay, struct stream *out)
{
    for (;;) {
        struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
        bool filled = stream_has_room(out) && stream_fill(out, relay->master_fd) > 0;

        if (stream_is_empty(out) && !filled)
            return;
        if (stream_is_empty(out))
            continue;
        if (poll(&fd, 1, -1) < 0 && errno != EINTR)
            return;
        if (fd.revents)
            stream_drain(out, STDOUT_FILENO);
    }
}

static int reap(const struct relay *relay)
{
    siginfo_t info = {0};

    while (waitid(P_PID, (id_t) relay->pid, &info, WEXITED) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

int relay_wait(struct relay *relay)
{
    struct stream in = STREAM_INIT, out = STREAM_INIT;
    struct pollfd fds[N_POLL] = {
        [POLL_SIGNALS] = {.fd = relay->signal_fd, .events = POLLIN},
        [POLL_PROCESS] = {.fd = relay->pidfd, .events = POLLIN},
        [POLL_STDIN] = {.fd = -1, .events = POLLIN},
        [POLL_STDOUT] = {.fd = -1, .events = POLLOUT},
        [POLL_MASTER] = {.fd = -1},
        [POLL_NOTIFY] = {.fd = relay->notify_fd, .events = POLLIN},
    };

    for (;;) {
        if (relay->master_fd >= 0)
            prepare_streams(relay, &in, &out, fds);
        if (ppoll(fds, N_POLL, NULL, NULL) < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        /* Before its end: readiness may have been its last word. */
        if (fds[POLL_NOTIFY].revents)
            fds[POLL_NOTIFY].fd = relay->notify(relay->notify_data);
        /* With the process gone there is nobody to pass a signal to. */
        if (fds[POLL_PROCESS].revents && relay->master_fd < 0)
            break;
        if (fds[POLL_SIGNALS].revents)
            handle_signals(relay);
        if (relay->master_fd >= 0)
            move_streams(relay, &in, &out, fds);
        if (fds[POLL_PROCESS].revents)
            break;
    }
    if (relay->master_fd >= 0)
        drain_output(relay, &out);
    return reap(relay);
}
