/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/** Number of a signal: "9", "KILL", "sigkill", "RTMIN+3"; 0 tests. Pure. Return: 0..64, -EINVAL. */
int signal_parse(const char *text);
