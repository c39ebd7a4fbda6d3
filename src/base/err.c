/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Filling and printing the error value. Both sides; no allocation. Text that came from a config
 * or a container is stored as it is and escaped when printed.
 */

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/format.h"
#include "base/str.h"

/* Appends a frame; what does not fit is cut, a frame without any room is dropped: the innermost
 * ones say what happened. */
CF_PRINTF(2, 0)
static void add_frame(struct cf_err *err, const char *fmt, va_list args)
{
    size_t room, n;

    if (err->n_frames >= CF_ERR_MAX_FRAMES || err->used >= CF_ERR_TEXT_SIZE - 1)
        return;
    room = CF_ERR_TEXT_SIZE - err->used;
    n = cf_vformat(err->text + err->used, room, fmt, args);
    if (n >= room)
        n = room - 1;
    err->used += (uint32_t) n + 1;
    err->n_frames++;
}

void cf_err_clear(struct cf_err *err)
{
    err->kind = COFFER_ERROR_NONE;
    err->ret = 0;
    err->sys_errno = 0;
    err->used = 0;
    err->n_frames = 0;
    err->code[0] = '\0';
    err->step[0] = '\0';
    err->field[0] = '\0';
    err->hint[0] = '\0';
    err->text[0] = '\0';
}

CF_PRINTF(5, 0)
static int set(struct cf_err *err, uint32_t kind, const char *code, int r, const char *fmt,
               va_list args)
{
    cf_err_clear(err);
    err->kind = kind;
    err->ret = r < 0 ? r : -EIO;
    (void) cf_str_copy(err->code, sizeof(err->code), code ? code : "");
    add_frame(err, fmt, args);
    return err->ret;
}

int cf_err_set(struct cf_err *err, uint32_t kind, const char *code, int r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    r = set(err, kind, code, r, fmt, args);
    va_end(args);
    return r;
}

int cf_err_sys(struct cf_err *err, int r, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    r = set(err, r == -ENOMEM ? COFFER_ERROR_NOMEM : COFFER_ERROR_SYSTEM,
            r == -ENOMEM ? "out-of-memory" : "system-call", r, fmt, args);
    va_end(args);
    err->sys_errno = -r;
    return r;
}

int cf_err_config(struct cf_err *err, const char *code, const char *field, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void) set(err, COFFER_ERROR_CONFIG, code, -EINVAL, fmt, args);
    va_end(args);
    (void) cf_str_copy(err->field, sizeof(err->field), field ? field : "");
    return -EINVAL;
}

int cf_err_oom(struct cf_err *err)
{
    return cf_err_set(err, COFFER_ERROR_NOMEM, "out-of-memory", -ENOMEM, "out of memory");
}

int cf_err_in(struct cf_err *err, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add_frame(err, fmt, args);
    va_end(args);
    return err->ret;
}

void cf_err_field(struct cf_err *err, const char *fmt, ...)
{
    va_list args;

    if (err->field[0])
        return;
    va_start(args, fmt);
    (void) cf_vformat(err->field, sizeof(err->field), fmt, args);
    va_end(args);
}

void cf_err_step(struct cf_err *err, const char *step)
{
    if (!err->step[0])
        (void) cf_str_copy(err->step, sizeof(err->step), step);
}

void cf_err_hint(struct cf_err *err, const char *fmt, ...)
{
    va_list args;

    if (err->hint[0])
        return;
    va_start(args, fmt);
    (void) cf_vformat(err->hint, sizeof(err->hint), fmt, args);
    va_end(args);
}

void cf_err_errno(struct cf_err *err, int r)
{
    err->sys_errno = r < 0 ? -r : r;
}

/* Appends escaped text behind a separator if there is anything before it. */
static size_t print_part(char *buf, size_t size, size_t len, const char *s)
{
    if (len > 0 && len + 2 < size) {
        buf[len++] = ':';
        buf[len++] = ' ';
    }
    return len + cf_str_escape(buf + len, size - len, s, strlen(s));
}

size_t cf_err_print(const struct cf_err *err, char *buf, size_t size)
{
    const char *frames[CF_ERR_MAX_FRAMES];
    size_t n = 0, len = 0, at = 0;
    char number[32];

    if (size == 0)
        return 0;
    buf[0] = '\0';
    while (n < err->n_frames && n < CF_ERR_MAX_FRAMES && at < err->used) {
        frames[n++] = err->text + at;
        at += strlen(err->text + at) + 1;
    }
    while (n > 1)
        len = print_part(buf, size, len, frames[--n]);
    /* Where in config.json, once. */
    if (err->field[0] && !(n == 1 && cf_str_starts_with(frames[0], err->field)))
        len = print_part(buf, size, len, err->field);
    if (n == 1)
        len = print_part(buf, size, len, frames[0]);
    if (err->sys_errno > 0) {
        const char *text = cf_errno_text(err->sys_errno);

        if (!text[0]) {
            (void) cf_format(number, sizeof(number), "error %d", err->sys_errno);
            text = number;
        }
        len = print_part(buf, size, len, text);
    }
    return len;
}

/* Terminates; with @ident also replaces what no identifier of ours contains. */
static void mend(char *s, size_t size, int ident)
{
    s[size - 1] = '\0';
    for (; ident && *s; s++) {
        if (!((*s >= 'a' && *s <= 'z') || (*s >= '0' && *s <= '9') || *s == '-'))
            *s = '-';
    }
}

void cf_err_sanitize(struct cf_err *err)
{
    uint32_t n = 0;

    mend(err->code, sizeof(err->code), 1);
    mend(err->step, sizeof(err->step), 0);
    mend(err->field, sizeof(err->field), 0);
    mend(err->hint, sizeof(err->hint), 0);
    if (err->kind == COFFER_ERROR_NONE || err->kind > COFFER_ERROR_BUG)
        err->kind = COFFER_ERROR_SYSTEM;
    if (err->ret >= 0 || err->ret < -4095)
        err->ret = -EPROTO;
    if (err->sys_errno < 0 || err->sys_errno > 4095)
        err->sys_errno = 0;

    if (err->used > CF_ERR_TEXT_SIZE)
        err->used = CF_ERR_TEXT_SIZE;
    if (err->used > 0)
        err->text[err->used - 1] = '\0';
    for (uint32_t i = 0; i < err->used; i++)
        n += err->text[i] == '\0';
    if (err->n_frames > n)
        err->n_frames = n;
    if (err->n_frames > CF_ERR_MAX_FRAMES)
        err->n_frames = CF_ERR_MAX_FRAMES;
}
