/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See log.h. Every record is put together first and leaves in one write: readers of standard error
 * may read once only, and other processes append to the same file.
 */

#include "cli/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "cli/text.h"

#define JOURNALD_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"
#define MESSAGE_MAX 4096
#define STDERR_MAX 8191 /* conmon reads once, so many bytes */
#define SYSLOG_FACILITY_DAEMON (3 << 3)

static const char *const level_names[] = {"error", "warning", "debug"};
static const int syslog_severity[] = {3, 4, 7};

static int open_file(const char *path)
{
    struct stat st;
    int fd, r;

    /* O_NONBLOCK: a FIFO nobody reads is an error, not a wait. */
    fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0644);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    if (!S_ISREG(st.st_mode))
        (void) fcntl(fd, F_SETFL, O_APPEND);
    return fd;
}

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, r;

    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

static const char *after(const char *s, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(s, prefix, len) == 0 ? s + len : NULL;
}

int log_open(struct log *log, const char *target)
{
    const char *rest;
    int fd;

    log->target = LOG_TARGET_FILE;
    if ((rest = after(target, "journald:"))) {
        log->target = LOG_TARGET_JOURNALD;
        log->ident = rest[0] ? rest : "coffer";
        fd = open_socket(JOURNALD_SOCKET);
    } else if ((rest = after(target, "syslog:"))) {
        log->target = LOG_TARGET_SYSLOG;
        log->ident = rest[0] ? rest : "coffer";
        fd = open_socket(SYSLOG_SOCKET);
    } else {
        rest = after(target, "file:");
        fd = open_file(rest ? rest : target);
    }
    if (fd < 0)
        return fd;
    log->fd = fd;
    return 0;
}

void log_close(struct log *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

/* RFC 3339, UTC, whole seconds. */
static void add_time(struct text *t)
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    text_printf(t, "\"%04d-%02d-%02dT%02d:%02d:%02dZ\"", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* @message cut to what a record may hold, not in the middle of a character. */
static void copy_message(char buf[MESSAGE_MAX], const char *message)
{
    size_t len = strlen(message);

    if (len >= MESSAGE_MAX) {
        len = MESSAGE_MAX - 1;
        while (len > 0 && ((unsigned char) message[len] & 0xc0) == 0x80)
            len--;
    }
    memcpy(buf, message, len);
    buf[len] = '\0';
}

static void add_json_field(struct text *t, const char *key, const char *value)
{
    if (!value || !value[0])
        return;
    text_printf(t, ",\"%s\":", key);
    text_add_json(t, value);
}

static void add_json_line(struct text *t, enum log_level level, const char *message,
                          const struct log_fields *fields)
{
    text_printf(t, "{\"level\":\"%s\",\"msg\":", level_names[level]);
    text_add_json(t, message);
    text_add(t, ",\"time\":");
    add_time(t);
    if (fields) {
        add_json_field(t, "code", fields->code);
        add_json_field(t, "step", fields->step);
        add_json_field(t, "field", fields->field);
        if (fields->sys_errno)
            text_printf(t, ",\"errno\":%d", fields->sys_errno);
        add_json_field(t, "hint", fields->hint);
    }
    text_add(t, "}\n");
}

static void add_text_line(struct text *t, enum log_level level, const char *message, const char *hint)
{
    text_add(t, "time=");
    add_time(t);
    text_printf(t, " level=%s msg=", level_names[level]);
    text_add_logfmt(t, message);
    if (hint && hint[0]) {
        text_add(t, " hint=");
        text_add_logfmt(t, hint);
    }
    text_add(t, "\n");
}

static void add_line(struct text *t, const struct log *log, enum log_level level, const char *message,
                     const struct log_fields *fields, bool with_hint)
{
    if (log->json)
        add_json_line(t, level, message, fields);
    else
        add_text_line(t, level, message, with_hint && fields ? fields->hint : NULL);
}

/* No message can add a field of its own: it is one line, journald's fields are lines. */
static void add_datagram(struct text *t, const struct log *log, enum log_level level, const char *message)
{
    if (log->target == LOG_TARGET_JOURNALD) {
        text_printf(t, "PRIORITY=%d\nSYSLOG_IDENTIFIER=", syslog_severity[level]);
        text_add_plain(t, log->ident);
        text_add(t, "\nMESSAGE=");
        text_add_plain(t, message);
        text_add(t, "\n");
    } else {
        text_printf(t, "<%d>", SYSLOG_FACILITY_DAEMON | syslog_severity[level]);
        text_add_plain(t, log->ident);
        text_printf(t, "[%d]: ", (int) getpid());
        text_add_plain(t, message);
    }
}

/* To --log, if there is one. */
static void write_record(const struct log *log, enum log_level level, const char *message,
                         const struct log_fields *fields)
{
    struct text t = TEXT_INIT;

    if (log->target == LOG_TARGET_FILE)
        add_line(&t, log, level, message, fields, false);
    else
        add_datagram(&t, log, level, message);
    (void) text_write(&t, log->fd);
    text_free(&t);
}

static void write_stderr(struct text *t)
{
    if (t->len > STDERR_MAX) {
        t->len = STDERR_MAX;
        t->data[STDERR_MAX - 1] = '\n';
    }
    (void) text_write(t, STDERR_FILENO);
    text_free(t);
}

void log_error(const struct log *log, const char *message, const struct log_fields *fields)
{
    char cut[MESSAGE_MAX];
    struct text t = TEXT_INIT;

    copy_message(cut, message);
    if (log->fd >= 0) {
        write_record(log, LOG_LEVEL_ERROR, cut, fields);
        text_add_plain(&t, cut);
        text_add(&t, "\n");
    } else {
        add_line(&t, log, LOG_LEVEL_ERROR, cut, fields, isatty(STDERR_FILENO) == 1);
    }
    write_stderr(&t);
}

void log_usage_error(const struct log *log, const char *message, const char *line)
{
    const struct log_fields fields = {.code = "usage"};
    char cut[MESSAGE_MAX];
    struct text t = TEXT_INIT;

    copy_message(cut, message);
    if (log->fd >= 0)
        write_record(log, LOG_LEVEL_ERROR, cut, &fields);
    text_add_plain(&t, cut);
    text_add(&t, "\n");
    text_add(&t, line);
    write_stderr(&t);
}

static bool is_shown(const struct log *log, enum log_level level)
{
    return log->level == LOG_LEVEL_AUTO ? level <= LOG_LEVEL_WARNING && isatty(STDERR_FILENO) == 1
                                        : level <= log->level;
}

static void log_other(const struct log *log, enum log_level level, const char *message)
{
    char cut[MESSAGE_MAX];
    struct text t = TEXT_INIT;

    if (!is_shown(log, level))
        return;
    copy_message(cut, message);
    if (log->fd >= 0) {
        write_record(log, level, cut, NULL);
        return;
    }
    add_line(&t, log, level, cut, NULL, false);
    write_stderr(&t);
}

void log_warning(const struct log *log, const char *message)
{
    log_other(log, LOG_LEVEL_WARNING, message);
}

int log_library_wanted(void *userdata, int level)
{
    return is_shown(userdata, level <= COFFER_LOG_WARNING ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG);
}

void log_library(void *userdata, const struct coffer_log_record *record)
{
    const struct log *log = userdata;
    struct text t = TEXT_INIT;

    if (record->level <= COFFER_LOG_WARNING) {
        log_other(log, LOG_LEVEL_WARNING, record->text);
        return;
    }
    text_add(&t, record->module);
    text_add(&t, ": ");
    text_add(&t, record->text);
    if (!t.failed)
        log_other(log, LOG_LEVEL_DEBUG, t.data);
    text_free(&t);
}
