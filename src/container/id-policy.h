/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What off, warn and enforce mean: ids that a container shares with others are named or refused. Host side. */

#include "container/create-ids.h"

/** Would a warning reach anybody? Otherwise nothing is looked up for one. */
bool cf_id_policy_is_heard(const struct coffer_runtime *runtime);

/** Leases of other live containers. Codes (enforce): id-overlap-container. */
int cf_id_policy_leases(const struct cf_create_ids_input *in, struct cf_create_ids *ids,
                        const struct cf_userns_plan *plan, const struct cf_ledger_reply *reply, struct cf_err *err);

/**
 * cf_id_policy_host() - user namespaces of others, accounts, subordinate ids of users
 * @init_pid: the container's own namespace does not count; 0: there is none yet
 * Codes (enforce): id-overlap-namespace, id-overlap-account, id-overlap-subid.
 */
int cf_id_policy_host(const struct cf_create_ids_input *in, struct cf_create_ids *ids,
                      const struct cf_userns_plan *plan, int init_pid, struct cf_err *err);

/** Ids of a window that an automatic range must not have: of accounts, users, and (enforce) namespaces. */
int cf_id_policy_avoid(const struct cf_create_ids_input *in, struct cf_create_ids *ids, const struct cf_idset *window,
                       struct cf_idset *ret, struct cf_err *err);
