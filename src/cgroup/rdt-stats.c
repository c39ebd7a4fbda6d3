/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What resctrl tells about a container: its class, and what it uses. Host side. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/rdt.h"
#include "sys/fs.h"

#define FILE_LIMIT (64u << 10)
#define DOMAINS_MAX 1024

/* The first line of a file, or NULL: the processor lacks it. */
static const char *line_at(int dir_fd, const char *path, struct cf_arena *arena)
{
    cf_auto_free char *text = NULL;
    size_t len = 0;

    if (cf_io_read_file_at(dir_fd, path, FILE_LIMIT, &text, &len) < 0)
        return NULL;
    return cf_arena_strndup(arena, text, strcspn(text, "\n"));
}

/* 0 for what is no number, as "Unavailable" of a domain that nobody counts just now. */
static uint64_t number_at(int dir_fd, const char *path, struct cf_arena *arena, bool *ret_there)
{
    const char *line = line_at(dir_fd, path, arena);
    uint64_t v = 0;

    *ret_there = *ret_there || line;
    return line && cf_num_parse_u64(line, 0, UINT64_MAX, &v) >= 0 ? v : 0;
}

/* The lines of a schemata file; *ret_l3 and *ret_mb are those with these names. */
static int read_schemata(int dir_fd, struct cf_arena *arena, char ***ret, size_t *ret_n, const char **ret_l3,
                         const char **ret_mb)
{
    cf_auto_free char *text = NULL;
    size_t len = 0, n = 0, max = 1;
    char **lines;

    if (cf_io_read_file_at(dir_fd, "schemata", FILE_LIMIT, &text, &len) < 0)
        return 0;
    for (const char *p = text; *p; p++)
        max += *p == '\n';
    lines = cf_arena_calloc(arena, max, sizeof(*lines));
    if (!lines)
        return -ENOMEM;
    for (char *p = text, *end; *p; p = end) {
        size_t length;

        p += strspn(p, " \t");
        length = strcspn(p, "\n");
        end = p + length + (p[length] == '\n');
        if (length == 0)
            continue;
        lines[n] = cf_arena_strndup(arena, p, length);
        if (!lines[n])
            return -ENOMEM;
        if (strncmp(lines[n], "L3:", 3) == 0)
            *ret_l3 = lines[n];
        else if (strncmp(lines[n], "MB:", 3) == 0)
            *ret_mb = lines[n];
        n++;
    }
    if (ret) {
        *ret = lines;
        *ret_n = n;
    }
    return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_l3_domain(const struct dirent *entry)
{
    return strncmp(entry->d_name, "mon_L3_", 7) == 0;
}

static int read_domains(int group_fd, struct cf_arena *arena, struct cf_rdt_stats *ret)
{
    struct dirent **names = NULL;
    int n = scandirat(group_fd, "mon_data", &names, is_l3_domain, by_name), r = 0;

    if (n <= 0) {
        free(names);
        return 0;
    }
    ret->domains = cf_arena_calloc(arena, (size_t) n, sizeof(*ret->domains));
    if (!ret->domains)
        r = -ENOMEM;
    for (int i = 0; i < n; i++) {
        char path[512];
        cf_auto_fd int fd = -EBADF;

        if (r == 0 && i < DOMAINS_MAX && cf_str_copy(path, sizeof(path), "mon_data/") >= 0) {
            struct cf_rdt_domain *domain = &ret->domains[ret->n_domains];

            memcpy(path + 9, names[i]->d_name, strlen(names[i]->d_name) + 1);
            fd = cf_sys_openat(group_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
            domain->mbm_total = number_at(fd, "mbm_total_bytes", arena, &domain->has_mbm);
            domain->mbm_local = number_at(fd, "mbm_local_bytes", arena, &domain->has_mbm);
            domain->llc = number_at(fd, "llc_occupancy", arena, &domain->has_llc);
            ret->n_domains++;
        }
        free(names[i]);
    }
    free(names);
    return r;
}

int cf_rdt_stats_read(const struct cf_rdt *rdt, const struct cf_rdt_record *record, struct cf_arena *arena,
                      struct cf_rdt_stats *ret, struct cf_err *err)
{
    cf_auto_fd int group_fd = -EBADF, mon_fd = -EBADF;
    bool l3 = false;
    int r;

    *ret = (struct cf_rdt_stats){.present = true};
    group_fd = cf_sys_openat(rdt->fd, strcmp(record->group, "/") == 0 ? "." : record->group,
                             O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
    if (group_fd < 0)
        return cf_err_sys(err, group_fd, "open the class `%s` in resctrl", record->group);
    ret->cbm_mask = line_at(rdt->fd, "info/L3/cbm_mask", arena);
    ret->min_cbm_bits = number_at(rdt->fd, "info/L3/min_cbm_bits", arena, &l3);
    ret->l3_closids = number_at(rdt->fd, "info/L3/num_closids", arena, &l3);
    ret->bandwidth_gran = number_at(rdt->fd, "info/MB/bandwidth_gran", arena, &ret->has_mb);
    ret->delay_linear = number_at(rdt->fd, "info/MB/delay_linear", arena, &ret->has_mb);
    ret->min_bandwidth = number_at(rdt->fd, "info/MB/min_bandwidth", arena, &ret->has_mb);
    ret->mb_closids = number_at(rdt->fd, "info/MB/num_closids", arena, &ret->has_mb);
    r = read_schemata(rdt->fd, arena, NULL, NULL, &ret->l3_root, &ret->mb_root);
    if (r >= 0)
        r = read_schemata(group_fd, arena, &ret->schemata, &ret->n_schemata, &ret->l3, &ret->mb);
    /* Of the container alone: its monitoring group, or the class that only it is in. */
    if (r >= 0 && record->monitor) {
        mon_fd = cf_sys_openat(group_fd, "mon_groups", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
        if (mon_fd >= 0) {
            cf_auto_fd int fd = cf_sys_openat(mon_fd, record->monitor, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);

            if (fd >= 0)
                r = read_domains(fd, arena, ret);
        }
    } else if (r >= 0 && record->created) {
        r = read_domains(group_fd, arena, ret);
    }
    return r < 0 ? cf_err_oom(err) : 0;
}
