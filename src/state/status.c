/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The status of a container, derived from what can be observed. Pure: cf_status_derive() is one
 * table; entry-status.c collects its input. Host side.
 */

#include "state/state.h"

enum cf_status cf_status_derive(const struct cf_status_input *in)
{
    switch (in->phase) {
    case CF_PHASE_CREATING:
        /* Without the lock the creator is gone; what it left can only be deleted. */
        return in->lock_busy ? CF_STATUS_CREATING : CF_STATUS_STOPPED;
    case CF_PHASE_CREATED:
        if (!in->init_alive)
            return CF_STATUS_STOPPED;
        if (in->frozen)
            return CF_STATUS_PAUSED;
        return in->gate_open ? CF_STATUS_CREATED : CF_STATUS_RUNNING;
    case CF_PHASE_DELETING:
        return CF_STATUS_STOPPED;
    }
    return CF_STATUS_STOPPED;
}

const char *cf_status_name(enum cf_status status)
{
    switch (status) {
    case CF_STATUS_CREATING:
        return "creating";
    case CF_STATUS_CREATED:
        return "created";
    case CF_STATUS_RUNNING:
        return "running";
    case CF_STATUS_PAUSED:
        return "paused";
    case CF_STATUS_STOPPED:
        return "stopped";
    }
    return "stopped";
}
