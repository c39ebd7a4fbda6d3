/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * linux.resources.unified: files of cgroup v2 by their names, written as they are after everything
 * else. Pure, host side. The controller that a file needs is the first word of its name.
 */

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/str.h"
#include "cgroup/res.h"

#define RES "linux.resources."

/* What these do is not a limit, and belongs to the runtime. */
static const struct {
    const char *file, *why;
} reserved[] = {
    {"cgroup.procs", "it moves processes, which is not a resource"},
    {"cgroup.threads", "it moves threads, which is not a resource"},
    {"cgroup.subtree_control", "a cgroup with processes cannot have it"},
    {"cgroup.type", "a threaded cgroup cannot hold the container"},
    {"cgroup.kill", "it kills the container"},
    {"cgroup.freeze", "it stops the container before it has begun: see `coffer pause`"},
};

static int name_error(struct cf_err *err, const char *name, const char *why)
{
    char field[128];

    (void) cf_format(field, sizeof(field), RES "unified.%s", name);
    (void) cf_err_config(err, "resources-value", field, "`%s` is refused: %s", name, why);
    return -EINVAL;
}

static int check_name(const char *name, struct cf_err *err)
{
    const char *dot = strchr(name, '.');

    if (strchr(name, '/') || strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
        return name_error(err, name, "it is not the name of a file in the cgroup");
    for (const char *p = name; *p; p++) {
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9') &&
            !strchr("._-", *p))
            return name_error(err, name, "no file of a cgroup has such a character in its name");
    }
    if (!dot || dot == name || !dot[1] || strlen(name) > 128 || dot - name > 30)
        return name_error(err, name, "files of a cgroup have names like `memory.high`");
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcmp(name, reserved[i].file) == 0)
            return name_error(err, name, reserved[i].why);
    }
    return 0;
}

int cf_cgroup_res_check_unified(const struct ocispec_string_map *unified, bool v2,
                                struct cf_err *err)
{
    for (size_t i = 0; i < unified->n; i++) {
        int r = check_name(unified->keys[i], err);

        if (r < 0)
            return r;
    }
    if (!v2 && unified->n > 0) {
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "resources-unsupported", -EOPNOTSUPP,
                          RES "unified: cannot use unified on cgroup v1");
        cf_err_field(err, RES "unified");
        return -EOPNOTSUPP;
    }
    return 0;
}

/* Files with one line for each device: what another line says stays true. */
static bool has_lines(const char *file)
{
    return strcmp(file, "io.max") == 0 || strcmp(file, "io.weight") == 0 ||
           strcmp(file, "io.bfq.weight") == 0 || strcmp(file, "rdma.max") == 0;
}

/* A value that unified sets too is not written before: it must not be refused, or tried again
 * after the one that counts. */
static void drop(struct cf_cgroup_writes *w, const char *file)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n; i++) {
        if (strcmp(w->items[i].file, file) != 0 || has_lines(file))
            w->items[n++] = w->items[i];
    }
    w->n = n;
}

void cf_cgroup_res_unified(const struct ocispec_string_map *unified, struct cf_cgroup_writes *w)
{
    size_t *order = cf_arena_calloc(w->arena, unified->n + 1, sizeof(*order));

    if (!order) {
        w->oom = true;
        return;
    }
    for (size_t i = 0; i < unified->n; i++) {
        size_t at = i;

        for (; at > 0 && strcmp(unified->keys[order[at - 1]], unified->keys[i]) > 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
        drop(w, unified->keys[i]);
    }
    for (size_t k = 0; k < unified->n; k++) {
        const char *name = unified->keys[order[k]], *value = unified->values[order[k]];
        const char *controller =
            cf_arena_strndup(w->arena, name, (size_t) (strchr(name, '.') - name));

        if (!controller) {
            w->oom = true;
            return;
        }
        if (strcmp(controller, "cgroup") == 0)
            controller = "";
        /* write(2) of nothing does nothing; an empty line is how a cpuset is given back. */
        cf_cgroup_writes_put(w, controller, name, cf_cgroup_res_field(w, "unified.%s", name),
                             *value ? value : "\n");
        cf_cgroup_writes_flag(w, CF_CGWRITE_LINES | CF_CGWRITE_ALWAYS);
    }
}
