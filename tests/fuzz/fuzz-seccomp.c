/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: seccomp, by the first byte: a profile, compiled, and loaded from the cache as the same program;
 * a program of any instructions, run over a few calls; a file of the cache as it is, which is removed when it is not
 * right.
 */

#include "fuzz.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <unistd.h>

#include "container/container.h"
#include "seccomp/seccomp-internal.h"

/** Called once by libFuzzer. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define HEAD                                                                                                     \
    "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],"      \
    "\"seccomp\":"
#define TAIL "}}"
#define PROFILE_MAX 4096

static char dir[] = "/tmp/coffer-fuzz-XXXXXX";
static int dir_fd;

static void remove_dir(void)
{
    (void) rmdir(dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    FUZZ_ASSERT(mkdtemp(dir));
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_ASSERT(dir_fd >= 0 && atexit(remove_dir) == 0);
    return 0;
}

static void run(const struct cf_seccomp_program *program)
{
    struct seccomp_data data = {.arch = (int) cf_seccomp_native_arch()};

    for (int nr = 0; nr < 400; nr += 57) {
        data.nr = nr;
        data.args[0] = (uint64_t) nr << 32;
        (void) cf_seccomp_run(program, &data);
    }
    (void) cf_seccomp_check_gate(program, (uint32_t) data.arch, false);
    (void) cf_seccomp_check_gate(program, (uint32_t) data.arch, true);
}

static void compile(const struct ocispec_config *config, struct cf_arena *arena)
{
    struct cf_seccomp_program first = {0}, second = {0};
    unsigned char key[CF_SHA256_SIZE];
    struct cf_err err = CF_ERR_INIT;
    char name[CF_SHA256_HEX_SIZE];

    if (cf_seccomp_prepare_config(config, dir_fd, arena, &first, &err) < 0) {
        FUZZ_ASSERT(err.code[0] && err.text[0] && strncmp(err.field, "linux.seccomp", 13) == 0);
        return;
    }
    FUZZ_ASSERT(first.n > 0 && first.n <= CF_SECCOMP_MAX_INSNS);
    cf_seccomp_cache_key(config->linux->seccomp, false, key);
    FUZZ_ASSERT(cf_seccomp_cache_load(dir_fd, key, arena, &second) == 1);
    FUZZ_ASSERT(first.n == second.n && memcmp(first.insns, second.insns, first.n * sizeof(*first.insns)) == 0);
    run(&second);
    cf_sha256_hex(key, name);
    FUZZ_ASSERT(unlinkat(dir_fd, name, 0) == 0);
}

static void profile(const char *text, size_t size, struct cf_arena *arena)
{
    char *whole = malloc(sizeof(HEAD) + size + sizeof(TAIL));
    struct cf_err err = CF_ERR_INIT;
    struct cf_spec *spec = NULL;

    FUZZ_ASSERT(whole);
    memcpy(whole, HEAD, sizeof(HEAD) - 1);
    memcpy(whole + sizeof(HEAD) - 1, text, size);
    memcpy(whole + sizeof(HEAD) - 1 + size, TAIL, sizeof(TAIL));
    if (cf_spec_load_bytes("/bundle", whole, sizeof(HEAD) - 1 + size + sizeof(TAIL) - 1, &spec, &err) >= 0 &&
        cf_spec_check(spec, &err) >= 0 && spec->config->linux->seccomp)
        compile(spec->config, arena);
    cf_spec_free(spec);
    free(whole);
}

static void program(const uint8_t *data, size_t size)
{
    uint64_t *insns = malloc(size + 1);
    struct cf_seccomp_program p = {.insns = insns, .n = size / sizeof(*insns)};

    FUZZ_ASSERT(insns);
    memcpy(insns, data, p.n * sizeof(*insns));
    run(&p);
    free(insns);
}

/* As somebody else's program, too: then a valid one is what comes out of it. */
static void cache_file(const uint8_t *data, size_t size, struct cf_arena *arena)
{
    unsigned char key[CF_SHA256_SIZE] = {0};
    struct cf_seccomp_program p = {0};
    char name[CF_SHA256_HEX_SIZE];
    int fd;

    cf_sha256_hex(key, name);
    fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t) size);
    close(fd);
    if (cf_seccomp_cache_load(dir_fd, key, arena, &p) > 0) {
        FUZZ_ASSERT(p.n > 0 && p.n <= CF_SECCOMP_MAX_INSNS && p.n * sizeof(*p.insns) < size);
        run(&p);
        FUZZ_ASSERT(unlinkat(dir_fd, name, 0) == 0);
    } else {
        FUZZ_ASSERT(faccessat(dir_fd, name, F_OK, 0) < 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_arena *arena = cf_arena_new();
    char *text;

    FUZZ_ASSERT(arena);
    if (size == 0)
        data = (const uint8_t *) "";
    switch (data[0] % 3) {
    case 0:
        text = fuzz_text(data + (size > 0), size ? size - 1 : 0);
        profile(text, strlen(text) > PROFILE_MAX ? PROFILE_MAX : strlen(text), arena);
        free(text);
        break;
    case 1:
        program(data + 1, size - 1);
        break;
    default:
        cache_file(data + 1, size - 1, arena);
    }
    cf_arena_free(arena);
    return 0;
}
