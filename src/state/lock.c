/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lock of one container: flock(2) on its directory. It dies with its holder, so that nothing has to
 * be repaired after a kill. Host side.
 */

#include "state/state-internal.h"

#include <errno.h>
#include <sys/file.h>

#include "base/clock.h"
#include "sys/fs.h"
#include "sys/task.h"

/* flock(2) knows no deadline and the library may not use signals: a taken lock is tried again. */
#define RETRY_FIRST_US 500
#define RETRY_MAX_US 16000

static int flock_operation(enum cf_lock lock)
{
    switch (lock) {
    case CF_LOCK_SHARED:
        return LOCK_SH;
    case CF_LOCK_EXCLUSIVE:
        return LOCK_EX;
    case CF_LOCK_NONE:
        break;
    }
    return LOCK_UN;
}

int cf_lock_take(int dir_fd, enum cf_lock lock, int timeout_ms)
{
    int64_t deadline = 0;
    long delay_us = RETRY_FIRST_US;

    for (;;) {
        struct timespec delay;
        int r = cf_sys_flock(dir_fd, flock_operation(lock) | LOCK_NB);

        if (r == -EINTR)
            continue;
        if (r != -EWOULDBLOCK || timeout_ms == 0)
            return r;
        if (deadline == 0)
            deadline = cf_clock_monotonic_ms() + timeout_ms;
        else if (cf_clock_monotonic_ms() >= deadline)
            return -ETIMEDOUT;
        delay = (struct timespec){.tv_nsec = delay_us * 1000};
        (void) cf_sys_nanosleep(&delay, NULL);
        if (delay_us < RETRY_MAX_US)
            delay_us *= 2;
    }
}

bool cf_entry_busy(struct cf_entry *entry)
{
    int r;

    if (entry->lock != CF_LOCK_NONE)
        return false; /* ours, or one that nobody can hold beside ours */
    r = cf_lock_take(entry->dir_fd, CF_LOCK_SHARED, 0);
    if (r == 0)
        (void) cf_lock_take(entry->dir_fd, CF_LOCK_NONE, 0);
    return r == -EWOULDBLOCK;
}
