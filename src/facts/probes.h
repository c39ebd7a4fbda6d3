/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parts of cf_facts_probe(). Host side, read-only. */

#include "facts/facts.h"

/** cgroup_mode, and the hierarchies on a v1 host. @ret_fd: as in cf_facts_probe_keep(), NULL: not wanted. */
int cf_facts_probe_cgroup(struct cf_facts *facts, int *ret_fd, struct cf_err *err);
