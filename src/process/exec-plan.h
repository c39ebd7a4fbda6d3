/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which process `exec` starts: what the caller asks for over what the container's process has. Pure, host side. */

#include "base/arena.h"
#include "base/err.h"
#include "coffer/exec.h"
#include "spec/spec.h"

/**
 * cf_exec_plan_process() - the process object for a further process of a container
 * @file: a process object of the caller, or NULL for options->args
 * @config: as the container was made; its process may be absent
 * Nothing is copied that can be shared: @ret lives as long as its sources and @arena.
 *
 * A process object is taken as it is. Only where it says nothing of confinement (capabilities, labels, limits, OOM
 * score, scheduling, no_new_privs) the container's counts: a further process is never less confined by silence.
 */
int cf_exec_plan_process(const struct coffer_exec_options *options, const struct ocispec_process *file,
                         const struct ocispec_config *config, struct cf_arena *arena, struct ocispec_process **ret,
                         struct cf_err *err);
