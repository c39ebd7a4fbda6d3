/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* --help, made from the tables of options and commands. Pure. */

#include "cli/args.h"

struct cmd;
struct text;

/** Help of the whole program. */
void help_global(struct text *out, const struct arg_option *options);
/** Help of one command. */
void help_command(struct text *out, const struct cmd *cmd);
