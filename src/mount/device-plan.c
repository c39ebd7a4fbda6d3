/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Device nodes and links of /dev. Pure, host side.
 *
 * Nodes are made by init with mknod(2). In a user namespace the kernel refuses that: the host makes
 * them (dev-plan.c). Where it may not either, because the runtime itself lives in one, a clone of its
 * node is attached, opened and checked by the host (CF_DEVICE_TREE) or, without privilege, by init
 * (CF_DEVICE_BIND). A /dev that config.json binds from the host is left alone.
 */

#include "mount/mount.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>

#include "base/format.h"
#include "base/str.h"
#include "mount/dev-plan.h"
#include "mount/mount-opts.h"
#include "path/path.h"
#include "plan/input.h"

#define MAX_DEVICES 1024
#define MAX_MAJOR 4095
#define MAX_MINOR 0xfffff
#define DEFAULT_MODE 0666

struct default_device {
    const char *path;
    uint32_t major, minor;
};

static const struct default_device default_devices[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};

#define N_DEFAULTS (sizeof(default_devices) / sizeof(default_devices[0]))

struct device_build {
    const struct cf_plan_input *in;
    struct cf_plan *plan;
    struct cf_blob_device *list;
    const char **paths; /* of list, for duplicates */
    size_t n;
    bool dev_bound;     /* /dev is a bind mount */
    bool clones;        /* a user namespace: mknod(2) would fail */
    bool host_opens;
    bool host_makes;    /* the host makes them with the owner and mode that they shall have */
    size_t cap;         /* of list */
};

static int device_error(size_t index, const char *member, const char *code, const char *text, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, code, -EINVAL, "%s", text);
    cf_err_field(err, "linux.devices[%zu].%s", index, member);
    return -EINVAL;
}

/* Takes how it gets there: by number, or from the host. */
static int add_device(struct device_build *b, const char *path, const struct cf_blob_device *template,
                      struct cf_err *err)
{
    struct cf_blob_device *d = &b->list[b->n];
    struct cf_source source = {.kind = CF_SOURCE_DEVICE, .path = path, .blob_mount = -1};
    int fd;

    *d = *template;
    d->path = cf_blob_add_str(b->plan->blob, path);
    d->fd = CF_NO_FD;
    d->how = CF_DEVICE_MKNOD;
    if (b->host_makes && (d->mode & S_IFMT) != S_IFIFO) {
        int r = cf_dev_plan_node(b->in, b->plan, path, b->cap, d, err);

        if (r < 0)
            return r;
    } else if (b->clones && (d->mode & S_IFMT) != S_IFIFO) {
        d->how = CF_DEVICE_BIND;
        d->source = d->path;
    }
    if (d->how == CF_DEVICE_BIND && b->host_opens) {
        source.device_mode = d->mode & S_IFMT;
        source.device_major = d->major;
        source.device_minor = d->minor;
        source.field = "";
        if (d->config_index != UINT32_MAX)
            source.field = cf_arena_printf(b->in->arena, "linux.devices[%u].path", d->config_index);
        if (!source.field)
            return cf_err_oom(err);
        fd = cf_plan_add_source(b->in, b->plan, &source, err);
        if (fd < 0)
            return fd;
        d->how = CF_DEVICE_TREE;
        d->fd = fd;
    }
    b->paths[b->n++] = path;
    return 0;
}

static int device_type(const struct ocispec_device *dev, uint32_t *ret)
{
    if (!dev->type || dev->type[0] == '\0' || dev->type[1] != '\0')
        return -EINVAL;
    switch (dev->type[0]) {
    case 'c':
    case 'u':
        *ret = S_IFCHR;
        return 0;
    case 'b':
        *ret = S_IFBLK;
        return 0;
    case 'p':
        *ret = S_IFIFO;
        return 0;
    default:
        return -EINVAL;
    }
}

static int check_numbers(const struct ocispec_device *dev, size_t index, struct cf_err *err)
{
    if (!dev->has_major)
        return device_error(index, "major", "device-number", "it is required for this type", err);
    if (!dev->has_minor)
        return device_error(index, "minor", "device-number", "it is required for this type", err);
    if (dev->major < 0 || dev->major > MAX_MAJOR)
        return device_error(index, "major", "device-number", "expected a number from 0 to 4095", err);
    if (dev->minor < 0 || dev->minor > MAX_MINOR)
        return device_error(index, "minor", "device-number", "expected a number from 0 to 1048575", err);
    return 0;
}

static int check_owner(struct device_build *b, const struct ocispec_device *dev, size_t index, struct cf_err *err)
{
    uint32_t host;

    if (dev->uid == CF_ID_NONE || cf_userns_uid_to_host(&b->plan->userns, dev->uid, &host) < 0)
        return device_error(index, "uid", "device-unmapped", "the id is not mapped by linux.uidMappings", err);
    if (dev->gid == CF_ID_NONE || cf_userns_gid_to_host(&b->plan->userns, dev->gid, &host) < 0)
        return device_error(index, "gid", "device-unmapped", "the id is not mapped by linux.gidMappings", err);
    return 0;
}

/* The same path twice is fine for the same device and an error otherwise. Return: 1 if it is there. */
static int find_duplicate(struct device_build *b, const char *path, const struct cf_blob_device *d, size_t index,
                          struct cf_err *err)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct cf_blob_device *other = &b->list[i];

        if (strcmp(b->paths[i], path) != 0)
            continue;
        if ((other->mode & S_IFMT) != (d->mode & S_IFMT) || other->major != d->major || other->minor != d->minor)
            return device_error(index, "path", "device-conflict", "another device is already at this path", err);
        return 1;
    }
    return 0;
}

static int plan_config_device(struct device_build *b, size_t index, struct cf_err *err)
{
    const struct ocispec_device *dev = &cf_plan_linux(b->in)->devices[index];
    struct cf_blob_device d = {.config_index = (uint32_t) index};
    const char *path;
    uint32_t type, mode;
    char field[64];
    int r;

    if (!dev->path || dev->path[0] != '/')
        return device_error(index, "path", "device-path", "expected an absolute path", err);
    if (device_type(dev, &type) < 0)
        return device_error(index, "type", "device-type", "expected one of c, u, b, p", err);
    /* Engines copy st_mode of the host's node, with its type. */
    mode = dev->has_file_mode ? dev->file_mode : DEFAULT_MODE;
    if ((mode & S_IFMT) == type)
        mode &= ~(uint32_t) S_IFMT;
    if (mode & ~0777u)
        return device_error(index, "fileMode", "device-mode", "only permission bits may be set", err);
    (void) cf_format(field, sizeof(field), "linux.devices[%zu].path", index);
    r = cf_mount_clean_path(b->in, dev->path, field, &path, err);
    if (r >= 0 && type != S_IFIFO)
        r = check_numbers(dev, index, err);
    if (r >= 0)
        r = check_owner(b, dev, index, err);
    if (r < 0)
        return r;
    if (strcmp(path, "/") == 0)
        return device_error(index, "path", "device-path", "this is the root of the container", err);
    if (cf_path_is_below(path, "/proc") || cf_path_is_below(path, "/sys"))
        return device_error(index, "path", "device-path", "no device can be made below /proc or /sys", err);

    d.mode = type | mode;
    d.major = type == S_IFIFO ? 0 : (uint32_t) dev->major;
    d.minor = type == S_IFIFO ? 0 : (uint32_t) dev->minor;
    d.uid = dev->uid;
    d.gid = dev->gid;
    if (strcmp(path, "/dev/null") == 0 && (type != S_IFCHR || d.major != 1 || d.minor != 3))
        return device_error(index, "path", "device-conflict", "/dev/null must be the null device", err);
    r = find_duplicate(b, path, &d, index, err);
    if (r != 0)
        return r < 0 ? r : 0;
    if (b->dev_bound && cf_path_is_below(path, "/dev")) {
        cf_plan_warn(b->in, b->plan, "linux.devices[%zu] is left out: /dev is a bind mount", index);
        return 0;
    }
    return add_device(b, path, &d, err);
}

static int plan_defaults(struct device_build *b, struct cf_err *err)
{
    int r;

    for (size_t i = 0; i < N_DEFAULTS; i++) {
        const struct default_device *def = &default_devices[i];
        struct cf_blob_device d = {
            .mode = S_IFCHR | DEFAULT_MODE, .major = def->major, .minor = def->minor, .config_index = UINT32_MAX,
        };
        bool there = false;

        for (size_t j = 0; j < b->n && !there; j++)
            there = strcmp(b->paths[j], def->path) == 0;
        if (there)
            continue;
        r = add_device(b, def->path, &d, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A link to what is hidden is of no use. */
static bool is_masked(const struct device_build *b, const char *path)
{
    const struct ocispec_linux *l = cf_plan_linux(b->in);

    for (size_t i = 0; l && i < l->n_masked_paths; i++)
        if (cf_str_eq(l->masked_paths[i], path))
            return true;
    return false;
}

static void plan_links(struct device_build *b)
{
    static const struct {
        const char *path, *target;
        bool needs_proc;
    } links[] = {
        {"/dev/fd", "/proc/self/fd", true},       {"/dev/stdin", "/proc/self/fd/0", true},
        {"/dev/stdout", "/proc/self/fd/1", true}, {"/dev/stderr", "/proc/self/fd/2", true},
        {"/dev/core", "/proc/kcore", true},       {"/dev/ptmx", "pts/ptmx", false},
    };
    struct cf_blob_link list[sizeof(links) / sizeof(links[0])];
    bool proc = cf_mount_find(b->in, "/proc") >= 0;
    struct cf_ref ref;
    size_t n = 0;

    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if ((links[i].needs_proc && !proc) || is_masked(b, links[i].target))
            continue;
        list[n].path = cf_blob_add_str(b->plan->blob, links[i].path);
        list[n++].target = cf_blob_add_str(b->plan->blob, links[i].target);
    }
    ref = cf_blob_add_array(b->plan->blob, list, n, sizeof(list[0]));
    cf_blob_header(b->plan->blob)->links = ref;
}

/* Masks and stdio need a null device even where we make none: the host's, checked. */
static int plan_null(struct device_build *b, struct cf_err *err)
{
    struct cf_source source = {
        .kind = CF_SOURCE_DEVICE, .path = "/dev/null", .device_mode = S_IFCHR, .device_major = 1, .device_minor = 3,
        .field = "", .blob_mount = -1,
    };
    int fd;

    if (!b->dev_bound || !b->host_opens || cf_blob_header(b->plan->blob)->masked.count == 0)
        return 0;
    fd = cf_plan_add_source(b->in, b->plan, &source, err);
    if (fd < 0)
        return fd;
    cf_blob_header(b->plan->blob)->null_fd = fd;
    return 0;
}

int cf_device_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_linux *l = cf_plan_linux(in);
    size_t n = l ? l->n_devices : 0;
    struct device_build b = {
        .in = in,
        .plan = plan,
        .clones = plan->userns.mode != CF_USERNS_NONE || in->facts->in_userns,
        .host_opens = in->facts->cap_effective & (UINT64_C(1) << CAP_SYS_ADMIN),
        .host_makes = cf_dev_plan_host_makes(in, plan),
        .cap = n + N_DEFAULTS,
    };
    struct cf_ref devices;
    long dev;
    int r = 0;

    if (!cf_plan_has_flag(plan, CF_BLOB_MOUNTNS)) {
        if (n)
            return cf_err_config(err, "needs-mount", "linux.devices",
                                 "unable to make devices without a private MNT namespace");
        return 0;
    }
    if (n > MAX_DEVICES)
        return cf_err_config(err, "devices-too-many", "linux.devices", "more than %d devices", MAX_DEVICES);
    b.list = cf_arena_calloc(in->arena, b.cap, sizeof(*b.list));
    b.paths = cf_arena_calloc(in->arena, b.cap, sizeof(*b.paths));
    if (!b.list || !b.paths)
        return cf_err_oom(err);
    dev = cf_mount_find(in, "/dev");
    b.dev_bound = dev >= 0 && cf_mount_is_bind(in, (size_t) dev);

    for (size_t i = 0; i < n && r >= 0; i++)
        r = plan_config_device(&b, i, err);
    if (r >= 0 && !b.dev_bound)
        r = plan_defaults(&b, err);
    if (r >= 0)
        r = plan_null(&b, err);
    if (r < 0)
        return r;
    if (!b.dev_bound)
        plan_links(&b);
    devices = cf_blob_add_array(plan->blob, b.list, b.n, sizeof(*b.list));
    cf_blob_header(plan->blob)->devices = devices;
    return 0;
}
