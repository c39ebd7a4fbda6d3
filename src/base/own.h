/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Cleanup attributes: ownership that can be seen. Hosted code only. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* Closes *fd if it is valid and marks it closed. Keeps errno. */
static inline void cf_fd_close(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;

        (void) close(*fd);
        errno = saved;
    }
    *fd = -EBADF;
}

static inline void cf_free_ptr(void *p)
{
    free(*(void **) p);
}

#define cf_auto(destructor) __attribute__((cleanup(destructor)))
#define cf_auto_fd cf_auto(cf_fd_close)
#define cf_auto_free cf_auto(cf_free_ptr)

/* Hand over: the variable becomes -EBADF or NULL. */
static inline int cf_steal_fd(int *fd)
{
    int r = *fd;

    *fd = -EBADF;
    return r;
}

#define cf_steal_ptr(p)                                                                            \
    __extension__({                                                                                \
        __typeof__(*(p)) cf_stolen_ = *(p);                                                        \
        *(p) = NULL;                                                                               \
        cf_stolen_;                                                                                \
    })
