/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The error value. Fixed size, no allocation, so that the container's init can fill one and send
 * it over the wire as it is. Compiled hosted and freestanding.
 *
 * A function that can fail returns 0 or more, or a negative errno, and fills *err on failure.
 * Set an error exactly once (cf_err_set and its short forms), afterwards only add context with
 * cf_err_in(). `err` is never NULL inside the library.
 */

#include <stddef.h>
#include <stdint.h>

#include "coffer/error.h"

#define CF_ERR_TEXT_SIZE 1400
#define CF_ERR_MAX_FRAMES 12

struct cf_err {
    uint32_t kind;      /* enum coffer_error_kind; COFFER_ERROR_NONE: not set */
    int32_t ret;        /* the negative errno the function returned */
    int32_t sys_errno;  /* errno of the failed call (positive), 0 when no call failed */
    uint32_t used;      /* bytes used in text */
    uint32_t n_frames;  /* NUL-terminated frames in text, innermost first */
    char code[40];      /* stable identifier: lower case, digits, '-' */
    char step[24];      /* step of the operation */
    char field[128];    /* path in config.json: `mounts[3].destination` */
    char hint[256];     /* what to do, one sentence without final period */
    char text[CF_ERR_TEXT_SIZE];
};

#define CF_ERR_INIT {0}

#define CF_PRINTF(fmt_index, first) __attribute__((format(printf, fmt_index, first)))

/**
 * cf_err_set() - fill an error
 * @kind: enum coffer_error_kind
 * @code: stable identifier, for example "idmap-overlap"
 * @r: negative errno to return; its text is printed at the end of the message if @is_errno
 * Return: @r.
 */
int cf_err_set(struct cf_err *err, uint32_t kind, const char *code, int r, const char *fmt, ...)
    CF_PRINTF(5, 6);

/** A system call failed with @r (negative errno). Kind SYSTEM (NOMEM for -ENOMEM). Return: @r. */
int cf_err_sys(struct cf_err *err, int r, const char *fmt, ...) CF_PRINTF(3, 4);

/** config.json is wrong at @field. Kind CONFIG, returns -EINVAL. The message is `field: text`. */
int cf_err_config(struct cf_err *err, const char *code, const char *field, const char *fmt, ...)
    CF_PRINTF(4, 5);

/** Out of memory. Return: -ENOMEM. */
int cf_err_oom(struct cf_err *err);

/** Adds a context frame; returns err->ret, so `return cf_err_in(err, "mount `%s`", t);` works. */
int cf_err_in(struct cf_err *err, const char *fmt, ...) CF_PRINTF(2, 3);

/** Sets the field after the fact (only if still empty), with printf formatting. */
void cf_err_field(struct cf_err *err, const char *fmt, ...) CF_PRINTF(2, 3);
/** Sets the step if still empty. */
void cf_err_step(struct cf_err *err, const char *step);
/** Sets the hint if still empty. */
void cf_err_hint(struct cf_err *err, const char *fmt, ...) CF_PRINTF(2, 3);
/** Marks the failed call's errno for an error that was made by cf_err_set(): printed last. */
void cf_err_errno(struct cf_err *err, int r);
/** Forgets the error, for a deliberate "try A, else B". */
void cf_err_clear(struct cf_err *err);

/**
 * cf_err_print() - the message: frames outermost first joined by ": ", then errno text
 * Control characters and invalid UTF-8 are escaped as \xNN. Always NUL-terminated.
 * Return: length, cut to size - 1.
 */
size_t cf_err_print(const struct cf_err *err, char *buf, size_t size);

/** Checks an error that came over the wire: NUL termination, ranges. Mends it, never fails. */
void cf_err_sanitize(struct cf_err *err);

/** errno text in lower case as engines expect it: "no such file or directory". Never NULL. */
const char *cf_errno_text(int e);
