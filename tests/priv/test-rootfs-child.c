/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Switching the root in its variants, and hostile rootfs contents. */

#include "container-scene.h"

static void check_inside(struct scene_result *res)
{
    char buf[64] = "";

    INSIDE(access("/vol", F_OK) == 0);
    INSIDE(access("/mnt/rootfs", F_OK) < 0);
    INSIDE(getcwd(buf, sizeof(buf)) && strcmp(buf, "/") == 0);
    INSIDE(scene_mountinfo("/", "tmpfs"));
    INSIDE(chdir("..") == 0 && access("mnt/rootfs", F_OK) < 0);
}

/* Absolute paths mean the host's until the pivot: hooks need that. */
static void check_before(struct scene_result *res)
{
    INSIDE(access("/mnt/canary", F_OK) == 0);
}

static void check_before_by_path(struct scene_result *res)
{
    INSIDE(access("/mnt/canary", F_OK) == 0);
    INSIDE(access(SCENE_ROOT "/proc/self", F_OK) == 0); /* hooks find the container there */
}

Test(rootfs_child, pivot)
{
    struct scene s;

    for (int userns = 0; userns < 2; userns++) {
        scene_begin(&s);
        s.userns = userns;
        scene_basic(&s);
        s.before_enter = check_before;
        s.check = check_inside;
        scene_expect_ok(&s);
    }
}

/* Without an fd of the host: init clones the path itself. */
Test(rootfs_child, rootless_root)
{
    struct scene s;

    for (int by_path = 0; by_path < 2; by_path++) {
        scene_begin(&s);
        s.userns = true;
        s.init_clones = true;
        scene_basic(&s);
        cf_blob_header(s.b)->root_path = cf_blob_add_str(s.b, SCENE_ROOT);
        if (by_path)
            cf_blob_header(s.b)->flags |= CF_BLOB_ROOT_BY_PATH;
        s.check = check_inside;
        scene_expect_ok(&s);
    }
}

Test(rootfs_child, root_by_path)
{
    struct scene s;

    for (int userns = 0; userns < 2; userns++) {
        scene_begin(&s);
        s.userns = userns;
        scene_basic(&s);
        cf_blob_header(s.b)->flags |= CF_BLOB_ROOT_BY_PATH;
        cf_blob_header(s.b)->root_path = cf_blob_add_str(s.b, SCENE_ROOT);
        s.before_enter = check_before_by_path;
        s.check = check_inside;
        scene_expect_ok(&s);
    }
}

Test(rootfs_child, root_by_path_that_changed)
{
    struct scene s;

    scene_begin(&s);
    cf_blob_header(s.b)->flags |= CF_BLOB_ROOT_BY_PATH;
    cf_blob_header(s.b)->root_path = cf_blob_add_str(s.b, SCENE_CANARY);
    scene_expect_err(&s, "rootfs-changed", -ESTALE);
    cr_assert_eq(s.res->err.kind, COFFER_ERROR_UNSAFE);
}

/* Unmounts what covers the root and goes where the namespace begins: the host's root is there, as
 * it must be without pivot_root, but its proc and sys are not. */
static void check_no_pivot(struct scene_result *res)
{
    int fd;

    check_inside(res);
    INSIDE(scene_mountinfo("/proc", " - proc "));
    fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    INSIDE(cf_sys_umount2("/", MNT_DETACH) == 0);
    INSIDE(cf_sys_setns(fd, CLONE_NEWNS) == 0);
    INSIDE(access("/mnt/canary", F_OK) == 0);
    INSIDE(access("/proc/1", F_OK) < 0);
    INSIDE(access("/sys/kernel", F_OK) < 0);
}

static void plan_no_pivot(struct scene *s, bool by_path)
{
    scene_basic(s);
    cf_blob_header(s->b)->flags |= CF_BLOB_NO_PIVOT;
    if (by_path) {
        cf_blob_header(s->b)->flags |= CF_BLOB_ROOT_BY_PATH;
        cf_blob_header(s->b)->root_path = cf_blob_add_str(s->b, SCENE_ROOT);
    }
    s->check = check_no_pivot;
}

Test(rootfs_child, no_pivot)
{
    struct scene s;

    for (int i = 0; i < 4; i++) {
        scene_begin(&s);
        s.userns = i & 1;
        plan_no_pivot(&s, i & 2);
        scene_expect_ok(&s);
        cr_assert_eq(access("/proc/self/mountinfo", F_OK), 0, "the host lost its procfs");
    }
}

static void check_readonly_root(struct scene_result *res)
{
    INSIDE(mkdir("/x", 0755) < 0 && errno == EROFS);
    INSIDE(mkdir("/dev/x", 0755) == 0);
    INSIDE(scene_mountinfo("/", "shared:"));
    INSIDE(scene_mountinfo("/proc", "shared:"));
}

Test(rootfs_child, readonly_and_propagation)
{
    struct scene s;

    scene_begin(&s);
    scene_basic(&s);
    cf_blob_header(s.b)->flags |= CF_BLOB_READONLY_ROOT;
    cf_blob_header(s.b)->root_propagation = MS_SHARED | MS_REC;
    s.check = check_readonly_root;
    scene_expect_ok(&s);
    cr_assert_eq(mkdir(SCENE_ROOT "/y", 0755), 0, "the host's own rootfs became read-only");
}

static size_t count_mounts(void)
{
    char line[4096];
    size_t n = 0;
    FILE *f = fopen("/proc/self/mountinfo", "re");

    while (f && fgets(line, sizeof(line), f))
        n++;
    if (f)
        fclose(f);
    return n;
}

/* Host mounts that stay shared (rootfsPropagation) or that nobody changed: nothing of the
 * container may appear on the host, and nothing of the host may be unmounted. */
Test(rootfs_child, nothing_flows_out)
{
    static const uint32_t props[] = {MS_SLAVE | MS_REC, MS_SHARED | MS_REC, MS_PRIVATE | MS_REC, 0,
                                     MS_SLAVE};
    struct scene s;
    size_t before;

    for (size_t i = 0; i < sizeof(props) / sizeof(props[0]); i++) {
        for (int by_path = 0; by_path < 2; by_path++) {
            scene_begin(&s);
            cr_assert_eq(cf_sys_mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL), 0);
            before = count_mounts();
            scene_basic(&s);
            cf_blob_header(s.b)->host_propagation = props[i];
            if (by_path) {
                cf_blob_header(s.b)->flags |= CF_BLOB_ROOT_BY_PATH;
                cf_blob_header(s.b)->root_path = cf_blob_add_str(s.b, SCENE_ROOT);
            }
            s.check = check_inside;
            scene_expect_ok(&s);
            cr_assert_eq(count_mounts(), before, "propagation %x, by path %d", props[i], by_path);
        }
    }
}

/* ---- hostile contents ---- */

static void replace_by_link(const char *path, const char *target)
{
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(symlink(target, path), 0);
}

static void expect_canary_untouched(void)
{
    cr_assert_eq(rmdir(SCENE_CANARY), 0, "something was made outside the rootfs");
}

Test(rootfs_child, proc_is_a_link)
{
    static const char *const targets[] = {"/tmp", "../../mnt/canary", SCENE_CANARY, "/missing"};
    struct scene s;

    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        scene_begin(&s);
        replace_by_link(SCENE_ROOT "/proc", targets[i]);
        scene_basic(&s);
        scene_expect_err(&s, "symlink-at-api-mount", -ELOOP);
        cr_assert_eq(s.res->err.kind, COFFER_ERROR_UNSAFE);
        cr_assert_not_null(strstr(scene_message(&s), "`/proc`"), "%s", scene_message(&s));
        cr_assert_str_eq(s.res->err.field, "mounts[0]");
        expect_canary_untouched();
    }
}

Test(rootfs_child, proc_is_a_file)
{
    struct scene s;

    scene_begin(&s);
    cr_assert_eq(rmdir(SCENE_ROOT "/proc"), 0);
    cr_assert_eq(mkfifo(SCENE_ROOT "/proc", 0600), 0);
    scene_basic(&s);
    scene_expect_err(&s, "system-call", -ENOTDIR);
}

Test(rootfs_child, dev_is_a_link)
{
    struct scene s;

    /* with a /dev mount, with our own, and with the image's /dev */
    for (int how = 0; how < 4; how++) {
        scene_begin(&s);
        replace_by_link(SCENE_ROOT "/dev", how & 1 ? "../../mnt/canary" : SCENE_CANARY);
        if (how < 2)
            scene_basic(&s);
        else
            scene_device(&s, "/dev/null", S_IFCHR | 0666, 1, 3);
        scene_link(&s, "/dev/ptmx", "pts/ptmx");
        scene_expect_err(&s, "symlink-at-api-mount", -ELOOP);
        expect_canary_untouched();
    }
    scene_begin(&s);
    replace_by_link(SCENE_ROOT "/dev", SCENE_CANARY);
    cf_blob_header(s.b)->flags |= CF_BLOB_OWN_DEV;
    scene_expect_err(&s, "symlink-at-api-mount", -ELOOP);
    expect_canary_untouched();
}

Test(rootfs_child, inner_component_is_a_link)
{
    struct scene s;

    scene_begin(&s);
    cr_assert_eq(symlink(SCENE_CANARY, SCENE_ROOT "/sys/fs"), 0);
    scene_basic(&s);
    scene_mount(&s, CF_MOUNT_FS, "/sys/fs/cgroup", "tmpfs", "tmpfs")->flags = CF_MOUNT_API_FS;
    scene_expect_err(&s, "symlink-at-api-mount", -ELOOP);
    cr_assert_not_null(strstr(scene_message(&s), "`/sys/fs`"), "%s", scene_message(&s));
    expect_canary_untouched();
}

Test(rootfs_child, targets_through_links_stay_inside)
{
    struct scene s;
    struct cf_blob_mount *m;

    scene_begin(&s);
    cr_assert_eq(rmdir(SCENE_ROOT "/vol"), 0);
    cr_assert_eq(symlink("../../../../../mnt/canary", SCENE_ROOT "/vol"), 0);
    cr_assert_eq(symlink(SCENE_CANARY "/x/y", SCENE_ROOT "/abs"), 0);
    cr_assert_eq(symlink("loop", SCENE_ROOT "/loop"), 0);
    scene_basic(&s);
    scene_write("/mnt/file", "data");
    scene_mount(&s, CF_MOUNT_FS, "/vol/a/b", "tmpfs", "tmpfs");
    scene_mount(&s, CF_MOUNT_FS, "/abs", "tmpfs", "tmpfs");
    m = scene_mount(&s, CF_MOUNT_TREE, "/vol/f/file", "/mnt/file", NULL);
    m->flags = CF_MOUNT_TARGET_FILE;
    m->fd = scene_tree(&s, "/mnt/file");
    scene_device(&s, "/vol/dev/n0", S_IFCHR | 0600, 1, 3);
    scene_expect_ok(&s);
    expect_canary_untouched();
    cr_assert_eq(access(SCENE_ROOT "/mnt/canary/dev/n0", F_OK), 0);
    cr_assert_eq(access(SCENE_ROOT "/mnt/canary/f/file", F_OK), 0);

    scene_begin(&s);
    cr_assert_eq(symlink("loop", SCENE_ROOT "/loop"), 0);
    scene_mount(&s, CF_MOUNT_FS, "/loop", "tmpfs", "tmpfs");
    scene_expect_err(&s, "system-call", -ELOOP);
}

Test(rootfs_child, wrong_type_at_target)
{
    struct scene s;
    struct cf_blob_mount *m;

    scene_begin(&s);
    scene_write("/mnt/file", "data");
    m = scene_mount(&s, CF_MOUNT_TREE, "/vol", "/mnt/file", NULL);
    m->flags = CF_MOUNT_TARGET_FILE;
    m->fd = scene_tree(&s, "/mnt/file");
    scene_expect_err(&s, "system-call", -ENOTDIR);
    cr_assert_not_null(strstr(scene_message(&s), "not a directory"), "%s", scene_message(&s));

    scene_begin(&s);
    cr_assert_eq(mkfifo(SCENE_ROOT "/etc/fifo", 0600), 0);
    m = scene_mount(&s, CF_MOUNT_TREE, "/etc/fifo", "/mnt/canary", NULL);
    m->fd = scene_tree(&s, SCENE_CANARY);
    scene_expect_err(&s, "system-call", -ENOTDIR);
}

static void plan_console(struct scene *s)
{
    struct cf_blob_mount *m;

    m = scene_mount(s, CF_MOUNT_FS, "/dev/pts", "devpts", "devpts");
    m->flags = CF_MOUNT_IS_PTS;
    scene_params(s, m, "newinstance", (char *) NULL, "ptmxmode", "0666", (char *) NULL);
    s->terminal = true;
}

static void check_console(struct scene_result *res)
{
    struct stat st;

    INSIDE(stat("/dev/console", &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == 136);
}

Test(rootfs_child, console_in_the_images_dev)
{
    struct scene s;

    scene_begin(&s);
    cr_assert_eq(symlink(SCENE_CANARY "/console", SCENE_ROOT "/dev/console"), 0);
    plan_console(&s);
    scene_expect_err(&s, "console-exists", -EEXIST);
    expect_canary_untouched();

    scene_begin(&s);
    cr_assert_eq(mknod(SCENE_ROOT "/dev/console", S_IFCHR | 0600, makedev(5, 1)), 0);
    plan_console(&s);
    s.check = check_console;
    scene_expect_ok(&s);

    scene_begin(&s);
    plan_console(&s);
    s.check = check_console;
    scene_expect_ok(&s);
}

static void check_existing_nodes(struct scene_result *res)
{
    char buf[64] = "";

    INSIDE(scene_is_dev("/dev/null", S_IFCHR, 1, 3));
    /* a foreign /dev keeps what it has */
    INSIDE(readlink("/dev/fd", buf, sizeof(buf)) == 5);
}

Test(rootfs_child, devices_in_the_images_dev)
{
    struct scene s;

    scene_begin(&s);
    cr_assert_eq(mknod(SCENE_ROOT "/dev/null", S_IFCHR | 0600, makedev(1, 3)), 0);
    cr_assert_eq(symlink("other", SCENE_ROOT "/dev/fd"), 0);
    scene_device(&s, "/dev/null", S_IFCHR | 0666, 1, 3);
    scene_link(&s, "/dev/fd", "/proc/self/fd");
    s.check = check_existing_nodes;
    scene_expect_ok(&s);

    scene_begin(&s);
    cr_assert_eq(symlink("/proc/sys/kernel/hostname", SCENE_ROOT "/dev/null"), 0);
    scene_device(&s, "/dev/null", S_IFCHR | 0666, 1, 3);
    scene_expect_err(&s, "device-exists", -EEXIST);
    cr_assert_str_eq(s.res->err.field, "linux.devices[0]");

    scene_begin(&s);
    cr_assert_eq(mknod(SCENE_ROOT "/dev/null", S_IFCHR | 0600, makedev(1, 5)), 0);
    scene_device(&s, "/dev/null", S_IFCHR | 0666, 1, 3);
    scene_expect_err(&s, "device-exists", -EEXIST);

    scene_begin(&s);
    cr_assert_eq(symlink(SCENE_CANARY, SCENE_ROOT "/dev/net"), 0);
    scene_device(&s, "/dev/net/tun", S_IFCHR | 0666, 10, 200);
    scene_expect_err(&s, "symlink-in-dev", -ELOOP);
    expect_canary_untouched();

    scene_begin(&s);
    s.userns = true;
    cr_assert_eq(symlink("/proc/sys/kernel/hostname", SCENE_ROOT "/dev/null"), 0);
    scene_device(&s, "/dev/null", S_IFCHR | 0666, 1, 3);
    scene_expect_err(&s, "device-exists", -EEXIST);
}
