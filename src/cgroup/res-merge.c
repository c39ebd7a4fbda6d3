/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.resources of an update, merged with those that the container has. Pure, host side. The result comes
 * twice: as a whole, to be checked and stored, and as the part that changes, from which the writes are made.
 * Source: the merge rules that engines rely on (docs/coffer.8, update).
 */

#include <errno.h>
#include <string.h>

#include "cgroup/cgroup-update.h"
#include "spec/spec.h"

#define RES "linux.resources."

/* One merge in progress. Running out of memory is sticky. */
struct merge {
    struct cf_arena *arena;
    bool v2;
    bool oom;
};

static void *copy_of(struct merge *m, const void *from, size_t size)
{
    void *p = from ? cf_arena_memdup(m->arena, from, size) : cf_arena_alloc(m->arena, size);

    if (!p)
        m->oom = true;
    return p;
}

/* 0 is what older engines send for "not set". */
#define TAKE_IF_SET(to, from, member)                                                              \
    do {                                                                                           \
        if ((from)->member != 0) {                                                                 \
            (to)->has_##member = true;                                                             \
            (to)->member = (from)->member;                                                         \
        }                                                                                          \
    } while (0)

#define TAKE_IF_GIVEN(to, from, member)                                                            \
    do {                                                                                           \
        if ((from)->has_##member) {                                                                \
            (to)->has_##member = true;                                                             \
            (to)->member = (from)->member;                                                         \
        }                                                                                          \
    } while (0)

/* ---- lists with a key ---- */

/* Entries of @change over those of @stored with the same key; *ret_n grows to the size of the union. */
static void *merge_list(struct merge *m, const void *stored, size_t n_stored, const void *change, size_t n_change,
                        size_t size, bool (*same)(const void *a, const void *b), void (*over)(void *to, const void *from),
                        size_t *ret_n)
{
    char *list;
    size_t n = n_stored;

    *ret_n = 0;
    if (n_stored + n_change == 0)
        return NULL;
    list = cf_arena_calloc(m->arena, n_stored + n_change, size);
    if (!list) {
        m->oom = true;
        return NULL;
    }
    if (n_stored > 0)
        memcpy(list, stored, n_stored * size);
    for (size_t i = 0; i < n_change; i++) {
        const char *item = (const char *) change + i * size;
        size_t k = 0;

        while (k < n && !same(list + k * size, item))
            k++;
        if (k == n)
            memcpy(list + n++ * size, item, size);
        else
            over(list + k * size, item);
    }
    *ret_n = n;
    return list;
}

static bool same_throttle(const void *a, const void *b)
{
    const struct ocispec_throttle_device *x = a, *y = b;

    return x->major == y->major && x->minor == y->minor;
}

static void over_throttle(void *to, const void *from)
{
    memcpy(to, from, sizeof(struct ocispec_throttle_device));
}

static bool same_weight(const void *a, const void *b)
{
    const struct ocispec_weight_device *x = a, *y = b;

    return x->major == y->major && x->minor == y->minor;
}

static void over_weight(void *to, const void *from)
{
    struct ocispec_weight_device *w = to;
    const struct ocispec_weight_device *f = from;

    TAKE_IF_GIVEN(w, f, weight);
    TAKE_IF_GIVEN(w, f, leaf_weight);
}

static bool same_page_size(const void *a, const void *b)
{
    const struct ocispec_hugepage_limit *x = a, *y = b;

    return strcmp(x->page_size, y->page_size) == 0;
}

static void over_page_size(void *to, const void *from)
{
    memcpy(to, from, sizeof(struct ocispec_hugepage_limit));
}

static bool same_interface(const void *a, const void *b)
{
    const struct ocispec_interface_priority *x = a, *y = b;

    return strcmp(x->name, y->name) == 0;
}

static void over_interface(void *to, const void *from)
{
    memcpy(to, from, sizeof(struct ocispec_interface_priority));
}

/* ---- groups ---- */

static void merge_memory(struct merge *m, const struct ocispec_memory *stored, const struct ocispec_memory *change,
                         struct ocispec_resources *whole, struct ocispec_resources *part)
{
    struct ocispec_memory *w = copy_of(m, stored, sizeof(*w)), *p = copy_of(m, NULL, sizeof(*p));
    int64_t old_limit, old_swap;

    if (!w || !p)
        return;
    whole->memory = w;
    part->memory = p;
    old_limit = w->limit;
    old_swap = w->swap;
    TAKE_IF_SET(p, change, limit);
    TAKE_IF_SET(p, change, swap);
    TAKE_IF_SET(p, change, reservation);
    TAKE_IF_SET(p, change, kernel_tcp);
    TAKE_IF_GIVEN(p, change, swappiness);
    TAKE_IF_GIVEN(p, change, disable_oom_killer);
    TAKE_IF_GIVEN(p, change, use_hierarchy);
    TAKE_IF_GIVEN(p, change, check_before_update);
    /* Unlimited memory within a limit of memory and swap would be no such thing. */
    if (p->limit == -1 && p->swap == 0) {
        p->swap = -1;
        p->has_swap = true;
    }
    TAKE_IF_SET(w, p, limit);
    TAKE_IF_SET(w, p, swap);
    TAKE_IF_SET(w, p, reservation);
    TAKE_IF_SET(w, p, kernel_tcp);
    TAKE_IF_GIVEN(w, p, swappiness);
    TAKE_IF_GIVEN(w, p, disable_oom_killer);
    TAKE_IF_GIVEN(w, p, use_hierarchy);
    TAKE_IF_GIVEN(w, p, check_before_update);
    /* v2 has a limit of swap alone, which does not change; what is stored is the sum. */
    if (m->v2 && p->limit > 0 && p->swap == 0 && old_swap > 0 && old_limit > 0)
        w->swap = p->limit + (old_swap - old_limit);
    /* A sum without its summand says nothing about swap. */
    if (p->swap > 0 && p->limit == 0) {
        p->limit = w->limit;
        p->has_limit = w->has_limit;
    }
    /* Ignored with a warning, and that only once. */
    w->kernel = change->kernel;
    if (m->v2)
        w->kernel_tcp = change->kernel_tcp;
}

static void merge_cpu(struct merge *m, const struct ocispec_cpu *stored, const struct ocispec_cpu *change,
                      struct ocispec_resources *whole, struct ocispec_resources *part)
{
    struct ocispec_cpu *w = copy_of(m, stored, sizeof(*w)), *p = copy_of(m, NULL, sizeof(*p));

    if (!w || !p)
        return;
    whole->cpu = w;
    part->cpu = p;
    TAKE_IF_SET(p, change, shares);
    TAKE_IF_SET(p, change, quota);
    TAKE_IF_SET(p, change, period);
    TAKE_IF_SET(p, change, realtime_runtime);
    TAKE_IF_SET(p, change, realtime_period);
    TAKE_IF_GIVEN(p, change, burst);
    TAKE_IF_GIVEN(p, change, idle);
    p->cpus = change->cpus && *change->cpus ? change->cpus : NULL;
    p->mems = change->mems && *change->mems ? change->mems : NULL;
    TAKE_IF_SET(w, p, shares);
    TAKE_IF_SET(w, p, quota);
    TAKE_IF_SET(w, p, period);
    TAKE_IF_SET(w, p, realtime_runtime);
    TAKE_IF_SET(w, p, realtime_period);
    TAKE_IF_GIVEN(w, p, burst);
    TAKE_IF_GIVEN(w, p, idle);
    w->cpus = p->cpus ? p->cpus : w->cpus;
    w->mems = p->mems ? p->mems : w->mems;
    /* v2 has both in one file, and so has systemd. */
    if (p->quota != 0 && p->period == 0)
        TAKE_IF_SET(p, w, period);
    else if (p->period != 0 && p->quota == 0)
        TAKE_IF_SET(p, w, quota);
}

static void merge_block_io(struct merge *m, const struct ocispec_block_io *stored,
                           const struct ocispec_block_io *change, struct ocispec_resources *whole,
                           struct ocispec_resources *part)
{
    struct ocispec_block_io *w = copy_of(m, stored, sizeof(*w)), *p = copy_of(m, change, sizeof(*p));

    if (!w || !p)
        return;
    whole->block_io = w;
    part->block_io = p;
    p->has_weight = p->weight != 0;
    p->has_leaf_weight = p->leaf_weight != 0;
    TAKE_IF_SET(w, p, weight);
    TAKE_IF_SET(w, p, leaf_weight);
#define MERGE(list, kind)                                                                                     \
    (w->list = merge_list(m, w->list, w->n_##list, p->list, p->n_##list, sizeof(*w->list), same_##kind,       \
                          over_##kind, &w->n_##list))
    MERGE(weight_device, weight);
    MERGE(throttle_read_bps_device, throttle);
    MERGE(throttle_write_bps_device, throttle);
    MERGE(throttle_read_iops_device, throttle);
    MERGE(throttle_write_iops_device, throttle);
#undef MERGE
}

static void merge_network(struct merge *m, const struct ocispec_network *stored, const struct ocispec_network *change,
                          struct ocispec_resources *whole, struct ocispec_resources *part)
{
    struct ocispec_network *w = copy_of(m, stored, sizeof(*w)), *p = copy_of(m, change, sizeof(*p));

    if (!w || !p)
        return;
    whole->network = w;
    part->network = p;
    p->has_class_id = p->class_id != 0;
    TAKE_IF_SET(w, p, class_id);
    w->priorities = merge_list(m, w->priorities, w->n_priorities, p->priorities, p->n_priorities,
                               sizeof(*w->priorities), same_interface, over_interface, &w->n_priorities);
}

/* Room for the keys of both maps, with what is stored in it. Return: the values, NULL without memory. */
static void *begin_map(struct merge *m, char *const *keys, const void *values, size_t size, size_t n, size_t n_change,
                       char ***ret_keys)
{
    void *all = cf_arena_calloc(m->arena, n + n_change + 1, size);

    *ret_keys = cf_arena_calloc(m->arena, n + n_change + 1, sizeof(**ret_keys));
    if (!all || !*ret_keys) {
        m->oom = true;
        return NULL;
    }
    if (n > 0) {
        memcpy(*ret_keys, keys, n * sizeof(*keys));
        memcpy(all, values, n * size);
    }
    return all;
}

/* Where the value of @key belongs: in its place, or behind the others. */
static size_t place_of(char **keys, size_t *n, char *key)
{
    size_t k = 0;

    while (k < *n && strcmp(keys[k], key) != 0)
        k++;
    keys[k] = key;
    *n += k == *n;
    return k;
}

static void merge_rdma(struct merge *m, const struct ocispec_rdma_map *stored, const struct ocispec_rdma_map *change,
                       struct ocispec_resources *whole)
{
    struct ocispec_rdma_map *w = copy_of(m, stored, sizeof(*w));

    if (!w)
        return;
    whole->rdma = w;
    w->values = begin_map(m, w->keys, w->values, sizeof(*w->values), w->n, change->n, &w->keys);
    for (size_t i = 0; w->values && i < change->n; i++) {
        struct ocispec_rdma *to = &w->values[place_of(w->keys, &w->n, change->keys[i])];

        TAKE_IF_GIVEN(to, &change->values[i], hca_handles);
        TAKE_IF_GIVEN(to, &change->values[i], hca_objects);
    }
}

static void merge_unified(struct merge *m, const struct ocispec_string_map *stored,
                          const struct ocispec_string_map *change, struct ocispec_resources *whole)
{
    struct ocispec_string_map *w = copy_of(m, stored, sizeof(*w));

    if (!w)
        return;
    whole->unified = w;
    w->values = begin_map(m, w->keys, w->values, sizeof(*w->values), w->n, change->n, &w->keys);
    for (size_t i = 0; w->values && i < change->n; i++)
        w->values[place_of(w->keys, &w->n, change->keys[i])] = change->values[i];
}

int cf_cgroup_merge(const struct ocispec_resources *stored, const struct ocispec_resources *change, bool v2,
                    struct cf_arena *arena, struct cf_cgroup_merged *ret, struct cf_err *err)
{
    static const struct ocispec_resources nothing = {0};
    struct merge m = {.arena = arena, .v2 = v2};
    const struct ocispec_resources *old = stored ? stored : &nothing;
    struct ocispec_resources *whole = copy_of(&m, old, sizeof(*whole)), *part = copy_of(&m, NULL, sizeof(*part));

    if (!whole || !part)
        return cf_err_oom(err);
    if (change->memory)
        merge_memory(&m, old->memory, change->memory, whole, part);
    if (change->cpu)
        merge_cpu(&m, old->cpu, change->cpu, whole, part);
    if (change->pids && change->pids->has_limit)
        whole->pids = part->pids = change->pids;
    if (change->block_io)
        merge_block_io(&m, old->block_io, change->block_io, whole, part);
    if (change->n_hugepage_limits > 0) {
        whole->hugepage_limits = merge_list(&m, old->hugepage_limits, old->n_hugepage_limits, change->hugepage_limits,
                                            change->n_hugepage_limits, sizeof(*change->hugepage_limits),
                                            same_page_size, over_page_size, &whole->n_hugepage_limits);
        part->hugepage_limits = change->hugepage_limits;
        part->n_hugepage_limits = change->n_hugepage_limits;
    }
    if (change->network)
        merge_network(&m, old->network, change->network, whole, part);
    if (change->rdma) {
        merge_rdma(&m, old->rdma, change->rdma, whole);
        part->rdma = change->rdma;
    }
    if (change->unified) {
        merge_unified(&m, old->unified, change->unified, whole);
        part->unified = change->unified;
    }
    if (m.oom)
        return cf_err_oom(err);
    *ret = (struct cf_cgroup_merged){.whole = whole, .part = part};
    return 0;
}

/* ---- writes ---- */

/* A default is nothing to write for a new cgroup, but a change of one that has another value. */
static void add_resets(const struct ocispec_resources *stored, const struct ocispec_resources *part, bool v2,
                       struct cf_cgroup_writes *w)
{
    const struct ocispec_memory *mem = part->memory, *old_mem = stored ? stored->memory : NULL;

    if (v2 || !mem || !old_mem)
        return;
    if (mem->has_disable_oom_killer && !mem->disable_oom_killer && old_mem->disable_oom_killer)
        cf_cgroup_writes_add(w, "memory", "memory.oom_control", RES "memory.disableOOMKiller", "0");
}

static bool is_memory_limit(const struct cf_cgroup_write *write)
{
    return strcmp(write->file, "memory.max") == 0 || strcmp(write->file, "memory.swap.max") == 0 ||
           strcmp(write->file, "memory.limit_in_bytes") == 0 || strcmp(write->file, "memory.memsw.limit_in_bytes") == 0;
}

/* Is it there only because something else needed it? */
static bool is_context(const struct cf_cgroup_write *write, const struct ocispec_resources *change, bool v2)
{
    if (strcmp(write->field, RES "memory.limit") == 0)
        return !change->memory || change->memory->limit == 0;
    if (v2)
        return false;
    if (strcmp(write->file, "cpu.cfs_period_us") == 0)
        return change->cpu->period == 0;
    if (strcmp(write->file, "cpu.cfs_quota_us") == 0)
        return change->cpu->quota == 0;
    return false;
}

int cf_cgroup_merge_writes(const struct ocispec_resources *stored, const struct ocispec_resources *change, bool v2,
                           struct cf_arena *arena, struct cf_cgroup_merged *merged, struct cf_err *err)
{
    struct cf_cgroup_writes w = {.arena = arena};
    struct cf_cgroup_write *sorted;
    size_t n = 0;

    if (v2)
        cf_cgroup_res_v2(merged->part, &w);
    else
        cf_cgroup_res_v1(merged->part, &w);
    add_resets(stored, merged->part, v2, &w);
    sorted = w.oom ? NULL : cf_arena_calloc(arena, w.n + 1, sizeof(*sorted));
    if (!sorted)
        return cf_err_oom(err);
    /* Memory limits last: lowering them can fail for what the container does, and is the dearest to undo. */
    for (int last = 0; last < 2; last++) {
        for (size_t i = 0; i < w.n; i++) {
            if (is_memory_limit(&w.items[i]) == last && !is_context(&w.items[i], change, v2))
                sorted[n++] = w.items[i];
        }
    }
    merged->writes = sorted;
    merged->n_writes = n;
    return 0;
}
