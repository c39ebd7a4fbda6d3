/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of signals as engines and people write them. Pure. */

#include "cli/signal-name.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <strings.h>

/* As seen by users of the C library, which keeps 32 and 33 for itself. */
#define RT_FIRST 34
#define RT_LAST 64

static const struct {
    const char *name;
    int number;
} names[] = {
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT},     {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT}, {"IOT", SIGABRT},      {"BUS", SIGBUS},       {"FPE", SIGFPE},   {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},     {"USR2", SIGUSR2},     {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},
    {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD},     {"CLD", SIGCHLD},  {"CONT", SIGCONT},
    {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},
    {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},     {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"POLL", SIGPOLL},     {"PWR", SIGPWR},       {"SYS", SIGSYS},
};

/* 0..64; digits only. */
static int parse_number(const char *s)
{
    int value = 0;

    if (!*s)
        return -EINVAL;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -EINVAL;
        value = value * 10 + (*s - '0');
        if (value > RT_LAST)
            return -EINVAL;
    }
    return value;
}

/* What follows RTMIN (@sign '+') or RTMAX ('-'). */
static int parse_realtime(const char *rest, int from, char sign)
{
    int offset = 0;

    if (*rest) {
        if (*rest != sign)
            return -EINVAL;
        offset = parse_number(rest + 1);
        if (offset < 0 || offset > RT_LAST - RT_FIRST)
            return -EINVAL;
    }
    return sign == '+' ? from + offset : from - offset;
}

int signal_parse(const char *text)
{
    if (*text >= '0' && *text <= '9')
        return parse_number(text);
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    if (strncasecmp(text, "RTMIN", 5) == 0)
        return parse_realtime(text + 5, RT_FIRST, '+');
    if (strncasecmp(text, "RTMAX", 5) == 0)
        return parse_realtime(text + 5, RT_LAST, '-');
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcasecmp(text, names[i].name) == 0)
            return names[i].number;
    return -EINVAL;
}
