/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads a bundle's config.json into memory, once: later changes of the file have no effect. Host side. */

#include "spec/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/own.h"
#include "base/str.h"
#include "path/path.h"
#include "sys/fs.h"

void cf_spec_free(struct cf_spec *spec)
{
    if (!spec)
        return;
    ocispec_doc_free(spec->doc);
    free(spec->bundle);
    free(spec->rootfs);
    free(spec->raw);
    free(spec);
}

/* An absolute, lexically clean path; relative ones start at the current directory. */
static int spec_absolute(const char *dir, const char *path, char out[PATH_MAX], struct cf_err *err)
{
    char joined[PATH_MAX], cwd[PATH_MAX];
    int r;

    if (path[0] == '/') {
        r = cf_path_clean(path, out, PATH_MAX);
    } else {
        if (!dir) {
            long n = cf_sys_getcwd(cwd, sizeof(cwd));

            if (n < 0)
                return cf_err_sys(err, (int) n, "find the current directory");
            dir = cwd;
        }
        r = cf_str_path_join(joined, sizeof(joined), dir, path);
        if (r >= 0)
            r = cf_path_clean(joined, out, PATH_MAX);
    }
    return r < 0 ? cf_err_sys(err, r, "path `%s`", path) : 0;
}

static int spec_parse(struct cf_spec *spec, struct cf_err *err)
{
    struct ocispec_error why = {0};
    char path[PATH_MAX];
    int r;

    r = ocispec_config_parse(spec->raw, spec->raw_len, NULL, &spec->config, &spec->doc, &why);
    if (r == -ENOMEM)
        return cf_err_oom(err);
    if (r < 0) {
        if (why.path[0] && strncmp(why.message, "not valid JSON", 14) != 0)
            return cf_err_config(err, "config-value", why.path, "%s", why.message);
        return cf_err_set(err, COFFER_ERROR_CONFIG, "config-syntax", r, "config.json: %s", why.message);
    }
    if (spec->config->root && spec->config->root->path && spec->config->root->path[0]) {
        r = spec_absolute(spec->bundle, spec->config->root->path, path, err);
        if (r < 0) {
            cf_err_field(err, "root.path");
            return r;
        }
        spec->rootfs = strdup(path);
        if (!spec->rootfs)
            return cf_err_oom(err);
    }
    return 0;
}

int cf_spec_load_bytes(const char *bundle, const char *json, size_t len, struct cf_spec **ret, struct cf_err *err)
{
    cf_auto(cf_spec_freep) struct cf_spec *spec = calloc(1, sizeof(*spec));
    int r;

    if (!spec)
        return cf_err_oom(err);
    spec->bundle = strdup(bundle);
    spec->raw = malloc(len + 1);
    if (!spec->bundle || !spec->raw)
        return cf_err_oom(err);
    memcpy(spec->raw, json, len);
    spec->raw[len] = '\0';
    spec->raw_len = len;
    r = spec_parse(spec, err);
    if (r < 0)
        return r;
    *ret = cf_steal_ptr(&spec);
    return 0;
}

static int spec_read(const char *bundle, const char *config_file, struct cf_spec *spec, struct cf_err *err)
{
    char path[PATH_MAX];
    int r;

    r = config_file ? cf_str_copy(path, sizeof(path), config_file)
                    : cf_str_path_join(path, sizeof(path), bundle, "config.json");
    if (r >= 0)
        r = cf_io_read_file_at(AT_FDCWD, path, CF_SPEC_MAX_FILE, &spec->raw, &spec->raw_len);
    if (r >= 0)
        return 0;
    if (r == -ENOENT) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "config-missing", r,
                          "JSON specification file %s not found", config_file ? config_file : "config.json");
        if (!config_file)
            cf_err_hint(err, "`%s` must be a bundle directory; `coffer spec` writes a config.json", bundle);
        return r;
    }
    if (r == -EFBIG)
        return cf_err_set(err, COFFER_ERROR_CONFIG, "config-size", r, "config.json is larger than %u MiB",
                          CF_SPEC_MAX_FILE >> 20);
    if (r == -EINVAL)
        return cf_err_set(err, COFFER_ERROR_CONFIG, "config-type", r, "config.json is not a regular file");
    return cf_err_sys(err, r, "read `%s`", path);
}

int cf_spec_load_bundle(const char *bundle, const char *config_file, struct cf_spec **ret, struct cf_err *err)
{
    cf_auto(cf_spec_freep) struct cf_spec *spec = calloc(1, sizeof(*spec));
    char path[PATH_MAX];
    int r;

    if (!spec)
        return cf_err_oom(err);
    r = spec_absolute(NULL, bundle, path, err);
    if (r < 0)
        return r;
    spec->bundle = strdup(path);
    if (!spec->bundle)
        return cf_err_oom(err);
    r = spec_read(bundle, config_file, spec, err);
    if (r >= 0)
        r = spec_parse(spec, err);
    if (r < 0)
        return r;
    *ret = cf_steal_ptr(&spec);
    return 0;
}
