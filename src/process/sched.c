/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Scheduler and I/O priority. For more than the caller has itself, the kernel wants CAP_SYS_NICE in the
 * initial user namespace: init has that only without a user namespace of its own. Both sides, freestanding.
 */

#include "process/sched.h"

#include <errno.h>
#include <stdbool.h>

#include "sys/task.h"

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_CLASS(value) ((value) >> 13)
#define IOPRIO_RT 1
#define SCHED_FIFO 1
#define SCHED_RR 2
#define SCHED_DEADLINE 6

static const char *why_no_scheduler(const struct cf_blob_sched *s, int r)
{
    bool real_time = s->policy == SCHED_FIFO || s->policy == SCHED_RR;

    if (r == -EBUSY)
        return "no CPU time is left for another process with this runtime, deadline and period";
    if (r == -EPERM && s->policy == SCHED_DEADLINE)
        return "it takes CAP_SYS_NICE on the host, and a process that may run on every CPU of its root domain";
    if (r == -EPERM && real_time)
        return "it takes CAP_SYS_NICE on the host, and on cgroup v1 a budget: linux.resources.cpu.realtimeRuntime";
    return r == -EPERM ? "a lower nice value than the caller's takes CAP_SYS_NICE on the host" : NULL;
}

static int set_scheduler(const struct cf_blob_sched *s, int pid, struct cf_err *err)
{
    const struct cf_sched_attr attr = {
        .size = sizeof(attr),
        .sched_policy = s->policy,
        .sched_flags = s->flags,
        .sched_nice = s->nice,
        .sched_priority = s->priority,
        .sched_runtime = s->runtime,
        .sched_deadline = s->deadline,
        .sched_period = s->period,
    };
    const char *why;
    int r = cf_sys_sched_setattr(pid, &attr, 0);

    if (r >= 0)
        return 0;
    why = why_no_scheduler(s, r);
    r = cf_err_sys(err, r, "set scheduler");
    cf_err_field(err, "process.scheduler");
    if (why)
        cf_err_hint(err, "%s", why);
    return r;
}

int cf_sched_apply(const struct cf_blob_header *h, int pid, struct cf_err *err)
{
    int r = h->sched.set ? set_scheduler(&h->sched, pid, err) : 0;

    if (r < 0 || h->ioprio == -1)
        return r;
    r = cf_sys_ioprio_set(IOPRIO_WHO_PROCESS, pid, h->ioprio);
    if (r >= 0)
        return 0;
    r = cf_err_sys(err, r, "set I/O priority");
    cf_err_field(err, "process.ioPriority");
    if (r == -EPERM && IOPRIO_CLASS(h->ioprio) == IOPRIO_RT)
        cf_err_hint(err, "IOPRIO_CLASS_RT takes CAP_SYS_NICE on the host");
    return r;
}
