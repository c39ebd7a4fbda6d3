/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Hooks of config.json for both sides. Pure, host side.
 *
 * The container side gets its lists in the blob together with the state as two halves around the
 * pid, because only init knows its own pid. A createContainer hook without `env` gets an empty
 * environment, a startContainer hook that of the process; hooks on the host inherit the runtime's.
 */

#include "hook/hook.h"

#include <errno.h>
#include <string.h>

#include "base/json-out.h"
#include "base/own.h"
#include "path/path.h"
#include "plan/input.h"

#define OCI_VERSION "1.3.0"
#define MAX_HOOKS 256
#define STDOUT_KEY "run.oci.hooks.stdout"
#define STDERR_KEY "run.oci.hooks.stderr"
#define MAX_TIMEOUT 4000000 /* seconds that fit 32 bits of milliseconds */

static int hook_error(const char *kind, size_t index, const char *member, const char *code, const char *text,
                      struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_CONFIG, code, -EINVAL, "%s", text);
    cf_err_field(err, "hooks.%s[%zu].%s", kind, index, member);
    return -EINVAL;
}

static int check_hook(const struct ocispec_hook *hook, const char *kind, size_t index, struct cf_err *err)
{
    if (!cf_path_is_absolute(hook->path))
        return hook_error(kind, index, "path", "hook-path", "expected an absolute path", err);
    if (hook->has_timeout && hook->timeout <= 0)
        return hook_error(kind, index, "timeout", "hook-timeout", "expected a number above 0", err);
    if (hook->has_timeout && hook->timeout > MAX_TIMEOUT)
        return hook_error(kind, index, "timeout", "hook-timeout", "it is too large", err);
    for (size_t i = 0; i < hook->n_env; i++) {
        const char *equals = strchr(hook->env[i], '=');

        if (!equals || equals == hook->env[i])
            return hook_error(kind, index, "env", "hook-env", "expected NAME=VALUE", err);
    }
    return 0;
}

static int check_list(const struct ocispec_hook *hooks, size_t n, const char *kind, struct cf_err *err)
{
    int r = 0;

    if (n > MAX_HOOKS) {
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "hooks-too-many", -EINVAL, "more than %d hooks",
                          MAX_HOOKS);
        cf_err_field(err, "hooks.%s", kind);
        return -EINVAL;
    }
    for (size_t i = 0; i < n && r >= 0; i++)
        r = check_hook(&hooks[i], kind, i, err);
    return r;
}

/* ---- where their output goes ---- */

static const struct {
    const char *key, *field;
} outputs[] = {
    {STDOUT_KEY, CF_HOOK_STDOUT_FIELD},
    {STDERR_KEY, CF_HOOK_STDERR_FIELD},
};

/* The files that annotations name, NULL: none. They are opened by the runtime, never by what is in the container. */
static int find_outputs(const struct cf_plan_input *in, const char *ret[2], struct cf_err *err)
{
    for (size_t i = 0; i < 2; i++) {
        ret[i] = cf_plan_annotation(in, outputs[i].key);
        if (ret[i] && !cf_path_is_absolute(ret[i]))
            return cf_err_config(err, "hook-output", outputs[i].field, "expected an absolute path");
    }
    return 0;
}

/* Opened with the other sources, so that it is an error of create for hooks that run later, too. */
static int plan_outputs(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const char *paths[2];
    int r = find_outputs(in, paths, err);

    for (size_t i = 0; i < 2 && r >= 0; i++) {
        struct cf_source source = {.kind = CF_SOURCE_OUTPUT, .path = paths[i], .field = outputs[i].field,
                                   .blob_mount = -1};

        if (!paths[i])
            continue;
        r = cf_plan_add_source(in, plan, &source, err);
        if (r >= 0)
            cf_blob_header(plan->blob)->hook_outputs[i] = (uint32_t) r + 1;
    }
    return r < 0 ? r : 0;
}

/* ---- hooks that the host runs ---- */

/* A NULL-terminated copy of the pointers. */
static char *const *terminated(struct cf_arena *arena, char *const *strings, size_t n)
{
    char **copy = cf_arena_calloc(arena, n + 1, sizeof(*copy));

    if (copy && n)
        memcpy(copy, strings, n * sizeof(*copy));
    return copy;
}

static int host_list(struct cf_arena *arena, const struct ocispec_hook *hooks, size_t n, const char *kind,
                     struct cf_host_hooks *ret, struct cf_err *err)
{
    struct cf_host_hook *items = cf_arena_calloc(arena, n, sizeof(*items));
    int r = check_list(hooks, n, kind, err);

    if (r < 0)
        return r;
    if (!items)
        return cf_err_oom(err);
    for (size_t i = 0; i < n; i++) {
        const struct ocispec_hook *hook = &hooks[i];

        items[i] = (struct cf_host_hook) {
            .path = hook->path, .index = (uint32_t) i, .kind = kind, .timeout_ms = (uint32_t) hook->timeout * 1000,
        };
        items[i].argv = hook->n_args ? terminated(arena, hook->args, hook->n_args)
                                     : terminated(arena, (char *const *) &hook->path, 1);
        if (hook->env)
            items[i].envp = terminated(arena, hook->env, hook->n_env);
        if (!items[i].argv || (hook->env && !items[i].envp))
            return cf_err_oom(err);
    }
    *ret = (struct cf_host_hooks) {.items = items, .n = n};
    return 0;
}

int cf_hook_plan_list(struct cf_arena *arena, const struct cf_spec *spec, const char *kind, struct cf_host_hooks *ret,
                      struct cf_err *err)
{
    const struct cf_plan_input in = {.arena = arena, .spec = spec};
    const struct ocispec_hooks *h = spec->config->hooks;
    int r;

    *ret = (struct cf_host_hooks) {0};
    if (!h)
        return 0;
    if (strcmp(kind, "prestart") == 0)
        r = host_list(arena, h->prestart, h->n_prestart, "prestart", ret, err);
    else if (strcmp(kind, "createRuntime") == 0)
        r = host_list(arena, h->create_runtime, h->n_create_runtime, "createRuntime", ret, err);
    else if (strcmp(kind, "poststart") == 0)
        r = host_list(arena, h->poststart, h->n_poststart, "poststart", ret, err);
    else if (strcmp(kind, "poststop") == 0)
        r = host_list(arena, h->poststop, h->n_poststop, "poststop", ret, err);
    else
        r = cf_err_set(err, COFFER_ERROR_BUG, "hook-kind", -EINVAL, "no host hooks of kind `%s`", kind);
    return r < 0 ? r : find_outputs(&in, ret->outputs, err);
}

/* ---- hooks that init runs ---- */

static int child_list(const struct cf_plan_input *in, struct cf_plan *plan, const struct ocispec_hook *hooks, size_t n,
                      const char *kind, const struct ocispec_process *env_of, struct cf_ref *ret, struct cf_err *err)
{
    struct cf_blob_hook *items = cf_arena_calloc(in->arena, n, sizeof(*items));
    int r = check_list(hooks, n, kind, err);

    *ret = (struct cf_ref) {0, 0};
    if (r < 0)
        return r;
    if (!items)
        return cf_err_oom(err);
    for (size_t i = 0; i < n; i++) {
        const struct ocispec_hook *hook = &hooks[i];

        items[i].path = cf_blob_add_str(plan->blob, hook->path);
        items[i].args = cf_blob_add_strv(plan->blob, hook->args, hook->n_args);
        if (hook->env)
            items[i].env = cf_blob_add_strv(plan->blob, hook->env, hook->n_env);
        else if (env_of)
            items[i].env = cf_blob_add_strv(plan->blob, env_of->env, env_of->n_env);
        items[i].timeout_ms = (uint32_t) hook->timeout * 1000;
        items[i].index = (uint32_t) i;
    }
    *ret = cf_blob_add_array(plan->blob, items, n, sizeof(*items));
    return 0;
}

/* Up to and with `"pid":`. */
static cf_str state_head(const struct cf_plan_input *in, struct cf_plan *plan, const char *status)
{
    cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(0);
    const char *text;
    long n;

    if (!j)
        return 0;
    cf_json_object_begin(j);
    cf_json_kv_str(j, "ociVersion", OCI_VERSION);
    cf_json_kv_str(j, "id", in->id);
    cf_json_kv_str(j, "status", status);
    cf_json_object_end(j);
    n = cf_json_finish(j, &text);
    return n < 2 ? 0 : cf_blob_printf(plan->blob, "%.*s,\"pid\":", (int) n - 1, text);
}

/* What follows the pid. */
static cf_str state_tail(const struct cf_plan_input *in, struct cf_plan *plan)
{
    const struct ocispec_string_map *annotations = in->spec->config->annotations;
    cf_auto(cf_json_freep) struct cf_json *j = cf_json_new(0);
    const char *text;

    if (!j)
        return 0;
    cf_json_object_begin(j);
    cf_json_kv_str(j, "bundle", in->spec->bundle);
    if (annotations && annotations->n) {
        cf_json_key(j, "annotations");
        cf_json_object_begin(j);
        for (size_t i = 0; i < annotations->n; i++)
            cf_json_kv_str(j, annotations->keys[i], annotations->values[i]);
        cf_json_object_end(j);
    }
    cf_json_kv_str(j, "root", in->spec->rootfs);
    cf_json_object_end(j);
    if (cf_json_finish(j, &text) < 2)
        return 0;
    return cf_blob_printf(plan->blob, ",%s", text + 1);
}

static int plan_child(const struct cf_plan_input *in, const struct ocispec_hooks *h, struct cf_plan *plan,
                      struct cf_err *err)
{
    struct cf_ref create = {0, 0}, start = {0, 0};
    cf_str create_head, start_head, tail;
    struct cf_blob_header *header;
    int r;

    r = child_list(in, plan, h->create_container, h->n_create_container, "createContainer", NULL, &create, err);
    if (r >= 0)
        r = child_list(in, plan, h->start_container, h->n_start_container, "startContainer",
                       in->spec->config->process, &start, err);
    if (r < 0)
        return r;
    if (!h->n_create_container && !h->n_start_container)
        return 0;

    plan->has_child_hooks = true;
    create_head = state_head(in, plan, "creating");
    start_head = state_head(in, plan, "created");
    tail = state_tail(in, plan);
    if (!create_head || !start_head || !tail)
        return cf_err_oom(err);
    header = cf_blob_header(plan->blob);
    header->create_container_hooks = create;
    header->start_container_hooks = start;
    header->create_state_head = create_head;
    header->create_state_tail = tail;
    header->start_state_head = start_head;
    header->start_state_tail = tail;
    return 0;
}

int cf_hook_plan_build(const struct cf_plan_input *in, struct cf_plan *plan, struct cf_err *err)
{
    const struct ocispec_hooks *h = in->spec->config->hooks;
    int r;

    if (!h)
        return 0;
    r = cf_hook_plan_list(in->arena, in->spec, "prestart", &plan->prestart, err);
    if (r >= 0)
        r = cf_hook_plan_list(in->arena, in->spec, "createRuntime", &plan->create_runtime, err);
    if (r >= 0)
        r = cf_hook_plan_list(in->arena, in->spec, "poststart", &plan->poststart, err);
    if (r >= 0)
        r = cf_hook_plan_list(in->arena, in->spec, "poststop", &plan->poststop, err);
    if (r >= 0)
        r = plan_child(in, h, plan, err);
    if (r >= 0 && (plan->has_child_hooks || plan->prestart.n + plan->create_runtime.n + plan->poststart.n +
                   plan->poststop.n > 0))
        r = plan_outputs(in, plan, err);
    if (r < 0)
        return r;
    if (plan->prestart.n || plan->create_runtime.n)
        cf_plan_set_flag(plan, CF_BLOB_HOST_HOOKS);
    return 0;
}
