/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lowering the memory limit of a v2 cgroup that runs. Host side. The kernel answers a memory.max below the use
 * with its OOM killer, so what is too much is reclaimed before. v1 refuses such a limit by itself.
 */

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/cgroup-update.h"

#define RECLAIM_TRIES 16

/* A file that is one number, or "max". */
static int read_number(int dir_fd, const char *file, uint64_t *ret)
{
    char text[64];
    long n = cf_cgfs_read(dir_fd, file, text, sizeof(text));

    if (n < 0)
        return (int) n;
    text[strcspn(text, "\n")] = '\0';
    if (strcmp(text, "max") == 0) {
        *ret = UINT64_MAX;
        return 0;
    }
    return cf_num_parse_u64(text, 0, UINT64_MAX, ret);
}

/* Kernels before 5.19: a lower memory.high is reclaimed to by the write itself. */
static void reclaim_by_high(int dir_fd, uint64_t target)
{
    char old[64], number[CF_NUM_SIZE];

    if (cf_cgfs_read(dir_fd, "memory.high", old, sizeof(old)) <= 0)
        return;
    (void) cf_num_format(number, target);
    (void) cf_cgfs_write(dir_fd, "memory.high", number);
    (void) cf_cgfs_write(dir_fd, "memory.high", old);
}

/* Return: the use afterwards. */
static uint64_t reclaim_to(int dir_fd, uint64_t target)
{
    uint64_t before = UINT64_MAX, used = 0;

    for (int i = 0; i < RECLAIM_TRIES; i++) {
        char number[CF_NUM_SIZE];
        int r = read_number(dir_fd, "memory.current", &used);

        if (r < 0)
            return 0; /* nobody counts: nothing is too much */
        if (used <= target || used >= before)
            break;
        before = used;
        (void) cf_num_format(number, used - target);
        r = cf_cgfs_write(dir_fd, "memory.reclaim", number);
        if (r == -ENOENT) {
            reclaim_by_high(dir_fd, target);
            r = 0;
        }
        if (r < 0 && r != -EAGAIN)
            break;
    }
    return used;
}

int cf_cgroup_memory_make_room(int dir_fd, const char *value)
{
    char number[CF_NUM_SIZE];
    uint64_t limit;

    (void) cf_format(number, sizeof(number), "%.*s", (int) strcspn(value, "\n"), value);
    if (cf_num_parse_u64(number, 0, UINT64_MAX, &limit) < 0)
        return 1; /* "max" */
    return reclaim_to(dir_fd, limit) <= limit;
}

static int reject(const char *what, const char *field, int64_t limit, uint64_t used, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "cgroup-memory-limit", -EBUSY, "rejecting %s limit %lld <= usage %llu",
                      what, (long long) limit, (unsigned long long) used);
    cf_err_field(err, "%s", field);
    cf_err_hint(err, "memory.checkBeforeUpdate asks for it: choose a higher limit, or end processes first");
    return -EBUSY;
}

int cf_cgroup_memory_check(int dir_fd, int64_t limit, int64_t swap, struct cf_err *err)
{
    uint64_t used = 0, swapped = 0;

    if (limit > 0) {
        used = reclaim_to(dir_fd, (uint64_t) limit - 1);
        if (used >= (uint64_t) limit)
            return reject("memory", "linux.resources.memory.limit", limit, used, err);
    }
    if (swap > 0 && read_number(dir_fd, "memory.current", &used) == 0) {
        (void) read_number(dir_fd, "memory.swap.current", &swapped);
        if (used + swapped >= (uint64_t) swap)
            return reject("memory+swap", "linux.resources.memory.swap", swap, used + swapped, err);
    }
    return 0;
}
