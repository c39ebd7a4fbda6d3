/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A container that an operation works on: locked, its record read, its cgroup open. For operations that want it
 * alive and nobody else at it.
 */

#include <stdbool.h>

#include "container/container.h"

struct cf_hold {
    struct cf_arena *arena;
    struct cf_entry *entry; /* locked exclusively */
    struct cf_record record;
    struct cf_cgroup *cgroup; /* NULL if it has stopped */
    int pidfd;                /* of init, -EBADF if it has stopped */
};

#define CF_HOLD_INIT {.pidfd = -EBADF}

/** Waits for the lock, up to its deadline. A stopped container is no error here: look at pidfd. */
int cf_hold_take(struct coffer_container *container, struct cf_hold *ret, struct cf_err *err);
/** Unlocks. */
void cf_hold_done(struct cf_hold *hold);

/** Has init ended meanwhile, or been killed so that it ends as soon as it may run? */
bool cf_hold_is_gone(const struct cf_hold *hold);

/** `container not running`, for kill too. Drops an error that was set before. */
int cf_hold_not_running(struct cf_err *err);
