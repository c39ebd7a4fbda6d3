/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * path/inroot and path/clean against hostile trees: nothing outside the root may ever be opened or
 * made. Each test has a directory with `root` (the rootfs) and `canary` beside it, which must stay
 * empty.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "path/path.h"

struct box {
    char path[64];
    int fd;   /* the directory of everything */
    int root; /* rootfs */
};

static void box_open(struct box *box)
{
    (void) snprintf(box->path, sizeof(box->path), "/tmp/coffer-test-XXXXXX");
    cr_assert(mkdtemp(box->path) != NULL);
    box->fd = open(box->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_assert(mkdirat(box->fd, "root", 0755) == 0);
    cr_assert(mkdirat(box->fd, "canary", 0755) == 0);
    box->root = openat(box->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_assert(box->root >= 0);
}

static void box_close(struct box *box)
{
    cr_expect(unlinkat(box->fd, "canary", AT_REMOVEDIR) == 0, "the canary must be empty");
    cr_expect(eq(int, cf_rmtree_at(box->fd, "root"), 0));
    cr_expect(rmdir(box->path) == 0, "nothing else was made beside the root");
    close(box->fd);
    close(box->root);
}

static void link_at(const struct box *box, const char *target, const char *path)
{
    cr_assert(symlinkat(target, box->root, path) == 0, "%s", path);
}

static bool exists(const struct box *box, const char *path)
{
    return faccessat(box->root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Test(clean, table)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"/", "/"},
        {"//", "/"},
        {"/a//b/./c/", "/a/b/c"},
        {"/./", "/"},
        {"a", "a"},
        {"./a/.", "a"},
        {".", "."},
        {"./", "."},
        {"/a/../b", "/a/../b"},
        {"..", ".."},
        {"/..a/b..", "/..a/b.."},
    };
    char out[64], tiny[4], name[300];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_expect(ge(int, cf_path_clean(rows[i].in, out, sizeof(out)), 0), "row %zu", i);
        cr_expect_str_eq(out, rows[i].out, "row %zu", i);
    }
    cr_expect(eq(int, cf_path_clean("", out, sizeof(out)), -EINVAL));
    cr_expect(eq(int, cf_path_clean(NULL, out, sizeof(out)), -EINVAL));
    cr_expect(eq(int, cf_path_clean("/ab", tiny, sizeof(tiny)), 3));
    cr_expect(eq(int, cf_path_clean("/abc", tiny, sizeof(tiny)), -ENAMETOOLONG));
    cr_expect(eq(int, cf_path_clean("/a/b", tiny, sizeof(tiny)), -ENAMETOOLONG));
    memset(name, 'x', sizeof(name));
    name[299] = '\0';
    cr_expect(eq(int, cf_path_clean(name, (char[512]){0}, 512), -ENAMETOOLONG));
}

Test(clean, predicates)
{
    static const char *const good[] = {"a", "memory.max", "a..b", "...", "hugetlb.2MB", ".x"};
    static const char *const bad[] = {"", ".", "..", "a/b", "/", "a\nb", "a\x7f", "\xc3\xa4"};
    char name[300];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        cr_expect(cf_path_component_ok(good[i]), "%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_expect(not(cf_path_component_ok(bad[i])), "%s", bad[i]);
    cr_expect(not(cf_path_component_ok(NULL)));
    memset(name, 'x', sizeof(name));
    name[255] = '\0';
    cr_expect(cf_path_component_ok(name));
    name[255] = 'x';
    name[256] = '\0';
    cr_expect(not(cf_path_component_ok(name)));

    cr_expect(cf_path_has_dotdot("/a/../b"));
    cr_expect(cf_path_has_dotdot(".."));
    cr_expect(not(cf_path_has_dotdot("/a/..b/...")));
    cr_expect(cf_path_is_below("/proc/sys", "/proc"));
    cr_expect(cf_path_is_below("/proc", "/proc"));
    cr_expect(not(cf_path_is_below("/process", "/proc")));
    cr_expect(cf_path_is_below("/x", "/"));
    cr_expect(cf_path_is_absolute("/"));
    cr_expect(not(cf_path_is_absolute("")));
}

Test(inroot, open_stays_inside)
{
    struct box box;
    int fd;

    box_open(&box);
    link_at(&box, "/etc", "abs");
    link_at(&box, "../canary", "rel");
    link_at(&box, "../../../../../../etc/passwd", "deep");
    link_at(&box, "loop2", "loop1");
    link_at(&box, "loop1", "loop2");
    link_at(&box, "self", "self");
    link_at(&box, "/proc/self/root", "magic");
    cr_expect(eq(int, cf_inroot_open(box.root, "/abs", O_PATH, 0), -ENOENT));
    cr_expect(eq(int, cf_inroot_open(box.root, "/rel", O_PATH, 0), -ENOENT));
    cr_expect(eq(int, cf_inroot_open(box.root, "/deep", O_PATH, 0), -ENOENT));
    cr_expect(eq(int, cf_inroot_open(box.root, "../canary", O_PATH, 0), -ENOENT));
    cr_expect(eq(int, cf_inroot_open(box.root, "/loop1", O_PATH, 0), -ELOOP));
    cr_expect(eq(int, cf_inroot_open(box.root, "/self/x", O_PATH, 0), -ELOOP));
    cr_expect(eq(int, cf_inroot_open(box.root, "/magic", O_PATH, 0), -ENOENT));
    cr_expect(eq(int, cf_inroot_open(box.root, "/abs", O_PATH, RESOLVE_NO_SYMLINKS), -ELOOP));
    cr_expect(eq(int, cf_inroot_open(box.root, "", O_PATH, 0), -EINVAL));
    cr_expect(eq(int, cf_inroot_open(box.root, "/x", O_RDWR | O_CREAT, 0), -EINVAL));
    fd = cf_inroot_open(box.root, "/../..", O_PATH | O_DIRECTORY, 0);
    cr_expect(ge(int, fd, 0), "the root itself");
    cr_expect(eq(int, fcntl(fd, F_GETFD), FD_CLOEXEC));
    close(fd);
    /* The real root as root: now the magic link is there, and is not followed. */
    fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    cr_expect(eq(int, cf_inroot_open(fd, "/proc/self/root", O_PATH, 0), -ELOOP));
    cr_expect(eq(int, cf_inroot_open(fd, "/proc/self/exe", O_PATH, 0), -ELOOP));
    close(fd);
    box_close(&box);
}

Test(inroot, mkdirs_makes_exact_modes)
{
    struct box box;
    struct stat st;
    int fd = -1;

    box_open(&box);
    (void) umask(077);
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/a/b/c", 01777, 0, &fd), 3));
    cr_assert(fstat(fd, &st) == 0);
    cr_expect(eq(u32, st.st_mode & 07777, 01777));
    cr_expect(eq(int, fcntl(fd, F_GETFL) & O_PATH, O_PATH));
    close(fd);
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "a//b/./c/", 0755, 0, &fd), 0));
    close(fd);
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/", 0755, 0, &fd), 0));
    close(fd);
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/a/x/../y", 0700, 0, &fd), 2));
    close(fd);
    cr_expect(exists(&box, "a/x"));
    cr_expect(exists(&box, "a/y"));
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/../../canary/z", 0700, 0, &fd), 2));
    close(fd);
    cr_expect(exists(&box, "canary/z"));
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "", 0700, 0, &fd), -EINVAL));
    box_close(&box);
}

Test(inroot, mkdirs_and_symlinks)
{
    const uint64_t no_links = RESOLVE_NO_SYMLINKS;
    char absolute[128];
    struct box box;
    int fd = -1;

    box_open(&box);
    cr_assert(mkdirat(box.root, "dir", 0755) == 0);
    (void) snprintf(absolute, sizeof(absolute), "%s/canary", box.path);
    link_at(&box, "/dir", "good");
    link_at(&box, absolute, "abs");             /* dangling inside the root */
    link_at(&box, "../../../canary", "rel");
    link_at(&box, "two", "one");
    link_at(&box, "missing/deep", "two");
    link_at(&box, "loop2", "loop1");
    link_at(&box, "loop1", "loop2");
    link_at(&box, "/proc/self/fd/3", "fd");
    cr_assert(mknodat(box.root, "file", S_IFREG | 0644, 0) == 0);

    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/good/x", 0755, 0, &fd), 1));
    close(fd);
    cr_expect(exists(&box, "dir/x"));
    cr_expect(gt(int, cf_inroot_mkdirs(box.root, "/abs/x", 0755, 0, &fd), 0));
    close(fd);
    cr_expect(gt(int, cf_inroot_mkdirs(box.root, "/rel/x", 0755, 0, &fd), 0));
    close(fd);
    cr_expect(exists(&box, "canary/x"));
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/one/x", 0755, 0, &fd), 3));
    close(fd);
    cr_expect(exists(&box, "missing/deep/x"));
    cr_expect(gt(int, cf_inroot_mkdirs(box.root, "/fd/x", 0755, 0, &fd), 0));
    close(fd);
    cr_expect(exists(&box, "proc/self/fd/3/x"));
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/loop1/x", 0755, 0, &fd), -ELOOP));
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/file/x", 0755, 0, &fd), -ENOTDIR));
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/file", 0755, 0, &fd), -ENOTDIR));
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/good/y", 0755, no_links, &fd), -ELOOP));
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/two/y", 0755, no_links, &fd), -ELOOP));
    cr_expect(eq(int, cf_inroot_mkdirs(box.root, "/n/y", 0755, no_links, &fd), 2));
    close(fd);
    box_close(&box);
}

Test(inroot, mkfile)
{
    struct box box;
    uint32_t type = 0;
    struct stat st;
    int fd = -1;

    box_open(&box);
    (void) umask(077);
    link_at(&box, "../../canary/file", "dangling");
    link_at(&box, "dangling", "chain");
    link_at(&box, "self", "self");
    cr_assert(mkfifoat(box.root, "fifo", 0600) == 0);

    cr_expect(eq(int, cf_inroot_mkfile(box.root, "/etc/x/hosts", 0644, 0, &fd, &type), 1));
    cr_expect(eq(u32, type, S_IFREG));
    cr_assert(fstat(fd, &st) == 0);
    cr_expect(eq(u32, st.st_mode & 07777, 0644));
    close(fd);
    cr_expect(eq(int, cf_inroot_mkfile(box.root, "/etc/x/hosts", 0600, 0, &fd, NULL), 0));
    close(fd);
    cr_expect(eq(int, cf_inroot_mkfile(box.root, "/etc/x", 0600, 0, &fd, &type), 0));
    cr_expect(eq(u32, type, S_IFDIR));
    close(fd);
    cr_expect(eq(int, cf_inroot_mkfile(box.root, "/fifo", 0600, 0, &fd, &type), 0));
    cr_expect(eq(u32, type, S_IFIFO));
    close(fd);
    cr_expect(eq(int, cf_inroot_mkfile(box.root, "/chain", 0600, 0, &fd, &type), 1));
    cr_expect(eq(u32, type, S_IFREG));
    close(fd);
    cr_expect(exists(&box, "canary/file"));
    cr_expect(eq(int, cf_inroot_mkfile(box.root, "/self", 0600, 0, &fd, &type), -ELOOP));
    cr_expect(eq(int, cf_inroot_mkfile(box.root, "/chain", 0600, RESOLVE_NO_SYMLINKS, &fd, &type),
                 -ELOOP));
    cr_expect(eq(int, cf_inroot_mkfile(box.root, "/new/..", 0600, 0, &fd, &type), -EINVAL));
    box_close(&box);
}

Test(inroot, parent_symlink_readlink)
{
    char name[CF_PATH_NAME_MAX], buf[64];
    struct box box;
    int fd = -1;

    box_open(&box);
    cr_expect(eq(int, cf_inroot_parent(box.root, "/a/b", false, 0, &fd, name), -ENOENT));
    cr_expect(eq(int, cf_inroot_parent(box.root, "/a/b/", true, 0, &fd, name), 0));
    cr_expect_str_eq(name, "b");
    close(fd);
    cr_expect(eq(int, cf_inroot_parent(box.root, "top", false, 0, &fd, name), 0));
    cr_expect_str_eq(name, "top");
    close(fd);
    cr_expect(eq(int, cf_inroot_parent(box.root, "/", true, 0, &fd, name), -EINVAL));
    cr_expect(eq(int, cf_inroot_parent(box.root, "/a/..", true, 0, &fd, name), -EINVAL));
    cr_expect(eq(int, cf_inroot_parent(box.root, ".", true, 0, &fd, name), -EINVAL));

    cr_expect(eq(int, cf_inroot_symlink(box.root, "/dev/fd", "/proc/self/fd", 0), 1));
    cr_expect(eq(int, cf_inroot_symlink(box.root, "/dev/fd", "/proc/self/fd", 0), 0));
    cr_expect(eq(int, cf_inroot_symlink(box.root, "/dev/fd", "/other", 0), -EEXIST));
    cr_expect(eq(int, cf_inroot_symlink(box.root, "/dev", "/other", 0), -EEXIST));
    cr_expect(eq(int, cf_inroot_readlink(box.root, "/dev/fd", buf, sizeof(buf)), 13));
    cr_expect_str_eq(buf, "/proc/self/fd");
    cr_expect(eq(int, cf_inroot_readlink(box.root, "/dev/fd", buf, 13), -ENAMETOOLONG));
    cr_expect(eq(int, cf_inroot_readlink(box.root, "/dev", buf, sizeof(buf)), -EINVAL));

    /* The parent is a link out: the new link is made inside. */
    link_at(&box, "../canary", "out");
    cr_expect(eq(int, cf_inroot_symlink(box.root, "/out/l", "x", 0), 1));
    cr_expect(exists(&box, "canary/l"));
    box_close(&box);
}

Test(inroot, open_regular_does_not_hang)
{
    struct box box;
    int fd;

    box_open(&box);
    cr_assert(mkfifoat(box.root, "passwd", 0600) == 0);
    cr_expect(eq(int, cf_inroot_open_regular(box.root, "/passwd", -1), -EINVAL));
    cr_expect(eq(int, cf_inroot_open_regular(box.root, "/", -1), -EINVAL));
    cr_expect(eq(int, cf_inroot_open_regular(box.root, "/none", -1), -ENOENT));
    cr_assert(mknodat(box.root, "file", S_IFREG | 0600, 0) == 0);
    fd = cf_inroot_open_regular(box.root, "/file", -1);
    cr_expect(ge(int, fd, 0));
    close(fd);
    box_close(&box);
}

/* An adversary exchanges a directory with a link to the canary as fast as possible. */
Test(inroot, concurrent_exchange, .timeout = 30)
{
    int64_t end = cf_clock_monotonic_ms() + 1500;
    int n_good = 0, n_rounds = 0;
    struct box box;
    pid_t pid;

    box_open(&box);
    cr_assert(mkdirat(box.root, "vol", 0755) == 0);
    link_at(&box, "../canary", "evil");
    pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        for (;;)
            (void) cf_sys_renameat2(box.root, "vol", box.root, "evil", RENAME_EXCHANGE);
    }
    while (cf_clock_monotonic_ms() < end) {
        char path[64];
        int fd = -1, r;

        (void) snprintf(path, sizeof(path), "/vol/%d/b", n_rounds++ % 50);
        r = cf_inroot_mkdirs(box.root, path, 0755, 0, &fd);
        if (r >= 0) {
            n_good++;
            close(fd);
        }
        r = cf_inroot_mkfile(box.root, path, 0644, 0, &fd, NULL);
        if (r >= 0)
            close(fd);
        (void) snprintf(path, sizeof(path), "/vol/f%d", n_rounds % 50);
        r = cf_inroot_mkfile(box.root, path, 0644, RESOLVE_NO_SYMLINKS, &fd, NULL);
        if (r >= 0)
            close(fd);
    }
    kill(pid, SIGKILL);
    cr_assert(waitpid(pid, NULL, 0) == pid);
    cr_expect(gt(int, n_good, 0));
    box_close(&box);
}
