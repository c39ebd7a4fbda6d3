/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Numbered points at which a test build stops itself, so that the crash tests can kill it there
 * and check that `delete --force` leaves nothing behind. New effect, new point. In ordinary builds
 * this is nothing at all.
 */

#ifdef CF_STOP_POINTS
void cf_stop_point(const char *name);
#else
static inline void cf_stop_point(const char *name)
{
    (void) name;
}
#endif
