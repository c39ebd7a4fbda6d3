/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Each of these is defined in the file of its name and listed in cmd-table.c. */

#include "cli/cmd.h"

extern const struct cmd cmd_audit;
extern const struct cmd cmd_create;
extern const struct cmd cmd_delete;
extern const struct cmd cmd_doctor;
extern const struct cmd cmd_events;
extern const struct cmd cmd_exec;
extern const struct cmd cmd_features;
extern const struct cmd cmd_kill;
extern const struct cmd cmd_list;
extern const struct cmd cmd_mounts;
extern const struct cmd cmd_pause;
extern const struct cmd cmd_plan;
extern const struct cmd cmd_ps;
extern const struct cmd cmd_resume;
extern const struct cmd cmd_run;
extern const struct cmd cmd_spec;
extern const struct cmd cmd_start;
extern const struct cmd cmd_state;
extern const struct cmd cmd_update;
extern const struct cmd cmd_whois;
