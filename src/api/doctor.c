/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* coffer/doctor.h: the border. */

#include "coffer/doctor.h"

#include <errno.h>

#include "api/api.h"
#include "base/own.h"
#include "doctor/doctor.h"

const char *coffer_doctor_verdict_name(uint32_t verdict)
{
    static const char *const names[] = {
        [COFFER_DOCTOR_OK] = "ok",
        [COFFER_DOCTOR_NOTE] = "note",
        [COFFER_DOCTOR_WARNING] = "warning",
        [COFFER_DOCTOR_PROBLEM] = "problem",
    };

    return verdict < sizeof(names) / sizeof(names[0]) ? names[verdict] : "unknown";
}

static int doctor(const struct coffer_doctor_options *options,
                  int (*each)(void *userdata, const struct coffer_doctor_finding *finding), void *userdata,
                  struct cf_err *err)
{
    cf_auto(cf_report_freep) struct cf_report *report = NULL;
    struct coffer_doctor_finding finding;
    struct coffer_doctor_options o;
    int r;

    r = cf_api_options(options, sizeof(o), &o, err);
    if (r < 0)
        return r;
    if (o.root && o.root[0] != '/')
        return cf_err_set(err, COFFER_ERROR_ARGUMENT, "root-relative", -EINVAL,
                          "the state directory must be an absolute path");
    r = cf_doctor_run(&o, &report, err);
    for (size_t i = 0; r >= 0 && i < cf_report_count(report); i++) {
        if (!cf_report_get(report, i, &finding))
            return cf_err_oom(err);
        r = each(userdata, &finding);
        if (r)
            return r;
    }
    return r;
}

int coffer_doctor(const struct coffer_doctor_options *options,
                  int (*each)(void *userdata, const struct coffer_doctor_finding *finding), void *userdata,
                  coffer_error **err)
{
    struct cf_err e = CF_ERR_INIT;
    int r = doctor(options, each, userdata, &e);

    return r < 0 && e.kind != COFFER_ERROR_NONE ? cf_api_error(&e, err) : r;
}
