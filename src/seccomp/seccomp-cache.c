/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compiled programs on disk: one file per program below <root>/.cache/seccomp, named by the digest of
 * the profile. A hit costs six system calls and neither loads nor asks libseccomp.
 *
 * What the meaning of a program depends on is the profile, the architecture, this format and the
 * library. The first three are in the key (with the version of the headers). The library is noted in
 * the file by what stat(2) says of it: an update leaves another file under the path, which makes the
 * entry stale. The directory belongs to the state root, so it ends with the boot.
 *
 * Whoever can write here is the owner of the containers. The checks are against accidents (a full
 * disk, a crash), other users' files and links; a file that fails one is removed. Host side.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "seccomp/seccomp-internal.h"
#include "seccomp/seccomp-names.h"
#include "sys/cred.h"
#include "sys/fs.h"

/* Of the file, and of the meaning of our own part of the compilation. Count up with every change. */
#define FORMAT 1u

struct header {
    char magic[8];
    uint32_t format;
    uint32_t n; /* instructions behind the header */
    uint64_t checksum; /* of everything behind this member */
    unsigned char key[CF_SHA256_SIZE];
    uint32_t n_unknown;
    uint32_t reserved;
    struct cf_seccomp_library library;
};

#define CHECKSUM_FROM (offsetof(struct header, checksum) + sizeof(uint64_t))

static const char magic[8] = "cfbpf\r\n";

_Static_assert(sizeof(struct header) % sizeof(uint64_t) == 0 && CHECKSUM_FROM % sizeof(uint64_t) == 0,
               "instructions are aligned, and the checksum takes whole words");

static void add_u64(struct cf_sha256 *sha, uint64_t v)
{
    cf_sha256_update(sha, &v, sizeof(v));
}

static void add_text(struct cf_sha256 *sha, const char *text)
{
    size_t len = strlen(text);

    add_u64(sha, len);
    cf_sha256_update(sha, text, len);
}

/* Words in the same order, each with its length in front: no two profiles have one form. */
void cf_seccomp_cache_key(const struct ocispec_seccomp *profile, bool strict,
                          unsigned char ret[CF_SHA256_SIZE])
{
    struct cf_sha256 sha;

    cf_sha256_init(&sha);
    add_text(&sha, "coffer seccomp program");
    add_u64(&sha, FORMAT);
    add_u64(&sha, cf_seccomp_native_arch());
    add_u64(&sha, cf_seccomp_headers_version());
    add_u64(&sha, strict);
    add_u64(&sha, cf_seccomp_action(profile->default_action, profile->has_default_errno_ret,
                                    profile->default_errno_ret));
    add_u64(&sha, profile->n_architectures);
    for (size_t i = 0; i < profile->n_architectures; i++)
        add_text(&sha, profile->architectures[i]);
    add_u64(&sha, profile->n_syscalls);
    for (size_t i = 0; i < profile->n_syscalls; i++) {
        const struct ocispec_seccomp_syscall *rule = &profile->syscalls[i];

        add_u64(&sha, cf_seccomp_action(rule->action, rule->has_errno_ret, rule->errno_ret));
        add_u64(&sha, rule->n_args);
        for (size_t j = 0; j < rule->n_args; j++) {
            add_u64(&sha, rule->args[j].index);
            add_u64(&sha, rule->args[j].value);
            add_u64(&sha, rule->args[j].value_two);
            add_text(&sha, rule->args[j].op);
        }
        add_u64(&sha, rule->n_names);
        for (size_t j = 0; j < rule->n_names; j++)
            add_text(&sha, rule->names[j]);
    }
    cf_sha256_final(&sha, ret);
}

static int library_stat(struct cf_seccomp_library *library)
{
    struct stat st;
    int r = cf_sys_fstatat(AT_FDCWD, library->path, &st, 0);

    if (r < 0)
        return r;
    library->dev = st.st_dev;
    library->ino = st.st_ino;
    library->size = (uint64_t) st.st_size;
    library->mtime_ns = (int64_t) st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    return 0;
}

static bool library_is_same(const struct cf_seccomp_library *noted)
{
    struct cf_seccomp_library now = *noted;

    if (!noted->path[0])
        return true;
    return library_stat(&now) >= 0 && now.dev == noted->dev && now.ino == noted->ino &&
           now.size == noted->size && now.mtime_ns == noted->mtime_ns;
}

/* Against accidents only, and a tenth of a millisecond faster than a digest: every step can be undone,
 * so that a change of one word never goes unnoticed. */
static uint64_t checksum_of(const struct header *h, size_t size)
{
    const char *at = (const char *) h + CHECKSUM_FROM;
    uint64_t sum = size, word;

    for (size_t left = size - CHECKSUM_FROM; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        sum ^= sum >> 32;
    }
    return sum;
}

static bool content_is_right(const struct header *h, size_t size, const unsigned char *key)
{
    if (memcmp(h->magic, magic, sizeof(magic)) != 0 || h->format != FORMAT || h->n == 0 ||
        h->n > CF_SECCOMP_MAX_INSNS || size != sizeof(*h) + h->n * sizeof(uint64_t) ||
        memcmp(h->key, key, CF_SHA256_SIZE) != 0)
        return false;
    return h->checksum == checksum_of(h, size) &&
           cf_str_nlen(h->library.path, sizeof(h->library.path)) < sizeof(h->library.path);
}

/* A regular file of ours that nobody else can write, of a possible size. */
static bool file_is_right(int fd, struct stat *ret)
{
    return cf_sys_fstat(fd, ret) >= 0 && S_ISREG(ret->st_mode) && !(ret->st_mode & 022) &&
           ret->st_uid == cf_sys_geteuid() && ret->st_size > (off_t) sizeof(struct header) &&
           ret->st_size <= (off_t) (sizeof(struct header) + CF_SECCOMP_MAX_INSNS * sizeof(uint64_t));
}

int cf_seccomp_cache_load(int dir_fd, const unsigned char key[CF_SHA256_SIZE], struct cf_arena *arena,
                          struct cf_seccomp_program *ret)
{
    cf_auto_fd int fd = -EBADF;
    char name[CF_SHA256_HEX_SIZE];
    struct header *h = NULL;
    struct stat st;

    cf_sha256_hex(key, name);
    /* Not blocking, because a FIFO would. */
    fd = cf_sys_openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd == -ENOENT)
        return 0;
    if (fd >= 0 && file_is_right(fd, &st)) {
        h = cf_arena_alloc(arena, (size_t) st.st_size);
        if (!h)
            return 0;
        if (cf_io_read_buf(fd, h, (size_t) st.st_size) == st.st_size &&
            content_is_right(h, (size_t) st.st_size, key) && library_is_same(&h->library)) {
            *ret = (struct cf_seccomp_program){
                .insns = (const uint64_t *) (const void *) (h + 1), .n = h->n, .n_unknown = h->n_unknown};
            return 1;
        }
    }
    (void) cf_sys_unlinkat(dir_fd, name, 0);
    return 0;
}

struct oldest {
    char name[256];
    struct timespec mtime;
    unsigned int n;
};

static void look_at(int dir_fd, const char *name, struct oldest *oldest)
{
    struct stat st;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
        cf_sys_fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    if (oldest->n++ > 0 && (st.st_mtim.tv_sec > oldest->mtime.tv_sec ||
                            (st.st_mtim.tv_sec == oldest->mtime.tv_sec &&
                             st.st_mtim.tv_nsec >= oldest->mtime.tv_nsec)))
        return;
    oldest->mtime = st.st_mtim;
    if (cf_str_copy(oldest->name, sizeof(oldest->name), name) < 0)
        oldest->name[0] = '\0';
}

static int find_oldest(int dir_fd, struct oldest *ret)
{
    /* Records of getdents64(2) as the kernel lays them out. */
    struct entry {
        uint64_t ino;
        int64_t off;
        unsigned short len;
        unsigned char type;
        char name[];
    };
    _Alignas(struct entry) char buf[8192];
    long n;

    *ret = (struct oldest){0};
    if (cf_sys_lseek(dir_fd, 0, SEEK_SET) < 0)
        return -EIO;
    while ((n = cf_sys_getdents64(dir_fd, buf, sizeof(buf))) > 0) {
        for (long at = 0; at < n;) {
            const struct entry *e = (const struct entry *) (const void *) (buf + at);

            look_at(dir_fd, e->name, ret);
            at += e->len;
        }
    }
    return (int) n;
}

/* Room for one more. Left-over temporary files count and age like the rest. */
static void evict(int dir_fd)
{
    struct oldest oldest;

    for (unsigned int i = 0; i < 4 * CF_SECCOMP_CACHE_MAX; i++) {
        if (find_oldest(dir_fd, &oldest) < 0 || oldest.n < CF_SECCOMP_CACHE_MAX || !oldest.name[0] ||
            cf_sys_unlinkat(dir_fd, oldest.name, 0) < 0)
            return;
    }
}

void cf_seccomp_cache_store(int dir_fd, const unsigned char key[CF_SHA256_SIZE],
                            const struct cf_seccomp_program *program)
{
    size_t size = sizeof(struct header) + program->n * sizeof(uint64_t);
    cf_auto_free struct header *h = calloc(1, size);
    char name[CF_SHA256_HEX_SIZE];

    if (!h || program->n == 0 || program->n > CF_SECCOMP_MAX_INSNS)
        return;
    memcpy(h->magic, magic, sizeof(magic));
    h->format = FORMAT;
    h->n = (uint32_t) program->n;
    h->n_unknown = program->n_unknown;
    memcpy(h->key, key, CF_SHA256_SIZE);
    /* Without knowing the library's file the entry could not be told from a stale one. */
    if (cf_seccomp_library(&h->library) < 0 || (h->library.path[0] && library_stat(&h->library) < 0))
        return;
    memcpy(h + 1, program->insns, program->n * sizeof(uint64_t));
    h->checksum = checksum_of(h, size);
    cf_sha256_hex(key, name);
    evict(dir_fd);
    (void) cf_io_replace_file_at(dir_fd, name, h, size, 0600);
}
