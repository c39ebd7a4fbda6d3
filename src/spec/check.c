/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rules of the runtime-spec that hold without looking at the host: what must be there, what belongs
 * together, what cannot mean anything. The planners check the fields they translate. Pure.
 */

#include "spec/spec.h"

#include <errno.h>
#include <string.h>

#include "base/format.h"
#include "base/num.h"
#include "base/str.h"
#include "path/path.h"
#include "spec/check.h"

#define CF_HOOKS_MAX_TIMEOUT_SECONDS 2147483

/* "1.3.0", "1.0.2-dev": three numbers, then an optional pre-release or build text. */
static bool check_is_semver(const char *text, uint32_t *ret_major)
{
    uint32_t part = 0;
    int digits = 0, parts = 0;

    for (const char *p = text;; p++) {
        if (*p >= '0' && *p <= '9' && digits < 6) {
            part = part * 10 + (uint32_t) (*p - '0');
            digits++;
            continue;
        }
        if (digits == 0)
            return false;
        if (parts == 0)
            *ret_major = part;
        parts++;
        if (parts == 3)
            return *p == '\0' || ((*p == '-' || *p == '+') && p[1]);
        if (*p != '.')
            return false;
        part = 0;
        digits = 0;
    }
}

static int check_version(const struct ocispec_config *config, struct cf_err *err)
{
    uint32_t major = 0;

    if (!check_is_semver(config->oci_version, &major))
        return cf_err_config(err, "version-syntax", "ociVersion", "expected a semantic version, got `%s`",
                             config->oci_version);
    if (major > 1) {
        cf_err_config(err, "version-newer", "ociVersion", "version `%s` is newer than this runtime understands",
                      config->oci_version);
        cf_err_hint(err, "versions up to 1.x are supported");
        return err->ret;
    }
    return 0;
}

int cf_spec_check_env(char *const *env, size_t n, const char *field, struct cf_err *err)
{
    char path[96];

    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(env[i], '=');

        if (equals && equals != env[i])
            continue;
        (void) cf_format(path, sizeof(path), "%s[%zu]", field, i);
        return cf_err_config(err, "env-syntax", path, equals ? "the variable has no name" : "expected NAME=VALUE");
    }
    return 0;
}

int cf_spec_check_process(const struct ocispec_process *process, struct cf_err *err)
{
    int r;

    if (!process)
        return 0;
    if (!process->cwd[0])
        return cf_err_config(err, "cwd-empty", "process.cwd", "must not be empty");
    if (process->cwd[0] != '/')
        return cf_err_config(err, "cwd-relative", "process.cwd", "Cwd must be an absolute path, got `%s`",
                             process->cwd);
    if (process->n_args == 0)
        return cf_err_config(err, "args-empty", "process.args", "args must not be empty");
    if (!process->args[0][0])
        return cf_err_config(err, "args-empty", "process.args[0]", "exec: \"\": executable file not found in $PATH");
    r = cf_spec_check_env(process->env, process->n_env, "process.env", err);
    if (r < 0)
        return r;
    return cf_spec_check_affinity(process->exec_cpu_affinity, err);
}

static int check_hook_list(const struct ocispec_hook *hooks, size_t n, const char *kind, struct cf_err *err)
{
    char path[96];
    int r;

    for (size_t i = 0; i < n; i++) {
        const struct ocispec_hook *hook = &hooks[i];

        if (hook->path[0] != '/') {
            (void) cf_format(path, sizeof(path), "hooks.%s[%zu].path", kind, i);
            return cf_err_config(err, "hook-path", path, "must be an absolute path, got `%s`", hook->path);
        }
        if (hook->has_timeout && (hook->timeout <= 0 || hook->timeout > CF_HOOKS_MAX_TIMEOUT_SECONDS)) {
            (void) cf_format(path, sizeof(path), "hooks.%s[%zu].timeout", kind, i);
            return cf_err_config(err, "hook-timeout", path, "expected a number of seconds greater than zero, got %d",
                                 hook->timeout);
        }
        (void) cf_format(path, sizeof(path), "hooks.%s[%zu].env", kind, i);
        r = cf_spec_check_env(hook->env, hook->n_env, path, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_hooks(const struct ocispec_hooks *hooks, struct cf_err *err)
{
    int r;

    if (!hooks)
        return 0;
    r = check_hook_list(hooks->prestart, hooks->n_prestart, "prestart", err);
    if (r >= 0)
        r = check_hook_list(hooks->create_runtime, hooks->n_create_runtime, "createRuntime", err);
    if (r >= 0)
        r = check_hook_list(hooks->create_container, hooks->n_create_container, "createContainer", err);
    if (r >= 0)
        r = check_hook_list(hooks->start_container, hooks->n_start_container, "startContainer", err);
    if (r >= 0)
        r = check_hook_list(hooks->poststart, hooks->n_poststart, "poststart", err);
    if (r >= 0)
        r = check_hook_list(hooks->poststop, hooks->n_poststop, "poststop", err);
    return r;
}

static int check_annotations(const struct ocispec_string_map *annotations, struct cf_err *err)
{
    for (size_t i = 0; annotations && i < annotations->n; i++) {
        /* Who asks for another executor must not get an ordinary process instead. */
        if (strcmp(annotations->keys[i], "run.oci.handler") == 0) {
            (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "annotation-handler", -EOPNOTSUPP,
                              "annotations: `run.oci.handler` is not supported: coffer runs ordinary processes only");
            cf_err_field(err, "annotations");
            cf_err_hint(err, "remove the annotation, or use a runtime with this handler");
            return -EOPNOTSUPP;
        }
    }
    return 0;
}

int cf_spec_check(const struct cf_spec *spec, struct cf_err *err)
{
    const struct ocispec_config *config = spec->config;
    int r;

    r = check_version(config, err);
    if (r < 0)
        return r;
    if (!config->root)
        return cf_err_config(err, "root-missing", "root", "root must be specified");
    if (!config->root->path[0])
        return cf_err_config(err, "root-empty", "root.path", "must not be empty");
    r = cf_spec_check_process(config->process, err);
    if (r >= 0)
        r = check_hooks(config->hooks, err);
    if (r >= 0)
        r = check_annotations(config->annotations, err);
    if (r >= 0)
        r = cf_spec_check_linux(config, err);
    return r;
}
