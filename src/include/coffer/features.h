/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COFFER_FEATURES_H
#define COFFER_FEATURES_H

/*
 * What this libcoffer is and can do, and the example configuration. Needs no runtime handle.
 */

#include <stdint.h>

#include "coffer/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the library, "1.2.3". */
COFFER_PUBLIC const char *coffer_version(void);
/** Commit or tag it was built from; never empty. */
COFFER_PUBLIC const char *coffer_commit(void);
/** Newest version of the OCI runtime specification that it implements. */
COFFER_PUBLIC const char *coffer_spec_version(void);

/**
 * coffer_features_json() - the features document of the OCI runtime specification
 * @ret_json: one object, indented by four spaces, no newline at the end; coffer_free()
 *
 * Tells what is built in, not what works on this host.
 */
COFFER_PUBLIC int coffer_features_json(char **ret_json, coffer_error **err);

/** A configuration for a user without privileges: with a user namespace. */
#define COFFER_SPEC_ROOTLESS 1u

/**
 * coffer_spec_json() - an example config.json
 * @flags: COFFER_SPEC_*
 * @userns_first: first host id of a user namespace to write down
 * @userns_size: number of ids from there on; 0: no such namespace, or with
 *               COFFER_SPEC_ROOTLESS one that maps container root to the caller
 * @ret_json: one object, indented by tabs, newline at the end; coffer_free()
 */
COFFER_PUBLIC int coffer_spec_json(uint32_t flags, uint32_t userns_first, uint32_t userns_size,
                                   char **ret_json, coffer_error **err);

/** Releases text that the library returned; NULL is allowed. */
COFFER_PUBLIC void coffer_free(void *p);

#ifdef __cplusplus
}
#endif

#endif
