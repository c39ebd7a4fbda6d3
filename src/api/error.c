/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* coffer_error: the heap copy of an error at the border of the library. */

#include "api/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct coffer_error {
    struct cf_err err;
    char message[2048];
};

int cf_api_error(const struct cf_err *from, coffer_error **ret)
{
    int r = from->ret < 0 ? from->ret : -EIO;
    struct coffer_error *e;

    if (!ret)
        return r;
    e = malloc(sizeof(*e));
    *ret = e;
    if (!e)
        return r;
    e->err = *from;
    (void) cf_err_print(from, e->message, sizeof(e->message));
    return r;
}

int cf_api_options(const void *options, size_t size_known, void *ret, struct cf_err *err)
{
    const unsigned char *bytes = options;
    size_t size;

    memset(ret, 0, size_known);
    if (!options)
        return 0;
    memcpy(&size, bytes, sizeof(size));
    if (size < sizeof(size))
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "options-size", -EINVAL, "options without their size");
    for (size_t i = size_known; i < size; i++)
        if (bytes[i])
            return cf_err_set(err, COFFER_ERROR_ARGUMENT, "options-newer", -E2BIG,
                              "options of a newer library ask for something unknown");
    memcpy(ret, bytes, size < size_known ? size : size_known);
    return 0;
}

enum coffer_error_kind coffer_error_kind_of(const coffer_error *err)
{
    return err ? (enum coffer_error_kind) err->err.kind : COFFER_ERROR_NONE;
}

int coffer_error_errno(const coffer_error *err)
{
    return err ? err->err.sys_errno : 0;
}

const char *coffer_error_message(const coffer_error *err)
{
    return err ? err->message : "out of memory";
}

const char *coffer_error_code(const coffer_error *err)
{
    return err ? err->err.code : "";
}

const char *coffer_error_field(const coffer_error *err)
{
    return err ? err->err.field : "";
}

const char *coffer_error_step(const coffer_error *err)
{
    return err ? err->err.step : "";
}

const char *coffer_error_hint(const coffer_error *err)
{
    return err ? err->err.hint : "";
}

void coffer_error_free(coffer_error *err)
{
    free(err);
}
