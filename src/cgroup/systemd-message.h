/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Messages to systemd. Host side; only where meson found libsystemd's headers. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cgroup/systemd-internal.h"
#include "sys/dl-systemd.h"

/* One message and the library that made it. */
struct cf_sdbus_message {
    const struct cf_libsystemd *lib;
    sd_bus_message *m;
};

static inline void cf_sdbus_message_done(struct cf_sdbus_message *message)
{
    if (message->m)
        (void) message->lib->message_unref(message->m);
    message->m = NULL;
}

/**
 * cf_sdbus_append_properties() - a(sv) of all properties but those left out
 * @holder: the process of property PIDs, 0: none
 * Return: 0 or more, -errno of sd-bus.
 */
int cf_sdbus_append_properties(const struct cf_sdbus_message *m, const struct cf_systemd_property *properties,
                               size_t n, const bool *left_out, pid_t holder);
