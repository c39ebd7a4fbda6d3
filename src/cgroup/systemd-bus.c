/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls to a systemd manager, through sd-bus. Every connection has one deadline for all that is done with it,
 * and nothing here blocks beyond it: not connecting, not authenticating, not waiting for a reply or a job.
 * The manager's private socket is spoken to directly, without a bus daemon; there its signals come unasked.
 * Host side.
 */

#include "cgroup/systemd-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/format.h"
#include "base/own.h"
#include "base/str.h"
#include "cgroup/systemd-message.h"
#include "sys/dl-systemd.h"
#include "sys/task.h"

#define DESTINATION "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"
#define MANAGER "org.freedesktop.systemd1.Manager"
#define JOB_MATCH "type='signal',interface='" MANAGER "',member='JobRemoved',path='" PATH "'"
#define MAX_LEFT_OUT 16

struct cf_sdbus {
    const struct cf_libsystemd *lib;
    sd_bus *bus;
    char *address;
    int64_t deadline;
    bool direct;      /* the manager itself, no bus daemon in between */
    const char *unit; /* whose jobs are of interest */
    char job[256];    /* object path of the last one that ended, "" */
    char result[64];  /* how it ended */
};

/* The answer to a call. */
struct reply {
    const struct cf_libsystemd *lib;
    sd_bus_message *message;
    bool done;
};

static void reply_done(struct reply *reply)
{
    reply->message = reply->message ? reply->lib->message_unref(reply->message) : NULL;
}

/* ---- connection ---- */

static int bus_failed(const struct cf_sdbus *bus, int r, struct cf_err *err)
{
    if (r == -ETIMEDOUT) {
        (void) cf_err_set(err, COFFER_ERROR_SYSTEM, "systemd-timeout", r,
                          "systemd did not answer within %d seconds (bus `%s`)", CF_SYSTEMD_TIMEOUT_MS / 1000,
                          bus->address);
        cf_err_hint(err, "it or the message bus hangs; the cgroupfs manager needs neither");
        return r;
    }
    (void) cf_err_set(err, COFFER_ERROR_SYSTEM, "systemd-bus", r, "cannot talk to systemd at `%s`",
                      bus->address);
    cf_err_errno(err, r);
    if (r == -ENOENT || r == -ECONNREFUSED)
        cf_err_hint(err, "nobody listens there: use the cgroupfs manager where systemd does not run");
    return r;
}

static int on_job_removed(sd_bus_message *m, void *userdata, sd_bus_error *ignored)
{
    struct cf_sdbus *bus = userdata;
    const char *path, *unit, *result;
    uint32_t id;

    if (bus->lib->message_read_basic(m, 'u', &id) <= 0 || bus->lib->message_read_basic(m, 'o', &path) <= 0 ||
        bus->lib->message_read_basic(m, 's', &unit) <= 0 ||
        bus->lib->message_read_basic(m, 's', &result) <= 0)
        return 0;
    if (bus->unit && strcmp(unit, bus->unit) == 0) {
        (void) cf_str_copy(bus->job, sizeof(bus->job), path);
        (void) cf_str_copy(bus->result, sizeof(bus->result), result);
    }
    return 0;
}

/* A bus daemon that refuses the match: without signals the wait for the job ends at the deadline. */
static int on_match_installed(sd_bus_message *m, void *userdata, sd_bus_error *ignored)
{
    return 0;
}

static int load(const struct cf_libsystemd **ret, struct cf_err *err)
{
    int r = cf_dl_libsystemd(ret);

    if (r < 0) {
        (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "systemd-missing", -EOPNOTSUPP,
                          "the systemd cgroup manager needs libsystemd.so.0, which cannot be loaded");
        cf_err_hint(err, "install libsystemd, or use the cgroupfs manager");
        return -EOPNOTSUPP;
    }
    return 0;
}

static int connect_once(struct cf_sdbus *bus)
{
    const struct cf_libsystemd *lib = bus->lib;
    int r = lib->bus_new(&bus->bus);

    if (r >= 0)
        r = lib->bus_set_address(bus->bus, bus->address);
    if (r >= 0 && !bus->direct)
        r = lib->bus_set_bus_client(bus->bus, 1);
    if (r >= 0)
        r = lib->bus_start(bus->bus);
    if (r < 0 && bus->bus)
        bus->bus = lib->bus_unref(bus->bus);
    return r;
}

int cf_sdbus_open(const char *address, struct cf_sdbus **ret, struct cf_err *err)
{
    cf_auto(cf_sdbus_closep) struct cf_sdbus *bus = calloc(1, sizeof(*bus));
    int r;

    if (!bus)
        return cf_err_oom(err);
    bus->address = strdup(address);
    if (!bus->address)
        return cf_err_oom(err);
    bus->deadline = cf_clock_monotonic_ms() + CF_SYSTEMD_TIMEOUT_MS;
    bus->direct = cf_str_ends_with(address, "/systemd/private");
    r = load(&bus->lib, err);
    if (r < 0)
        return r;
    /* EAGAIN: its queue of connections is full. */
    while ((r = connect_once(bus)) == -EAGAIN && cf_clock_monotonic_ms() < bus->deadline) {
        const struct timespec pause = {.tv_nsec = 20000000};

        (void) cf_sys_nanosleep(&pause, NULL);
    }
    if (r < 0)
        return bus_failed(bus, r == -EAGAIN ? -ETIMEDOUT : r, err);
    *ret = cf_steal_ptr(&bus);
    return 0;
}

void cf_sdbus_close(struct cf_sdbus *bus)
{
    if (!bus)
        return;
    if (bus->bus) {
        bus->lib->bus_close(bus->bus);
        (void) bus->lib->bus_unref(bus->bus);
    }
    free(bus->address);
    free(bus);
}

/* ---- calls ---- */

static int bus_step(struct cf_sdbus *bus)
{
    int64_t left;
    int r = bus->lib->bus_process(bus->bus, NULL);

    if (r != 0)
        return r;
    left = bus->deadline - cf_clock_monotonic_ms();
    if (left <= 0)
        return -ETIMEDOUT;
    r = bus->lib->bus_wait(bus->bus, (uint64_t) left * 1000);
    return r == -EINTR ? 0 : r;
}

static int on_reply(sd_bus_message *m, void *userdata, sd_bus_error *ignored)
{
    struct reply *reply = userdata;

    reply->message = reply->lib->message_ref(m);
    reply->done = true;
    return 1;
}

/* Sends and waits. Errors of the peer are in the reply. */
static int call(struct cf_sdbus *bus, const struct cf_sdbus_message *message, struct reply *reply,
                struct cf_err *err)
{
    sd_bus_slot *slot = NULL;
    int r;

    reply->lib = bus->lib;
    r = bus->lib->bus_call_async(bus->bus, &slot, message->m, on_reply, reply, UINT64_MAX);
    while (r >= 0 && !reply->done)
        r = bus_step(bus);
    if (slot)
        (void) bus->lib->slot_unref(slot);
    return r < 0 ? bus_failed(bus, r, err) : 0;
}

static int new_call(struct cf_sdbus *bus, const char *path, const char *interface, const char *member,
                    struct cf_sdbus_message *ret, struct cf_err *err)
{
    int r;

    ret->lib = bus->lib;
    r = bus->lib->message_new_method_call(bus->bus, &ret->m, DESTINATION, path, interface, member);
    return r < 0 ? bus_failed(bus, r, err) : 0;
}

/* The error of a reply as ours. Return: 0 if it is none. */
static int check_reply(const struct cf_sdbus *bus, const struct reply *reply, const char *member,
                       const char *unit, struct cf_err *err)
{
    const sd_bus_error *e = bus->lib->message_get_error(reply->message);
    const char *text;

    if (!e)
        return 0;
    text = e->message ? e->message : "";
    if (cf_str_ends_with(e->name, ".UnitExists"))
        return -EEXIST;
    if (cf_str_ends_with(e->name, ".NoSuchUnit"))
        return -ENOENT;
    if (cf_str_ends_with(e->name, ".AccessDenied") ||
        cf_str_ends_with(e->name, ".InteractiveAuthorizationRequired") ||
        cf_str_ends_with(e->name, ".AuthFailed")) {
        (void) cf_err_set(err, COFFER_ERROR_PERMISSION, "systemd-permission", -EACCES,
                          "systemd refuses %s of `%s`: %s", member, unit, text);
        cf_err_hint(err,
                    "a caller without privileges uses its user manager: XDG_RUNTIME_DIR must lead to it");
        return -EACCES;
    }
    if (cf_str_ends_with(e->name, ".NoReply") || cf_str_ends_with(e->name, ".Timeout"))
        return bus_failed(bus, -ETIMEDOUT, err);
    return cf_err_set(err, COFFER_ERROR_SYSTEM, "systemd-call", -EREMOTEIO, "systemd: %s of `%s`: %s", member,
                      unit, *text ? text : e->name);
}

/* ---- properties ---- */

static bool mentions(const char *text, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = strstr(text, name); at; at = strstr(at + 1, name)) {
        char before = at == text ? ' ' : at[-1], behind = at[len];
        bool inside = (before >= 'A' && before <= 'Z') || (before >= 'a' && before <= 'z') ||
                      (behind >= 'A' && behind <= 'Z') || (behind >= 'a' && behind <= 'z');

        if (!inside)
            return true;
    }
    return false;
}

/*
 * A refused property is named in the text of the error. Return: 1 if it can be done without, so that the call
 * is to be made again; 0 if the error is about something else; -errno with the error.
 */
static int leave_out(const struct cf_sdbus *bus, const struct reply *reply,
                     const struct cf_systemd_property *properties, size_t n, bool *left_out,
                     struct cf_err *err)
{
    const sd_bus_error *e = bus->lib->message_get_error(reply->message);

    if (!e || !e->message)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (left_out[i] || !mentions(e->message, properties[i].name))
            continue;
        if (!properties[i].required) {
            left_out[i] = true;
            return 1;
        }
        (void) cf_err_set(err, COFFER_ERROR_CONFIG, "systemd-property", -EINVAL,
                          "systemd refuses property `%s`: %s", properties[i].name, e->message);
        if (properties[i].field)
            cf_err_field(err, properties[i].type == CF_SD_STRING ? "%s" : "annotations[\"%s\"]",
                         properties[i].field);
        return -EINVAL;
    }
    return 0;
}

/* ---- jobs ---- */

static int watch_jobs(struct cf_sdbus *bus, const char *unit, struct cf_err *err)
{
    int r = 0;

    if (!bus->unit)
        r = bus->lib->bus_add_match_async(bus->bus, NULL,
                                          bus->direct ? JOB_MATCH : JOB_MATCH ",sender='" DESTINATION "'",
                                          on_job_removed, on_match_installed, bus);
    bus->unit = unit;
    bus->job[0] = '\0';
    return r < 0 ? bus_failed(bus, r, err) : 0;
}

/* Until the job of the reply has ended. */
static int wait_job(struct cf_sdbus *bus, const struct reply *reply, const char *verb, struct cf_err *err)
{
    const char *path;
    int r = bus->lib->message_read_basic(reply->message, 'o', &path);

    r = r == 0 ? -EBADMSG : r;
    while (r >= 0 && strcmp(bus->job, path) != 0)
        r = bus_step(bus);
    if (r < 0)
        return bus_failed(bus, r, err);
    if (strcmp(bus->result, "done") == 0 || strcmp(bus->result, "skipped") == 0)
        return 0;
    (void) cf_err_set(err, COFFER_ERROR_SYSTEM, "systemd-job", -EREMOTEIO,
                      "systemd could not %s unit `%s`: the job %s", verb, bus->unit, bus->result);
    cf_err_hint(err, "the journal tells more: journalctl -u %s", bus->unit);
    return -EREMOTEIO;
}

static int start_once(struct cf_sdbus *bus, const char *unit, const struct cf_systemd_property *properties,
                      size_t n, bool *left_out, pid_t holder, struct cf_err *err)
{
    cf_auto(cf_sdbus_message_done) struct cf_sdbus_message m = {0};
    cf_auto(reply_done) struct reply reply = {0};
    int r = new_call(bus, PATH, MANAGER, "StartTransientUnit", &m, err);

    if (r < 0)
        return r;
    r = m.lib->message_append_basic(m.m, 's', unit);
    if (r >= 0)
        r = m.lib->message_append_basic(m.m, 's', "fail");
    if (r >= 0)
        r = cf_sdbus_append_properties(&m, properties, n, left_out, holder);
    if (r >= 0)
        r = m.lib->message_open_container(m.m, 'a', "(sa(sv))");
    if (r >= 0)
        r = m.lib->message_close_container(m.m);
    if (r < 0)
        return cf_err_sys(err, r, "write the properties of unit `%s`", unit);
    r = call(bus, &m, &reply, err);
    if (r < 0)
        return r;
    r = leave_out(bus, &reply, properties, n, left_out, err);
    if (r != 0)
        return r;
    r = check_reply(bus, &reply, "start", unit, err);
    return r < 0 ? r : wait_job(bus, &reply, "start", err);
}

int cf_sdbus_start_unit(struct cf_sdbus *bus, const char *unit, const struct cf_systemd_property *properties,
                        size_t n, pid_t holder, struct cf_err *err)
{
    cf_auto_free bool *left_out = calloc(n + 1, sizeof(*left_out));
    int r = left_out ? watch_jobs(bus, unit, err) : cf_err_oom(err);

    if (r < 0)
        return r;
    for (int i = 0; i <= MAX_LEFT_OUT; i++) {
        r = start_once(bus, unit, properties, n, left_out, holder, err);
        if (r != 1)
            return r;
    }
    return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "systemd-call", -EOPNOTSUPP,
                      "systemd refuses too many properties of unit `%s`", unit);
}

/* METHOD(s unit[, s word]) */
static int simple_call(struct cf_sdbus *bus, const char *member, const char *unit, const char *word,
                       struct reply *reply, struct cf_err *err)
{
    cf_auto(cf_sdbus_message_done) struct cf_sdbus_message m = {0};
    int r = new_call(bus, PATH, MANAGER, member, &m, err);

    if (r < 0)
        return r;
    r = m.lib->message_append_basic(m.m, 's', unit);
    if (r >= 0 && word)
        r = m.lib->message_append_basic(m.m, 's', word);
    return r < 0 ? bus_failed(bus, r, err) : call(bus, &m, reply, err);
}

int cf_sdbus_stop_unit(struct cf_sdbus *bus, const char *unit, struct cf_err *err)
{
    cf_auto(reply_done) struct reply reply = {0};
    int r = watch_jobs(bus, unit, err);

    if (r == 0)
        r = simple_call(bus, "StopUnit", unit, "replace", &reply, err);
    if (r == 0)
        r = check_reply(bus, &reply, "stop", unit, err);
    return r < 0 ? r : wait_job(bus, &reply, "stop", err);
}

void cf_sdbus_reset_failed(struct cf_sdbus *bus, const char *unit)
{
    cf_auto(reply_done) struct reply reply = {0};
    struct cf_err ignored = CF_ERR_INIT;

    (void) simple_call(bus, "ResetFailedUnit", unit, NULL, &reply, &ignored);
}

int cf_sdbus_get_string(struct cf_sdbus *bus, const char *unit, const char *interface, const char *name,
                        struct cf_arena *arena, const char **ret, struct cf_err *err)
{
    cf_auto(cf_sdbus_message_done) struct cf_sdbus_message m = {0};
    cf_auto(reply_done) struct reply reply = {0};
    cf_auto_free char *path = NULL;
    const char *value;
    int r = bus->lib->path_encode("/org/freedesktop/systemd1/unit", unit, &path);

    if (r < 0)
        return bus_failed(bus, r, err);
    r = new_call(bus, path, "org.freedesktop.DBus.Properties", "Get", &m, err);
    if (r < 0)
        return r;
    r = m.lib->message_append_basic(m.m, 's', interface);
    if (r >= 0)
        r = m.lib->message_append_basic(m.m, 's', name);
    r = r < 0 ? bus_failed(bus, r, err) : call(bus, &m, &reply, err);
    if (r < 0)
        return r;
    if (bus->lib->message_get_error(reply.message))
        return -ENOENT;
    r = bus->lib->message_enter_container(reply.message, 'v', "s");
    if (r >= 0)
        r = bus->lib->message_read_basic(reply.message, 's', &value);
    if (r <= 0)
        return bus_failed(bus, r < 0 ? r : -EBADMSG, err);
    *ret = cf_arena_strdup(arena, value);
    return *ret ? 0 : cf_err_oom(err);
}

static int set_once(struct cf_sdbus *bus, const char *unit, const struct cf_systemd_property *properties,
                    size_t n, bool *left_out, struct cf_err *err)
{
    cf_auto(cf_sdbus_message_done) struct cf_sdbus_message m = {0};
    cf_auto(reply_done) struct reply reply = {0};
    const int runtime = 1;
    int r = new_call(bus, PATH, MANAGER, "SetUnitProperties", &m, err);

    if (r < 0)
        return r;
    r = m.lib->message_append_basic(m.m, 's', unit);
    if (r >= 0)
        r = m.lib->message_append_basic(m.m, 'b', &runtime);
    if (r >= 0)
        r = cf_sdbus_append_properties(&m, properties, n, left_out, 0);
    if (r < 0)
        return cf_err_sys(err, r, "write the properties of unit `%s`", unit);
    r = call(bus, &m, &reply, err);
    if (r < 0)
        return r;
    r = leave_out(bus, &reply, properties, n, left_out, err);
    return r != 0 ? r : check_reply(bus, &reply, "change", unit, err);
}

int cf_sdbus_set_properties(struct cf_sdbus *bus, const char *unit,
                            const struct cf_systemd_property *properties, size_t n, struct cf_err *err)
{
    cf_auto_free bool *left_out = calloc(n + 1, sizeof(*left_out));
    int r = left_out ? 1 : cf_err_oom(err);

    for (int i = 0; r == 1 && i <= MAX_LEFT_OUT; i++)
        r = set_once(bus, unit, properties, n, left_out, err);
    if (r == 1)
        return cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "systemd-call", -EOPNOTSUPP,
                          "systemd refuses too many properties of unit `%s`", unit);
    return r;
}

int cf_sdbus_attach(struct cf_sdbus *bus, const char *unit, pid_t pid, struct cf_err *err)
{
    cf_auto(cf_sdbus_message_done) struct cf_sdbus_message m = {0};
    cf_auto(reply_done) struct reply reply = {0};
    const uint32_t number = (uint32_t) pid;
    int r = new_call(bus, PATH, MANAGER, "AttachProcessesToUnit", &m, err);

    if (r < 0)
        return r;
    r = m.lib->message_append_basic(m.m, 's', unit);
    if (r >= 0)
        r = m.lib->message_append_basic(m.m, 's', "/");
    if (r >= 0)
        r = m.lib->message_append_array(m.m, 'u', &number, sizeof(number));
    r = r < 0 ? bus_failed(bus, r, err) : call(bus, &m, &reply, err);
    return r < 0 ? r : check_reply(bus, &reply, "attach", unit, err);
}
