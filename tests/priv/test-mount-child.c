/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Mounts, copy-up, masks, devices, sysctl, names and loopback, seen from inside a container. */

#include <net/if.h>
#include <sys/ioctl.h>

#include "container-scene.h"

static void check_default(struct scene_result *res)
{
    struct stat st;
    char buf[128] = "";
    struct ifreq req = {.ifr_name = "lo"};
    int fd;

    INSIDE(scene_mountinfo("/proc", " - proc proc "));
    INSIDE(scene_mountinfo("/dev", "nosuid"));
    INSIDE(scene_mountinfo("/dev", "size=65536k"));
    INSIDE(scene_mountinfo("/dev/pts", " - devpts devpts "));
    INSIDE(scene_mountinfo("/dev/shm", "nosuid,nodev,noexec"));
    INSIDE(scene_mountinfo("/dev/mqueue", " - mqueue mqueue "));
    INSIDE(scene_mountinfo("/sys", "ro,nosuid"));
    INSIDE(scene_mountinfo("/sys", " - sysfs "));
    INSIDE(stat("/dev", &st) == 0 && (st.st_mode & 07777) == 0755);
    INSIDE(stat("/dev/shm", &st) == 0 && (st.st_mode & 07777) == 01777);
    INSIDE(scene_is_dev("/dev/null", S_IFCHR, 1, 3));
    INSIDE(stat("/dev/null", &st) == 0 && (st.st_mode & 07777) == 0666);
    INSIDE(scene_is_dev("/dev/tty", S_IFCHR, 5, 0));
    INSIDE(readlink("/dev/fd", buf, sizeof(buf)) > 0 && strcmp(buf, "/proc/self/fd") == 0);
    INSIDE(scene_is_dev("/dev/ptmx", S_IFCHR, 5, 2));
    INSIDE(access("/dev/console", F_OK) == 0 && stat("/dev/console", &st) == 0 &&
           major(st.st_rdev) == 136);

    INSIDE(scene_is_dev("/proc/keys", S_IFCHR, 1, 3));
    INSIDE(scene_is_dev("/proc/timer_list", S_IFCHR, 1, 3));
    INSIDE(scene_mountinfo("/proc/acpi", " - tmpfs ") || access("/proc/acpi", F_OK) < 0);
    INSIDE(scene_mountinfo("/sys/firmware", "ro,nosuid,nodev,noexec") ||
           access("/sys/firmware", F_OK) < 0);
    INSIDE(scene_mountinfo("/proc/scsi", "ro,nosuid,nodev,noexec") || access("/proc/scsi", F_OK));
    INSIDE(scene_mountinfo("/proc/sys", "ro,nosuid,nodev,noexec"));
    INSIDE(open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC) < 0 && errno != EPERM);
    INSIDE(open("/proc/sys/net/ipv4/ip_default_ttl", O_WRONLY | O_CLOEXEC) < 0 && errno == EROFS);

    INSIDE(scene_reads("/proc/sys/net/ipv4/ip_default_ttl", "67\n"));
    INSIDE(gethostname(buf, sizeof(buf)) == 0 && strcmp(buf, "scene") == 0);
    INSIDE(getdomainname(buf, sizeof(buf)) == 0 && strcmp(buf, "example") == 0);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    INSIDE(ioctl(fd, SIOCGIFFLAGS, &req) == 0 && (req.ifr_flags & IFF_UP));
    INSIDE(mkdir("/rootwrite", 0755) < 0 && errno == EROFS);
    INSIDE(access("/mnt", F_OK) < 0);
    INSIDE(getcwd(buf, sizeof(buf)) && strcmp(buf, "/") == 0);
}

static void plan_default(struct scene *s)
{
    static const char *const masked[] = {
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware",
        "/proc/scsi", "/proc/interrupts", "/sys/devices/virtual/powercap"};
    static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                           "/proc/sysrq-trigger"};
    struct cf_blob_header *h = cf_blob_header(s->b);
    struct cf_blob_mount *m;

    scene_basic(s);
    m = scene_mount(s, CF_MOUNT_FS, "/dev/pts", "devpts", "devpts");
    m->flags = CF_MOUNT_API_FS | CF_MOUNT_IS_PTS;
    m->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    scene_params(s, m, "newinstance", (char *) NULL, "ptmxmode", "0666", "mode", "0620",
                 (char *) NULL);
    m = scene_mount(s, CF_MOUNT_FS, "/dev/shm", "shm", "tmpfs");
    m->flags = CF_MOUNT_API_FS;
    m->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    scene_params(s, m, "mode", "1777", "size", "65536k", (char *) NULL);
    m = scene_mount(s, CF_MOUNT_FS, "/dev/mqueue", "mqueue", "mqueue");
    m->flags = CF_MOUNT_API_FS;
    m = scene_mount(s, CF_MOUNT_FS, "/sys", "sysfs", "sysfs");
    m->flags = CF_MOUNT_API_FS;
    m->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_RDONLY;
    m = scene_mount(s, CF_MOUNT_TREE, "/sys/fs/cgroup", "/sys/fs/cgroup", NULL);
    m->flags = CF_MOUNT_API_FS;
    m->fd = scene_tree(s, "/sys/fs/cgroup");

    scene_device(s, "/dev/zero", S_IFCHR | 0666, 1, 5);
    scene_device(s, "/dev/full", S_IFCHR | 0666, 1, 7);
    scene_device(s, "/dev/random", S_IFCHR | 0666, 1, 8);
    scene_device(s, "/dev/urandom", S_IFCHR | 0666, 1, 9);
    scene_device(s, "/dev/tty", S_IFCHR | 0666, 5, 0);
    scene_link(s, "/dev/fd", "/proc/self/fd");
    scene_link(s, "/dev/ptmx", "pts/ptmx");
    for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++)
        scene_mask(s, masked[i]);
    for (size_t i = 0; i < sizeof(readonly) / sizeof(readonly[0]); i++)
        scene_readonly(s, readonly[i]);
    scene_sysctl(s, "net/ipv4/ip_default_ttl", "67");
    h->hostname = cf_blob_add_str(s->b, "scene");
    h->domainname = cf_blob_add_str(s->b, "example");
    h->flags |= CF_BLOB_LOOPBACK | CF_BLOB_READONLY_ROOT;
    s->terminal = true;
    s->check = check_default;
}

Test(mount_child, default_container)
{
    struct scene s;

    scene_begin(&s);
    plan_default(&s);
    scene_expect_ok(&s);
}

Test(mount_child, default_container_in_user_namespace)
{
    struct scene s;

    scene_begin(&s);
    s.userns = true;
    plan_default(&s);
    scene_expect_ok(&s);
}

static void check_own_dev(struct scene_result *res)
{
    INSIDE(scene_mountinfo("/dev", " - tmpfs tmpfs "));
    INSIDE(scene_is_dev("/dev/null", S_IFCHR, 1, 3));
    INSIDE(scene_is_dev("/dev/net/tun", S_IFCHR, 10, 200));
    INSIDE(access("/dev/fromimage", F_OK) < 0);
    INSIDE(scene_is_dev("/data/n0", S_IFCHR, 1, 3));
}

Test(mount_child, own_dev_and_devices_elsewhere)
{
    struct scene s;
    struct stat st;

    scene_begin(&s);
    scene_write(SCENE_ROOT "/dev/fromimage", "x");
    cf_blob_header(s.b)->flags |= CF_BLOB_OWN_DEV;
    scene_mount(&s, CF_MOUNT_FS, "/proc", "proc", "proc")->flags = CF_MOUNT_IS_PROC;
    scene_device(&s, "/dev/null", S_IFCHR | 0666, 1, 3);
    scene_device(&s, "/dev/net/tun", S_IFCHR | 0600, 10, 200);
    scene_device(&s, "/data/n0", S_IFCHR | 0640, 1, 3);
    s.devices[2].uid = 7;
    s.devices[2].gid = 8;
    s.check = check_own_dev;
    scene_expect_ok(&s);
    cr_assert_eq(stat(SCENE_ROOT "/data/n0", &st), 0);
    cr_assert_eq(st.st_mode & 07777, 0640);
    cr_assert(st.st_uid == 7 && st.st_gid == 8);
}

static void check_copyup(struct scene_result *res)
{
    struct stat st;
    char buf[64] = "";

    INSIDE(scene_mountinfo("/vol", "ro,"));
    INSIDE(stat("/vol", &st) == 0 && (st.st_mode & 07777) == 01750 && st.st_uid == 12);
    INSIDE(scene_reads("/vol/a/b/file", "hello"));
    INSIDE(stat("/vol/a/b/file", &st) == 0 && (st.st_mode & 07777) == 04755 && st.st_uid == 3 &&
           st.st_gid == 4 && st.st_mtim.tv_sec == 1000);
    INSIDE(stat("/vol/a", &st) == 0 && (st.st_mode & 07777) == 0710 && st.st_mtim.tv_sec == 2000);
    INSIDE(readlink("/vol/link", buf, sizeof(buf)) == 11 && strncmp(buf, "/etc/shadow", 11) == 0);
    INSIDE(access("/vol/fifo", F_OK) < 0);
    INSIDE(stat("/vol/big", &st) == 0 && st.st_size == 300000);
}

Test(mount_child, tmpfs_copies_up)
{
    const struct timespec old[2] = {{1000, 0}, {1000, 0}}, old_dir[2] = {{2000, 0}, {2000, 0}};
    struct cf_blob_mount *m;
    struct scene s;

    scene_begin(&s);
    scene_basic(&s);
    cr_assert_eq(mkdir(SCENE_ROOT "/vol/a", 0710), 0);
    cr_assert_eq(mkdir(SCENE_ROOT "/vol/a/b", 0700), 0);
    scene_write(SCENE_ROOT "/vol/a/b/file", "hello");
    cr_assert_eq(chown(SCENE_ROOT "/vol/a/b/file", 3, 4), 0);
    cr_assert_eq(chmod(SCENE_ROOT "/vol/a/b/file", 04755), 0);
    cr_assert_eq(utimensat(AT_FDCWD, SCENE_ROOT "/vol/a/b/file", old, 0), 0);
    cr_assert_eq(symlink("/etc/shadow", SCENE_ROOT "/vol/link"), 0);
    cr_assert_eq(mkfifo(SCENE_ROOT "/vol/fifo", 0600), 0);
    scene_write(SCENE_ROOT "/vol/big", "");
    cr_assert_eq(truncate(SCENE_ROOT "/vol/big", 300000), 0);
    cr_assert_eq(utimensat(AT_FDCWD, SCENE_ROOT "/vol/a", old_dir, 0), 0);
    cr_assert_eq(chown(SCENE_ROOT "/vol", 12, 13), 0);
    cr_assert_eq(chmod(SCENE_ROOT "/vol", 01750), 0);
    m = scene_mount(&s, CF_MOUNT_FS, "/vol", "tmpfs", "tmpfs");
    m->flags = CF_MOUNT_COPYUP | CF_MOUNT_TMPFS_MODE;
    m->attr_set = MOUNT_ATTR_RDONLY;
    s.check = check_copyup;
    scene_expect_ok(&s);
}

Test(mount_child, copy_up_is_bounded)
{
    struct cf_blob_mount *m;
    struct scene s;
    int fd = -1, up;

    scene_begin(&s);
    scene_basic(&s);
    fd = open(SCENE_ROOT "/vol", O_PATH | O_CLOEXEC);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(mkdirat(fd, "d", 0755), 0);
        up = fd;
        fd = openat(up, "d", O_PATH | O_CLOEXEC);
        close(up);
    }
    m = scene_mount(&s, CF_MOUNT_FS, "/vol", "tmpfs", "tmpfs");
    m->flags = CF_MOUNT_COPYUP;
    scene_expect_err(&s, "system-call", -ELOOP);
}

static void check_binds(struct scene_result *res)
{
    char buf[16] = "";

    INSIDE(scene_reads("/vol/file", "source"));
    INSIDE(scene_mountinfo("/vol/file", "ro,nodev"));
    INSIDE(scene_reads("/new/deep/dir/file", "source"));
    INSIDE(scene_reads("/canary/file", "source")); /* through a link that means the root inside */
    INSIDE(scene_reads("/made/by/link/file", "source"));
    INSIDE(readlink("/etc/copied", buf, sizeof(buf)) == 4 && strncmp(buf, "text", 4) == 0);
    INSIDE(scene_reads("/etc/fifo", "source"));
}

static void plan_binds(struct scene *s, bool rootless)
{
    struct cf_blob_mount *m;
    static const struct {
        const char *target, *source;
        bool file;
    } binds[] = {
        {"/vol/file", "/mnt/src/file", true},
        {"/new/deep/dir", "/mnt/src", false},
        {"/out", "/mnt/src", false},
        {"/dangling", "/mnt/src", false},
        {"/etc/fifo", "/mnt/src/file", true},
    };

    cr_assert_eq(mkdir("/mnt/src", 0755), 0);
    scene_write("/mnt/src/file", "source");
    cr_assert_eq(symlink("/canary", SCENE_ROOT "/out"), 0);
    cr_assert_eq(mkdir(SCENE_ROOT "/canary", 0755), 0);
    cr_assert_eq(symlink("../../made/by/link", SCENE_ROOT "/dangling"), 0);
    cr_assert_eq(mkfifo(SCENE_ROOT "/etc/fifo", 0600), 0);
    scene_basic(s);
    for (size_t i = 0; i < sizeof(binds) / sizeof(binds[0]); i++) {
        m = scene_mount(s, rootless ? CF_MOUNT_BIND : CF_MOUNT_TREE, binds[i].target,
                        binds[i].source, NULL);
        if (rootless)
            continue;
        m->flags = binds[i].file ? CF_MOUNT_TARGET_FILE : 0;
        m->fd = scene_tree(s, binds[i].source);
    }
    if (rootless) {
        s->mounts[s->n_mounts - 5].attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
    } else {
        struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV};

        cr_assert_eq(cf_sys_mount_setattr(s->fds[s->mounts[s->n_mounts - 5].fd], "", AT_EMPTY_PATH,
                                          &attr, sizeof(attr)), 0);
    }
    m = scene_mount(s, CF_MOUNT_TREE, "/etc/copied", "text", NULL);
    m->flags = CF_MOUNT_COPY_SYMLINK;
    s->check = check_binds;
}

Test(mount_child, binds_of_the_host)
{
    struct scene s;

    scene_begin(&s);
    plan_binds(&s, false);
    scene_expect_ok(&s);
    cr_assert_neq(access(SCENE_CANARY "/file", F_OK), 0);
    cr_assert_neq(access("/made", F_OK), 0);
}

Test(mount_child, binds_of_the_host_in_user_namespace)
{
    struct scene s;

    scene_begin(&s);
    s.userns = true;
    plan_binds(&s, false);
    scene_expect_ok(&s);
}

Test(mount_child, binds_that_init_opens)
{
    struct scene s;

    scene_begin(&s);
    s.userns = true;
    plan_binds(&s, true);
    scene_expect_ok(&s);
}

Test(mount_child, locked_flag_is_an_error)
{
    struct scene s;
    struct cf_blob_mount *m;

    scene_begin(&s);
    s.userns = true;
    scene_basic(&s);
    cr_assert_eq(mkdir("/mnt/ro", 0755), 0);
    cr_assert_eq(cf_sys_mount("tmpfs", "/mnt/ro", "tmpfs", MS_RDONLY, NULL), 0);
    m = scene_mount(&s, CF_MOUNT_BIND, "/vol", "/mnt/ro", NULL);
    m->attr_clr = MOUNT_ATTR_RDONLY;
    scene_expect_err(&s, "mount-flags-locked", -EPERM);
    cr_assert_str_eq(s.res->err.field, "mounts[2]");
}

static void check_remount(struct scene_result *res)
{
    INSIDE(scene_mountinfo("/vol", "ro,nosuid"));
    INSIDE(scene_mountinfo("/vol", "size=128k"));
}

Test(mount_child, remount)
{
    struct scene s;
    struct cf_blob_mount *m;

    scene_begin(&s);
    scene_basic(&s);
    scene_mount(&s, CF_MOUNT_FS, "/vol", "tmpfs", "tmpfs");
    m = scene_mount(&s, CF_MOUNT_REMOUNT, "/vol", NULL, NULL);
    m->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID;
    scene_params(&s, m, "size", "128k", (char *) NULL);
    s.check = check_remount;
    scene_expect_ok(&s);
}

Test(mount_child, errors_name_the_mount)
{
    struct scene s;
    struct cf_blob_mount *m;

    scene_begin(&s);
    scene_basic(&s);
    scene_mount(&s, CF_MOUNT_FS, "/vol", "x", "nosuchfs");
    scene_expect_err(&s, "system-call", -ENODEV);
    cr_assert_str_eq(s.res->err.field, "mounts[2]");
    cr_assert_not_null(strstr(scene_message(&s), "no such device"), "%s", scene_message(&s));
    cr_assert_not_null(strstr(scene_message(&s), "mount `nosuchfs` at `/vol`"));

    scene_begin(&s);
    scene_basic(&s);
    m = scene_mount(&s, CF_MOUNT_FS, "/vol", "tmpfs", "tmpfs");
    scene_params(&s, m, "bogus", "1", (char *) NULL);
    scene_expect_err(&s, "system-call", -EINVAL);
    cr_assert_not_null(strstr(scene_message(&s), "Unknown parameter"), "%s", scene_message(&s));
}

static void check_overlay(struct scene_result *res)
{
    INSIDE(scene_mountinfo("/vol", "ro,nodev"));
    INSIDE(scene_mountinfo("/vol", " - overlay "));
    INSIDE(scene_reads("/vol/file", "layer"));
}

/* fsconfig takes 255 bytes, a list of layers is longer. */
Test(mount_child, overlay_with_many_layers)
{
    char path[256], list[4000] = "lowerdir";
    struct scene s;
    struct cf_blob_mount *m;

    scene_begin(&s);
    scene_basic(&s);
    list[0] = '\0';
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof(path), "/mnt/layer-%d-%060d", i, i);
        cr_assert_eq(mkdir(path, 0755), 0);
        strcat(list, i ? ":" : "");
        strcat(list, path);
    }
    strcat(path, "/file");
    scene_write(path, "layer");
    m = scene_mount(&s, CF_MOUNT_FS, "/vol", "overlay", "overlay");
    m->attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV;
    scene_params(&s, m, "lowerdir", list, (char *) NULL);
    s.check = check_overlay;
    scene_expect_ok(&s);
}

static void check_masks(struct scene_result *res)
{
    INSIDE(scene_is_dev("/etc/secret", S_IFCHR, 1, 3));
    INSIDE(scene_is_dev("/etc/two", S_IFCHR, 1, 3));
    INSIDE(scene_mountinfo("/etc/dir", "ro,nosuid,nodev,noexec"));
    INSIDE(mkdir("/etc/dir/x", 0755) < 0 && errno == EROFS);
    INSIDE(open("/tmp/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0 && errno == EROFS);
}

/* Without a null device of our own the host's is used. Links are followed inside the root. */
static void plan_masks(struct scene *s, bool by_fd)
{
    scene_mount(s, CF_MOUNT_FS, "/proc", "proc", "proc")->flags = CF_MOUNT_IS_PROC;
    scene_write(SCENE_ROOT "/etc/secret", "secret");
    scene_write(SCENE_ROOT "/etc/two", "secret");
    cr_assert_eq(mkdir(SCENE_ROOT "/etc/dir", 0755), 0);
    cr_assert_eq(symlink("/etc/secret", SCENE_ROOT "/link"), 0);
    if (by_fd)
        cf_blob_header(s->b)->null_fd = scene_tree(s, "/dev/null");
    scene_mask(s, "/link");
    scene_mask(s, "/etc/two");
    scene_mask(s, "/etc/dir");
    scene_mask(s, "/etc/missing");
    scene_mask(s, "/missing/too");
    scene_readonly(s, "/tmp");
    scene_readonly(s, "/nothing");
    s->check = check_masks;
}

Test(mount_child, masks_with_the_hosts_null)
{
    struct scene s;

    for (int i = 0; i < 4; i++) {
        scene_begin(&s);
        s.userns = i & 1;
        plan_masks(&s, i & 2);
        scene_expect_ok(&s);
    }
}

Test(mount_child, mask_with_a_false_null_fails)
{
    struct scene s;

    scene_begin(&s);
    scene_write(SCENE_ROOT "/etc/secret", "secret");
    cf_blob_header(s.b)->null_fd = scene_tree(&s, "/dev/zero");
    scene_mask(&s, "/etc/secret");
    scene_expect_err(&s, "null-device", -ENODEV);
    cr_assert_str_eq(s.res->err.field, "linux.maskedPaths[0]");
}

/* A mount over /proc: masks go to what is visible, not to what is buried. */
static void check_covered(struct scene_result *res)
{
    INSIDE(scene_is_dev("/proc/keys", S_IFCHR, 1, 3));
}

Test(mount_child, masks_see_what_covers_proc)
{
    struct scene s;
    struct cf_blob_mount *m;

    scene_begin(&s);
    scene_basic(&s);
    cr_assert_eq(mkdir("/mnt/src", 0755), 0);
    scene_write("/mnt/src/keys", "secret");
    m = scene_mount(&s, CF_MOUNT_TREE, "/proc", "/mnt/src", NULL);
    m->fd = scene_tree(&s, "/mnt/src");
    scene_mask(&s, "/proc/keys");
    s.check = check_covered;
    scene_expect_ok(&s);
}

/* What may cover /proc is judged by the path of the configuration: no other name leads there. */
Test(mount_child, no_other_name_leads_into_proc)
{
    struct scene s;
    struct cf_blob_mount *m;

    scene_begin(&s);
    scene_basic(&s);
    cr_assert_eq(mkdir("/mnt/src", 0755), 0);
    m = scene_mount(&s, CF_MOUNT_TREE, "/vol/../proc", "/mnt/src", NULL);
    m->fd = scene_tree(&s, "/mnt/src");
    scene_expect_err(&s, "mount-over-proc", -EPERM);
}

Test(mount_child, sysctl_that_does_not_exist)
{
    struct scene s;

    scene_begin(&s);
    scene_basic(&s);
    scene_sysctl(&s, "net/no/such", "1");
    scene_expect_err(&s, "system-call", -ENOENT);
    cr_assert_not_null(strstr(scene_message(&s), "sysctl \"net/no/such\""));
}

static void check_pid(struct scene_result *res)
{
    /* the joined namespace has only its first process, which is not us */
    INSIDE(access("/proc/1/stat", F_OK) == 0);
    INSIDE(access("/proc/self", F_OK) < 0);
    INSIDE(access("/proc/2/stat", F_OK) < 0 || access("/proc/3/stat", F_OK) < 0);
}

/* Joins the pid namespace of a sleeping child for children, as the joiner does. */
static void run_in_pidns(bool by_param)
{
    struct scene s;
    char path[64];
    int pid, fd;

    scene_begin(&s);
    scene_basic(&s);
    pid = cf_sys_fork(CLONE_NEWPID, NULL);
    if (pid == 0) {
        cf_sys_prctl(1 /* PR_SET_PDEATHSIG */, SIGKILL, 0, 0, 0);
        for (;;)
            pause();
    }
    cr_assert_gt(pid, 0);
    snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    cf_blob_header(s.b)->flags |= CF_BLOB_PIDNS_JOINED;
    if (by_param)
        cf_blob_header(s.b)->pidns_fd = scene_fd(&s, dup(fd));
    s.join_pidns = true;
    s.pidns_fd = fd;
    s.check = check_pid;
    scene_expect_ok(&s);
    kill(pid, SIGKILL);
}

Test(mount_child, procfs_of_a_joined_pid_namespace)
{
    run_in_pidns(true);
}

Test(mount_child, procfs_of_a_joined_pid_namespace_by_helper)
{
    run_in_pidns(false);
}
