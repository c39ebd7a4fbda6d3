/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known about the host. Read-only probes, plain data that tests can fake. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum cf_cgroup_mode {
    CF_CGROUP_MODE_NONE = 0, /* nothing usable mounted at /sys/fs/cgroup */
    CF_CGROUP_MODE_V2,       /* cgroup2 at /sys/fs/cgroup */
    CF_CGROUP_MODE_V1,       /* v1 hierarchies; hybrid when cgroup2 is at /sys/fs/cgroup/unified */
};

#define CF_FACTS_V1_MAX 16
#define CF_FACTS_V1_NAME 64

/* One v1 hierarchy, or the cgroup2 mount of a hybrid host. */
struct cf_facts_hierarchy {
    char dir[CF_FACTS_V1_NAME];         /* mount point: one component below /sys/fs/cgroup */
    char controllers[CF_FACTS_V1_NAME]; /* "cpu,cpuacct", "name=systemd"; "" for cgroup2 */
};

struct cf_facts {
    uint32_t uid, euid, gid, egid;
    uint64_t cap_effective, cap_bounding, cap_permitted, cap_inheritable, cap_ambient;
    uint64_t signals_ignored; /* SigIgn of the calling thread, bit n-1 = signal n */
    uint32_t last_cap;        /* highest capability the kernel knows */
    uint32_t n_groups;        /* supplementary groups of the caller */
    bool no_new_privs;
    uint64_t userns_inode;    /* of the caller's user namespace, 0: the kernel has none */
    bool in_userns;           /* the caller is not in the initial user namespace */
    bool privileged;          /* CAP_SYS_ADMIN, SETUID, SETGID effective: maps and mounts directly */
    enum cf_cgroup_mode cgroup_mode;
    uint32_t n_hierarchies;   /* CF_CGROUP_MODE_V1 only */
    struct cf_facts_hierarchy hierarchies[CF_FACTS_V1_MAX];
    bool apparmor;            /* filled by cf_facts_probe_lsm() */
    bool selinux;
    bool lsm_probed;
};

/**
 * cf_facts_probe() - the cheap facts: ids, capabilities, signals, cgroup mode
 * Reads /proc/thread-self/status once, stats /sys/fs/cgroup and the user namespace; only on hosts with v1
 * hierarchies also /proc/self/mountinfo.
 */
int cf_facts_probe(struct cf_facts *ret, struct cf_err *err);
/** The same; on a v2 host *@ret_cgroup_fd, if wanted, becomes an O_PATH fd of the hierarchy. */
int cf_facts_probe_keep(struct cf_facts *ret, int *ret_cgroup_fd, struct cf_err *err);

/** The same without anything about cgroups: for who joins what is there. */
int cf_facts_probe_caller(struct cf_facts *ret, struct cf_err *err);

/** The part of cf_facts_probe() that reads the text of /proc/PID/status. Pure. -EBADMSG: a line is missing. */
int cf_facts_parse_status(const char *text, struct cf_facts *facts);
/** Fills the hierarchies from the text of /proc/PID/mountinfo. Pure. Unknown lines are skipped. */
void cf_facts_parse_mountinfo(const char *text, struct cf_facts *facts);

/** Fills apparmor and selinux; only called when config.json asks for a label. */
void cf_facts_probe_lsm(struct cf_facts *facts);
