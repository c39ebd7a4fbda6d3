/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Audit and whois: all containers of the state directory, seen at once. Host side, no lock. */

#include "base/err.h"
#include "coffer/audit.h"
#include "container/container.h"

/** What @each returned is returned without an error in @err. */
int cf_runtime_audit(struct coffer_runtime *runtime, const char *const *ids, size_t n_ids,
                     int (*each)(void *userdata, const struct coffer_audit_finding *finding), void *userdata,
                     struct cf_err *err);
int cf_runtime_whois(struct coffer_runtime *runtime, uint32_t id_kind, uint32_t id,
                     int (*each)(void *userdata, const struct coffer_id_owner *owner), void *userdata,
                     struct cf_err *err);
