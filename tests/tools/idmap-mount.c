/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * idmap-mount SOURCE TARGET FSID HOSTID SIZE - an id-mapped bind mount of the host, for mounts(8) that are too
 * old for X-mount.idmap. The same map for users and groups.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/mountfd.h"

static int fail(const char *what)
{
    fprintf(stderr, "idmap-mount: %s\n", what);
    return 1;
}

static int write_map(pid_t pid, const char *name, char *const argv[])
{
    char path[64], text[128];
    int n = snprintf(text, sizeof(text), "%s %s %s\n", argv[3], argv[4], argv[5]), fd;
    ssize_t done;

    (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    done = write(fd, text, (size_t) n);
    close(fd);
    return done == n ? 0 : -1;
}

static int namespace_with(char *const argv[])
{
    char path[64];
    int ready[2], ns = -1;
    char byte;
    pid_t pid;

    if (pipe(ready) < 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWUSER) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    close(ready[1]);
    if (pid > 0 && read(ready[0], &byte, 1) == 1 && write_map(pid, "gid_map", argv) == 0 &&
        write_map(pid, "uid_map", argv) == 0) {
        (void) snprintf(path, sizeof(path), "/proc/%d/ns/user", (int) pid);
        ns = open(path, O_RDONLY | O_CLOEXEC);
    }
    close(ready[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return ns;
}

int main(int argc, char *argv[])
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
    int tree, ns;

    if (argc != 6)
        return fail("usage: idmap-mount SOURCE TARGET FSID HOSTID SIZE");
    ns = namespace_with(argv);
    if (ns < 0)
        return fail("no user namespace with this map");
    tree = cf_sys_open_tree(AT_FDCWD, argv[1], OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return fail("cannot clone the source");
    attr.userns_fd = (uint64_t) ns;
    if (cf_sys_mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
        return fail("cannot map it");
    if (cf_sys_move_mount(tree, "", AT_FDCWD, argv[2], MOVE_MOUNT_F_EMPTY_PATH) < 0)
        return fail("cannot attach it");
    return 0;
}
