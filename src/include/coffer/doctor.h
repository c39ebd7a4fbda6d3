/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COFFER_DOCTOR_H
#define COFFER_DOCTOR_H

/*
 * What this node can do and what is wrong with it. Needs no runtime handle and no state directory, works
 * for every user and inside containers, and changes nothing.
 */

#include <stddef.h>
#include <stdint.h>

#include "coffer/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/** How a finding is to be taken. */
enum coffer_doctor_verdict {
    COFFER_DOCTOR_OK = 0,  /**< as it should be */
    COFFER_DOCTOR_NOTE,    /**< worth knowing; nothing to do for ordinary containers */
    COFFER_DOCTOR_WARNING, /**< some containers cannot run, or are less isolated */
    COFFER_DOCTOR_PROBLEM, /**< this caller cannot run containers properly, or isolation is broken */
};

/** One result of coffer_doctor(). Strings are valid during the callback only. */
struct coffer_doctor_finding {
    size_t size;             /**< of this struct; newer libraries may append members */
    const char *id;          /**< stable name of the check, `subid.overlap`; one check may find several things */
    uint32_t verdict;        /**< enum coffer_doctor_verdict */
    const char *fact;        /**< one line */
    const char *remedy;      /**< what to do, one line; "" if nothing */
    const char *values_json; /**< what was measured, a JSON object */
};

/** Options of coffer_doctor(). */
struct coffer_doctor_options {
    size_t size;              /**< sizeof(struct coffer_doctor_options) */
    const char *root;         /**< state directory to look at, absolute; NULL: none */
    const char *runtime_dir;  /**< XDG_RUNTIME_DIR of an unprivileged caller; NULL: not set */
    const char *const *paths; /**< where bundles, layers or volumes are; may be relative */
    size_t n_paths;           /**< number of paths */
    const char *id_config;    /**< id configuration; NULL: `/etc/coffer/ids.conf` */
    const char *id_ledger;    /**< directory of the id ledger; NULL: where containers of this caller have it */
};

#define COFFER_DOCTOR_OPTIONS_INIT                                                                           \
    {                                                                                                        \
        .size = sizeof(struct coffer_doctor_options)                                                         \
    }

/** Word of a verdict: `ok`, `note`, `warning`, `problem`. Never NULL. */
COFFER_PUBLIC const char *coffer_doctor_verdict_name(uint32_t verdict);

/**
 * coffer_doctor() - examine the node as the caller sees it
 * @options: NULL: no state directory, no paths
 * @each: called once per finding, in a fixed order; a value other than 0 ends it and is returned
 *
 * Kernel features are tried out in short-lived child processes with namespaces and detached mounts of their
 * own; nothing of it stays. A check that itself fails is a finding, never an error, and what hangs (a dead
 * network file system) is given up after a fraction of a second.
 *
 * Return: 0, what @each returned, or a negative errno. Kinds: ARGUMENT, NOMEM.
 */
COFFER_PUBLIC int coffer_doctor(const struct coffer_doctor_options *options,
                                int (*each)(void *userdata, const struct coffer_doctor_finding *finding),
                                void *userdata, coffer_error **err);

#ifdef __cplusplus
}
#endif

#endif
