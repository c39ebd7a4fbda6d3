/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.resources.blockIO: its checks, and the files of v1 (blkio) and v2 (io). Pure, host side.
 * v2 keeps all four throttles of a device in one line of io.max, so the config's lists are merged.
 */

#include <errno.h>

#include "base/format.h"
#include "cgroup/res.h"

#define RES "linux.resources."
#define WEIGHT_MIN 10
#define WEIGHT_MAX 1000
#define MAJOR_MAX 4095     /* the kernel's dev_t has 12 bits for it */
#define MINOR_MAX 1048575  /* and 20 for this */

struct throttle_list {
    const char *name; /* member of blockIO */
    const char *v1;   /* file */
    const char *v2;   /* key in io.max */
    const struct ocispec_throttle_device *items;
    size_t n;
};

#define N_LISTS 4

static void lists_of(const struct ocispec_block_io *io, struct throttle_list ret[N_LISTS])
{
    ret[0] = (struct throttle_list) {"throttleReadBpsDevice", "blkio.throttle.read_bps_device",
                                     "rbps", io->throttle_read_bps_device,
                                     io->n_throttle_read_bps_device};
    ret[1] = (struct throttle_list) {"throttleWriteBpsDevice", "blkio.throttle.write_bps_device",
                                     "wbps", io->throttle_write_bps_device,
                                     io->n_throttle_write_bps_device};
    ret[2] = (struct throttle_list) {"throttleReadIOPSDevice", "blkio.throttle.read_iops_device",
                                     "riops", io->throttle_read_iops_device,
                                     io->n_throttle_read_iops_device};
    ret[3] = (struct throttle_list) {"throttleWriteIOPSDevice", "blkio.throttle.write_iops_device",
                                     "wiops", io->throttle_write_iops_device,
                                     io->n_throttle_write_iops_device};
}

/* ---- checks ---- */

static int check_weight(uint16_t weight, const char *field, struct cf_err *err)
{
    if (weight < WEIGHT_MIN || weight > WEIGHT_MAX)
        return cf_err_config(err, "resources-value", field, "must be from %d to %d, got %u",
                             WEIGHT_MIN, WEIGHT_MAX, (unsigned int) weight);
    return 0;
}

static int check_numbers(int64_t major, int64_t minor, const char *list, size_t i,
                         struct cf_err *err)
{
    const bool bad_major = major < 0 || major > MAJOR_MAX;
    char field[128];

    if (!bad_major && minor >= 0 && minor <= MINOR_MAX)
        return 0;
    (void) cf_format(field, sizeof(field), RES "blockIO.%s[%zu].%s", list, i,
                     bad_major ? "major" : "minor");
    return cf_err_config(err, "resources-value", field, "must be from 0 to %d, got %lld",
                         bad_major ? MAJOR_MAX : MINOR_MAX,
                         (long long) (bad_major ? major : minor));
}

static int check_weight_device(const struct ocispec_weight_device *device, size_t i, bool v2,
                               struct cf_err *err)
{
    /* 0 for the leaf is what older engines send when they mean nothing. */
    const bool has_leaf = device->has_leaf_weight && device->leaf_weight != 0;
    char field[128];
    int r = check_numbers(device->major, device->minor, "weightDevice", i, err);

    if (r < 0)
        return r;
    (void) cf_format(field, sizeof(field), RES "blockIO.weightDevice[%zu].weight", i);
    if (!device->has_weight && !has_leaf)
        return cf_err_config(err, "resources-value", field,
                             "neither weight nor leafWeight is given");
    r = device->has_weight ? check_weight(device->weight, field, err) : 0;
    if (r < 0 || !has_leaf)
        return r;
    (void) cf_format(field, sizeof(field), RES "blockIO.weightDevice[%zu].leafWeight", i);
    r = check_weight(device->leaf_weight, field, err);
    return r == 0 && v2 ? cf_cgroup_res_not_on_v2(err, field, "blkio") : r;
}

int cf_cgroup_res_check_io(const struct ocispec_block_io *io, bool v2, struct cf_err *err)
{
    struct throttle_list lists[N_LISTS];
    int r = 0;

    if (io->weight != 0)
        r = check_weight(io->weight, RES "blockIO.weight", err);
    if (r == 0 && io->leaf_weight != 0)
        r = check_weight(io->leaf_weight, RES "blockIO.leafWeight", err);
    if (r == 0 && io->leaf_weight != 0 && v2)
        r = cf_cgroup_res_not_on_v2(err, RES "blockIO.leafWeight", "blkio");
    for (size_t i = 0; r == 0 && i < io->n_weight_device; i++)
        r = check_weight_device(&io->weight_device[i], i, v2, err);
    lists_of(io, lists);
    for (size_t k = 0; k < N_LISTS; k++) {
        for (size_t i = 0; r == 0 && i < lists[k].n; i++)
            r = check_numbers(lists[k].items[i].major, lists[k].items[i].minor, lists[k].name, i,
                              err);
    }
    return r;
}

/* ---- v1 ---- */

static void add_device(struct cf_cgroup_writes *w, const char *file, const char *field,
                       int64_t major, int64_t minor, uint64_t value)
{
    cf_cgroup_writes_add(w, "blkio", file, field, "%lld:%lld %llu", (long long) major,
                         (long long) minor, (unsigned long long) value);
}

void cf_cgroup_res_io_v1(const struct ocispec_block_io *io, struct cf_cgroup_writes *w)
{
    struct throttle_list lists[N_LISTS];

    if (io->weight != 0) {
        cf_cgroup_writes_add(w, "blkio", "blkio.bfq.weight", RES "blockIO.weight", "%u",
                             (unsigned int) io->weight);
        cf_cgroup_writes_else(w, "blkio.weight", NULL);
    }
    if (io->leaf_weight != 0)
        cf_cgroup_writes_add(w, "blkio", "blkio.leaf_weight", RES "blockIO.leafWeight", "%u",
                             (unsigned int) io->leaf_weight);
    for (size_t i = 0; i < io->n_weight_device; i++) {
        const struct ocispec_weight_device *device = &io->weight_device[i];

        if (device->has_weight) {
            add_device(w, "blkio.bfq.weight_device",
                       cf_cgroup_res_field(w, "blockIO.weightDevice[%zu].weight", i), device->major,
                       device->minor, device->weight);
            cf_cgroup_writes_else(w, "blkio.weight_device", NULL);
        }
        if (device->leaf_weight != 0)
            add_device(w, "blkio.leaf_weight_device",
                       cf_cgroup_res_field(w, "blockIO.weightDevice[%zu].leafWeight", i),
                       device->major, device->minor, device->leaf_weight);
    }
    lists_of(io, lists);
    for (size_t k = 0; k < N_LISTS; k++) {
        for (size_t i = 0; i < lists[k].n; i++) {
            const struct ocispec_throttle_device *device = &lists[k].items[i];
            uint64_t rate = device->rate;

            /* v1 keeps the lower 32 bits of an operation count and forgets the others. */
            if (k >= 2 && rate > UINT32_MAX)
                rate = UINT32_MAX;
            add_device(w, lists[k].v1, cf_cgroup_res_field(w, "blockIO.%s[%zu]", lists[k].name, i),
                       device->major, device->minor, rate);
        }
    }
}

/* ---- v2 ---- */

uint32_t cf_cgroup_io_weight_of(uint16_t weight)
{
    return 1 + ((uint32_t) weight - 10) * 9999 / 990;
}

static void weight_v2(struct cf_cgroup_writes *w, const char *field, const char *device,
                      uint16_t weight)
{
    char *other = cf_arena_printf(w->arena, "%s%u", device, cf_cgroup_io_weight_of(weight));

    if (!other)
        w->oom = true;
    cf_cgroup_writes_add(w, "io", "io.bfq.weight", field, "%s%u", device, (unsigned int) weight);
    cf_cgroup_writes_else(w, "io.weight", other);
}

/* The last rate that a list gives for a device. */
static bool rate_of(const struct throttle_list *list, int64_t major, int64_t minor, uint64_t *ret)
{
    bool found = false;

    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].major == major && list->items[i].minor == minor) {
            *ret = list->items[i].rate;
            found = true;
        }
    }
    return found;
}

/* Was this device met before, in the order of the lists? */
static bool is_repeated(const struct throttle_list lists[N_LISTS], size_t k, size_t i)
{
    const struct ocispec_throttle_device *device = &lists[k].items[i];

    for (size_t at = 0; at <= k; at++) {
        for (size_t j = 0; j < (at == k ? i : lists[at].n); j++) {
            if (lists[at].items[j].major == device->major &&
                lists[at].items[j].minor == device->minor)
                return true;
        }
    }
    return false;
}

static void throttle_v2(struct cf_cgroup_writes *w, const struct throttle_list lists[N_LISTS],
                        size_t k, size_t i)
{
    const struct ocispec_throttle_device *device = &lists[k].items[i];
    char line[256];
    size_t len = cf_format(line, sizeof(line), "%lld:%lld", (long long) device->major,
                           (long long) device->minor);

    for (size_t at = 0; at < N_LISTS; at++) {
        uint64_t rate;

        if (!rate_of(&lists[at], device->major, device->minor, &rate))
            continue;
        if (rate == 0)
            len += cf_format(line + len, sizeof(line) - len, " %s=max", lists[at].v2);
        else
            len += cf_format(line + len, sizeof(line) - len, " %s=%llu", lists[at].v2,
                             (unsigned long long) rate);
    }
    cf_cgroup_writes_add(w, "io", "io.max",
                         cf_cgroup_res_field(w, "blockIO.%s[%zu]", lists[k].name, i), "%s", line);
}

void cf_cgroup_res_io_v2(const struct ocispec_block_io *io, struct cf_cgroup_writes *w)
{
    struct throttle_list lists[N_LISTS];

    if (io->weight != 0)
        weight_v2(w, RES "blockIO.weight", "", io->weight);
    for (size_t i = 0; i < io->n_weight_device; i++) {
        const struct ocispec_weight_device *device = &io->weight_device[i];
        char number[64];

        (void) cf_format(number, sizeof(number), "%lld:%lld ", (long long) device->major,
                         (long long) device->minor);
        weight_v2(w, cf_cgroup_res_field(w, "blockIO.weightDevice[%zu].weight", i), number,
                  device->weight);
    }
    lists_of(io, lists);
    for (size_t k = 0; k < N_LISTS; k++) {
        for (size_t i = 0; i < lists[k].n; i++) {
            if (!is_repeated(lists, k, i))
                throttle_v2(w, lists, k, i);
        }
    }
}
