/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Scheduler and I/O priority of the container's process, set by whoever may: init itself, or the host. Both sides. */

#include "base/err.h"
#include "wire/blob.h"

/**
 * cf_sched_apply() - what the plan says about the scheduler and the I/O priority
 * @pid: of a child that waits for us; 0: the calling process
 */
int cf_sched_apply(const struct cf_blob_header *h, int pid, struct cf_err *err);
