/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where the container's cgroup will be, host side, without any effect: so the state record can name
 * it before it exists. v2 reads /proc/self/cgroup only for relative paths; v1 finds its hierarchies
 * in mountinfo and never by the names of directories (engines leave directories behind for
 * controllers that are not there).
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/systemd.h"
#include "sys/fs.h"

#define PROC_LIMIT (16u << 20)
#define OWN_CGROUPS "/proc/thread-self/cgroup"
#define V2_MOUNT "/sys/fs/cgroup"

static int read_proc(const char *file, char **ret, struct cf_err *err)
{
    int r = cf_io_read_file_at(AT_FDCWD, file, PROC_LIMIT, ret, NULL);

    return r < 0 ? cf_err_sys(err, r, "read `%s`", file) : 0;
}

/* The kernel shows this one file as a whole: what leaves room in the buffer is all there is. */
static int read_own_cgroups(char **ret, struct cf_err *err)
{
    cf_auto_fd int fd = cf_sys_openat(AT_FDCWD, OWN_CGROUPS, O_RDONLY | O_CLOEXEC, 0);
    char text[4096];
    long n;

    if (fd < 0)
        return cf_err_sys(err, fd, "read `" OWN_CGROUPS "`");
    n = cf_sys_read(fd, text, sizeof(text) - 1);
    if (n < 0 || n >= (long) sizeof(text) - 1)
        return read_proc(OWN_CGROUPS, ret, err);
    text[n] = '\0';
    *ret = strdup(text);
    return *ret ? 0 : cf_err_oom(err);
}

/* Cuts a line off *p. NULL: no more. */
static char *next_line(char **p)
{
    char *line = *p, *end;

    if (!line || !*line)
        return NULL;
    end = strchr(line, '\n');
    if (end)
        *end++ = '\0';
    *p = end;
    return line;
}

static char *next_word(char **p)
{
    char *word = *p, *end;

    if (!word)
        return NULL;
    end = strchr(word, ' ');
    if (end)
        *end++ = '\0';
    *p = end;
    return word;
}

/* The path of a hierarchy in the text of /proc/self/cgroup ("N:CONTROLLERS:PATH"). A copy in the
 * arena; NULL if it is not there. */
static const char *own_path(const char *text, const char *controllers, struct cf_arena *arena)
{
    size_t len = strlen(controllers);

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        const char *name, *end;

        if (*line == '\n')
            line++;
        name = strchr(line, ':');
        if (!name)
            break;
        name++;
        if (strncmp(name, controllers, len) != 0 || name[len] != ':')
            continue;
        name += len + 1;
        end = strchr(name, '\n');
        return cf_arena_strndup(arena, name, end ? (size_t) (end - name) : strlen(name));
    }
    return NULL;
}

/* "/a/b" -> "/a", "/a" -> "". Outside our cgroup namespace ("/.."): as if we were at its root. */
static void to_parent(char *path)
{
    char *last = strrchr(path, '/');

    if (cf_str_starts_with(path, "/.."))
        path[0] = '\0';
    else if (last)
        *last = '\0';
}

static int locate_v2(const struct cf_cgroup_plan *plan, struct cf_arena *arena,
                     struct cf_cgroup_record *ret, struct cf_err *err)
{
    struct cf_cgroup_dir *dir = cf_arena_alloc(arena, sizeof(*dir));
    cf_auto_free char *text = NULL;
    const char *own;
    char *parent;
    int r;

    if (!dir)
        return cf_err_oom(err);
    *dir = (struct cf_cgroup_dir) {.hierarchy = V2_MOUNT, .path = plan->path, .controllers = ""};
    *ret = (struct cf_cgroup_record) {.backend = "v2", .dirs = dir, .n_dirs = 1};
    if (plan->path[0] == '/')
        return 0;
    r = read_own_cgroups(&text, err);
    if (r < 0)
        return r;
    own = own_path(text, "", arena);
    /* Beside our own cgroup, not in it: it has processes, so it can have no children with
     * controllers (the kernel's no-internal-process rule). */
    parent = cf_arena_strdup(arena, own ? own : "/");
    if (!parent)
        return cf_err_oom(err);
    to_parent(parent);
    dir->path = cf_arena_printf(arena, "%s/%s", parent, plan->path);
    return dir->path ? 0 : cf_err_oom(err);
}

/* Octal escapes of mountinfo (\040 for a blank), in place. */
static void unescape(char *s)
{
    char *out = s;

    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
            s[3] >= '0' && s[3] <= '7') {
            *out++ = (char) ((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 3;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
}

struct mount_line {
    char *root, *point, *fstype, *options;
};

/* "ID PARENT MAJ:MIN ROOT POINT OPTIONS [FIELDS] - FSTYPE SOURCE SUPER-OPTIONS" */
static bool parse_mount(char *line, struct mount_line *ret)
{
    char *tail = strstr(line, " - ");

    if (!tail)
        return false;
    *tail = '\0';
    tail += 3;
    for (int i = 0; i < 3; i++)
        (void) next_word(&line);
    ret->root = next_word(&line);
    ret->point = next_word(&line);
    ret->fstype = next_word(&tail);
    (void) next_word(&tail);
    ret->options = next_word(&tail);
    if (!ret->root || !ret->point || !ret->fstype || !ret->options)
        return false;
    unescape(ret->root);
    unescape(ret->point);
    return true;
}

static bool option_list_has(const char *list, const char *word, size_t len)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");

        if (n == len && memcmp(p, word, len) == 0)
            return true;
        p += n + (p[n] == ',');
    }
    return false;
}

/* Every name of the hierarchy ("cpu,cpuacct", "name=systemd") is among the mount's options. */
static bool mount_serves(const struct mount_line *mount, const char *controllers)
{
    for (const char *p = controllers; *p;) {
        size_t n = strcspn(p, ",");

        if (!option_list_has(mount->options, p, n))
            return false;
        p += n + (p[n] == ',');
    }
    return true;
}

/* Our path seen from the mount: what the mount already starts at is left out. */
static const char *below_mount_root(const char *own, const char *root)
{
    size_t n = strlen(root);

    if (strcmp(root, "/") == 0)
        return own;
    if (strncmp(own, root, n) == 0 && (own[n] == '/' || own[n] == '\0'))
        return own + n;
    return "/";
}

static int add_v1_dir(const struct cf_cgroup_plan *plan, const struct mount_line *mount,
                      const char *controllers, const char *own, struct cf_arena *arena,
                      struct cf_cgroup_dir *ret, struct cf_err *err)
{
    const char *base = "";

    if (plan->path[0] != '/') {
        char *copy = cf_arena_strdup(arena, below_mount_root(own, mount->root));

        if (!copy)
            return cf_err_oom(err);
        /* v1 lets a cgroup have processes and children; the hybrid's v2 tree does not. */
        if (!*controllers || cf_str_starts_with(copy, "/.."))
            to_parent(copy);
        base = strcmp(copy, "/") == 0 ? "" : copy;
    }
    *ret = (struct cf_cgroup_dir) {
        .hierarchy = cf_arena_strdup(arena, mount->point),
        .path = cf_arena_printf(arena, "%s%s%s", base, plan->path[0] == '/' ? "" : "/",
                                plan->path),
        .controllers = cf_arena_strdup(arena, controllers),
    };
    return ret->hierarchy && ret->path && ret->controllers ? 0 : cf_err_oom(err);
}

static bool is_known(const struct cf_cgroup_record *record, const char *controllers)
{
    for (size_t i = 0; i < record->n_dirs; i++) {
        if (strcmp(record->dirs[i].controllers, controllers) == 0)
            return true;
    }
    return false;
}

/* All hierarchies of /proc/self/cgroup that this mount shows (one). */
static int take_mount(const struct cf_cgroup_plan *plan, const struct mount_line *mount,
                      const char *cgroups, struct cf_arena *arena, size_t max,
                      struct cf_cgroup_record *ret, struct cf_err *err)
{
    const bool v2 = strcmp(mount->fstype, "cgroup2") == 0;

    for (const char *line = cgroups; line && *line; line = strchr(line, '\n')) {
        const char *name, *colon, *own;
        char *controllers;
        int r;

        if (*line == '\n')
            line++;
        name = strchr(line, ':');
        colon = name ? strchr(name + 1, ':') : NULL;
        if (!colon)
            break;
        name++;
        if (v2 != (colon == name))
            continue;
        controllers = cf_arena_strndup(arena, name, (size_t) (colon - name));
        if (!controllers)
            return cf_err_oom(err);
        if ((!v2 && !mount_serves(mount, controllers)) || is_known(ret, controllers) ||
            ret->n_dirs == max)
            continue;
        own = own_path(cgroups, controllers, arena);
        if (!own)
            return cf_err_oom(err);
        r = add_v1_dir(plan, mount, controllers, own, arena, &ret->dirs[ret->n_dirs], err);
        if (r < 0)
            return r;
        ret->n_dirs++;
        return 0;
    }
    return 0;
}

int cf_cgroup_locate_v1(const struct cf_cgroup_plan *plan, char *mounts, const char *cgroups,
                        struct cf_arena *arena, struct cf_cgroup_record *ret, struct cf_err *err)
{
    size_t max = 1;
    char *line;

    for (const char *p = cgroups; *p; p++)
        max += *p == '\n';
    *ret = (struct cf_cgroup_record) {
        .backend = "v1",
        .dirs = cf_arena_calloc(arena, max, sizeof(*ret->dirs)),
    };
    if (!ret->dirs)
        return cf_err_oom(err);
    while ((line = next_line(&mounts))) {
        struct mount_line mount;
        int r;

        if (!parse_mount(line, &mount) || !cf_str_starts_with(mount.fstype, "cgroup"))
            continue;
        r = take_mount(plan, &mount, cgroups, arena, max, ret, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int locate(const struct cf_cgroup_plan *plan, struct cf_arena *arena,
                  struct cf_cgroup_record *ret, struct cf_err *err)
{
    cf_auto_free char *mounts = NULL, *cgroups = NULL;
    int r;

    if (strcmp(plan->backend, "v2") == 0)
        return locate_v2(plan, arena, ret, err);
    if (strcmp(plan->backend, "v1") != 0) {
        *ret = (struct cf_cgroup_record) {.backend = "none"};
        return 0;
    }
    r = read_own_cgroups(&cgroups, err);
    if (r < 0)
        return r;
    r = read_proc("/proc/thread-self/mountinfo", &mounts, err);
    if (r < 0)
        return r;
    return cf_cgroup_locate_v1(plan, mounts, cgroups, arena, ret, err);
}

/* A look, not a promise: mkdir(2) decides. */
static void mark_missing(const struct cf_cgroup_record *record)
{
    for (size_t i = 0; i < record->n_dirs; i++) {
        struct cf_cgroup_dir *dir = &record->dirs[i];
        char path[PATH_MAX];
        struct stat st;

        dir->created = cf_str_path(path, sizeof(path), "%s%s", dir->hierarchy, dir->path) >= 0 &&
                       cf_sys_fstatat(AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW) == -ENOENT;
    }
}

int cf_cgroup_locate(const struct cf_cgroup_plan *plan, struct cf_arena *arena,
                     struct cf_cgroup_record *ret, struct cf_err *err)
{
    int r;

    /* Where it will be is up to systemd: cf_cgroup_create() learns it. */
    if (plan->systemd) {
        *ret = (struct cf_cgroup_record) {.backend = plan->backend, .subgroup = plan->subgroup};
        return cf_systemd_name_unit(plan->systemd, arena, ret, err);
    }
    r = locate(plan, arena, ret, err);
    if (r == 0) {
        ret->subgroup = plan->subgroup;
        mark_missing(ret);
    }
    return r;
}
