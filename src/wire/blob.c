/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The checker of plan blobs: after it, every offset, count, enum and fd index in the blob may be
 * used without a further look. Both sides; pure; no allocation. A blob comes from our own builder,
 * so anything unexpected is a bug or an attack and nothing is mended.
 */

#include "wire/blob.h"

#include <errno.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define ALL_FLAGS ((CF_BLOB_AT_ONCE << 1) - 1)
#define ALL_MOUNT_FLAGS ((CF_MOUNT_MADE << 1) - 1)
#define PROPAGATION_TYPES                                                                          \
    ((uint32_t) MS_SHARED | (uint32_t) MS_SLAVE | (uint32_t) MS_PRIVATE | (uint32_t) MS_UNBINDABLE)
#define MAX_RLIMIT 16u
#define MAX_SECCOMP 4096u /* BPF_MAXINSNS */
#define MAX_GROUPS 65536u
#define MAX_NODE_WORDS 64u
#define MAX_CPU_WORDS 128u

/* Sticky verdict over the blob under inspection. */
struct check {
    const unsigned char *base;
    uint64_t size;
    uint32_t n_fds;
    bool bad;
};

static void require(struct check *c, bool ok)
{
    if (!ok)
        c->bad = true;
}

/* The last byte of the blob is NUL (checked first), so a string that begins inside ends inside. */
static void check_str(struct check *c, cf_str s)
{
    require(c, s == 0 || (s >= sizeof(struct cf_blob_header) && s < c->size));
}

static void need_str(struct check *c, cf_str s)
{
    require(c, s != 0);
    check_str(c, s);
}

static void check_fd(struct check *c, int32_t fd)
{
    require(c, fd == CF_NO_FD || (fd >= 0 && (uint32_t) fd < c->n_fds));
}

static void need_fd(struct check *c, int32_t fd)
{
    require(c, fd != CF_NO_FD);
    check_fd(c, fd);
}

/* The records of an array, NULL if there are none or the array is not inside. */
static const void *check_array(struct check *c, struct cf_ref ref, size_t record_size)
{
    bool inside;

    if (ref.count == 0) {
        require(c, ref.off == 0);
        return NULL;
    }
    /* 64 bits: 2^32 records of some hundred bytes do not overflow. */
    inside = ref.off % 8 == 0 && ref.off >= sizeof(struct cf_blob_header) && ref.off < c->size &&
             (uint64_t) ref.count * record_size <= c->size - ref.off;
    require(c, inside);
    return inside ? c->base + ref.off : NULL;
}

/* Also says how many records may be looked at. */
#define ARRAY(c, ref, p, n)                                                                        \
    do {                                                                                           \
        (p) = check_array((c), (ref), sizeof(*(p)));                                               \
        (n) = (p) ? (ref).count : 0;                                                               \
    } while (0)

static void check_strings(struct check *c, struct cf_ref ref)
{
    const cf_str *s;
    uint32_t n;

    ARRAY(c, ref, s, n);
    for (uint32_t i = 0; i < n; i++)
        need_str(c, s[i]);
}

/* Exactly one type, perhaps recursive. */
static void check_propagation(struct check *c, uint32_t flags)
{
    uint32_t type = flags & ~(uint32_t) MS_REC;

    require(c, type != 0 && (type & ~PROPAGATION_TYPES) == 0 && (type & (type - 1)) == 0);
}

static void check_mount(struct check *c, const struct cf_blob_mount *m)
{
    const struct cf_blob_fsparam *params;
    const uint32_t *propagation;
    uint32_t n;

    require(c, m->kind >= CF_MOUNT_TREE && m->kind < CF_MOUNT_KIND_COUNT);
    require(c, (m->flags & ~ALL_MOUNT_FLAGS) == 0 && m->reserved == 0);
    need_str(c, m->target);
    check_str(c, m->source);
    check_str(c, m->fstype);
    check_fd(c, m->fd);
    if (m->flags & CF_MOUNT_COPY_SYMLINK)
        need_str(c, m->source);
    else if (m->kind == CF_MOUNT_TREE)
        need_fd(c, m->fd);
    if (m->kind == CF_MOUNT_BIND)
        need_str(c, m->source);
    if (m->flags & CF_MOUNT_MADE)
        require(c, m->kind == CF_MOUNT_TREE);
    if (m->kind == CF_MOUNT_FS || (m->flags & CF_MOUNT_MADE))
        need_str(c, m->fstype);

    ARRAY(c, m->params, params, n);
    for (uint32_t i = 0; i < n; i++) {
        need_str(c, params[i].key);
        check_str(c, params[i].value);
    }
    ARRAY(c, m->propagation, propagation, n);
    for (uint32_t i = 0; i < n; i++)
        check_propagation(c, propagation[i]);
}

static void check_device(struct check *c, const struct cf_blob_device *d)
{
    uint32_t type = d->mode & S_IFMT;

    require(c, d->how >= CF_DEVICE_MKNOD && d->how < CF_DEVICE_HOW_COUNT);
    need_str(c, d->path);
    check_str(c, d->source);
    check_fd(c, d->fd);
    if (d->how == CF_DEVICE_MKNOD)
        require(c, (type == S_IFCHR || type == S_IFBLK || type == S_IFIFO) &&
                       (d->mode & ~(uint32_t) (S_IFMT | 07777)) == 0);
    if (d->how == CF_DEVICE_TREE)
        need_fd(c, d->fd);
    if (d->how == CF_DEVICE_BIND)
        need_str(c, d->source);
}

static void check_hooks(struct check *c, struct cf_ref ref)
{
    const struct cf_blob_hook *hooks;
    uint32_t n;

    ARRAY(c, ref, hooks, n);
    for (uint32_t i = 0; i < n; i++) {
        need_str(c, hooks[i].path);
        check_strings(c, hooks[i].args);
        check_strings(c, hooks[i].env);
    }
}

static void check_filesystem(struct check *c, const struct cf_blob_header *h)
{
    const struct cf_blob_mount *mounts;
    const struct cf_blob_device *devices;
    const struct cf_blob_link *links;
    const struct cf_blob_sysctl *sysctls;
    uint32_t n;

    ARRAY(c, h->mounts, mounts, n);
    for (uint32_t i = 0; i < n; i++)
        check_mount(c, &mounts[i]);
    ARRAY(c, h->devices, devices, n);
    for (uint32_t i = 0; i < n; i++)
        check_device(c, &devices[i]);
    ARRAY(c, h->links, links, n);
    for (uint32_t i = 0; i < n; i++) {
        need_str(c, links[i].path);
        need_str(c, links[i].target);
    }
    ARRAY(c, h->sysctls, sysctls, n);
    for (uint32_t i = 0; i < n; i++) {
        need_str(c, sysctls[i].path);
        need_str(c, sysctls[i].value);
        check_str(c, sysctls[i].key);
    }
    check_strings(c, h->masked);
    check_strings(c, h->readonly);
    if (h->root_propagation)
        check_propagation(c, h->root_propagation);
    if (h->host_propagation)
        check_propagation(c, h->host_propagation);
}

static void check_process(struct check *c, const struct cf_blob_header *h)
{
    const struct cf_blob_rlimit *rlimits;
    const uint64_t *words;
    const uint32_t *groups;
    uint32_t n;

    check_str(c, h->cwd);
    check_str(c, h->exec_label);
    check_str(c, h->exec_attr);
    check_str(c, h->key_label);
    check_str(c, h->keyring_name);
    check_strings(c, h->args);
    check_strings(c, h->env);
    if (h->flags & CF_BLOB_HAS_PROCESS)
        require(c, h->cwd != 0 && h->args.count > 0);
    if (h->exec_label)
        require(c, h->exec_attr != 0);

    ARRAY(c, h->groups, groups, n);
    require(c, !groups || n <= MAX_GROUPS);
    ARRAY(c, h->rlimits, rlimits, n);
    for (uint32_t i = 0; i < n; i++)
        require(c, rlimits[i].resource < MAX_RLIMIT && rlimits[i].reserved == 0);
    ARRAY(c, h->mempolicy_nodes, words, n);
    require(c, !words || n <= MAX_NODE_WORDS);
    ARRAY(c, h->cpus, words, n);
    require(c, !words || n <= MAX_CPU_WORDS);
    ARRAY(c, h->seccomp, words, n);
    require(c, !words || n <= MAX_SECCOMP);
    if (h->flags & CF_BLOB_SECCOMP)
        require(c, h->seccomp.count > 0);
    require(c, h->caps.last_cap < 64);
}

int cf_blob_check(const void *base, uint64_t size, struct cf_blob *ret)
{
    const struct cf_blob_header *h = base;
    struct check c = {.base = base, .size = size};

    if (!base || (uintptr_t) base % 8 != 0 || size < sizeof(*h) || size > CF_BLOB_MAX_SIZE)
        return -EBADMSG;
    if (h->magic != CF_BLOB_MAGIC || h->version != CF_BLOB_VERSION || h->size != size)
        return -EBADMSG;
    if (c.base[size - 1] != '\0' || h->n_fds > CF_MAX_FDS)
        return -EBADMSG;
    c.n_fds = h->n_fds;

    require(&c, (h->flags & ~ALL_FLAGS) == 0 && h->reserved == 0);
    check_fd(&c, h->root_fd);
    check_fd(&c, h->gate_fd);
    check_fd(&c, h->null_fd);
    check_fd(&c, h->dev_fd);
    check_fd(&c, h->proc_fd);
    require(&c, h->reserved_fd == 0);
    if (h->flags & (CF_BLOB_ATTACH | CF_BLOB_DETACH)) {
        need_fd(&c, h->proc_fd);
        require(&c, h->mounts.count <= CF_ATTACH_MAX && (h->flags & CF_BLOB_MOUNTNS));
        require(&c, (h->flags & (CF_BLOB_ATTACH | CF_BLOB_DETACH)) != (CF_BLOB_ATTACH | CF_BLOB_DETACH));
    }
    if (h->flags & CF_BLOB_GATE)
        need_fd(&c, h->gate_fd);
    if (h->flags & CF_BLOB_EXEC)
        require(&c, (h->flags & CF_BLOB_HAS_PROCESS) && !(h->flags & CF_BLOB_GATE));
    else
        require(&c, !(h->flags & CF_BLOB_AT_ONCE));
    check_str(&c, h->id);
    check_str(&c, h->root_path);
    check_str(&c, h->hostname);
    check_str(&c, h->domainname);
    check_filesystem(&c, h);
    check_process(&c, h);
    check_hooks(&c, h->create_container_hooks);
    check_hooks(&c, h->start_container_hooks);
    check_str(&c, h->create_state_head);
    check_str(&c, h->create_state_tail);
    check_str(&c, h->start_state_head);
    check_str(&c, h->start_state_tail);
    for (size_t i = 0; i < 2; i++)
        require(&c, h->hook_outputs[i] <= h->n_fds);
    if (h->create_container_hooks.count > 0)
        require(&c, h->create_state_head != 0 && h->create_state_tail != 0);
    if (h->start_container_hooks.count > 0)
        require(&c, h->start_state_head != 0 && h->start_state_tail != 0);
    if (c.bad)
        return -EBADMSG;

    ret->base = base;
    ret->h = h;
    return 0;
}
