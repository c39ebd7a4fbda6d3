/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Namespaces: which are new, which are joined, is a joiner needed. */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct cf_plan;
struct cf_plan_input;

#define CF_NS_MAX 8

struct cf_ns_join {
    int type;         /* CLONE_NEW* */
    const char *path; /* host path */
    uint32_t config_index;
};

struct cf_ns_plan {
    uint64_t new_flags; /* CLONE_NEW* for clone3 */
    struct cf_ns_join joins[CF_NS_MAX]; /* in the order of setns: user first, pid last */
    uint32_t n_joins;
    const int *fds;     /* of joins, borrowed; NULL: not opened yet */
    bool joiner;        /* a joiner process is needed */
    uint64_t listed;    /* CLONE_NEW* of every namespace that is new or joined: not simply the runtime's */
    uint64_t private_types; /* joined ones of these types must not be the runtime's own (sysctls) */
    const char *timens_offsets; /* text for /proc/PID/timens_offsets, NULL: none */
};

/** Pure planner. */
int cf_ns_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/** Words of the spec <-> CLONE_NEW*; 0 if unknown. */
int cf_ns_type_of(const char *name);
const char *cf_ns_name_of(int type);
/** The words one by one; NULL behind the last. */
const char *cf_ns_name_at(size_t index);

/**
 * cf_ns_host_open() - open every namespace that is joined, check type (NS_GET_NSTYPE), ownership (with a joined
 * user namespace the others belong to it or to a descendant, rule U10; otherwise the caller has rights in the
 * owner) and that it is a namespace file at all (a FIFO never blocks). A sysctl is never written to the runtime's own namespace (private_types).
 * @privileged: the caller has CAP_SYS_ADMIN in its user namespace
 * @fds: CF_NS_MAX entries, set to O_CLOEXEC fds in the order of plan->joins, or -EBADF where nothing needs to be
 * joined because the runtime is in that namespace itself; on failure none stays open.
 */
int cf_ns_host_open(const struct cf_ns_plan *plan, bool privileged, int *fds, struct cf_err *err);
