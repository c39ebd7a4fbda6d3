/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COFFER_H
#define COFFER_H

/*
 * libcoffer: run OCI containers.
 *
 *     coffer_runtime -> coffer_container
 *
 * A handle is used by one thread at a time; different handles are independent. The library changes
 * nothing process-wide in its caller: no umask, working directory, environment, signal mask.
 * Everything returned by the library as text is released with coffer_free().
 */

#include "coffer/audit.h"
#include "coffer/container.h"
#include "coffer/doctor.h"
#include "coffer/error.h"
#include "coffer/exec.h"
#include "coffer/features.h"
#include "coffer/log.h"
#include "coffer/runtime.h"

#endif
