/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Controllers of cgroup v2: what the limits need is enabled from the root of the hierarchy down,
 * and only where it is missing, all of one cgroup in one write, since each write costs the kernel a
 * grace period (D4). And why it cannot be, where the kernel only gives a number. Host side.
 */

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/res.h"

#define MAX_CONTROLLERS 16

struct needed {
    const char *name;
    const char *field; /* the first one that asks for it */
};

/* The word in cgroup.type: "domain", "domain threaded", "domain invalid", "threaded". */
static bool read_type(int fd, char *buf)
{
    char *end;

    if (cf_cgfs_read(fd, "cgroup.type", buf, 32) <= 0)
        return false; /* the root has none */
    end = strchr(buf, '\n');
    if (end)
        *end = '\0';
    return true;
}

/* The nearest cgroup above @path whose processes may be spread by thread. */
static bool find_threaded(int root_fd, const char *path, char at[PATH_MAX], char type[32])
{
    if (cf_str_copy(at, PATH_MAX, path) < 0)
        return false;
    for (;;) {
        cf_auto_fd int fd = -EBADF;
        char *last = strrchr(at, '/');

        if (!last || last == at)
            return false;
        *last = '\0';
        fd = cf_cgfs_open_dir(root_fd, at, NULL);
        if (fd >= 0 && read_type(fd, type) &&
            (strcmp(type, "threaded") == 0 || strcmp(type, "domain threaded") == 0))
            return true;
    }
}

int cf_cgroup_v2_check_type(int root_fd, const char *path, int fd, struct cf_err *err)
{
    char type[32], above[32], at[PATH_MAX];

    if (!read_type(fd, type) || strcmp(type, "domain") == 0)
        return 0;
    if (find_threaded(root_fd, path, at, above))
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-type", -EOPNOTSUPP,
                          "cgroup `%s` is `%s`: it cannot hold the container, since `%s` above it "
                          "is `%s`",
                          path, type, at, above);
    else
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-type", -EOPNOTSUPP,
                          "cgroup `%s` is `%s`: it cannot hold the container", path, type);
    cf_err_field(err, "linux.cgroupsPath");
    cf_err_hint(err, "threads of one process may be spread over such cgroups: choose a path outside "
                     "of that tree");
    return -EOPNOTSUPP;
}

/* ---- why not ---- */

static int not_available(const struct needed *needed, const char *path, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-controller", -EOPNOTSUPP,
                      "%s: controller `%s` is not available in cgroup `%s`", needed->field,
                      needed->name, path);
    cf_err_field(err, "%s", needed->field);
    cf_err_hint(err, "it is not in `cgroup.controllers` there: the kernel lacks it, a v1 tree "
                     "holds it, or it is not delegated");
    return -EOPNOTSUPP;
}

static int enable_failed(int fd, const char *path, const struct needed *needed, int r,
                         struct cf_err *err)
{
    char type[32];

    if (r == -EOPNOTSUPP && read_type(fd, type)) {
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-type", r,
                          "%s: cannot enable controller `%s` below cgroup `%s`: it is `%s`",
                          needed->field, needed->name, path, type);
        cf_err_hint(err, "threaded cgroups have only controllers that count threads: choose "
                         "another linux.cgroupsPath");
    } else if (r == -EBUSY) {
        (void) cf_err_set(err, COFFER_ERROR_SYSTEM, "cgroup-busy", r,
                          "%s: cannot enable controller `%s` below cgroup `%s`: it has processes "
                          "of its own",
                          needed->field, needed->name, path);
        cf_err_hint(err, "a cgroup has either processes or children with controllers: move the "
                         "processes into a child, or choose another linux.cgroupsPath");
    } else if (r == -EACCES || r == -EPERM || r == -EROFS) {
        cf_err_field(err, "%s", needed->field);
        return cf_cgroup_err_delegation(err, r, path);
    } else {
        (void) cf_err_sys(err, r, "%s: enable controller `%s` below cgroup `%s`", needed->field,
                          needed->name, path);
        if (r == -EINVAL && strcmp(needed->name, "cpu") == 0)
            cf_err_hint(err, "with CONFIG_RT_GROUP_SCHED all realtime processes must be in the "
                             "root cgroup first");
    }
    cf_err_field(err, "%s", needed->field);
    return r;
}

/* The write of all failed: which one, and why? */
static int find_culprit(int fd, const char *path, const struct needed *const *missing, size_t n,
                        int all, struct cf_err *err)
{
    char available[512];
    long len = cf_cgfs_read(fd, "cgroup.controllers", available, sizeof(available));

    for (size_t i = 0; i < n; i++) {
        char word[40];
        int r;

        if (len >= 0 && !cf_cgfs_has_word(available, missing[i]->name))
            return not_available(missing[i], path, err);
        (void) cf_format(word, sizeof(word), "+%s", missing[i]->name);
        r = cf_cgfs_write(fd, "cgroup.subtree_control", word);
        if (r < 0)
            return enable_failed(fd, path, missing[i], r, err);
    }
    /* One by one they are taken: somebody was in the way for a moment. */
    return n > 0 ? 0 : all;
}

/* ---- enabling ---- */

bool cf_cgroup_v2_has_processes(int fd)
{
    char text[64];

    return read_type(fd, text) && cf_cgfs_read(fd, "cgroup.procs", text, sizeof(text)) > 0;
}

static int enable_at(int fd, const char *path, const struct needed *needed, size_t n,
                     struct cf_err *err)
{
    const struct needed *missing[MAX_CONTROLLERS];
    char enabled[512], words[MAX_CONTROLLERS * 40] = "";
    size_t n_missing = 0;
    long len = cf_cgfs_read(fd, "cgroup.subtree_control", enabled, sizeof(enabled));
    int r;

    if (len < 0)
        return cf_err_sys(err, (int) len, "read `cgroup.subtree_control` of cgroup `%s`", path);
    for (size_t i = 0; i < n; i++) {
        if (cf_cgfs_has_word(enabled, needed[i].name))
            continue;
        missing[n_missing++] = &needed[i];
        (void) cf_str_append(words, sizeof(words), words[0] ? " +" : "+");
        (void) cf_str_append(words, sizeof(words), needed[i].name);
    }
    if (n_missing == 0)
        return 0;
    /* The kernel lets controllers that count threads into it all the same: it then is the root of a threaded
     * tree, and what is below cannot hold a container any more. */
    if (cf_cgroup_v2_has_processes(fd))
        return enable_failed(fd, path, missing[0], -EBUSY, err);
    r = cf_cgfs_write(fd, "cgroup.subtree_control", words);
    return r < 0 ? find_culprit(fd, path, missing, n_missing, r, err) : 0;
}

/* From the root of the hierarchy down to the parent of @path. */
static int enable_down(int root_fd, const char *path, const struct needed *needed, size_t n,
                       struct cf_err *err)
{
    char at[PATH_MAX];

    for (const char *slash = path; slash; slash = strchr(slash + 1, '/')) {
        cf_auto_fd int fd = -EBADF;
        int r;

        (void) cf_format(at, sizeof(at), "%.*s", (int) (slash == path ? 1 : slash - path), path);
        fd = cf_cgfs_open_dir(root_fd, at, NULL);
        if (fd < 0)
            return cf_err_sys(err, fd, "open cgroup `%s`", at);
        r = enable_at(fd, at, needed, n, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int cf_cgroup_v2_enable(const struct cf_cgroup_plan *plan, int root_fd, const char *path, int fd,
                        struct cf_err *err)
{
    struct needed needed[MAX_CONTROLLERS];
    char have[512] = "";
    size_t n = 0;
    long len;

    for (size_t i = 0; i < plan->n_writes; i++) {
        const struct cf_cgroup_write *write = &plan->writes[i];
        /* Nobody needs a controller for being unlimited. */
        bool known = !*write->controller || cf_cgroup_write_is_default(write);

        for (size_t k = 0; k < n && !known; k++)
            known = strcmp(needed[k].name, write->controller) == 0;
        if (!known && n == MAX_CONTROLLERS)
            return not_available(&(struct needed) {write->controller, write->field}, path, err);
        if (!known)
            needed[n++] = (struct needed) {write->controller, write->field};
    }
    if (n == 0)
        return 0;
    len = cf_cgfs_read(fd, "cgroup.controllers", have, sizeof(have));
    if (len < 0)
        return cf_err_sys(err, (int) len, "read `cgroup.controllers` of cgroup `%s`", path);
    for (size_t i = n; i > 0; i--) {
        if (cf_cgfs_has_word(have, needed[i - 1].name)) {
            memmove(&needed[i - 1], &needed[i], (n - i) * sizeof(needed[0]));
            n--;
        }
    }
    return n == 0 ? 0 : enable_down(root_fd, path, needed, n, err);
}
