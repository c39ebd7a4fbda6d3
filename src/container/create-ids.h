/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The host ids of a container that is being made: range picked on request, lease in the ledger,
 * policy about overlaps. Only for containers with a user namespace of their own; others cost nothing.
 *
 *   cf_create_ids_pick()    before planning: an automatic range, reserved, in the parsed configuration
 *   cf_create_ids_check()   after planning: explicit maps reserved; enforce: everything else checked
 *   cf_create_ids_bind()    right after publication: the lease is the container's
 *   cf_create_ids_look()    while init builds: what the policy warns about and needs a look at the host
 *   cf_create_ids_done()    always; a reservation that was not bound is given up
 */

#include "container/container.h"
#include "container/preset.h"
#include "userns/id-config.h"
#include "userns/ledger.h"

#define CF_ANNOTATION_USERNS "org.coffer.userns"
#define CF_ANNOTATION_SHARE "org.coffer.userns.share"

struct cf_create_ids {
    bool configured; /* config was read */
    bool automatic;
    bool looked;     /* the host was compared with the ids already */
    uint32_t size;
    struct cf_ids_config config;
    char *ledger_path;
    struct cf_ledger *ledger; /* open until bound */
    struct cf_lease lease;    /* serial 0: none */
    struct cf_idset known_uids, known_gids; /* of leases that overlap: judged, wherever they are met again */
    char boot_id[CF_LEDGER_BOOT_ID_SIZE];
};

struct cf_create_ids_input {
    struct coffer_runtime *runtime;
    struct cf_store *store;
    struct cf_arena *arena;
    const struct cf_facts *facts;
    struct cf_spec *spec;
    const char *id;
    const char *userns; /* the option; NULL: not given */
    const struct cf_preset *preset;
};

/** Was an automatic range asked for, by option or annotation? Code: userns-auto. */
int cf_create_ids_wanted(const struct cf_create_ids_input *in, struct cf_create_ids *ids, struct cf_err *err);
int cf_create_ids_pick(const struct cf_create_ids_input *in, struct cf_create_ids *ids, struct cf_err *err);
/** For a dry run: the first range of the window, which nobody reserves. */
int cf_create_ids_example(const struct cf_create_ids_input *in, struct cf_create_ids *ids, struct cf_err *err);
int cf_create_ids_check(const struct cf_create_ids_input *in, struct cf_create_ids *ids,
                        const struct cf_userns_plan *plan, struct cf_err *err);
int cf_create_ids_bind(struct cf_create_ids *ids, struct cf_entry *entry, struct cf_err *err);
void cf_create_ids_look(const struct cf_create_ids_input *in, struct cf_create_ids *ids,
                        const struct cf_userns_plan *plan, int init_pid);
void cf_create_ids_done(struct cf_create_ids *ids);

/** What the plan maps on the host, without an ordinary user's own ids. */
int cf_create_ids_of_plan(const struct cf_create_ids_input *in, const struct cf_userns_plan *plan,
                          struct cf_idset *ret_uids, struct cf_idset *ret_gids, struct cf_err *err);

/**
 * cf_ids_open_ledger() - the ledger of this caller, for those who only read it
 * Return: 0; -ENOENT (kind NOT_FOUND): no container has ever had a lease.
 */
int cf_ids_open_ledger(const struct coffer_runtime *runtime, const struct cf_facts *facts, struct cf_arena *arena,
                       struct cf_ledger **ret, struct cf_err *err);

/** The lease that a record names is removed from the ledger. Failures only cost a look later. */
void cf_ids_release(struct coffer_runtime *runtime, const struct cf_record *record);
