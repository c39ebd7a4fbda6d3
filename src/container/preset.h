/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Presets: defaults that are stricter than those that engines expect (docs/security.md, "The hardened preset").
 * What a preset sets goes into the parsed configuration; what it refuses has a code preset-* and a word that allows
 * it. Host side; all but cf_preset_check_joins() is pure.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ns/ns.h"
#include "spec/spec.h"

#define CF_ANNOTATION_PRESET "org.coffer.preset"

struct cf_preset {
    bool hardened;
    bool host_pid, host_ipc, host_network, devices, setuid_volumes, new_privileges; /* allowed all the same */
    uint64_t caps;
};

/**
 * cf_preset_choose() - what @option says, else the annotation, else nothing
 * `default`, `hardened` or `hardened:WORD[,WORD...]`. Code: preset.
 */
int cf_preset_choose(const struct cf_spec *spec, const char *option, struct cf_preset *ret, struct cf_err *err);

/**
 * cf_preset_apply() - check the configuration, and set what it leaves open; before ids are picked
 * Codes: preset-namespace, preset-capability, preset-device.
 */
int cf_preset_apply(const struct cf_preset *preset, struct cf_spec *spec, struct cf_err *err);

/** Namespaces that are joined by path are not the runtime's own. Code: preset-namespace. */
int cf_preset_check_joins(const struct cf_preset *preset, const struct cf_ns_plan *ns, const int *join_fds,
                          const struct cf_spec *spec, struct cf_err *err);

/** A range of ids is to be picked: the configuration has no user namespace. */
bool cf_preset_wants_userns(const struct cf_preset *preset, const struct cf_spec *spec);
