/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The part of a v2 cgroup that the container may manage itself: the child cgroup in which its
 * processes live, if one is asked for, and who owns it. Host side, before any process is in it.
 *
 * Given away are the directory and the files that the kernel lists for that purpose. Limits are not
 * among them, and nothing above is touched: what the container does below cannot exceed what it got.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/format.h"
#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "sys/fs.h"

#define DELEGATE_LIST "/sys/kernel/cgroup/delegate"
#define DELEGATE_LIST_LIMIT 16384

/* ---- controllers ---- */

/* Adds " +NAME" for every controller of @have that @enabled lacks. Return: true if there is one. */
static bool missing_controllers(const char *have, const char *enabled, char *ret, size_t size)
{
    size_t used = 0;

    ret[0] = '\0';
    while (*have) {
        size_t n = strcspn(have, " \n");
        char word[64];

        if (n > 0 && n < sizeof(word)) {
            memcpy(word, have, n);
            word[n] = '\0';
            if (!cf_cgfs_has_word(enabled, word) && used + n + 3 < size)
                used += cf_format(ret + used, size - used, "%s+%s", used ? " " : "", word);
        }
        have += n;
        have += strspn(have, " \n");
    }
    return used > 0;
}

/*
 * Whoever manages a cgroup wants its controllers. What cannot be had is no error: a parent with
 * processes, one of another owner, a controller that refuses. Limits that the configuration asks for
 * are another matter, and were dealt with before.
 */
void cf_cgroup_offer_controllers(int fd)
{
    char have[512], enabled[512], text[512];
    char *save = text;

    if (cf_cgfs_read(fd, "cgroup.controllers", have, sizeof(have)) < 0 ||
        cf_cgfs_read(fd, "cgroup.subtree_control", enabled, sizeof(enabled)) < 0 ||
        !missing_controllers(have, enabled, text, sizeof(text)) || cf_cgroup_v2_has_processes(fd))
        return;
    if (cf_cgfs_write(fd, "cgroup.subtree_control", text) >= 0)
        return;
    while (*save) { /* all or nothing is the kernel's rule for one write */
        size_t n = strcspn(save, " ");
        bool last = save[n] == '\0';

        save[n] = '\0';
        (void) cf_cgfs_write(fd, "cgroup.subtree_control", save);
        save += n + (last ? 0 : 1);
    }
}

/* From the root of the hierarchy down to the parent of @path. */
static void offer_down(int root_fd, const char *path)
{
    for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        char at[PATH_MAX];
        cf_auto_fd int fd = -EBADF;

        (void) cf_format(at, sizeof(at), "%.*s", (int) (slash == path ? 1 : slash - path), path);
        fd = cf_cgfs_open_dir(root_fd, at, NULL);
        if (fd >= 0)
            cf_cgroup_offer_controllers(fd);
    }
}

/* ---- owner ---- */

static int give_file(int fd, const char *name, const struct cf_cgroup_plan *plan)
{
    int r = cf_sys_fchownat(fd, name, plan->owner_uid, plan->owner_gid, AT_SYMLINK_NOFOLLOW);

    return r == -ENOENT ? 0 : r; /* of a controller that is not enabled here */
}

static int give_files(int fd, const struct cf_cgroup_plan *plan)
{
    /* What every kernel since the first delegation lists, for a host without sysfs. */
    static const char fallback[] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
    cf_auto_free char *text = NULL;
    char *line, *next;
    int r = cf_io_read_file_at(AT_FDCWD, DELEGATE_LIST, DELEGATE_LIST_LIMIT, &text, NULL);

    if (r < 0) {
        text = strdup(fallback);
        if (!text)
            return -ENOMEM;
    }
    for (line = text; *line; line = next) {
        next = line + strcspn(line, "\n");
        if (*next)
            *next++ = '\0';
        if (!*line || strchr(line, '/') || line[0] == '.')
            continue;
        r = give_file(fd, line, plan);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The directory last: until then nobody else can put anything into it. */
static int give(const struct cf_cgroup_plan *plan, const char *path, int fd, struct cf_err *err)
{
    int r = give_files(fd, plan);

    if (r == 0)
        r = cf_sys_fchown(fd, plan->owner_uid, plan->owner_gid);
    if (r == 0)
        return 0;
    /* An ordinary user cannot give anything away; the cgroup stays his and the container runs. */
    if ((r == -EPERM || r == -EROFS || r == -EACCES || r == -EINVAL) && plan->rootless_optional &&
        !plan->subgroup)
        return 0;
    (void) cf_err_set(err, COFFER_ERROR_SYSTEM, "cgroup-delegate", r,
                      "give cgroup `%s` to the container's root (host ids %u:%u)", path,
                      plan->owner_uid, plan->owner_gid);
    cf_err_hint(err, "mount the cgroup read-only in the container, or map its root to the caller");
    return r;
}

/* ---- the child ---- */

static int make_subgroup(const struct cf_cgroup_plan *plan, const char *path, int fd,
                         struct cf_err *err)
{
    int child, r = cf_sys_mkdirat(fd, plan->subgroup, 0755);

    if (r < 0) {
        (void) cf_err_set(err, r == -EEXIST ? COFFER_ERROR_STATE : COFFER_ERROR_SYSTEM,
                          "cgroup-delegate", r, "make the child `%s` of cgroup `%s`",
                          plan->subgroup, path);
        if (r == -EEXIST)
            cf_err_hint(err, "another one made it: remove it, or choose another name");
        return r;
    }
    child = cf_cgfs_open_dir(fd, plan->subgroup, NULL);
    if (child < 0) {
        (void) cf_sys_unlinkat(fd, plan->subgroup, AT_REMOVEDIR);
        return cf_err_sys(err, child, "open the child `%s` of cgroup `%s`", plan->subgroup, path);
    }
    return child;
}

int cf_cgroup_delegate(const struct cf_cgroup_plan *plan, int root_fd, const struct cf_cgroup_dir *dir, int fd,
                       int *ret_leaf, struct cf_err *err)
{
    cf_auto_fd int child = -EBADF;
    int r;

    *ret_leaf = -EBADF;
    if (!plan->subgroup && !plan->delegate)
        return 0;
    if (plan->delegate)
        offer_down(root_fd, dir->path);
    if (plan->subgroup) {
        /* In one that was there before, that is its maker's decision: it could not be undone. In a scope
         * that systemd just made, cf_cgroup_unit_settle() does it, when the waiting process has gone on. */
        if (plan->delegate && dir->created)
            cf_cgroup_offer_controllers(fd);
        child = make_subgroup(plan, dir->path, fd, err);
        if (child < 0)
            return child;
    }
    r = plan->delegate ? give(plan, dir->path, child >= 0 ? child : fd, err) : 0;
    if (r < 0) {
        if (child >= 0)
            (void) cf_sys_unlinkat(fd, plan->subgroup, AT_REMOVEDIR);
        return r;
    }
    *ret_leaf = cf_steal_fd(&child);
    return 0;
}

int cf_cgroup_delegate_refused(struct cf_err *err, int r, const char *path)
{
    (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "cgroup-delegate", r,
                      "the container is to have a cgroup of its own, but the caller cannot make `%s`", path);
    cf_err_field(err, "annotations[\"run.oci.delegate-cgroup\"]");
    cf_err_hint(err, "delegate a cgroup to the caller, or remove the annotation");
    return r;
}

int cf_cgroup_subgroup_kill(int fd, const char *subgroup)
{
    cf_auto_fd int child = cf_cgfs_open_dir(fd, subgroup, NULL);

    if (child < 0)
        return child == -ENOENT || child == -ENODEV ? 0 : child;
    return cf_cgfs_write(child, "cgroup.kill", "1");
}

int cf_cgroup_subgroup_remove(int fd, const char *subgroup)
{
    cf_auto_fd int child = cf_cgfs_open_dir(fd, subgroup, NULL);
    int r;

    if (child < 0)
        return child == -ENOENT || child == -ENODEV ? 0 : child;
    r = cf_cgfs_rm_children(child);
    if (r < 0)
        return r;
    r = cf_sys_unlinkat(fd, subgroup, AT_REMOVEDIR);
    return r == -ENOENT ? 0 : r;
}
