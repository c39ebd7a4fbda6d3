/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Writing one limit, and the sentence when the kernel refuses it: field, controller, why. Host
 * side, both flavours.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/res.h"
#include "sys/fs.h"

/* One write(2) for all or for each line: more is what some files of the kernel do not understand. */
static int write_value(int dir_fd, const char *file, const char *value, bool lines)
{
    cf_auto_fd int fd = cf_cgfs_open(dir_fd, file, O_WRONLY);

    if (fd < 0)
        return fd;
    for (const char *p = value;;) {
        size_t len = lines ? strcspn(p, "\n") : strlen(p);
        long n = 0;

        if (lines && len == 0 && p == value && p[0] == '\n' && p[1] == '\0')
            len = 1; /* the empty line is all there is */
        if (len > 0) {
            do
                n = cf_sys_write(fd, p, len);
            while (n == -EINTR);
        }
        if (n < 0)
            return (int) n;
        p += len;
        p += *p == '\n';
        if (!*p)
            return 0;
    }
}

int cf_cgroup_write_one(int dir_fd, const struct cf_cgroup_write *write)
{
    const bool lines = write->flags & CF_CGWRITE_LINES;
    int r = write_value(dir_fd, write->file, write->value, lines);

    if (r == -ENOENT && write->else_file)
        r = write_value(dir_fd, write->else_file, write->else_value, lines);
    /* No swap accounting, say, and no limit of swap wanted: that is what there is. */
    if (r == -ENOENT &&
        ((write->flags & CF_CGWRITE_IF_THERE) || cf_cgroup_write_is_default(write)))
        return 0;
    return r;
}

int cf_cgroup_check_shares(const struct cf_cgroup_write *write, int fd, struct cf_err *err)
{
    uint64_t want, have;
    char text[32], *end;

    /* What lies within the kernel's own limits is not clamped, and not worth a look. */
    if (strcmp(write->file, "cpu.shares") != 0 ||
        cf_num_parse_u64(write->value, 0, UINT64_MAX, &want) < 0 || (want >= 2 && want <= 262144) ||
        cf_cgfs_read(fd, "cpu.shares", text, sizeof(text)) < 0)
        return 0;
    end = strchr(text, '\n');
    if (end)
        *end = '\0';
    if (cf_num_parse_u64(text, 0, UINT64_MAX, &have) < 0 || have == want)
        return 0;
    return cf_err_config(err, "resources-value", write->field,
                         want > have ? "the maximum allowed cpu-shares is %llu"
                                     : "the minimum allowed cpu-shares is %llu",
                         (unsigned long long) have);
}

/* ---- errors ---- */

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

static void hint_of_missing(const char *file, struct cf_err *err)
{
    static const struct {
        const char *prefix, *hint;
    } table[] = {
        {"cpu.rt_", "the kernel is built without CONFIG_RT_GROUP_SCHED"},
        {"memory.memsw.", "the kernel does not account swap: see its parameter `swapaccount`"},
        {"memory.swap.", "the kernel does not account swap: see CONFIG_SWAP"},
        {"hugetlb.", "the host has no huge pages of this size: see `/sys/kernel/mm/hugepages`"},
        {"blkio.leaf_weight", "it went away with the CFQ scheduler in Linux 5.0"},
        {"blkio.bfq.", "the kernel has no I/O scheduler with weights: BFQ is missing"},
        {"io.bfq.", "the kernel has neither BFQ nor the cost model for block I/O"},
        {"", "the kernel or its command line may leave this feature out"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (cf_str_starts_with(file, table[i].prefix)) {
            cf_err_hint(err, "%s", table[i].hint);
            return;
        }
    }
}

static int err_missing(const struct cf_cgroup_write *write, struct cf_err *err)
{
    if (write->else_file)
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-file-missing", -EOPNOTSUPP,
                          "%s: the cgroup has no file `%s` and none `%s` (controller `%s`)",
                          write->field, write->file, write->else_file, write->controller);
    else if (*write->controller)
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-file-missing", -EOPNOTSUPP,
                          "%s: the cgroup has no file `%s` (controller `%s`)", write->field,
                          write->file, write->controller);
    else
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-file-missing", -EOPNOTSUPP,
                          "%s: the cgroup has no file `%s`", write->field, write->file);
    hint_of_missing(write->file, err);
    return -EOPNOTSUPP;
}

static int err_no_device(const struct cf_cgroup_write *write, int r, struct cf_err *err)
{
    const char *what = "is no device of this host", *hint = "";
    int len = (int) strcspn(write->value, " \n");

    if (strcmp(write->controller, "net_prio") == 0) {
        what = "is no network interface of the host";
        hint = "interfaces are those of the initial network namespace";
    } else if (strcmp(write->controller, "rdma") == 0) {
        what = "is no RDMA device of this host";
        hint = "see `/sys/class/infiniband`";
    } else {
        what = "is no whole block device of this host";
        hint = "limits are for disks, not for partitions: see `lsblk`";
    }
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, "resources-device", r, "%s: `%.*s` %s", write->field,
                      len, write->value, what);
    cf_err_errno(err, r);
    cf_err_hint(err, "%s", hint);
    return r;
}

static bool is_idle(int dir_fd)
{
    char text[8];

    return cf_cgfs_read(dir_fd, "cpu.idle", text, sizeof(text)) > 0 && text[0] == '1';
}

/* What the number alone does not tell; NULL: nothing to add. */
static const char *why_refused(const struct cf_cgroup_write *write, int dir_fd, int r)
{
    const char *file = write->file;

    if (r == -EINVAL && (strcmp(file, "cpu.shares") == 0 || strcmp(file, "cpu.weight") == 0) &&
        is_idle(dir_fd))
        return "`cpu.idle` of the cgroup is 1, then it takes no share";
    if (r == -EINVAL && cf_str_starts_with(file, "cpu.rt_"))
        return "the realtime budgets of the cgroups above it and beside it leave no room";
    if (cf_str_starts_with(file, "cpuset."))
        return "CPUs and memory nodes must exist, and on v1 be among those of the parent";
    if (r == -EOPNOTSUPP && strstr(file, "weight"))
        return "the device needs the I/O scheduler `bfq`, or `io.cost.qos` enabled for it";
    return NULL;
}

int cf_cgroup_write_failed(const struct cf_cgroup_write *write, int dir_fd, int r,
                           struct cf_err *err)
{
    char usage[32], peak[32];

    if (r == -ENOENT) {
        r = err_missing(write, err);
    } else if (r == -ENODEV && strchr(write->value, ' ')) {
        r = err_no_device(write, r, err);
    } else if (r == -EBUSY && strcmp(write->file, "memory.limit_in_bytes") == 0) {
        (void) cf_err_set(
            err, COFFER_ERROR_CONFIG, "cgroup-memory-limit", r,
            "unable to set memory limit to %s (current usage: %s, peak usage: %s)", write->value,
            first_line(dir_fd, "memory.usage_in_bytes", usage, sizeof(usage)),
            first_line(dir_fd, "memory.max_usage_in_bytes", peak, sizeof(peak)));
    } else {
        const char *why = why_refused(write, dir_fd, r);

        (void) cf_err_sys(err, r, "%s: write `%.*s` to `%s` of the cgroup%s%s%s", write->field, 200,
                          write->value, write->file, why ? " (" : "", why ? why : "",
                          why ? ")" : "");
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

int cf_cgroup_err_delegation(struct cf_err *err, int r, const char *path)
{
    (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "cgroup-delegation", r,
                      "linux.resources asks for limits, but the cgroup `%s` is not delegated to "
                      "the caller",
                      path);
    cf_err_field(err, "linux.resources");
    cf_err_hint(err, "delegate the controllers to the user, or leave out linux.resources");
    return r;
}
