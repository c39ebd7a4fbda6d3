/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COFFER_ERROR_H
#define COFFER_ERROR_H

/*
 * Errors of libcoffer.
 *
 * Every function that can fail takes a `coffer_error **err` as its last parameter. It may be NULL.
 * On failure the function returns a negative errno value and, if err is not NULL, stores a newly
 * allocated object in *err, which the caller releases with coffer_error_free().
 */

#ifdef __cplusplus
extern "C" {
#endif

#ifndef COFFER_PUBLIC
#define COFFER_PUBLIC __attribute__((visibility("default")))
#endif

/** What the caller can do about an error. New values may be added: treat unknown ones as SYSTEM. */
enum coffer_error_kind {
    COFFER_ERROR_NONE = 0,
    COFFER_ERROR_CONFIG,      /**< config.json is wrong; coffer_error_field() says where */
    COFFER_ERROR_ARGUMENT,    /**< the caller passed something unusable */
    COFFER_ERROR_NOT_FOUND,   /**< no container of this id */
    COFFER_ERROR_EXISTS,      /**< the id is taken */
    COFFER_ERROR_STATE,       /**< not allowed in the container's present state */
    COFFER_ERROR_UNSUPPORTED, /**< the kernel, the build or the file system lacks it */
    COFFER_ERROR_PERMISSION,  /**< the caller lacks a privilege that the text names */
    COFFER_ERROR_UNSAFE,      /**< a path or procfs check failed: treat it as an attack */
    COFFER_ERROR_HOOK,        /**< a hook failed or ran out of time */
    COFFER_ERROR_PEER,        /**< the container's init died or spoke out of turn */
    COFFER_ERROR_SYSTEM,      /**< another failed system call; coffer_error_errno() is set */
    COFFER_ERROR_NOMEM,       /**< out of memory */
    COFFER_ERROR_BUG,         /**< a broken invariant inside libcoffer */
};

typedef struct coffer_error coffer_error;

/** The kind, COFFER_ERROR_NONE for NULL. */
COFFER_PUBLIC enum coffer_error_kind coffer_error_kind_of(const coffer_error *err);
/** errno of the system call that failed, 0 if no call failed. */
COFFER_PUBLIC int coffer_error_errno(const coffer_error *err);
/** One line: outermost context first, errno text last. Never NULL; valid until err is freed. */
COFFER_PUBLIC const char *coffer_error_message(const coffer_error *err);
/** Stable identifier such as `idmap-overlap`, "" if none. Fit for scripts and tests. */
COFFER_PUBLIC const char *coffer_error_code(const coffer_error *err);
/** Where in config.json, for example `linux.uidMappings[1].hostID`; "" if not about one field. */
COFFER_PUBLIC const char *coffer_error_field(const coffer_error *err);
/** The step of the operation that failed: `validate`, `cgroup`, `mount`, `exec`...; may be "". */
COFFER_PUBLIC const char *coffer_error_step(const coffer_error *err);
/** What to do about it, one sentence, "" if there is nothing useful to say. */
COFFER_PUBLIC const char *coffer_error_hint(const coffer_error *err);
/** Releases err; NULL is allowed. */
COFFER_PUBLIC void coffer_error_free(coffer_error *err);

#ifdef __cplusplus
}
#endif

#endif
