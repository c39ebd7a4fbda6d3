/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* coffer/container.h: the border. */

#include "coffer/container.h"

#include <errno.h>
#include <stdlib.h>

#include "api/api.h"
#include "base/own.h"
#include "container/container.h"
#include "container/notify.h"
#include "container/preserved.h"

/* Highest count of fds a caller may hand through: the rest of the range belongs to the runtime. */
#define CF_API_MAX_PRESERVED 65536

static int container_make(coffer_runtime *runtime, const char *id, const struct coffer_create_options *options,
                          bool run, coffer_container **ret, coffer_error **err)
{
    struct coffer_create_options o;
    coffer_container *container = NULL;
    struct cf_err e = CF_ERR_INIT;
    int r;

    r = cf_api_options(options, sizeof(o), &o, &e);
    if (r >= 0 && (o.preserve_fds > CF_API_MAX_PRESERVED || o.listen_fds > CF_API_MAX_PRESERVED))
        r = cf_err_set(&e, COFFER_ERROR_ARGUMENT, "preserve-fds", -EINVAL, "too many file descriptors to preserve");
    if (r >= 0)
        r = cf_preserved_check(o.listen_fds + o.preserve_fds, &e);
    if (r >= 0)
        r = cf_container_create(runtime, id ? id : "", &o, run, &container, &e);
    if (r < 0)
        return cf_api_error(&e, err);
    if (ret)
        *ret = container;
    else
        cf_container_free(container);
    return 0;
}

int coffer_container_create(coffer_runtime *runtime, const char *id, const struct coffer_create_options *options,
                            coffer_container **ret, coffer_error **err)
{
    return container_make(runtime, id, options, false, ret, err);
}

int coffer_container_run(coffer_runtime *runtime, const char *id, const struct coffer_create_options *options,
                         coffer_container **ret, coffer_error **err)
{
    return container_make(runtime, id, options, true, ret, err);
}

int coffer_container_open(coffer_runtime *runtime, const char *id, coffer_container **ret, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_open(runtime, id ? id : "", ret, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

void coffer_container_close(coffer_container *container)
{
    cf_container_free(container);
}

int coffer_container_start(coffer_container *container, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_start(container, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_kill(coffer_container *container, int signo, uint32_t flags, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_kill(container, signo, flags, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_delete(coffer_container *container, uint32_t flags, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_delete_handle(container, flags, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_delete_id(coffer_runtime *runtime, const char *id, uint32_t flags, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_delete(runtime, id ? id : "", flags, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_state_json(coffer_container *container, char **ret_json, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_state(container, ret_json, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_pidfd(coffer_container *container)
{
    return container->pidfd;
}

int coffer_container_pid(coffer_container *container)
{
    return container->pid;
}

static int container_mounts(coffer_container *container, bool adding, const char *json, size_t len,
                            coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = cf_container_mounts(container, adding, json ? json : "", json ? len : 0, &e);

    return r < 0 ? cf_api_error(&e, err) : 0;
}

int coffer_container_mounts_add(coffer_container *container, const char *json, size_t len, coffer_error **err)
{
    return container_mounts(container, true, json, len, err);
}

int coffer_container_mounts_remove(coffer_container *container, const char *json, size_t len, coffer_error **err)
{
    return container_mounts(container, false, json, len, err);
}

int coffer_container_notify_fd(coffer_container *container)
{
    return container->notify_fd;
}

void coffer_container_notify(coffer_container *container)
{
    if (container->notify_fd >= 0 && container->runtime->notify_socket &&
        cf_notify_take(container->runtime, container->notify_fd, container->runtime->notify_socket, container->pid,
                       false) != 0)
        cf_fd_close(&container->notify_fd);
}

int coffer_container_take_console(coffer_container *container, int *ret_master_fd, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;

    if (container->console_fd < 0) {
        (void) cf_err_set(&e, COFFER_ERROR_STATE, "console-none", -ENOTTY, "the container has no terminal to take");
        return cf_api_error(&e, err);
    }
    *ret_master_fd = cf_steal_fd(&container->console_fd);
    return 0;
}
