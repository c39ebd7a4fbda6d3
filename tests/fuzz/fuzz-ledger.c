/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: the ledger of host ids, as a killed writer or a broken disk may leave it. The first byte says
 * how many slots there are, and which checksums are put right so that what is behind them is read. A lease that is
 * then entered is found again, whatever the others say.
 */

#include "fuzz.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "userns/ledger-file.h"

#define SLOTS_MAX 4
#define DETAIL_MAX 512

struct input {
    const uint8_t *data;
    size_t size;
};

/* The rest is zeros when the input is at its end. */
static void take(struct input *in, void *to, size_t n)
{
    size_t have = n < in->size ? n : in->size;

    memset(to, 0, n);
    memcpy(to, in->data, have);
    in->data += have;
    in->size -= have;
}

static void put(int fd, const void *data, size_t size, int64_t at)
{
    FUZZ_ASSERT(pwrite(fd, data, size, at) == (ssize_t) size);
}

static void write_slot(int fd, uint32_t index, bool right, struct input *in)
{
    struct ledger_slot slot;
    uint64_t detail[DETAIL_MAX / 8], hash;
    uint32_t size;

    take(in, &slot, sizeof(slot));
    take(in, detail, 8 * (1 + (size_t) (slot.unused % (DETAIL_MAX / 8))));
    size = (uint32_t) (8 * (1 + slot.unused % (DETAIL_MAX / 8)));
    if (right) {
        slot.hash = ledger_hash(&slot.serial, sizeof(slot) - offsetof(struct ledger_slot, serial));
        if (size >= 3 * 8) { /* hash, serial, size */
            detail[1] = slot.serial;
            memcpy(&detail[2], &size, sizeof(size));
            hash = ledger_hash(detail + 1, size - 8);
            detail[0] = hash;
        }
    }
    put(fd, &slot, sizeof(slot), LEDGER_INDEX_AT + (int64_t) index * LEDGER_SLOT_SIZE);
    put(fd, detail, size, LEDGER_DETAIL_AT + (int64_t) index * LEDGER_DETAIL_SIZE);
}

static void look(const struct cf_lease *leases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        FUZZ_ASSERT(leases[i].id && leases[i].root && leases[i].share && strlen(leases[i].id) < LEDGER_DETAIL_SIZE &&
                    leases[i].uids.n <= CF_IDMAP_MAX_RANGES && leases[i].gids.n <= CF_IDMAP_MAX_RANGES);
}

static void use(struct cf_ledger *ledger, struct cf_arena *arena)
{
    static const struct cf_subid range = {.first = 100000, .count = 65536};
    const struct cf_idset ids = {.ranges = &range, .n = 1};
    struct cf_ledger_request request = {
        .lease = {.kind = CF_LEASE_EXPLICIT, .id = "mine", .root = "/", .share = "", .uids = ids, .gids = ids},
    };
    const struct cf_ledger_window window = {.from = ids, .size = 1024};
    struct cf_ledger_reply reply = {0};
    struct cf_ledger other = *ledger; /* a reservation is seen by other handles */
    struct cf_err err = CF_ERR_INIT;
    struct cf_lease *leases = NULL;
    size_t n = 0, found = 0;
    char path[64];

    if (cf_ledger_list(ledger, arena, &leases, &n, &err) < 0) {
        FUZZ_ASSERT(err.code[0] && err.text[0]);
        return;
    }
    look(leases, n);
    FUZZ_ASSERT(cf_ledger_reserve(ledger, &request, arena, &reply, &err) == 0);
    FUZZ_ASSERT(reply.n_conflicts <= CF_LEDGER_MAX_CONFLICTS);
    for (size_t i = 0; i < reply.n_conflicts; i++) {
        const struct cf_subid *common = &reply.conflicts[i].ids;

        FUZZ_ASSERT(common->first >= range.first && common->count > 0 &&
                    common->first + common->count <= range.first + range.count);
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ledger->fd);
    other.fd = open(path, O_RDWR | O_CLOEXEC);
    FUZZ_ASSERT(other.fd >= 0 && cf_ledger_list(&other, arena, &leases, &n, &err) == 0);
    close(other.fd);
    look(leases, n);
    for (size_t i = 0; i < n; i++)
        found += leases[i].slot == reply.lease.slot && leases[i].serial == reply.lease.serial;
    FUZZ_ASSERT(found == 1);
    FUZZ_ASSERT(cf_ledger_release(ledger, reply.lease.slot, reply.lease.serial, &err) == 0);
    request.lease.kind = CF_LEASE_AUTO;
    request.lease.uids = request.lease.gids = (struct cf_idset) {0};
    request.window = &window;
    if (cf_ledger_reserve(ledger, &request, arena, &reply, &err) < 0)
        FUZZ_ASSERT(strcmp(err.code, "id-window-full") == 0);
    else
        FUZZ_ASSERT(reply.lease.uids.n == 1 && reply.lease.uids.ranges[0].count == window.size &&
                    reply.lease.uids.ranges[0].first >= range.first &&
                    reply.lease.uids.ranges[0].first + window.size <= range.first + range.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ledger_header header = {.magic = LEDGER_MAGIC, .version = LEDGER_VERSION, .slot_size = LEDGER_SLOT_SIZE};
    struct cf_arena *arena = cf_arena_new();
    struct input in = {.data = data, .size = size};
    struct cf_ledger ledger = {.fd = memfd_create("ledger", MFD_CLOEXEC), .path = "/ids"};
    uint32_t count[2];
    unsigned char flags;

    FUZZ_ASSERT(arena && ledger.fd >= 0);
    take(&in, &flags, 1);
    if (flags & 0x80) { /* the file itself, as far as it goes */
        put(ledger.fd, in.data, in.size, 0);
    } else {
        header.hash = ledger_hash(&header, offsetof(struct ledger_header, hash));
        put(ledger.fd, &header, sizeof(header), 0);
        count[0] = flags % (SLOTS_MAX + 1);
        count[1] = ~count[0];
        put(ledger.fd, count, sizeof(count), LEDGER_COUNT_AT);
        for (uint32_t i = 0; i < count[0]; i++)
            write_slot(ledger.fd, i, !(flags & 0x40), &in);
    }
    use(&ledger, arena);
    close(ledger.fd);
    cf_arena_free(arena);
    return 0;
}
