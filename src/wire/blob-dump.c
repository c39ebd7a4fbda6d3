/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A plan blob as text: one line per fact, in the order of the header, values that say "nothing" are
 * left out. Tests compare it, people read it in a dry run, so the format changes on purpose only.
 * Host side. Environment values are shown: the caller decides who may read it.
 */

#include <linux/mount.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/str.h"
#include "wire/blob-build.h"

struct text {
    char *s;
    size_t len, size;
    bool failed;
};

struct bit {
    uint64_t bit;
    const char *name;
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct bit header_bits[] = {
    {CF_BLOB_USERNS, "userns"},
    {CF_BLOB_MOUNTNS, "mountns"},
    {CF_BLOB_UNSHARE_CGROUP, "unshare-cgroup"},
    {CF_BLOB_NO_PIVOT, "no-pivot"},
    {CF_BLOB_NEW_KEYRING, "new-keyring"},
    {CF_BLOB_TERMINAL, "terminal"},
    {CF_BLOB_READONLY_ROOT, "readonly-root"},
    {CF_BLOB_HOST_HOOKS, "host-hooks"},
    {CF_BLOB_GATE, "gate"},
    {CF_BLOB_NO_NEW_PRIVS, "no-new-privs"},
    {CF_BLOB_SECCOMP, "seccomp"},
    {CF_BLOB_SETGROUPS, "setgroups"},
    {CF_BLOB_HAS_PROCESS, "has-process"},
    {CF_BLOB_ROOT_BY_PATH, "root-by-path"},
    {CF_BLOB_LOOPBACK, "loopback"},
    {CF_BLOB_PIDNS_JOINED, "pidns-joined"},
    {CF_BLOB_OWN_DEV, "own-dev"},
    {CF_BLOB_SET_HOME, "set-home"},
    {CF_BLOB_KEEP_GROUPS, "keep-groups"},
    {CF_BLOB_NO_CAPABILITIES, "no-capabilities"},
    {CF_BLOB_EXEC, "exec"},
    {CF_BLOB_ATTACH, "attach"},
    {CF_BLOB_DETACH, "detach"},
    {CF_BLOB_HOST_SCHED, "host-sched"},
    {CF_BLOB_AT_ONCE, "at-once"},
};

static const struct bit mount_bits[] = {
    {CF_MOUNT_RECURSIVE, "recursive"},
    {CF_MOUNT_TARGET_FILE, "target-file"},
    {CF_MOUNT_API_FS, "api-fs"},
    {CF_MOUNT_COPYUP, "copyup"},
    {CF_MOUNT_TMPFS_MODE, "tmpfs-mode"},
    {CF_MOUNT_IS_DEV, "is-dev"},
    {CF_MOUNT_IS_PROC, "is-proc"},
    {CF_MOUNT_SRC_NOFOLLOW, "src-nofollow"},
    {CF_MOUNT_DEST_NOFOLLOW, "dest-nofollow"},
    {CF_MOUNT_IS_PTS, "is-pts"},
    {CF_MOUNT_COPY_SYMLINK, "copy-symlink"},
    {CF_MOUNT_MADE, "made"},
};

static const struct bit propagation_bits[] = {
    {MS_SHARED, "shared"},
    {MS_SLAVE, "slave"},
    {MS_PRIVATE, "private"},
    {MS_UNBINDABLE, "unbindable"},
    {MS_REC, "recursive"},
};

static const struct bit attr_bits[] = {
    {MOUNT_ATTR_RDONLY, "rdonly"},
    {MOUNT_ATTR_NOSUID, "nosuid"},
    {MOUNT_ATTR_NODEV, "nodev"},
    {MOUNT_ATTR_NOEXEC, "noexec"},
    {MOUNT_ATTR_NOATIME, "noatime"},
    {MOUNT_ATTR_STRICTATIME, "strictatime"},
    {MOUNT_ATTR_NODIRATIME, "nodiratime"},
    {0x00200000, "nosymfollow"},
};

CF_PRINTF(2, 3)
static void add(struct text *t, const char *fmt, ...)
{
    va_list args;
    size_t n;

    va_start(args, fmt);
    n = cf_vformat(NULL, 0, fmt, args);
    va_end(args);
    if (t->failed)
        return;
    if (t->len + n + 1 > t->size) {
        size_t size = t->size ? t->size : 4096;
        char *bigger;

        while (size < t->len + n + 1)
            size *= 2;
        bigger = realloc(t->s, size);
        if (!bigger) {
            t->failed = true;
            return;
        }
        t->s = bigger;
        t->size = size;
    }
    va_start(args, fmt);
    (void) cf_vformat(t->s + t->len, t->size - t->len, fmt, args);
    va_end(args);
    t->len += n;
}

/* A string in quotes, in pieces that end between characters; a lone bad byte is one piece. */
static void add_quoted(struct text *t, const char *s)
{
    size_t left = strlen(s);
    char piece[260];

    add(t, "\"");
    while (left > 0) {
        size_t n = left < 60 ? left : 60;

        while (n > 1 && n < left && (s[n] & 0xc0) == 0x80)
            n--;
        (void) cf_str_escape(piece, sizeof(piece), s, n);
        add(t, "%s", piece);
        s += n;
        left -= n;
    }
    add(t, "\"");
}

/* ` name="value"` within a line, nothing for no string. */
static void add_str(struct text *t, const struct cf_blob *b, const char *name, cf_str s)
{
    if (!s)
        return;
    add(t, " %s=", name);
    add_quoted(t, cf_blob_str(b, s));
}

/* A line of its own. */
static void line_str(struct text *t, const struct cf_blob *b, const char *name, cf_str s)
{
    if (!s)
        return;
    add(t, "%s ", name);
    add_quoted(t, cf_blob_str(b, s));
    add(t, "\n");
}

static void add_bits(struct text *t, const char *name, uint64_t v, const struct bit *bits, size_t n)
{
    const char *separator = "";

    if (v == 0)
        return;
    add(t, " %s=", name);
    for (size_t i = 0; i < n; i++) {
        if ((v & bits[i].bit) != bits[i].bit)
            continue;
        add(t, "%s%s", separator, bits[i].name);
        separator = ",";
        v &= ~bits[i].bit;
    }
    if (v)
        add(t, "%s0x%llx", separator, (unsigned long long) v);
}

static void line_strings(struct text *t, const struct cf_blob *b, const char *name, struct cf_ref r)
{
    const cf_str *s = cf_blob_at(b, r);

    for (uint32_t i = 0; i < r.count; i++) {
        add(t, "%s[%u] ", name, i);
        add_quoted(t, cf_blob_str(b, s[i]));
        add(t, "\n");
    }
}

static void dump_mount(struct text *t, const struct cf_blob *b, uint32_t i,
                       const struct cf_blob_mount *m)
{
    static const char *const kinds[CF_MOUNT_KIND_COUNT] = {"?", "tree", "bind", "fs", "remount"};
    const struct cf_blob_fsparam *params = cf_blob_at(b, m->params);
    const uint32_t *propagation = cf_blob_at(b, m->propagation);

    add(t, "mount[%u] %s", i, kinds[m->kind]);
    add_str(t, b, "target", m->target);
    add_str(t, b, "source", m->source);
    add_str(t, b, "fstype", m->fstype);
    if (m->fd != CF_NO_FD)
        add(t, " fd=%d", m->fd);
    add_bits(t, "flags", m->flags, mount_bits, COUNT(mount_bits));
    add_bits(t, "set", m->attr_set, attr_bits, COUNT(attr_bits));
    add_bits(t, "clear", m->attr_clr, attr_bits, COUNT(attr_bits));
    add_bits(t, "rec-set", m->rec_attr_set, attr_bits, COUNT(attr_bits));
    add_bits(t, "rec-clear", m->rec_attr_clr, attr_bits, COUNT(attr_bits));
    if (m->config_index != UINT32_MAX)
        add(t, " config=%u", m->config_index);
    add(t, "\n");
    for (uint32_t k = 0; k < m->params.count; k++) {
        add(t, "mount[%u].param[%u]", i, k);
        add_str(t, b, cf_blob_str(b, params[k].key), params[k].value);
        if (!params[k].value)
            add(t, " %s", cf_blob_str(b, params[k].key));
        add(t, "\n");
    }
    for (uint32_t k = 0; k < m->propagation.count; k++) {
        add(t, "mount[%u].propagation[%u]", i, k);
        add_bits(t, "make", propagation[k], propagation_bits, COUNT(propagation_bits));
        add(t, "\n");
    }
}

static void dump_device(struct text *t, const struct cf_blob *b, uint32_t i,
                        const struct cf_blob_device *d)
{
    static const char *const hows[CF_DEVICE_HOW_COUNT] = {"?", "mknod", "tree", "bind", "made"};

    add(t, "device[%u] %s", i, hows[d->how]);
    add_str(t, b, "path", d->path);
    add_str(t, b, "source", d->source);
    add(t, " mode=0%o dev=%u:%u owner=%u:%u", d->mode, d->major, d->minor, d->uid, d->gid);
    if (d->fd != CF_NO_FD)
        add(t, " fd=%d", d->fd);
    if (d->config_index != UINT32_MAX)
        add(t, " config=%u", d->config_index);
    add(t, "\n");
}

static void dump_filesystem(struct text *t, const struct cf_blob *b)
{
    const struct cf_blob_header *h = b->h;
    const struct cf_blob_mount *mounts = cf_blob_at(b, h->mounts);
    const struct cf_blob_device *devices = cf_blob_at(b, h->devices);
    const struct cf_blob_link *links = cf_blob_at(b, h->links);
    const struct cf_blob_sysctl *sysctls = cf_blob_at(b, h->sysctls);

    if (h->host_propagation) {
        add(t, "host-propagation");
        add_bits(t, "make", h->host_propagation, propagation_bits, COUNT(propagation_bits));
        add(t, "\n");
    }
    if (h->root_propagation) {
        add(t, "root-propagation");
        add_bits(t, "make", h->root_propagation, propagation_bits, COUNT(propagation_bits));
        add(t, "\n");
    }
    for (uint32_t i = 0; i < h->mounts.count; i++)
        dump_mount(t, b, i, &mounts[i]);
    for (uint32_t i = 0; i < h->devices.count; i++)
        dump_device(t, b, i, &devices[i]);
    for (uint32_t i = 0; i < h->links.count; i++) {
        add(t, "link[%u]", i);
        add_str(t, b, "path", links[i].path);
        add_str(t, b, "target", links[i].target);
        add(t, "\n");
    }
    line_strings(t, b, "masked", h->masked);
    line_strings(t, b, "readonly", h->readonly);
    for (uint32_t i = 0; i < h->sysctls.count; i++) {
        add(t, "sysctl[%u]", i);
        add_str(t, b, "path", sysctls[i].path);
        add_str(t, b, "value", sysctls[i].value);
        add_str(t, b, "key", sysctls[i].key);
        add(t, "\n");
    }
    line_str(t, b, "hostname", h->hostname);
    line_str(t, b, "domainname", h->domainname);
}

static void dump_limits(struct text *t, const struct cf_blob *b)
{
    const struct cf_blob_header *h = b->h;
    const struct cf_blob_rlimit *rlimits = cf_blob_at(b, h->rlimits);
    const uint64_t *nodes = cf_blob_at(b, h->mempolicy_nodes), *cpus = cf_blob_at(b, h->cpus);

    for (uint32_t i = 0; i < h->rlimits.count; i++)
        add(t, "rlimit[%u] resource=%u soft=%llu hard=%llu\n", i, rlimits[i].resource,
            (unsigned long long) rlimits[i].soft, (unsigned long long) rlimits[i].hard);
    if (h->sched.set)
        add(t,
            "sched policy=%u flags=0x%llx nice=%d priority=%u runtime=%llu deadline=%llu "
            "period=%llu\n",
            h->sched.policy, (unsigned long long) h->sched.flags, h->sched.nice, h->sched.priority,
            (unsigned long long) h->sched.runtime, (unsigned long long) h->sched.deadline,
            (unsigned long long) h->sched.period);
    if (h->ioprio != -1)
        add(t, "ioprio %d\n", h->ioprio);
    if (h->personality != UINT32_MAX)
        add(t, "personality 0x%x\n", h->personality);
    if (h->mempolicy_mode != -1)
        add(t, "mempolicy mode=0x%x\n", (unsigned int) h->mempolicy_mode);
    for (uint32_t i = 0; i < h->mempolicy_nodes.count; i++)
        add(t, "mempolicy.nodes[%u] 0x%016llx\n", i, (unsigned long long) nodes[i]);
    for (uint32_t i = 0; i < h->cpus.count; i++)
        add(t, "cpus[%u] 0x%016llx\n", i, (unsigned long long) cpus[i]);
}

static void dump_process(struct text *t, const struct cf_blob *b)
{
    const struct cf_blob_header *h = b->h;
    const uint32_t *groups = cf_blob_at(b, h->groups);

    line_str(t, b, "cwd", h->cwd);
    line_strings(t, b, "arg", h->args);
    line_strings(t, b, "env", h->env);
    line_str(t, b, "exec-label", h->exec_label);
    line_str(t, b, "exec-attr", h->exec_attr);
    line_str(t, b, "key-label", h->key_label);
    line_str(t, b, "keyring", h->keyring_name);
    add(t, "user uid=%u gid=%u umask=0%03o\n", h->uid, h->gid, h->umask);
    for (uint32_t i = 0; i < h->groups.count; i++)
        add(t, "group[%u] %u\n", i, groups[i]);
    add(t, "caps bounding=%llx effective=%llx permitted=%llx inheritable=%llx ambient=%llx last=%llu\n",
        (unsigned long long) h->caps.bounding, (unsigned long long) h->caps.effective,
        (unsigned long long) h->caps.permitted, (unsigned long long) h->caps.inheritable,
        (unsigned long long) h->caps.ambient, (unsigned long long) h->caps.last_cap);
    dump_limits(t, b);
    if (h->preserve_fds)
        add(t, "preserve-fds %u\n", h->preserve_fds);
    if (h->console_width || h->console_height)
        add(t, "console %ux%u\n", h->console_width, h->console_height);
    if (h->seccomp.count)
        add(t, "seccomp instructions=%u flags=0x%x\n", h->seccomp.count, h->seccomp_flags);
}

static void dump_hooks(struct text *t, const struct cf_blob *b, const char *name, struct cf_ref ref,
                       cf_str head, cf_str tail)
{
    const struct cf_blob_hook *hooks = cf_blob_at(b, ref);
    char prefix[64];

    for (uint32_t i = 0; i < ref.count; i++) {
        add(t, "%s[%u]", name, i);
        add_str(t, b, "path", hooks[i].path);
        if (hooks[i].timeout_ms)
            add(t, " timeout-ms=%u", hooks[i].timeout_ms);
        add(t, " index=%u\n", hooks[i].index);
        (void) cf_format(prefix, sizeof(prefix), "%s[%u].arg", name, i);
        line_strings(t, b, prefix, hooks[i].args);
        (void) cf_format(prefix, sizeof(prefix), "%s[%u].env", name, i);
        line_strings(t, b, prefix, hooks[i].env);
    }
    (void) cf_format(prefix, sizeof(prefix), "%s.state-head", name);
    line_str(t, b, prefix, head);
    (void) cf_format(prefix, sizeof(prefix), "%s.state-tail", name);
    line_str(t, b, prefix, tail);
}

char *cf_blob_dump(const struct cf_blob *b)
{
    const struct cf_blob_header *h = b->h;
    struct text t = {0};

    add(&t, "plan version=%u", h->version);
    add_bits(&t, "flags", h->flags, header_bits, COUNT(header_bits));
    add(&t, "\n");
    add(&t, "fds n=%u root=%d gate=%d null=%d\n", h->n_fds, h->root_fd, h->gate_fd, h->null_fd);
    if (h->dev_fd != CF_NO_FD)
        add(&t, "dev=%d\n", h->dev_fd);
    if (h->proc_fd != CF_NO_FD)
        add(&t, "proc=%d\n", h->proc_fd);
    line_str(&t, b, "id", h->id);
    line_str(&t, b, "root", h->root_path);
    dump_filesystem(&t, b);
    dump_process(&t, b);
    dump_hooks(&t, b, "create-container-hook", h->create_container_hooks, h->create_state_head,
               h->create_state_tail);
    dump_hooks(&t, b, "start-container-hook", h->start_container_hooks, h->start_state_head,
               h->start_state_tail);
    for (size_t i = 0; i < COUNT(h->hook_outputs); i++)
        if (h->hook_outputs[i])
            add(&t, "hook-%s fd=%u\n", i == 0 ? "stdout" : "stderr", h->hook_outputs[i] - 1);
    if (t.failed) {
        free(t.s);
        return NULL;
    }
    return t.s;
}
