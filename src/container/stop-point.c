/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stop points of test builds (stop-point.h): COFFER_TEST_STOP_AT names one, the process stops. */

#include "container/stop-point.h"

#ifdef CF_STOP_POINTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "sys/task.h"

void cf_stop_point(const char *name)
{
    const char *wanted = getenv("COFFER_TEST_STOP_AT");

    if (wanted && strcmp(wanted, name) == 0)
        (void) cf_sys_kill(cf_sys_getpid(), SIGSTOP);
}

#else

typedef int cf_stop_points_are_off; /* an empty translation unit is not ISO C */

#endif
