/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.resources.hugepageLimits, network and rdma: checks and files. Pure, host side. Each of
 * them takes a name from the config that becomes part of a file name or of a line, so names are
 * held to a narrow form here.
 */

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "cgroup/res.h"

#define RES "linux.resources."

/* "64KB", "2MB", "1GB": the only form in which the kernel names its files. */
static bool is_page_size(const char *s)
{
    size_t digits = strspn(s, "0123456789");

    return digits > 0 && digits <= 10 && s[0] != '0' && s[digits] != '\0' &&
           strchr("KMG", s[digits]) && strcmp(s + digits + 1, "B") == 0;
}

/* A word that can stand in a line of a cgroup file, and that is no path. */
static bool is_word(const char *s, size_t max, const char *forbidden)
{
    size_t len = strlen(s);

    if (len == 0 || len > max || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
        return false;
    for (const char *p = s; *p; p++) {
        if ((unsigned char) *p <= ' ' || *p == 0x7f || strchr(forbidden, *p))
            return false;
    }
    return true;
}

static int check_rdma(const struct ocispec_rdma_map *rdma, struct cf_err *err)
{
    for (size_t i = 0; i < rdma->n; i++) {
        char field[128];

        (void) cf_format(field, sizeof(field), RES "rdma.%s", rdma->keys[i]);
        if (!is_word(rdma->keys[i], 63, "/="))
            return cf_err_config(err, "resources-value", field, "`%s` is not a device name",
                                 rdma->keys[i]);
        if (!rdma->values[i].has_hca_handles && !rdma->values[i].has_hca_objects)
            return cf_err_config(err, "resources-value", field,
                                 "neither hcaHandles nor hcaObjects is given");
    }
    return 0;
}

static int check_network(const struct ocispec_network *network, bool v2, struct cf_err *err)
{
    for (size_t i = 0; i < network->n_priorities; i++) {
        char field[128];

        (void) cf_format(field, sizeof(field), RES "network.priorities[%zu].name", i);
        if (!is_word(network->priorities[i].name, 15, "/:"))
            return cf_err_config(err, "resources-value", field, "`%s` is not an interface name",
                                 network->priorities[i].name);
    }
    if (v2 && network->class_id != 0)
        return cf_cgroup_res_not_on_v2(err, RES "network.classID", "net_cls");
    if (v2 && network->n_priorities > 0)
        return cf_cgroup_res_not_on_v2(err, RES "network.priorities", "net_prio");
    return 0;
}

int cf_cgroup_res_check_misc(const struct ocispec_resources *res, bool v2, struct cf_err *err)
{
    int r = res->network ? check_network(res->network, v2, err) : 0;

    for (size_t i = 0; r == 0 && i < res->n_hugepage_limits; i++) {
        char field[128];

        (void) cf_format(field, sizeof(field), RES "hugepageLimits[%zu].pageSize", i);
        if (!is_page_size(res->hugepage_limits[i].page_size))
            r = cf_err_config(err, "resources-value", field,
                              "`%s` is not a size like `64KB`, `2MB` or `1GB`",
                              res->hugepage_limits[i].page_size);
    }
    return r == 0 && res->rdma ? check_rdma(res->rdma, err) : r;
}

/* ---- files ---- */

static void hugepages(const struct ocispec_hugepage_limit *limit, size_t i, bool v2,
                      struct cf_cgroup_writes *w)
{
    const char *field = cf_cgroup_res_field(w, "hugepageLimits[%zu]", i);
    const char *last = v2 ? "max" : "limit_in_bytes";
    char *file = cf_arena_printf(w->arena, "hugetlb.%s.%s", limit->page_size, last);
    char *reserved = cf_arena_printf(w->arena, "hugetlb.%s.rsvd.%s", limit->page_size, last);

    if (!file || !reserved) {
        w->oom = true;
        return;
    }
    cf_cgroup_writes_add(w, "hugetlb", file, field, "%llu", (unsigned long long) limit->limit);
    /* Reservations are refused at mmap(2), where a program can do without; faults end it. */
    cf_cgroup_writes_add(w, "hugetlb", reserved, field, "%llu", (unsigned long long) limit->limit);
    cf_cgroup_writes_flag(w, CF_CGWRITE_IF_THERE);
}

static void network_v1(const struct ocispec_network *network, struct cf_cgroup_writes *w)
{
    if (network->class_id != 0)
        cf_cgroup_writes_add(w, "net_cls", "net_cls.classid", RES "network.classID", "%u",
                             network->class_id);
    for (size_t i = 0; i < network->n_priorities; i++)
        cf_cgroup_writes_add(w, "net_prio", "net_prio.ifpriomap",
                             cf_cgroup_res_field(w, "network.priorities[%zu].name", i), "%s %u",
                             network->priorities[i].name, network->priorities[i].priority);
}

static void rdma_device(const char *name, const struct ocispec_rdma *rdma,
                        struct cf_cgroup_writes *w)
{
    char line[160];
    size_t len = cf_format(line, sizeof(line), "%s", name);

    if (rdma->has_hca_handles)
        len += cf_format(line + len, sizeof(line) - len, " hca_handle=%u", rdma->hca_handles);
    if (rdma->has_hca_objects)
        (void) cf_format(line + len, sizeof(line) - len, " hca_object=%u", rdma->hca_objects);
    cf_cgroup_writes_add(w, "rdma", "rdma.max", cf_cgroup_res_field(w, "rdma.%s", name), "%s", line);
}

void cf_cgroup_res_misc(const struct ocispec_resources *res, bool v2, struct cf_cgroup_writes *w)
{
    for (size_t i = 0; i < res->n_hugepage_limits; i++)
        hugepages(&res->hugepage_limits[i], i, v2, w);
    if (!v2 && res->network)
        network_v1(res->network, w);
    for (size_t i = 0; res->rdma && i < res->rdma->n; i++)
        rdma_device(res->rdma->keys[i], &res->rdma->values[i], w);
}
