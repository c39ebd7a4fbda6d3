/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COFFER_AUDIT_H
#define COFFER_AUDIT_H

/*
 * How isolated running containers are, and whose a host id is. Everything is read from the kernel, not
 * from configurations; nothing is changed. What the caller's own namespaces are counts as the host.
 */

#include <stddef.h>
#include <stdint.h>

#include "coffer/error.h"
#include "coffer/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What is to be thought of a finding. A higher value is worse. New values may be added. */
enum coffer_audit_level {
    COFFER_AUDIT_OK = 0,      /**< as it should be */
    COFFER_AUDIT_NOTE = 1,    /**< worth knowing, often wanted */
    COFFER_AUDIT_WARNING = 2, /**< one wall less */
    COFFER_AUDIT_PROBLEM = 3, /**< a way to the host or to another container */
};

/** One finding about one container. Strings are valid during the callback only. */
struct coffer_audit_finding {
    size_t size;              /**< of this struct; newer libraries may append members */
    const char *container_id; /**< whose */
    int pid;                  /**< of its first process */
    int level;                /**< enum coffer_audit_level */
    const char *check;        /**< what was looked at: `user-namespace`, `id-ranges`... New ones may be added. */
    const char *reason;       /**< one sentence; may hold names that the container chose */
};

/**
 * coffer_audit() - judge running containers
 * @ids: which; every one of them must run
 * @n_ids: 0: all that run; others are left out
 * @each: called for every finding, container by container in order of id, each check at least once; a value
 *        other than 0 ends it and is returned, without an error object
 *
 * The other containers of the state directory are looked at for what they share. A container that ends
 * meanwhile is left out.
 *
 * Return: 0, what @each returned, or a negative errno. Kinds: NOT_FOUND (also without a state directory), STATE.
 */
COFFER_PUBLIC int coffer_audit(coffer_runtime *runtime, const char *const *ids, size_t n_ids,
                               int (*each)(void *userdata, const struct coffer_audit_finding *finding),
                               void *userdata, coffer_error **err);

/** What sort of id coffer_whois() is asked about. */
enum coffer_id_kind {
    COFFER_ID_UID = 0,
    COFFER_ID_GID = 1,
};

/** Who can have a host id. New values may be added. */
enum coffer_id_owner_kind {
    COFFER_ID_OWNER_CONTAINER = 1,   /**< a running container of the state directory */
    COFFER_ID_OWNER_ACCOUNT = 2,     /**< of /etc/passwd */
    COFFER_ID_OWNER_GROUP = 3,       /**< of /etc/group */
    COFFER_ID_OWNER_SUBORDINATE = 4, /**< a user with a range in /etc/subuid or /etc/subgid */
    COFFER_ID_OWNER_NAMESPACE = 5,   /**< a user namespace that somebody else made */
};

/** One who has the id. Strings are valid during the callback only. */
struct coffer_id_owner {
    size_t size;           /**< of this struct; newer libraries may append members */
    int kind;              /**< enum coffer_id_owner_kind */
    const char *name;      /**< container id, user, group, or name of a process in the namespace */
    int pid;               /**< CONTAINER, NAMESPACE: of a process; otherwise 0 */
    const char *mapping;   /**< CONTAINER: `own` user namespace, `shared` with another container, or `none`; else "" */
    uint32_t first;        /**< the range in which the id is, on the host */
    uint32_t count;        /**< its length, 0: all ids */
    uint32_t first_inside; /**< CONTAINER: what the first id of the range is inside */
    uint32_t id_inside;    /**< CONTAINER: what the id is inside */
};

/**
 * coffer_whois() - who has a host id
 * @id_kind: enum coffer_id_kind
 * @each: called for each one, containers first; a value other than 0 ends it and is returned
 *
 * If it is in the map of a container, only containers are told. A container without a user namespace of its own
 * has only the ids of its first process. A missing state directory is an empty one.
 *
 * Return: the number of those who have it (0: nobody), what @each returned, or a negative errno.
 */
COFFER_PUBLIC int coffer_whois(coffer_runtime *runtime, uint32_t id_kind, uint32_t id,
                               int (*each)(void *userdata, const struct coffer_id_owner *owner), void *userdata,
                               coffer_error **err);

#ifdef __cplusplus
}
#endif

#endif
