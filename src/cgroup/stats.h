/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a container uses now: numbers of its cgroup in one struct for v1 and v2. Host side. The files belong
 * to the kernel, but the directory may be delegated to a container: every file is read beneath the fd we hold
 * and no further than CF_STATS_TEXT_SIZE, and no name that the container could have made is ever opened.
 *
 * What the host has not (a controller, a file of a newer kernel) is zero.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/cgroup.h"

#define CF_STATS_TEXT_SIZE (256u << 10) /* of one file; what is longer loses its last lines */
#define CF_STATS_UNLIMITED UINT64_MAX   /* `max` */

/* One line of a pressure file. */
struct cf_stats_psi_line {
    uint32_t avg10, avg60, avg300; /* hundredths of a percent */
    uint64_t total;                /* microseconds, as in the file */
};

struct cf_stats_psi {
    bool there;
    struct cf_stats_psi_line some, full;
};

struct cf_stats_u64s {
    uint64_t *v;
    size_t n;
};

struct cf_stats_u16s {
    uint16_t *v;
    size_t n;
};

struct cf_stats_pair {
    const char *key;
    uint64_t value;
};

struct cf_stats_pairs {
    struct cf_stats_pair *v;
    size_t n;
};

struct cf_stats_io {
    uint64_t major, minor;
    const char *op; /* "Read"; "" for files without operations */
    uint64_t value;
};

struct cf_stats_ios {
    struct cf_stats_io *v;
    size_t n, cap;
};

/* One kind of memory. */
struct cf_stats_usage {
    uint64_t limit, usage, max, failcnt;
};

struct cf_stats_hugetlb {
    char size[16]; /* "2MB" */
    uint64_t usage, max, failcnt;
};

struct cf_cgroup_stats {
    struct {
        uint64_t total, kernel, user; /* nanoseconds */
        struct cf_stats_u64s percpu, percpu_kernel, percpu_user;
        uint64_t periods, throttled_periods, throttled_time;
        struct cf_stats_psi psi;
    } cpu;
    struct { /* v1 only */
        struct cf_stats_u16s cpus, mems;
        uint64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate, memory_spread_page,
            memory_spread_slab, memory_pressure, sched_load_balance;
        int64_t sched_relax_domain_level;
    } cpuset;
    struct {
        uint64_t cache;
        struct cf_stats_usage usage, swap /* memory and swap */, kernel, kernel_tcp;
        struct cf_stats_pairs raw;
        struct cf_stats_psi psi;
    } memory;
    struct {
        uint64_t current, limit; /* limit 0: none */
    } pids;
    struct {
        struct cf_stats_ios service_bytes, serviced, queued, service_time, wait_time, merged, time, sectors;
        struct cf_stats_psi psi;
    } blkio;
    struct cf_stats_hugetlb *hugetlb;
    size_t n_hugetlb;
};

/**
 * cf_cgroup_stats_read() - all numbers of an open cgroup
 * @ret: its lists live in @arena
 * A cgroup that vanishes meanwhile reads as zeros: whether the container still runs is the caller's question.
 */
int cf_cgroup_stats_read(const struct cf_cgroup *cg, struct cf_arena *arena, struct cf_cgroup_stats *ret,
                         struct cf_err *err);

/* ---- stats.c, for the two flavours ---- */

struct cf_stats_reader {
    struct cf_arena *arena;
    char *text; /* of the last file, CF_STATS_TEXT_SIZE bytes */
    int error;  /* sticky: nothing is read any more */
    char failed[64];
};

/** The whole text of one file into reader->text. false: it is not there, or the reader has failed. */
bool cf_stats_load(struct cf_stats_reader *reader, int dir_fd, const char *file);
/** A file that is one number, or `max`. 0: it is not there. */
uint64_t cf_stats_load_u64(struct cf_stats_reader *reader, int dir_fd, const char *file);
/** Makes a failed allocation or the like sticky. */
void cf_stats_check(struct cf_stats_reader *reader, int r, const char *file);
/** The huge page sizes of the host as cgroup files call them: entries with only `size` set. */
size_t cf_stats_hugetlb_sizes(struct cf_stats_hugetlb *ret, size_t max);
#define CF_STATS_MAX_HUGETLB 16

void cf_stats_read_v1(const struct cf_cgroup *cg, struct cf_stats_reader *reader,
                      struct cf_cgroup_stats *ret);
void cf_stats_read_v2(int dir_fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret);
/** Huge pages of a v2 directory; for the v2 tree of a hybrid host too. */
void cf_stats_hugetlb_v2(int dir_fd, struct cf_stats_reader *reader, struct cf_cgroup_stats *ret);

/* ---- stats-parse.c: pure. Texts are taken apart in place; lines that are not understood are passed over
 * ---- */

/** One number or `max`, with at most a line break behind it. Return: 0, -EINVAL, -ERANGE. */
int cf_stats_parse_u64(char *text, uint64_t *ret);
/** "0-3,8": every number, at most 65536 of them. Return: 0, -EINVAL, -ENOMEM. */
int cf_stats_parse_list(char *text, struct cf_arena *arena, struct cf_stats_u16s *ret);
/** Numbers with blanks between them. */
int cf_stats_parse_numbers(char *text, struct cf_arena *arena, struct cf_stats_u64s *ret);
/** cpuacct.usage_all: a table with a column for user and one for system time. */
int cf_stats_parse_usage_all(char *text, struct cf_arena *arena, struct cf_stats_u64s *ret_user,
                             struct cf_stats_u64s *ret_kernel);
/** Lines of "KEY NUMBER". */
int cf_stats_parse_pairs(char *text, struct cf_arena *arena, struct cf_stats_pairs *ret);
/** The number of a key; 0: there is none. */
uint64_t cf_stats_pair(const struct cf_stats_pairs *pairs, const char *key);
/** A pressure file. @ret says itself whether anything was in it. */
void cf_stats_parse_psi(char *text, struct cf_stats_psi *ret);
/** blkio: "8:0 Read 4096" or "8:0 4096". */
int cf_stats_parse_blkio(char *text, struct cf_arena *arena, struct cf_stats_ios *ret);
/** io.stat of v2: reads and writes in bytes and in requests. */
int cf_stats_parse_io_stat(char *text, struct cf_arena *arena, struct cf_stats_ios *ret_bytes,
                           struct cf_stats_ios *ret_requests);
/** "hugepages-2048kB" -> "2MB". Return: 0, -EINVAL. */
int cf_stats_parse_hugepages(const char *name, char ret[16]);
/** a * b and a + b that stop at the largest number. */
uint64_t cf_stats_mul(uint64_t a, uint64_t b);
uint64_t cf_stats_add(uint64_t a, uint64_t b);

/* ---- oom.c ---- */

struct cf_cgroup_oom {
    int fd;       /* to be polled; -EBADF: nothing tells of OOM here */
    short events; /* for poll(2) */
    int dir_fd;   /* borrowed from the cgroup */
    bool v2;
    uint64_t seen; /* v2: kills that are known already */
};

#define CF_CGROUP_OOM_INIT                                                                                   \
    {                                                                                                        \
        .fd = -EBADF, .dir_fd = -EBADF                                                                       \
    }

/**
 * cf_cgroup_oom_open() - hear of OOM from now on
 * @ret: valid as long as @cg; cf_cgroup_oom_close(). Its fd stays -EBADF without a memory controller.
 * Return: 0, or -errno: the kernel did not let us.
 */
int cf_cgroup_oom_open(const struct cf_cgroup *cg, struct cf_cgroup_oom *ret);
/** Did it happen since the last call? 1, 0, or -ENODEV: the cgroup is gone, there will be no more. Never
 * waits. */
int cf_cgroup_oom_check(struct cf_cgroup_oom *oom);
void cf_cgroup_oom_close(struct cf_cgroup_oom *oom);
