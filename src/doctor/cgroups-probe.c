/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Control groups as the caller may use them. Read-only, host side. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/format.h"
#include "base/io.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "doctor/checks.h"
#include "sys/fs.h"

#define TOP "/sys/fs/cgroup"

static bool writable(const char *dir, const char *file)
{
    char path[PATH_MAX];

    return cf_str_path(path, sizeof(path), "%s%s%s", dir, file[0] ? "/" : "", file) >= 0 &&
           cf_sys_faccessat2(AT_FDCWD, path, W_OK, AT_EACCESS) >= 0;
}

static bool exists(const char *path)
{
    struct stat st;

    return cf_sys_fstatat(AT_FDCWD, path, &st, 0) >= 0;
}

static bool is_socket(const char *path)
{
    struct stat st;

    return cf_sys_fstatat(AT_FDCWD, path, &st, 0) >= 0 && S_ISSOCK(st.st_mode);
}

/* Path of this process in the hierarchy of @controllers ("" for v2) from /proc/self/cgroup. */
static bool own_path(const char *text, const char *controller, char ret[PATH_MAX])
{
    while (*text) {
        const char *end = text + strcspn(text, "\n");
        const char *names = memchr(text, ':', (size_t) (end - text));
        const char *path = names ? memchr(names + 1, ':', (size_t) (end - names - 1)) : NULL;
        char list[256];
        size_t n;

        text = end + (*end == '\n');
        if (!path)
            continue;
        n = (size_t) (path - names - 1);
        if (n >= sizeof(list) || (size_t) (end - path - 1) >= PATH_MAX)
            continue;
        memcpy(list, names + 1, n);
        list[n] = '\0';
        if (controller[0] ? !cf_doctor_has_word(list, controller) : n != 0)
            continue;
        n = (size_t) (end - path - 1);
        memcpy(ret, path + 1, n);
        ret[n] = '\0';
        return true;
    }
    ret[0] = '\0';
    return false;
}

bool cf_cgroups_user_manager(const char *path, uint32_t uid, char ret[PATH_MAX])
{
    char name[48];
    const char *at;
    size_t n;

    (void) cf_format(name, sizeof(name), "/user@%u.service", uid);
    at = strstr(path, name);
    if (!at)
        return false;
    n = (size_t) (at - path) + strlen(name);
    if (n >= PATH_MAX || (path[n] && path[n] != '/'))
        return false;
    memmove(ret, path, n);
    ret[n] = '\0';
    return true;
}

/* The nearest limit of pids at or above a directory below the mount @top. */
static void probe_pids(struct cf_cgroups_facts *f, const char *top, const char *path)
{
    char dir[PATH_MAX], file[PATH_MAX];
    char *slash;

    if (cf_str_copy(dir, sizeof(dir), path) < 0)
        return;
    for (;;) {
        int64_t limit = CF_SYSCTL_ABSENT;

        if (cf_str_path(file, sizeof(file), "%s%s/pids.max", top, dir) >= 0)
            limit = cf_doctor_read_number(file);
        if (limit != CF_SYSCTL_ABSENT && limit != INT64_MAX) {
            f->pids_max = limit;
            if (cf_str_path(file, sizeof(file), "%s%s/pids.current", top, dir) >= 0)
                f->pids_now = cf_doctor_read_number(file);
            return;
        }
        slash = strrchr(dir, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

static void add_words(struct cf_cgroups_facts *f, const char *words)
{
    if (f->available[0] && words[0])
        (void) cf_str_append(f->available, sizeof(f->available), " ");
    for (; *words; words++) {
        const char c[2] = {*words == ',' ? ' ' : *words, '\0'};

        (void) cf_str_append(f->available, sizeof(f->available), c);
    }
}

/* Can the caller make cgroups in this one and move processes into them? Then it is the one. */
static bool take_delegated(struct cf_cgroups_facts *f, const char *path)
{
    char dir[PATH_MAX], file[PATH_MAX];

    if (cf_str_path(dir, sizeof(dir), TOP "%s", path) < 0 || !writable(dir, "") ||
        !writable(dir, "cgroup.procs") || !writable(dir, "cgroup.subtree_control"))
        return false;
    (void) cf_str_copy(f->delegated_path, sizeof(f->delegated_path), path[0] ? path : "/");
    if (cf_str_path(file, sizeof(file), "%s/cgroup.controllers", dir) >= 0)
        (void) cf_doctor_read_text(file, f->delegated, sizeof(f->delegated));
    return true;
}

static void probe_v2(struct cf_cgroups_facts *f, const struct cf_facts *caller, const char *text)
{
    static const char *const others[] = {TOP "/init.scope/cgroup.kill", TOP "/system.slice/cgroup.kill"};
    char path[PATH_MAX];

    (void) cf_doctor_read_text(TOP "/cgroup.controllers", f->available, sizeof(f->available));
    (void) own_path(text, "", f->own_path);
    f->freezer = true;
    f->kill_file = CF_NOT_TRIED;
    if (f->own_path[0] && f->own_path[1] &&
        cf_str_path(path, sizeof(path), TOP "%s/cgroup.kill", f->own_path) >= 0)
        f->kill_file = exists(path) ? 0 : -ENOENT;
    for (size_t i = 0; i < 2 && f->kill_file != 0; i++) {
        if (exists(others[i]))
            f->kill_file = 0;
    }
    f->own_writable = writable(TOP, "");
    probe_pids(f, TOP, f->own_path);
    if (!cf_cgroups_user_manager(f->own_path, caller->euid, path) &&
        cf_str_copy(path, sizeof(path), f->own_path) < 0)
        return;
    if (take_delegated(f, path))
        return;
    /* After a login this process is in a session, beside the cgroup of the user's manager. */
    (void) cf_str_path(path, sizeof(path), "/user.slice/user-%u.slice/user@%u.service", caller->euid,
                       caller->euid);
    f->via_manager = take_delegated(f, path);
}

static void probe_v1(struct cf_cgroups_facts *f, const struct cf_facts *caller, const char *text)
{
    char dir[PATH_MAX], path[PATH_MAX], list[256];

    f->kill_file = CF_NOT_TRIED;
    for (uint32_t i = 0; i < caller->n_hierarchies; i++) {
        const struct cf_facts_hierarchy *h = &caller->hierarchies[i];

        (void) cf_str_path(dir, sizeof(dir), TOP "/%s", h->dir);
        if (!h->controllers[0]) {
            f->hybrid = true;
            (void) cf_str_path(path, sizeof(path), "%s/cgroup.controllers", dir);
            if (cf_doctor_read_text(path, list, sizeof(list)) > 0)
                add_words(f, list);
            continue;
        }
        if (cf_str_starts_with(h->controllers, "name="))
            continue;
        add_words(f, h->controllers);
        f->own_writable = f->own_writable || writable(dir, "");
        if (cf_doctor_has_word(h->controllers, "pids") && own_path(text, "pids", path))
            probe_pids(f, dir, path);
    }
    f->freezer = cf_doctor_has_word(f->available, "freezer");
}

static void probe_systemd(struct cf_cgroups_facts *f, const struct cf_facts *caller, const char *runtime_dir)
{
    char path[PATH_MAX];

    f->systemd = exists("/run/systemd/system");
    if (caller->euid == 0 && !caller->in_userns) {
        f->systemd_socket = is_socket("/run/systemd/private") || is_socket("/run/dbus/system_bus_socket");
        return;
    }
    if (runtime_dir && cf_str_path(path, sizeof(path), "%s/systemd/private", runtime_dir) >= 0)
        f->systemd_socket = is_socket(path);
    if (runtime_dir && !f->systemd_socket && cf_str_path(path, sizeof(path), "%s/bus", runtime_dir) >= 0)
        f->systemd_socket = is_socket(path);
}

void cf_cgroups_probe(struct cf_cgroups_facts *ret, const struct cf_facts *caller, const char *runtime_dir)
{
    cf_auto_free char *text = NULL;

    *ret = (struct cf_cgroups_facts){
        .mode = caller->cgroup_mode,
        .kill_file = CF_NOT_TRIED,
        .pids_max = CF_SYSCTL_ABSENT,
        .pids_now = CF_SYSCTL_ABSENT,
        .pid_max = cf_doctor_read_number("/proc/sys/kernel/pid_max"),
    };
    probe_systemd(ret, caller, runtime_dir);
    if (cf_io_read_file_at(AT_FDCWD, "/proc/self/cgroup", 1u << 20, &text, NULL) < 0)
        return;
    if (ret->mode == CF_CGROUP_MODE_V2)
        probe_v2(ret, caller, text);
    else if (ret->mode == CF_CGROUP_MODE_V1)
        probe_v1(ret, caller, text);
}
