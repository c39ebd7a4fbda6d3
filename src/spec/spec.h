/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parsed bundle: read-only after load. */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ocispec/config.h"
#include "ocispec/ocispec.h"

struct cf_spec {
    struct ocispec_config *config;
    struct ocispec_doc *doc;   /* owns config */
    char *bundle;              /* absolute path of the bundle directory */
    char *rootfs;              /* absolute path of root.path */
    char *raw;                 /* bytes of config.json as read */
    size_t raw_len;
};

#define CF_SPEC_MAX_FILE (8u << 20)

/**
 * cf_spec_load_bundle() - read and parse a bundle's config.json
 * @bundle: directory, relative to the current directory or absolute
 * @config_file: other file than <bundle>/config.json, or NULL; relative to the current directory
 * Does not run the cross-field checks (cf_spec_check()). Return: 0 or -errno with err.
 */
int cf_spec_load_bundle(const char *bundle, const char *config_file, struct cf_spec **ret, struct cf_err *err);

/** The same from bytes (takes a copy): a saved config.json; @bundle absolute. */
int cf_spec_load_bytes(const char *bundle, const char *json, size_t len, struct cf_spec **ret, struct cf_err *err);

void cf_spec_free(struct cf_spec *spec);
static inline void cf_spec_freep(struct cf_spec **spec)
{
    cf_spec_free(*spec);
    *spec = NULL;
}

/**
 * cf_spec_check() - rules of the runtime-spec that need no knowledge of the host
 * docs/conformance.md lists them: ociVersion, root, cwd, env, args, hooks (absolute path, timeout > 0, env),
 * namespaces (known, unique, absolute path), mappings with and without user namespace, hostname needs uts,
 * mounts need a mount namespace, masked/readonly paths absolute, rlimits unique and ordered, terminal, scheduler,
 * ioPriority, affinity lists, memory policy, personality, time offsets, seccomp rules, ids 4294967295...
 * Features of later releases (netDevices, intelRdt, id-mapped mounts...) are refused here with an error that
 * names the field, kind UNSUPPORTED: nothing is ignored in silence.
 * Pure. Return: 0 or -EINVAL/-EOPNOTSUPP with err.
 */
int cf_spec_check(const struct cf_spec *spec, struct cf_err *err);
