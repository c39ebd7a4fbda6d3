/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* init/gate.c: which signals end a container that waits for start. */

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <signal.h>

#include "init/init-internal.h"

struct row {
    int signo;
    int ends;
};

ParameterizedTestParameters(init_gate, signal_table)
{
    static struct row rows[] = {
        {0, 0},        {-1, 0},       {65, 0},       {SIGHUP, 1},  {SIGINT, 1},  {SIGQUIT, 1},
        {SIGTERM, 1},  {SIGKILL, 1},  {SIGUSR1, 1},  {SIGUSR2, 1}, {SIGPIPE, 1}, {SIGALRM, 1},
        {SIGSTKFLT, 1}, {SIGIO, 1},   {SIGPWR, 1},   {SIGSYS, 1},  {SIGXCPU, 1}, {32, 1},
        {33, 1},       {34, 1},       {64, 1},       {SIGCHLD, 0}, {SIGCONT, 0}, {SIGURG, 0},
        {SIGWINCH, 0}, {SIGSTOP, 0},  {SIGTSTP, 0},  {SIGTTIN, 0}, {SIGTTOU, 0},
    };

    return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *row, init_gate, signal_table)
{
    cr_expect(eq(int, cf_gate_child_ends(row->signo), row->ends), "signal %d", row->signo);
}
