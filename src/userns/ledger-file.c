/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The ledger's file: lock, header, slots, details. Everything is written with pwrite(2) under one
 * exclusive flock(2), which ends with its holder. Host side.
 */

#include "userns/ledger-file.h"

#include <errno.h>
#include <string.h>
#include <sys/file.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "sys/task.h"

#define LOCK_TIMEOUT_MS 10000
#define SPIN_TRIES 50
#define RETRY_FIRST_US 20
#define RETRY_MAX_US 500
#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

_Static_assert(sizeof(struct ledger_slot) == LEDGER_SLOT_SIZE, "slots have a fixed place");
_Static_assert(sizeof(struct ledger_header) <= LEDGER_COUNT_AT, "the count is behind the header");

struct detail_head {
    uint64_t hash; /* of all that follows, up to size */
    uint64_t serial;
    uint32_t size;
    uint32_t n_uids, n_gids;
    uint16_t id_size, root_size, share_size, unused;
    uint32_t unused2;
    uint64_t root_dev, root_ino, mntns;
};

uint64_t ledger_hash(const void *data, size_t size)
{
    const unsigned char *p = data;
    uint64_t a = HASH_FACTOR ^ size, b = ~a;

    /* Two chains that the processor works on at the same time: 1,000 slots are checked for each lease. */
    for (size_t i = 0; i + 8 <= size; i += 8) {
        uint64_t word;

        memcpy(&word, p + i, 8);
        if (i & 8) {
            b = (b ^ word) * HASH_FACTOR;
            b ^= b >> 29;
        } else {
            a = (a ^ word) * HASH_FACTOR;
            a ^= a >> 32;
        }
    }
    a = (a ^ (b << 1 | b >> 63)) * HASH_FACTOR;
    return a ? a : 1;
}

static int broken(struct cf_ledger *ledger, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_STATE, "id-ledger-broken", -EBADMSG,
                      "`%s/" LEDGER_NAME "` is not a ledger of ids", ledger->path);
    cf_err_hint(err, "remove the file while no container runs");
    return -EBADMSG;
}

static int failed(struct cf_ledger *ledger, int r, const char *what, struct cf_err *err)
{
    return cf_err_sys(err, r, "%s `%s/" LEDGER_NAME "`", what, ledger->path);
}

static int write_at(struct cf_ledger *ledger, const void *data, size_t size, int64_t at, struct cf_err *err)
{
    long n = cf_sys_pwrite64(ledger->fd, data, size, at);

    if (n == (long) size)
        return 0;
    return failed(ledger, n < 0 ? (int) n : -ENOSPC, "write", err);
}

static int take_lock(int fd)
{
    int64_t deadline = 0;
    long delay_us = RETRY_FIRST_US;

    for (int tries = 0;; tries++) {
        struct timespec delay;
        int r = cf_sys_flock(fd, LOCK_EX | LOCK_NB);

        if (r == -EINTR)
            continue;
        if (r != -EWOULDBLOCK)
            return r;
        /* It is held for some 20 us: less than the shortest sleep. */
        if (tries < SPIN_TRIES) {
            (void) cf_sys_sched_yield();
            continue;
        }
        /* flock(2) knows no deadline, and a holder may be stopped. */
        if (deadline == 0)
            deadline = cf_clock_monotonic_ms() + LOCK_TIMEOUT_MS;
        else if (cf_clock_monotonic_ms() >= deadline)
            return -ETIMEDOUT;
        delay = (struct timespec) {.tv_nsec = delay_us * 1000};
        (void) cf_sys_nanosleep(&delay, NULL);
        if (delay_us < RETRY_MAX_US)
            delay_us *= 2;
    }
}

/* All leases of another boot are dead, and so is a file whose maker was killed. */
static int reset(struct cf_ledger *ledger, const char *boot_id, struct cf_err *err)
{
    struct ledger_header header = {.magic = LEDGER_MAGIC, .version = LEDGER_VERSION, .slot_size = LEDGER_SLOT_SIZE};
    int r = cf_sys_ftruncate(ledger->fd, 0);

    if (r < 0)
        return failed(ledger, r, "empty", err);
    (void) cf_str_copy(header.boot_id, sizeof(header.boot_id), boot_id);
    header.hash = ledger_hash(&header, offsetof(struct ledger_header, hash));
    ledger->n_slots = 0;
    return write_at(ledger, &header, sizeof(header), 0, err);
}

/* The header, and how many slots there are. The lock is held. */
static int read_header(struct cf_ledger *ledger, const char *boot_id, struct cf_err *err)
{
    union {
        struct ledger_header header;
        unsigned char bytes[LEDGER_COUNT_AT + 2 * sizeof(uint32_t)];
    } buf;
    uint32_t count[2];
    long n;

    memset(&buf, 0, sizeof(buf));
    n = cf_sys_pread64(ledger->fd, &buf, sizeof(buf), 0);
    if (n < 0)
        return failed(ledger, (int) n, "read", err);
    if (n < (long) sizeof(buf.header)) /* new, or its maker did not get far: nothing else is in it */
        return reset(ledger, boot_id, err);
    if (memcmp(buf.header.magic, LEDGER_MAGIC, sizeof(LEDGER_MAGIC)) != 0)
        return broken(ledger, err);
    if (buf.header.version > LEDGER_VERSION)
        return cf_err_set(err, COFFER_ERROR_STATE, "id-ledger-newer", -EBADMSG,
                          "`%s/" LEDGER_NAME "` was made by a newer coffer", ledger->path);
    if (buf.header.hash != ledger_hash(&buf.header, offsetof(struct ledger_header, hash)))
        return broken(ledger, err);
    if (boot_id[0] && strncmp(buf.header.boot_id, boot_id, sizeof(buf.header.boot_id)) != 0)
        return reset(ledger, boot_id, err);
    memcpy(count, buf.bytes + LEDGER_COUNT_AT, sizeof(count));
    if (count[0] == 0 && count[1] == 0)
        ledger->n_slots = 0;
    else if (count[1] != ~count[0] || count[0] > LEDGER_MAX_SLOTS)
        return broken(ledger, err);
    else
        ledger->n_slots = count[0];
    return 0;
}

int ledger_lock(struct cf_ledger *ledger, struct cf_err *err)
{
    int r = take_lock(ledger->fd);

    if (r == -ETIMEDOUT) {
        (void) cf_err_set(err, COFFER_ERROR_STATE, "id-ledger-busy", -EBUSY,
                          "another command has held the lock of `%s/" LEDGER_NAME "` for %d s", ledger->path,
                          LOCK_TIMEOUT_MS / 1000);
        return -EBUSY;
    }
    if (r < 0)
        return failed(ledger, r, "lock", err);
    r = read_header(ledger, ledger->boot_id, err);
    if (r < 0)
        ledger_unlock(ledger);
    return r;
}

void ledger_unlock(struct cf_ledger *ledger)
{
    (void) cf_sys_flock(ledger->fd, LOCK_UN);
}

int cf_ledger_open(int dir_fd, const char *path, const char *boot_id, struct cf_ledger **ret, struct cf_err *err)
{
    struct cf_ledger *ledger = calloc(1, sizeof(*ledger));

    if (!ledger)
        return cf_err_oom(err);
    (void) cf_str_copy(ledger->path, sizeof(ledger->path), path);
    (void) cf_str_copy(ledger->boot_id, sizeof(ledger->boot_id), boot_id);
    ledger->fd = cf_sys_openat(dir_fd, LEDGER_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (ledger->fd < 0) {
        int r = failed(ledger, ledger->fd, "open", err);

        free(ledger);
        return r;
    }
    *ret = ledger;
    return 0;
}

void cf_ledger_close(struct cf_ledger *ledger)
{
    if (!ledger)
        return;
    cf_fd_close(&ledger->fd);
    free(ledger);
}

int ledger_slot_valid(const struct ledger_slot *slot)
{
    return slot->hash != 0 && slot->hash == ledger_hash(&slot->serial, sizeof(*slot) - offsetof(struct ledger_slot, serial));
}

int ledger_read_slots(struct cf_ledger *ledger, uint32_t first, struct ledger_slot ret[LEDGER_CHUNK], uint32_t *ret_n,
                      struct cf_err *err)
{
    uint32_t count = ledger->n_slots > first ? ledger->n_slots - first : 0;
    size_t size;
    long n;

    if (count > LEDGER_CHUNK)
        count = LEDGER_CHUNK;
    size = count * sizeof(*ret);
    n = size ? cf_sys_pread64(ledger->fd, ret, size, LEDGER_INDEX_AT + (int64_t) first * LEDGER_SLOT_SIZE) : 0;
    if (n < 0)
        return failed(ledger, (int) n, "read", err);
    if ((size_t) n < size) /* counted, but its writer was killed before it wrote */
        memset((char *) ret + n, 0, size - (size_t) n);
    *ret_n = count;
    return 0;
}

int ledger_write_slot(struct cf_ledger *ledger, uint32_t slot, struct ledger_slot *content, struct cf_err *err)
{
    struct ledger_slot empty = {0};
    int r;

    /* First the number: behind it there are zeros, since the file only ever grows there. */
    if (slot >= ledger->n_slots) {
        uint32_t count[2] = {slot + 1, ~(slot + 1)};

        r = write_at(ledger, count, sizeof(count), LEDGER_COUNT_AT, err);
        if (r < 0)
            return r;
        ledger->n_slots = slot + 1;
    }
    if (content)
        content->hash = ledger_hash(&content->serial, sizeof(*content) - offsetof(struct ledger_slot, serial));
    return write_at(ledger, content ? content : &empty, LEDGER_SLOT_SIZE,
                    LEDGER_INDEX_AT + (int64_t) slot * LEDGER_SLOT_SIZE, err);
}

static int64_t detail_at(uint32_t slot)
{
    return LEDGER_DETAIL_AT + (int64_t) slot * LEDGER_DETAIL_SIZE;
}

int ledger_write_detail(struct cf_ledger *ledger, const struct cf_lease *lease, struct cf_err *err)
{
    union {
        struct detail_head head;
        unsigned char bytes[LEDGER_DETAIL_SIZE];
    } d;
    size_t id = strlen(lease->id) + 1, root = strlen(lease->root) + 1, share = strlen(lease->share) + 1;
    size_t uids = lease->uids.n * sizeof(struct cf_subid), gids = lease->gids.n * sizeof(struct cf_subid);
    size_t size = sizeof(d.head) + uids + gids + id + root + share;
    unsigned char *p = d.bytes + sizeof(d.head);

    size = (size + 7) & ~(size_t) 7;
    if (size > sizeof(d) || id > 256 || root > 4096 || share > 256)
        return cf_err_set(err, COFFER_ERROR_BUG, "id-ledger-lease", -E2BIG, "a lease is too long for the ledger");
    memset(&d, 0, size);
    d.head = (struct detail_head) {
        .serial = lease->serial,
        .size = (uint32_t) size,
        .n_uids = (uint32_t) lease->uids.n,
        .n_gids = (uint32_t) lease->gids.n,
        .id_size = (uint16_t) id,
        .root_size = (uint16_t) root,
        .share_size = (uint16_t) share,
        .root_dev = lease->root_dev,
        .root_ino = lease->root_ino,
        .mntns = lease->mntns,
    };
    memcpy(p, lease->uids.ranges, uids);
    memcpy(p + uids, lease->gids.ranges, gids);
    memcpy(p + uids + gids, lease->id, id);
    memcpy(p + uids + gids + id, lease->root, root);
    memcpy(p + uids + gids + id + root, lease->share, share);
    d.head.hash = ledger_hash(&d.head.serial, size - offsetof(struct detail_head, serial));
    return write_at(ledger, &d, size, detail_at(lease->slot), err);
}

static const char *take_string(const unsigned char **p, size_t size)
{
    const char *s = (const char *) *p;

    *p += size;
    return size > 0 && s[size - 1] == '\0' ? s : NULL;
}

int ledger_read_detail(struct cf_ledger *ledger, uint32_t slot, const struct ledger_slot *content,
                       struct cf_arena *arena, struct cf_lease *ret)
{
    struct detail_head head;
    const unsigned char *p, *end;
    unsigned char *d;
    long n = cf_sys_pread64(ledger->fd, &head, sizeof(head), detail_at(slot));

    if (n < 0)
        return (int) n;
    if (n != sizeof(head) || head.serial != content->serial || head.size < sizeof(head) ||
        head.size > LEDGER_DETAIL_SIZE || head.size % 8)
        return -EBADMSG;
    d = cf_arena_alloc(arena, head.size);
    if (!d)
        return -ENOMEM;
    n = cf_sys_pread64(ledger->fd, d, head.size, detail_at(slot));
    if (n < 0)
        return (int) n;
    if (n != (long) head.size ||
        head.hash != ledger_hash(d + offsetof(struct detail_head, serial), head.size - offsetof(struct detail_head, serial)))
        return -EBADMSG;
    p = d + sizeof(head);
    end = d + head.size;
    if (head.n_uids > CF_IDMAP_MAX_RANGES || head.n_gids > CF_IDMAP_MAX_RANGES ||
        (size_t) (end - p) < ((size_t) head.n_uids + head.n_gids) * sizeof(struct cf_subid) + head.id_size +
                                 head.root_size + head.share_size)
        return -EBADMSG;
    *ret = (struct cf_lease) {
        .kind = (enum cf_lease_kind) content->kind,
        .root_dev = head.root_dev,
        .root_ino = head.root_ino,
        .mntns = head.mntns,
        .uids = {.ranges = (const void *) p, .n = head.n_uids},
        .gids = {.ranges = (const void *) (p + head.n_uids * sizeof(struct cf_subid)), .n = head.n_gids},
        .slot = slot,
        .serial = content->serial,
        .pending = content->entry_ino == 0,
        .entry_ino = content->entry_ino,
        .entry_btime = content->entry_btime,
    };
    p += ((size_t) head.n_uids + head.n_gids) * sizeof(struct cf_subid);
    ret->id = take_string(&p, head.id_size);
    ret->root = take_string(&p, head.root_size);
    ret->share = take_string(&p, head.share_size);
    return ret->id && ret->root && ret->share ? 0 : -EBADMSG;
}

static int slot_lock(struct cf_ledger *ledger, uint32_t slot, int command, short type, short *ret_type)
{
    /* Of the open file, not of the process: it ends with the last descriptor of this handle. */
    struct flock lock = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = LEDGER_INDEX_AT + (int64_t) slot * LEDGER_SLOT_SIZE,
        .l_len = LEDGER_SLOT_SIZE,
    };
    int r = cf_sys_fcntl(ledger->fd, command, (long) &lock);

    if (ret_type)
        *ret_type = lock.l_type;
    return r;
}

int ledger_hold(struct cf_ledger *ledger, uint32_t slot)
{
    return slot_lock(ledger, slot, F_OFD_SETLK, F_WRLCK, NULL);
}

void ledger_unhold(struct cf_ledger *ledger, uint32_t slot)
{
    (void) slot_lock(ledger, slot, F_OFD_SETLK, F_UNLCK, NULL);
}

int ledger_is_held(struct cf_ledger *ledger, uint32_t slot)
{
    short type = F_UNLCK;
    int r = slot_lock(ledger, slot, F_OFD_GETLK, F_WRLCK, &type);

    /* In doubt it is alive. */
    return r < 0 || type != F_UNLCK;
}
