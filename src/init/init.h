/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * coffer-init: the container-side program. It gets a checked plan blob and fds, and walks them in the
 * order of a container's life (main.c). No allocation, no libc. The same sources are compiled hosted
 * for unit tests.
 *
 * Order (docs/architecture.md, "Processes" and "Lockdown"):
 *   receive blob and fds -> unshare cgroup namespace -> attach root, mounts, devices, loopback, names ->
 *   BUILT / HOOKS_DONE -> createContainer hooks -> terminal (+ /dev/console) -> sysctl, masks, read-only paths ->
 *   read-only root, pivot -> CONSOLE -> lockdown (keyring, label, no_new_privs, bounding set, [seccomp], groups, ids,
 *   capabilities) -> program found -> READY / COMMIT -> gate -> startContainer hooks -> [seccomp] -> fds -> exec
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/blob.h"
#include "wire/msg.h"

struct cf_init {
    struct cf_blob blob;
    int wire_fd;    /* SOCK_SEQPACKET to the host, closed after COMMIT when there is a gate */
    int report_fd;  /* where FAIL and LOG go now: wire_fd, later the starter's connection; -1: nobody */
    int *fds;       /* received fds by blob index; taken ones become -1 */
    uint32_t n_fds;
    int root_fd;    /* root of the container: O_PATH or tree fd, attached in our mount namespace */
    int proc_fd;    /* root of the procfs mounted at /proc of the container, -1: none */
    int dev_fd;     /* root of /dev, -1: none */
    int pts_fd;     /* root of the devpts at /dev/pts, -1: none */
    int null_fd;    /* O_PATH or open on a verified null device inside our mount namespace, -1: none yet */
    bool null_is_open; /* not only O_PATH but for reading and writing: `null` in a tmpfs of our own */
    int master_fd;  /* pty master until it was sent, -1 */
    int slave_fd;   /* pty slave, -1 */
    int exec_fd;    /* O_PATH of the program, found before READY */
    int hook_fds[2]; /* with header.hook_outputs: what the standard output and error of hooks go to */
    int gate_fd;    /* listening start.sock, set before the wait at the gate; -1: none */
    char exec_path[4096]; /* its path inside the container, for execve */
    const char **argv; /* NULL-terminated, made by cf_exec_child_prepare() */
    const char **envp; /* NULL-terminated, HOME included */
    const char *few_strings[64]; /* room for both if they are short */
    char home[64];               /* and for the text of HOME */
    const unsigned long *auxv; /* what the kernel told at our execution, pairs up to AT_NULL; NULL: unknown */
    int *attached;    /* CF_BLOB_ATTACH: roots of the mounts, in order; NULL: not wanted */
    uint32_t n_attached;
    bool ids_changed; /* by cf_cred_child_ids() */
    bool dropped;     /* cf_init_drop_construction() is done */
    int last_fd;      /* then: the highest one that was kept */
    uint64_t cwd_dev, cwd_ino; /* of what was entered as root, if a filter follows */
    uint32_t cwd_state; /* of cf_exec_child_cwd(): 0 not tried, 1 failed as root, 2 worked as root */
};

/* What each part exports; all return 0 or -errno with err filled (kind, code, field where known). */

/* mount/rootfs-child.c */
/** Propagation of the copied host mounts, then attach the root tree (over "/" or at root_path after
 *  checking that this path is the same directory); root_fd is set. */
int cf_rootfs_child_attach(struct cf_init *in, struct cf_err *err);
/** root_propagation, read-only root, pivot_root(".", ".") or the no-pivot way, old root gone, cwd "/". */
int cf_rootfs_child_enter(struct cf_init *in, struct cf_err *err);

/* mount/mount-child.c */
/** All mounts in order, own /dev if asked; fills proc_fd, dev_fd, pts_fd. */
int cf_mount_child_apply(struct cf_init *in, struct cf_err *err);

/* mount/attach-child.c */
/** CF_BLOB_ATTACH: all mounts or none in a running container; their ids are told with READY, and stay with COMMIT.
 *  CF_BLOB_DETACH: all are found to be what they were, then unmounted. Return: 0 or -errno, nothing is left then. */
int cf_attach_child_run(struct cf_init *in, struct cf_err *err);
/** All sources are open: into the container's mount namespace, if we are not there yet, and its root is opened. */
int cf_attach_child_enter(struct cf_init *in, struct cf_err *err);

/* mount/device-child.c */
/** Devices, links, ptmx; fills null_fd. */
int cf_device_child_apply(struct cf_init *in, struct cf_err *err);
/** Binds the pty slave (slave_fd) on /dev/console. */
int cf_device_child_console(struct cf_init *in, struct cf_err *err);

/* mount/mask-child.c */
int cf_mask_child_apply(struct cf_init *in, struct cf_err *err);

/* net/sysctl-child.c, net/budget-child.c, net/uts-child.c, net/loopback-child.c */
int cf_sysctl_child_apply(struct cf_init *in, struct cf_err *err);
/** The first @count sysctls of the plan: limits of the new user namespace. A failure is a warning. */
void cf_budget_child_apply(struct cf_init *in, uint32_t count);
int cf_uts_child_apply(struct cf_init *in, struct cf_err *err);
int cf_loopback_child_up(struct cf_init *in, struct cf_err *err);

/* process/term-child.c */
/** Opens a pty on our devpts (pts_fd), size set, slave verified (rule R16): master_fd, slave_fd. */
int cf_term_child_open(struct cf_init *in, struct cf_err *err);
/** setsid happened: slave becomes stdin, stdout, stderr and controlling terminal. */
int cf_term_child_attach(struct cf_init *in, struct cf_err *err);

/* process/stdio-child.c */
/** Standard fds that are exactly the host's null device are re-pointed to the container's; owner of pipes and
 *  sockets on 0,1,2 is given to the process uid, failures ignored (rules R16, R17). */
int cf_stdio_child_setup(struct cf_init *in, struct cf_err *err);

/* process/exec-child.c */
/** Finds args[0] with the container's PATH, as the container's user; literal texts that engines look for. */
int cf_exec_child_find(struct cf_init *in, struct cf_err *err);
/** cwd: create when missing, chdir, check getcwd (rule R25). Called before and after the user change. */
int cf_exec_child_cwd(struct cf_init *in, struct cf_err *err);
/** Last steps: closes fds, restores signals, execs. Returns only on failure. */
int cf_exec_child_run(struct cf_init *in, struct cf_err *err);

/* hook/hook-child.c */
/** Takes what the output of hooks goes to out of the received fds, if the plan names any: before the first hook. */
int cf_hook_child_outputs(struct cf_init *in, struct cf_err *err);
/** Runs one list with state on stdin, output captured for the error text. @pid as the hook sees it (init's own). */
int cf_hook_child_run(struct cf_init *in, struct cf_ref hooks, cf_str head, cf_str tail, const char *kind,
                      struct cf_err *err);

/* init/lockdown.c */
int cf_lockdown_apply(struct cf_init *in, struct cf_err *err);
/* seccomp/seccomp-child.c */
int cf_seccomp_child_install(struct cf_init *in, struct cf_err *err);
/* security/caps-child.c */
int cf_caps_child_bounding(struct cf_init *in, struct cf_err *err);
int cf_caps_child_set(struct cf_init *in, struct cf_err *err);
/* security/cred-child.c */
int cf_cred_child_keyring(struct cf_init *in, struct cf_err *err);
int cf_cred_child_ids(struct cf_init *in, struct cf_err *err);
/* security/lsm-child.c */
int cf_lsm_child_set_exec(struct cf_init *in, struct cf_err *err);
/* init/gate.c */
/** Waits for START on gate_fd; ends the process on a signal whose default action is to end it. On return report_fd
 *  is the starter's connection. */
int cf_gate_child_wait(struct cf_init *in, struct cf_err *err);

/** Sends a warning to report_fd; failures ignored. */
void cf_init_warn(struct cf_init *in, const char *fmt, ...) CF_PRINTF(2, 3);
/** Takes received fd number @index out of the array; -EBADF if it is not there. */
int cf_init_take_fd(struct cf_init *in, int32_t index);
