/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The plan of the container side as one flat, position-independent, read-only blob.
 *
 * The planners write it (wire/blob-build.h), the host puts it into a sealed memfd, coffer-init maps
 * and checks it (cf_blob_check) once and then walks it. Both sides include this header, and both
 * are always built together: the version only guards against a stale coffer-init.
 *
 * Rules: little fixed-size records, natural alignment of 8, no pointers. `cf_str` is the offset of
 * a NUL-terminated string inside the blob, 0 means "none". `struct cf_ref` is an array of `count`
 * records at `off`. Everything is verified by cf_blob_check() before anything is used, so the
 * interpreter needs no further range checks. The blob never changes after that.
 *
 * Fds are named by index into the array of fds that the host sends in FDS messages, in order;
 * CF_NO_FD means none.
 */

#include <stdint.h>

#define CF_BLOB_MAGIC UINT32_C(0x6f434631) /* "1FCo" */
#define CF_BLOB_VERSION 1u
#define CF_BLOB_MAX_SIZE (64u << 20)
#define CF_NO_FD (-1)
#define CF_MAX_FDS 8192
#define CF_ATTACH_MAX 256 /* mounts of one CF_BLOB_ATTACH: their ids are one message */

typedef uint32_t cf_str;

struct cf_ref {
    uint32_t off;
    uint32_t count;
};

/* header.flags */
#define CF_BLOB_USERNS (1u << 0)         /* init runs in a new or joined user namespace */
#define CF_BLOB_MOUNTNS (1u << 1)        /* private mount namespace: root, mounts, masks are set up */
#define CF_BLOB_UNSHARE_CGROUP (1u << 2) /* init unshares the cgroup namespace (it was placed late) */
#define CF_BLOB_NO_PIVOT (1u << 3)       /* move root over "/" and chroot */
#define CF_BLOB_NEW_KEYRING (1u << 4)
#define CF_BLOB_TERMINAL (1u << 5)
#define CF_BLOB_READONLY_ROOT (1u << 6)
#define CF_BLOB_HOST_HOOKS (1u << 7)     /* send BUILT and wait for HOOKS_DONE after the mounts */
#define CF_BLOB_GATE (1u << 8)           /* create: wait on start.sock; else exec after COMMIT */
#define CF_BLOB_NO_NEW_PRIVS (1u << 9)
#define CF_BLOB_SECCOMP (1u << 10)
#define CF_BLOB_SETGROUPS (1u << 11)     /* setgroups(2) is permitted and is called */
#define CF_BLOB_HAS_PROCESS (1u << 12)   /* config has `process`; without it start fails */
#define CF_BLOB_ROOT_BY_PATH (1u << 13)  /* attach the root at root_path (hooks look there) */
#define CF_BLOB_LOOPBACK (1u << 14)      /* set `lo` up: a new network namespace */
#define CF_BLOB_PIDNS_JOINED (1u << 15)  /* the pid namespace is joined: appear in it last */
#define CF_BLOB_OWN_DEV (1u << 16)       /* no /dev mount in config: init supplies a tmpfs /dev */
#define CF_BLOB_SET_HOME (1u << 17)      /* env has no HOME: look it up in /etc/passwd */
#define CF_BLOB_KEEP_GROUPS (1u << 18)   /* leave supplementary groups alone */
#define CF_BLOB_NO_CAPABILITIES (1u << 19) /* process.capabilities absent: drop all */
#define CF_BLOB_EXEC (1u << 20)          /* one more process in a container that is there: nothing is built */
#define CF_BLOB_ATTACH (1u << 21)        /* only mounts, in a container that is there; then coffer-init ends */
#define CF_BLOB_DETACH (1u << 22)        /* the other way: `mounts` are CF_MOUNT_REMOUNT with the mount's id in attr_set */
#define CF_BLOB_HOST_SCHED (1u << 23)    /* the host sets `sched` and `ioprio` between READY and COMMIT */
#define CF_BLOB_AT_ONCE (1u << 24)       /* CF_BLOB_EXEC: nobody has to see the process first, it waits for no COMMIT */

enum cf_mount_kind {
    CF_MOUNT_TREE = 1, /* attach a detached tree (fd) that the host opened: bind mounts */
    CF_MOUNT_BIND,     /* the same, but init opens `source` itself (rootless) */
    CF_MOUNT_FS,       /* fsopen(fstype) */
    CF_MOUNT_REMOUNT,  /* change attributes of what is mounted at target */
    CF_MOUNT_KIND_COUNT
};

/* cf_blob_mount.flags */
#define CF_MOUNT_RECURSIVE (1u << 0)     /* attr and clone are recursive (CF_MOUNT_BIND) */
#define CF_MOUNT_TARGET_FILE (1u << 1)   /* source is not a directory: create the target as a file */
#define CF_MOUNT_API_FS (1u << 2)        /* target must be reached without any symlink (rule R3) */
#define CF_MOUNT_COPYUP (1u << 3)        /* tmpcopyup: fill the new tmpfs from the target first */
#define CF_MOUNT_TMPFS_MODE (1u << 4)    /* tmpfs without mode=: take mode of the target directory */
#define CF_MOUNT_IS_DEV (1u << 5)        /* this is the mount at /dev: its fd serves the devices */
#define CF_MOUNT_IS_PROC (1u << 6)       /* this is procfs at /proc: its fd serves sysctl, attr */
#define CF_MOUNT_SRC_NOFOLLOW (1u << 7)
#define CF_MOUNT_DEST_NOFOLLOW (1u << 8)
#define CF_MOUNT_IS_PTS (1u << 9)        /* devpts at /dev/pts: its fd serves the terminal */
#define CF_MOUNT_COPY_SYMLINK (1u << 10) /* source is a symlink: recreate `source` text at target */
#define CF_MOUNT_MADE (1u << 11)         /* CF_MOUNT_TREE: not a bind, the host made this file system for us */

/* One parameter for fsconfig(2): value 0 = a flag. */
struct cf_blob_fsparam {
    cf_str key;
    cf_str value;
};

struct cf_blob_mount {
    uint32_t kind;  /* enum cf_mount_kind */
    uint32_t flags; /* CF_MOUNT_* bits */
    cf_str target;  /* absolute, inside the root */
    cf_str source;  /* for messages; the path for CF_MOUNT_BIND; link text for COPY_SYMLINK */
    cf_str fstype;  /* CF_MOUNT_FS */
    int32_t fd;     /* CF_MOUNT_TREE: index of the tree fd */
    uint64_t attr_set; /* MOUNT_ATTR_*; of the top mount */
    uint64_t attr_clr;
    uint64_t rec_attr_set; /* MOUNT_ATTR_* applied with AT_RECURSIVE */
    uint64_t rec_attr_clr;
    struct cf_ref params;      /* struct cf_blob_fsparam */
    struct cf_ref propagation; /* uint32_t: MS_SHARED|MS_SLAVE|MS_PRIVATE|MS_UNBINDABLE [|MS_REC] in order */
    uint32_t config_index;     /* index in config `mounts`, UINT32_MAX: not from there */
    uint32_t reserved;
};

enum cf_device_how {
    CF_DEVICE_MKNOD = 1, /* mknod with mode and owner */
    CF_DEVICE_TREE,      /* attach a clone of a node that the host has, or has made (fd), on an empty file */
    CF_DEVICE_BIND,      /* the same, opened by init from `source` (rootless) */
    CF_DEVICE_MADE,      /* it is there: in the tmpfs for /dev that the host made */
    CF_DEVICE_HOW_COUNT
};

struct cf_blob_device {
    uint32_t how;    /* enum cf_device_how */
    uint32_t mode;   /* file type (S_IFCHR, S_IFBLK, S_IFIFO) and permission bits */
    uint32_t major;
    uint32_t minor;
    uint32_t uid;    /* container ids */
    uint32_t gid;
    cf_str path;     /* absolute, inside the root */
    cf_str source;   /* host path, for CF_DEVICE_BIND */
    int32_t fd;      /* CF_DEVICE_TREE */
    uint32_t config_index; /* index in linux.devices, UINT32_MAX: a default device */
};

struct cf_blob_link {
    cf_str path;   /* absolute, inside the root */
    cf_str target; /* text of the link */
};

struct cf_blob_sysctl {
    cf_str path; /* below /proc/sys, with '/' separators: "net/ipv4/ip_forward" */
    cf_str value;
    cf_str key; /* as written in config.json, for messages; 0: a default of ours below user/, these come first */
};

struct cf_blob_rlimit {
    uint32_t resource; /* RLIMIT_* */
    uint32_t reserved;
    uint64_t soft;
    uint64_t hard;
};

struct cf_blob_hook {
    cf_str path;
    struct cf_ref args; /* cf_str; empty: argv[0] = path */
    struct cf_ref env;  /* cf_str */
    uint32_t timeout_ms; /* 0: none */
    uint32_t index;      /* in its list */
};

struct cf_blob_caps {
    uint64_t bounding;
    uint64_t effective;
    uint64_t permitted;
    uint64_t inheritable;
    uint64_t ambient;
    uint64_t last_cap; /* highest capability of the kernel */
};

struct cf_blob_sched { /* for sched_setattr(2); set = 0: leave */
    uint32_t set;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
};

struct cf_blob_header {
    uint32_t magic;
    uint32_t version;
    uint32_t size;   /* of the whole blob */
    uint32_t flags;  /* CF_BLOB_* */
    uint32_t n_fds;  /* fds the host sends before BUILD */
    int32_t root_fd; /* detached tree of the rootfs; CF_BLOB_ATTACH: the mount namespace, if it is not joined yet */
    int32_t gate_fd; /* listening start.sock, CF_NO_FD without gate */
    int32_t null_fd; /* tree of a verified null device for masks; CF_NO_FD: /dev/null made here */
    int32_t pidns_fd; /* the joined pid namespace (CF_BLOB_PIDNS_JOINED), CF_NO_FD otherwise */
    int32_t dev_fd;   /* with CF_BLOB_OWN_DEV: the tmpfs for /dev, CF_NO_FD: made by init */
    int32_t proc_fd;  /* CF_BLOB_EXEC, ATTACH, DETACH: procfs in which coffer-init sees itself, CF_NO_FD: not needed */
    uint32_t reserved_fd;
    cf_str id;
    cf_str root_path; /* host path of the rootfs: hooks, messages */
    uint64_t root_ino; /* CF_BLOB_ROOT_BY_PATH: what is there, 0: the same directory as root_fd */
    uint32_t root_dev_major, root_dev_minor;
    uint32_t root_propagation; /* final propagation of the container's "/": MS_* [|MS_REC], 0: none */
    uint32_t host_propagation; /* made of the copied host mounts first: MS_SLAVE|MS_REC by default */

    struct cf_ref mounts;   /* struct cf_blob_mount */
    struct cf_ref devices;  /* struct cf_blob_device */
    struct cf_ref links;    /* struct cf_blob_link, made when absent */
    struct cf_ref masked;   /* cf_str */
    struct cf_ref readonly; /* cf_str */
    struct cf_ref sysctls;  /* struct cf_blob_sysctl */
    cf_str hostname;
    cf_str domainname;

    /* process */
    cf_str cwd;
    cf_str exec_label;   /* text for attr/exec ("exec PROFILE" for AppArmor, context for SELinux) */
    cf_str exec_attr;    /* which file: "attr/apparmor/exec" or "attr/exec" */
    cf_str key_label;    /* text for attr/keycreate, 0: none */
    cf_str keyring_name; /* session keyring */
    uint32_t uid;
    uint32_t gid;
    uint32_t umask;
    struct cf_ref args; /* cf_str */
    struct cf_ref env;  /* cf_str */
    struct cf_ref groups;  /* uint32_t */
    struct cf_ref rlimits; /* struct cf_blob_rlimit */
    struct cf_blob_sched sched;
    struct cf_ref cpus;    /* uint64_t words of the CPU mask, empty: leave */
    int32_t ioprio;        /* value for ioprio_set(2), -1: leave */
    uint32_t personality;  /* value for personality(2), UINT32_MAX: leave */
    int32_t mempolicy_mode; /* value for set_mempolicy(2) with flags or-ed in, -1: leave */
    uint32_t preserve_fds; /* keep 3 .. 3+n-1 */
    struct cf_ref mempolicy_nodes; /* uint64_t words of the mask */
    uint32_t console_width;
    uint32_t console_height;
    struct cf_blob_caps caps;
    struct cf_ref seccomp; /* struct sock_filter as uint64_t */
    uint32_t seccomp_flags; /* SECCOMP_FILTER_FLAG_* */
    uint32_t reserved;

    /* hooks run on this side; stdin = hook_state_head PID hook_state_tail with the status text
     * already inside the head: one pair per kind */
    struct cf_ref create_container_hooks; /* struct cf_blob_hook */
    struct cf_ref start_container_hooks;  /* struct cf_blob_hook */
    cf_str create_state_head, create_state_tail;
    cf_str start_state_head, start_state_tail;
    uint32_t hook_outputs[2]; /* 1 + index of the fd that their standard output, error goes to; 0: captured */

    uint64_t signals_ignored; /* bit (signal - 1): was ignored by the caller, default again at exec */
};

/* The interpreter's view: the checked blob. */
struct cf_blob {
    const unsigned char *base;
    const struct cf_blob_header *h;
};

static inline const char *cf_blob_str(const struct cf_blob *b, cf_str s)
{
    return s ? (const char *) b->base + s : (const char *) 0;
}

/* Pointer to the first record of an array; the caller knows the type. */
static inline const void *cf_blob_at(const struct cf_blob *b, struct cf_ref r)
{
    return b->base + r.off;
}

/**
 * cf_blob_check() - verify a blob of @size bytes at @base (8-aligned)
 * Every offset, count, alignment, string termination, enum and fd index is checked.
 * Pure, allocation-free, both sides. Return: 0 and *ret filled, or -EBADMSG.
 */
int cf_blob_check(const void *base, uint64_t size, struct cf_blob *ret);
