/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* `coffer doctor`: every check of this folder in order. Host side. */

#include "doctor/report.h"

/** Return: 0 with *@ret, to be released with cf_report_free(); or a negative errno. */
int cf_doctor_run(const struct coffer_doctor_options *options, struct cf_report **ret, struct cf_err *err);
