/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mounts.json: what was mounted in the container since it runs. Host side. */

#include "state/state-internal.h"

#include <errno.h>

#include "base/io.h"
#include "base/json-out.h"
#include "base/own.h"
#include "ocispec/ocispec.h"
#include "state/record-gen.h"

#define MOUNTS_NAME "mounts.json"
#define MOUNTS_LIMIT (8u << 20)

static int convert(const struct cf_rec_mounts *in, struct cf_arena *arena, struct cf_added_mount **ret, size_t *ret_n,
                   struct cf_err *err)
{
    struct cf_added_mount *list = cf_arena_calloc(arena, in->n_mounts + 1, sizeof(*list));

    if (!list)
        return cf_err_oom(err);
    for (size_t i = 0; i < in->n_mounts; i++) {
        const struct cf_rec_added_mount *m = &in->mounts[i];

        list[i].id = m->id;
        list[i].destination = cf_arena_strdup(arena, m->destination);
        list[i].source = m->source ? cf_arena_strdup(arena, m->source) : NULL;
        list[i].type = m->type ? cf_arena_strdup(arena, m->type) : NULL;
        if (!list[i].destination || (m->source && !list[i].source) || (m->type && !list[i].type))
            return cf_err_oom(err);
    }
    *ret = list;
    *ret_n = in->n_mounts;
    return 0;
}

int cf_entry_read_mounts(struct cf_entry *entry, struct cf_arena *arena, struct cf_added_mount **ret, size_t *ret_n,
                         struct cf_err *err)
{
    cf_auto(ocispec_doc_freep) struct ocispec_doc *doc = NULL;
    struct cf_rec_mounts *raw = NULL;
    struct ocispec_error bad = {0};
    cf_auto_free char *text = NULL;
    size_t len = 0;
    int r;

    *ret = NULL;
    *ret_n = 0;
    r = cf_io_read_file_at(entry->dir_fd, MOUNTS_NAME, MOUNTS_LIMIT, &text, &len);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return cf_err_sys(err, r, "read `" MOUNTS_NAME "` of container `%s`", entry->id);
    r = cf_rec_mounts_parse(text, len, NULL, &raw, &doc, &bad);
    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0)
        return cf_err_set(err, COFFER_ERROR_STATE, "record-broken", -EBADMSG,
                          "the stored mounts of the container are broken: %s", bad.message);
    return convert(raw, arena, ret, ret_n, err);
}

int cf_entry_write_mounts(struct cf_entry *entry, const struct cf_added_mount *mounts, size_t n, struct cf_err *err)
{
    cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(0);
    const char *text;
    long len;
    int r;

    if (!j)
        return cf_err_oom(err);
    cf_json_object_begin(j);
    cf_json_key(j, "mounts");
    cf_json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        cf_json_object_begin(j);
        cf_json_kv_uint(j, "id", mounts[i].id);
        cf_json_kv_str(j, "destination", mounts[i].destination);
        if (mounts[i].source)
            cf_json_kv_str(j, "source", mounts[i].source);
        if (mounts[i].type)
            cf_json_kv_str(j, "type", mounts[i].type);
        cf_json_object_end(j);
    }
    cf_json_array_end(j);
    cf_json_object_end(j);
    len = cf_json_finish(j, &text);
    if (len < 0)
        return cf_err_oom(err);
    r = cf_io_replace_file_at(entry->dir_fd, MOUNTS_NAME, text, (size_t) len, 0600);
    return r < 0 ? cf_err_sys(err, r, "write `" MOUNTS_NAME "` of container `%s`", entry->id) : 0;
}
