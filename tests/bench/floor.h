/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor program: makes exactly the container of `coffer spec` with as few system calls as the
 * kernel allows, without a library, a parser or a check. It is the yardstick of the benchmark, not
 * a runtime: it trusts its root filesystem.
 */
#ifndef FLOOR_H
#define FLOOR_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

struct floor {
    const char *state;  /* state root, on a tmpfs */
    const char *bundle; /* directory that holds rootfs/ */
    const char *cgroup; /* parent cgroup directory */
    const char *program;
    const char *id;
    bool userns;
    struct sock_fprog filter; /* len 0: none */
    uint64_t pid;             /* exec: of a process in a container that another runtime made; 0 */

    int sync[2]; /* socket pair: [0] host, [1] container */
    int gate_fd; /* create only: FIFO the init reads from; -1 for run */
};

/* The container's first process from clone3 to execve. Never returns. */
__attribute__((noreturn)) void floor_child(const struct floor *f);

/* The sets of the default container, for the calling process. */
void floor_drop_capabilities(void);

/* Runs the program in the container of @pidfd and waits for it. Returns its exit status. */
int floor_exec(const struct floor *f, long pidfd, const char *cgroup);

#endif
