/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* userns/ledger: leases, their life, what is refused, what a kill leaves. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "userns/ledger-file.h"
#include "userns/ledger-pick.h"

#define BOOT "11111111-2222-3333-4444-555555555555"

static char top[64], root[80];
static struct cf_arena *arena;
static struct cf_err err;
static int top_fd;

static void begin(void)
{
    memcpy(top, "/tmp/coffer-ledger-XXXXXX", 26);
    cr_assert_not_null(mkdtemp(top));
    snprintf(root, sizeof(root), "%s/root", top);
    cr_assert_eq(mkdir(root, 0700), 0);
    top_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    arena = cf_arena_new();
    err = (struct cf_err) CF_ERR_INIT;
}

static void end(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", top);
    cr_expect_eq(system(command), 0);
    cf_arena_free(arena);
    close(top_fd);
}

TestSuite(ledger, .init = begin, .fini = end);

static struct cf_ledger *open_ledger(void)
{
    struct cf_ledger *ledger = NULL;

    cr_assert_eq(cf_ledger_open(top_fd, top, BOOT, &ledger, &err), 0, "%s", err.text);
    return ledger;
}

static struct cf_idset one(uint32_t first, uint32_t count)
{
    struct cf_subid *range = cf_arena_alloc(arena, sizeof(*range));

    *range = (struct cf_subid) {.first = first, .count = count};
    return (struct cf_idset) {.ranges = range, .n = 1};
}

static struct cf_ledger_request want(const char *id, uint32_t first, uint32_t count)
{
    struct stat st;

    cr_assert_eq(stat(root, &st), 0);
    return (struct cf_ledger_request) {
        .lease = {.kind = CF_LEASE_EXPLICIT, .id = id, .root = root, .share = "", .root_dev = st.st_dev,
                  .root_ino = st.st_ino, .uids = one(first, count), .gids = one(first, count)},
    };
}

static void make_entry(const char *id)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", root, id);
    cr_assert_eq(mkdir(path, 0700), 0);
}

static void remove_entry(const char *id)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", root, id);
    cr_assert_eq(rmdir(path), 0);
}

/* A lease as a container has it: reserved, published, bound. */
static struct cf_lease lease_of(const struct cf_ledger_request *request)
{
    struct cf_ledger *ledger = open_ledger();
    struct cf_ledger_reply reply;
    char path[512];
    uint64_t ino;
    int64_t btime;
    int fd;

    cr_assert_eq(cf_ledger_reserve(ledger, request, arena, &reply, &err), 0, "%s", err.text);
    make_entry(request->lease.id);
    snprintf(path, sizeof(path), "%s/%s", root, request->lease.id);
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(cf_ledger_identify(fd, &ino, &btime), 0);
    close(fd);
    cr_assert_eq(cf_ledger_bind(ledger, &reply.lease, ino, btime, &err), 0, "%s", err.text);
    cf_ledger_close(ledger);
    return reply.lease;
}

static size_t count_leases(void)
{
    struct cf_ledger *ledger = open_ledger();
    struct cf_lease *list;
    size_t n;

    cr_assert_eq(cf_ledger_list(ledger, arena, &list, &n, &err), 0, "%s", err.text);
    cf_ledger_close(ledger);
    return n;
}

static struct cf_ledger_reply try(const struct cf_ledger_request *request, int expected)
{
    struct cf_ledger *ledger = open_ledger();
    struct cf_ledger_reply reply;

    cr_assert_eq(cf_ledger_reserve(ledger, request, arena, &reply, &err), expected, "%s", err.text);
    cf_ledger_close(ledger);
    return reply;
}

Test(ledger, conflicts)
{
    struct cf_ledger_request a = want("a", 100000, 65536), b = want("b", 165535, 10), c = want("c", 165536, 10);
    struct cf_ledger_reply reply;

    (void) lease_of(&a);
    b.refuse = c.refuse = true;
    reply = try(&b, -EEXIST);
    cr_assert_eq(reply.n_conflicts, 1);
    cr_expect_str_eq(reply.conflicts[0].lease.id, "a");
    cr_expect_str_eq(reply.conflicts[0].lease.root, root);
    cr_expect_eq(reply.conflicts[0].ids.first, 165535);
    cr_expect_eq(reply.conflicts[0].ids.count, 1);
    reply = try(&c, 0);
    cr_expect_eq(reply.n_conflicts, 0);
    b.refuse = false;
    reply = try(&b, 0);
    cr_expect_eq(reply.n_conflicts, 1);
    cr_expect_eq(reply.held_uids.n, 1);
    b.blind = true;
    reply = try(&b, 0);
    cr_expect_eq(reply.n_conflicts, 0);
    /* Nothing of these was bound, and the handles are closed. */
    cr_expect_eq(count_leases(), 1);
}

Test(ledger, gids_alone_conflict)
{
    struct cf_ledger_request a = want("a", 100000, 65536), b = want("b", 300000, 10);
    struct cf_ledger_reply reply;

    (void) lease_of(&a);
    b.lease.gids = one(100000, 1);
    reply = try(&b, 0);
    cr_assert_eq(reply.n_conflicts, 1);
    cr_expect(reply.conflicts[0].gid);
}

Test(ledger, life)
{
    struct cf_ledger_request a = want("a", 100000, 65536), again = want("b", 100000, 65536);
    struct cf_ledger *ledger;
    struct cf_lease lease;

    /* Gone with its directory. */
    lease = lease_of(&a);
    again.refuse = true;
    (void) try(&again, -EEXIST);
    remove_entry("a");
    (void) try(&again, 0);
    cr_expect_eq(count_leases(), 0);
    /* Another directory of the same name is not the container. */
    lease = lease_of(&a);
    remove_entry("a");
    make_entry("other");
    make_entry("a");
    (void) try(&again, 0);
    remove_entry("a");
    /* Released by whoever knows slot and serial. */
    lease = lease_of(&a);
    ledger = open_ledger();
    cr_assert_eq(cf_ledger_release(ledger, lease.slot, lease.serial + 1, &err), 0);
    (void) try(&again, -EEXIST);
    cr_assert_eq(cf_ledger_release(ledger, lease.slot, lease.serial, &err), 0);
    (void) try(&again, 0);
    cr_assert_eq(cf_ledger_release(ledger, lease.slot, lease.serial, &err), 0);
    cr_assert_eq(cf_ledger_release(ledger, 60000, 1, &err), 0);
    cf_ledger_close(ledger);
}

Test(ledger, root_is_gone)
{
    struct cf_ledger_request a = want("a", 100000, 65536), b;
    char moved[96];

    (void) lease_of(&a);
    snprintf(moved, sizeof(moved), "%s/moved", top);
    cr_assert_eq(rename(root, moved), 0);
    cr_assert_eq(mkdir(root, 0700), 0);
    b = want("b", 100000, 65536);
    b.refuse = true;
    (void) try(&b, 0);
}

Test(ledger, reservation_lives_with_its_handle)
{
    struct cf_ledger_request a = want("a", 100000, 65536), b = want("b", 100000, 65536);
    struct cf_ledger *holder = open_ledger();
    struct cf_ledger_reply reply;

    cr_assert_eq(cf_ledger_reserve(holder, &a, arena, &reply, &err), 0);
    b.refuse = true;
    reply = try(&b, -EEXIST);
    cr_expect(reply.conflicts[0].lease.pending);
    cr_expect_eq(count_leases(), 1);
    cf_ledger_close(holder);
    (void) try(&b, 0);
    cr_expect_eq(count_leases(), 0);
}

Test(ledger, killed_holder)
{
    struct cf_ledger_request a = want("a", 100000, 65536), b = want("b", 100000, 65536);
    int fds[2], status;
    char byte;
    pid_t pid;

    cr_assert_eq(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        struct cf_ledger *holder = open_ledger();
        struct cf_ledger_reply reply;

        (void) cf_ledger_reserve(holder, &a, arena, &reply, &err);
        (void) !write(fds[1], "x", 1);
        pause();
        _exit(0);
    }
    cr_assert_eq(read(fds[0], &byte, 1), 1);
    b.refuse = true;
    (void) try(&b, -EEXIST);
    kill(pid, SIGKILL);
    (void) waitpid(pid, &status, 0);
    (void) try(&b, 0);
}

Test(ledger, share)
{
    struct cf_ledger_request a = want("a", 100000, 65536), b = want("b", 100000, 65536);
    struct cf_ledger_reply reply;

    a.lease.share = "pod1";
    a.lease.kind = CF_LEASE_SHARED;
    (void) lease_of(&a);
    b.refuse = true;
    (void) try(&b, -EEXIST);
    b.lease.share = "pod2";
    (void) try(&b, -EEXIST);
    b.lease.share = "pod1";
    reply = try(&b, 0);
    cr_expect_eq(reply.n_conflicts, 0);
    cr_expect_eq(reply.held_uids.n, 1);
}

Test(ledger, many_ranges)
{
    struct cf_ledger_request a = want("a", 0, 1), b = want("b", 0, 1);
    struct cf_subid *ranges = cf_arena_calloc(arena, CF_IDMAP_MAX_RANGES, sizeof(*ranges));
    struct cf_ledger *ledger;
    struct cf_lease *list;
    size_t n;

    for (uint32_t i = 0; i < CF_IDMAP_MAX_RANGES; i++)
        ranges[i] = (struct cf_subid) {.first = 1000000 + i * 20, .count = 10};
    a.lease.uids = a.lease.gids = (struct cf_idset) {.ranges = ranges, .n = CF_IDMAP_MAX_RANGES};
    (void) lease_of(&a);
    b.refuse = true;
    /* Between the ranges, within the hull. */
    b.lease.uids = b.lease.gids = one(1000010, 10);
    (void) try(&b, 0);
    b.lease.uids = b.lease.gids = one(1000010, 11);
    (void) try(&b, -EEXIST);
    ledger = open_ledger();
    cr_assert_eq(cf_ledger_list(ledger, arena, &list, &n, &err), 0);
    cr_assert_eq(n, 1);
    cr_expect_eq(list[0].uids.n, CF_IDMAP_MAX_RANGES);
    cr_expect_eq(list[0].uids.ranges[339].first, 1000000 + 339 * 20);
    cf_ledger_close(ledger);
}

Test(ledger, long_names)
{
    char id[256], share[256];
    struct cf_ledger_request a;

    memset(id, 'i', 255);
    memset(share, 's', 255);
    id[255] = share[255] = '\0';
    a = want(id, 5, 5);
    a.lease.share = share;
    (void) lease_of(&a);
    cr_expect_eq(count_leases(), 1);
}

Test(ledger, another_boot)
{
    struct cf_ledger_request a = want("a", 100000, 65536);
    struct cf_ledger *ledger = NULL;
    struct cf_lease *list;
    size_t n = 9;

    (void) lease_of(&a);
    cr_expect_eq(count_leases(), 1);
    cr_assert_eq(cf_ledger_open(top_fd, top, "99999999-2222-3333-4444-555555555555", &ledger, &err), 0);
    cr_assert_eq(cf_ledger_list(ledger, arena, &list, &n, &err), 0);
    cr_expect_eq(n, 0);
    cf_ledger_close(ledger);
}

static void corrupt(long at, const void *data, size_t size)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/" LEDGER_NAME, top);
    fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, data, size, at), (ssize_t) size);
    close(fd);
}

Test(ledger, damage)
{
    struct cf_ledger_request a = want("a", 100000, 65536), b = want("b", 100000, 65536);
    struct cf_ledger *ledger;
    struct cf_lease *list;
    size_t n;

    (void) lease_of(&a);
    b.refuse = true;
    (void) try(&b, -EEXIST);
    corrupt(LEDGER_INDEX_AT + 20, "\xff", 1); /* a torn slot is a free one */
    (void) try(&b, 0);
    corrupt(0, "garbage", 7);
    ledger = open_ledger();
    cr_expect_eq(cf_ledger_list(ledger, arena, &list, &n, &err), -EBADMSG);
    cr_expect_str_eq(err.code, "id-ledger-broken");
    cf_ledger_close(ledger);
}

Test(ledger, half_made_file)
{
    struct cf_ledger_request a = want("a", 100000, 65536);
    char path[128];

    (void) lease_of(&a);
    snprintf(path, sizeof(path), "%s/" LEDGER_NAME, top);
    cr_assert_eq(truncate(path, 20), 0);
    cr_expect_eq(count_leases(), 0);
}

static struct cf_ledger_request automatic(const char *id, struct cf_ledger_window *window, struct cf_idset from,
                                          uint32_t size)
{
    struct cf_ledger_request request = want(id, 0, 1);

    *window = (struct cf_ledger_window) {.from = from, .size = size};
    request.lease.kind = CF_LEASE_AUTO;
    request.lease.uids = request.lease.gids = (struct cf_idset) {0};
    request.window = window;
    return request;
}

Test(ledger, automatic)
{
    struct cf_ledger_window window;
    struct cf_ledger_request request;
    struct cf_lease lease;
    struct cf_ledger *ledger;
    char id[4][8];

    for (uint32_t i = 0; i < 4; i++) {
        snprintf(id[i], sizeof(id[i]), "c%u", i);
        request = automatic(id[i], &window, one(1000, 4096 * 4), 4096);
        lease = lease_of(&request);
        cr_expect_eq(lease.uids.ranges[0].first, 1000 + i * 4096);
        cr_expect_eq(lease.uids.ranges[0].count, 4096);
    }
    request = automatic("full", &window, one(1000, 4096 * 4), 4096);
    (void) try(&request, -ENOSPC);
    cr_expect_str_eq(err.code, "id-window-full");
    err = (struct cf_err) CF_ERR_INIT;
    /* A dead one is found when nothing else is left; a released one at once. */
    remove_entry("c2");
    request = automatic("again", &window, one(1000, 4096 * 4), 4096);
    lease = lease_of(&request);
    cr_expect_eq(lease.uids.ranges[0].first, 1000 + 2 * 4096);
    ledger = open_ledger();
    cr_assert_eq(cf_ledger_release(ledger, 0, 0, &err), 0);
    cr_assert_eq(cf_ledger_release(ledger, lease.slot, lease.serial, &err), 0);
    cf_ledger_close(ledger);
    request = automatic("third", &window, one(1000, 4096 * 4), 1);
    lease = lease_of(&request);
    cr_expect_eq(lease.uids.ranges[0].first, 1000 + 2 * 4096);
}

Test(ledger, automatic_avoids)
{
    struct cf_ledger_window window;
    struct cf_ledger_request request = automatic("a", &window, one(65536, 65536 * 8), 65536);
    struct cf_ledger_request explicit = want("x", 131072 + 7, 1);
    struct cf_lease lease;

    (void) lease_of(&explicit);
    window.avoid = one(65536 + 65535, 1);
    lease = lease_of(&request);
    cr_expect_eq(lease.uids.ranges[0].first, 65536 * 3);
    request = automatic("b", &window, one(65536, 65536 * 8), 100000); /* aligned to 131072 */
    lease = lease_of(&request);
    cr_expect_eq(lease.uids.ranges[0].first, 65536 + 131072 * 2);
}

Test(ledger, pick_edges)
{
    struct cf_ledger_window window = {.from = one(4294000000u, 967295), .size = 65536};
    struct ledger_pick pick;
    struct cf_subid range;
    struct cf_idset all = one(0, UINT32_MAX), last = one(UINT32_MAX - 1, 1);

    cr_assert_eq(ledger_pick_begin(&pick, &window), 0);
    ledger_pick_take(&pick, &last);
    cr_assert_eq(ledger_pick_end(&pick, &range), 0);
    cr_expect_eq(range.first, 4294000000u);
    cr_assert_eq(ledger_pick_begin(&pick, &window), 0);
    ledger_pick_take(&pick, &all);
    cr_expect_eq(ledger_pick_end(&pick, &range), -ENOSPC);
    window.size = 1;
    window.from = one(0, UINT32_MAX); /* more blocks than are looked at */
    cr_assert_eq(ledger_pick_begin(&pick, &window), 0);
    cr_assert_eq(ledger_pick_end(&pick, &range), 0);
    cr_expect_eq(range.first, 0);
    window.size = 10;
    window.from = one(5, 9);
    cr_assert_eq(ledger_pick_begin(&pick, &window), 0);
    cr_expect_eq(ledger_pick_end(&pick, &range), -ENOSPC);
}

Test(ledger, speed)
{
    struct cf_ledger_window window;
    struct cf_ledger *ledger = open_ledger();
    int64_t start, total = 0;
    const int rounds = 200;

    for (uint32_t i = 0; i < 1000; i++) {
        char id[16];
        struct cf_ledger_request request;

        snprintf(id, sizeof(id), "c%u", i);
        request = automatic(id, &window, one(2000224256u, 147128320), 65536);
        (void) lease_of(&request);
    }
    cr_expect_eq(count_leases(), 1000);
    cf_ledger_close(ledger);
    for (int i = 0; i < rounds; i++) {
        struct cf_ledger_request request = automatic("new", &window, one(2000224256u, 147128320), 65536);
        struct cf_ledger_reply reply;
        uint64_t ino = 1;

        start = cf_clock_monotonic_ns();
        ledger = open_ledger();
        cr_assert_eq(cf_ledger_reserve(ledger, &request, arena, &reply, &err), 0);
        cr_assert_eq(cf_ledger_bind(ledger, &reply.lease, ino, 0, &err), 0);
        cf_ledger_close(ledger);
        total += cf_clock_monotonic_ns() - start;
        ledger = open_ledger();
        cr_assert_eq(cf_ledger_release(ledger, reply.lease.slot, reply.lease.serial, &err), 0);
        cf_ledger_close(ledger);
    }
    /* Told, never judged: the machine may be busy. */
    cr_log_info("open, reserve and bind among 1000 leases: %.1f us", (double) total / rounds / 1000);
}
