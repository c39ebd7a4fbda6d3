/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * libFuzzer target: texts about mounts, which have names that containers and users chose, by the first byte: options
 * of an overlay, mountinfo for the host's work and for `audit` and `whois`, and mountinfo with /proc/self/cgroup
 * behind it, from which places in cgroup v1 are made.
 */

#include "fuzz.h"

#include <errno.h>

#include "audit/audit.h"
#include "base/arena.h"
#include "cgroup/cgroup-internal.h"
#include "cgroup/rdt.h"
#include "mount/mountinfo.h"
#include "mount/overlay.h"

static void overlay(const char *text, struct cf_arena *arena)
{
    struct cf_overlay_options o = {0};
    const char *bad = NULL;
    size_t commas = 0;
    int r = cf_overlay_options_parse(text, arena, &o, &bad);

    if (r < 0) {
        FUZZ_ASSERT(r == -EINVAL || (r == -EOPNOTSUPP && bad));
        return;
    }
    for (const char *p = text; *p; p++)
        commas += *p == ',';
    FUZZ_ASSERT(o.n_lower > o.n_data && o.n_lower <= CF_OVERLAY_MAX_LAYERS && !o.upper == !o.work);
    FUZZ_ASSERT(o.n_params <= commas + 1);
    for (size_t i = 0; i < o.n_lower; i++)
        FUZZ_ASSERT(o.lower[i][0]);
    for (size_t i = 0; i < o.n_params; i++)
        FUZZ_ASSERT(o.params[i].key[0]);
}

static void host(char *text)
{
    size_t size = strlen(text);
    const char *end = text + size;
    struct cf_mountinfo m;

    while (cf_mountinfo_next(&text, &m)) {
        if (!m.point)
            continue;
        FUZZ_ASSERT(m.root && m.options && m.fstype && m.super);
        FUZZ_ASSERT(m.point + strlen(m.point) <= end && m.super + strlen(m.super) <= end);
    }
}

/* Every mount finds itself, and a way to where the others see it. */
static void audit(char *text, struct cf_arena *arena)
{
    struct cf_audit_mounts mounts = {0};
    const struct cf_audit_mount *found;

    FUZZ_ASSERT(cf_audit_parse_mounts(text, arena, &mounts) >= 0);
    for (size_t i = 0; i < mounts.n && i < 50; i++) {
        const struct cf_audit_mount *m = &mounts.items[i];
        const char *path;

        FUZZ_ASSERT(m->root && m->point && m->fstype);
        FUZZ_ASSERT(cf_audit_mount_at(&mounts, m->point));
        path = cf_audit_host_path(&mounts, m, arena, &found);
        FUZZ_ASSERT(!path == !found);
    }
}

static void cgroups(char *text, const char *path, struct cf_arena *arena)
{
    const struct cf_cgroup_plan plan = {.backend = "v1", .path = path};
    char *second = strstr(text, "\n\n");
    struct cf_cgroup_record record = {0};
    struct cf_err err = CF_ERR_INIT;

    if (second) {
        second[1] = '\0';
        second += 2;
    }
    FUZZ_ASSERT(cf_cgroup_locate_v1(&plan, text, second ? second : "", arena, &record, &err) >= 0);
    for (size_t i = 0; i < record.n_dirs; i++) {
        const struct cf_cgroup_dir *dir = &record.dirs[i];
        size_t len = strlen(dir->path), own = strlen(path);

        /* In whatever hierarchy, it is the place that was asked for. */
        FUZZ_ASSERT(dir->hierarchy && dir->controllers && len >= own && strcmp(dir->path + len - own, path) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cf_arena *arena = cf_arena_new();
    char *text = fuzz_text(size ? data + 1 : data, size ? size - 1 : 0);

    FUZZ_ASSERT(arena);
    switch (size ? data[0] % 6 : 0) {
    case 0:
        overlay(text, arena);
        break;
    case 1:
        host(text);
        break;
    case 2:
        audit(text, arena);
        break;
    case 3:
        cgroups(text, "/a/b", arena);
        break;
    case 4:
        cgroups(text, "b", arena);
        break;
    default:
        (void) cf_rdt_find_mount(text, arena);
    }
    free(text);
    cf_arena_free(arena);
    return 0;
}
