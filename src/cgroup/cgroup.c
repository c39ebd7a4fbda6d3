/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The open cgroup and the way to its backend. Host side. What a record says is believed only as far
 * as the directory's inode agrees: another cgroup of the same name is not ours (rule R28).
 */

#include "cgroup/cgroup.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/systemd.h"
#include "sys/fs.h"
#include "sys/task.h"

const struct cf_cgroup_ops *cf_cgroup_ops_of(const char *backend)
{
    static const struct cf_cgroup_ops *const all[] = {&cf_cgroup_ops_v2, &cf_cgroup_ops_v1,
                                                      &cf_cgroup_ops_none};

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (cf_str_eq(all[i]->name, backend))
            return all[i];
    }
    return NULL;
}

int cf_cgroup_time_left(int64_t deadline_ms)
{
    int64_t left;

    if (deadline_ms < 0)
        return -1;
    left = deadline_ms - cf_clock_monotonic_ms();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left;
}

static struct cf_cgroup *cgroup_new(const struct cf_cgroup_ops *ops, size_t max_dirs)
{
    struct cf_arena *arena = cf_arena_new();
    struct cf_cgroup *cg = arena ? cf_arena_alloc(arena, sizeof(*cg)) : NULL;

    if (cg) {
        cg->arena = arena;
        cg->ops = ops;
        cg->leaf_fd = -EBADF;
        cg->unit_holder_fd = -EBADF;
        cg->dirs = cf_arena_calloc(arena, max_dirs + 1, sizeof(*cg->dirs));
    }
    if (!cg || !cg->dirs) {
        cf_arena_free(arena);
        return NULL;
    }
    return cg;
}

int cf_cgroup_add_dir(struct cf_cgroup *cg, int fd, const struct cf_cgroup_dir *dir)
{
    struct cf_cgroup_open_dir *open_dir = &cg->dirs[cg->n];

    *open_dir = (struct cf_cgroup_open_dir) {
        .parent_fd = -EBADF,
        .fd = fd,
        .hierarchy = cf_arena_strdup(cg->arena, dir->hierarchy),
        .path = cf_arena_strdup(cg->arena, dir->path),
        .controllers = cf_arena_strdup(cg->arena, dir->controllers ? dir->controllers : ""),
        .inode = dir->inode,
        .parents = dir->parents,
        .created = dir->created,
    };
    if (!open_dir->hierarchy || !open_dir->path || !open_dir->controllers) {
        cf_fd_close(&open_dir->fd);
        return -ENOMEM;
    }
    cg->n++;
    return 0;
}

void cf_cgroup_close(struct cf_cgroup *cg)
{
    if (!cg)
        return;
    cf_cgroup_unit_release(cg);
    cf_fd_close(&cg->leaf_fd);
    for (size_t i = 0; i < cg->n; i++) {
        cf_fd_close(&cg->dirs[i].fd);
        cf_fd_close(&cg->dirs[i].parent_fd);
    }
    cf_arena_free(cg->arena); /* cg itself lives in it */
}

int cf_cgroup_create(const struct cf_cgroup_plan *plan, struct cf_cgroup_record *record,
                     struct cf_cgroup **ret, struct cf_err *err)
{
    cf_auto(cf_cgroup_closep) struct cf_cgroup *cg = NULL;
    const struct cf_cgroup_ops *ops = cf_cgroup_ops_of(record->backend);
    cf_auto(cf_systemd_release) int holder_fd = -EBADF;
    bool unit_made = false;
    int r;

    if (!ops)
        return cf_err_set(err, COFFER_ERROR_BUG, "cgroup-backend", -EINVAL,
                          "unknown cgroup backend `%s`", record->backend);
    r = record->unit ? cf_cgroup_unit_start(plan, record, &holder_fd, &unit_made, err) : 0;
    if (r < 0) {
        cf_err_step(err, "cgroup");
        return r;
    }
    cg = cgroup_new(ops, record->n_dirs);
    if (!cg)
        return cf_err_oom(err);
    cg->unit = record->unit ? record : NULL;
    cg->unit_made = unit_made;
    cg->unit_holder_fd = cf_steal_fd(&holder_fd);
    r = ops->create(plan, record, cg, err);
    if (r == 0)
        cf_cgroup_pids_make_room(plan, cg);
    if (r == 0 && cg->unit)
        r = cf_cgroup_unit_settle(plan, cg, err);
    if (r < 0) {
        /* What we did not make is not ours, however free its name was a moment ago. */
        for (size_t i = 0; i < record->n_dirs; i++)
            record->dirs[i].created = record->dirs[i].created && record->dirs[i].inode != 0;
        cf_err_step(err, "cgroup");
        return r;
    }
    *ret = cf_steal_ptr(&cg);
    return 0;
}

static bool is_root_path(const char *path)
{
    return !path || path[strspn(path, "/.")] == '\0';
}

int cf_cgroup_open(const struct cf_cgroup_record *record, struct cf_cgroup **ret,
                   struct cf_err *err)
{
    const struct cf_cgroup_ops *ops = cf_cgroup_ops_of(record->backend);
    cf_auto(cf_cgroup_closep) struct cf_cgroup *cg = NULL;

    if (!ops)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-backend", -EINVAL,
                          "unknown cgroup backend `%s`", record->backend ? record->backend : "");
    cg = cgroup_new(ops, record->n_dirs);
    if (!cg)
        return cf_err_oom(err);
    for (size_t i = 0; i < record->n_dirs; i++) {
        const struct cf_cgroup_dir *dir = &record->dirs[i];
        cf_auto_fd int root_fd = -EBADF;
        uint64_t inode = 0;
        int fd;

        if (dir->inode == 0 || is_root_path(dir->path))
            continue;
        root_fd = cf_cgfs_open_hierarchy(dir->hierarchy, dir->controllers && *dir->controllers);
        if (root_fd < 0)
            continue;
        fd = cf_cgfs_open_dir(root_fd, dir->path, &inode);
        if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR && fd != -ENODEV)
            return cf_err_sys(err, fd, "open cgroup `%s` in `%s`", dir->path, dir->hierarchy);
        if (fd < 0 || inode != dir->inode) {
            cf_fd_close(&fd);
            continue;
        }
        if (cf_cgroup_add_dir(cg, fd, dir) < 0)
            return cf_err_oom(err);
        if (!strchr(dir->path + strspn(dir->path, "/"), '/'))
            cg->dirs[cg->n - 1].parent_fd = cf_steal_fd(&root_fd);
    }
    if (record->subgroup) {
        cg->subgroup = cf_arena_strdup(cg->arena, record->subgroup);
        if (!cg->subgroup)
            return cf_err_oom(err);
    }
    *ret = cf_steal_ptr(&cg);
    return 0;
}

int cf_cgroup_clone_fd(const struct cf_cgroup *cg)
{
    if (cg->ops != &cf_cgroup_ops_v2 || cg->n == 0 || cg->unit_no_clone)
        return -1;
    return cg->leaf_fd >= 0 ? cg->leaf_fd : cg->dirs[0].fd;
}

static bool list_has(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");

        if (n == len && memcmp(p, word, len) == 0)
            return true;
        p += n + (p[n] == ',');
    }
    return false;
}

int cf_cgroup_dir_fd(const struct cf_cgroup *cg, const char *controller)
{
    if (cf_str_empty(controller) && cg->leaf_fd >= 0)
        return cg->leaf_fd;
    for (size_t i = 0; i < cg->n; i++) {
        const char *controllers = cg->dirs[i].controllers;

        if (cf_str_empty(controller) ? !*controllers
                                     : strcmp(controllers, controller) == 0 ||
                                           list_has(controllers, controller))
            return cg->dirs[i].fd;
    }
    return -1;
}

int cf_cgroup_attach(struct cf_cgroup *cg, pid_t pid, struct cf_err *err)
{
    int r = cg->unit_no_clone ? cf_systemd_attach(cg->unit, pid, err) : cg->ops->attach(cg, pid, err);

    if (r < 0)
        cf_err_step(err, "cgroup");
    return r;
}

int cf_cgroup_kill(struct cf_cgroup *cg, int signo, struct cf_err *err)
{
    return cg->ops->kill(cg, signo, err);
}

int cf_cgroup_freeze(struct cf_cgroup *cg, bool on, struct cf_err *err)
{
    return cg->ops->freeze(cg, on, err);
}

int cf_cgroup_is_frozen(struct cf_cgroup *cg)
{
    return cg->ops->is_frozen(cg);
}

int cf_cgroup_populated(struct cf_cgroup *cg)
{
    return cg->ops->populated(cg);
}

int cf_cgroup_oom_killed(struct cf_cgroup *cg)
{
    return cg->ops->oom_killed(cg);
}

static int compare_pids(const void *a, const void *b)
{
    pid_t x = *(const pid_t *) a, y = *(const pid_t *) b;

    return (x > y) - (x < y);
}

int cf_cgroup_pids(struct cf_cgroup *cg, pid_t **ret, size_t *ret_n, struct cf_err *err)
{
    cf_auto(cf_cgfs_pids_done) struct cf_cgfs_pids list = {0};
    size_t n = 0;
    int r = 0;

    /* All hierarchies have the same processes, as long as nobody moved one: a freezer or v2 tree
     * cannot be left by the container, so any one will do. */
    if (cg->n > 0) {
        int fd = cf_cgroup_dir_fd(cg, "freezer");

        r = cf_cgfs_list_pids(fd >= 0 ? fd : cg->dirs[0].fd, &list);
    }
    if (r < 0)
        return cf_err_sys(err, r, "list the processes of the cgroup");
    if (list.n > 0)
        qsort(list.pids, list.n, sizeof(pid_t), compare_pids);
    for (size_t i = 0; i < list.n; i++) {
        if (n == 0 || list.pids[n - 1] != list.pids[i])
            list.pids[n++] = list.pids[i];
    }
    *ret_n = n;
    *ret = cf_steal_ptr(&list.pids);
    return 0;
}

/* Where we hold the directory above: a single try. -EBUSY: it has processes or children. */
static int remove_at_once(const struct cf_cgroup_open_dir *dir)
{
    const char *name = strrchr(dir->path, '/');
    struct stat st;
    int r;

    if (dir->parent_fd < 0 || !dir->created || is_root_path(dir->path) || !name || !name[1])
        return -EBUSY;
    r = cf_sys_fstatat(dir->parent_fd, name + 1, &st, AT_SYMLINK_NOFOLLOW);
    if (r >= 0)
        r = st.st_ino == dir->inode ? cf_sys_unlinkat(dir->parent_fd, name + 1, AT_REMOVEDIR) : 0;
    return r == -ENOENT || r == -ENODEV ? 0 : r;
}

/* Once more by name, and once more the inode: rmdir(2) cannot take an fd. */
static int remove_dir(const struct cf_cgroup_open_dir *dir)
{
    cf_auto_fd int root_fd = -EBADF, parent_fd = -EBADF, fd = -EBADF;
    char parent[PATH_MAX];
    char *name;
    uint64_t inode;
    int r;

    if (!dir->created || is_root_path(dir->path))
        return 0;
    r = cf_str_copy(parent, sizeof(parent), dir->path);
    if (r < 0)
        return r;
    name = strrchr(parent, '/');
    if (!name || !name[1])
        return -EINVAL;
    *name++ = '\0';
    root_fd = cf_cgfs_open_hierarchy(dir->hierarchy, *dir->controllers);
    if (root_fd < 0)
        return root_fd;
    parent_fd = cf_cgfs_open_dir(root_fd, parent, NULL);
    if (parent_fd < 0)
        return parent_fd == -ENOENT ? 0 : parent_fd;
    fd = cf_cgfs_open_dir(parent_fd, name, &inode);
    if (fd < 0 || inode != dir->inode)
        return fd >= 0 || fd == -ENOENT ? 0 : fd;
    r = cf_sys_unlinkat(parent_fd, name, AT_REMOVEDIR);
    if (r == -EBUSY) {
        r = cf_cgfs_rm_children(fd);
        if (r == 0 || r == -EBUSY)
            r = cf_sys_unlinkat(parent_fd, name, AT_REMOVEDIR);
    }
    return r == -ENOENT || r == -ENODEV ? 0 : r;
}

/* What was made above it goes with it, as far as nobody else is in there. */
static void remove_parents(const struct cf_cgroup_open_dir *dir)
{
    cf_auto_fd int root_fd = -EBADF;
    char parent[PATH_MAX];
    char *name;

    if (!dir->created || dir->parents == 0 || cf_str_copy(parent, sizeof(parent), dir->path) < 0)
        return;
    name = strrchr(parent, '/');
    if (!name)
        return;
    *name = '\0';
    root_fd = cf_cgfs_open_hierarchy(dir->hierarchy, *dir->controllers);
    if (root_fd >= 0)
        cf_cgfs_unmake(root_fd, parent, dir->parents);
}

/* The kernel may count a task for some microseconds after its end was announced: EBUSY is tried
 * again, shortly and within the deadline. */
static int remove_dir_retry(const struct cf_cgroup_open_dir *dir, int64_t deadline_ms)
{
    int r;

    for (unsigned int i = 0;; i++) {
        const struct timespec pause = {.tv_nsec = 200000};

        r = remove_dir(dir);
        if (r != -EBUSY || i == 500 || cf_cgroup_time_left(deadline_ms) == 0)
            return r;
        (void) cf_sys_nanosleep(&pause, NULL);
    }
}

/* The cgroup was there before us; the child for the processes was not. */
static int remove_subgroup(const struct cf_cgroup *cg, struct cf_err *err)
{
    int r = cf_cgroup_subgroup_remove(cg->dirs[0].fd, cg->subgroup);

    if (r < 0) {
        (void) cf_err_sys(err, r, "remove the child `%s` of cgroup `%s`", cg->subgroup, cg->dirs[0].path);
        cf_err_step(err, "cgroup");
    }
    return r;
}

int cf_cgroup_destroy(struct cf_cgroup *cg, int timeout_ms, struct cf_err *err)
{
    int64_t deadline = timeout_ms < 0 ? -1 : cf_clock_monotonic_ms() + timeout_ms;
    bool any = false;
    int first = 0;

    for (size_t i = 0; i < cg->n; i++)
        any |= cg->dirs[i].created;
    if (!any && !cg->subgroup)
        return 0;
    if (cg->n == 1 && remove_at_once(&cg->dirs[0]) == 0) {
        remove_parents(&cg->dirs[0]);
        return 0;
    }
    first = cg->ops->wait_empty(cg, deadline, err);
    if (first < 0) {
        cf_err_step(err, "cgroup");
        return first;
    }
    if (!any && cg->n > 0)
        return remove_subgroup(cg, err);
    for (size_t i = cg->n; i > 0; i--) {
        int r = remove_dir_retry(&cg->dirs[i - 1], deadline);

        if (r >= 0)
            remove_parents(&cg->dirs[i - 1]);
        if (r < 0 && first == 0) {
            first = cf_err_sys(err, r, "remove cgroup `%s` in `%s`", cg->dirs[i - 1].path,
                               cg->dirs[i - 1].hierarchy);
            cf_err_step(err, "cgroup");
        }
    }
    return first;
}
