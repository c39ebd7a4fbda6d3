/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * wire/blob: building, checking, dumping. The checker is attacked with every field set to values
 * that are wrong in some way, and with random damage: it must refuse, or the dump (which touches
 * everything that the checker promised) must run clean under AddressSanitizer.
 */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"
#include "wire/blob-build.h"

static struct cf_blob_builder *sample(void)
{
    char *const args[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, (char[]){"true"}};
    char *const env[] = {(char[]){"PATH=/bin"}, (char[]){""}};
    struct cf_blob_builder *b = cf_blob_builder_new();
    struct cf_blob_header *h = cf_blob_header(b);
    struct cf_blob_fsparam params[2];
    uint32_t propagation[2] = {MS_PRIVATE | MS_REC, MS_SLAVE};
    uint32_t groups[3] = {1, 2, 3};
    uint64_t filter[2] = {6, 0x7fff0000};
    struct cf_blob_mount mounts[3] = {{0}};
    struct cf_blob_device devices[2] = {{0}};
    struct cf_blob_link link;
    struct cf_blob_sysctl sysctl;
    struct cf_blob_rlimit rlimit = {.resource = 7, .soft = 1024, .hard = 4096};
    struct cf_blob_hook hook = {.timeout_ms = 10, .index = 0};

    h->flags = CF_BLOB_MOUNTNS | CF_BLOB_HAS_PROCESS | CF_BLOB_GATE | CF_BLOB_SECCOMP;
    h->root_fd = cf_blob_add_fd(b);
    h->gate_fd = cf_blob_add_fd(b);
    h->id = cf_blob_add_str(b, "c1");
    h->root_propagation = MS_SLAVE | MS_REC;

    params[0] = (struct cf_blob_fsparam){cf_blob_add_str(b, "size"), cf_blob_add_str(b, "64k")};
    params[1] = (struct cf_blob_fsparam){cf_blob_add_str(b, "noswap"), 0};
    mounts[0] = (struct cf_blob_mount){
        .kind = CF_MOUNT_FS,
        .flags = CF_MOUNT_IS_DEV | CF_MOUNT_API_FS,
        .target = cf_blob_add_str(b, "/dev"),
        .source = cf_blob_add_str(b, "tmpfs"),
        .fstype = cf_blob_add_str(b, "tmpfs"),
        .fd = CF_NO_FD,
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME,
        .params = cf_blob_add_array(b, params, 2, sizeof(params[0])),
        .propagation = cf_blob_add_array(b, propagation, 2, sizeof(propagation[0])),
        .config_index = 0,
    };
    mounts[1] = (struct cf_blob_mount){
        .kind = CF_MOUNT_TREE,
        .target = cf_blob_printf(b, "/data/%d", 1),
        .fd = cf_blob_add_fd(b),
        .rec_attr_set = MOUNT_ATTR_RDONLY,
        .config_index = UINT32_MAX,
    };
    mounts[2] = (struct cf_blob_mount){
        .kind = CF_MOUNT_BIND,
        .target = cf_blob_add_str(b, "/etc/a\nb"),
        .source = cf_blob_add_str(b, "/a"),
        .fd = CF_NO_FD,
    };
    h->mounts = cf_blob_add_array(b, mounts, 3, sizeof(mounts[0]));

    devices[0] = (struct cf_blob_device){
        .how = CF_DEVICE_MKNOD,
        .mode = S_IFCHR | 0666,
        .major = 1,
        .minor = 3,
        .path = cf_blob_add_str(b, "/dev/null"),
        .fd = CF_NO_FD,
        .config_index = UINT32_MAX,
    };
    devices[1] = devices[0];
    devices[1].how = CF_DEVICE_TREE;
    devices[1].fd = cf_blob_add_fd(b);
    h->devices = cf_blob_add_array(b, devices, 2, sizeof(devices[0]));
    link.path = cf_blob_add_str(b, "/dev/fd");
    link.target = cf_blob_add_str(b, "/proc/self/fd");
    h->links = cf_blob_add_array(b, &link, 1, sizeof(link));
    h->masked = cf_blob_add_strv(b, (char *[]){(char[]){"/proc/kcore"}}, 1);
    sysctl.path = cf_blob_add_str(b, "net/ipv4/ip_forward");
    sysctl.value = cf_blob_add_str(b, "1");
    sysctl.key = cf_blob_add_str(b, "net.ipv4.ip_forward");
    h->sysctls = cf_blob_add_array(b, &sysctl, 1, sizeof(sysctl));

    h->cwd = cf_blob_add_str(b, "/");
    h->args = cf_blob_add_strv(b, args, 3);
    h->env = cf_blob_add_strv(b, env, 2);
    h->groups = cf_blob_add_array(b, groups, 3, sizeof(groups[0]));
    h->rlimits = cf_blob_add_array(b, &rlimit, 1, sizeof(rlimit));
    h->seccomp = cf_blob_add_array(b, filter, 2, sizeof(filter[0]));
    h->mempolicy_nodes = cf_blob_add_array(b, filter, 1, sizeof(filter[0]));
    h->caps.last_cap = 40;
    hook.path = cf_blob_add_str(b, "/hook");
    hook.args = cf_blob_add_strv(b, args, 2);
    h->create_container_hooks = cf_blob_add_array(b, &hook, 1, sizeof(hook));
    h->create_state_head = cf_blob_add_str(b, "{\"pid\":");
    h->create_state_tail = cf_blob_add_str(b, "}");
    return b;
}

/* A writable copy in memory of exactly this size, so that ASan sees one byte too much. */
static unsigned char *sample_copy(size_t *ret_size)
{
    cf_auto(cf_blob_builder_freep) struct cf_blob_builder *b = sample();
    struct cf_err err = CF_ERR_INIT;
    unsigned char *copy;
    const void *data;

    cr_assert(eq(int, cf_blob_finish(b, &data, ret_size, &err), 0), "%s", err.text);
    copy = malloc(*ret_size);
    cr_assert(copy != NULL);
    memcpy(copy, data, *ret_size);
    return copy;
}

Test(blob, round_trip)
{
    cf_auto_free unsigned char *copy = NULL;
    struct cf_blob blob;
    const struct cf_blob_mount *mounts;
    const cf_str *env;
    size_t size;

    copy = sample_copy(&size);
    cr_assert(eq(int, cf_blob_check(copy, size, &blob), 0));
    cr_expect(eq(u32, blob.h->n_fds, 4));
    cr_expect(eq(u32, blob.h->mounts.count, 3));
    mounts = cf_blob_at(&blob, blob.h->mounts);
    cr_expect_str_eq(cf_blob_str(&blob, mounts[1].target), "/data/1");
    cr_expect(eq(i32, mounts[1].fd, 2));
    cr_expect(eq(u32, mounts[0].source, mounts[0].fstype), "equal strings are stored once");
    env = cf_blob_at(&blob, blob.h->env);
    cr_expect(ne(u32, env[1], 0), "an empty string is a string");
    cr_expect_str_eq(cf_blob_str(&blob, env[1]), "");
    cr_expect(eq(ptr, (void *) (uintptr_t) cf_blob_str(&blob, blob.h->hostname), NULL));
    cr_expect(eq(i32, blob.h->ioprio, -1));
}

Test(blob, finish_twice_is_the_same)
{
    cf_auto(cf_blob_builder_freep) struct cf_blob_builder *b = sample();
    struct cf_err err = CF_ERR_INIT;
    const void *data;
    size_t one, two;

    cr_expect(eq(int, cf_blob_finish(b, &data, &one, &err), 0));
    cr_expect(eq(int, cf_blob_finish(b, &data, &two, &err), 0));
    cr_expect(eq(sz, one, two));
}

Test(blob, dump_is_stable)
{
    static const char want[] =
        "plan version=1 flags=mountns,gate,seccomp,has-process\n"
        "fds n=4 root=0 gate=1 null=-1\n"
        "id \"c1\"\n"
        "root-propagation make=slave,recursive\n"
        "mount[0] fs target=\"/dev\" source=\"tmpfs\" fstype=\"tmpfs\" flags=api-fs,is-dev"
        " set=nosuid,strictatime config=0\n"
        "mount[0].param[0] size=\"64k\"\n"
        "mount[0].param[1] noswap\n"
        "mount[0].propagation[0] make=private,recursive\n"
        "mount[0].propagation[1] make=slave\n"
        "mount[1] tree target=\"/data/1\" fd=2 rec-set=rdonly\n"
        "mount[2] bind target=\"/etc/a\\x0ab\" source=\"/a\" config=0\n"
        "device[0] mknod path=\"/dev/null\" mode=020666 dev=1:3 owner=0:0\n"
        "device[1] tree path=\"/dev/null\" mode=020666 dev=1:3 owner=0:0 fd=3\n"
        "link[0] path=\"/dev/fd\" target=\"/proc/self/fd\"\n"
        "masked[0] \"/proc/kcore\"\n"
        "sysctl[0] path=\"net/ipv4/ip_forward\" value=\"1\" key=\"net.ipv4.ip_forward\"\n"
        "cwd \"/\"\n"
        "arg[0] \"/bin/sh\"\n"
        "arg[1] \"-c\"\n"
        "arg[2] \"true\"\n"
        "env[0] \"PATH=/bin\"\n"
        "env[1] \"\"\n"
        "user uid=0 gid=0 umask=0022\n"
        "group[0] 1\n"
        "group[1] 2\n"
        "group[2] 3\n"
        "caps bounding=0 effective=0 permitted=0 inheritable=0 ambient=0 last=40\n"
        "rlimit[0] resource=7 soft=1024 hard=4096\n"
        "mempolicy.nodes[0] 0x0000000000000006\n"
        "seccomp instructions=2 flags=0x0\n"
        "create-container-hook[0] path=\"/hook\" timeout-ms=10 index=0\n"
        "create-container-hook[0].arg[0] \"/bin/sh\"\n"
        "create-container-hook[0].arg[1] \"-c\"\n"
        "create-container-hook.state-head \"{\"pid\":\"\n"
        "create-container-hook.state-tail \"}\"\n";
    cf_auto_free unsigned char *copy = NULL;
    cf_auto_free char *text = NULL;
    struct cf_blob blob;
    size_t size;

    copy = sample_copy(&size);
    cr_assert(eq(int, cf_blob_check(copy, size, &blob), 0));
    text = cf_blob_dump(&blob);
    cr_expect_str_eq(text, want);
}

/* Refused, or safe to walk. Return: true if refused. */
static bool refused(const unsigned char *copy, size_t size)
{
    cf_auto_free char *text = NULL;
    struct cf_blob blob;

    if (cf_blob_check(copy, size, &blob) < 0)
        return true;
    text = cf_blob_dump(&blob);
    cr_expect(text != NULL);
    return false;
}

Test(blob, wrong_size_base_magic)
{
    cf_auto_free unsigned char *copy = NULL;
    cf_auto_free unsigned char *moved = NULL;
    struct cf_blob blob;
    size_t size;

    copy = sample_copy(&size);
    for (size_t n = 0; n < size; n += 7)
        cr_expect(cf_blob_check(copy, n, &blob) == -EBADMSG);
    cr_expect(eq(int, cf_blob_check(NULL, size, &blob), -EBADMSG));
    cr_expect(eq(int, cf_blob_check(copy, (uint64_t) CF_BLOB_MAX_SIZE + 8, &blob), -EBADMSG));
    moved = malloc(size + 8);
    memcpy(moved + 4, copy, size);
    cr_expect(eq(int, cf_blob_check(moved + 4, size, &blob), -EBADMSG), "misaligned base");
    for (size_t i = 0; i < 12; i++) {
        copy[i] ^= 1;
        cr_expect(refused(copy, size), "byte %zu of magic, version, size", i);
        copy[i] ^= 1;
    }
    copy[size - 1] = 'x';
    cr_expect(refused(copy, size), "unterminated last string");
}

/* Every 32 bit word of the blob gets every evil value. */
Test(blob, evil_words)
{
    cf_auto_free unsigned char *copy = NULL;
    size_t size, n_refused = 0;

    copy = sample_copy(&size);
    for (size_t at = 0; at + 4 <= size; at += 4) {
        const uint32_t evil[] = {
            1, 4, 7, (uint32_t) size, (uint32_t) size - 1, (uint32_t) size + 8,
            (uint32_t) size - 8, 0x7fffffff, 0x80000000u, 0xfffffff8u, 0xffffffffu,
            0x20000000u, (uint32_t) sizeof(struct cf_blob_header) - 8, CF_MAX_FDS, 5000,
        };
        uint32_t saved;

        memcpy(&saved, copy + at, 4);
        for (size_t i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
            memcpy(copy + at, &evil[i], 4);
            n_refused += refused(copy, size);
        }
        memcpy(copy + at, &saved, 4);
    }
    cr_expect(gt(sz, n_refused, 500));
    cr_expect(not(refused(copy, size)), "restored");
}

Test(blob, random_damage)
{
    cf_auto_free unsigned char *copy = NULL;
    cf_auto_free unsigned char *damaged = NULL;
    uint64_t x = 88172645463325252u;
    size_t size;

    copy = sample_copy(&size);
    damaged = malloc(size);
    for (int round = 0; round < 20000; round++) {
        memcpy(damaged, copy, size);
        for (int k = 0; k < 1 + round % 6; k++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            damaged[12 + (x >> 8) % (size - 12)] = (unsigned char) x;
        }
        (void) refused(damaged, size);
    }
}

#define EXPECT_REFUSED(what, statement)                                                            \
    do {                                                                                           \
        memcpy(copy, original, size);                                                              \
        statement;                                                                                 \
        cr_expect(refused(copy, size), "%s", what);                                                \
    } while (0)

Test(blob, every_rule)
{
    cf_auto_free unsigned char *original = NULL;
    cf_auto_free unsigned char *copy = NULL;
    struct cf_blob_header *h;
    struct cf_blob_mount *m;
    struct cf_blob_device *d;
    struct cf_blob_rlimit *rl;
    cf_str *args;
    uint32_t *prop;
    size_t size;

    original = sample_copy(&size);
    copy = malloc(size);
    memcpy(copy, original, size);
    h = (void *) copy;
    m = (void *) (copy + h->mounts.off);
    d = (void *) (copy + h->devices.off);
    rl = (void *) (copy + h->rlimits.off);
    args = (void *) (copy + h->args.off);
    prop = (void *) (copy + m[0].propagation.off);

    EXPECT_REFUSED("unknown flag", h->flags |= 1u << 31);
    EXPECT_REFUSED("too many fds", h->n_fds = CF_MAX_FDS + 1);
    EXPECT_REFUSED("fewer fds than used", h->n_fds = 3);
    EXPECT_REFUSED("root fd", h->root_fd = 4);
    EXPECT_REFUSED("negative fd", h->null_fd = -2);
    EXPECT_REFUSED("gate without fd", h->gate_fd = CF_NO_FD);
    EXPECT_REFUSED("two propagation types", h->root_propagation = MS_SHARED | MS_SLAVE);
    EXPECT_REFUSED("propagation without type", h->host_propagation = MS_REC);
    EXPECT_REFUSED("other mount flag as propagation", h->host_propagation = MS_BIND);
    EXPECT_REFUSED("string into the header", h->id = 8);
    EXPECT_REFUSED("string at the end", h->id = (uint32_t) size);
    EXPECT_REFUSED("array misaligned", h->mounts.off += 4);
    EXPECT_REFUSED("array into the header", h->mounts.off = 0);
    EXPECT_REFUSED("array too long", h->mounts.count = 1000);
    EXPECT_REFUSED("array count overflow", h->mounts.count = UINT32_MAX);
    EXPECT_REFUSED("product overflows 32 bits", h->args.count = 0x40000001);
    EXPECT_REFUSED("offset without records", h->mounts.count = 0);
    EXPECT_REFUSED("mount kind 0", m[0].kind = 0);
    EXPECT_REFUSED("mount kind", m[0].kind = CF_MOUNT_KIND_COUNT);
    EXPECT_REFUSED("mount flag", m[0].flags |= 1u << 30);
    EXPECT_REFUSED("mount reserved", m[0].reserved = 1);
    EXPECT_REFUSED("mount without target", m[0].target = 0);
    EXPECT_REFUSED("fs without type", m[0].fstype = 0);
    EXPECT_REFUSED("tree without fd", m[1].fd = CF_NO_FD);
    EXPECT_REFUSED("tree with wrong fd", m[1].fd = 4);
    EXPECT_REFUSED("bind without source", m[2].source = 0);
    EXPECT_REFUSED("params", m[0].params.count = 1u << 28);
    EXPECT_REFUSED("propagation value", prop[1] = 0);
    EXPECT_REFUSED("device how", d[0].how = CF_DEVICE_HOW_COUNT);
    EXPECT_REFUSED("device type", d[0].mode = S_IFREG | 0644);
    EXPECT_REFUSED("device type 0", d[0].mode = 0644);
    EXPECT_REFUSED("device path", d[0].path = 0);
    EXPECT_REFUSED("device fd", d[1].fd = 77);
    EXPECT_REFUSED("rlimit", rl[0].resource = 16);
    EXPECT_REFUSED("missing argument", args[1] = 0);
    EXPECT_REFUSED("no arguments", (h->args = (struct cf_ref){0, 0}));
    EXPECT_REFUSED("no cwd", h->cwd = 0);
    EXPECT_REFUSED("seccomp flag without program", (h->seccomp = (struct cf_ref){0, 0}));
    EXPECT_REFUSED("last capability", h->caps.last_cap = 64);
    EXPECT_REFUSED("output of hooks beyond the fds", h->hook_outputs[1] = h->n_fds + 1);
    EXPECT_REFUSED("hook without state", h->create_state_head = 0);
    EXPECT_REFUSED("label without file", h->exec_label = h->id);
    EXPECT_REFUSED("procfs fd", h->proc_fd = 4);
    EXPECT_REFUSED("attach without procfs", h->flags |= CF_BLOB_MOUNTNS | CF_BLOB_ATTACH);
    EXPECT_REFUSED("detach without procfs", h->flags |= CF_BLOB_MOUNTNS | CF_BLOB_DETACH);
    EXPECT_REFUSED("attach without mount namespace",
                   (h->flags = (h->flags & ~CF_BLOB_MOUNTNS) | CF_BLOB_ATTACH, h->proc_fd = 0));
    EXPECT_REFUSED("at once, but a container is built", h->flags |= CF_BLOB_AT_ONCE);
    EXPECT_REFUSED("attach and detach", (h->flags |= CF_BLOB_MOUNTNS | CF_BLOB_ATTACH | CF_BLOB_DETACH, h->proc_fd = 0));
    memcpy(copy, original, size);
    cr_expect(not(refused(copy, size)));
}

Test(blob, builder_limits)
{
    cf_auto(cf_blob_builder_freep) struct cf_blob_builder *b = cf_blob_builder_new();
    cf_auto_free char *big = calloc(1, 1 << 20);
    struct cf_err err = CF_ERR_INIT;
    const void *data;
    size_t size;

    for (int i = 0; i < 64; i++)
        (void) cf_blob_add_array(b, big, 1 << 20, 1);
    cr_expect(eq(int, cf_blob_finish(b, &data, &size, &err), -E2BIG));
    cr_expect(eq(u32, cf_blob_add_str(b, "after the failure"), 0));

    cf_blob_builder_free(b);
    b = cf_blob_builder_new();
    for (int i = 0; i < CF_MAX_FDS; i++)
        cr_expect(eq(i32, cf_blob_add_fd(b), i));
    cr_expect(eq(i32, cf_blob_add_fd(b), CF_NO_FD));
    cr_expect(eq(int, cf_blob_finish(b, &data, &size, &err), -E2BIG));
}

Test(blob, many_strings)
{
    cf_auto(cf_blob_builder_freep) struct cf_blob_builder *b = cf_blob_builder_new();
    struct cf_err err = CF_ERR_INIT;
    cf_str first[3000];
    const void *data;
    size_t size;

    for (int i = 0; i < 3000; i++)
        first[i] = cf_blob_printf(b, "string %d", i);
    for (int i = 0; i < 3000; i++)
        cr_assert(eq(u32, cf_blob_printf(b, "string %d", i), first[i]));
    cr_expect(eq(u32, cf_blob_add_str(b, NULL), 0));
    cr_expect(eq(int, cf_blob_finish(b, &data, &size, &err), 0));
    cr_expect_str_eq((const char *) data + first[2999], "string 2999");
}
