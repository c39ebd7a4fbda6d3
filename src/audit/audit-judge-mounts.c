/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What of the host's files, kernel settings and devices is in the container. Pure. */

#include <string.h>

#include "audit/audit.h"
#include "base/str.h"

static const char check_mounts[] = "mounts";

/* True if @path is @dir or below it. */
static bool is_below(const char *path, const char *dir)
{
    size_t len = strlen(dir);

    if (strcmp(dir, "/") == 0)
        return true;
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Who may talk to these commands the host. */
static bool is_command_socket(const char *path)
{
    static const char *const names[] = {"/docker.sock",    "/containerd.sock",       "/containerd.sock.ttrpc",
                                        "/crio.sock",      "/podman.sock",           "/buildkitd.sock",
                                        "/systemd/private", "/dbus/system_bus_socket", "/kubelet.sock"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (cf_str_ends_with(path, names[i]))
            return true;
    return false;
}

/* Directories from which the host is ruled; one that holds any of them is as bad. */
static bool is_sensitive(const char *path, bool readonly, const char *state_root)
{
    /* Of these every part is: keys, start-up scripts, settings of the host's kernel. */
    static const char *const trees[] = {"/boot", "/etc", "/proc", "/root"};
    static const char *const dirs[] = {"/bin",     "/boot",        "/dev",
                                       "/etc",     "/lib",         "/lib64",
                                       "/proc",    "/root",        "/run",
                                       "/sbin",    "/sys",         "/usr",
                                       "/var/lib", "/var/log",     "/var/run",
                                       "/home",    "/run/systemd", "/run/containerd",
                                       "/run/docker", "/var/lib/containerd", "/var/lib/containers",
                                       "/var/lib/docker", "/var/lib/kubelet", "/var/spool/cron"};

    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
        if (is_below(dirs[i], path))
            return true;
    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++)
        if (is_below(path, trees[i]))
            return true;
    if (!readonly && is_below(path, "/sys"))
        return true;
    return state_root && (is_below(state_root, path) || is_below(path, state_root));
}

static bool is_cgroup(const struct cf_audit_mount *m)
{
    return cf_str_starts_with(m->fstype, "cgroup");
}

/* A device node, a terminal, a namespace file: judged elsewhere, or harmless. */
static bool is_special(const struct cf_audit_mount *m)
{
    return (strcmp(m->fstype, "devtmpfs") == 0 && strcmp(m->root, "/") != 0) || strcmp(m->fstype, "devpts") == 0 ||
           strcmp(m->fstype, "nsfs") == 0 || strcmp(m->fstype, "mqueue") == 0 || is_cgroup(m);
}

static bool hosts_peer(const struct cf_audit_mounts *host, uint32_t group)
{
    for (size_t i = 0; i < host->n; i++)
        if (host->items[i].shared == group)
            return true;
    return false;
}

/* One that can be reached under several names is told once for each place in the container. */
static void judge_place(struct cf_audit_report *report, const struct cf_audit_mount *m, const char *path)
{
    enum coffer_audit_level level;

    if (strcmp(m->point, "/") == 0) {
        if (strcmp(path, "/") == 0)
            cf_audit_add(report, COFFER_AUDIT_PROBLEM, check_mounts, "its root is the host's root");
        return;
    }
    if (is_command_socket(path)) {
        cf_audit_add(report, COFFER_AUDIT_PROBLEM, check_mounts,
                     "`%s` is the host's `%s`: whoever may connect commands the host", m->point, path);
        return;
    }
    if (!is_sensitive(path, m->readonly, report->scene->host.state_root))
        return;
    if (m->readonly)
        level = cf_audit_by_userns(report, COFFER_AUDIT_NOTE, COFFER_AUDIT_WARNING);
    else
        level = cf_audit_by_userns(report, COFFER_AUDIT_WARNING, COFFER_AUDIT_PROBLEM);
    cf_audit_add(report, level, check_mounts, "`%s` is the host's `%s`, %s", m->point, path,
                 m->readonly ? "read-only" : "writable");
}

/* What the container writes through an id-mapped mount has ids of the file system itself, root's among them. */
static void judge_idmapped(struct cf_audit_report *report, const struct cf_audit_mount *m, const char *path,
                           const struct cf_audit_mount *host_mount)
{
    bool is_root = strcmp(m->point, "/") == 0;

    if (!m->idmapped || m->readonly || host_mount->nosuid)
        return;
    cf_audit_add(report, is_root ? COFFER_AUDIT_NOTE : COFFER_AUDIT_WARNING, "setuid-files",
                 "`%s` is id-mapped and writable, the host's `%s` not nosuid: a setuid file made inside works there "
                 "(none was looked for)",
                 m->point, path);
}

void cf_audit_judge_mounts(struct cf_audit_report *report)
{
    const struct cf_audit_mounts *mounts = &report->facts->mounts, *host = &report->scene->host.mounts;
    size_t n_host = 0;

    for (size_t i = 0; i < mounts->n; i++) {
        const struct cf_audit_mount *m = &mounts->items[i], *host_mount = NULL;
        const char *path;

        if (m->shared && hosts_peer(host, m->shared))
            cf_audit_add(report, COFFER_AUDIT_WARNING, check_mounts,
                         "what is mounted below `%s` appears on the host too (shared propagation)", m->point);
        if (is_special(m))
            continue;
        path = cf_audit_host_path(host, m, report->arena, &host_mount);
        if (!path) {
            report->failed |= host_mount != NULL;
            continue;
        }
        n_host += strcmp(m->point, "/") != 0;
        judge_place(report, m, path);
        judge_idmapped(report, m, path, host_mount);
    }
    if (mounts->cut)
        cf_audit_add(report, COFFER_AUDIT_WARNING, check_mounts, "so many mounts that only the first %zu were looked at",
                     mounts->n);
    if (cf_audit_clean(report, check_mounts))
        cf_audit_add(report, COFFER_AUDIT_OK, check_mounts, "%zu, of which %zu from the host, none of a sensitive place",
                     mounts->n, n_host);
    if (cf_audit_clean(report, "setuid-files"))
        cf_audit_add(report, COFFER_AUDIT_OK, "setuid-files", "no writable id-mapped mount of a place where they work");
}

/* proc or sysfs itself is what a path of the container leads to. */
static const struct cf_audit_mount *kernel_mount_at(const struct cf_audit_report *report, const char *path)
{
    const struct cf_audit_mount *m = cf_audit_mount_at(&report->facts->mounts, path);

    /* A clone of a part of it over the path is the same files, perhaps read-only. */
    if (!m || (strcmp(m->fstype, "proc") != 0 && strcmp(m->fstype, "sysfs") != 0) || m->subset_pid)
        return NULL;
    return m;
}

static bool is_writable(const struct cf_audit_report *report, const char *path)
{
    const struct cf_audit_mount *m = kernel_mount_at(report, path);

    return m && !m->readonly;
}

static void judge_masked(struct cf_audit_report *report)
{
    char names[512] = "";

    for (size_t i = 0; i < CF_AUDIT_N_MASKED; i++) {
        if (!report->scene->host.masked_exists[i] || !kernel_mount_at(report, cf_audit_masked[i]))
            continue;
        (void) cf_str_append(names, sizeof(names), names[0] ? ", " : "");
        (void) cf_str_append(names, sizeof(names), cf_audit_masked[i]);
    }
    if (names[0])
        cf_audit_add(report, cf_audit_by_userns(report, COFFER_AUDIT_NOTE, COFFER_AUDIT_WARNING), "masked-paths",
                     "not masked: %s", names);
    else
        cf_audit_add(report, COFFER_AUDIT_OK, "masked-paths", "what tells of the host in /proc and /sys is masked");
}

void cf_audit_judge_kernel_paths(struct cf_audit_report *report)
{
    const char *check = "sysctls";

    if (is_writable(report, "/proc/sys"))
        cf_audit_add(report, cf_audit_by_userns(report, COFFER_AUDIT_NOTE, COFFER_AUDIT_PROBLEM), check,
                     "/proc/sys is writable%s", report->confined ? "; only settings of its own namespaces obey"
                                                                 : ": settings of the host's kernel are in reach");
    for (size_t i = 0; i < CF_AUDIT_N_LEVERS && !report->confined; i++)
        if (report->scene->host.lever_exists[i] && is_writable(report, cf_audit_levers[i]))
            cf_audit_add(report, i == 0 ? COFFER_AUDIT_PROBLEM : COFFER_AUDIT_WARNING, check, "%s is writable",
                         cf_audit_levers[i]);
    if (is_writable(report, "/sys/kernel"))
        cf_audit_add(report, cf_audit_by_userns(report, COFFER_AUDIT_NOTE, COFFER_AUDIT_PROBLEM), check,
                     "/sys is writable%s", report->confined ? ", but its files belong to the host's root" : "");
    if (cf_audit_clean(report, check))
        cf_audit_add(report, COFFER_AUDIT_OK, check, "/proc/sys and /sys are not writable");
    judge_masked(report);
}

/* null, zero, full, random, urandom, tty, console, ptmx; terminals. */
static bool is_default_device(const struct cf_audit_device *d)
{
    static const uint8_t memory[] = {3, 5, 7, 8, 9};

    if (d->block)
        return false;
    for (size_t i = 0; i < sizeof(memory); i++)
        if (d->major == 1 && d->minor == memory[i])
            return true;
    return (d->major == 5 && d->minor <= 2) || (d->major >= 136 && d->major <= 143);
}

void cf_audit_judge_devices(struct cf_audit_report *report)
{
    const struct cf_audit_facts *facts = report->facts;
    const char *check = "devices";

    for (size_t i = 0; i < facts->n_devices; i++) {
        const struct cf_audit_device *d = &facts->devices[i];
        bool memory = !d->block && d->major == 1 && (d->minor == 1 || d->minor == 2 || d->minor == 4);

        if (is_default_device(d))
            continue;
        if (d->block || memory)
            cf_audit_add(report, cf_audit_by_userns(report, COFFER_AUDIT_WARNING, COFFER_AUDIT_PROBLEM), check,
                         "`%s` is a %s (%u:%u)", d->path, d->block ? "block device" : "way into the host's memory", d->major,
                         d->minor);
        else
            cf_audit_add(report, COFFER_AUDIT_NOTE, check, "`%s` is a device (%u:%u)", d->path, d->major, d->minor);
    }
    if (facts->devices_unread)
        cf_audit_add(report, COFFER_AUDIT_NOTE, check, "/dev is no file system of the kernel's, so it was not looked into");
    if (cf_audit_clean(report, check))
        cf_audit_add(report, COFFER_AUDIT_OK, check, "only the default ones in /dev");
}
