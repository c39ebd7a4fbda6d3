/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The container's cgroup: who owns it, whether it limits anything, and who is in it. Host side. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "path/path.h"
#include "sys/fs.h"

#define MAX_PROCESSES 4096 /* so many are looked at; a container may have a million */
#define MAX_STRANGERS 4
#define STATUS_SIZE 4096
/* cgroup v1 says "no limit" with the largest multiple of the page size. */
#define NO_LIMIT (UINT64_C(1) << 62)

/* Is a limit in this file? Return: 1, 0, or -errno. */
static int is_limited(int dir_fd, const char *file)
{
    cf_auto_fd int fd = cf_sys_openat(dir_fd, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
    char text[64];
    uint64_t value;
    long n;

    if (fd < 0)
        return fd;
    n = cf_sys_read(fd, text, sizeof(text) - 1);
    if (n < 0)
        return (int) n;
    text[n] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (strcmp(text, "max") == 0)
        return 0;
    if (cf_num_parse_u64(text, 0, UINT64_MAX, &value) < 0)
        return -EBADMSG;
    return value < NO_LIMIT;
}

static void read_limits(struct cf_cgroup *cgroup, struct cf_audit_cgroup *ret)
{
    int fd, r;

    fd = cf_cgroup_dir_fd(cgroup, ret->v2 ? NULL : "pids");
    r = fd >= 0 ? is_limited(fd, "pids.max") : -ENOENT;
    ret->pids_known = r >= 0;
    ret->pids_limited = r > 0;
    fd = cf_cgroup_dir_fd(cgroup, ret->v2 ? NULL : "memory");
    r = fd >= 0 ? is_limited(fd, ret->v2 ? "memory.max" : "memory.limit_in_bytes") : -ENOENT;
    ret->memory_known = r >= 0;
    ret->memory_limited = r > 0;
}

static bool is_mapped(const struct cf_idset *set, uint32_t id)
{
    const struct cf_subid one = {.first = id, .count = 1};
    const struct cf_idset wanted = {.ranges = &one, .n = 1};

    return cf_idset_overlap(set, &wanted, NULL) >= 0;
}

/* The ids of one process. One that has ended meanwhile, maybe with its number taken over, is no stranger: the
 * directory is pinned, and a second look at the cgroup costs more than a finding that says nothing. */
static bool is_stranger(int proc_fd, int pid, const struct cf_audit_facts *facts, struct cf_audit_stranger *ret)
{
    char path[CF_NUM_SIZE + 8], text[STATUS_SIZE];
    struct cf_audit_proc proc = {0};

    (void) cf_format(path, sizeof(path), "%d/status", pid);
    if (cf_procfs_read(proc_fd, path, text, sizeof(text)) <= 0 || cf_audit_parse_status(text, &proc) < 0)
        return false;
    *ret = (struct cf_audit_stranger) {.pid = pid, .id = proc.uid};
    if (!is_mapped(&facts->uid_set, proc.uid))
        return true;
    ret->gid = true;
    ret->id = proc.gid;
    return !is_mapped(&facts->gid_set, proc.gid);
}

static bool is_listed(const pid_t *pids, size_t n, pid_t pid)
{
    for (size_t i = 0; i < n; i++)
        if (pids[i] == pid)
            return true;
    return false;
}

static int read_processes(struct cf_cgroup *cgroup, struct cf_arena *arena, struct cf_audit_facts *facts)
{
    cf_auto_fd int proc_fd = cf_procfs_open_host();
    cf_auto_free pid_t *pids = NULL, *again = NULL;
    struct cf_audit_stranger found[MAX_STRANGERS] = {0};
    struct cf_err ignored = CF_ERR_INIT;
    size_t n = 0, n_again = 0, kept = 0;

    if (proc_fd < 0)
        return proc_fd;
    if (cf_cgroup_pids(cgroup, &pids, &n, &ignored) < 0)
        return 0; /* removed meanwhile */
    facts->n_processes = n;
    for (size_t i = 0; i < n && i < MAX_PROCESSES && facts->n_strangers < MAX_STRANGERS; i++)
        facts->n_strangers += pids[i] != facts->pid &&
                              is_stranger(proc_fd, pids[i], facts, &found[facts->n_strangers]);
    if (facts->n_strangers == 0)
        return 0;
    /* Who is still there was there all the time. */
    cf_err_clear(&ignored);
    if (cf_cgroup_pids(cgroup, &again, &n_again, &ignored) < 0)
        n_again = 0;
    for (size_t i = 0; i < facts->n_strangers; i++)
        if (is_listed(again, n_again, found[i].pid))
            found[kept++] = found[i];
    facts->n_strangers = kept;
    facts->strangers = cf_arena_memdup(arena, found, (kept ? kept : 1) * sizeof(*found));
    return facts->strangers ? 0 : -ENOMEM;
}

int cf_audit_read_cgroup(const struct cf_cgroup_record *record, struct cf_arena *arena, struct cf_audit_facts *facts)
{
    cf_auto(cf_cgroup_closep) struct cf_cgroup *cgroup = NULL;
    struct cf_err err = CF_ERR_INIT;
    struct stat st = {0};
    int fd, r;

    r = cf_cgroup_open(record, &cgroup, &err);
    if (r < 0)
        return r;
    if (!cf_cgroup_exists(cgroup))
        return 0;
    facts->cgroup.there = true;
    facts->cgroup.v2 = cf_str_eq(record->backend, "v2");
    fd = cf_cgroup_dir_fd(cgroup, facts->cgroup.v2 ? NULL : "pids");
    if (fd >= 0 && cf_sys_fstat(fd, &st) >= 0)
        facts->cgroup.owner_uid = st.st_uid;
    read_limits(cgroup, &facts->cgroup);
    return read_processes(cgroup, arena, facts);
}
