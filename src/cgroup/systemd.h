/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The systemd manager: a transient scope holds the container's cgroup. Where in the tree it is, is systemd's
 * decision; everything below is done by the same backends as with the cgroupfs manager, since the scope is
 * delegated. libsystemd is loaded when the first call needs it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/cgroup.h"

struct ocispec_resources;

/* From the call to the end of the job. systemd answers within milliseconds unless it hangs. */
#define CF_SYSTEMD_TIMEOUT_MS 20000

enum cf_systemd_type {
    CF_SD_BOOL = 1,    /* "b" */
    CF_SD_U64,         /* "t" */
    CF_SD_STRING,      /* "s" */
    CF_SD_STRINGS,     /* "as" */
    CF_SD_BYTES,       /* "ay": AllowedCPUs */
    CF_SD_DEVICES,     /* "a(ss)": pairs in strings[] */
    CF_SD_DEVICE_U64,  /* "a(st)": IOReadBandwidthMax; strings[i] with numbers[i] */
    CF_SD_TEXT,        /* GVariant text of an annotation, as parsed: @variant */
};

struct cf_variant; /* systemd-internal.h */

/* One property of the unit. */
struct cf_systemd_property {
    const char *name;
    enum cf_systemd_type type;
    uint64_t number;            /* BOOL, U64 */
    const char *text;           /* STRING, TEXT (as it was written) */
    const char *const *strings; /* STRINGS, DEVICES, DEVICE_U64 */
    const uint64_t *numbers;    /* DEVICE_U64 */
    const uint8_t *bytes;       /* BYTES */
    size_t n;                   /* of strings (DEVICES: pairs), numbers or bytes */
    const struct cf_variant *variant; /* TEXT */
    const char *field;          /* config path, for errors */
    bool required;              /* systemd must know it; else it is left out: the cgroup files have the value too */
};

struct cf_systemd_plan {
    const char *unit;        /* "prefix-name.scope" */
    const char *slice;       /* "system.slice"; "-.slice": the root slice */
    const char *description; /* what people read; the record's has a token behind it */
    bool user;               /* of the user manager */
    bool is_slice;           /* the unit is a slice: it may exist, and has no processes in the eyes of systemd */
    const char *bus_address; /* as the caller has it in its environment; NULL: not set */
    const char *runtime_dir; /* XDG_RUNTIME_DIR; NULL: not set */
    uint32_t uid;            /* of the caller */
    const struct cf_systemd_property *properties;
    size_t n_properties;
    struct cf_arena *arena;  /* for what is learned from systemd; lives as long as the record */
};

struct cf_plan;
struct cf_plan_input;

/** Pure planner: linux.cgroupsPath "slice:prefix:name", resources and annotations -> unit and properties. */
int cf_systemd_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err);

/**
 * cf_systemd_properties() - resources -> the properties that systemd has for them. Pure.
 * Whatever it has none for is left to the files. Used for a new unit and for update.
 */
int cf_systemd_properties(const struct ocispec_resources *res, bool v2, struct cf_arena *arena,
                          const struct cf_systemd_property **ret, size_t *ret_n, struct cf_err *err);

/**
 * cf_systemd_name_unit() - names unit, manager, bus and description in a record, before there is any effect
 * Looks which socket the manager listens on. Codes: systemd-bus.
 */
int cf_systemd_name_unit(const struct cf_systemd_plan *plan, struct cf_arena *arena, struct cf_cgroup_record *record,
                         struct cf_err *err);

/**
 * cf_systemd_start() - start the scope around a process of our own that only waits, and wait for the job
 * @v2: which line of /proc/PID/cgroup tells the place
 * @record: names the unit; @ret_path: where its cgroup is (arena memory)
 * @ret_holder_fd: pidfd of the waiting process: it keeps the scope alive until the container's process is in
 *   it; cf_systemd_release() ends and reaps it. -EBADF for a slice.
 * @ret_created: false if it is a slice that was there before
 * One bus call. A deadline; a bus that stalls is an error that says so. On failure nothing is left.
 */
int cf_systemd_start(const struct cf_systemd_plan *plan, bool v2, struct cf_arena *arena,
                     const struct cf_cgroup_record *record, const char **ret_path, int *ret_holder_fd,
                     bool *ret_created, struct cf_err *err);
void cf_systemd_release(int *holder_fd);

/**
 * cf_systemd_attach() - has systemd move a process into the unit
 * For a caller who has no right to the cgroup that is above both, as in a login session.
 */
int cf_systemd_attach(const struct cf_cgroup_record *record, pid_t pid, struct cf_err *err);

/** Properties of a running unit changed, so that a reload of systemd keeps an update's values. 0 without a unit. */
int cf_systemd_update(const struct cf_cgroup_record *record, const struct ocispec_resources *res, bool v2,
                      struct cf_err *err);

/** Stops the unit and forgets it, also a failed one; 0 if there is none. With @description: only if it has that. */
int cf_systemd_stop(const struct cf_cgroup_record *record, const char *description, struct cf_err *err);
