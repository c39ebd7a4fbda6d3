/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* path/procfs and path/reopen. As root also with things mounted over /proc, in a mount namespace
 * of the test's own. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "path/path.h"
#include "sys/mountfd.h"

Test(procfs, check)
{
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

    cr_expect(eq(int, cf_procfs_check(proc), 0));
    cr_expect(eq(int, cf_procfs_check(self), -ENOTSUP), "procfs, but not its root");
    cr_expect(eq(int, cf_procfs_check(root), -ENOTSUP));
    cr_expect(eq(int, cf_procfs_check(-1), -EBADF));
}

Test(procfs, open_at_takes_regular_files_only)
{
    int proc = cf_procfs_open_host();
    char buf[64] = "";
    int fd;

    cr_assert(ge(int, proc, 0));
    cr_expect(gt(long, cf_procfs_read(proc, "self/comm", buf, sizeof(buf)), 0));
    cr_expect(eq(int, cf_procfs_open_at(proc, "self/exe", O_RDONLY), -ELOOP), "magic link");
    cr_expect(eq(int, cf_procfs_open_at(proc, "self/root/etc/passwd", O_RDONLY), -ELOOP));
    cr_expect(eq(int, cf_procfs_open_at(proc, "self/cwd", O_RDONLY), -ELOOP));
    cr_expect(eq(int, cf_procfs_open_at(proc, "self/task", O_RDONLY), -EINVAL), "directory");
    cr_expect(eq(int, cf_procfs_open_at(proc, "../etc/passwd", O_RDONLY), -EXDEV));
    cr_expect(eq(int, cf_procfs_open_at(proc, "/proc/self/comm", O_RDONLY), -EXDEV));
    cr_expect(eq(int, cf_procfs_open_at(proc, "none", O_RDONLY), -ENOENT));
    cr_expect(eq(int, cf_procfs_open_at(proc, "self/comm", O_RDONLY | O_TRUNC), -EINVAL));
    cr_expect(eq(int, cf_procfs_write(proc, "self/comm", "renamed", 7), 0));
    cr_expect(eq(long, cf_procfs_read(proc, "self/comm", buf, sizeof(buf)), 8));
    cr_expect_str_eq(buf, "renamed\n");
    fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_expect(eq(int, cf_procfs_open_at(fd, "none", O_RDONLY), -ENOENT));
}

Test(procfs, private_instance)
{
    int proc = cf_procfs_open(true);
    char buf[64] = "";

    if (proc == -EPERM)
        cr_skip_test("not permitted to make a procfs");
    cr_assert(ge(int, proc, 0), "%d", proc);
    cr_expect(gt(long, cf_procfs_read(proc, "self/comm", buf, sizeof(buf)), 0));
    cr_expect(eq(int, cf_procfs_open_at(proc, "sys/kernel/hostname", O_RDONLY), -ENOENT));
    close(proc);
    proc = cf_procfs_open(false);
    cr_assert(ge(int, proc, 0));
    cr_expect(gt(long, cf_procfs_read(proc, "sys/kernel/hostname", buf, sizeof(buf)), 0));
    close(proc);
}

/* The redirect of a sysctl to another file of procfs: magic number and type are right. */
Test(procfs, bind_over_a_file_is_noticed)
{
    int proc = cf_procfs_open_host();
    char buf[64] = "";

    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
        cr_skip_test("needs a mount namespace of its own");
    cr_assert(cf_sys_mount(NULL, "/", "", MS_REC | MS_PRIVATE, NULL) == 0);
    cr_assert(cf_sys_mount("/proc/sys/kernel/osrelease", "/proc/sys/kernel/hostname", "", MS_BIND,
                           NULL) == 0);
    close(proc);
    proc = cf_procfs_open_host();
    cr_assert(ge(int, proc, 0));
    cr_expect(eq(long, cf_procfs_read(proc, "sys/kernel/hostname", buf, sizeof(buf)), -EXDEV));
    cr_expect(eq(int, cf_procfs_write(proc, "sys/kernel/hostname", "x", 1), -EXDEV));
    close(proc);

    proc = cf_procfs_open(false);
    cr_assert(ge(int, proc, 0), "%d", proc);
    cr_expect(gt(long, cf_procfs_read(proc, "sys/kernel/hostname", buf, sizeof(buf)), 0),
              "the private instance does not care");
    close(proc);

    cr_assert(cf_sys_mount("/tmp", "/proc", "", MS_BIND, NULL) == 0);
    cr_expect(eq(int, cf_procfs_open_host(), -ENOTSUP));
    cr_expect(cf_sys_umount2("/proc", MNT_DETACH) == 0); /* leak checkers read it */
}

Test(reopen, by_inode)
{
    char path[] = "/tmp/coffer-test-XXXXXX", buf[8] = "";
    int made = mkstemp(path), o_path, fd, link_fd, dir;

    cr_assert(made >= 0);
    cr_assert(write(made, "abc", 3) == 3);
    o_path = open(path, O_PATH | O_CLOEXEC);
    cr_assert(unlink(path) == 0);
    fd = cf_reopen(-1, o_path, O_RDONLY);
    cr_assert(ge(int, fd, 0), "%d", fd);
    cr_expect(eq(long, read(fd, buf, sizeof(buf)), 3));
    cr_expect_str_eq(buf, "abc");
    cr_expect(eq(int, fcntl(fd, F_GETFD), FD_CLOEXEC));
    cr_expect(eq(int, cf_reopen(-1, o_path, O_RDONLY | O_NOFOLLOW), -EINVAL));

    dir = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
    fd = cf_reopen(-1, dir, O_RDONLY);
    cr_expect(ge(int, fd, 0));
    link_fd = open("/proc/self", O_PATH | O_NOFOLLOW | O_CLOEXEC);
    cr_expect(eq(int, cf_reopen(-1, link_fd, O_RDONLY), -ELOOP));
    cr_expect(eq(int, cf_reopen(dir, o_path, O_RDONLY), -ENOENT), "no procfs at all");
}

Test(reopen, something_mounted_over_the_link)
{
    char path[] = "/tmp/coffer-test-XXXXXX", fd_link[64];
    int made = mkstemp(path), o_path, tid = (int) gettid();

    cr_assert(made >= 0);
    o_path = open(path, O_PATH | O_CLOEXEC);
    cr_assert(unlink(path) == 0);
    if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
        cr_skip_test("needs a mount namespace of its own");
    cr_assert(cf_sys_mount(NULL, "/", "", MS_REC | MS_PRIVATE, NULL) == 0);
    (void) snprintf(fd_link, sizeof(fd_link), "/proc/%d/task/%d/fd", (int) getpid(), tid);
    cr_assert(cf_sys_mount("/tmp", fd_link, "", MS_BIND, NULL) == 0);
    cr_expect(eq(int, cf_reopen(-1, o_path, O_RDONLY), -EXDEV));
}
