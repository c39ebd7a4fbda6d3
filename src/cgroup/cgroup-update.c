/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes the limits of a cgroup in which the container runs. Host side. The old text of every file is read
 * before the first is written; a refused value puts all of them back, so that an update happens as a whole or
 * not at all. Which order the kernel accepts depends on the present values: what it refuses is tried again
 * after the others, as long as that helps.
 */

#include "cgroup/cgroup-update.h"

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/cgroup-internal.h"

#define OLD_TEXT_SIZE 16384

static bool is_v2(const struct cf_cgroup *cg)
{
    return cg->ops == &cf_cgroup_ops_v2;
}

/* ---- old values ---- */

static int no_controller(const struct cf_cgroup_write *write, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-controller", -EOPNOTSUPP,
                      "%s: controller `%s` is not mounted", write->field, write->controller);
    cf_err_field(err, "%s", write->field);
    return -EOPNOTSUPP;
}

/* Return: 0, -ENOENT if the file is missing and its write is more than a default. */
static int read_old(struct cf_cgroup_old *old, struct cf_arena *arena, struct cf_err *err)
{
    const struct cf_cgroup_write *write = old->write;
    char text[OLD_TEXT_SIZE];
    long n = cf_cgfs_read(old->dir_fd, write->file, text, sizeof(text));

    old->file = write->file;
    if (n == -ENOENT && write->else_file) {
        old->file = write->else_file;
        n = cf_cgfs_read(old->dir_fd, write->else_file, text, sizeof(text));
    }
    if (n == -ENOENT) {
        old->file = NULL;
        return cf_cgroup_write_is_default(write) || (write->flags & CF_CGWRITE_IF_THERE) ? 0 : -ENOENT;
    }
    if (n < 0)
        return 0; /* a file that can only be written has no old value */
    old->text = cf_arena_strdup(arena, text);
    return old->text ? 0 : cf_err_oom(err);
}

/* The controller may just not be enabled: nobody asked for it until now. */
static int enable_for(struct cf_cgroup *cg, const struct cf_cgroup_write *write, struct cf_err *err)
{
    const struct cf_cgroup_plan plan = {.writes = write, .n_writes = 1};
    const struct cf_cgroup_open_dir *dir = &cg->dirs[0];
    cf_auto_fd int root_fd = cf_cgfs_open_hierarchy(dir->hierarchy, false);
    int r;

    if (root_fd < 0)
        return cf_err_sys(err, root_fd, "open the cgroup hierarchy `%s`", dir->hierarchy);
    r = cf_cgroup_v2_enable(&plan, root_fd, dir->path, dir->fd, err);
    if (r < 0) {
        err->field[0] = '\0'; /* here it is known which one wants it */
        cf_err_field(err, "%s", write->field);
    }
    return r;
}

static int snapshot_one(struct cf_cgroup *cg, const struct cf_cgroup_write *write, struct cf_arena *arena,
                        struct cf_cgroup_old *old, struct cf_err *err)
{
    int r;

    *old = (struct cf_cgroup_old) {
        .dir_fd = is_v2(cg) ? cg->dirs[0].fd : cf_cgroup_dir_fd(cg, write->controller),
        .write = write,
    };
    if (old->dir_fd < 0)
        return cf_cgroup_write_is_default(write) ? 0 : no_controller(write, err);
    r = read_old(old, arena, err);
    if (r == -ENOENT && is_v2(cg)) {
        r = enable_for(cg, write, err);
        if (r == 0)
            r = read_old(old, arena, err);
    }
    return r == -ENOENT ? cf_cgroup_write_failed(write, old->dir_fd, r, err) : r;
}

static int snapshot(struct cf_cgroup *cg, const struct cf_cgroup_merged *merged, struct cf_arena *arena,
                    struct cf_cgroup_undo *undo, struct cf_err *err)
{
    undo->n = 0;
    undo->old = cf_arena_calloc(arena, merged->n_writes + 1, sizeof(*undo->old));
    if (!undo->old)
        return cf_err_oom(err);
    for (size_t i = 0; i < merged->n_writes; i++) {
        int r = snapshot_one(cg, &merged->writes[i], arena, &undo->old[undo->n], err);

        if (r < 0)
            return r;
        undo->n += undo->old[undo->n].dir_fd >= 0 && undo->old[undo->n].file;
    }
    return 0;
}

/* ---- putting back ---- */

static bool is_device(const char *word, size_t len)
{
    const char *colon = memchr(word, ':', len);

    return colon && colon > word && strspn(word, "0123456789") == (size_t) (colon - word) &&
           strspn(colon + 1, "0123456789") + 1 == (size_t) (word + len - colon);
}

static const char *line_of(const char *text, const char *word, size_t len)
{
    for (const char *line = text; line && *line;) {
        if (strncmp(line, word, len) == 0 && line[len] == ' ')
            return line;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return NULL;
}

void cf_cgroup_restore_line(const char *file, const char *old, const char *line, char *buf, size_t size)
{
    size_t len = strcspn(line, " \n");
    const char *found = line[len] == ' ' ? line_of(old, line, len) : NULL;

    if (strcmp(file, "memory.oom_control") == 0) {
        found = line_of(old, "oom_kill_disable", 16);
        found = found ? found + 17 : "0";
    }
    if (!found && line[len] == ' ' && is_device(line, len)) {
        const char *none = strcmp(file, "io.max") == 0      ? "rbps=max wbps=max riops=max wiops=max"
                           : cf_str_starts_with(file, "io.") ? "default"
                                                             : "0";

        (void) cf_format(buf, size, "%.*s %s", (int) len, line, none);
        return;
    }
    if (!found)
        found = line_of(old, "default", 7);
    if (!found)
        found = old;
    (void) cf_format(buf, size, "%.*s", (int) strcspn(found, "\n"), found);
    if (!*buf)
        (void) cf_str_copy(buf, size, "\n"); /* an empty write would be none */
}

static int put_back(const struct cf_cgroup_old *old)
{
    const char *value = old->file == old->write->file ? old->write->value : old->write->else_value;
    int first = 0;

    if (!old->text)
        return 0;
    for (const char *line = value; line && *line;) {
        char text[1024];
        int r;

        cf_cgroup_restore_line(old->file, old->text, line, text, sizeof(text));
        /* Raised, and used since: a limit below the use would kill. */
        if (strcmp(old->file, "memory.max") == 0 && !cf_cgroup_memory_make_room(old->dir_fd, text))
            r = -EBUSY;
        else
            r = cf_cgfs_write(old->dir_fd, old->file, text);
        first = first < 0 ? first : r;
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return first;
}

unsigned int cf_cgroup_update_undo(struct cf_cgroup_undo *undo)
{
    unsigned int failed = 0;

    for (int round = 0; round < 2; round++) {
        failed = 0;
        for (size_t i = undo->n; i > 0; i--) {
            struct cf_cgroup_old *old = &undo->old[i - 1];
            int r = old->written ? put_back(old) : 0;

            if (r == 0)
                old->written = false;
            failed += r < 0;
        }
        if (failed == 0)
            break;
    }
    return failed;
}

/* ---- new values ---- */

static int write_value(struct cf_cgroup_old *old)
{
    old->written = true;
    if (strcmp(old->file, "memory.max") == 0)
        (void) cf_cgroup_memory_make_room(old->dir_fd, old->write->value);
    return cf_cgroup_write_one(old->dir_fd, old->write);
}

static bool may_help_later(int r)
{
    return r == -EINVAL || r == -EBUSY;
}

static int write_all(struct cf_cgroup_undo *undo, bool *done, struct cf_err *err)
{
    for (;;) {
        size_t n_done = 0, refused = undo->n;
        int first = 0;

        for (size_t i = 0; i < undo->n; i++) {
            struct cf_cgroup_old *old = &undo->old[i];
            int r;

            if (done[i])
                continue;
            r = write_value(old);
            if (r == 0)
                r = cf_cgroup_check_shares(old->write, old->dir_fd, err);
            else if (!may_help_later(r))
                return cf_cgroup_write_failed(old->write, old->dir_fd, r, err);
            if (err->kind != COFFER_ERROR_NONE)
                return r;
            done[i] = r == 0;
            n_done += r == 0;
            if (r < 0 && refused == undo->n) {
                refused = i;
                first = r;
            }
        }
        if (refused == undo->n)
            return 0;
        if (n_done == 0)
            return cf_cgroup_write_failed(undo->old[refused].write, undo->old[refused].dir_fd, first, err);
    }
}

/* More swap before less memory: what has to leave memory needs a place. */
static void order_swap(struct cf_cgroup_undo *undo)
{
    struct cf_cgroup_old *max = NULL;

    for (size_t i = 0; i < undo->n; i++) {
        struct cf_cgroup_old *old = &undo->old[i], swapped = *old;
        uint64_t before, after = UINT64_MAX;
        char number[CF_NUM_SIZE];

        if (strcmp(old->file, "memory.max") == 0)
            max = old;
        if (!max || !old->text || strcmp(old->file, "memory.swap.max") != 0)
            continue;
        (void) cf_format(number, sizeof(number), "%.*s", (int) strcspn(old->text, "\n"), old->text);
        if (cf_num_parse_u64(number, 0, UINT64_MAX, &before) < 0)
            return; /* "max": it cannot grow */
        (void) cf_num_parse_u64(old->write->value, 0, UINT64_MAX, &after);
        if (after > before) {
            *old = *max;
            *max = swapped;
        }
        return;
    }
}

static bool writes_file(const struct cf_cgroup_merged *merged, const char *file)
{
    for (size_t i = 0; i < merged->n_writes; i++) {
        if (strcmp(merged->writes[i].file, file) == 0)
            return true;
    }
    return false;
}

int cf_cgroup_update(struct cf_cgroup *cg, const struct cf_cgroup_merged *merged, bool check, struct cf_arena *arena,
                     struct cf_cgroup_undo *undo, struct cf_err *err)
{
    const struct ocispec_memory *mem = merged->part->memory;
    bool *done;
    int r;

    if (cg->n == 0 && merged->n_writes > 0) {
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "cgroup-none", -EOPNOTSUPP,
                          "cannot update the container: it has no cgroup of its own");
        cf_err_hint(err, "it was created without control groups, or without the right to make one");
        return -EOPNOTSUPP;
    }
    r = snapshot(cg, merged, arena, undo, err);
    if (r < 0)
        return r;
    if (is_v2(cg)) {
        order_swap(undo);
        if (check && mem && cg->n > 0)
            r = cf_cgroup_memory_check(cg->dirs[0].fd, writes_file(merged, "memory.max") ? mem->limit : 0, mem->swap,
                                       err);
    }
    if (r < 0)
        return r;
    done = cf_arena_calloc(arena, undo->n + 1, sizeof(*done));
    if (!done)
        return cf_err_oom(err);
    r = write_all(undo, done, err);
    if (r < 0 && cf_cgroup_update_undo(undo) > 0)
        cf_err_hint(err, "not every old value could be put back: the container uses more than it allowed");
    return r;
}
