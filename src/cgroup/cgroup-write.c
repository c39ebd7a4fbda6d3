/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writing one limit, and the errors both backends share. Host side.
 */

#include <errno.h>
#include <string.h>

#include "cgroup/cgroup-internal.h"
#include "cgroup/res.h"

int cf_cgroup_write_one(int dir_fd, const struct cf_cgroup_write *write)
{
    int r = cf_cgfs_write(dir_fd, write->file, write->value);

    /* No swap accounting, say, and no limit of swap wanted: that is what there is. */
    if (r == -ENOENT && cf_cgroup_write_is_default(write))
        return 0;
    return r;
}

static const char *first_line(int dir_fd, const char *file, char *buf, size_t size)
{
    char *end;

    if (cf_cgfs_read(dir_fd, file, buf, size) < 0)
        return "?";
    end = strchr(buf, '\n');
    if (end)
        *end = '\0';
    return buf;
}

int cf_cgroup_write_failed(const struct cf_cgroup_write *write, int dir_fd, int r,
                           struct cf_err *err)
{
    char usage[32], peak[32];

    if (r == -ENOENT) {
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-file-missing", -EOPNOTSUPP,
                          "%s: the cgroup has no file `%s`", write->field, write->file);
        cf_err_hint(err, "the kernel or its command line may leave this feature out");
        r = -EOPNOTSUPP;
    } else if (r == -EBUSY && strcmp(write->file, "memory.limit_in_bytes") == 0) {
        (void) cf_err_set(
            err, COFFER_ERROR_CONFIG, "cgroup-memory-limit", r,
            "unable to set memory limit to %s (current usage: %s, peak usage: %s)", write->value,
            first_line(dir_fd, "memory.usage_in_bytes", usage, sizeof(usage)),
            first_line(dir_fd, "memory.max_usage_in_bytes", peak, sizeof(peak)));
    } else {
        (void) cf_err_sys(err, r, "%s: write `%s` to `%s` of the cgroup", write->field,
                          write->value, write->file);
    }
    cf_err_field(err, "%s", write->field);
    return r;
}

int cf_cgroup_err_populated(int dir_fd, const char *path, struct cf_err *err)
{
    struct cf_cgfs_pids list = {0};

    (void) cf_cgfs_list_pids(dir_fd, &list);
    (void) cf_err_set(err, COFFER_ERROR_STATE, "cgroup-populated", -EBUSY,
                      "container's cgroup is not empty: %zu process(es) found", list.n);
    cf_err_field(err, "linux.cgroupsPath");
    cf_err_hint(err, "`%s` is in use, perhaps by another container: choose another path", path);
    cf_cgfs_pids_done(&list);
    return -EBUSY;
}

int cf_cgroup_err_frozen(const char *path, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_STATE, "cgroup-frozen", -EBUSY,
                      "container's cgroup unexpectedly frozen");
    cf_err_field(err, "linux.cgroupsPath");
    cf_err_hint(err, "thaw `%s` or a cgroup above it", path);
    return -EBUSY;
}
