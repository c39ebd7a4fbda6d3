/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* sysctl, host name, loopback: planners. */

#include "base/err.h"
#include "plan/plan.h"

/** linux.sysctl -> blob; which namespace owns a key (rule R9). hostname and domainname too. */
int cf_sysctl_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/**
 * cf_sysctl_host_write() - those that init could not: of joined namespaces that another user namespace owns
 * They are not the runtime's own (cf_ns_host_open()), and stay as they are when the container has gone.
 */
int cf_sysctl_host_write(const struct cf_plan *plan, struct cf_err *err);
/** linux.netDevices: names, and whether there is a namespace for them. After the namespaces. */
int cf_netdev_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/** Kinds of namespaces that a user namespace counts. */
#define CF_BUDGET_COUNT 8

/**
 * cf_budget_plan_defaults() - what is written to user.max_*_namespaces of a new user namespace
 * @list: room for CF_BUDGET_COUNT
 * Return: how many were filled in, or -EINVAL with err (code userns-nested).
 */
int cf_budget_plan_defaults(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_blob_sysctl *list,
                            struct cf_err *err);
