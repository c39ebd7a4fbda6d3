/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * events: statistics now and then, and word of an OOM at once, until the container has ended. Host side: one
 * process, one poll(2) on two descriptors, no lock. The end is init's pidfd: a container without init is
 * stopped, whoever may be left in its cgroup.
 */

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/own.h"
#include "container/container.h"
#include "container/watch.h"
#include "sys/sock.h"

struct watch {
    struct cf_alive alive;
    struct cf_cgroup_oom oom;
    const char *id;
    int (*each)(void *userdata, const struct coffer_event *event);
    void *userdata;
};

int cf_container_stats_json(struct coffer_container *container, char **ret, struct cf_err *err)
{
    cf_auto(cf_alive_done) struct cf_alive alive = CF_ALIVE_INIT;
    int r = cf_alive_open(container, &alive, err);

    return r < 0 ? r : cf_stats_json_read(alive.cgroup, &alive.record.rdt, ret, err);
}

static int tell(const struct watch *w, int type, const char *data)
{
    const struct coffer_event event = {
        .size = sizeof(event),
        .type = type,
        .container_id = w->id,
        .data_json = data,
    };

    return w->each(w->userdata, &event);
}

static int tell_stats(const struct watch *w, struct cf_err *err)
{
    cf_auto_free char *json = NULL;
    int r = cf_stats_json_read(w->alive.cgroup, &w->alive.record.rdt, &json, err);

    return r < 0 ? r : tell(w, COFFER_EVENT_STATS, json);
}

static int tell_oom(struct watch *w)
{
    int r = cf_cgroup_oom_check(&w->oom);

    if (r < 0) /* the cgroup is gone: an fd that is ready for ever */
        cf_cgroup_oom_close(&w->oom);
    return r > 0 ? tell(w, COFFER_EVENT_OOM, NULL) : 0;
}

static int time_left(int64_t deadline_ms)
{
    int64_t left;

    if (deadline_ms < 0)
        return -1;
    left = deadline_ms - cf_clock_monotonic_ms();
    return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int) left;
}

static int loop(struct watch *w, uint32_t interval_ms, struct cf_err *err)
{
    int64_t next = interval_ms ? cf_clock_monotonic_ms() + interval_ms : -1;

    for (;;) {
        struct pollfd fds[2] = {
            {.fd = w->alive.pidfd, .events = POLLIN},
            {.fd = w->oom.fd, .events = w->oom.events}, /* a negative one is left out */
        };
        int r = cf_sys_poll(fds, 2, time_left(next));

        if (r < 0 && r != -EINTR)
            return cf_err_sys(err, r, "wait for events of the container");
        if (r < 0)
            continue;
        /* Before the end: it may be the reason of it. Asked for even if poll says nothing, since the kernel
         * may tell of the end first. */
        if (fds[1].revents || fds[0].revents) {
            r = tell_oom(w);
            if (r != 0)
                return r;
        }
        if (fds[0].revents)
            return 0;
        if (next >= 0 && time_left(next) == 0) {
            r = tell_stats(w, err);
            if (r != 0)
                return r;
            next += interval_ms;
            if (time_left(next) == 0) /* the reader was slow: what was missed is not made up for */
                next = cf_clock_monotonic_ms() + interval_ms;
        }
    }
}

static void watch_done(struct watch *w)
{
    cf_cgroup_oom_close(&w->oom);
    cf_alive_done(&w->alive);
}

int cf_container_watch(struct coffer_container *container, uint32_t interval_ms,
                       int (*each)(void *userdata, const struct coffer_event *event), void *userdata,
                       struct cf_err *err)
{
    cf_auto(watch_done) struct watch w = {
        .alive = CF_ALIVE_INIT,
        .oom = CF_CGROUP_OOM_INIT,
        .id = container->id,
        .each = each,
        .userdata = userdata,
    };
    int r = cf_alive_open(container, &w.alive, err);

    if (r < 0)
        return r;
    r = cf_cgroup_oom_open(w.alive.cgroup, &w.oom);
    if (r < 0)
        cf_log(&container->runtime->log, COFFER_LOG_WARNING, "events", "container %s: no word of OOM: %s",
               container->id, cf_errno_text(-r));
    return loop(&w, interval_ms, err);
}
