/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Descriptors that tell of events. Host side. */

#include <sys/eventfd.h>

#include "sys/syscall.h"

static inline int cf_sys_eventfd2(unsigned int count, int flags)
{
    return (int) cf_syscall2(__NR_eventfd2, (long) count, flags);
}
