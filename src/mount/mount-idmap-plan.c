/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Id-mapped mounts: `uidMappings` and `gidMappings` of an entry of `mounts`, and the options idmap and
 * ridmap with or without a mapping of their own. Pure, host side.
 *
 * A range maps ids of the file system (containerID) to ids of the namespace that the runtime is in
 * (hostID), which is how the kernel reads the map of the namespace that stands for it. So the map of the
 * container's own user namespace gives what is stored as 0 to the container's root.
 */

#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "base/str.h"
#include "mount/mount-build.h"

static int idmap_error(uint32_t index, const struct cf_mount_opts *opts, const char *code, const char *text,
                       struct cf_err *err)
{
    const struct cf_mount_opts *o = opts;

    (void) cf_err_set(err, COFFER_ERROR_CONFIG, code, -EINVAL, "%s", text);
    if (o)
        cf_err_field(err, "mounts[%u].options[%u]", index, o->idmap_option);
    else
        cf_err_field(err, "mounts[%u]", index);
    return -EINVAL;
}

/* A decimal number; *p goes behind it. */
static int take_number(const char **p, uint32_t *ret)
{
    char text[CF_NUM_SIZE];
    size_t n = strspn(*p, "0123456789");

    if (n == 0 || n >= sizeof(text))
        return -EINVAL;
    memcpy(text, *p, n);
    text[n] = '\0';
    *p += n;
    return cf_num_parse_u32(text, 0, UINT32_MAX, ret);
}

/* "C-H-N", with `@` in front: H is an id inside the container. */
static int take_range(const char **p, struct cf_idrange *ret, bool *ret_relative)
{
    uint32_t *const parts[] = {&ret->container_id, &ret->host_id, &ret->size};
    int r = 0;

    *ret_relative = **p == '@';
    *p += *ret_relative;
    for (size_t i = 0; i < 3 && r >= 0; i++) {
        if (i > 0 && *(*p)++ != '-')
            return -EINVAL;
        r = take_number(p, parts[i]);
    }
    return r;
}

struct word {
    struct cf_mount_build *b;
    const struct cf_mount_opts *opts;
    uint32_t index; /* in mounts */
    const char *name; /* "uids" */
    const struct cf_idmap *outer; /* the container's map */
};

static int word_error(const struct word *w, const char *code, const char *text, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, code, -EINVAL, "`%s`: %s", w->name, text);
    cf_err_field(err, "mounts[%u].options[%u]", w->index, w->opts->idmap_option);
    return -EINVAL;
}

/* Adds @range, translated and perhaps in several pieces. */
static int add_relative(const struct word *w, const struct cf_idrange *range, struct cf_idrange *list, size_t *n,
                        struct cf_err *err)
{
    struct cf_idmap one = {.ranges = range, .n = 1}, pieces;
    int r;

    if (!w->b->userns)
        return word_error(w, "mount-idmap-none", "`@` counts from the container's map, which has no user namespace", err);
    if (range->size == 0)
        return word_error(w, "idmap-size", "a range of size 0", err);
    r = cf_idmap_compose(&one, w->outer, w->b->in->arena, &pieces);
    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0)
        return word_error(w, "mount-idmap-relative", "counts from an id that the container's map lacks", err);
    if (*n + pieces.n > CF_IDMAP_MAX_RANGES)
        return word_error(w, "idmap-too-many", "more ranges than the kernel takes", err);
    memcpy(list + *n, pieces.ranges, pieces.n * sizeof(*list));
    *n += pieces.n;
    return 0;
}

/* "C-H-N#C-H-N" up to @end. */
static int parse_ranges(const struct word *w, const char *text, const char *end, struct cf_idmap *ret,
                        struct cf_err *err)
{
    struct cf_idrange *list = cf_arena_calloc(w->b->in->arena, CF_IDMAP_MAX_RANGES, sizeof(*list));
    size_t n = 0;
    int r;

    if (!list)
        return cf_err_oom(err);
    for (const char *p = text;;) {
        struct cf_idrange range;
        bool relative;

        if (n == CF_IDMAP_MAX_RANGES)
            return word_error(w, "idmap-too-many", "more ranges than the kernel takes", err);
        if (take_range(&p, &range, &relative) < 0 || (p != end && *p != '#'))
            return word_error(w, "mount-idmap-syntax", "expected ranges like `0-100000-65536#...`", err);
        if (!relative)
            list[n++] = range;
        r = relative ? add_relative(w, &range, list, &n, err) : 0;
        if (r < 0)
            return r;
        if (p == end)
            break;
        p++;
    }
    *ret = (struct cf_idmap) {.ranges = list, .n = n};
    r = cf_idmap_check(ret, w->name, err);
    if (r < 0) {
        /* The range is in the message; config.json has no path for it. */
        err->field[0] = '\0';
        cf_err_field(err, "mounts[%u].options[%u]", w->index, w->opts->idmap_option);
    }
    return r;
}

/* "uids=...;gids=..." in any order. */
static int parse_option(struct cf_mount_build *b, uint32_t index, const struct cf_mount_opts *opts,
                        struct cf_idmap *uids, struct cf_idmap *gids, struct cf_err *err)
{
    const char *text = opts->idmap;

    while (*text) {
        const char *end = strchr(text, ';');
        bool gid = cf_str_after(text, "gids=") != NULL;
        struct word w = {.b = b, .opts = opts, .index = index, .name = gid ? "gids" : "uids",
                         .outer = gid ? &b->plan->userns.gids : &b->plan->userns.uids};
        struct cf_idmap *map = gid ? gids : uids;
        int r;

        if (!end)
            end = text + strlen(text);
        if (!gid && !cf_str_after(text, "uids="))
            return idmap_error(index, opts, "mount-idmap-syntax",
                               "expected `idmap=uids=C-H-N#...;gids=C-H-N#...`", err);
        if (map->n)
            return word_error(&w, "mount-idmap-syntax", "given twice", err);
        r = parse_ranges(&w, text + strlen("uids="), end, map, err);
        if (r < 0)
            return r;
        text = *end ? end + 1 : end;
    }
    return 0;
}

static int copy_list(struct cf_mount_build *b, const struct ocispec_id_mapping *from, size_t n, const char *field,
                     struct cf_idmap *ret, struct cf_err *err)
{
    struct cf_idrange *ranges;

    if (n == 0)
        return 0;
    ranges = cf_arena_calloc(b->in->arena, n, sizeof(*ranges));
    if (!ranges)
        return cf_err_oom(err);
    for (size_t i = 0; i < n; i++)
        ranges[i] = (struct cf_idrange) {from[i].container_id, from[i].host_id, from[i].size};
    *ret = (struct cf_idmap) {.ranges = ranges, .n = n};
    return cf_idmap_check(ret, field, err);
}

static int take_lists(struct cf_mount_build *b, uint32_t index, struct cf_idmap *uids, struct cf_idmap *gids,
                      const char **ret_field, struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    const char *uid_field = cf_arena_printf(b->in->arena, "mounts[%u].uidMappings", index);
    const char *gid_field = cf_arena_printf(b->in->arena, "mounts[%u].gidMappings", index);
    int r;

    if (!uid_field || !gid_field)
        return cf_err_oom(err);
    *ret_field = uid_field;
    r = copy_list(b, m->uid_mappings, m->n_uid_mappings, uid_field, uids, err);
    return r < 0 ? r : copy_list(b, m->gid_mappings, m->n_gid_mappings, gid_field, gids, err);
}

int cf_mount_build_idmap(struct cf_mount_build *b, uint32_t index, const struct cf_mount_opts *opts,
                         struct cf_mount_idmap *ret, struct cf_err *err)
{
    const struct ocispec_mount *m = &b->in->spec->config->mounts[index];
    bool lists = m->n_uid_mappings || m->n_gid_mappings, option = opts->what & CF_MOUNT_OPT_IDMAP;
    struct cf_idmap uids = {0}, gids = {0};
    const char *field = "";
    int r = 0;

    *ret = (struct cf_mount_idmap) {0};
    if (!lists && !option)
        return 0;
    if (lists && option && opts->idmap[0])
        return idmap_error(index, opts, "mount-idmap-syntax", "the entry has mappings already", err);
    r = lists ? take_lists(b, index, &uids, &gids, &field, err) : 0;
    if (r >= 0 && option && opts->idmap[0])
        r = parse_option(b, index, opts, &uids, &gids, err);
    if (r < 0)
        return r;
    if (!uids.n != !gids.n) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "mount-idmap-both", -EINVAL,
                          "id-mapped mounts must have both uid and gid mappings specified");
        if (lists)
            cf_err_field(err, "mounts[%u].%s", index, uids.n ? "gidMappings" : "uidMappings");
        else
            cf_err_field(err, "mounts[%u].options[%u]", index, opts->idmap_option);
        return -EINVAL;
    }
    if (!uids.n) {
        if (!b->userns) {
            (void) idmap_error(index, opts, "mount-idmap-none",
                               "an id-mapped mount needs mappings of its own, or a user namespace of the container",
                               err);
            cf_err_hint(err, "add uidMappings and gidMappings to the entry, or a user namespace");
            return -EINVAL;
        }
        uids = b->plan->userns.uids;
        gids = b->plan->userns.gids;
    }
    if (!lists)
        field = cf_arena_printf(b->in->arena, "mounts[%u].options[%u]", index, opts->idmap_option);
    if (!field)
        return cf_err_oom(err);
    if (opts->what & CF_MOUNT_OPT_REMOUNT)
        return idmap_error(index, option ? opts : NULL, "mount-idmap-remount",
                           "what is mounted already cannot be id-mapped", err);
    r = cf_plan_add_idmap(b->in, b->plan, &uids, &gids, field, err);
    if (r < 0)
        return r;
    ret->index = (uint32_t) r;
    ret->recursive = opts->what & CF_MOUNT_OPT_RIDMAP;
    ret->container = b->plan->idmaps[r - 1].container;
    return 0;
}

/* The container's user that writes as user 0 of the file system: what it leaves there with mode 4755 is a door. */
static struct cf_warning *exposure(struct cf_mount_build *b, uint32_t index, const struct cf_plan_idmap *map,
                                   const struct cf_source *source)
{
    struct cf_warning *warning;
    uint32_t host, id;

    if (!b->userns || cf_idmap_to_host(&map->uids, 0, &host) < 0 ||
        cf_idmap_to_container(&b->plan->userns.uids, host, &id) < 0)
        return NULL;
    warning = cf_arena_calloc(b->in->arena, 1, sizeof(*warning));
    if (!warning)
        return NULL;
    warning->text = cf_arena_printf(
        b->in->arena,
        "mounts[%u]: user %u of the container writes to `%s` as user 0 of the file system, and every user of the "
        "host can reach it: a set-user-ID program left there works on the host. Close a directory above it (mode "
        "0700), mount its file system nosuid, or map other ids",
        index, id, source->path);
    return warning->text ? warning : NULL;
}

int cf_mount_build_idmap_source(struct cf_mount_build *b, uint32_t index, const struct cf_mount_idmap *idmap,
                                const char *target, bool readonly, struct cf_source *source, struct cf_err *err)
{
    if (!idmap->index)
        return 0;
    if (!b->host_opens) {
        (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "mount-idmap-rootless", -EPERM,
                          "id-mapped mounts need CAP_SYS_ADMIN over the file system, which an unprivileged caller "
                          "has not");
        cf_err_field(err, "%s", b->plan->idmaps[idmap->index - 1].field);
        cf_err_hint(err, "give the files the owners that the container's map leads to, or let root run the container");
        return -EPERM;
    }
    source->idmap = idmap->index;
    source->idmap_recursive = idmap->recursive && source->recursive;
    source->target = target;
    if (!readonly)
        source->exposed = exposure(b, index, &b->plan->idmaps[idmap->index - 1], source);
    return 0;
}

int cf_mount_build_idmap_try(struct cf_mount_build *b, uint32_t index, const char *target, bool readonly,
                             struct cf_source *source, struct cf_err *err)
{
    const char *field = cf_arena_printf(b->in->arena, "mounts[%u]", index);
    int r = field ? cf_plan_add_idmap(b->in, b->plan, &b->plan->userns.uids, &b->plan->userns.gids, field, err)
                  : cf_err_oom(err);

    if (r < 0)
        return r;
    source->idmap_try = cf_arena_calloc(b->in->arena, 1, sizeof(*source->idmap_try));
    if (!source->idmap_try)
        return cf_err_oom(err);
    source->idmap_try->warning.text = source->idmap_try->text;
    source->idmap = (uint32_t) r;
    source->idmap_recursive = source->recursive;
    source->target = target;
    if (!readonly)
        source->exposed = exposure(b, index, &b->plan->idmaps[r - 1], source);
    return 0;
}

int cf_mount_build_idmap_refuse(uint32_t index, const char *target, const char *type, struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "mount-idmap-fs", -EOPNOTSUPP,
                      "`%s` at `%s`: this file system has no id-mapped mounts", type, target);
    cf_err_field(err, "mounts[%u].type", index);
    cf_err_hint(err, "take the mappings and the options idmap and ridmap away");
    return -EOPNOTSUPP;
}
