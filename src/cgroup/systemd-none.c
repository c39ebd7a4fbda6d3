/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A build without libsystemd: the manager is refused when it is asked for. Host side. */

#include <errno.h>

#include "cgroup/systemd-internal.h"

struct cf_sdbus {
    int unused;
};

static int not_built(struct cf_err *err)
{
    (void) cf_err_set(err, COFFER_ERROR_UNSUPPORTED, "systemd-not-built", -EOPNOTSUPP,
                      "this coffer was built without the systemd cgroup manager");
    cf_err_hint(
        err, "install the headers of libsystemd (package libsystemd-dev or systemd-devel) and build again");
    return -EOPNOTSUPP;
}

int cf_sdbus_open(const char *address, struct cf_sdbus **ret, struct cf_err *err)
{
    return not_built(err);
}

void cf_sdbus_close(struct cf_sdbus *bus)
{
}

int cf_sdbus_start_unit(struct cf_sdbus *bus, const char *unit, const struct cf_systemd_property *properties,
                        size_t n, pid_t holder, struct cf_err *err)
{
    return not_built(err);
}

int cf_sdbus_stop_unit(struct cf_sdbus *bus, const char *unit, struct cf_err *err)
{
    return not_built(err);
}

void cf_sdbus_reset_failed(struct cf_sdbus *bus, const char *unit)
{
}

int cf_sdbus_get_string(struct cf_sdbus *bus, const char *unit, const char *interface, const char *name,
                        struct cf_arena *arena, const char **ret, struct cf_err *err)
{
    return not_built(err);
}

int cf_sdbus_set_properties(struct cf_sdbus *bus, const char *unit,
                            const struct cf_systemd_property *properties, size_t n, struct cf_err *err)
{
    return not_built(err);
}

int cf_sdbus_attach(struct cf_sdbus *bus, const char *unit, pid_t pid, struct cf_err *err)
{
    return not_built(err);
}
