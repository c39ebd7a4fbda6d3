/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looks at the world for cf_status_derive(): lock, process, start.sock, freezer, and each only when
 * the ones before it have not decided yet. Host side, read-only.
 */

#include "state/state.h"

#include "base/err.h"
#include "base/own.h"
#include "cgroup/cgroup.h"

static bool is_frozen(const struct cf_record *record)
{
    cf_auto(cf_cgroup_closep) struct cf_cgroup *cg = NULL;
    struct cf_err ignored = CF_ERR_INIT;

    if (record->cgroup.n_dirs == 0)
        return false;
    if (cf_cgroup_open(&record->cgroup, &cg, &ignored) < 0 || !cg)
        return false;
    return cf_cgroup_is_frozen(cg) > 0;
}

enum cf_status cf_entry_status(struct cf_entry *entry, const struct cf_record *record)
{
    return cf_entry_status_connect(entry, record, NULL);
}

enum cf_status cf_entry_status_connect(struct cf_entry *entry, const struct cf_record *record, int *ret_gate_fd)
{
    struct cf_status_input in = {.phase = record->phase};

    if (record->phase == CF_PHASE_CREATING)
        in.lock_busy = cf_entry_busy(entry);
    if (record->phase == CF_PHASE_CREATED) {
        in.init_alive = cf_record_init_alive(record, NULL) > 0;
        if (in.init_alive)
            in.frozen = is_frozen(record);
        /* A probe connects: init need not be disturbed when the answer does not matter. */
        if (in.init_alive && !in.frozen && record->gate && ret_gate_fd) {
            int r = cf_gate_connect(entry, ret_gate_fd);

            in.gate_open = r >= 0;
            if (r < 0)
                *ret_gate_fd = r;
        } else if (in.init_alive && !in.frozen && record->gate) {
            in.gate_open = cf_gate_probe(entry) > 0;
        }
    }
    return cf_status_derive(&in);
}
