/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Leases: enter, find conflicts, pick, bind, release. A search reads the index in one piece; names
 * and life of another lease are looked at only when it is in the way. Host side.
 */

#include "userns/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"
#include "userns/host-namespaces.h"
#include "userns/ledger-file.h"
#include "userns/ledger-pick.h"

#define SWEEP_FROM 64

struct search {
    struct cf_ledger *ledger;
    struct cf_arena *arena;
    const struct cf_ledger_request *request;
    uint32_t free_slot; /* the first that was met; LEDGER_MAX_SLOTS: none */
    uint64_t share;
    struct ledger_pick pick;
    struct cf_lease_conflict *conflicts;
    size_t n_conflicts;
    struct id_list {
        struct cf_subid *ranges;
        size_t n, cap;
    } held_uids, held_gids;
    struct cf_lease *list; /* cf_ledger_list() */
    size_t n_list;
};

int cf_ledger_identify(int dir_fd, uint64_t *ret_ino, int64_t *ret_btime)
{
    struct statx stx;
    int r = cf_sys_statx(dir_fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &stx);

    if (r < 0)
        return r;
    *ret_ino = stx.stx_ino;
    *ret_btime = stx.stx_mask & STATX_BTIME ? stx.stx_btime.tv_sec * INT64_C(1000000000) + stx.stx_btime.tv_nsec : 0;
    return 0;
}

static uint64_t own_mntns(struct cf_ledger *ledger)
{
    struct stat st;

    if (ledger->mntns == 0 && cf_sys_fstatat(AT_FDCWD, "/proc/thread-self/ns/mnt", &st, 0) == 0)
        ledger->mntns = st.st_ino;
    return ledger->mntns;
}

/* Its state root is out of sight: then the kernel is asked whether anybody has the ids. */
static bool used_by_namespace(const struct cf_lease *lease, struct cf_arena *arena)
{
    struct cf_hostns_query query = {.uids = lease->uids, .gids = lease->gids};
    struct cf_err ignored = CF_ERR_INIT;
    struct cf_hostns *found;
    size_t n;

    return cf_hostns_find(&query, arena, &found, &n, &ignored) < 0 || n > 0;
}

/* Does the state directory still exist? In doubt: yes. */
bool ledger_is_alive(struct cf_ledger *ledger, const struct cf_lease *lease, struct cf_arena *arena)
{
    cf_auto_fd int root_fd = -EBADF, dir_fd = -EBADF;
    struct stat st;
    uint64_t ino;
    int64_t btime;

    if (lease->pending)
        return ledger_is_held(ledger, lease->slot);
    root_fd = cf_sys_openat(AT_FDCWD, lease->root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (root_fd < 0 && root_fd != -ENOENT && root_fd != -ENOTDIR)
        return true;
    if (root_fd < 0 || cf_sys_fstat(root_fd, &st) < 0 || st.st_dev != lease->root_dev || st.st_ino != lease->root_ino)
        /* Seen from where it was made, a root that is gone is gone with all its containers. */
        return lease->mntns != own_mntns(ledger) && used_by_namespace(lease, arena);
    dir_fd = cf_sys_openat(root_fd, lease->id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    if (dir_fd < 0)
        return dir_fd != -ENOENT && dir_fd != -ENOTDIR && dir_fd != -ELOOP;
    if (cf_ledger_identify(dir_fd, &ino, &btime) < 0)
        return true;
    return ino == lease->entry_ino && btime == lease->entry_btime;
}

static void set_inline(const struct cf_idset *set, uint16_t *ret_n, struct cf_subid ret[LEDGER_INLINE])
{
    uint64_t first = UINT64_MAX, end = 0;

    *ret_n = (uint16_t) set->n;
    if (set->n <= LEDGER_INLINE) {
        memcpy(ret, set->ranges, set->n * sizeof(*ret));
        return;
    }
    for (size_t i = 0; i < set->n; i++) {
        uint64_t range_end = (uint64_t) set->ranges[i].first + set->ranges[i].count;

        if (set->ranges[i].first < first)
            first = set->ranges[i].first;
        if (range_end > end)
            end = range_end;
    }
    ret[0] = (struct cf_subid) {.first = (uint32_t) first, .count = (uint32_t) (end - first)};
}

/* What the index says: the ranges themselves or, for many, the hull. */
static struct cf_idset inline_set(uint16_t n, const struct cf_subid *ranges)
{
    return (struct cf_idset) {.ranges = ranges, .n = n <= LEDGER_INLINE ? n : 1};
}

static uint64_t share_hash(const char *share)
{
    char padded[256 + 8] = "";

    if (!share[0])
        return 0;
    (void) cf_str_copy(padded, sizeof(padded), share);
    return ledger_hash(padded, sizeof(padded));
}

static int note_held(struct search *s, struct id_list *list, const struct cf_idset *ids)
{
    /* Many containers may have one and the same range. */
    if (list->n > 0 && ids->n == 1 && memcmp(&list->ranges[list->n - 1], ids->ranges, sizeof(*ids->ranges)) == 0)
        return 0;
    if (list->n + ids->n > list->cap) {
        size_t cap = list->cap * 2 + ids->n + 16;
        struct cf_subid *bigger = cf_arena_calloc(s->arena, cap, sizeof(*bigger));

        if (!bigger)
            return -ENOMEM;
        if (list->n > 0)
            memcpy(bigger, list->ranges, list->n * sizeof(*bigger));
        list->ranges = bigger;
        list->cap = cap;
    }
    if (ids->n > 0)
        memcpy(list->ranges + list->n, ids->ranges, ids->n * sizeof(*ids->ranges));
    list->n += ids->n;
    return 0;
}

static void add_conflict(struct search *s, const struct cf_lease *other)
{
    const struct cf_lease *ours = &s->request->lease;
    struct cf_lease_conflict *conflict = &s->conflicts[s->n_conflicts];

    *conflict = (struct cf_lease_conflict) {.lease = *other};
    if (cf_idset_overlap(&ours->uids, &other->uids, &conflict->ids) < 0) {
        conflict->gid = true;
        if (cf_idset_overlap(&ours->gids, &other->gids, &conflict->ids) < 0)
            return; /* only the hulls met */
    }
    s->n_conflicts++;
}

/* Calls for every slot in use, also for torn ones, and notes the first free one. */
static int each_slot(struct search *s, int (*fn)(struct search *, uint32_t, const struct ledger_slot *, struct cf_err *),
                     struct cf_err *err)
{
    struct ledger_slot slots[LEDGER_CHUNK];
    uint32_t n = 0;

    s->free_slot = LEDGER_MAX_SLOTS;
    for (uint32_t first = 0; first < s->ledger->n_slots; first += n) {
        int r = ledger_read_slots(s->ledger, first, slots, &n, err);

        for (uint32_t i = 0; r >= 0 && i < n; i++) {
            if (slots[i].hash != 0)
                r = fn(s, first + i, &slots[i], err);
            else if (s->free_slot == LEDGER_MAX_SLOTS)
                s->free_slot = first + i;
        }
        if (r < 0)
            return r;
    }
    if (s->free_slot == LEDGER_MAX_SLOTS)
        s->free_slot = s->ledger->n_slots; /* may be the same number */
    return 0;
}

/* The lease in a slot, if it is alive; a dead one is removed. Return: 1, 0 or an error. */
static int look_at(struct search *s, uint32_t number, const struct ledger_slot *slot, struct cf_lease *ret,
                   struct cf_err *err)
{
    int r = ledger_slot_valid(slot) ? ledger_read_detail(s->ledger, number, slot, s->arena, ret) : -EBADMSG;

    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0 && r != -EBADMSG)
        return cf_err_sys(err, r, "read `%s/" LEDGER_NAME "`", s->ledger->path);
    /* Torn: see struct ledger_slot. Without a name nobody can tell whether it lives, but that needs
     * somebody who damages the file. */
    if (r == 0 && ledger_is_alive(s->ledger, ret, s->arena))
        return 1;
    return ledger_write_slot(s->ledger, number, NULL, err);
}

static int compare(struct search *s, uint32_t number, const struct ledger_slot *slot, struct cf_err *err)
{
    const struct cf_lease *ours = &s->request->lease;
    struct cf_idset uids = inline_set(slot->n_uids, slot->uids), gids = inline_set(slot->n_gids, slot->gids);
    struct cf_lease other;
    int r;

    if (cf_idset_overlap(&ours->uids, &uids, NULL) < 0 && cf_idset_overlap(&ours->gids, &gids, NULL) < 0)
        return 0;
    if (s->n_conflicts < CF_LEDGER_MAX_CONFLICTS) {
        r = look_at(s, number, slot, &other, err);
        if (r <= 0)
            return r;
        uids = other.uids;
        gids = other.gids;
        if (!s->share || s->share != slot->share || !cf_str_eq(ours->share, other.share))
            add_conflict(s, &other);
    }
    if (note_held(s, &s->held_uids, &uids) < 0 || note_held(s, &s->held_gids, &gids) < 0)
        return cf_err_oom(err);
    return 0;
}

/* In the way of a window: of a lease with many ranges the hull, and also what is dead or torn, at first. */
static int take(struct search *s, uint32_t number, const struct ledger_slot *slot, struct cf_err *err)
{
    struct cf_idset uids = inline_set(slot->n_uids, slot->uids), gids = inline_set(slot->n_gids, slot->gids);

    ledger_pick_take(&s->pick, &uids);
    if (slot->n_uids != slot->n_gids || memcmp(slot->uids, slot->gids, sizeof(slot->uids)) != 0)
        ledger_pick_take(&s->pick, &gids);
    return 0;
}

static int remove_if_dead(struct search *s, uint32_t number, const struct ledger_slot *slot, struct cf_err *err)
{
    struct cf_lease ignored;
    int r = look_at(s, number, slot, &ignored, err);

    return r < 0 ? r : 0;
}

static int skip(struct search *s, uint32_t number, const struct ledger_slot *slot, struct cf_err *err)
{
    return 0;
}

static int try_pick(struct search *s, struct cf_subid *ret, struct cf_err *err)
{
    int r, e;

    if (ledger_pick_begin(&s->pick, s->request->window) < 0)
        return cf_err_oom(err);
    r = each_slot(s, take, err);
    e = ledger_pick_end(&s->pick, ret);
    return r < 0 ? r : e;
}

static int pick_range(struct search *s, struct cf_lease *lease, struct cf_err *err)
{
    struct cf_subid *range = cf_arena_alloc(s->arena, sizeof(*range));
    int r;

    if (!range)
        return cf_err_oom(err);
    r = try_pick(s, range, err);
    if (r == -ENOSPC && err->kind == COFFER_ERROR_NONE) { /* the dead are in the way now */
        r = each_slot(s, remove_if_dead, err);
        if (r >= 0)
            r = try_pick(s, range, err);
    }
    if (r == -ENOSPC && err->kind == COFFER_ERROR_NONE) {
        (void) cf_err_set(err, COFFER_ERROR_STATE, "id-window-full", -ENOSPC,
                          "no free range of %u ids is left for an automatic user namespace", s->request->window->size);
        cf_err_hint(err, "delete containers, or give a larger window in the id configuration");
        return -ENOSPC;
    }
    if (r < 0)
        return r;
    lease->uids = lease->gids = (struct cf_idset) {.ranges = range, .n = 1};
    return 0;
}

/* Before the number of slots grows beyond a power of two, dead leases go: what kills left does not add up. */
static bool is_time_to_sweep(const struct search *s)
{
    uint32_t n = s->free_slot;

    return n == s->ledger->n_slots && n >= SWEEP_FROM && (n & (n - 1)) == 0;
}

static int find_slot(struct search *s, uint32_t *ret, struct cf_err *err)
{
    if (is_time_to_sweep(s)) {
        int r = each_slot(s, remove_if_dead, err);

        if (r >= 0)
            r = each_slot(s, skip, err);
        if (r < 0)
            return r;
    }
    *ret = s->free_slot;
    if (s->free_slot < LEDGER_MAX_SLOTS)
        return 0;
    return cf_err_set(err, COFFER_ERROR_STATE, "id-ledger-full", -ENOSPC, "`%s/" LEDGER_NAME "` is full",
                      s->ledger->path);
}

static int enter(struct search *s, struct cf_lease *lease, struct cf_err *err)
{
    struct ledger_slot slot = {.kind = (uint16_t) lease->kind, .share = share_hash(lease->share)};
    int r = find_slot(s, &lease->slot, err);

    if (r < 0)
        return r;
    /* Under the lock no two leases get the same time. */
    lease->serial = (uint64_t) cf_clock_monotonic_ns();
    lease->mntns = own_mntns(s->ledger);
    lease->pending = true;
    slot.serial = lease->serial;
    set_inline(&lease->uids, &slot.n_uids, slot.uids);
    set_inline(&lease->gids, &slot.n_gids, slot.gids);
    r = ledger_hold(s->ledger, lease->slot);
    if (r < 0)
        return cf_err_sys(err, r, "lock a slot of `%s/" LEDGER_NAME "`", s->ledger->path);
    r = ledger_write_detail(s->ledger, lease, err);
    if (r >= 0)
        r = ledger_write_slot(s->ledger, lease->slot, &slot, err);
    if (r < 0)
        ledger_unhold(s->ledger, lease->slot);
    return r;
}

static int reserve(struct search *s, struct cf_ledger_reply *reply, struct cf_err *err)
{
    const struct cf_ledger_request *request = s->request;
    int r;

    reply->lease = request->lease;
    if (request->window) {
        r = pick_range(s, &reply->lease, err);
    } else {
        s->share = share_hash(request->lease.share);
        s->conflicts = cf_arena_calloc(s->arena, CF_LEDGER_MAX_CONFLICTS, sizeof(*s->conflicts));
        r = s->conflicts ? each_slot(s, request->blind ? skip : compare, err) : cf_err_oom(err);
    }
    if (r < 0)
        return r;
    reply->conflicts = s->conflicts;
    reply->n_conflicts = s->n_conflicts;
    reply->held_uids = (struct cf_idset) {.ranges = s->held_uids.ranges, .n = s->held_uids.n};
    reply->held_gids = (struct cf_idset) {.ranges = s->held_gids.ranges, .n = s->held_gids.n};
    if (s->n_conflicts > 0 && request->refuse)
        return -EEXIST;
    return enter(s, &reply->lease, err);
}

int cf_ledger_reserve(struct cf_ledger *ledger, const struct cf_ledger_request *request, struct cf_arena *arena,
                      struct cf_ledger_reply *reply, struct cf_err *err)
{
    struct search s = {.ledger = ledger, .arena = arena, .request = request};
    int r = ledger_lock(ledger, err);

    *reply = (struct cf_ledger_reply) {0};
    if (r < 0)
        return r;
    r = reserve(&s, reply, err);
    ledger_unlock(ledger);
    return r;
}

/* The slot of a lease, if it is still that lease's. Return: 1, 0 or an error. */
static int read_own(struct cf_ledger *ledger, uint32_t slot, uint64_t serial, struct ledger_slot *ret,
                    struct cf_err *err)
{
    long n;

    if (slot >= ledger->n_slots)
        return 0;
    n = cf_sys_pread64(ledger->fd, ret, sizeof(*ret), LEDGER_INDEX_AT + (int64_t) slot * LEDGER_SLOT_SIZE);
    if (n < 0)
        return cf_err_sys(err, (int) n, "read `%s/" LEDGER_NAME "`", ledger->path);
    return n == (long) sizeof(*ret) && ledger_slot_valid(ret) && ret->serial == serial;
}

int cf_ledger_bind(struct cf_ledger *ledger, const struct cf_lease *lease, uint64_t entry_ino, int64_t entry_btime,
                   struct cf_err *err)
{
    struct ledger_slot slot;
    int r = ledger_lock(ledger, err);

    if (r < 0)
        return r;
    r = read_own(ledger, lease->slot, lease->serial, &slot, err);
    if (r == 0)
        r = cf_err_set(err, COFFER_ERROR_STATE, "id-ledger-lost", -ESTALE,
                       "the lease of the container's ids was removed from `%s/" LEDGER_NAME "`", ledger->path);
    if (r > 0) {
        slot.entry_ino = entry_ino;
        slot.entry_btime = entry_btime;
        r = ledger_write_slot(ledger, lease->slot, &slot, err);
    }
    if (r >= 0)
        ledger_unhold(ledger, lease->slot);
    ledger_unlock(ledger);
    return r < 0 ? r : 0;
}

int cf_ledger_release(struct cf_ledger *ledger, uint32_t slot, uint64_t serial, struct cf_err *err)
{
    struct ledger_slot content;
    int r = ledger_lock(ledger, err);

    if (r < 0)
        return r;
    r = read_own(ledger, slot, serial, &content, err);
    if (r > 0) {
        r = ledger_write_slot(ledger, slot, NULL, err);
        ledger_unhold(ledger, slot);
    }
    ledger_unlock(ledger);
    return r < 0 ? r : 0;
}

static int collect(struct search *s, uint32_t number, const struct ledger_slot *slot, struct cf_err *err)
{
    int r = look_at(s, number, slot, &s->list[s->n_list], err);

    s->n_list += r > 0;
    return r < 0 ? r : 0;
}

int cf_ledger_list(struct cf_ledger *ledger, struct cf_arena *arena, struct cf_lease **ret, size_t *ret_n,
                   struct cf_err *err)
{
    struct search s = {.ledger = ledger, .arena = arena};
    int r = ledger_lock(ledger, err);

    *ret_n = 0;
    if (r < 0)
        return r;
    s.list = cf_arena_calloc(arena, ledger->n_slots ? ledger->n_slots : 1, sizeof(*s.list));
    r = s.list ? each_slot(&s, collect, err) : cf_err_oom(err);
    ledger_unlock(ledger);
    *ret = s.list;
    *ret_n = s.n_list;
    return r < 0 ? r : 0;
}
