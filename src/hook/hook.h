/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Hooks: planning for both sides, running on the host's side. */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "plan/plan.h"

/* For errors about the files that annotations send the output of hooks to. */
#define CF_HOOK_STDOUT_FIELD "annotations[\"run.oci.hooks.stdout\"]"
#define CF_HOOK_STDERR_FIELD "annotations[\"run.oci.hooks.stderr\"]"

/** Pure planner: fills plan->prestart... and the blob's createContainer/startContainer lists and state halves. */
int cf_hook_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/**
 * cf_hook_host_run() - run one list in order; the first failure stops (poststop: warnings, all run)
 * @state_json: written to each hook's stdin from a memfd; @cwd: bundle directory
 * stdout and stderr are captured up to 8 KiB each and quoted in the error, or appended to the files of @hooks. On timeout the hook's process group is killed
 * by pidfd. Error text: `error running prestart hook #0: exit status 3, stdout: ..., stderr: ...`.
 */
int cf_hook_host_run(const struct cf_host_hooks *hooks, const char *state_json, const char *cwd, struct cf_err *err);

/**
 * cf_hook_plan_list() - one host-side list of an already parsed bundle
 * @kind: "prestart", "createRuntime", "poststart" or "poststop"
 * @ret: memory from @arena and @spec. Pure.
 */
int cf_hook_plan_list(struct cf_arena *arena, const struct cf_spec *spec, const char *kind, struct cf_host_hooks *ret,
                      struct cf_err *err);
