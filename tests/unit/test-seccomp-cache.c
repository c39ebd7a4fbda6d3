/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* seccomp: the cache of compiled profiles, and what may be wrong with its files. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "seccomp-fixture.h"

struct cache {
    char dir[64];
    char name[CF_SHA256_HEX_SIZE];
    unsigned char key[CF_SHA256_SIZE];
    int fd;
    char *names[1];
    struct ocispec_seccomp_syscall rule;
    struct ocispec_seccomp profile;
    struct cf_arena *arena;
};

static void cache_open(struct cache *c)
{
    need_library();
    memset(c, 0, sizeof(*c));
    (void) snprintf(c->dir, sizeof(c->dir), "/tmp/coffer-test-seccomp-XXXXXX");
    cr_assert(mkdtemp(c->dir) != NULL);
    c->fd = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(ge(int, c->fd, 0));
    c->names[0] = TEXT("getpid");
    c->rule = simple_rule(c->names, 1, "SCMP_ACT_TRAP");
    c->profile = (struct ocispec_seccomp){
        .default_action = TEXT("SCMP_ACT_ALLOW"), .syscalls = &c->rule, .n_syscalls = 1};
    c->arena = cf_arena_new();
    cf_seccomp_cache_key(&c->profile, false, c->key);
    cf_sha256_hex(c->key, c->name);
}

static struct cf_seccomp_program cache_prepare(struct cache *c)
{
    struct cf_seccomp_program program = {0};
    struct cf_err err = CF_ERR_INIT;

    cr_assert(eq(int, cf_seccomp_prepare(&c->profile, c->fd, c->arena, &program, &err), 0), "%s", err.text);
    cr_expect(eq(u32, ask(&program, AUDIT_ARCH_X86_64, 39, NULL), SECCOMP_RET_TRAP));
    cr_expect(eq(u32, program.flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW));
    return program;
}

static int cache_is_hit(struct cache *c)
{
    struct cf_seccomp_program program;

    return cf_seccomp_cache_load(c->fd, c->key, c->arena, &program);
}

static void cache_close(struct cache *c)
{
    char command[128];

    close(c->fd);
    cf_arena_free(c->arena);
    (void) snprintf(command, sizeof(command), "rm -rf -- '%s'", c->dir);
    cr_expect(eq(int, system(command), 0));
}

Test(seccomp_cache, second_time_is_a_hit)
{
    struct cf_seccomp_program first, second;
    struct cache c;
    struct stat st;

    cache_open(&c);
    cr_expect(eq(int, cache_is_hit(&c), 0));
    first = cache_prepare(&c);
    cr_assert(eq(int, fstatat(c.fd, c.name, &st, 0), 0));
    cr_expect(eq(u32, st.st_mode & 07777, 0600));
    cr_expect(eq(int, cache_is_hit(&c), 1));
    second = cache_prepare(&c);
    cr_assert(eq(sz, first.n, second.n));
    cr_expect(eq(int, memcmp(first.insns, second.insns, first.n * sizeof(uint64_t)), 0));
    cache_close(&c);
}

Test(seccomp_cache, key_depends_on_every_part)
{
    unsigned char key[CF_SHA256_SIZE];
    struct ocispec_seccomp_arg arg = {.index = 1, .op = TEXT("SCMP_CMP_EQ"), .value = 1};
    char *arch = TEXT("SCMP_ARCH_X86");
    struct cache c;

    cache_open(&c);
#define DIFFERS(change, back)                                                                      \
    do {                                                                                           \
        change;                                                                                    \
        cf_seccomp_cache_key(&c.profile, false, key);                                              \
        cr_expect(ne(int, memcmp(key, c.key, sizeof(key)), 0), #change);                           \
        back;                                                                                      \
        cf_seccomp_cache_key(&c.profile, false, key);                                              \
        cr_expect(eq(int, memcmp(key, c.key, sizeof(key)), 0), #back);                             \
    } while (0)
    DIFFERS(c.names[0] = TEXT("getuid"), c.names[0] = TEXT("getpid"));
    DIFFERS(c.rule.action = TEXT("SCMP_ACT_LOG"), c.rule.action = TEXT("SCMP_ACT_TRAP"));
    DIFFERS(c.profile.n_syscalls = 0, c.profile.n_syscalls = 1);
    DIFFERS(c.profile.default_action = TEXT("SCMP_ACT_LOG"), c.profile.default_action = TEXT("SCMP_ACT_ALLOW"));
    DIFFERS((c.profile.architectures = &arch, c.profile.n_architectures = 1), c.profile.n_architectures = 0);
    DIFFERS((c.rule.args = &arg, c.rule.n_args = 1), c.rule.n_args = 0);
#undef DIFFERS
    cf_seccomp_cache_key(&c.profile, true, key);
    cr_expect(ne(int, memcmp(key, c.key, sizeof(key)), 0));
    /* Said in other words: KILL is KILL_THREAD, and flags do not belong to the program. */
    c.rule.action = TEXT("SCMP_ACT_KILL");
    cf_seccomp_cache_key(&c.profile, false, c.key);
    c.rule.action = TEXT("SCMP_ACT_KILL_THREAD");
    c.profile.flags = c.names;
    cf_seccomp_cache_key(&c.profile, false, key);
    cr_expect(eq(int, memcmp(key, c.key, sizeof(key)), 0));
    cache_close(&c);
}

/* Every byte matters; what is wrong goes away and comes back right. */
Test(seccomp_cache, damage_is_repaired)
{
    struct cache c;
    struct stat st;

    cache_open(&c);
    (void) cache_prepare(&c);
    cr_assert(eq(int, fstatat(c.fd, c.name, &st, 0), 0));
    for (off_t at = 0; at < st.st_size; at += 5) {
        cf_auto_fd int fd = openat(c.fd, c.name, O_RDWR | O_CLOEXEC);
        unsigned char byte;

        cr_assert(eq(int, (int) pread(fd, &byte, 1, at), 1));
        byte ^= 0x10;
        cr_assert(eq(int, (int) pwrite(fd, &byte, 1, at), 1));
        cr_expect(eq(int, cache_is_hit(&c), 0), "byte %ld", (long) at);
        cr_expect(ne(int, faccessat(c.fd, c.name, F_OK, 0), 0));
        (void) cache_prepare(&c);
        cr_expect(eq(int, cache_is_hit(&c), 1));
    }
    cache_close(&c);
}

Test(seccomp_cache, wrong_sizes_are_repaired)
{
    static const off_t sizes[] = {0, 1, 100, 400, 1 << 20};
    struct cache c;

    cache_open(&c);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        cf_auto_fd int fd = -EBADF;

        (void) cache_prepare(&c);
        fd = openat(c.fd, c.name, O_RDWR | O_CLOEXEC);
        cr_assert(eq(int, ftruncate(fd, sizes[i]), 0));
        cr_expect(eq(int, cache_is_hit(&c), 0), "size %ld", (long) sizes[i]);
    }
    (void) cache_prepare(&c);
    cr_expect(eq(int, cache_is_hit(&c), 1));
    cache_close(&c);
}

Test(seccomp_cache, links_fifos_and_foreign_modes)
{
    struct cache c;
    struct stat st;

    cache_open(&c);
    (void) cache_prepare(&c);

    cr_assert(eq(int, renameat(c.fd, c.name, c.fd, "elsewhere"), 0));
    cr_assert(eq(int, symlinkat("elsewhere", c.fd, c.name), 0));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    (void) cache_prepare(&c);
    cr_assert(eq(int, fstatat(c.fd, c.name, &st, AT_SYMLINK_NOFOLLOW), 0));
    cr_expect(eq(u32, st.st_mode & S_IFMT, S_IFREG));

    cr_assert(eq(int, fchmodat(c.fd, c.name, 0620, 0), 0));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    (void) cache_prepare(&c);
    cr_assert(eq(int, fchmodat(c.fd, c.name, 0602, 0), 0));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    (void) cache_prepare(&c);
    if (geteuid() == 0) {
        cr_assert(eq(int, fchownat(c.fd, c.name, 12345, 0, 0), 0));
        cr_expect(eq(int, cache_is_hit(&c), 0));
    }
    (void) unlinkat(c.fd, c.name, 0);

    cr_assert(eq(int, mkfifoat(c.fd, c.name, 0600), 0));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    (void) cache_prepare(&c);
    (void) unlinkat(c.fd, c.name, 0);

    /* A directory stays; the cache is of no use then, and nobody is stopped. */
    cr_assert(eq(int, mkdirat(c.fd, c.name, 0700), 0));
    (void) cache_prepare(&c);
    cr_expect(eq(int, cache_is_hit(&c), 0));
    cache_close(&c);
}

Test(seccomp_cache, the_file_of_another_profile_is_no_hit)
{
    char other[CF_SHA256_HEX_SIZE];
    unsigned char key[CF_SHA256_SIZE];
    struct cache c;

    cache_open(&c);
    (void) cache_prepare(&c);
    c.rule.action = TEXT("SCMP_ACT_LOG");
    cf_seccomp_cache_key(&c.profile, false, key);
    cf_sha256_hex(key, other);
    cr_assert(eq(int, renameat(c.fd, c.name, c.fd, other), 0));
    memcpy(c.key, key, sizeof(key));
    cr_expect(eq(int, cache_is_hit(&c), 0));
    cache_close(&c);
}

Test(seccomp_cache, is_bounded, .timeout = 60)
{
    struct cache c;
    char command[128];
    char text[32];
    FILE *p;

    cache_open(&c);
    c.rule.has_errno_ret = true;
    c.rule.action = TEXT("SCMP_ACT_ERRNO");
    for (uint32_t i = 0; i < CF_SECCOMP_CACHE_MAX + 20; i++) {
        struct cf_seccomp_program program;
        struct cf_err err = CF_ERR_INIT;

        c.rule.errno_ret = i;
        cr_assert(eq(int, cf_seccomp_prepare(&c.profile, c.fd, c.arena, &program, &err), 0));
    }
    (void) snprintf(command, sizeof(command), "ls -A '%s' | wc -l", c.dir);
    p = popen(command, "r");
    cr_assert(p && fgets(text, sizeof(text), p));
    pclose(p);
    cr_expect(eq(int, atoi(text), (int) CF_SECCOMP_CACHE_MAX));
    /* The newest is there. */
    cf_seccomp_cache_key(&c.profile, false, c.key);
    cr_expect(eq(int, cache_is_hit(&c), 1));
    cache_close(&c);
}

Test(seccomp_cache, read_only_directory_is_no_error)
{
    struct cache c;

    cache_open(&c);
    close(c.fd);
    c.fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void) cache_prepare(&c);
    cache_close(&c);
}
