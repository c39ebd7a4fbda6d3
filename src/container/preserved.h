/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Descriptors of the caller that the container's process is to have. Host side. */

#include "base/err.h"

/**
 * cf_preserved_check() - may a container have these?
 * @n: so many from 3 on
 * A directory is a way out of the root file system, and one that is only a place (O_PATH) may stand for anything
 * that has a path: both are refused (rule R22), before anything exists.
 * Return: 0, or negative errno with err filled.
 */
int cf_preserved_check(unsigned int n, struct cf_err *err);
