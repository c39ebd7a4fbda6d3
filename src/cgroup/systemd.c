/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Starting, changing and stopping the container's unit. Host side.
 *
 * A scope needs a process, and the container's is made in its cgroup with clone3(2): so a process of our own,
 * which only waits, is there first and ends when the other has come. It dies with the caller; a scope without
 * processes is removed by systemd, so a caller that is killed leaves nothing behind.
 */

#include "cgroup/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/systemd-internal.h"
#include "sys/cred.h"
#include "sys/fs.h"
#include "sys/sock.h"
#include "sys/task.h"

#define SYSTEM_PRIVATE "/run/systemd/private"
#define SYSTEM_BUS "/run/dbus/system_bus_socket"
#define PROC_LIMIT (1u << 20)
/* A unit that has no processes any more is forgotten at once, but by somebody else. */
#define GONE_TIMEOUT_MS 1000

/* ---- the bus ---- */

/* A path in a D-Bus address: other characters than these are written as %XX. */
static int append_path(char *address, size_t size, const char *path)
{
    size_t at = strlen(address);

    for (; *path; path++) {
        bool plain = (*path >= 'a' && *path <= 'z') || (*path >= 'A' && *path <= 'Z') ||
                     (*path >= '0' && *path <= '9') || strchr("-_/.\\*", *path);
        size_t n = cf_format(address + at, size - at, plain ? "%c" : "%%%02x", (unsigned char) *path);

        if (n >= size - at)
            return -ENAMETOOLONG;
        at += n;
    }
    return 0;
}

static bool exists(const char *path)
{
    return cf_sys_faccessat2(AT_FDCWD, path, F_OK, 0) == 0;
}

/* An address of the environment: sockets only, so that nothing is executed. */
static int check_address(const char *address, struct cf_err *err)
{
    for (const char *part = address; part; part = strchr(part, ';')) {
        part += *part == ';';
        if (*part && !cf_str_starts_with(part, "unix:")) {
            (void) cf_err_set(err, COFFER_ERROR_ARGUMENT, "systemd-bus", -EINVAL,
                              "the bus address `%s` is no address of a unix socket", address);
            return -EINVAL;
        }
    }
    return 0;
}

/* The manager's own socket, or else the message bus. */
static int default_address(const struct cf_systemd_plan *plan, char *address, size_t size)
{
    char dir[PATH_MAX], file[PATH_MAX];
    int r;

    (void) cf_str_copy(address, size, "unix:path=");
    if (!plan->user)
        return append_path(address, size, exists(SYSTEM_PRIVATE) ? SYSTEM_PRIVATE : SYSTEM_BUS);
    if (plan->runtime_dir && plan->runtime_dir[0] == '/')
        r = cf_str_copy(dir, sizeof(dir), plan->runtime_dir);
    else
        r = cf_str_path(dir, sizeof(dir), "/run/user/%u", plan->uid);
    if (r >= 0)
        r = cf_str_path(file, sizeof(file), "%s/systemd/private", dir);
    if (r >= 0 && !exists(file))
        r = cf_str_path(file, sizeof(file), "%s/bus", dir);
    return r < 0 ? r : append_path(address, size, file);
}

int cf_systemd_name_unit(const struct cf_systemd_plan *plan, struct cf_arena *arena,
                         struct cf_cgroup_record *record, struct cf_err *err)
{
    char address[PATH_MAX + 16];
    uint64_t token = 0;
    int r;

    if (!cf_str_empty(plan->bus_address)) {
        r = check_address(plan->bus_address, err);
        if (r < 0)
            return r;
        record->unit_bus = cf_arena_strdup(arena, plan->bus_address);
    } else {
        r = default_address(plan, address, sizeof(address));
        if (r < 0)
            return cf_err_sys(err, r, "find the socket of systemd");
        record->unit_bus = cf_arena_strdup(arena, address);
    }
    r = (int) cf_sys_getrandom(&token, sizeof(token), 0);
    if (r < 0)
        return cf_err_sys(err, r, "get a random number");
    /* Without it a unit of the same name, made by somebody else after ours was gone, could be taken for ours.
     */
    record->unit_description =
        cf_arena_printf(arena, "%s [%016llx]", plan->description, (unsigned long long) token);
    record->unit = cf_arena_strdup(arena, plan->unit);
    record->unit_user = plan->user;
    return record->unit_bus && record->unit_description && record->unit ? 0 : cf_err_oom(err);
}

/* ---- the holder ---- */

__attribute__((noreturn)) static void hold(int parent)
{
    const uint64_t all = UINT64_MAX;

    /* A key pressed at the terminal is not meant for it. */
    (void) cf_sys_rt_sigprocmask(SIG_SETMASK, &all, NULL);
    (void) cf_sys_prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void) cf_sys_close_range(0, UINT32_MAX, 0);
    while (cf_sys_getppid() == parent)
        (void) cf_sys_ppoll(NULL, 0, NULL);
    cf_sys_exit_group(0);
}

/* No signal to the caller at its end, and its own wait(2) does not see it. Our memory is copied, not shared:
 * in the container's cgroup the kernel may kill it for lack of memory. */
static int start_holder(int *ret_pidfd, struct cf_err *err)
{
    int parent = cf_sys_getpid(), pidfd = -EBADF;
    struct cf_clone_args args = {
        .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t) (uintptr_t) &pidfd,
    };
    int pid = cf_sys_clone3(&args, sizeof(args));

    if (pid == 0)
        hold(parent);
    if (pid < 0)
        return cf_err_sys(err, pid, "start the first process of the unit");
    *ret_pidfd = pidfd;
    return pid;
}

void cf_systemd_release(int *holder_fd)
{
    siginfo_t info;

    if (*holder_fd < 0)
        return;
    (void) cf_sys_pidfd_send_signal(*holder_fd, SIGKILL, NULL, 0);
    while (cf_sys_waitid(P_PIDFD, *holder_fd, &info, WEXITED | __WALL, NULL) == -EINTR)
        continue;
    cf_fd_close(holder_fd);
}

/* "0::/a/b" or "1:name=systemd:/a/b" of /proc/PID/cgroup. */
static int read_place(int pid, bool v2, struct cf_arena *arena, const char **ret, struct cf_err *err)
{
    const char *key = v2 ? "0::" : ":name=systemd:";
    cf_auto_free char *text = NULL;
    char file[64];
    char *at, *end;
    int r;

    (void) cf_format(file, sizeof(file), "/proc/%d/cgroup", pid);
    r = cf_io_read_file_at(AT_FDCWD, file, PROC_LIMIT, &text, NULL);
    if (r < 0)
        return cf_err_sys(err, r, "read `%s`", file);
    at = strstr(text, key);
    if (at) {
        at += strlen(key);
        end = strchr(at, '\n');
        if (end)
            *end = '\0';
    }
    if (!at || at[0] != '/' || cf_str_starts_with(at, "/.."))
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "systemd-place", -EOPNOTSUPP,
                          "the cgroup that systemd made is not in the caller's cgroup namespace");
    *ret = cf_arena_strdup(arena, at);
    return *ret ? 0 : cf_err_oom(err);
}

/* ---- start ---- */

static int properties_of(const struct cf_systemd_plan *plan, const struct cf_cgroup_record *record,
                         struct cf_arena *arena, struct cf_systemd_props *ret, struct cf_err *err)
{
    *ret = (struct cf_systemd_props){.arena = arena};
    cf_systemd_props_string(ret, "Description", record->unit_description);
    for (size_t i = 0; i < plan->n_properties; i++)
        cf_systemd_props_set(ret, &plan->properties[i]);
    return ret->oom ? cf_err_oom(err) : 0;
}

static int err_unit_exists(const char *unit, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_STATE, "systemd-unit-exists", -EEXIST,
                      "systemd has a unit `%s` already, which is in use", unit);
    cf_err_field(err, "linux.cgroupsPath");
    cf_err_hint(err,
                "choose another linux.cgroupsPath or container id; `systemctl status %s` tells what it is",
                unit);
    return -EEXIST;
}

/* A unit of that name that failed, or just ended, makes room. */
static int start_unit(struct cf_sdbus *bus, const struct cf_systemd_plan *plan,
                      const struct cf_systemd_props *props, int pid, bool *ret_created, struct cf_err *err)
{
    int r = cf_sdbus_start_unit(bus, plan->unit, props->items, props->n, pid, err);

    *ret_created = true;
    if (r == -EEXIST && plan->is_slice) {
        *ret_created = false;
        return 0;
    }
    if (r == -EEXIST) {
        cf_sdbus_reset_failed(bus, plan->unit);
        r = cf_sdbus_start_unit(bus, plan->unit, props->items, props->n, pid, err);
    }
    return r == -EEXIST ? err_unit_exists(plan->unit, err) : r;
}

static int slice_place(struct cf_sdbus *bus, const char *unit, struct cf_arena *arena, const char **ret,
                       struct cf_err *err)
{
    int r = cf_sdbus_get_string(bus, unit, "org.freedesktop.systemd1.Slice", "ControlGroup", arena, ret, err);

    if (r == -ENOENT || (r == 0 && (*ret)[0] != '/'))
        return cf_err_set(err, COFFER_ERROR_SYSTEM, "systemd-place", -ENOENT, "slice `%s` has no cgroup",
                          unit);
    return r;
}

int cf_systemd_start(const struct cf_systemd_plan *plan, bool v2, struct cf_arena *arena,
                     const struct cf_cgroup_record *record, const char **ret_path, int *ret_holder_fd,
                     bool *ret_created, struct cf_err *err)
{
    cf_auto(cf_sdbus_closep) struct cf_sdbus *bus = NULL;
    cf_auto(cf_systemd_release) int holder_fd = -EBADF;
    struct cf_systemd_props props;
    int pid = 0, r;

    r = properties_of(plan, record, arena, &props, err);
    if (r == 0)
        r = cf_sdbus_open(record->unit_bus, &bus, err);
    if (r == 0 && !plan->is_slice) {
        pid = start_holder(&holder_fd, err);
        r = pid < 0 ? pid : 0;
    }
    if (r == 0)
        r = start_unit(bus, plan, &props, pid, ret_created, err);
    if (r < 0)
        return r;
    r = plan->is_slice ? slice_place(bus, plan->unit, arena, ret_path, err)
                       : read_place(pid, v2, arena, ret_path, err);
    if (r < 0) {
        struct cf_err ignored = CF_ERR_INIT;

        cf_systemd_release(&holder_fd);
        if (*ret_created)
            (void) cf_sdbus_stop_unit(bus, plan->unit, &ignored);
        return r;
    }
    *ret_holder_fd = cf_steal_fd(&holder_fd);
    return 0;
}

/* ---- a unit that runs ---- */

int cf_systemd_attach(const struct cf_cgroup_record *record, pid_t pid, struct cf_err *err)
{
    cf_auto(cf_sdbus_closep) struct cf_sdbus *bus = NULL;
    int r = cf_sdbus_open(record->unit_bus, &bus, err);

    if (r == 0)
        r = cf_sdbus_attach(bus, record->unit, pid, err);
    if (r == -ENOENT && err->kind == COFFER_ERROR_NONE)
        r = cf_err_set(err, COFFER_ERROR_SYSTEM, "systemd-call", r, "unit `%s` is gone", record->unit);
    return r;
}

int cf_systemd_update(const struct cf_cgroup_record *record, const struct ocispec_resources *res, bool v2,
                      struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = NULL;
    cf_auto(cf_sdbus_closep) struct cf_sdbus *bus = NULL;
    const struct cf_systemd_property *properties;
    size_t n;
    int r;

    if (!record->unit || !record->unit_bus)
        return 0;
    arena = cf_arena_new();
    if (!arena)
        return cf_err_oom(err);
    r = cf_systemd_properties(res, v2, arena, &properties, &n, err);
    if (r < 0 || n == 0)
        return r;
    r = cf_sdbus_open(record->unit_bus, &bus, err);
    if (r == 0)
        r = cf_sdbus_set_properties(bus, record->unit, properties, n, err);
    if (r == -ENOENT && err->kind == COFFER_ERROR_NONE)
        r = cf_err_set(err, COFFER_ERROR_STATE, "systemd-call", r, "unit `%s` is gone", record->unit);
    return r;
}

/* ---- stop ---- */

/* systemd keeps a file for each transient unit as long as it knows the unit. NULL: unknown where. */
static const char *unit_file(const struct cf_cgroup_record *record, char *buf, size_t size)
{
    static const char *const endings[] = {"/systemd/private", "/bus"};
    const char *dir;
    size_t len = 0;

    if (!record->unit_user)
        return cf_str_path(buf, size, "/run/systemd/transient/%s", record->unit) < 0 ? NULL : buf;
    dir = cf_str_after(record->unit_bus, "unix:path=");
    for (size_t i = 0; dir && i < 2 && len == 0; i++) {
        if (cf_str_ends_with(dir, endings[i]))
            len = strlen(dir) - strlen(endings[i]);
    }
    if (len == 0 || strpbrk(dir, "%;,"))
        return NULL;
    return cf_str_path(buf, size, "%.*s/systemd/transient/%s", (int) len, dir, record->unit) < 0 ? NULL : buf;
}

static void wait_gone(const char *file)
{
    int64_t deadline = cf_clock_monotonic_ms() + GONE_TIMEOUT_MS;

    while (exists(file) && cf_clock_monotonic_ms() < deadline) {
        const struct timespec pause = {.tv_nsec = 1000000};

        (void) cf_sys_nanosleep(&pause, NULL);
    }
}

/* Return: 1 if the unit is that of the description, 0 if it is another or none. */
static int is_ours(struct cf_sdbus *bus, const struct cf_cgroup_record *record, const char *description,
                   struct cf_err *err)
{
    cf_auto(cf_arena_freep) struct cf_arena *arena = cf_arena_new();
    const char *text;
    int r;

    if (!arena)
        return cf_err_oom(err);
    r = cf_sdbus_get_string(bus, record->unit, "org.freedesktop.systemd1.Unit", "Description", arena, &text,
                            err);
    if (r == -ENOENT && err->kind == COFFER_ERROR_NONE)
        return 0;
    return r < 0 ? r : strcmp(text, description) == 0;
}

int cf_systemd_stop(const struct cf_cgroup_record *record, const char *description, struct cf_err *err)
{
    cf_auto(cf_sdbus_closep) struct cf_sdbus *bus = NULL;
    char buf[PATH_MAX];
    const char *file;
    int r;

    if (!record->unit || !record->unit_bus)
        return 0;
    file = unit_file(record, buf, sizeof(buf));
    if (file && !exists(file))
        return 0; /* without its processes it has gone by itself */
    r = cf_sdbus_open(record->unit_bus, &bus, err);
    if (r == -ENOENT || r == -ECONNREFUSED) {
        cf_err_clear(err); /* no manager, no units */
        return 0;
    }
    if (r == 0 && description) {
        r = is_ours(bus, record, description, err);
        if (r <= 0)
            return r;
    }
    if (r >= 0)
        r = cf_sdbus_stop_unit(bus, record->unit, err);
    if (r == -ENOENT && err->kind == COFFER_ERROR_NONE)
        return 0;
    if (r < 0)
        return r;
    /* An annotation may have told systemd to keep failed units. */
    if (file && exists(file))
        cf_sdbus_reset_failed(bus, record->unit);
    if (file)
        wait_gone(file);
    return 0;
}
