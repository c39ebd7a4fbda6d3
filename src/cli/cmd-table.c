/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The only list of commands. */

#include <string.h>

#include "cli/cmd.h"
#include "cli/cmds.h"

const struct cmd *const cmd_table[] = {
    &cmd_create, &cmd_start, &cmd_run,  &cmd_exec, &cmd_state,    &cmd_kill, &cmd_delete,
    &cmd_pause,  &cmd_resume, &cmd_update, &cmd_mounts,
    &cmd_list,   &cmd_ps,    &cmd_events, &cmd_audit, &cmd_whois, &cmd_spec, &cmd_plan, &cmd_features,
    &cmd_doctor, NULL,
};

const struct cmd *cmd_find(const char *name)
{
    for (size_t i = 0; cmd_table[i]; i++)
        if (strcmp(cmd_table[i]->name, name) == 0)
            return cmd_table[i];
    return NULL;
}
