/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * userns/ledger: many processes take and give back ranges, and are killed while they do. A table in
 * shared memory says who really has a block; two owners at once are an overlap that was admitted.
 *
 * COFFER_LEDGER_ROUNDS: so many leases, however long it takes. Default: 10,000 or 10 s.
 */

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "userns/ledger-file.h"

#define BOOT "11111111-2222-3333-4444-555555555555"
#define WORKERS 8
#define HELD 6
#define BLOCKS 40 /* few: they meet all the time */
#define BLOCK_SIZE 1000u
#define FIRST 100000u

/* One container of a worker; written by the worker, cleared after it was killed by the parent. */
struct item {
    _Atomic uint32_t first_block, n_blocks; /* 0 blocks: none */
    _Atomic uint32_t slot;
    _Atomic uint64_t serial;
    char id[40];
};

struct shared {
    _Atomic uint32_t owner[BLOCKS]; /* worker * HELD + item + 1 */
    _Atomic uint64_t rounds, refused, overlaps, failures, kills;
    struct item items[WORKERS][HELD];
};

static char top[64], root[80];
static int top_fd, root_fd;
static struct shared *shared;

static struct cf_ledger *open_ledger(struct cf_err *err)
{
    struct cf_ledger *ledger = NULL;

    return cf_ledger_open(top_fd, top, BOOT, &ledger, err) < 0 ? NULL : ledger;
}

static uint32_t tag_of(unsigned int worker, unsigned int i)
{
    return worker * HELD + i + 1;
}

/* The container begins to use its ids. */
static void own(const struct item *item, uint32_t tag)
{
    for (uint32_t k = 0; k < item->n_blocks; k++) {
        uint32_t nobody = 0;

        if (!atomic_compare_exchange_strong(&shared->owner[item->first_block + k], &nobody, tag))
            atomic_fetch_add(&shared->overlaps, 1);
    }
}

static void disown(const struct item *item, uint32_t tag)
{
    for (uint32_t k = 0; k < item->n_blocks; k++) {
        uint32_t expected = tag;

        (void) atomic_compare_exchange_strong(&shared->owner[item->first_block + k], &expected, 0);
    }
}

static void give_back(struct item *item, uint32_t tag, bool lazily)
{
    struct cf_err err = CF_ERR_INIT;

    disown(item, tag);
    (void) unlinkat(root_fd, item->id, AT_REMOVEDIR);
    if (!lazily) {
        struct cf_ledger *ledger = open_ledger(&err);

        if (!ledger || cf_ledger_release(ledger, item->slot, item->serial, &err) < 0)
            atomic_fetch_add(&shared->failures, 1);
        cf_ledger_close(ledger);
    }
    item->n_blocks = 0;
}

static int publish(struct cf_ledger *ledger, const struct cf_lease *lease, struct cf_err *err)
{
    uint64_t ino;
    int64_t btime;
    int fd, r;

    if (mkdirat(root_fd, lease->id, 0700) < 0)
        return -errno;
    fd = openat(root_fd, lease->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = cf_ledger_identify(fd, &ino, &btime);
    close(fd);
    return r < 0 ? r : cf_ledger_bind(ledger, lease, ino, btime, err);
}

static void take(struct item *item, uint32_t tag, uint64_t number, unsigned int *seed)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    struct cf_ledger *ledger = open_ledger(&err);
    struct cf_subid window_range = {.first = FIRST, .count = BLOCKS * BLOCK_SIZE}, range;
    struct cf_ledger_window window = {.from = {.ranges = &window_range, .n = 1}, .size = BLOCK_SIZE};
    struct cf_ledger_request request = {.refuse = true};
    struct cf_ledger_reply reply;
    struct stat st;
    int r;

    fstat(root_fd, &st);
    snprintf(item->id, sizeof(item->id), "c%d-%llu", getpid(), (unsigned long long) number);
    request.lease = (struct cf_lease) {.kind = CF_LEASE_EXPLICIT, .id = item->id, .root = root, .share = "",
                                       .root_dev = st.st_dev, .root_ino = st.st_ino};
    if (rand_r(seed) % 2) {
        uint32_t block = (uint32_t) rand_r(seed) % BLOCKS, n = 1 + (uint32_t) rand_r(seed) % 3;

        if (block + n > BLOCKS)
            n = BLOCKS - block;
        range = (struct cf_subid) {.first = FIRST + block * BLOCK_SIZE, .count = n * BLOCK_SIZE};
        request.lease.uids = request.lease.gids = (struct cf_idset) {.ranges = &range, .n = 1};
    } else {
        window.size = 1024; /* blocks of its own, across those of the table */
        request.window = &window;
        request.lease.kind = CF_LEASE_AUTO;
    }
    r = ledger ? cf_ledger_reserve(ledger, &request, arena, &reply, &err) : -EIO;
    if (r == -EEXIST || r == -ENOSPC) {
        atomic_fetch_add(&shared->refused, 1);
    } else if (r < 0) {
        atomic_fetch_add(&shared->failures, 1);
    } else {
        const struct cf_subid *got = &reply.lease.uids.ranges[0];

        item->slot = reply.lease.slot;
        item->serial = reply.lease.serial;
        item->first_block = (got->first - FIRST) / BLOCK_SIZE;
        /* Of an automatic one only the blocks that nobody else can have a part of. */
        if (request.window) {
            item->first_block = (got->first - FIRST + BLOCK_SIZE - 1) / BLOCK_SIZE;
            item->n_blocks = (got->first + got->count - FIRST) / BLOCK_SIZE - item->first_block;
        } else {
            item->n_blocks = got->count / BLOCK_SIZE;
        }
        if (publish(ledger, &reply.lease, &err) < 0)
            atomic_fetch_add(&shared->failures, 1);
        else
            own(item, tag);
        if (item->n_blocks == 0) /* no whole block: not to be tracked, so not to be kept */
            (void) unlinkat(root_fd, item->id, AT_REMOVEDIR);
    }
    atomic_fetch_add(&shared->rounds, 1);
    cf_ledger_close(ledger);
    cf_arena_free(arena);
}

static void work(unsigned int worker, uint64_t rounds)
{
    unsigned int seed = (unsigned int) getpid() * 2654435761u;

    for (uint64_t n = 0; atomic_load(&shared->rounds) < rounds; n++) {
        unsigned int i = (unsigned int) rand_r(&seed) % HELD;
        struct item *item = &shared->items[worker][i];

        if (item->n_blocks > 0)
            give_back(item, tag_of(worker, i), rand_r(&seed) % 3 == 0);
        else
            take(item, tag_of(worker, i), n, &seed);
    }
    _exit(0);
}

static pid_t start(unsigned int worker, uint64_t rounds)
{
    pid_t pid = fork();

    if (pid == 0)
        work(worker, rounds);
    return pid;
}

/* What is left of a killed worker: deleted as `coffer delete` does it. */
static void clean_up(unsigned int worker, unsigned int *seed)
{
    for (unsigned int i = 0; i < HELD; i++) {
        struct item *item = &shared->items[worker][i];

        give_back(item, tag_of(worker, i), item->serial == 0 || rand_r(seed) % 2);
        item->serial = 0;
    }
}

Test(ledger_torture, no_overlap_and_no_leak)
{
    const char *wanted = getenv("COFFER_LEDGER_ROUNDS");
    uint64_t rounds = wanted ? strtoull(wanted, NULL, 10) : 10000;
    int64_t start_ms = cf_clock_monotonic_ms(), deadline = wanted ? INT64_MAX : start_ms + 10000;
    struct cf_arena *arena = cf_arena_new();
    struct cf_err err = CF_ERR_INIT;
    unsigned int seed = (unsigned int) getpid();
    struct cf_ledger *ledger;
    struct cf_lease *list;
    pid_t pids[WORKERS];
    char command[128];
    size_t n = 0;

    memcpy(top, "/tmp/coffer-torture-XXXXXX", 27);
    cr_assert_not_null(mkdtemp(top));
    snprintf(root, sizeof(root), "%s/root", top);
    cr_assert_eq(mkdir(root, 0700), 0);
    top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(shared != MAP_FAILED);
    for (unsigned int w = 0; w < WORKERS; w++)
        pids[w] = start(w, rounds);
    while (atomic_load(&shared->rounds) < rounds && cf_clock_monotonic_ms() < deadline) {
        unsigned int w = (unsigned int) rand_r(&seed) % WORKERS;
        int status;

        usleep((useconds_t) (rand_r(&seed) % 5000));
        kill(pids[w], SIGKILL);
        (void) waitpid(pids[w], &status, 0);
        atomic_fetch_add(&shared->kills, 1);
        clean_up(w, &seed);
        pids[w] = start(w, rounds);
    }
    for (unsigned int w = 0; w < WORKERS; w++) {
        int status;

        kill(pids[w], SIGKILL);
        (void) waitpid(pids[w], &status, 0);
        clean_up(w, &seed);
    }
    cr_log_info("%llu leases asked for in %lld ms, %llu refused, %llu processes killed",
                (unsigned long long) shared->rounds, (long long) (cf_clock_monotonic_ms() - start_ms),
                (unsigned long long) shared->refused, (unsigned long long) shared->kills);
    cr_expect_eq(atomic_load(&shared->overlaps), 0);
    cr_expect_eq(atomic_load(&shared->failures), 0);
    cr_expect_gt(atomic_load(&shared->rounds), 100);
    cr_expect_gt(atomic_load(&shared->kills), 5);
    cr_expect_gt(atomic_load(&shared->rounds), atomic_load(&shared->refused));
    /* Nothing may be left in anybody's way. */
    ledger = open_ledger(&err);
    cr_assert_not_null(ledger);
    cr_assert_eq(cf_ledger_list(ledger, arena, &list, &n, &err), 0, "%s", err.text);
    for (size_t i = 0; i < n; i++)
        cr_log_error("leaked: %s %u %u", list[i].id, list[i].uids.ranges[0].first, list[i].pending);
    cr_expect_eq(n, 0);
    cf_ledger_close(ledger);
    cf_arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", top);
    cr_expect_eq(system(command), 0);
}
