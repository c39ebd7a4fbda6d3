/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The work directory of an overlay that is made anew, and who has it. Host side. */

#include "base/err.h"

/**
 * cf_overlay_work_claim() - a fresh work directory inside @work_fd, which is that of the mount that was found
 * @owner: absolute path that exists as long as the container does
 * Return: fd, or negative errno with err. Code: overlay-shared.
 */
int cf_overlay_work_claim(int work_fd, const char *name, const char *owner, struct cf_err *err);
