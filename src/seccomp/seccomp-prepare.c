/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From linux.seccomp to a program and its flags: check, look into the cache, compile. Host side. */

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/format.h"
#include "seccomp/seccomp-internal.h"
#include "seccomp/seccomp-names.h"

/* Linux 5.14 has all but one of them. */
static bool flag_is_old(uint32_t flag)
{
    return flag != SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
}

static int prepare_flags(const struct ocispec_seccomp *profile, uint32_t *ret, struct cf_err *err)
{
    const struct cf_seccomp_name *table;
    char field[64];
    size_t n;

    uint32_t listener = cf_seccomp_notifies(profile) ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;

    *ret = listener;
    /* Absent is not the same as empty (runtime-spec: config-linux.md, "Seccomp"). */
    if (!profile->flags) {
        *ret |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
        return 0;
    }
    table = cf_seccomp_flags(&n);
    for (size_t i = 0; i < profile->n_flags; i++) {
        const struct cf_seccomp_name *flag = cf_seccomp_find(table, n, profile->flags[i]);

        if (!flag)
            continue; /* cf_seccomp_check() has refused it */
        (void) cf_format(field, sizeof(field), "linux.seccomp.flags[%zu]", i);
        if (!flag_is_old(flag->value) && !cf_seccomp_flag_available(flag->value)) {
            (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "seccomp-flag", -EOPNOTSUPP,
                              "%s: this kernel does not know `%s`", field, profile->flags[i]);
            cf_err_field(err, "%s", field);
            cf_err_hint(err, "remove the flag, or use Linux 5.19 or newer");
            return -EOPNOTSUPP;
        }
        /* It qualifies a listener; alone the kernel refuses it. */
        if (flag->value != SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV || listener)
            *ret |= flag->value;
    }
    /* Both want to be the result of the call; init has one thread, so none can fail to follow. */
    if (listener && (*ret & SECCOMP_FILTER_FLAG_TSYNC))
        *ret |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
    return 0;
}

static int prepare(const struct ocispec_seccomp *profile, bool strict, int cache_dir_fd, struct cf_arena *arena,
                   struct cf_seccomp_program *ret, struct cf_err *err)
{
    unsigned char key[CF_SHA256_SIZE];
    uint32_t flags;
    int r;

    r = cf_seccomp_check(profile, err);
    if (r >= 0)
        r = prepare_flags(profile, &flags, err);
    if (r < 0)
        return r;
    if (cf_seccomp_enabled() && cache_dir_fd >= 0) {
        cf_seccomp_cache_key(profile, strict, key);
        if (cf_seccomp_cache_load(cache_dir_fd, key, arena, ret) > 0) {
            ret->flags = flags;
            return 0;
        }
    }
    r = cf_seccomp_build(profile, strict, arena, ret, err);
    if (r < 0)
        return r;
    ret->flags = flags;
    if (cache_dir_fd >= 0)
        cf_seccomp_cache_store(cache_dir_fd, key, ret);
    return 0;
}

int cf_seccomp_prepare(const struct ocispec_seccomp *profile, int cache_dir_fd, struct cf_arena *arena,
                       struct cf_seccomp_program *ret, struct cf_err *err)
{
    return prepare(profile, false, cache_dir_fd, arena, ret, err);
}

static bool fail_unknown(const struct ocispec_string_map *annotations)
{
    for (size_t i = 0; annotations && i < annotations->n; i++)
        if (strcmp(annotations->keys[i], "run.oci.seccomp_fail_unknown_syscall") == 0)
            return strcmp(annotations->values[i], "0") != 0;
    return false;
}

int cf_seccomp_prepare_config(const struct ocispec_config *config, int cache_dir_fd, struct cf_arena *arena,
                              struct cf_seccomp_program *ret, struct cf_err *err)
{
    const struct ocispec_seccomp *profile = config->linux ? config->linux->seccomp : NULL;

    *ret = (struct cf_seccomp_program){0};
    if (!profile)
        return 0;
    return prepare(profile, fail_unknown(config->annotations), cache_dir_fd, arena, ret, err);
}
