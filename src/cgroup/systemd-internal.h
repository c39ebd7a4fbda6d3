/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the systemd manager share. Host side. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/systemd.h"

struct ocispec_string_map;

/* ---- systemd-props.c ---- */

/* A growing list. Running out of memory is sticky. */
struct cf_systemd_props {
    struct cf_arena *arena;
    struct cf_systemd_property *items;
    size_t n, cap;
    bool oom;
};

/** Appends a property, or replaces the one of that name. */
void cf_systemd_props_set(struct cf_systemd_props *props, const struct cf_systemd_property *property);
void cf_systemd_props_u64(struct cf_systemd_props *props, const char *name, uint64_t value, const char *field);
void cf_systemd_props_bool(struct cf_systemd_props *props, const char *name, bool value);
void cf_systemd_props_string(struct cf_systemd_props *props, const char *name, const char *value);
/** The same as cf_systemd_properties(), into a list. */
void cf_systemd_props_resources(struct cf_systemd_props *props, const struct ocispec_resources *res, bool v2);

/* ---- systemd-devices.c ---- */

/**
 * cf_systemd_props_devices() - DevicePolicy and DeviceAllow: everything that the container's own policy allows
 * systemd can only allow, by type, major number or single device: what it is told is never less than that,
 * and the container's own program or lines stay the exact ones.
 */
int cf_systemd_props_devices(struct cf_systemd_props *props, const struct ocispec_resources *res, struct cf_err *err);

/* ---- systemd-variant.c, systemd-annotation.c ---- */

/* One step of writing a D-Bus value. */
struct cf_variant_op {
    char op;              /* a basic type (`b`, `t`, `s`), `a` or `(`: open, `)`: close the innermost */
    const char *contents; /* of what is opened: signature of the element or members */
    const char *text;     /* s, o, g */
    uint64_t number;      /* integers (two's complement), b */
    double real;          /* d */
};

struct cf_variant {
    const char *signature;
    const struct cf_variant_op *ops;
    size_t n;
};

/** GVariant text ("true", "'a'", "uint64 5", "['a', 'b']", "(1, @as [])") -> value. *ret_why: what is wrong. */
int cf_variant_parse(const char *text, struct cf_arena *arena, const struct cf_variant **ret, const char **ret_why);

/** The number of seconds in a text, integer or fraction, as microseconds: for properties named `...Sec`. */
int cf_variant_parse_seconds(const char *text, struct cf_arena *arena, uint64_t *ret_usec, const char **ret_why);

/** The annotations `org.systemd.property.NAME` -> properties. Codes: systemd-annotation. */
int cf_systemd_props_annotations(struct cf_systemd_props *props, const struct ocispec_string_map *annotations,
                                 struct cf_err *err);

/* ---- systemd-bus.c ---- */

struct cf_sdbus; /* a connection to a manager, with a deadline for all that is done with it */

/** @address: `unix:path=...`. -ENOENT, -ECONNREFUSED: nobody listens. Codes: systemd-bus, systemd-missing. */
int cf_sdbus_open(const char *address, struct cf_sdbus **ret, struct cf_err *err);
void cf_sdbus_close(struct cf_sdbus *bus);
static inline void cf_sdbus_closep(struct cf_sdbus **bus)
{
    cf_sdbus_close(*bus);
    *bus = NULL;
}

/**
 * cf_sdbus_start_unit() - StartTransientUnit and the end of its job
 * @holder: its process, 0: none
 * Properties that this systemd does not know are left out unless they are required. Return: 0; -EEXIST: there
 * is such a unit (err is not filled then).
 */
int cf_sdbus_start_unit(struct cf_sdbus *bus, const char *unit, const struct cf_systemd_property *properties, size_t n,
                        pid_t holder, struct cf_err *err);
/** StopUnit and the end of its job. -ENOENT: there is none (err is not filled then). */
int cf_sdbus_stop_unit(struct cf_sdbus *bus, const char *unit, struct cf_err *err);
/** ResetFailedUnit, best effort. */
void cf_sdbus_reset_failed(struct cf_sdbus *bus, const char *unit);
/** A string property of a unit. -ENOENT: no such unit or property. */
int cf_sdbus_get_string(struct cf_sdbus *bus, const char *unit, const char *interface, const char *name,
                        struct cf_arena *arena, const char **ret, struct cf_err *err);
int cf_sdbus_set_properties(struct cf_sdbus *bus, const char *unit, const struct cf_systemd_property *properties,
                            size_t n, struct cf_err *err);
int cf_sdbus_attach(struct cf_sdbus *bus, const char *unit, pid_t pid, struct cf_err *err);
