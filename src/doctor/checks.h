/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Each area of the doctor: facts as plain data, a probe that fills them (reads and harmless experiments), and
 * a judge that turns them into findings (pure: tests fake the facts). Results of experiments are 0 or more
 * for success, a negative errno, or CF_NOT_TRIED. Host side.
 */

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "doctor/report.h"
#include "doctor/try.h"
#include "facts/facts.h"

/* ---- the caller: caller-judge.c ---- */

void cf_caller_judge(const struct cf_facts *caller, struct cf_report *report);

/* ---- kernel features: kernel-probe.c, kernel-judge.c ---- */

struct cf_kernel_facts {
    char release[65];
    uint32_t major, minor;
    int openat2, clone3, clone_into_cgroup, pidfd, close_range;
    int memfd_exec;         /* an executable memory file can be made */
    int memfd_run;          /* and executed */
    int memfd_noexec;       /* the sysctl vm.memfd_noexec, -errno where it does not exist */
    int seccomp_filter;     /* KILL_PROCESS is known */
    int seccomp_notify;     /* USER_NOTIF is known */
    uint32_t seccomp_flags; /* known SECCOMP_FILTER_FLAG_* */
    int seccomp_mode;       /* of this process: 0 none, 2 filtered */
    int landlock;           /* version of the ABI */
    int bpf_device;         /* a device program can be loaded */
    bool overlay_listed;    /* in /proc/filesystems */
    bool overlay_module;    /* a module file exists */
    /* Tried as root of the caller's user namespace, or of a new one if the caller is unprivileged. */
    int detached_mount, mount_setattr, idmap, open_tree_attr;
};

void cf_kernel_probe(struct cf_kernel_facts *ret, const struct cf_facts *caller, int userns_fd);
void cf_kernel_judge(const struct cf_kernel_facts *f, const struct cf_facts *caller,
                     struct cf_report *report);

/* ---- user namespaces and their limits: userns-probe.c, userns-judge.c ---- */

enum cf_doctor_ns {
    CF_DOCTOR_MNT,
    CF_DOCTOR_PID,
    CF_DOCTOR_NET,
    CF_DOCTOR_IPC,
    CF_DOCTOR_UTS,
    CF_DOCTOR_CGROUP,
    CF_DOCTOR_TIME,
    CF_DOCTOR_N_NS,
};

#define CF_SYSCTL_ABSENT (-1)

struct cf_userns_facts {
    int create;              /* a new user namespace with a map of one id */
    const char *create_step; /* "create", "map" */
    int ns[CF_DOCTOR_N_NS];  /* each other kind, made inside the new one */
    int tmpfs, proc, sysfs;  /* mounted inside */
    int64_t n_uids, n_gids;  /* that this process's own namespace has */
    int64_t max_user;        /* user.max_user_namespaces; CF_SYSCTL_ABSENT */
    int64_t max_ns[CF_DOCTOR_N_NS];
    int64_t unprivileged_clone;                     /* kernel.unprivileged_userns_clone (Debian) */
    int64_t apparmor_restrict;                      /* kernel.apparmor_restrict_unprivileged_userns */
    int64_t max_keys, root_max_keys, max_key_bytes; /* kernel.keys.* */
    int64_t keys_used;                              /* by the caller's id */
    int64_t inotify_instances, inotify_watches;
};

void cf_userns_probe(struct cf_userns_facts *ret, const struct cf_facts *caller, int *ret_userns_fd);
void cf_userns_judge(const struct cf_userns_facts *f, const struct cf_facts *caller,
                     struct cf_report *report);
/** Ids in the text of /proc/PID/uid_map. Pure. */
int64_t cf_userns_count_ids(const char *map);
/** Number of keys of @uid in the text of /proc/key-users, CF_SYSCTL_ABSENT if it is not there. Pure. */
int64_t cf_userns_parse_key_users(const char *text, uint32_t uid);

/* ---- subordinate ids: subid-judge.c ---- */

struct cf_subid_facts {
    /* Whole files; NULL and the errno if they could not be read. */
    const char *subuid, *subgid, *passwd, *group;
    int subuid_error, subgid_error;
    bool elsewhere; /* nsswitch.conf names another source */
    uint32_t uid;   /* the caller's real id */
};

void cf_subids_judge(const struct cf_subid_facts *f, const struct cf_facts *caller, struct cf_report *report);

/* ---- automatic ranges: ids-probe.c, ids-judge.c ---- */

struct cf_ids_facts {
    int config; /* ids.conf */
    const char *policy;
    int window;
    char error[512], hint[256];
    uint32_t size;        /* of one range */
    uint64_t ids, blocks; /* in the window */
    char first[32];       /* range of the window */
    int ledger;           /* 0: read; -ENOENT: there is none */
    char ledger_path[256], ledger_error[512], ledger_hint[256];
    bool ledger_busy;
    uint32_t leases, dead;
    uint64_t leased;      /* host uids of the leases */
    uint64_t free;        /* blocks without an id of a lease; only if both were read */
};

/** @config_path: NULL: the default. Return: 0 or -ENOMEM. */
int cf_ids_probe(struct cf_ids_facts *ret, const struct cf_facts *caller, const struct coffer_doctor_options *options);
void cf_ids_judge(const struct cf_ids_facts *f, const struct cf_facts *caller, struct cf_report *report);

/* ---- programs and libraries: programs-probe.c, programs-judge.c ---- */

struct cf_helper_facts {
    char path[64]; /* "" not found */
    uint32_t uid, mode;
    bool has_caps; /* file capabilities with the one it needs */
    bool nosuid;   /* of its mount */
};

struct cf_program_facts {
    struct cf_helper_facts helper[2]; /* newuidmap, newgidmap */
    bool nsresourced;                 /* the socket of systemd-nsresourced */
    char criu[64];
    bool seccomp_built, systemd_built; /* built with */
    char seccomp_version[24];          /* "" cannot be loaded */
    int systemd_library;
    char lsm[256];          /* list of the kernel, "" not readable */
    bool apparmor, selinux; /* active */
    bool apparmor_built, selinux_built;
};

void cf_programs_probe(struct cf_program_facts *ret, const struct cf_facts *caller);
void cf_programs_judge(const struct cf_program_facts *f, const struct cf_facts *caller,
                       struct cf_report *report);

/* ---- control groups: cgroups-probe.c, cgroups-judge.c ---- */

struct cf_cgroups_facts {
    enum cf_cgroup_mode mode;
    bool hybrid;                   /* v1 with a cgroup2 tree beside */
    char available[256];           /* controllers of the host, words */
    char own_path[PATH_MAX];       /* v2: of this process, below the mount */
    char delegated_path[PATH_MAX]; /* v2: the part that belongs to an unprivileged caller, "" none */
    char delegated[256];           /* its controllers */
    bool via_manager;              /* this process is outside of it: only the user's systemd gets there */
    bool own_writable;             /* v1 of a privileged caller too: directories can be made */
    int kill_file;                 /* cgroup.kill */
    bool freezer;
    int64_t pids_max, pids_now; /* of the nearest limit above this process; CF_SYSCTL_ABSENT none */
    int64_t pid_max;            /* kernel.pid_max */
    bool systemd;               /* it runs this node */
    bool systemd_socket;        /* of the caller's manager */
};

void cf_cgroups_probe(struct cf_cgroups_facts *ret, const struct cf_facts *caller, const char *runtime_dir);
void cf_cgroups_judge(const struct cf_cgroups_facts *f, const struct cf_facts *caller,
                      struct cf_report *report);
/** The directory of a user manager in the path of a cgroup: up to `user@UID.service`. Pure. False: none. */
bool cf_cgroups_user_manager(const char *path, uint32_t uid, char ret[PATH_MAX]);

/* ---- one path: path-probe.c, path-judge.c ---- */

struct cf_path_facts {
    int open;        /* errno of the path itself; -ETIMEDOUT: it hangs */
    char fstype[32]; /* "" unknown */
    uint64_t magic;
    uint64_t mount_id;
    bool read_only, nosuid, nodev, noexec;
    int idmap; /* an id-mapped clone of its mount */
    const char *idmap_step;
};

void cf_path_probe(struct cf_path_facts *ret, const char *path, const struct cf_facts *caller, int userns_fd);
void cf_path_judge(const struct cf_path_facts *f, const char *path, const struct cf_facts *caller,
                   struct cf_report *report);
/** Type of the file system with this mount id in the text of mountinfo. Pure. False: not there. */
bool cf_path_fstype(const char *mountinfo, uint64_t mount_id, char *buf, size_t size);

/* ---- the node: node-probe.c, node-judge.c ---- */

struct cf_node_facts {
    int null_stat;
    uint32_t null_mode, null_uid, null_gid, null_major, null_minor;
    bool proc, sys;          /* mounted and of the right type */
    int hidepid;             /* 0 none, 1, 2, 4 */
    bool rootless;           /* the caller needs a runtime directory */
    const char *runtime_dir; /* NULL: not set */
    int runtime_stat;
    uint32_t runtime_uid, runtime_mode;
};

void cf_node_probe(struct cf_node_facts *ret, const struct cf_facts *caller, const char *runtime_dir);
void cf_node_judge(const struct cf_node_facts *f, const struct cf_facts *caller, struct cf_report *report);
/** hidepid of the proc file system at /proc in the text of mountinfo. Pure. */
int cf_node_hidepid(const char *mountinfo);

/* ---- the state directory: root-probe.c, root-judge.c ---- */

struct cf_root_facts {
    const char *root;
    int open;            /* of the directory; -ENOENT: nothing made yet */
    char unsafe[256];    /* why it is refused, "" it is not */
    int parent_writable; /* of the nearest existing directory above, when there is none */
    bool read_only, noexec;
    size_t n_containers, n_running, n_stopped, n_broken, n_leftovers;
    char stopped[128], broken[128]; /* the first few ids */
    bool cut;                       /* there were too many to look at in time */
};

/** Return: 0 or -ENOMEM. */
int cf_root_probe(struct cf_root_facts *ret, const char *root);
void cf_root_judge(const struct cf_root_facts *f, const struct cf_facts *caller, struct cf_report *report);

/* ---- reading: read.c ---- */

/** A number in a file, or CF_SYSCTL_ABSENT. "max" is INT64_MAX. */
int64_t cf_doctor_read_number(const char *path);
/** The start of a file without the line break at its end; "" if it cannot be read. Return: bytes or -errno.
 */
int cf_doctor_read_text(const char *path, char *buf, size_t size);
/** Is @word in the list, whose words stand between blanks or commas? Pure. */
bool cf_doctor_has_word(const char *list, const char *word);
