/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * linux.intelRdt: the class of service (cache ways, memory bandwidth) and the monitoring group of a container in
 * the resctrl file system. Source: config-linux.md, "IntelRdt"; the kernel's arch/x86/resctrl.rst. Host side.
 *
 * Nothing here is called for a container whose configuration has no intelRdt.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

struct ocispec_linux;

/* What is to be done. Pure: cf_rdt_plan_build(). */
struct cf_rdt_plan {
    bool wanted;
    const char *group;         /* directory below the root of resctrl; "/": the root itself */
    bool own;                  /* named after the container: made for it, removed with it */
    bool must_exist;           /* closID without any schema: somebody has set it up */
    const char *l3, *mb;       /* linux.intelRdt.l3CacheSchema, .memBwSchema; NULL: none */
    char *const *schemata;
    size_t n_schemata;
    const char *monitor;       /* name below mon_groups; NULL: none */
};

/* What was done, in state.json. */
struct cf_rdt_record {
    const char *root;    /* mount point of resctrl; NULL: the container has no class of service */
    const char *group;   /* as in the plan */
    const char *monitor; /* NULL: none */
    bool created;        /* the group is the container's own: removed with it */
};

/* The file system, open. @make makes a group; NULL is mkdirat(2) (a directory that is no resctrl, as
 * tests have it, does not fill a new group with its files). */
struct cf_rdt {
    int fd; /* O_PATH, owned by who opened it */
    int (*make)(int dir_fd, const char *name);
};

/** linux.intelRdt, checked. Codes: rdt-closid, rdt-schema. */
int cf_rdt_plan_build(const struct ocispec_linux *config, const char *id, struct cf_rdt_plan *ret, struct cf_err *err);

/**
 * cf_rdt_locate() - where resctrl is mounted, and what the record will say
 * Changes nothing. Code: rdt-none when it is mounted nowhere.
 */
int cf_rdt_locate(const struct cf_rdt_plan *plan, struct cf_arena *arena, struct cf_rdt_record *ret, struct cf_err *err);
/** The mount point in the text of /proc/self/mountinfo, or NULL. Pure. */
const char *cf_rdt_find_mount(const char *mountinfo, struct cf_arena *arena);

/** Opens the recorded mount point; it must still be resctrl. */
int cf_rdt_open(const struct cf_rdt_record *record, struct cf_rdt *ret, struct cf_err *err);
void cf_rdt_close(struct cf_rdt *rdt);

/** Makes the groups and writes the schemata. What is there after a failure is removed by cf_rdt_remove(). */
int cf_rdt_create(const struct cf_rdt *rdt, const struct cf_rdt_plan *plan, const struct cf_rdt_record *record,
                  struct cf_err *err);

/** Puts a process into the container's groups; what it clones later is in them too. */
int cf_rdt_enter(const struct cf_rdt *rdt, const struct cf_rdt_record *record, pid_t pid, struct cf_err *err);

/** Removes the monitoring group, and the group if it is the container's own. Gone already is no error. */
int cf_rdt_remove(const struct cf_rdt *rdt, const struct cf_rdt_record *record, struct cf_err *err);

/** New lines for a running container; NULL: unchanged. L3 first. */
int cf_rdt_update(const struct cf_rdt *rdt, const struct cf_rdt_record *record, const char *l3, const char *mb,
                  struct cf_err *err);

/**
 * cf_rdt_same_schema() - every domain of @line has its value in the text of a schemata file
 * Numbers are compared by value, blanks and the order of domains do not matter. Pure.
 */
bool cf_rdt_same_schema(const char *schemata, const char *line);

/* ---- rdt-stats.c ---- */

struct cf_rdt_domain {
    uint64_t mbm_total, mbm_local, llc;
    bool has_mbm, has_llc;
};

struct cf_rdt_stats {
    bool present;
    const char *cbm_mask; /* info/L3; NULL: none */
    uint64_t min_cbm_bits, l3_closids;
    bool has_mb;
    uint64_t bandwidth_gran, delay_linear, min_bandwidth, mb_closids;
    const char *l3_root, *l3, *mb_root, *mb; /* lines of schemata; NULL: none */
    char **schemata;
    size_t n_schemata;
    struct cf_rdt_domain *domains;
    size_t n_domains;
};

/** What resctrl says about the container. Files that the processor does not have are left out. */
int cf_rdt_stats_read(const struct cf_rdt *rdt, const struct cf_rdt_record *record, struct cf_arena *arena,
                      struct cf_rdt_stats *ret, struct cf_err *err);
