/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The groups of a container in resctrl: made, entered, changed, removed. Host side. */

#include "cgroup/rdt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "sys/fs.h"

#define RDT "linux.intelRdt"
#define RESCTRL_MAGIC 0x7655821 /* RDTGROUP_SUPER_MAGIC */
#define FILE_LIMIT (64u << 10)
#define MOUNTINFO_LIMIT (16u << 20)

/* ---- where it is ---- */

const char *cf_rdt_find_mount(const char *mountinfo, struct cf_arena *arena)
{
    for (const char *line = mountinfo; line && *line;) {
        const char *end = strchr(line, '\n'), *dash = strstr(line, " - "), *at = line;
        size_t len = 0;
        char *path, *out;

        if (dash && (!end || dash < end) && strncmp(dash + 3, "resctrl ", 8) == 0) {
            for (int field = 0; field < 4 && at; field++) {
                at = strchr(at, ' ');
                at = at ? at + 1 : NULL;
            }
            if (!at)
                return NULL;
            len = strcspn(at, " \n");
            path = cf_arena_strndup(arena, at, len);
            if (!path)
                return NULL;
            /* Blanks and their like are written as three octal digits. */
            out = path;
            for (const char *p = path; *p; out++) {
                if (p[0] == '\\' && p[1] && p[2] && p[3]) {
                    *out = (char) ((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
                    p += 4;
                } else {
                    *out = *p++;
                }
            }
            *out = '\0';
            return path;
        }
        line = end ? end + 1 : NULL;
    }
    return NULL;
}

static int none(struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "rdt-none", -EOPNOTSUPP,
                      "intelRdt is specified in config, but Intel RDT is not enabled");
    cf_err_field(err, RDT);
    cf_err_hint(err, "the processor must have it; then: mount -t resctrl resctrl /sys/fs/resctrl");
    return -EOPNOTSUPP;
}

static bool exists(int dir_fd, const char *name)
{
    struct stat st;

    return cf_sys_fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int cf_rdt_locate(const struct cf_rdt_plan *plan, struct cf_arena *arena, struct cf_rdt_record *ret, struct cf_err *err)
{
    cf_auto(cf_rdt_close) struct cf_rdt rdt = {.fd = -EBADF};
    cf_auto_free char *text = NULL;
    size_t len = 0;
    int r;

    *ret = (struct cf_rdt_record){0};
    if (!plan->wanted)
        return 0;
    r = cf_io_read_file_at(AT_FDCWD, "/proc/self/mountinfo", MOUNTINFO_LIMIT, &text, &len);
    if (r < 0)
        return cf_err_sys(err, r, "read /proc/self/mountinfo");
    ret->root = cf_rdt_find_mount(text, arena);
    if (!ret->root)
        return none(err);
    ret->group = plan->group;
    ret->monitor = plan->monitor;
    r = cf_rdt_open(ret, &rdt, err);
    if (r < 0)
        return r;
    /* One that is there already has somebody else's name for it: it stays. */
    ret->created = plan->own && !exists(rdt.fd, plan->group);
    return 0;
}

int cf_rdt_open(const struct cf_rdt_record *record, struct cf_rdt *ret, struct cf_err *err)
{
    struct statfs st;
    int fd = cf_sys_openat(AT_FDCWD, record->root, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0), r;

    if (fd < 0)
        return fd == -ENOENT ? none(err) : cf_err_sys(err, fd, "open `%s`", record->root);
    r = cf_sys_fstatfs(fd, &st);
    if (r < 0 || st.f_type != RESCTRL_MAGIC) {
        (void) cf_sys_close(fd);
        return r < 0 ? cf_err_sys(err, r, "look at `%s`", record->root) : none(err);
    }
    *ret = (struct cf_rdt){.fd = fd};
    return 0;
}

void cf_rdt_close(struct cf_rdt *rdt)
{
    cf_fd_close(&rdt->fd);
}

/* ---- schemata ---- */

/* The next ID=VALUE of a line behind its name. Return: false at its end. */
static bool next_domain(const char **at, char id[32], char value[64])
{
    const char *p = *at + strspn(*at, " \t;");
    size_t n = strcspn(p, "=;\n"), m;

    if (n == 0 || p[n] != '=' || n >= 32)
        return false;
    memcpy(id, p, n);
    id[n] = '\0';
    p += n + 1;
    m = strcspn(p, ";\n");
    if (m >= 64)
        return false;
    memcpy(value, p, m);
    value[m] = '\0';
    while (m > 0 && (value[m - 1] == ' ' || value[m - 1] == '\t'))
        value[--m] = '\0';
    *at = p + strcspn(p, ";\n");
    return true;
}

/* Cache masks are hexadecimal, bandwidths decimal: two numbers that look alike in one base are alike in the other. */
static bool same_value(const char *a, const char *b)
{
    a += strspn(a, " \t");
    b += strspn(b, " \t");
    if (strncmp(a, "0x", 2) == 0)
        a += 2;
    if (strncmp(b, "0x", 2) == 0)
        b += 2;
    a += strspn(a, "0");
    b += strspn(b, "0");
    return strcasecmp(a, b) == 0;
}

/* The line of @schemata with the name (up to the colon) of @line; NULL: none. */
static const char *line_of(const char *schemata, const char *line, size_t name_len)
{
    for (const char *p = schemata; p && *p;) {
        p += strspn(p, " \t");
        if (strncmp(p, line, name_len) == 0 && p[name_len] == ':')
            return p + name_len + 1;
        p = strchr(p, '\n');
        p = p ? p + 1 : NULL;
    }
    return NULL;
}

bool cf_rdt_same_schema(const char *schemata, const char *line)
{
    size_t name_len = strcspn(line, ":");
    const char *have = line_of(schemata, line, name_len), *want = line + name_len;
    char id[32], value[64], other_id[32], other[64];

    if (!have || *want != ':')
        return false;
    for (want++; next_domain(&want, id, value);) {
        const char *p = have;
        bool found = false;

        while (!found && next_domain(&p, other_id, other))
            found = same_value(id, other_id) && same_value(value, other);
        if (!found)
            return false;
    }
    return want[strspn(want, " \t;\n")] == '\0';
}

/* Why the kernel did not like the last write. */
static void add_reason(const struct cf_rdt *rdt, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    size_t len = 0;

    if (cf_io_read_file_at(rdt->fd, "info/last_cmd_status", FILE_LIMIT, &text, &len) < 0 || len == 0)
        return;
    text[strcspn(text, "\n")] = '\0';
    if (strcmp(text, "ok") != 0)
        cf_err_hint(err, "resctrl says: %s", text);
}

static int write_file(const struct cf_rdt *rdt, int dir_fd, const char *name, const char *text, struct cf_err *err)
{
    cf_auto_fd int fd = cf_sys_openat(dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
    int r = fd < 0 ? fd : cf_io_write_all(fd, text, strlen(text));

    if (r >= 0)
        return 0;
    r = cf_err_sys(err, r, "write `%s` to `%s` of resctrl", text, name);
    add_reason(rdt, err);
    return r;
}

/* One write for each line: the kernel refuses or takes it as a whole, and says which. */
static int write_line(const struct cf_rdt *rdt, int group_fd, const char *line, const char *field, struct cf_err *err)
{
    char text[4096];
    size_t len = strlen(line);
    int r;

    if (len + 2 > sizeof(text))
        return cf_err_config(err, "rdt-schema", field, "is longer than a write to resctrl can be");
    memcpy(text, line, len);
    text[len] = '\n';
    text[len + 1] = '\0';
    r = write_file(rdt, group_fd, "schemata", text, err);
    if (r < 0)
        cf_err_field(err, "%s", field);
    return r;
}

/* ---- groups ---- */

/* The group as an O_PATH directory; a name is one component, and no link is followed. */
static int open_group(const struct cf_rdt *rdt, const char *group)
{
    return cf_sys_openat(rdt->fd, strcmp(group, "/") == 0 ? "." : group, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
}

static int make(const struct cf_rdt *rdt, int dir_fd, const char *name)
{
    return rdt->make ? rdt->make(dir_fd, name) : cf_sys_mkdirat(dir_fd, name, 0755);
}

/* Also for what is as it should be already: the kernel keeps no more than one value. */
static int write_schemata(const struct cf_rdt *rdt, int group_fd, const struct cf_rdt_plan *plan, struct cf_err *err)
{
    int r = 0;

    if (plan->l3)
        r = write_line(rdt, group_fd, plan->l3, RDT ".l3CacheSchema", err);
    if (plan->mb && r >= 0)
        r = write_line(rdt, group_fd, plan->mb, RDT ".memBwSchema", err);
    for (size_t i = 0; i < plan->n_schemata && r >= 0; i++)
        r = write_line(rdt, group_fd, plan->schemata[i], RDT ".schemata", err);
    return r;
}

/* A class that somebody has set up is not changed under their feet by what should only agree with it. */
static int compare(int group_fd, const struct cf_rdt_plan *plan, struct cf_err *err)
{
    cf_auto_free char *text = NULL;
    const char *lines[] = {plan->l3, plan->mb};
    static const char *const fields[] = {RDT ".l3CacheSchema", RDT ".memBwSchema"};
    size_t len = 0;
    int r;

    if (!plan->l3 && !plan->mb)
        return 0;
    r = cf_io_read_file_at(group_fd, "schemata", FILE_LIMIT, &text, &len);
    if (r < 0)
        return cf_err_sys(err, r, "read `schemata` of `%s` in resctrl", plan->group);
    for (int i = 0; i < 2; i++)
        if (lines[i] && !cf_rdt_same_schema(text, lines[i]))
            return cf_err_config(err, "rdt-differs", fields[i], "the class `%s` exists and has other values", plan->group);
    return 0;
}

static int check_enabled(const struct cf_rdt *rdt, const struct cf_rdt_plan *plan, struct cf_err *err)
{
    const char *field = NULL, *what = NULL;

    if (plan->l3 && !exists(rdt->fd, "info/L3") && !exists(rdt->fd, "info/L3CODE")) {
        field = RDT ".l3CacheSchema";
        what = "CAT";
    } else if (plan->mb && !exists(rdt->fd, "info/MB")) {
        field = RDT ".memBwSchema";
        what = "MBA";
    }
    if (!field)
        return 0;
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "rdt-none", -EOPNOTSUPP,
                      "intelRdt.%s is specified in config, but Intel RDT/%s is not enabled", strrchr(field, '.') + 1, what);
    cf_err_field(err, "%s", field);
    return -EOPNOTSUPP;
}

static int make_monitor(const struct cf_rdt *rdt, int group_fd, const struct cf_rdt_plan *plan, struct cf_err *err)
{
    cf_auto_fd int dir_fd = cf_sys_openat(group_fd, "mon_groups", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
    int r = dir_fd < 0 ? dir_fd : make(rdt, dir_fd, plan->monitor);

    if (r >= 0)
        return 0;
    r = cf_err_sys(err, r, "make the monitoring group `%s` in resctrl", plan->monitor);
    cf_err_field(err, RDT ".enableMonitoring");
    if (dir_fd == -ENOENT)
        cf_err_hint(err, "this processor cannot monitor");
    else
        add_reason(rdt, err);
    return r;
}

int cf_rdt_create(const struct cf_rdt *rdt, const struct cf_rdt_plan *plan, const struct cf_rdt_record *record,
                  struct cf_err *err)
{
    cf_auto_fd int group_fd = -EBADF;
    bool there = true;
    int r = check_enabled(rdt, plan, err);

    if (r < 0)
        return r;
    if (strcmp(plan->group, "/") != 0 && !plan->must_exist) {
        r = make(rdt, rdt->fd, plan->group);
        there = r == -EEXIST;
        if (r < 0 && !there) {
            r = cf_err_sys(err, r, "make the class `%s` in resctrl", plan->group);
            cf_err_field(err, RDT ".closID");
            if (r == -ENOSPC)
                cf_err_hint(err, "the processor has no more classes: share one by closID");
            return r;
        }
        if (there && record->created) {
            r = cf_err_set(err, COFFER_ERROR_SYSTEM, "rdt-race", -EEXIST,
                           "the class `%s` was made by somebody else just now", plan->group);
            cf_err_field(err, RDT ".closID");
            return r;
        }
    }
    group_fd = open_group(rdt, plan->group);
    if (group_fd == -ENOENT && plan->must_exist)
        return cf_err_config(err, "rdt-closid", RDT ".closID",
                             "there is no class `%s` in resctrl, and no schema to make one with", plan->group);
    if (group_fd < 0)
        return cf_err_sys(err, group_fd, "open the class `%s` in resctrl", plan->group);
    r = there && !plan->own ? compare(group_fd, plan, err) : 0;
    if (r >= 0)
        r = write_schemata(rdt, group_fd, plan, err);
    if (r >= 0 && plan->monitor)
        r = make_monitor(rdt, group_fd, plan, err);
    return r;
}

/* The monitoring group as a directory, -EBADF if there is none to have. */
static int open_monitor(int group_fd, const struct cf_rdt_record *record)
{
    cf_auto_fd int dir_fd = -EBADF;

    if (!record->monitor)
        return -EBADF;
    dir_fd = cf_sys_openat(group_fd, "mon_groups", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
    return dir_fd < 0 ? dir_fd
                      : cf_sys_openat(dir_fd, record->monitor, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
}

int cf_rdt_enter(const struct cf_rdt *rdt, const struct cf_rdt_record *record, pid_t pid, struct cf_err *err)
{
    cf_auto_fd int group_fd = open_group(rdt, record->group), monitor_fd = -EBADF;
    char text[CF_NUM_SIZE];
    int r;

    if (group_fd < 0)
        return cf_err_sys(err, group_fd, "open the class `%s` in resctrl", record->group);
    (void) cf_num_format(text, (uint64_t) pid);
    r = write_file(rdt, group_fd, "tasks", text, err);
    if (r < 0 || !record->monitor)
        return r;
    monitor_fd = open_monitor(group_fd, record);
    if (monitor_fd < 0)
        return cf_err_sys(err, monitor_fd, "open the monitoring group `%s` in resctrl", record->monitor);
    return write_file(rdt, monitor_fd, "tasks", text, err);
}

int cf_rdt_remove(const struct cf_rdt *rdt, const struct cf_rdt_record *record, struct cf_err *err)
{
    cf_auto_fd int group_fd = open_group(rdt, record->group), dir_fd = -EBADF;
    int r = 0;

    if (group_fd < 0)
        return group_fd == -ENOENT ? 0 : cf_err_sys(err, group_fd, "open the class `%s` in resctrl", record->group);
    if (record->monitor) {
        dir_fd = cf_sys_openat(group_fd, "mon_groups", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
        r = dir_fd < 0 ? dir_fd : cf_sys_unlinkat(dir_fd, record->monitor, AT_REMOVEDIR);
    }
    if ((r >= 0 || r == -ENOENT) && record->created && strcmp(record->group, "/") != 0)
        r = cf_sys_unlinkat(rdt->fd, record->group, AT_REMOVEDIR);
    return r >= 0 || r == -ENOENT ? 0 : cf_err_sys(err, r, "remove the class `%s` from resctrl", record->group);
}

int cf_rdt_update(const struct cf_rdt *rdt, const struct cf_rdt_record *record, const char *l3, const char *mb,
                  struct cf_err *err)
{
    const struct cf_rdt_plan plan = {.wanted = true, .group = record->group, .l3 = l3, .mb = mb};
    cf_auto_fd int group_fd = open_group(rdt, record->group);
    int r = check_enabled(rdt, &plan, err);

    if (r < 0)
        return r;
    if (group_fd < 0)
        return cf_err_sys(err, group_fd, "open the class `%s` in resctrl", record->group);
    return write_schemata(rdt, group_fd, &plan, err);
}
