/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* path/rmtree and base/io: our own directories and files. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/own.h"
#include "path/path.h"

static int temp_dir(char path[64])
{
    int fd;

    (void) snprintf(path, 64, "/tmp/coffer-test-XXXXXX");
    cr_assert(mkdtemp(path) != NULL);
    fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_assert(fd >= 0);
    return fd;
}

static void make_file(int dirfd, const char *path)
{
    int fd = openat(dirfd, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    cr_assert(fd >= 0, "%s", path);
    close(fd);
}

Test(rmtree, removes_everything_and_follows_nothing)
{
    char path[64];
    int fd = temp_dir(path);

    cr_assert(mkdirat(fd, "victim", 0700) == 0);
    make_file(fd, "victim/keep");
    cr_assert(mkdirat(fd, "t", 0700) == 0);
    cr_assert(mkdirat(fd, "t/sub", 0700) == 0);
    for (int i = 0; i < 500; i++) {
        char name[32];

        (void) snprintf(name, sizeof(name), "t/sub/file-%d", i);
        make_file(fd, name);
    }
    cr_assert(symlinkat("../victim", fd, "t/link") == 0);
    cr_assert(symlinkat("/", fd, "t/sub/root") == 0);
    cr_assert(mkfifoat(fd, "t/fifo", 0600) == 0);

    cr_expect(eq(int, cf_rmtree_at(fd, "t"), 0));
    cr_expect(faccessat(fd, "t", F_OK, AT_SYMLINK_NOFOLLOW) < 0);
    cr_expect(faccessat(fd, "victim/keep", F_OK, 0) == 0);
    cr_expect(eq(int, cf_rmtree_at(fd, "t"), 0), "absent is done");

    cr_assert(symlinkat("victim", fd, "l") == 0);
    cr_expect(eq(int, cf_rmtree_at(fd, "l"), 0));
    cr_expect(faccessat(fd, "victim/keep", F_OK, 0) == 0);
    cr_expect(eq(int, cf_rmtree_at(fd, "victim"), 0));
    cr_assert(rmdir(path) == 0);
    close(fd);
}

Test(rmtree, refuses_names_that_are_paths)
{
    static const char *const bad[] = {"", ".", "..", "a/b", "/", "../x"};
    char path[64];
    int fd = temp_dir(path);

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect(eq(int, cf_rmtree_at(fd, bad[i]), -EINVAL), "`%s`", bad[i]);
    cr_assert(rmdir(path) == 0);
    close(fd);
}

Test(rmtree, depth_is_bounded)
{
    char path[64];
    int fd = temp_dir(path), at = dup(fd);

    for (int i = 0; i < CF_RMTREE_MAX_DEPTH + 3; i++) {
        int next;

        cr_assert(mkdirat(at, "d", 0700) == 0);
        next = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
        close(at);
        at = next;
    }
    cr_expect(eq(int, cf_rmtree_at(fd, "d"), -ELOOP));
    /* The deepest ones by hand, from inside; then it works. */
    close(at);
    at = dup(fd);
    for (int i = 0; i < 10; i++) {
        int next = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);

        close(at);
        at = next;
    }
    cr_expect(eq(int, cf_rmtree_at(at, "d"), 0));
    close(at);
    cr_expect(eq(int, cf_rmtree_at(fd, "d"), 0));
    cr_assert(rmdir(path) == 0);
    close(fd);
}

Test(io, replace_and_read)
{
    char path[64];
    int fd = temp_dir(path);
    char *text = NULL;
    struct stat st;
    size_t len;

    cr_expect(eq(int, cf_io_replace_file_at(fd, "state", "one", 3, 0640), 0));
    cr_expect(eq(int, cf_io_read_file_at(fd, "state", 100, &text, &len), 0));
    cr_expect_str_eq(text, "one");
    cr_expect(eq(sz, len, 3));
    free(text);
    cr_assert(fstatat(fd, "state", &st, 0) == 0);
    cr_expect(eq(u32, st.st_mode & 07777, 0640));

    /* A symlink in its place is replaced, what it names is not touched. */
    cr_assert(symlinkat("state", fd, "link") == 0);
    cr_expect(eq(int, cf_io_replace_file_at(fd, "link", "two", 3, 0600), 0));
    cr_expect(eq(int, cf_io_read_file_at(fd, "state", 3, &text, NULL), 0));
    cr_expect_str_eq(text, "one");
    free(text);
    cr_expect(eq(int, cf_io_read_file_at(fd, "state", 2, &text, NULL), -EFBIG));
    cr_expect(eq(int, cf_io_read_file_at(fd, "none", 2, &text, NULL), -ENOENT));
    cr_assert(mkfifoat(fd, "fifo", 0600) == 0);
    cr_expect(eq(int, cf_io_read_file_at(fd, "fifo", 2, &text, NULL), -EINVAL), "and no hang");
    cr_expect(eq(int, cf_io_replace_file_at(fd, "a/b", "", 0, 0600), -EINVAL));

    for (size_t i = 0; i < 3; i++)
        cr_expect(eq(int, cf_rmtree_at(fd, ((const char *[]){"state", "link", "fifo"})[i]), 0));
    cr_assert(rmdir(path) == 0, "no temporary file is left");
    close(fd);
}

Test(io, procfs_files_have_no_size)
{
    char *text = NULL;
    size_t len;

    cr_expect(eq(int, cf_io_read_file_at(AT_FDCWD, "/proc/self/status", 1 << 20, &text, &len), 0));
    cr_expect(gt(sz, len, 100));
    free(text);
}

Test(io, sealed_memfd)
{
    int fd = cf_io_sealed_memfd("test", "abc", 3, MFD_EXEC);

    cr_assert(ge(int, fd, 0));
    cr_expect(write(fd, "x", 1) < 0);
    cr_expect(ftruncate(fd, 0) < 0);
    cr_expect(ftruncate(fd, 10) < 0);
    cr_expect(eq(int, fcntl(fd, F_GETFD), FD_CLOEXEC));
    close(fd);
}
