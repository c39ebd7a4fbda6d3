/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* coffer/exec.h: the border. */

#include "coffer/exec.h"

#include <errno.h>

#include "api/api.h"
#include "base/own.h"
#include "container/exec.h"
#include "container/preserved.h"

/* Highest count of fds a caller may hand through: the rest of the range belongs to the runtime. */
#define CF_API_MAX_PRESERVED 65536

int coffer_container_exec(coffer_container *container, const struct coffer_exec_options *options,
                          coffer_process **ret, coffer_error **err)
{
    struct coffer_exec_options o;
    coffer_process *process = NULL;
    struct cf_err e = CF_ERR_INIT;
    int r;

    r = cf_api_options(options, sizeof(o), &o, &e);
    if (r >= 0 && o.preserve_fds > CF_API_MAX_PRESERVED)
        r = cf_err_set(&e, COFFER_ERROR_ARGUMENT, "preserve-fds", -EINVAL, "too many file descriptors to preserve");
    if (r >= 0)
        r = cf_preserved_check(o.preserve_fds, &e);
    if (r >= 0)
        r = cf_container_exec(container, &o, &process, &e);
    if (r < 0)
        return cf_api_error(&e, err);
    if (ret)
        *ret = process;
    else
        cf_process_free(process);
    return 0;
}

void coffer_process_close(coffer_process *process)
{
    cf_process_free(process);
}

int coffer_process_pid(const coffer_process *process)
{
    return process->pid;
}

int coffer_process_pidfd(const coffer_process *process)
{
    return process->pidfd;
}

int coffer_process_take_console(coffer_process *process, int *ret_master_fd, coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;

    if (process->console_fd < 0) {
        (void) cf_err_set(&e, COFFER_ERROR_STATE, "console-none", -ENOTTY, "the process has no terminal to take");
        return cf_api_error(&e, err);
    }
    *ret_master_fd = cf_steal_fd(&process->console_fd);
    return 0;
}
