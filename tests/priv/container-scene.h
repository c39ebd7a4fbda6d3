/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A stage for tests of the container-side mount code: a rootfs on a private tmpfs at /mnt, a plan
 * blob, a child in new namespaces that runs the steps of init up to the pivot, and a check that
 * runs inside. Everything disappears with the mount namespace of the test process.
 */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init/init.h"
#include "sys/fs.h"
#include "sys/mountfd.h"
#include "sys/task.h"
#include "wire/blob-build.h"

#define SCENE_ROOT "/mnt/rootfs"
#define SCENE_CANARY "/mnt/canary"
#define SCENE_MAX 32

struct scene_result {
    int ret;            /* of the failed step, 0: all done */
    int check_failed;
    struct cf_err err;
    char text[2048];    /* what check complained about */
};

struct scene {
    struct cf_blob_builder *b;
    struct cf_blob_mount mounts[SCENE_MAX];
    size_t n_mounts;
    struct cf_blob_device devices[SCENE_MAX];
    size_t n_devices;
    struct cf_blob_link links[SCENE_MAX];
    size_t n_links;
    cf_str masked[SCENE_MAX], readonly[SCENE_MAX];
    size_t n_masked, n_readonly;
    struct cf_blob_sysctl sysctls[SCENE_MAX];
    size_t n_sysctls;
    int fds[SCENE_MAX];
    bool userns;
    bool terminal; /* open a pty in init and bind it on /dev/console */
    bool init_clones; /* no fd of the rootfs: rootless */
    bool join_pidns;
    int pidns_fd; /* with join_pidns: what init's children will be in */
    void (*check)(struct scene_result *res);       /* inside, after the pivot */
    void (*before_enter)(struct scene_result *res); /* inside, before it */
    struct scene_result *res;
};

__attribute__((format(printf, 3, 4), unused)) static void scene_complain(struct scene_result *res,
                                                                         int line, const char *fmt,
                                                                         ...)
{
    size_t used = strlen(res->text);
    va_list args;

    res->check_failed++;
    used += (size_t) snprintf(res->text + used, sizeof(res->text) - used, "[line %d: ", line);
    if (used >= sizeof(res->text))
        return;
    va_start(args, fmt);
    vsnprintf(res->text + used, sizeof(res->text) - used, fmt, args);
    va_end(args);
    strncat(res->text, "] ", sizeof(res->text) - strlen(res->text) - 1);
}

#define INSIDE(cond)                                                                               \
    do {                                                                                           \
        errno = 0;                                                                                 \
        if (!(cond))                                                                               \
            scene_complain(res, __LINE__, "%s, errno %d", #cond, errno);                           \
    } while (0)

__attribute__((unused)) static void scene_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
    close(fd);
}

__attribute__((unused)) static bool scene_reads(const char *path, const char *want)
{
    char buf[256] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

    if (fd >= 0)
        close(fd);
    return n >= 0 && strncmp(buf, want, strlen(want)) == 0 && (want[0] || n == 0);
}

/* The last line of mountinfo for this mount point: options, and fs type after " - ". */
__attribute__((unused)) static bool scene_mountinfo(const char *point, const char *want)
{
    static char line[4096];
    bool found = false, match = false;
    char at[512];
    int n;
    FILE *f = fopen("/proc/self/mountinfo", "re");

    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "%*s %*s %*s %*s %511s %n", at, &n) != 1 || strcmp(at, point) != 0)
            continue;
        found = true;
        match = strstr(line + n, want) != NULL;
    }
    if (f)
        fclose(f);
    return found && match;
}

__attribute__((unused)) static bool scene_is_dev(const char *path, mode_t type, unsigned int maj,
                                                 unsigned int min)
{
    struct stat st;

    return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type && major(st.st_rdev) == maj &&
           minor(st.st_rdev) == min;
}

/* Fresh tmpfs with a rootfs and a canary in a mount namespace of the test's own. */
__attribute__((unused)) static void scene_begin(struct scene *s)
{
    static const char *const dirs[] = {"proc", "sys", "dev", "tmp", "etc", "vol"};
    char path[64];

    memset(s, 0, sizeof(*s));
    for (int i = 0; i < SCENE_MAX; i++)
        s->fds[i] = -1;
    cr_assert_eq(cf_sys_unshare(CLONE_NEWNS), 0, "these tests need root");
    cr_assert_eq(cf_sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), 0);
    cr_assert_eq(cf_sys_mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755"), 0);
    cr_assert_eq(mkdir(SCENE_ROOT, 0755), 0);
    cr_assert_eq(mkdir(SCENE_CANARY, 0755), 0);
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        snprintf(path, sizeof(path), SCENE_ROOT "/%s", dirs[i]);
        cr_assert_eq(mkdir(path, 0755), 0);
    }
    s->b = cf_blob_builder_new();
    cr_assert_not_null(s->b);
    cf_blob_header(s->b)->flags = CF_BLOB_MOUNTNS;
    cf_blob_header(s->b)->host_propagation = MS_SLAVE | MS_REC;
    cf_blob_header(s->b)->pidns_fd = CF_NO_FD;
    s->res = mmap(NULL, sizeof(*s->res), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(s->res, MAP_FAILED);
}

/* Gives the blob an fd. Return: its index. */
__attribute__((unused)) static int32_t scene_fd(struct scene *s, int fd)
{
    int32_t index = cf_blob_add_fd(s->b);

    cr_assert_geq(fd, 0, "%d", fd);
    s->fds[index] = fd;
    return index;
}

/* A detached clone of a host path, as the host makes them. */
__attribute__((unused)) static int32_t scene_tree(struct scene *s, const char *path)
{
    struct mount_attr attr = {.propagation = MS_SLAVE};
    int fd = cf_sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

    cr_assert_geq(fd, 0, "%s: %d", path, fd);
    cf_sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr));
    return scene_fd(s, fd);
}

__attribute__((unused)) static struct cf_blob_mount *scene_mount(struct scene *s, uint32_t kind,
                                                                 const char *target,
                                                                 const char *source,
                                                                 const char *fstype)
{
    struct cf_blob_mount *m = &s->mounts[s->n_mounts];

    *m = (struct cf_blob_mount){
        .kind = kind,
        .target = cf_blob_add_str(s->b, target),
        .source = cf_blob_add_str(s->b, source),
        .fstype = cf_blob_add_str(s->b, fstype),
        .fd = CF_NO_FD,
        .config_index = (uint32_t) s->n_mounts,
    };
    s->n_mounts++;
    return m;
}

/* Pairs of strings, a NULL key ends; a NULL value is a flag. */
__attribute__((unused)) static void scene_params(struct scene *s, struct cf_blob_mount *m, ...)
{
    struct cf_blob_fsparam p[16];
    size_t n = 0;
    const char *key, *value;
    va_list args;

    va_start(args, m);
    while ((key = va_arg(args, const char *))) {
        value = va_arg(args, const char *);
        p[n].key = cf_blob_add_str(s->b, key);
        p[n++].value = cf_blob_add_str(s->b, value);
    }
    va_end(args);
    m->params = cf_blob_add_array(s->b, p, n, sizeof(p[0]));
}

__attribute__((unused)) static void scene_device(struct scene *s, const char *path, uint32_t mode,
                                                 uint32_t maj, uint32_t min)
{
    struct cf_blob_device *d = &s->devices[s->n_devices++];

    *d = (struct cf_blob_device){
        .how = CF_DEVICE_MKNOD,
        .mode = mode,
        .major = maj,
        .minor = min,
        .path = cf_blob_add_str(s->b, path),
        .source = cf_blob_add_str(s->b, path),
        .fd = CF_NO_FD,
        .config_index = (uint32_t) s->n_devices - 1,
    };
    if (s->userns && S_ISCHR(mode)) {
        d->how = CF_DEVICE_TREE;
        d->fd = scene_tree(s, path);
    }
}

__attribute__((unused)) static void scene_link(struct scene *s, const char *path,
                                               const char *target)
{
    s->links[s->n_links].path = cf_blob_add_str(s->b, path);
    s->links[s->n_links++].target = cf_blob_add_str(s->b, target);
}

__attribute__((unused)) static void scene_mask(struct scene *s, const char *path)
{
    s->masked[s->n_masked++] = cf_blob_add_str(s->b, path);
}

__attribute__((unused)) static void scene_readonly(struct scene *s, const char *path)
{
    s->readonly[s->n_readonly++] = cf_blob_add_str(s->b, path);
}

__attribute__((unused)) static void scene_sysctl(struct scene *s, const char *path,
                                                 const char *value)
{
    struct cf_blob_sysctl *c = &s->sysctls[s->n_sysctls++];

    c->path = c->key = cf_blob_add_str(s->b, path);
    c->value = cf_blob_add_str(s->b, value);
}

/* proc, a tmpfs /dev with null, and sys: what every scene has. */
__attribute__((unused)) static void scene_basic(struct scene *s)
{
    struct cf_blob_mount *m;

    m = scene_mount(s, CF_MOUNT_FS, "/proc", "proc", "proc");
    m->flags = CF_MOUNT_API_FS | CF_MOUNT_IS_PROC;
    m->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    m = scene_mount(s, CF_MOUNT_FS, "/dev", "tmpfs", "tmpfs");
    m->flags = CF_MOUNT_API_FS | CF_MOUNT_IS_DEV;
    m->attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME;
    scene_params(s, m, "mode", "755", "size", "65536k", (char *) NULL);
    scene_device(s, "/dev/null", S_IFCHR | 0666, 1, 3);
}

static int scene_terminal(struct cf_init *in, struct cf_err *err)
{
    int unlock = 0;

    in->master_fd = openat(in->pts_fd, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (in->master_fd < 0)
        return cf_err_sys(err, -errno, "ptmx");
    (void) cf_sys_ioctl_ptr(in->master_fd, TIOCSPTLCK, &unlock);
    in->slave_fd = cf_sys_ioctl(in->master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (in->slave_fd < 0)
        return cf_err_sys(err, in->slave_fd, "TIOCGPTPEER");
    return cf_device_child_console(in, err);
}

static int scene_steps(struct scene *s, struct cf_init *in, struct cf_err *err)
{
    int r;

    r = cf_rootfs_child_attach(in, err);
    (void) umask(0); /* as cf_init_main() does */
    if (r >= 0)
        r = cf_mount_child_apply(in, err);
    if (r >= 0)
        r = cf_device_child_apply(in, err);
    if (r >= 0)
        r = cf_loopback_child_up(in, err);
    if (r >= 0)
        r = cf_uts_child_apply(in, err);
    if (r >= 0 && s->terminal)
        r = scene_terminal(in, err);
    if (r >= 0)
        r = cf_sysctl_child_apply(in, err);
    if (r >= 0)
        r = cf_mask_child_apply(in, err);
    if (r >= 0 && s->before_enter)
        s->before_enter(s->res);
    if (r >= 0)
        r = cf_rootfs_child_enter(in, err);
    return r;
}

static void scene_inside(struct scene *s, const void *data, size_t size)
{
    struct cf_init in = {
        .wire_fd = -1, .report_fd = -1, .fds = s->fds, .root_fd = -1, .proc_fd = -1, .dev_fd = -1,
        .pts_fd = -1, .null_fd = -1, .master_fd = -1, .slave_fd = -1, .exec_fd = -1,
    };

    s->res->ret = cf_blob_check(data, size, &in.blob);
    if (s->res->ret < 0)
        return;
    in.n_fds = in.blob.h->n_fds;
    umask(0); /* as in cf_init_main */
    if (s->userns && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
        _exit(1); /* files can be made by a mapped id only */
    if (s->join_pidns) {
        s->res->ret = cf_sys_setns(s->pidns_fd, CLONE_NEWPID);
        if (s->res->ret < 0)
            return;
    }
    s->res->ret = scene_steps(s, &in, &s->res->err);
    if (s->res->ret >= 0 && s->check)
        s->check(s->res);
}

static void scene_write_map(int pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    scene_write(path, "0 100000 65536");
}

static int scene_shift_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    int r = lchown(path, st->st_uid + 100000, st->st_gid + 100000);

    return r == 0 && S_ISREG(st->st_mode) ? chmod(path, st->st_mode & 07777) : r;
}

/* Finishes the blob, runs the child to its end. Return: what the steps returned. */
__attribute__((unused)) static int scene_run(struct scene *s)
{
    struct cf_blob_header *h = cf_blob_header(s->b);
    uint64_t flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET;
    struct cf_err err = CF_ERR_INIT;
    const void *data;
    size_t size;
    int go[2], pid, status = 0;
    char c;

    if (h->root_fd < 0 && !s->init_clones) {
        struct mount_attr attr = {.propagation = MS_PRIVATE};

        h->root_fd = scene_tree(s, SCENE_ROOT);
        cf_sys_mount_setattr(s->fds[h->root_fd], "", AT_EMPTY_PATH, &attr, sizeof(attr));
    }
    h->mounts = cf_blob_add_array(s->b, s->mounts, s->n_mounts, sizeof(s->mounts[0]));
    h->devices = cf_blob_add_array(s->b, s->devices, s->n_devices, sizeof(s->devices[0]));
    h->links = cf_blob_add_array(s->b, s->links, s->n_links, sizeof(s->links[0]));
    h->masked = cf_blob_add_array(s->b, s->masked, s->n_masked, sizeof(s->masked[0]));
    h->readonly = cf_blob_add_array(s->b, s->readonly, s->n_readonly, sizeof(s->readonly[0]));
    h->sysctls = cf_blob_add_array(s->b, s->sysctls, s->n_sysctls, sizeof(s->sysctls[0]));
    if (s->userns) {
        h->flags |= CF_BLOB_USERNS;
        cr_assert_eq(nftw(SCENE_ROOT, scene_shift_one, 16, FTW_PHYS), 0);
    }
    cr_assert_eq(cf_blob_finish(s->b, &data, &size, &err), 0, "%s", err.text);

    if (s->userns)
        flags |= CLONE_NEWUSER;
    if (s->join_pidns)
        flags &= ~(uint64_t) CLONE_NEWPID;
    cr_assert_eq(pipe2(go, O_CLOEXEC), 0);
    pid = cf_sys_fork(flags, NULL);
    cr_assert_geq(pid, 0, "clone3: %d", pid);
    if (pid == 0) {
        close(go[1]);
        if (read(go[0], &c, 1) == 1)
            scene_inside(s, data, size);
        _exit(0);
    }
    if (s->userns) {
        scene_write_map(pid, "uid_map");
        scene_write_map(pid, "gid_map");
    }
    cr_assert_eq(write(go[1], "g", 1), 1);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0, "the child died: %x", (unsigned int) status);
    cf_blob_builder_free(s->b);
    return s->res->ret;
}

__attribute__((unused)) static const char *scene_message(struct scene *s)
{
    static char buf[2048];

    (void) cf_err_print(&s->res->err, buf, sizeof(buf));
    return buf;
}

/* The steps succeed and the check inside is content. */
#define scene_expect_ok(s)                                                                         \
    do {                                                                                           \
        int scene_r_ = scene_run(s);                                                               \
        cr_assert_eq(scene_r_, 0, "%d: %s", scene_r_, scene_message(s));                           \
        cr_assert_eq((s)->res->check_failed, 0, "%s", (s)->res->text);                             \
    } while (0)

/* The steps fail with this error code and errno. */
#define scene_expect_err(s, want_code, want_ret)                                                   \
    do {                                                                                           \
        int scene_r_ = scene_run(s);                                                               \
        cr_assert_eq(scene_r_, want_ret, "%d: %s", scene_r_, scene_message(s));                    \
        cr_assert_str_eq((s)->res->err.code, want_code, "%s", scene_message(s));                   \
    } while (0)
